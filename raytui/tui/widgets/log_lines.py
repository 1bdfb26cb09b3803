"""The lines of a document of logs on the Line API: a cursor, marks, wrapped lines, a colour for each log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from raytui.core.logline import LogLine
from raytui.core.patterns import Pattern
from raytui.logs.paging.around import SERIOUS
from raytui.logs.paging.document import Document
from raytui.logs.paging.results import Bookmarks
from raytui.tui.render.log_line import MARK, log_line
from raytui.tui.render.text import Line, cells, fit
from raytui.tui.theme import background_style, sheet, source_style
from raytui.tui.widgets.wide_lines import WideLines, cut, marked, shown_cells

KEPT_STRIPS = 500
NAME_CELLS = 16
"""Cells of the name of a log before its lines."""


class LogLines(WideLines, can_focus=True):
    """Shows a document."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "step(-1)", "Up", show=False),
        Binding("down,j", "step(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "To the beginning", show=False),
        Binding("end,G", "last", "To the end", show=False),
    ]

    @dataclass
    class Moved(Message):
        """The cursor moved, or following began or ended."""

    @dataclass
    class Reached(Message):
        """The cursor came near an end of what is held."""

        step: int

    @dataclass
    class WholeWanted(Message):
        """The very first (-1) or the very last (1) line is wanted."""

        step: int

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.document = Document()
        self.cursor = 0
        self.following = True
        self.wrapped = False
        self.bookmarks = Bookmarks()
        self.names: Mapping[str, str] = {}
        """Short names of the logs, when there are several."""
        self._pattern: Pattern | None = None
        self._drawn: dict[tuple[str, LogLine], Strip] = {}
        self._tops: list[int] = []
        """The first row of each line, and the end, while lines are wrapped."""
        self._widest = 0

    @property
    def line(self) -> LogLine | None:
        """The line under the cursor."""
        lines = self.document.lines
        return lines[self.cursor] if self.cursor < len(lines) else None

    def show_document(self, document: Document, moved: int = 0) -> None:
        """Show another document; `moved` is by how many places its lines stand lower than before."""
        before = self._top_of(self.cursor) - self.scroll_offset.y
        self.document = document
        self._measure()
        last = max(0, len(document) - 1)
        self.cursor = last if self.following else max(0, min(last, self.cursor + moved))
        if self.following:
            self._show_end()
        elif moved:
            self._scroll(self._top_of(self.cursor) - before)
        self.refresh()

    def mark(self, pattern: Pattern | None) -> None:
        """Mark what matches."""
        self._pattern = pattern
        self.redraw()

    def bookmark(self) -> None:
        """Set a bookmark at the line under the cursor, or take it away."""
        if self.line is not None and not self.line.mark:
            self.bookmarks.toggle(self.line)
            self.redraw()

    def redraw(self) -> None:
        """Draw every line anew."""
        self._drawn.clear()
        self.refresh()

    def go_to(self, place: int) -> None:
        """Put the cursor on a line and bring it into view, in the middle when it was not; following ends."""
        self.following = False
        self.cursor = max(0, min(place, len(self.document) - 1))
        height, top = self._height, self._top_of(self.cursor)
        if not self.scroll_offset.y <= top < self.scroll_offset.y + height:
            self._scroll(top - height // 2)
        self.refresh()
        self.post_message(self.Moved())

    def follow(self, on: bool) -> None:
        """Keep the end in view, or stay."""
        self.following = on
        if on:
            self.cursor = max(0, len(self.document) - 1)
            self._show_end()
        self.refresh()
        self.post_message(self.Moved())

    def wrap(self) -> None:
        """Wrap long lines, or cut them at the edge."""
        self.wrapped = not self.wrapped
        self._measure()
        self._scroll(self._top_of(self.cursor) - self._height // 2)
        if self.following:
            self._show_end()
        self.refresh()

    @on(events.Resize)
    def _resized(self) -> None:
        self._measure()
        if self.following:
            self._show_end()

    def notify_style_update(self) -> None:
        """Forget what was made with another theme."""
        super().notify_style_update()
        self._drawn.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The mouse takes the cursor along, and the ends of what is held are announced."""
        super().watch_scroll_y(old_value, new_value)
        top, bottom = self._line_at(int(new_value)), self._line_at(int(new_value) + self._height - 1)
        if not top <= self.cursor <= bottom and len(self.document):
            self.cursor = max(top, min(bottom, self.cursor))
            self.following = False
            self.refresh()
            self.post_message(self.Moved())
        self._tell_ends(int(new_value - old_value))

    def render_line(self, y: int) -> Strip:
        """One visible row."""
        row, width, base = y + self.scroll_offset.y, self.scrollable_content_region.width, self.look[0]
        place = self._line_at(row)
        if place >= len(self.document):
            return Strip.blank(width, base)
        strip = self._strip(self.document.lines[place])
        x = (row - self._tops[place]) * width if self.wrapped else self.scroll_offset.x
        strip = strip.crop_extend(x, x + width, base)
        if place == self.cursor and self.has_focus:
            if x == 0 and strip.text.startswith(" "):
                strip = Strip.join([self.strip_of((("▸", "accent"),), 1), strip.crop(1, width)])
            strip = strip.apply_style(background_style(self.app.theme_variables, "cursor"))
        return strip

    @property
    def _height(self) -> int:
        return max(1, self.scrollable_content_region.height)

    def _top_of(self, place: int) -> int:
        return self._tops[place] if self.wrapped and place < len(self._tops) else place

    def _line_at(self, row: int) -> int:
        return max(0, bisect_right(self._tops, row) - 1) if self.wrapped and self._tops else row

    def _measure(self) -> None:
        lines, width = self.document.lines, max(1, self.scrollable_content_region.width)
        widest = max((len(line.text) for line in lines[-self._height * 4 :]), default=0)
        self._widest = max(self._widest, shown_cells(widest))
        if self.wrapped:
            heights = (max(1, -(-self._strip(line, keep=False).cell_length // width)) for line in lines)
            self._tops = list(accumulate(heights, initial=0))
            self.virtual_size = Size(width, self._tops[-1])
        else:
            self._tops = []
            self.virtual_size = Size(self._widest + (NAME_CELLS if self.names else 0) + 2, len(lines))

    def _strip(self, line: LogLine, *, keep: bool = True) -> Strip:
        first = "*" if line in self.bookmarks.lines else " "
        key = (first, line)
        strip = self._drawn.get(key)
        if strip is None:
            text = cut(_spans(line))
            strip = self.strip_of(text, sum(cells(part) for part, _ in text))
            if self._pattern is not None:
                strip = marked(strip, self._pattern, background_style(self.app.theme_variables, "match"))
            lead = self.strip_of(((first, "accent"),), 1)
            if self.names and not line.mark:
                name = fit(self.names.get(line.source, line.source), NAME_CELLS)
                # The name tells logs apart where there are no colours.
                place = list(self.names).index(line.source) if line.source in self.names else 0
                hue = source_style(self.app.theme_variables, place)
                lead = Strip.join([lead, Strip([Segment(f"{name} ", self.look[0] + hue)], NAME_CELLS + 1)])
            strip = Strip.join([lead, strip])
            if keep:
                if len(self._drawn) > KEPT_STRIPS:
                    self._drawn.clear()
                self._drawn[key] = strip
        return strip

    def _scroll(self, y: int) -> None:
        self.scroll_to(y=max(0, y), animate=False, force=True)

    def _show_end(self) -> None:
        rows = self._tops[-1] if self.wrapped and self._tops else len(self.document)
        self._scroll(rows - self._height)

    def _tell_ends(self, step: int) -> None:
        if step < 0 and self._line_at(self.scroll_offset.y) < self._height:
            self.post_message(self.Reached(-1))
        elif step > 0 and self._line_at(self.scroll_offset.y + self._height) >= len(self.document) - self._height:
            self.post_message(self.Reached(1))

    def _action_step(self, by: int) -> None:
        at_end = self.cursor >= len(self.document) - 1
        self._go(self.cursor + by, by)
        if by > 0 and at_end:
            self.post_message(self.Reached(1))

    def _action_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self._height - 1), by)

    def _go(self, place: int, step: int) -> None:
        self.following = False
        self.cursor = max(0, min(place, len(self.document) - 1))
        top, height = self._top_of(self.cursor), self._height
        end = self._tops[self.cursor + 1] if self.wrapped and self.cursor + 1 < len(self._tops) else top + 1
        if top < self.scroll_offset.y:
            self._scroll(top)
        elif end > self.scroll_offset.y + height:
            self._scroll(end - height)
        if self.cursor < self._height:
            self._tell_ends(step)
        self.refresh()
        self.post_message(self.Moved())

    def _action_first(self) -> None:
        self.post_message(self.WholeWanted(-1))

    def _action_last(self) -> None:
        self.post_message(self.WholeWanted(1))


def _spans(line: LogLine) -> Line:
    if line.mark:
        return ((f"{MARK}{line.text}", "muted"),)
    spans = log_line(line.text)
    if line.level in SERIOUS and len(spans) == 1:
        return ((spans[0][0], "error"),)
    return spans
