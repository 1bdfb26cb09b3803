"""A map of many nodes on the Line API: a cursor that names one, and only lines that changed are painted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from raytui.tui.render.heat import HeatCells, Map, place_text, row_key
from raytui.tui.widgets.lines import LineView
from raytui.view.picture import Picture


class HeatMap(LineView, can_focus=True):
    """One cell a node; the cursor is seen while the map has the focus."""

    DEFAULT_CSS = "HeatMap { margin: 0 1; overflow: hidden hidden; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right", "move(1, 0)", "Right", show=False),
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("enter", "choose", "Go to its row", show=False),
    ]

    @dataclass
    class CursorMoved(Message):
        """The cursor is on another node, or what is known of its node changed."""

    @dataclass
    class NodeChosen(Message):
        """Somebody wants to see the row of a node."""

        key: str

    def __init__(self) -> None:
        super().__init__(id="heat")
        self._cells = HeatCells()
        self._map = Map((), 1, 0)
        self._cursor = 0

    @property
    def per_cell(self) -> int:
        """Nodes that one cell stands for."""
        return self._map.per_cell

    @property
    def named(self) -> str:
        """The node under the cursor in words; empty without the focus."""
        place = self._cells.worst_of(self._cursor, self._map.per_cell) if self.has_focus else None
        return place_text(place, self._map.per_cell) if place is not None else ""

    def tell(self, picture: Picture, width: int, height: int) -> None:
        """Show the nodes of this picture in at most so many lines."""
        self._cells.show(picture)
        self._map = self._cells.draw(max(1, width), max(1, height))
        self._cursor = max(0, min(self._cursor, self._map.cells - 1))
        self.show(self._map.lines)

    def render_line(self, y: int) -> Strip:
        """One line, with the cursor on it where it stands there."""
        strip = super().render_line(y)
        width = max(1, self.scrollable_content_region.width)
        row, column = divmod(self._cursor, width)
        if not self.has_focus or row != y + self.scroll_offset.y or column >= strip.cell_length:
            return strip
        cuts = [cut for cut in (column, column + 1, strip.cell_length) if cut]
        parts = list(strip.divide(cuts))
        at = 1 if column else 0
        parts[at] = parts[at].apply_style(Style(reverse=True))
        return Strip.join(parts)

    def watch_has_focus(self, _has_focus: bool) -> None:
        """The cursor is seen, and names its node, while the map has the focus."""
        super().watch_has_focus(_has_focus)
        self._repaint_cursor()
        self.post_message(self.CursorMoved())

    def _repaint_cursor(self) -> None:
        self.refresh_line(self._cursor // max(1, self.scrollable_content_region.width))

    def _action_move(self, right: int, down: int) -> None:
        place = self._cursor + right + down * max(1, self.scrollable_content_region.width)
        if 0 <= place < self._map.cells:
            self._repaint_cursor()
            self._cursor = place
            self._repaint_cursor()
            self.post_message(self.CursorMoved())

    def _action_choose(self) -> None:
        place = self._cells.worst_of(self._cursor, self._map.per_cell)
        if place is not None:
            self.post_message(self.NodeChosen(row_key(place)))
