"""Any list in a pane: its rows filtered and in the operator's order, and what is to be said in their place."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from textual import events, on
from textual.app import ComposeResult
from textual.reactive import reactive

from raytui.core.observed.snapshot import Reading
from raytui.tui.panes.pane import BIG, Pane
from raytui.tui.render.columns import Column, LazyRows, Row
from raytui.tui.render.listing import Counts, Kind, Wish, command, failure_of, message_lines, title
from raytui.tui.render.tables import screen_columns, screen_row, test_of
from raytui.tui.render.text import cells
from raytui.tui.theme import sheet
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import Picture, is_equal
from raytui.view.tables.kind import Line, ordered

NAMES = 200
"""Rows whose names are measured."""


class TableState(NamedTuple):
    """How a list was left."""

    wish: Wish = Wish()
    cursor: str = ""


class Message(LineView, can_focus=True):
    """Sentences that scroll by keyboard when they are many."""


class ListPane(Pane):
    """The rows of one kind."""

    DEFAULT_CSS = sheet(__file__)

    picture: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)
    trouble: reactive[str] = reactive("", repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)

    def __init__(self, kind: Kind, verbs: Mapping[str, str], state: TableState | None = None, of: str = "") -> None:
        """`of` names the row of another list that these rows belong to."""
        super().__init__(kind.title, id="list")
        self._of = of
        self.kind = kind
        self.table = RowTable(id="rows")
        self._verbs = verbs
        self._message = Message(id="message")
        # What happened last is looked for first.
        state = state or TableState(Wish(descending=kind.newest_last))
        self._wish = state.wish
        self._cursor = state.cursor
        """The row to go to as soon as it is there."""
        self._readable: Picture | None = None
        """The last picture in which the rows could be read."""
        self._counts: Counts | None = None
        self._drawn: Picture | None = None
        trend = next((column.id for column in kind.columns if column.trend is not None), "")
        self._figures = trend
        """The first column of figures: a row's own sentence stands in their place."""
        self._places: list[int] = []
        self._columns: tuple[Column, ...] = ()
        self._longest = 0
        self._choose_columns(None)
        self._reveals = False
        shown = [kind.columns[place] for place in self._places]
        self._grows = any(column.is_span or column.on_screen is not None for column in shown)

    def compose(self) -> ComposeResult:
        """The title, what is to be said, and the rows."""
        yield self.rule
        yield self._message
        yield self.table

    @property
    def state(self) -> TableState:
        """How the list stands."""
        return TableState(self._wish, self.table.cursor or self._cursor)

    @property
    def readable(self) -> Picture | None:
        """The picture whose rows are shown."""
        return self._readable

    def mark(self) -> None:
        """Mark the cursor's row, or take its mark away, and go to the next row."""
        if self.table.cursor:
            self.table.mark(self.table.marked ^ {self.table.cursor})
            self._say()
            self.table.step()

    def unmark(self) -> bool:
        """Take every mark away; whether there was one."""
        had = bool(self.table.marked)
        self.table.mark(frozenset())
        self._say()
        return had

    def chosen(self) -> Sequence[object]:
        """The marked rows that are still listed, in the order of the list; the cursor's when none is marked."""
        if self._readable is None:
            return ()
        keys = self.table.marked or {self.table.cursor}
        return [row for row in self.kind.rows(self._readable) if self.kind.key(row) in keys]

    def filter(self, text: str) -> None:
        """Show only rows that pass; all of them for the empty text."""
        self._want(self._wish._replace(filter=text))

    def order(self, column: str | None = None) -> None:
        """Order by a column, the next one when none is named; numbers begin with the largest."""
        ids = ["", *(self.kind.columns[place].id for place in self._places)]
        if column is None:
            column = ids[(ids.index(self._wish.order) + 1) % len(ids)] if self._wish.order in ids else ""
        largest_first = bool(column) and self.kind.columns[self.kind.place_of(column)].right
        own = not column and self.kind.newest_last
        self._want(self._wish._replace(order=column, descending=largest_first or own))

    def reverse(self) -> None:
        """Reverse the order."""
        self._want(self._wish._replace(descending=not self._wish.descending))

    def _want(self, wish: Wish) -> None:
        if wish != self._wish:
            self._wish = wish
            self._reveals = True
            self._draw_rows()

    def draw(self) -> None:
        """Show the rows of the picture, or those of the last one in which they could be read."""
        picture = self.picture
        if picture is not None and self.kind.reading(picture).value is not None:
            self._readable = picture
        self._draw_rows()

    def _choose_columns(self, picture: Picture | None) -> None:
        """The columns that this picture asks for; the same ones keep the room that their names were given."""
        chosen = [column for column in self.kind.shown(picture) if not (self._figures and column.id == "why")]
        places = [self.kind.place(column) for column in chosen]
        if places != self._places:
            self._places, self._columns, self._longest = places, screen_columns(chosen), 0

    def _draw_rows(self) -> None:
        source = self._readable
        self._choose_columns(source)
        if source is None:
            self._show((), None, None)
            return
        rows = self.kind.rows(source)
        if len(rows) > BIG and (self._wish.filter or self._wish.order):
            self.run_worker(self._select_beside(rows, source, self._wish), group="rows", exclusive=True)
        else:
            self.workers.cancel_group(self, "rows")
            self._selected(rows, source, select(self.kind, rows, source, self._wish))

    async def _select_beside(self, rows: Sequence[object], source: Picture, wish: Wish) -> None:
        chosen = await asyncio.to_thread(select, self.kind, rows, source, wish)
        self._selected(rows, source, chosen)

    def _selected(self, rows: Sequence[object], source: Picture, chosen: Sequence[object]) -> None:
        reading: Reading[Sequence[object]] = self.kind.reading(source)
        beyond = max(0, (reading.total or 0) - len(reading.value or ()))
        self._show(chosen, source, Counts(len(chosen), len(rows), len(rows) + beyond, reading.unreadable))

    def _fit_names(self, rows: Sequence[object], source: Picture) -> None:
        """Make room for the longest of the first names.

        It is never taken away again: columns do not move by themselves.
        """
        first, *others = self._columns
        column = self.kind.columns[self._places[0]]
        if column.on_screen is not None:
            # In the order of time the longest stands at one end.
            longest = max((cells(column.on_screen(row, source)) for row in (*rows[:NAMES], *rows[-1:])), default=0)
            most = longest
        else:
            longest = max((cells(column.without_role(row, source).text) for row in rows[:NAMES]), default=0)
            most = max(first.width, first.wide)
        if longest > self._longest:
            self._longest = longest
            room = min(longest, most)
            self._columns = (first._replace(width=max(first.width, room)), *others)

    def _show(self, rows: Sequence[object], source: Picture | None, counts: Counts | None) -> None:
        self._counts = counts
        if source is not None:
            self._fit_names(rows, source)
        old = self.stale or (self.picture is not None and failure_of(self.kind, self.picture) is not None)

        def make(item: object) -> Row:
            assert source is not None
            line = Line(item, self.kind.columns, source)
            row = screen_row(self.kind, line, self._places, self._figures)
            return _faded(row) if old else row

        self.table.show_rows(LazyRows(rows, self.kind.key, make), self._columns, self._wish.order)
        if self._cursor and rows:
            self.table.put_cursor(self._cursor)
            self._cursor, self._reveals = "", True
        if self._reveals:
            # Once it is laid out: how many rows there are decides how far it scrolls.
            self._reveals = False
            self.table.call_after_refresh(self.table.reveal)
        self.table.display = bool(rows)
        self._say()

    def _say(self) -> None:
        width = self.size.width or self.app.size.width
        read_at = self.kind.reading(self._readable).at if self._readable is not None else 0.0
        said = message_lines(
            self.kind,
            self.picture,
            self._wish,
            self._counts,
            width,
            trouble=self.trouble,
            read_at=read_at,
            verbs=self._verbs,
        )
        self._message.show(said)
        self._message.display = bool(said)
        self._message.can_focus = bool(said)
        self.rule.tell(
            title(self.kind, self._wish, self._counts, marked=len(self.table.marked), of=self._of),
            command(self.kind, self._wish),
            short_state=f"raytui {self.kind.name}",
        )

    @on(events.Mount)
    def _mounted(self) -> None:
        self.draw()

    @on(events.Resize)
    def _resized(self) -> None:
        self._say()

    def _watch_picture(self, picture: Picture | None) -> None:
        if picture is None or not self.is_mounted:
            return
        # Spans of time grow though nothing changes.
        if self._grows or not is_equal(self._drawn, picture):
            self._drawn = picture
            self.draw()

    def _watch_trouble(self) -> None:
        if self.is_mounted:
            self._say()

    def _watch_stale(self) -> None:
        if self.is_mounted:
            self.draw()


def select(kind: Kind, rows: Sequence[object], picture: Picture, wish: Wish) -> Sequence[object]:
    """The rows that pass the filter, in the wanted order; cells are made only where these ask for them."""
    if not wish.filter.strip() and not wish.order:
        return rows[::-1] if wish.descending else rows
    lines = [Line(row, kind.columns, picture) for row in rows]
    if wish.filter.strip():
        test = test_of(kind.columns, wish.filter)
        lines = [line for line in lines if test(line)]
    if wish.order:
        lines = ordered(lines, kind.place_of(wish.order), descending=wish.descending)
    elif wish.descending:
        lines.reverse()
    return [line.row for line in lines]


def _faded(row: Row) -> Row:
    """A row that only memory vouches for."""
    tail = (row.tail[0], "muted") if row.tail is not None else None
    return row._replace(cells=tuple((text, "muted") for text, _ in row.cells), tail=tail)
