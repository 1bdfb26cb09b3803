"""One log in full: that of the row from which one came, at its end."""

from __future__ import annotations

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget

from raytui.core.errors import RaytuiError
from raytui.core.remedy import Hint
from raytui.core.session import Session
from raytui.tui.faults import unforeseen
from raytui.tui.keys import bar, bindings, verb_keys
from raytui.tui.operation import Notice
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.tabs import bar_of
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.over import OverCluster
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.prompt import Prompt, Purpose
from raytui.view.picture import Picture
from raytui.view.related import LogWish, log_names


class LogScreen(OverCluster):
    """The log of one thing. Which file that is, Ray is asked where only the process is known."""

    DEFAULT_CSS = sheet(__file__)
    AUTO_FOCUS = "#log-view"
    BINDINGS = bindings("log")

    def __init__(self, calls: RowCalls, wish: LogWish, of: str) -> None:
        """`of` says in a few words whose log it is."""
        super().__init__(calls)
        self.logs = LogsPane(verb_keys(calls.keys))
        self._wish = wish
        self._of = of
        self._places = PlacesBar(calls.keys, "log")
        self._key_bar = KeyBar()
        self._prompt: Prompt | None = None
        self._begun = False

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, the log, keys."""
        mine = LogScreen
        yield from bar_of(self.app)
        yield VerdictBar(self.calls.names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        yield self.said
        # Its own first log is that of the head: it is told of the cluster when it is known which one is wanted.
        yield self.logs
        yield self._key_bar

    def show_keys(self) -> None:
        """Show the keys that work here."""
        keys = [key.named("back") if key.id == "dismiss" else key for key in bar("log", self.calls.keys)]
        self._key_bar.show([key for key in keys if key.id != "next" or self.logs.view.is_searching])

    @on(events.Mount)
    def _mounted(self) -> None:
        self.show_keys()
        self.logs.rule.tell(f"Logs · {self._of}", "waiting for the cluster")
        self._begin()

    def _begin(self) -> None:
        """Look for the log as soon as there is somebody to ask and something to ask about."""
        if self.is_mounted and not self._begun and self.session is not None and self.picture is not None:
            self._begun = True
            opening = self._open(self.session, self.picture)
            self.run_worker(opening, group="log", exit_on_error=False)

    async def _open(self, session: Session, picture: Picture) -> None:
        """Find the log and show it, or say why there is none."""
        self.logs.rule.tell(f"Logs · {self._of}", "asking which file it is")
        name = self._wish.name
        try:
            if self._wish.pid:
                name = await self._file(session, picture)
        except RaytuiError as error:
            self._fail(f"the log of {self._of} cannot be found: {error.message}", error.hint)
            name = ""
        except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be found must not end the console
            self._fail(f"the log of {self._of} cannot be found: {unforeseen(error)}")
            name = ""
        self.logs.set_reactive(LogsPane.session, session)
        self.logs.set_reactive(LogsPane.picture, self.picture)
        if name:
            self.logs.open(name)
            self.logs.view.focus()

    async def _file(self, session: Session, picture: Picture) -> str:
        """The name of the process's own log; empty when there is none, which is said."""
        found = await session.logs.sources(picture.snapshot, self._wish.name)
        names = log_names(self._wish, tuple(source.name for source in found))
        if not names:
            hint = "Ray removes old files, and gives none of a node that has ended; l lists what there is"
            self._fail(f"there is no log of process {self._wish.pid} on {self._wish.name}", hint)
        return names[0] if names else ""

    def _fail(self, sentence: str, hint: Hint = "") -> None:
        self.logs.rule.tell(f"Logs · {self._of}", "no log")
        self.calls.say(Notice("warning", sentence, hint))

    def _watch_session(self) -> None:
        if self.session is None and self._begun:
            self.logs.session = None
        self._begin()

    def _watch_picture(self) -> None:
        self._begin()
        if self.is_mounted and self.logs.source:
            self.logs.picture = self.picture

    def _action_filter(self) -> None:
        self._ask("Filter log", self.logs.filter, self.logs.view)

    @on(LogsPane.FindWanted)
    def _find_wanted(self) -> None:
        self._ask("Search log", self._find, self.logs.view, at_once=False)

    def _find(self, text: str) -> None:
        self.logs.find(text)
        self.show_keys()

    def _ask(self, label: str, apply: Callable[[str], object], back: Widget, *, at_once: bool = True) -> None:
        if self._prompt is None or not self._prompt.is_attached:
            self._prompt = Prompt(Purpose(label, apply, back, at_once))
            self.mount(self._prompt)

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first; then back."""
        if self._prompt is not None and self._prompt.is_attached:
            self._prompt.close()
        elif self.notice is not None:
            self.calls.say(None)
            if not self.logs.source:
                self.leave()
        else:
            self.leave()
