"""Columns of a table: which fit into a width, and one row as a line.

Cells are made once; only their room depends on the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, overload

from raytui.tui.render.text import Line, Span, fit, fit_end

T = TypeVar("T")


class Column(NamedTuple):
    """One column."""

    id: str
    title: str
    width: int
    """Cells it needs."""
    wide: int = 0
    """Cells it takes when there is room; 0: the same."""
    right: bool = False
    rank: int = 0
    """Columns of a higher rank give way first."""
    shown_by_end: bool = False
    """Whether it is the end of a value that tells it from another, so that its beginning is cut."""


class Row(NamedTuple):
    """One row: the same object as long as nothing in it changes."""

    key: str
    cells: tuple[Span, ...]
    """One per column of the table, whether shown or not."""
    tail: Span | None = None
    """A sentence in place of the cells from `tail_from` on, up to the last column."""
    tail_from: int = 0


class LazyRows(Sequence[Row]):
    """Rows that are made when somebody looks at them: of thousands a screen shows some dozens."""

    def __init__(self, items: Sequence[T], key: Callable[[T], str], make: Callable[[T], Row]) -> None:
        """`key` names an item, and `make` makes its row, which bears that key."""
        # Any: which type `key` and `make` take is known to the caller alone, and checked there.
        self._items: Sequence[Any] = items
        self._key = key
        self._make = make
        self._made: dict[int, Row] = {}

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Row, ...]: ...
    def __getitem__(self, place: int | slice) -> Row | tuple[Row, ...]:
        if isinstance(place, slice):
            return tuple(self[n] for n in range(*place.indices(len(self))))
        place = range(len(self))[place]
        row = self._made.get(place)
        if row is None:
            row = self._made[place] = self._make(self._items[place])
        return row

    def key_at(self, place: int) -> str:
        """The key of the row there; the row need not be made."""
        return self._key(self._items[place])

    def place(self, key: str, near: int = 0) -> int | None:
        """Where the row of that key stands, looked for first where it stood before; none when it is not here."""
        if 0 <= near < len(self) and self.key_at(near) == key:
            return near
        # Where nothing has the cursor yet the first rows need not wait for an index of all of them.
        return self._places.get(key) if key else None

    @cached_property
    def _places(self) -> dict[str, int]:
        return {self._key(item): n for n, item in enumerate(self._items)}


class Layout(NamedTuple):
    """Columns that are shown, by index, with their widths."""

    shown: tuple[tuple[int, int], ...]
    gap: int
    columns: tuple[Column, ...]


SENTENCE = 60
"""Cells from which a column that can be so wide holds sentences."""
MARGIN = 3
"""A blank, the cursor's mark and a blank."""


def arrange(columns: Sequence[Column], width: int) -> Layout:
    """As many columns as fit, those of the highest rank left out first.

    Room that is left goes to gaps, then to wide columns, at least half of it to those of sentences.
    """
    kept = list(range(len(columns)))
    while True:
        need = MARGIN + sum(columns[n].width for n in kept) + max(0, len(kept) - 1)
        droppable = [n for n in kept if columns[n].rank > 0]
        if need <= width or not droppable:
            break
        worst = max(columns[n].rank for n in droppable)
        kept.remove(next(n for n in reversed(droppable) if columns[n].rank == worst))
    gap = 2 if need + len(kept) - 1 <= width else 1
    left = max(0, width - need - (gap - 1) * (len(kept) - 1))
    more = _share([columns[n] for n in kept], left)
    shown = tuple((n, columns[n].width + extra) for n, extra in zip(kept, more, strict=True))
    return Layout(shown, gap, tuple(columns))


def _share(columns: Sequence[Column], left: int) -> list[int]:
    """What each column gets of the room that is left: sentences half of it together, the others by their order.

    Of a name all but the last cells may be missing; of a sentence cut short nothing is understood.
    """
    wants = [max(0, column.wide - column.width) for column in columns]
    sentences = [n for n, column in enumerate(columns) if column.wide >= SENTENCE]
    spoken_for = min(left // 2, sum(wants[n] for n in sentences))
    got = [0] * len(columns)
    free = left - spoken_for
    for n, want in enumerate(wants):
        if n not in sentences:
            got[n] = min(want, free)
            free -= got[n]
    free += spoken_for
    for place, n in enumerate(sentences):
        others = sum(wants[other] for other in sentences[place:])
        got[n] = min(wants[n], free * wants[n] // others if others else 0)
        free -= got[n]
    return got


def head_line(layout: Layout, sorted_by: str = "") -> Line:
    """The titles."""
    spans: list[Span] = [(" " * MARGIN, "")]
    for place, (n, width) in enumerate(layout.shown):
        column = layout.columns[n]
        if place:
            spans.append((" " * layout.gap, ""))
        spans.append((fit(column.title, width, right=column.right), "accent" if column.id == sorted_by else "muted"))
    return tuple(spans)


def row_line(row: Row, layout: Layout, *, cursor: bool = False, marked: bool = False) -> Line:
    """One row as a line; the cursor's row and marked ones are shown by a shape, not by colour alone."""
    spans: list[Span] = [(f"{'*' if marked else ' '}{'▸' if cursor else ' '} ", "accent")]
    last = len(layout.shown) - 1
    place = 0
    while place <= last:
        n, width = layout.shown[place]
        if place:
            spans.append((" " * layout.gap, ""))
        if row.tail is not None and n >= row.tail_from and place < last:
            room = sum(w for _, w in layout.shown[place:last]) + layout.gap * (last - place - 1)
            spans.append((fit(row.tail[0], room), row.tail[1]))
            place = last
            continue
        text, role = row.cells[n]
        column = layout.columns[n]
        spans.append((fit_end(text, width) if column.shown_by_end else fit(text, width, right=column.right), role))
        place += 1
    return tuple(spans)
