"""The console as a whole: themes, keys of one's own, the palette, a mode for each cluster, and the way out.

And `run`, its entry.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from textual import events, on
from textual.binding import BindingType
from textual.driver import Driver
from textual.filter import LineFilter
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from raytui.core.clusters import Entry, Opened
from raytui.core.errors import NotFound
from raytui.core.session import ConsoleSettings, Session
from raytui.core.units import sanitize
from raytui.manager.probes import Probed
from raytui.tui.clusters import FIRST_MODE, Clusters, Tab
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.glyphs import AsciiGlyphs, to_ascii
from raytui.tui.keys import AMONG_SEVERAL, Key, bindings, table
from raytui.tui.messages import ClusterWanted
from raytui.tui.offers import Command
from raytui.tui.operation import Notice
from raytui.tui.panes.tabs import TabsBar, bar_of
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.tabs import TabMark
from raytui.tui.render.text import clean
from raytui.tui.screens.cluster import ClusterScreen
from raytui.tui.screens.over import OverCluster
from raytui.tui.terminal import TerminalDriver, on_end, screen_file
from raytui.tui.theme import THEMES
from raytui.tui.typed_ahead import OrderedKeys
from raytui.view.things import things
from raytui.view.words import needs_ascii

if TYPE_CHECKING:
    from textual.command import Provider

    from raytui.config.settings import Settings
    from raytui.manager.alarm import Alarm


def _commands() -> type[Provider]:
    """The palette's only source, imported when the palette is first opened."""
    from raytui.tui.commands import ConsoleCommands

    return ConsoleCommands


def _unknown() -> Opened:
    """A cluster that nobody can open."""
    raise NotFound("no such cluster is known here")


class RaytuiApp(OrderedKeys):
    """A shell around the screens of clusters. Its result is a sentence to print after it has closed."""

    TITLE = "raytui"
    CSS = "CommandPalette SearchIcon { display: none; }"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_commands}
    BINDINGS: ClassVar[list[BindingType]] = bindings("anywhere")

    DEFAULT_MODE = FIRST_MODE
    tabs: reactive[tuple[TabMark, ...]] = reactive((), repaint=False)
    """The clusters as the line above the verdict shows them; one alone has no line."""

    def __init__(
        self,
        settings: ConsoleSettings,
        open_session: Callable[[], Session],
        *,
        clock: Callable[[], float] = time.time,
        ascii_only: bool | None = None,
        own: Opened | None = None,
        others: Sequence[Entry] = (),
    ) -> None:
        """`own` is the cluster of the settings as one of several; without it platforms are not asked for further ones.

        `others` are looked at beside it.
        """
        super().__init__()
        self.animation_level = "none"
        self.settings = settings
        self.keys = table(settings.keys)
        self._clock = clock
        self._searches = own is not None
        name = settings.profile_name
        own = own or Opened(settings, open_session, settings.cluster.name, lambda one: Entry(one, name, _unknown))
        place = Probed(Entry(name, name, _unknown), clock, Opened(settings, open_session, own.identity, own.named))
        self._clusters = Clusters(place, others, clock, self._clusters_changed, self._alarm)
        pair = [key.in_bar for key in self.keys if key.id == "next-cluster"]
        self.tab_keys = f"{pair[0]} next" if pair else ""
        self.set_reactive(RaytuiApp.tabs, self._clusters.marks)
        self._glyphs = AsciiGlyphs(enabled=needs_ascii(screen_file().encoding) if ascii_only is None else ascii_only)
        self._leaving = self._ending = self._returns = False
        for theme, _ in THEMES.values():
            self.register_theme(theme)
        self.theme = THEMES.get(settings.theme, THEMES["dark"])[0].name
        self.set_keymap(settings.keys)
        self.fault: Exception | None = None
        """What nobody foresaw and the console ended with."""

    @property
    def cluster(self) -> ClusterScreen:
        """The screen of the cluster that is shown, below whatever stands over it."""
        base = self.screen_stack[0]
        assert isinstance(base, ClusterScreen)
        return base

    def get_default_screen(self) -> ClusterScreen:
        """The first mode: the cluster of the settings."""
        return self._made(self._clusters.front, self.settings)

    def new_cluster(self, tab: Tab, settings: ConsoleSettings) -> ClusterScreen:
        """A screen for a cluster."""
        return ClusterScreen(settings, tab.place.session, clock=self._clock, keys=self.keys, mode=tab.mode)

    def _made(self, tab: Tab, settings: ConsoleSettings) -> ClusterScreen:
        made = tab.screen = self.new_cluster(tab, settings)
        self.watch(made, "latest", partial(self._clusters.saw, tab), init=False)
        self.watch(made, "trouble", partial(self._clusters.failed, tab), init=False)
        self.watch(made, "stale", self._clusters_changed, init=False)
        return made

    def _clusters_changed(self) -> None:
        self.tabs = self._clusters.marks
        if len(self.tabs) > 1 and self.screen_stack:
            shown = isinstance(self.screen, OverCluster) and self.screen.shows_clusters
            self.cluster.tell_beside(self._clusters.looks, shown=shown)

    def _watch_tabs(self, tabs: tuple[TabMark, ...]) -> None:
        """Screens that are there before a second cluster was found get the line now."""
        stacks = [self.get_screen_stack(tab.mode) for tab in self._clusters.tabs if tab.screen is not None]
        for screen in (
            screen for stack in stacks for screen in stack if isinstance(screen, ClusterScreen | OverCluster)
        ):
            bars = screen.query(TabsBar)
            if len(tabs) > 1 and not bars:
                screen.mount(*bar_of(self), before=0)
            elif len(tabs) < 2:
                bars.remove()

    def open_cluster(self, name: str) -> None:
        """Bring the cluster of that name to the front, where a name stands for one; the others are put in order."""
        tab = self._clusters.named(name)
        if tab is not None:
            self._clusters.put_in_order()
            self.run_worker(self._bring(tab), group="clusters in front", exclusive=True, exit_on_error=False)

    def _action_turn(self, step: int) -> None:
        tab = self._clusters.beside(step)
        if tab is not self._clusters.front:
            self.run_worker(self._bring(tab), group="clusters in front", exclusive=True, exit_on_error=False)

    async def _bring(self, tab: Tab) -> None:
        """Show a cluster's screen, as it was left; the one that is left is watched no longer."""
        before = self._clusters.front
        if tab.screen is None or not tab.is_read:
            settings = await tab.settings(self.settings)
            if tab.screen is not None and tab.is_read:
                await tab.screen.end()
                tab.place.forget()
                tab.screen, tab.mode = None, self._clusters.new_mode()
            if tab.screen is None:
                self.add_mode(tab.mode, partial(self._made, tab, settings))
        if tab is before and self.current_mode == tab.mode:
            return
        if not self._returns:
            self._returns = True
            # Its screen is Textual's default one, to which there is no way back without a name.
            self.add_mode(FIRST_MODE, self.get_default_screen)
        self._clusters.front = tab
        there = tab.screen
        await self.switch_mode(tab.mode)
        if before.screen is not None and before is not tab:
            before.screen.rest()
        if there is not None:
            there.wake()
        self._clusters_changed()
        for bar in self.screen.query(VerdictBar):
            self._tell_title(bar.title)

    @on(ClusterWanted)
    def _cluster_wanted(self, message: ClusterWanted) -> None:
        self.open_cluster(message.name)

    def _alarm(self) -> Alarm:
        from raytui.manager.alarm import Alarm

        return Alarm(self.bell, self._alarm_failed)

    def _alarm_failed(self, sentence: str) -> None:
        """A command that is to tell of changes failed."""
        self.cluster.notice = Notice("warning", sentence, "try it by hand, or mend notify in the profile")

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's, and ASCII in place of glyphs where the terminal needs it."""
        filters = super().get_line_filters()
        return [*filters, self._glyphs] if self._glyphs.enabled else filters

    def get_driver_class(self) -> type[Driver]:
        """Textual's driver, on a terminal that may go away."""
        return TerminalDriver

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """Textual's, with only what differs from what stands there written."""
        if isinstance(self._driver, TerminalDriver):
            renderable = self._driver.shortened(renderable, self.size)
        super()._display(screen, renderable)

    def commands(self) -> Iterable[Command]:
        """What the palette offers on every screen."""
        from raytui.view.tables.registry import TABLES

        written = {key.does.action: f"key {key.written}" for key in self.keys}
        for kind in TABLES.values():
            go = partial(self._action_go, kind.name)
            yield Command(kind.name, ", ".join(filter(None, (kind.title, written.get(f"go('{kind.name}')")))), go)
        for mark in self.tabs if len(self.tabs) > 1 else ():
            yield Command(mark.name, f"cluster {mark.shape}", partial(self.open_cluster, mark.name))
        back = written["go('cluster')"]
        yield Command("cluster", f"Back to the cluster, {back}", partial(self.cluster.go, "cluster"))
        for key in self.keys:
            if key.does.palette and "anywhere" in key.where:
                yield Command(key.tooltip, f"key {key.written}", partial(self.run_action, key.does.action))
        for name, (theme, words) in THEMES.items():
            use = partial(setattr, self, "theme", theme.name)
            yield Command(f"Theme {name}", f"{words}, until the console is closed", use)

    def named(self, typed: str, alike: Callable[[str], bool]) -> list[Command]:
        """Things of the cluster by id or name, each as the way to its row."""
        picture = self.cluster.latest
        found = things(picture, typed, alike) if picture is not None else []
        return [
            Command(clean(one.name), f"{one.state}, in {one.kind}", partial(self.cluster.go, one.kind, one.key))
            for one in found
        ]

    async def on_event(self, event: events.Event) -> None:
        """Every cluster learns of whatever shows that somebody looks."""
        if isinstance(event, events.Key | events.MouseDown | events.AppFocus | events.AppBlur):
            front = self._clusters.front.screen
            if front is not None:
                front.body.looked(self._clock())
        await super().on_event(event)

    def action_quit(self) -> None:  # type: ignore[override]  # Textual's may be awaited, and need not be
        """Textual's own way out asks too."""
        self._action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C leaves, as everywhere."""
        self._action_leave()

    @on(VerdictBar.TitleChanged)
    def _title_changed(self, message: VerdictBar.TitleChanged) -> None:
        # A screen may be gone before its last word comes.
        if message.bar.is_attached and message.bar.screen in self.screen_stack:
            self._tell_title(message.title)

    def _tell_title(self, title: str) -> None:
        if title and isinstance(self._driver, TerminalDriver):
            self._driver.tell_title(to_ascii(title) if self._glyphs.enabled else title)

    def action_command_palette(self) -> None:
        """Open the palette, once."""
        from raytui.tui.commands import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def _action_go(self, kind: str) -> None:
        if kind == "clusters":
            self._clusters.put_in_order()
            self.cluster.tell_beside(self._clusters.looks, shown=True)
        self.cluster.go(kind)

    def _action_help(self) -> None:
        from raytui.tui.screens.help import HelpScreen

        shown = self.screen
        place = shown.body.place if isinstance(shown, ClusterScreen) else getattr(shown, "place", "")
        self.push_screen(HelpScreen([key for key in self.keys if self._offers(key)], place))

    def _offers(self, key: Key) -> bool:
        return self.cluster.offers(key) and (len(self.tabs) > 1 or key.id not in AMONG_SEVERAL)

    def _action_leave(self) -> None:
        self.run_worker(self._leave(), group="leave", exit_on_error=False)

    @on(events.Mount)
    def _mounted(self) -> None:
        on_end(self._asked_to_end)
        # The first frame waits for nobody but the cluster in front.
        self.call_after_refresh(self._begin_beside)

    def _begin_beside(self) -> None:
        if len(self.tabs) > 1 or self._searches:
            run = partial(self.run_worker, group="clusters", exit_on_error=False)
            self._clusters.begin(run, searches=self._searches)

    def _handle_exception(self, error: Exception) -> None:
        self.fault = self.fault or error
        super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Close without Textual's own traceback: it prints the values of variables.

        Whoever runs the app reports `fault` instead.
        """
        self._close_messages_no_wait()

    @on(Worker.StateChanged)
    def _worker_changed(self, message: Worker.StateChanged) -> None:
        """Boundary: a way out that broke off is reported, and can be tried again."""
        if message.state is WorkerState.ERROR and isinstance(message.worker.error, Exception):
            self._leaving = self._ending = False
            sentence = f"{message.worker.group} broke off: {unforeseen(message.worker.error)}"
            self.cluster.notice = Notice("error", sentence, REPORT)

    async def _leave(self) -> None:
        if self._leaving:
            return
        self._leaving = True
        for cluster in [tab.screen for tab in self._clusters.tabs if tab.screen is not None]:
            operation = cluster.operation
            if operation is not None and operation.is_running:
                from raytui.tui.screens.leave import LEAVE, LeaveScreen

                if await self.push_screen_wait(LeaveScreen(operation.plan)) != LEAVE:
                    self._leaving = False
                    return
        await self._end()

    def _asked_to_end(self) -> None:
        """The terminal went away or somebody ended us.

        There is nobody to ask, so what runs is interrupted and undone.
        """
        if not self._ending:
            self._leaving = self._ending = True
            self._begin_batch()  # nothing is drawn any more
            self.run_worker(self._end(), group="leave", exit_on_error=False)

    async def _end(self) -> None:
        """Let every cluster interrupt what runs and let go, then close with a sentence about what exists now."""
        self.workers.cancel_group(self, "clusters")
        said = await self._clusters.close()
        self.exit("; ".join(sentence for sentence in said if sentence))


def run(settings: Settings) -> int:
    """Open the console on a profile and answer the exit code.

    Refuses a terminal that it cannot draw on, with one sentence.

    Raises whatever fault of its own ended the console.
    """
    if os.environ.get("TERM", "") in {"", "dumb"}:
        sys.stderr.write(
            "raytui: this terminal cannot show the console (TERM=dumb); raytui status and raytui watch work here\n"
        )
        return 2

    from raytui import bootstrap

    def open_session() -> Session:

        return bootstrap.open_session(settings, long_lived=True)

    return show(RaytuiApp(settings, open_session, own=bootstrap.opened(settings), others=bootstrap.beside(settings)))


def show(app: RaytuiApp, *, headless: bool = False) -> int:
    """Run the console to its end and answer the exit code.

    Raises what nobody foresaw, for the command line's last boundary to report.
    """
    said = app.run(headless=headless)
    if app.fault is not None:
        raise app.fault
    if said:
        sys.stderr.write(f"raytui: {sanitize(said)}\n")
    return 0
