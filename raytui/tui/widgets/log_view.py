"""A log on the Line API: bounded, newest at the bottom, drawn where visible, filtered and searched as text."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual import events, on
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from raytui.core.patterns import Pattern, lenient_pattern
from raytui.tui.render.log_line import log_line
from raytui.tui.render.text import Line, cells
from raytui.tui.theme import background_style, sheet
from raytui.tui.widgets.examine import LONG, MOMENT_S, PIECE_S, examine
from raytui.tui.widgets.wide_lines import WideLines, cut, marked, shown_cells

CAPACITY = 20_000
"""Lines kept; when they are more the oldest block goes."""
BLOCK = 2_000
PIECE = 2_000
"""Lines that are handed to a thread at once."""


class LogView(WideLines, can_focus=True):
    """The lines of one log."""

    DEFAULT_CSS = sheet(__file__)

    @dataclass
    class Moved(Message):
        """Following, the filter's count or the place of a search changed."""

    @dataclass
    class Missed(Message):
        """The whole log was searched and nothing matches; `text` is empty when nothing was searched for."""

        text: str

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._texts: list[str] = []
        self._visible: list[int] | None = None
        """Indexes of the lines that pass the filter; none without one."""
        self._filter: Pattern | None = None
        self._sifted = 0
        """Lines that the filter has looked at, from the first one on."""
        self._sifting = False
        self._dropped = 0
        """Lines that were kept once: a line's number in the whole log is this plus its index."""
        self._search: Pattern | None = None
        self._sought = ""
        self.found: int | None = None
        """Place of the match that a search is at."""
        self._drawn: dict[str, Strip] = {}
        self._widest = 0
        self.following = True

    @property
    def count(self) -> int:
        """Lines that are shown."""
        return len(self._texts) if self._visible is None else len(self._visible)

    @property
    def total(self) -> int:
        """Lines that are kept."""
        return len(self._texts)

    @property
    def sifted(self) -> int:
        """Lines that the filter has looked at so far; all of them without one."""
        return len(self._texts) if self._filter is None else self._sifted

    @property
    def is_plain(self) -> bool:
        """Whether the filter is looked for as it stands, because it is no pattern."""
        return self._filter is not None and self._filter.literal

    @property
    def is_searching(self) -> bool:
        """Whether something was searched for."""
        return self._search is not None

    def text_at(self, place: int) -> str:
        """The text of one shown line."""
        return self._texts[place if self._visible is None else self._visible[place]]

    def clear(self) -> None:
        """Forget every line; the filter stays."""
        self._dropped += len(self._texts)
        self._texts, self._drawn, self._widest, self.found, self._sifted = [], {}, 0, None, 0
        self._visible = None if self._filter is None else []
        self.following = True
        self._resize()
        self.scroll_to(x=0, y=0, animate=False, force=True)
        self.refresh()

    def append(self, lines: Sequence[str]) -> None:
        """Add lines at the end; the view stays where it is unless it follows."""
        if not lines:
            return
        before = self.count
        self._texts.extend(lines)
        self._sift()
        self._widest = max(self._widest, *(shown_cells(len(line)) for line in lines))
        dropped = self._bound()
        self._resize()
        if self.following:
            self._to_end()
        elif dropped:
            self.scroll_to(y=max(0, self.scroll_offset.y - dropped), animate=False, force=True)
            self.refresh()
        if dropped or self.following:
            self.refresh()
        else:
            self.refresh_lines(before, self.count - before)
        self.post_message(self.Moved())

    def set_filter(self, text: str) -> None:
        """Show only matching lines; all of them for the empty text. A costly filter shows what it has found so far."""
        self._filter = lenient_pattern(text) if text else None
        self.found, self._sifted = None, 0
        self._visible = None if self._filter is None else []
        self._sift()
        self._drawn.clear()
        self._resize()
        self._to_end()
        self.refresh()
        self.post_message(self.Moved())

    def search(self, text: str) -> None:
        """Mark what matches and go to the last match; `Missed` when there is none."""
        self._search, self._sought = (lenient_pattern(text) if text else None), text
        self.found = None
        self._drawn.clear()
        self.refresh()
        if text:
            self.find(-1)

    def find(self, step: int) -> None:
        """Go to the next match downwards (1) or upwards (-1), around the ends; `Missed` when there is none."""
        count, pattern = self.count, self._search
        if pattern is None or not count:
            self.post_message(self.Missed(self._sought))
            return
        start = self.found if self.found is not None else (count if step < 0 else -1)
        places = ((start + step * offset) % count for offset in range(1, count + 1))
        order = [place if self._visible is None else self._visible[place] for place in places]
        lines = [self._texts[index] for index in order]
        found, seen = examine(pattern, lines, MOMENT_S, longest=LONG, first=True)
        if found:
            self._go_to(order[found[0]])
        elif seen == count:
            self.post_message(self.Missed(self._sought))
        else:
            numbers = [self._dropped + index for index in order[seen:]]
            self.run_worker(self._seek(pattern, numbers, lines[seen:]), group="search", exclusive=True)

    async def _seek(self, pattern: Pattern, numbers: list[int], lines: list[str]) -> None:
        """Go on with a search off the event loop; a newer one ends this."""
        at = 0
        while at < len(lines):
            found, seen = await asyncio.to_thread(examine, pattern, lines[at : at + PIECE], PIECE_S, first=True)
            if pattern is not self._search:
                return
            index = numbers[at + found[0]] - self._dropped if found else -1
            if index >= 0:
                self._go_to(index)
                return
            at += seen
        self.post_message(self.Missed(self._sought))

    def _go_to(self, index: int) -> None:
        """Put a line that was found into view, unless the filter has hidden it meanwhile."""
        place = index if self._visible is None else bisect_left(self._visible, index)
        if self._visible is not None and (place == len(self._visible) or self._visible[place] != index):
            return
        self.found, self.following = place, False
        self._drawn.clear()
        self.scroll_to(y=max(0, place - self.scrollable_content_region.height // 2), animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved())

    def _sift(self) -> None:
        """Let the filter look at what is new for a moment; what is left is looked at in a thread."""
        pattern = self._filter
        if pattern is None or self._visible is None or self._sifting:
            return
        begin = self._sifted
        found, seen = examine(pattern, self._texts[begin:], MOMENT_S, longest=LONG)
        self._visible += [begin + n for n in found]
        self._sifted += seen
        if self._sifted < len(self._texts):
            self._sifting = True
            self.run_worker(self._sift_on(), group="filter")

    async def _sift_on(self) -> None:
        """Look at the lines that are left off the event loop, with whatever filter is in force."""
        try:
            while (pattern := self._filter) is not None and self._sifted < len(self._texts):
                number, piece = self._dropped + self._sifted, self._texts[self._sifted : self._sifted + PIECE]
                found, seen = await asyncio.to_thread(examine, pattern, piece, PIECE_S)
                if pattern is self._filter and self._visible is not None:
                    begin = number - self._dropped
                    self._visible += [begin + n for n in found if begin + n >= 0]
                    self._sifted = max(0, begin + seen)
                    self._more_found()
        finally:
            self._sifting = False

    def _more_found(self) -> None:
        self._resize()
        if self.following:
            self._to_end()
        self.refresh()
        self.post_message(self.Moved())

    def follow(self, on: bool) -> None:
        """Keep the end in view, or stay."""
        self.following = on
        if on:
            self._to_end()
        self.post_message(self.Moved())

    @on(events.Resize)
    def _resized(self) -> None:
        if self.following:
            self._to_end()

    def notify_style_update(self) -> None:
        """Forget what was made with another theme."""
        super().notify_style_update()
        self._drawn.clear()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scrolling up stops following; reaching the end takes it up again."""
        super().watch_scroll_y(old_value, new_value)
        if old_value == new_value:
            return
        at_end = new_value >= self.max_scroll_y
        if self.following and new_value < old_value and not at_end:
            self.following = False
            self.post_message(self.Moved())
        elif not self.following and at_end and new_value > old_value and self.found is None:
            self.following = True
            self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        place, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        base = self.look[0]
        if place >= self.count:
            return Strip.blank(width, base)
        strip = self._strip(self.text_at(place), found=place == self.found)
        return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, base)

    def _strip(self, text: str, *, found: bool) -> Strip:
        key = f"\x00{text}" if found else text
        strip = self._drawn.get(key)
        if strip is None:
            if len(self._drawn) > 500:
                self._drawn.clear()
            line = _lead(cut(log_line(text)))
            width = sum(cells(part) for part, _ in line)
            strip = self.strip_of(line, width)
            if self._search is not None:
                ground = Style(reverse=True) if found else background_style(self.app.theme_variables, "match")
                strip = marked(strip, self._search, ground)
            self._drawn[key] = strip
        return strip

    def _bound(self) -> int:
        if len(self._texts) <= CAPACITY:
            return 0
        dropped = len(self._texts) - CAPACITY + BLOCK
        del self._texts[:dropped]
        self._dropped += dropped
        self._sifted = max(0, self._sifted - dropped)
        shown = dropped
        if self._visible is not None:
            shown = sum(n < dropped for n in self._visible)
            self._visible = [n - dropped for n in self._visible if n >= dropped]
        if self.found is not None:
            self.found = self.found - shown if self.found >= shown else None
        return shown

    def _resize(self) -> None:
        self.virtual_size = Size(self._widest + 2, self.count)

    def _to_end(self) -> None:
        self.scroll_to(y=max(0, self.count - self.scrollable_content_region.height), animate=False, force=True)


def _lead(line: Line) -> Line:
    return ((" ", ""), *line)
