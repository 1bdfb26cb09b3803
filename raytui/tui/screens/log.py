"""One log in full: that of the row from which one came, at its end."""

from __future__ import annotations

from collections.abc import Callable

from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget

from raytui.core.errors import RaytuiError
from raytui.tui.faults import unforeseen
from raytui.tui.keys import bar, bindings, verb_keys
from raytui.tui.operation import Notice
from raytui.tui.panes.logs import LogsPane
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.over import OverCluster
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.prompt import Prompt, Purpose
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

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, the log, keys."""
        mine = LogScreen
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
        self.run_worker(self._open(), group="log", exit_on_error=False)

    async def _open(self) -> None:
        """Find the log and show it, or say why there is none."""
        session, picture = self.session, self.picture
        if session is None or picture is None:
            self.calls.say(Notice("warning", f"the log of {self._of} cannot be asked for yet", "try again in a moment"))
            return
        name = self._wish.name
        if self._wish.pid:
            self.logs.rule.tell(f"Logs · {self._of}", "asking which file it is")
            try:
                found = await session.logs.sources(picture.snapshot, self._wish.name)
            except RaytuiError as error:
                self.calls.say(Notice("error", f"the log of {self._of} cannot be found: {error.message}", error.hint))
                return
            except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be found must not end the console
                self.calls.say(Notice("error", f"the log of {self._of} cannot be found: {unforeseen(error)}"))
                return
            names = log_names(self._wish, tuple(source.name for source in found))
            if not names:
                where = f"process {self._wish.pid} on {self._wish.name}"
                hint = "Ray removes old files, and gives none of a node that has ended; l lists what there is"
                self.logs.rule.tell(f"Logs · {self._of}", "no file")
                self.calls.say(Notice("warning", f"there is no log of {where}", hint))
                name = ""
            else:
                name = names[0]
        self.logs.set_reactive(LogsPane.session, session)
        self.logs.set_reactive(LogsPane.picture, self.picture)
        if name:
            self.logs.open(name)
            self.logs.view.focus()

    def _watch_session(self) -> None:
        if self.session is None and self.is_mounted:
            self.logs.session = None

    def _watch_picture(self) -> None:
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
