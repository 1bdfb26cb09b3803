"""What every screen over the cluster's learns of the cluster, by binding."""

from __future__ import annotations

from textual import events, on
from textual.reactive import reactive
from textual.screen import Screen

from raytui.core.session import Session
from raytui.tui.keys import verb_keys
from raytui.tui.operation import Notice, Operation
from raytui.tui.panes.listing import TableState
from raytui.tui.render.attention import attention_lines
from raytui.tui.render.steps import step_lines
from raytui.tui.row_calls import RowCalls
from raytui.tui.widgets.lines import LineView
from raytui.view.picture import Picture


class OverCluster(Screen[TableState]):
    """A screen that shows a part of a cluster in full; `said` holds the console's last word and what runs."""

    session: reactive[Session | None] = reactive(None, repaint=False)
    picture: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)
    observed_at: reactive[float] = reactive(0.0, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)
    trouble: reactive[str] = reactive("", repaint=False)
    operation: reactive[Operation | None] = reactive(None, repaint=False)
    notice: reactive[Notice | None] = reactive(None, repaint=False)

    def __init__(self, calls: RowCalls) -> None:
        super().__init__()
        self.calls = calls
        self.said = LineView(id="said")
        self.shows_clusters = False
        """Whether it is the list of clusters."""
        self._verbs = verb_keys(calls.keys)

    def leave(self) -> None:
        """Go back to where one came from."""
        self.dismiss(None)

    def tell(self) -> None:
        """Show the console's last word and the operation that runs; nothing while there is neither."""
        width = (self.size.width or self.app.size.width) - 1
        lines = attention_lines(None, self.notice, width, self._verbs)
        operation = self.operation
        if operation is not None:
            lines += step_lines(operation, self.now, width, self._verbs)
        self.said.show(lines)
        self.said.display = bool(lines)

    @on(events.Mount)
    def _show_words_first(self) -> None:
        self.tell()

    @on(events.Resize)
    def _show_words_anew(self) -> None:
        self.tell()

    def _watch_notice(self) -> None:
        if self.is_mounted:
            self.tell()

    def _watch_operation(self) -> None:
        if self.is_mounted:
            self.tell()

    def _watch_now(self) -> None:
        if self.is_mounted and self.operation is not None and self.operation.is_running:
            self.tell()
