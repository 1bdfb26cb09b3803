"""A live table on the Line API: the cursor belongs to a row, not to a line, and only changed rows are painted again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from raytui.tui.render.columns import Column, Layout, LazyRows, Row, arrange, head_line, row_line
from raytui.tui.theme import background_style, sheet
from raytui.tui.widgets.lines import LineView

_Look = tuple[bool, bool]
"""Whether a row was painted as the cursor's, and whether as a marked one."""


class RowTable(LineView, can_focus=True):
    """Rows under a head that stays."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "edge(False)", "First", show=False),
        Binding("end,G", "edge(True)", "Last", show=False),
    ]

    @dataclass
    class RowChosen(Message):
        """Enter or a second click on the cursor's row."""

        key: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._rows = _lazy(())
        self._columns: tuple[Column, ...] = ()
        self._layout = Layout((), 1, ())
        self._made: dict[str, tuple[Row, _Look, Strip]] = {}
        self._marked: frozenset[str] = frozenset()
        self._head: Strip | None = None
        self._cursor = ""
        self._cursor_place = 0
        self._ordered_by = ""
        self._cursor_style: Style | None = None

    @property
    def cursor(self) -> str:
        """Key of the cursor's row; empty without rows."""
        return self._cursor

    @property
    def marked(self) -> frozenset[str]:
        """Keys of the marked rows."""
        return self._marked

    def mark(self, keys: frozenset[str]) -> None:
        """Mark these rows and no others."""
        changed, self._marked = self._marked ^ keys, keys
        top = int(self.scroll_offset.y)
        for n in range(top, min(top + self.size.height, len(self._rows))):
            if self._rows.key_at(n) in changed:
                self._refresh_row(n)

    def _look_of(self, key: str) -> _Look:
        return (key == self._cursor, key in self._marked)

    @property
    def rows(self) -> Sequence[Row]:
        """What is shown."""
        return self._rows

    def show_rows(self, rows: Sequence[Row], columns: Sequence[Column], ordered_by: str = "") -> None:
        """Show these rows. The cursor stays with its row; when that is gone it goes to the one in its place."""
        before, self._rows = self._rows, _lazy(rows)
        place = self._place(self._cursor)
        if place is None:
            place = min(self._cursor_place, len(self._rows) - 1)
            self._cursor = self._rows.key_at(place) if self._rows else ""
        self._cursor_place = max(0, place)
        if len(before) != len(self._rows):
            self.hold(len(self._rows) + 1)
        if tuple(columns) != self._columns or ordered_by != self._ordered_by:
            self._columns, self._ordered_by = tuple(columns), ordered_by
            self._arrange()
            return
        self._refresh_changed(before)

    def _refresh_changed(self, before: LazyRows) -> None:
        """Paint again the rows in view that differ from what was painted; nobody looks at the others."""
        top = int(self.scroll_offset.y)
        made: dict[str, tuple[Row, _Look, Strip]] = {}
        for n in range(top, min(top + self.size.height, max(len(before), len(self._rows)))):
            key = self._rows.key_at(n) if n < len(self._rows) else ""
            painted = self._made.get(key)
            if (
                not key
                or n >= len(before)
                or before.key_at(n) != key
                or painted is None
                or painted[0] != self._rows[n]
                or painted[1] != self._look_of(key)
            ):
                self._refresh_row(n)
            if painted is not None:
                made[key] = painted
        self._made = made

    def put_cursor(self, key: str) -> None:
        """Move the cursor to a row and into view."""
        place = self._place(self._cursor)
        target = self._place(key)
        if target is None or key == self._cursor:
            return
        self._cursor = key
        self._cursor_place = target
        for n in (place, target):
            if n is not None:
                self._refresh_row(n)
        height = max(1, self.scrollable_content_region.height - 1)
        if target < self.scroll_offset.y:
            self.scroll_to(y=target, animate=False)
        elif target >= self.scroll_offset.y + height:
            self.scroll_to(y=target - height + 1, animate=False)

    def step(self) -> None:
        """Move the cursor to the next row."""
        self._action_move(1)

    def reveal(self) -> None:
        """Bring the cursor's row into view, wherever a new order has put it."""
        place = self._place(self._cursor)
        height = max(1, self.scrollable_content_region.height - 1)
        if place is not None and not self.scroll_offset.y <= place < self.scroll_offset.y + height:
            self.scroll_to(y=max(0, place - height // 2), animate=False)

    def notify_style_update(self) -> None:
        """Forget what was made with another theme."""
        super().notify_style_update()
        self._cursor_style = None
        self._made = {}
        self._head = None

    def render_line(self, y: int) -> Strip:
        """The head, then the rows in view."""
        width = self.scrollable_content_region.width
        if y == 0:
            if self._head is None or self._head.cell_length != width:
                self._head = self.strip_of(head_line(self._layout, self._ordered_by), width)
            return self._head
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return Strip.blank(width, self.look[0])
        row = self._rows[index]
        look = cursor, marked = self._look_of(row.key)
        made = self._made.get(row.key)
        if made is None or made[0] != row or made[1] != look or made[2].cell_length != width:
            strip = self.strip_of(row_line(row, self._layout, cursor=cursor, marked=marked), width)
            if cursor and self.has_focus:
                strip = strip.apply_style(self._highlight())
            made = self._made[row.key] = (row, look, strip)
        return made[2]

    @on(events.Resize)
    def _resized(self) -> None:
        self._arrange()

    @on(events.Focus)
    def _focused(self) -> None:
        self._repaint_cursor()

    @on(events.Blur)
    def _blurred(self) -> None:
        self._repaint_cursor()

    @on(events.Click)
    def _clicked(self, event: events.Click) -> None:
        index = event.y - 1 + self.scroll_offset.y
        if event.y > 0 and index < len(self._rows):
            if self._rows.key_at(index) == self._cursor and event.chain > 1:
                self.post_message(self.RowChosen(self._cursor))
            self.put_cursor(self._rows.key_at(index))

    def _action_move(self, by: int) -> None:
        place = self._place(self._cursor)
        if place is not None:
            self._go(place + by)

    def _action_page(self, by: int) -> None:
        place = self._place(self._cursor)
        if place is not None:
            self._go(place + by * max(1, self.scrollable_content_region.height - 2))

    def _action_edge(self, last: bool) -> None:
        self._go(len(self._rows) - 1 if last else 0)

    def _go(self, place: int) -> None:
        if self._rows:
            self.put_cursor(self._rows.key_at(max(0, min(place, len(self._rows) - 1))))

    def _place(self, key: str) -> int | None:
        return self._rows.place(key, self._cursor_place)

    def _highlight(self) -> Style:
        if self._cursor_style is None:
            self._cursor_style = background_style(self.app.theme_variables, "cursor")
        return self._cursor_style

    def _repaint_cursor(self) -> None:
        self._made.pop(self._cursor, None)
        place = self._place(self._cursor)
        if place is not None:
            self._refresh_row(place)

    def _refresh_row(self, n: int) -> None:
        y = n + 1 - self.scroll_offset.y
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _arrange(self) -> None:
        self._layout = arrange(self._columns, self.scrollable_content_region.width)
        self._made = {}
        self._head = None
        self.refresh()


def _lazy(rows: Sequence[Row]) -> LazyRows:
    return rows if isinstance(rows, LazyRows) else LazyRows(rows, lambda row: row.key, lambda row: row)
