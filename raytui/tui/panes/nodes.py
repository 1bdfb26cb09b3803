"""The status of the applications, each joined with its Ray node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message
from textual.reactive import reactive

from raytui.tui.keys import bindings
from raytui.tui.panes.pane import BIG, Pane
from raytui.tui.render.columns import LazyRows
from raytui.tui.render.nodes import ORDERS, NodeRows, title_of
from raytui.tui.render.text import Line, line_cells, wrap
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
        """`start_key` starts the cluster; empty where nothing may be changed."""
        super().__init__("Applications", id="nodes")
        self.table = RowTable(id="node-table")
        self._empty = LineView(id="node-empty")
        self._rows = NodeRows()
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

    @property
    def is_filtered(self) -> bool:
        """Whether some rows may be hidden."""
        return bool(self._filter)

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
        self._rows.show(picture, stale=self.stale)
        if len(self._rows) > BIG and (self._filter.strip() or self._order != "name"):
            self.run_worker(self._select_beside(picture), group="rows", exclusive=True)
        else:
            self.workers.cancel_group(self, "rows")
            self._selected(picture, self._rows.select(self._order, self._filter))

    async def _select_beside(self, picture: Picture) -> None:
        self._selected(picture, await asyncio.to_thread(self._rows.select, self._order, self._filter))

    def _selected(self, picture: Picture, shown: LazyRows) -> None:
        self.table.display = bool(self._rows)
        self._empty.display = not self._rows
        if not self._rows:
            self._teach(picture)
        self.table.show_rows(shown, self._rows.columns, "" if self._order in {"name", "worst"} else self._order)
        state = [f"filter {self._filter!r}: {len(shown)} of {len(self._rows)}"] if self._filter else []
        state += [] if self._order == "name" else ["worst first" if self._order == "worst" else f"by {self._order}"]
        self.rule.tell(title_of(picture), " · ".join(state))

    def _teach(self, picture: Picture | None) -> None:
        """Say what stands in place of rows, whole at any width."""
        start: Line = ()
        if picture is None:
            said = "asking the platform"
        elif picture.known.applications.value is None:
            said = "nothing is known of this cluster's nodes"
        else:
            said = "no application of this cluster exists"
            start = (("; ", "muted"), (self._start_key, "key"), (" starts it", "muted")) if self._start_key else ()
        line: Line = ((f"   {said}", "muted"), *start)
        width = self.size.width or self.app.size.width
        if line_cells(line) > width:
            text = "".join(part for part, _ in line)
            self._empty.show([(("   ", ""), (part, "muted")) for part in wrap(text, width - 4)])
        else:
            self._empty.show([line])

    @on(events.Mount)
    def _mounted(self) -> None:
        self._teach(None)
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        if not self._rows:
            self._teach(self.picture)

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
