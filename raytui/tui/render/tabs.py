"""The line of clusters: each with the shape of its verdict and its name, the one in front bright."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from raytui.tui.render.text import ELLIPSIS, Line, clean, crop, fit, line_cells

LONGEST = 24
"""Cells of a name."""
WITH_KEYS = 60
"""Width from which the keys stand in the line, too."""


class TabMark(NamedTuple):
    """One cluster of the line."""

    name: str
    shape: str
    role: str
    is_front: bool = False


def tabs_line(marks: Sequence[TabMark], width: int, keys: str = "") -> tuple[Line, tuple[tuple[int, int, str], ...]]:
    """The line, and where each name stands: from and to which column.

    Where there is no room for all, those around the one in front are shown, with how many there are to both sides.
    """
    made = [_tab(mark) for mark in marks]
    keys = keys if width >= WITH_KEYS else ""
    front = next((n for n, mark in enumerate(marks) if mark.is_front), 0)
    first, last = front, front + 1
    room = width - len(keys) - 12

    def fits(low: int, high: int) -> bool:
        whole = (low, high) == (0, len(made))
        return sum(map(line_cells, made[low:high])) <= (width - len(keys) - 1 if whole else room)

    # From the left, where the worst stand, as far as the one in front is among them.
    while first > 0 and fits(first - 1, last):
        first -= 1
    while last < len(made) and fits(first, last + 1):
        last += 1
    left: Line = ((f" {ELLIPSIS}{first}", "muted"),) if first else ()
    right: Line = ((f"  {ELLIPSIS}{len(made) - last} more", "muted"),) if last < len(made) else ()
    places, at = [], line_cells(left)
    for mark, tab in zip(marks[first:last], made[first:last], strict=True):
        places.append((at, at + line_cells(tab), mark.name))
        at += line_cells(tab)
    line = (*left, *(span for tab in made[first:last] for span in tab), *right)
    gap = width - line_cells(line) - len(keys) - 1
    if keys and gap > 0:
        line = (*line, (" " * gap, ""), (keys, "key"))
    return crop(line, width), tuple(places)


def _tab(mark: TabMark) -> Line:
    name = clean(mark.name)
    name = fit(name, LONGEST) if len(name) > LONGEST else name
    return ((" ", ""), (mark.shape, mark.role), (f" {name} ", "strong" if mark.is_front else "muted"))
