"""The status of the applications, each joined with its Ray node."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive

from raytui.tui.keys import bindings
from raytui.tui.panes.pane import Pane
from raytui.tui.render.columns import Row
from raytui.tui.render.nodes import ORDERS, columns_for, node_lines, node_rows, reuse, title_of
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import Picture


class NodesPane(Pane):
    """Applications and nodes, one row each; an empty cluster teaches instead."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS = bindings("table")

    picture: reactive[Picture | None] = reactive(None, repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)

    @dataclass
    class LogWanted(Message):
        """Somebody wants to see the log of an application."""

        name: str

    @dataclass
    class RestartWanted(Message):
        """Somebody wants an application restarted."""

        target: str

    def __init__(self, start_key: str = "s") -> None:
        super().__init__("Applications", id="nodes")
        self.table = RowTable(id="node-table")
        self._empty = LineView(id="node-empty")
        self._rows: tuple[Row, ...] = ()
        self._order = "name"
        self._filter = ""
        self._start_key = start_key

    def compose(self) -> ComposeResult:
        """The title, the table and what stands in its place when there is nothing."""
        yield self.rule
        yield self.table
        yield self._empty

    @property
    def target(self) -> str:
        """`head` or `worker-N` under the cursor; empty when there is none."""
        key = self.table.cursor
        return "" if key.startswith("node:") else key

    def filter(self, text: str) -> None:
        """Show only matching rows."""
        self._filter = text
        self.draw()

    def draw(self) -> None:
        """Show the rows of the picture in the operator's order."""
        picture = self.picture
        if picture is None:
            self.table.display = False
            return
        self._rows = reuse(self._rows, node_rows(picture, stale=self.stale))
        shown = self._shown(picture)
        self.table.display = bool(self._rows)
        self._empty.display = not self._rows
        if not self._rows:
            self._empty.show([(("   no application of this cluster exists; ", "muted"), (self._start_key, "key"), (" starts it", "muted"))])
        self.table.show_rows(shown, columns_for(self._rows), "" if self._order in {"name", "worst"} else self._order)
        state = [f"filter {self._filter!r}: {len(shown)} of {len(self._rows)}"] if self._filter else []
        state += [] if self._order == "name" else ["worst first" if self._order == "worst" else f"by {self._order}"]
        self.rule.tell(title_of(picture), " · ".join(state))

    def _shown(self, picture: Picture) -> tuple[Row, ...]:
        """The rows that the filter lets through in the operator's order, as the very objects of `_rows`."""
        if self._order == "name" and not self._filter:
            return self._rows
        known = {row.key: row for row in self._rows}
        return tuple(known[line.row.key] for line in node_lines(picture, self._order, self._filter))

    @on(events.Mount)
    def _mounted(self) -> None:
        self._empty.show([(("   asking the platform", "muted"),)])
        self.draw()

    def _watch_picture(self) -> None:
        self.draw()

    def _watch_stale(self) -> None:
        self.draw()

    @on(RowTable.RowChosen)
    def _row_chosen(self, message: RowTable.RowChosen) -> None:
        message.stop()
        self._action_show_logs()

    def _action_show_logs(self) -> None:
        if self.target:
            self.post_message(self.LogWanted(self.target))

    def _action_restart(self) -> None:
        if self.target:
            self.post_message(self.RestartWanted(self.target))

    def _action_order(self) -> None:
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self.draw()
