"""The log of one source: followed, filtered, searched. Lines come in batches from a worker; this pane only shows them."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from raytui.tui.keys import bindings
from raytui.tui.panes.pane import Pane
from raytui.tui.render.log_line import MARK
from raytui.tui.theme import sheet
from raytui.tui.widgets.log_view import LogView


class LogsPane(Pane):
    """One log."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS = bindings("logs")

    @dataclass
    class SourcesWanted(Message):
        """Somebody wants to choose another log."""

    @dataclass
    class FindWanted(Message):
        """Somebody wants to search the log."""

    def __init__(self) -> None:
        super().__init__("Logs", id="logs")
        self.view = LogView(id="log-view")
        self._source = ""
        self._ended = False
        self._filter = ""

    def compose(self) -> ComposeResult:
        """The title and the lines."""
        yield self.rule
        yield self.view

    @property
    def source(self) -> str:
        """Name of the log that is shown."""
        return self._source

    def open(self, source: str) -> None:
        """Begin with an empty view for another log."""
        self._source, self._ended = source, False
        self.view.clear()
        self._tell()

    def append(self, source: str, lines: list[str]) -> None:
        """Lines of the followed log; late ones of another are dropped."""
        if source == self._source:
            self.view.append(lines)

    def ended(self, source: str, reason: str) -> None:
        """No more will come; the reason becomes the last line."""
        if source == self._source:
            self._ended = True
            self.view.append([f"{MARK}{reason}"])
            self._tell()

    def filter(self, text: str) -> None:
        """Show only matching lines."""
        self._filter = text
        self.view.set_filter(text)

    def find(self, text: str) -> None:
        """Search; what is found comes into view, that nothing is found is said."""
        self.view.search(text)

    def _tell(self) -> None:
        if not self._source:
            self.rule.tell("Logs", "")
            return
        owner, slash, file = self._source.partition("/")
        state = "ended" if self._ended else "following" if self.view.following else "paused, f follows"
        if self._filter:
            view, how = self.view, " as text" if self.view.is_plain else ""
            total = f"{view.total}" if view.sifted == view.total else f"the first {view.sifted}"
            state = f"filter {self._filter!r}{how}: {view.count} of {total} · {state}"
        self.rule.tell(f"Logs · {owner}" + (f" · {file}" if slash else ""), state)

    @on(LogView.Moved)
    def _view_moved(self, message: LogView.Moved) -> None:
        message.stop()
        self._tell()

    def _action_follow(self) -> None:
        self.view.follow(not self.view.following)

    def _action_next(self, step: int) -> None:
        self.view.find(step)

    @on(LogView.Missed)
    def _nothing_found(self, message: LogView.Missed) -> None:
        message.stop()
        told = f"no line matches {message.text!r}" if message.text else "nothing was searched for"
        self.app.notify(told, timeout=3, markup=False)

    def _action_sources(self) -> None:
        self.post_message(self.SourcesWanted())

    def _action_find(self) -> None:
        self.post_message(self.FindWanted())
