"""The panes of a cluster's screen: where they stand, which are open, and where the focus is.

The screen tells them what to show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.reactive import reactive
from textual.widget import Widget

from raytui.core.condition import Condition
from raytui.core.errors import Problem, RaytuiError
from raytui.core.platforms import traits
from raytui.core.session import ConsoleSettings, Session
from raytui.tui.faults import unforeseen
from raytui.tui.keys import Key, verb_keys, written
from raytui.tui.messages import LogWished
from raytui.tui.operation import Notice, Operation
from raytui.tui.panes.attention import AttentionPane, EventsPane
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.nodes import NodesPane
from raytui.tui.panes.steps import StepsPane
from raytui.tui.theme import sheet
from raytui.view.attention import log_of, wish_of
from raytui.view.picture import Picture

if TYPE_CHECKING:
    from raytui.tui.panes.capacity import CapacityPane
    from raytui.tui.panes.config import ConfigPane
    from raytui.tui.widgets.heat_map import HeatMap
    from raytui.tui.widgets.prompt import Prompt

WIDE = 120
"""Columns from which capacity has a place of its own."""
TALL = 34
"""Lines from which what changed lately has one."""
AWAY_S = 180.0
"""Seconds without a key after which somebody who comes back is shown what is new."""


class ClusterBody(Vertical):
    """Applications, the running operation, what needs attention, the log.

    Configuration and events when they are needed.
    """

    DEFAULT_CSS = sheet(__file__)

    session: reactive[Session | None] = reactive(None, repaint=False)
    picture: reactive[Picture | None] = reactive(None, repaint=False)
    latest: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)
    stale: reactive[bool] = reactive(False, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    operation: reactive[Operation | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)

    def __init__(self, settings: ConsoleSettings, keys: tuple[Key, ...]) -> None:
        super().__init__(id="body")
        self._settings = settings
        self._keys = keys
        self._verbs = verb_keys(keys)
        self.has_form = not traits(settings.platform).is_watched
        """Whether there is anything to configure: a cluster that is only watched has nothing."""
        self._config: ConfigPane | None = None
        self._prompt: Prompt | None = None
        self._events: EventsPane | None = None
        self._capacity: CapacityPane | None = None
        self._looked_at = 0.0
        self._came_from = ""
        self.nodes = NodesPane("" if settings.read_only else written("start", keys))
        self.attention = AttentionPane(self._verbs)
        self.logs = LogsPane(self._verbs)

    def compose(self) -> ComposeResult:
        """The first view only; configuration, events and prompts are mounted when they are needed."""
        yield self.nodes.data_bind(ClusterBody.picture, ClusterBody.stale)
        yield StepsPane(self._verbs, written("dismiss", self._keys)).data_bind(ClusterBody.operation, ClusterBody.now)
        with Horizontal(id="middle"), Vertical(id="words"):
            yield self.attention.data_bind(ClusterBody.picture, ClusterBody.notice)
        yield self.logs.data_bind(ClusterBody.session, picture=ClusterBody.latest)

    @property
    def place(self) -> str:
        """Where the focus is, by the places of the table of keys."""
        focused = self.screen.focused
        for node in focused.ancestors_with_self if focused is not None else ():
            if node is self.nodes:
                return "table"
            if node is self.attention:
                return "attention"
            if node is self.logs:
                return "logs"
            if node is self._config:
                return "config"
        return "cluster"

    def filter(self) -> None:
        """Ask for a filter of the pane that has the focus."""
        if self.place == "logs":
            self._ask("Filter log", self.logs.filter, self.logs.view)
        else:
            self._ask("Filter applications", self.nodes.filter, self.nodes.table)

    def find(self, apply: Callable[[str], object]) -> None:
        """Ask for what is to be found in the log."""
        self._ask("Search log", apply, self.logs.view, at_once=False)

    def toggle_events(self) -> None:
        """Show what changed lately in place of what needs attention, or that again."""
        self._mount_events()
        self.toggle_class("-events")

    def toggle_config(self) -> None:
        """Go to the form, or back from it."""
        config = self._mount_config()
        if self.place == "config":
            self.close_config()
        else:
            self.add_class("-config")
            config.call_after_refresh(config.enter)

    def close_config(self) -> None:
        """Close the form where it covers other panes, and leave it where it does not."""
        if self.has_class("-config") or self.place == "config":
            self.remove_class("-config")
            self.nodes.table.focus()

    def close_nearest(self) -> bool:
        """Close the nearest thing that is open, one at a time; false when there is none."""
        if self._prompt is not None and self._prompt.is_attached:
            self._prompt.close()
        elif self.has_class("-config") or self.place == "config":
            self.close_config()
        elif self.has_class("-events"):
            self.remove_class("-events")
        else:
            return False
        return True

    def drop_filters(self) -> None:
        """Show every row and every line again; from a log whose lines are all shown, go back to where one came from."""
        if self.place == "logs" and not self.nodes.is_filtered and not self.logs.is_filtered:
            back = self.attention.body if self._came_from == "attention" else self.nodes.table
            (back if back.can_focus else self.nodes.table).focus()
            return
        self.nodes.filter("")
        self.logs.filter("")

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Show what the platform found wrong with the spec of the form."""
        if self._config is not None:
            self._config.refuse(problems)

    def fill(self, width: int) -> None:
        """Mount what has a place of its own at this size."""
        if not self.is_attached:
            return
        if self.app.size.height >= TALL:
            self._mount_events()
        if width >= WIDE:
            self._mount_capacity()

    def looked(self, now: float) -> None:
        """Somebody looks: a key was pressed, or the terminal came to the front or left it."""
        self._away(now)
        self._looked_at = now

    def _away(self, now: float) -> None:
        """Remember until when somebody looked, once that is a while ago."""
        if self._looked_at and now - self._looked_at > AWAY_S and self._events is not None:
            self._events.seen_until = self._looked_at

    def _watch_now(self, now: float) -> None:
        if not self._looked_at:
            self._looked_at = now
        self._away(now)

    def on_heat_map_node_chosen(self, message: HeatMap.NodeChosen) -> None:
        """Go from the map to the row of a node."""
        message.stop()
        self.nodes.table.put_cursor(message.key)
        self.nodes.table.focus()

    @on(NodesPane.LogWanted)
    def _log_wanted(self, message: NodesPane.LogWanted) -> None:
        message.stop()
        self._open_log(message.name)

    def _open_log(self, name: str, *, at_error: bool = False) -> None:
        """Show a log, at its last error where that is what matters."""
        self._came_from = self.place if self.place != "logs" else self._came_from
        self.logs.open(name, at_error=at_error)
        self.logs.view.focus()

    @on(LogsPane.Silence)
    def _log_silent(self, message: LogsPane.Silence) -> None:
        message.stop()
        self.set_class(message.is_silent, "-silent")

    @on(AttentionPane.LogWanted)
    def _cause_log_wanted(self, message: AttentionPane.LogWanted) -> None:
        message.stop()
        self._log_of_condition(message.condition)

    def _log_of_condition(self, condition: Condition) -> None:
        """Show the log that tells of it at its last error, where one of many things writes it at the place meant."""
        picture = self.picture
        name = log_of(picture, condition) if picture is not None else ""
        wish = wish_of(picture, condition) if picture is not None else None
        if wish is not None:
            self.post_message(LogWished(wish, condition.subject))
        elif name:
            self._open_log(name, at_error=True)
        else:
            self.app.notify(f"no log tells of {condition.subject}", timeout=3, markup=False)

    @on(AttentionPane.StoryWanted)
    def _story_wanted(self, message: AttentionPane.StoryWanted) -> None:
        message.stop()
        if self.session is not None and self.picture is not None:
            story = self._tell_story(self.session, self.picture, message.condition)
            self.run_worker(story, group="story", exclusive=True, exit_on_error=False)

    async def _tell_story(self, session: Session, picture: Picture, condition: Condition) -> None:
        from raytui.tui.screens.story import LOG, StoryScreen

        log = log_of(picture, condition)
        screen = StoryScreen(condition, self._verbs, lambda: self.now, log)

        def left(chosen: str | None) -> None:
            if chosen == LOG:
                self._log_of_condition(condition)

        await self.app.push_screen(screen, left)
        try:
            await screen.ask(session, picture)
        except RaytuiError:
            # What a condition is about need not be a thing that can die: its own words are all there is then.
            screen.say("nothing more is known of it")
        except Exception as error:  # noqa: BLE001 - boundary: a story that cannot be known must not end the console
            screen.say(unforeseen(error))

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        # A prompt is of none of the panes: the log keeps its room while somebody types what to look for in it.
        if self.place != "cluster":
            self.set_class(self.place == "logs", "-reading")

    @on(events.Resize)
    def _resized(self) -> None:
        self.fill(self.app.size.width)

    def _watch_picture(self, picture: Picture | None) -> None:
        """What was mounted later gets it here; the rest is bound."""
        calm = picture is not None and not picture.assessment.conditions
        # Where nothing needs attention there is room for what changed.
        self.set_class(calm and picture is not None and bool(picture.events), "-calm")
        if self.has_class("-calm"):
            self._mount_events()
        for pane in (self._config, self._events, self._capacity):
            if pane is not None:
                pane.picture = picture

    def _watch_notice(self, notice: Notice | None) -> None:
        """What the console has to say is shown even where the form covers its pane."""
        self.set_class(notice is not None, "-noticed")

    def _ask(self, label: str, apply: Callable[[str], object], back: Widget, *, at_once: bool = True) -> None:
        from raytui.tui.widgets.prompt import Purpose, ask

        if self._prompt is None or not self._prompt.is_attached:
            self._prompt = ask(self, Purpose(label, apply, back, at_once))

    def _mount_config(self) -> ConfigPane:
        if self._config is None:
            from raytui.tui.panes.config import ConfigPane

            self._config = ConfigPane(self._settings, self._keys)
            self._config.set_reactive(ConfigPane.picture, self.picture)
            self.mount(self._config, before="#middle")
        return self._config

    def _mount_events(self) -> None:
        if self._events is None:
            self._events = EventsPane()
            self._events.set_reactive(EventsPane.picture, self.picture)
            self.query_one("#words").mount(self._events)

    def _mount_capacity(self) -> None:
        if self._capacity is None:
            from raytui.tui.panes.capacity import CapacityPane

            self._capacity = CapacityPane()
            self._capacity.set_reactive(CapacityPane.picture, self.picture)
            self.query_one("#middle").mount(self._capacity)
