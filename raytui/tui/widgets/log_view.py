"""A log on the Line API: bounded, newest at the bottom, only what is visible is drawn, filtered and searched as plain text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.style import Style
from textual import events, on
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from raytui.tui.render.log_line import log_line, shown_text
from raytui.tui.render.text import Line, cells
from raytui.tui.theme import background_style, sheet
from raytui.tui.widgets.lines import LineView

CAPACITY = 20_000
"""Lines kept; when they are more the oldest block goes."""
BLOCK = 2_000
SHOWN_CELLS = 2_000
"""Cells of one line that can be scrolled to; a longer line is cut with a mark."""


def pattern_of(text: str) -> re.Pattern[str]:
    """What a person typed as a pattern, whatever the case; text that is no regular expression is looked for as it stands."""
    try:
        return re.compile(text, re.IGNORECASE)
    except re.error:
        return re.compile(re.escape(text), re.IGNORECASE)


class LogView(LineView, can_focus=True):
    """The lines of one log."""

    DEFAULT_CSS = sheet(__file__)

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "pan(-20)", "Left", show=False),
        Binding("right", "pan(20)", "Right", show=False),
    ]

    @dataclass
    class Moved(Message):
        """Following, the filter's count or the place of a search changed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._texts: list[str] = []
        self._visible: list[int] | None = None
        """Indexes of the lines that pass the filter; none without one."""
        self._filter: re.Pattern[str] | None = None
        self._search: re.Pattern[str] | None = None
        self._found: int | None = None
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
    def is_searching(self) -> bool:
        """Whether something was searched for."""
        return self._search is not None

    def text_at(self, place: int) -> str:
        """The text of one shown line."""
        return self._texts[place if self._visible is None else self._visible[place]]

    def clear(self) -> None:
        """Forget every line; the filter stays."""
        self._texts, self._drawn, self._widest, self._found = [], {}, 0, None
        self._visible = None if self._filter is None else []
        self.following = True
        self._resize()
        self.scroll_to(x=0, y=0, animate=False, force=True)
        self.refresh()

    def append(self, lines: Sequence[str]) -> None:
        """Add lines at the end; the view stays where it is unless it follows."""
        if not lines:
            return
        before, start = self.count, len(self._texts)
        self._texts.extend(lines)
        if self._visible is not None and self._filter is not None:
            self._visible += [start + n for n, line in enumerate(lines) if self._filter.search(shown_text(line))]
        self._widest = max(self._widest, *(min(SHOWN_CELLS, len(line)) for line in lines))
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
        """Show only matching lines; all of them for the empty text."""
        self._filter = pattern_of(text) if text else None
        self._found = None
        pattern = self._filter
        self._visible = None if pattern is None else [n for n, line in enumerate(self._texts) if pattern.search(shown_text(line))]
        self._drawn.clear()
        self._resize()
        self._to_end()
        self.refresh()
        self.post_message(self.Moved())

    def search(self, text: str) -> bool:
        """Mark what matches and go to the last match; whether there is one."""
        self._search = pattern_of(text) if text else None
        self._found = None
        self._drawn.clear()
        self.refresh()
        return bool(text) and self.find(-1)

    def find(self, step: int) -> bool:
        """Go to the next match downwards (1) or upwards (-1), around the ends; whether there is one."""
        if self._search is None or not self.count:
            return False
        start = self._found if self._found is not None else (self.count if step < 0 else -1)
        for offset in range(1, self.count + 1):
            place = (start + step * offset) % self.count
            if self._search.search(shown_text(self.text_at(place))):
                self._found, self.following = place, False
                self._drawn.clear()
                self.scroll_to(y=max(0, place - self.scrollable_content_region.height // 2), animate=False, force=True)
                self.refresh()
                self.post_message(self.Moved())
                return True
        return False

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
        elif not self.following and at_end and new_value > old_value and self._found is None:
            self.following = True
            self.post_message(self.Moved())

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        place, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        base = self.look[0]
        if place >= self.count:
            return Strip.blank(width, base)
        strip = self._strip(self.text_at(place), found=place == self._found)
        return strip.crop_extend(self.scroll_offset.x, self.scroll_offset.x + width, base)

    def _action_pan(self, by: int) -> None:
        furthest = max(0, self.virtual_size.width - self.scrollable_content_region.width)
        self.scroll_to(x=max(0, min(furthest, self.scroll_offset.x + by)), animate=False, force=True)

    def _strip(self, text: str, *, found: bool) -> Strip:
        key = f"\x00{text}" if found else text
        strip = self._drawn.get(key)
        if strip is None:
            if len(self._drawn) > 500:
                self._drawn.clear()
            line = _lead(_cut(log_line(text)))
            width = sum(cells(part) for part, _ in line)
            strip = self.strip_of(line, width)
            if self._search is not None:
                strip = self._marked(strip, found=found)
            self._drawn[key] = strip
        return strip

    def _marked(self, strip: Strip, *, found: bool) -> Strip:
        assert self._search is not None
        style = Style(reverse=True) if found else background_style(self.app.theme_variables, "match")
        text = strip.text
        cuts: list[int] = []
        for match in self._search.finditer(text):
            if match.end() > match.start():
                cuts += [cells(text[: match.start()]), cells(text[: match.end()])]
            if len(cuts) > 100:
                break
        if not cuts:
            return strip
        parts = strip.divide([*cuts, strip.cell_length]) if cuts[-1] < strip.cell_length else strip.divide(cuts)
        return Strip.join([part.apply_style(style) if n % 2 else part for n, part in enumerate(parts)])

    def _bound(self) -> int:
        if len(self._texts) <= CAPACITY:
            return 0
        dropped = len(self._texts) - CAPACITY + BLOCK
        del self._texts[:dropped]
        shown = dropped
        if self._visible is not None:
            shown = sum(n < dropped for n in self._visible)
            self._visible = [n - dropped for n in self._visible if n >= dropped]
        if self._found is not None:
            self._found = self._found - shown if self._found >= shown else None
        return shown

    def _resize(self) -> None:
        self.virtual_size = Size(min(self._widest, SHOWN_CELLS) + 2, self.count)

    def _to_end(self) -> None:
        self.scroll_to(y=max(0, self.count - self.scrollable_content_region.height), animate=False, force=True)


def _cut(line: Line) -> Line:
    """A line that can be drawn in no time, however long it is."""
    left = SHOWN_CELLS - 1
    kept = []
    for text, role in line:
        if len(text) > left:
            kept += [(text[:left], role), ("…", "muted")]
            break
        kept.append((text, role))
        left -= len(text)
    return tuple(kept)


def _lead(line: Line) -> Line:
    return ((" ", ""), *line)
