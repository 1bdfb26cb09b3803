"""Any list as rows of the console: the cells of its definition, with what only a screen can draw of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from raytui.core.errors import ConfigurationError
from raytui.core.patterns import lenient_pattern
from raytui.tui.render.columns import Column, Row
from raytui.tui.render.text import Span, clean, clock
from raytui.view.filters import Test, holds, parse
from raytui.view.tables import kind as definition
from raytui.view.tables.kind import Line, Note, TableKind

T = TypeVar("T")
BARS = "▁▂▃▄▅▆▇█"
_SHOWN_BY_END = frozenset({"node"})
"""Names of nodes begin with that of their cluster."""
_SHARE = 5
"""Cells of a percentage behind its bars, so that they stand in line."""


def screen_columns(columns: Sequence[definition.Column[T]]) -> tuple[Column, ...]:
    """The columns of a definition as a table of the screen arranges them."""
    return tuple(
        Column(c.id, c.head, c.width, c.wide, right=c.right, rank=c.rank, shown_by_end=c.id in _SHOWN_BY_END)
        for c in columns
    )


def screen_row(kind: TableKind[T], line: Line[T], places: Sequence[int], from_column: str = "") -> Row:
    """One row: its cells in the columns at `places`.

    From one column on a sentence may stand in place of figures that the row does not have.
    """
    note = kind.note(line.row, line.picture) if from_column else None
    shown = tuple(span_of(kind, line, place) for place in places)
    if note is None:
        return Row(kind.key(line.row), shown)
    return Row(kind.key(line.row), shown, note_span(note), places.index(kind.place_of(from_column)))


def span_of(kind: TableKind[T], line: Line[T], place: int) -> Span:
    """One cell; what is as it should be stays plain, so that the rest is seen."""
    cell, column = line[place], kind.columns[place]
    role = "" if cell.role == "ok" else cell.role
    if column.on_screen is not None:
        return (clean(column.on_screen(line.row, line.picture)), role)
    if column.trend is None or not cell.text:
        return (clean(cell.text), role)
    return (f"{spark(column.trend(line.row, line.picture))} {cell.text:>{_SHARE}}", role)


def note_span(note: Note) -> Span:
    """The sentence in place of figures, with since when it is so: where there is little room that is what is cut."""
    since = f"since {clock(note.since)}" if note.since else ""
    return (", ".join(part for part in (clean(note.text), since) if part), note.role)


def test_of(columns: Sequence[definition.Column[T]], text: str) -> Test:
    """What is typed as a filter in the language of `--filter`, as a test of cells in the order of these columns.

    What is none (yet) is looked for as it stands, and nothing lets all pass.
    """
    try:
        return parse(text, [column.id for column in columns], lambda pattern: lenient_pattern(pattern).search)
    except ConfigurationError:
        return holds(text)


def spark(values: Sequence[float], top: float = 100.0) -> str:
    """Values from 0 to `top` as bars of one cell each."""
    last = len(BARS) - 1
    return "".join(BARS[min(last, max(0, round(value / top * last)))] for value in values)
