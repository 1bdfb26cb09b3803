"""A stack of lines that repaints only the lines that changed: the ground of every pane that shows text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from raytui.core.units import sanitize
from raytui.tui.render.text import BLANK, Line
from raytui.tui.theme import role_styles, sheet


class LineView(ScrollView, can_focus=False):
    """Shows lines. Equal lines cost nothing, and a strip once made is kept as long as its line is shown."""

    DEFAULT_CSS = sheet(__file__)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id, classes=classes)
        self._lines: tuple[Line, ...] = ()
        self._strips: dict[Line, Strip] = {}
        self._look: tuple[Style, dict[str, Style]] | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """What is shown."""
        return self._lines

    def show(self, lines: Sequence[Line]) -> None:
        """Show these lines; only those that differ are painted again."""
        before, self._lines = self._lines, tuple(lines)
        if before == self._lines:
            return
        if len(self._strips) > 4 * len(self._lines) + 64:
            self._strips.clear()
        if len(before) != len(self._lines):
            self.hold(len(self._lines))
        for y, (old, new) in enumerate(zip_longest(before, self._lines)):
            if old != new:
                self.refresh_line(y)

    def hold(self, count: int) -> None:
        """Have room for so many lines.

        The screen is laid out again, which paints all of it, only where that may differ: lines that did not fit before
        and do not fit now take the same room, and only the scroll bar tells how many they are.
        """
        room, size = self.container_size.height, Size(0, count)
        if 0 < room < min(self.virtual_size.height, count):
            self.set_reactive(ScrollView.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    @property
    def look(self) -> tuple[Style, dict[str, Style]]:
        """The widget's own style and those of the roles upon it."""
        if self._look is None:
            base = self.rich_style
            self._look = (base, {role: base + style for role, style in role_styles(self.app.theme_variables).items()})
        return self._look

    def notify_style_update(self) -> None:
        """Forget what was made with another theme."""
        super().notify_style_update()
        self._look = None
        self._strips.clear()

    def strip_of(self, line: Line, width: int) -> Strip:
        """A line as a strip of exactly `width` cells; whatever it says, it holds no control sequence."""
        base, styles = self.look
        spans = ((text if text.isprintable() else sanitize(text), styles[role]) for text, role in line)
        return Strip([Segment(text, style) for text, style in spans if text]).adjust_cell_length(width, base)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        index = y + self.scroll_offset.y
        width = self.scrollable_content_region.width
        line = self._lines[index] if index < len(self._lines) else BLANK
        strip = self._strips.get(line)
        if strip is None or strip.cell_length != width:
            strip = self._strips[line] = self.strip_of(line, width)
        return strip
