"""Lines of logs, which may be wider than the screen: panned, cut where they never end, with their matches marked."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.strip import Strip

from raytui.core.patterns import Pattern
from raytui.tui.render.text import Line, cells
from raytui.tui.widgets.lines import LineView

SHOWN_CELLS = 2_000
"""Cells of one line that are shown; a longer one is cut with a note."""
_NOTE_CELLS = 40
"""Room for that note."""
_MOST_MARKS = 100
"""Matches that are marked in one line."""


class WideLines(LineView, can_focus=True):
    """Lines that are panned to the side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "pan(-20)", "Left", show=False),
        Binding("right", "pan(20)", "Right", show=False),
    ]

    def _action_pan(self, by: int) -> None:
        furthest = max(0, self.virtual_size.width - self.scrollable_content_region.width)
        self.scroll_to(x=max(0, min(furthest, self.scroll_offset.x + by)), animate=False, force=True)


def shown_cells(widest: int) -> int:
    """How wide the longest line is when it is drawn; `widest` are the cells of its text."""
    return widest if widest <= SHOWN_CELLS else SHOWN_CELLS + _NOTE_CELLS


def cut(line: Line) -> Line:
    """A line that can be drawn in no time, however long it is."""
    left = SHOWN_CELLS
    kept: list[tuple[str, str]] = []
    for text, role in line:
        if len(text) > left:
            return (*kept, (text[:left], role), (f"… {len(text) - left:,} more characters", "muted"))
        kept.append((text, role))
        left -= len(text)
    return tuple(kept)


def marked(strip: Strip, pattern: Pattern, style: Style) -> Strip:
    """A strip with its matches on another ground."""
    text, cuts = strip.text, list[int]()
    for begin, end in islice(pattern.spans(text), _MOST_MARKS):
        if end > begin:
            cuts += [cells(text[:begin]), cells(text[:end])]
    if not cuts:
        return strip
    parts = strip.divide([*cuts, strip.cell_length]) if cuts[-1] < strip.cell_length else strip.divide(cuts)
    return Strip.join([part.apply_style(style) if n % 2 else part for n, part in enumerate(parts)])
