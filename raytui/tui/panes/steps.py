"""The running operation, in place: its steps with their times, while everything else stays usable."""

from __future__ import annotations

from collections.abc import Mapping

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import reactive

from raytui.tui.operation import Operation
from raytui.tui.panes.pane import Pane
from raytui.tui.render.steps import step_lines
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView


class StepsPane(Pane):
    """Hidden while no operation was asked for."""

    DEFAULT_CSS = sheet(__file__)

    operation: reactive[Operation | None] = reactive(None, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)

    def __init__(self, verbs: Mapping[str, str], dismiss_key: str) -> None:
        """`verbs` gives the key of each verb as it is written, `dismiss_key` the one that takes the steps away."""
        super().__init__("Operation", id="steps")
        self.body = LineView()
        self._verbs = verbs
        self._dismiss_key = dismiss_key

    def compose(self) -> ComposeResult:
        """The title and the steps."""
        yield self.rule
        yield self.body

    def draw(self) -> None:
        """Show the steps as they stand."""
        operation = self.operation
        self.display = operation is not None
        if operation is None:
            return
        self.rule.tell(state=f"{self._dismiss_key} dismisses" if not operation.is_running else "")
        self.body.show(step_lines(operation, self.now, self.size.width or self.app.size.width, self._verbs))

    @on(events.Mount)
    def _mounted(self) -> None:
        self.display = False

    def _watch_operation(self) -> None:
        self.draw()

    def _watch_now(self) -> None:
        if self.operation is not None and self.operation.is_running:
            self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self.draw()
