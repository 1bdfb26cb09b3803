"""Aligned columns as plain text: one pure function, so that no table library is loaded for ten lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from raytui.cli.paint import Paint
from raytui.core.units import sanitize

Row = Sequence[str]
GAP = "  "


def one_line(text: str) -> str:
    """Text from elsewhere as one harmless line."""
    return " ".join(sanitize(text).split())


def table(heads: Sequence[str], rows: Iterable[Row], paint: Paint, *, right: Sequence[str] = (), states: Sequence[str] = ()) -> list[str]:
    """The lines of a table under its heads; columns named in `right` are right-aligned, those in `states` coloured by their word."""
    cells = [[one_line(cell) or "-" for cell in row] for row in rows]
    widths = [max([len(head), *(len(row[n]) for row in cells)]) for n, head in enumerate(heads)]

    def line(row: Row, *, is_head: bool = False) -> str:
        parts = []
        for n, cell in enumerate(row):
            fitted = cell.rjust(widths[n]) if heads[n] in right else cell.ljust(widths[n])
            if heads[n] in states and not is_head:
                fitted = fitted.replace(cell, paint.state(cell), 1)
            parts.append(fitted)
        return GAP.join(parts).rstrip()

    return [line(heads, is_head=True), *(line(row) for row in cells)]
