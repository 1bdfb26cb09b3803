"""How many lines of each level there are over time, as one line with its numbers; it moves the view of the lines."""

from __future__ import annotations

from collections.abc import Iterable

from raytui.logs.timeline import Column, Part, Timeline
from raytui.tui.render.levels import levels_line, numbers
from raytui.tui.render.text import line_cells
from raytui.tui.widgets.lines import LineView

STEP = 8
"""In steps of so many cells the columns give way to their numbers, so that they seldom move."""


class LevelsBar(LineView):
    """One line."""

    DEFAULT_CSS = "LevelsBar { height: 1; overflow: hidden hidden; }"

    def __init__(self) -> None:
        super().__init__(id="levels")
        self._timeline = Timeline()
        self._counted = False
        self._at: float | None = None

    def begin(self) -> None:
        """Count other logs."""
        self._timeline, self._counted = Timeline(), False
        self.draw()

    def add(self, parts: Iterable[Part]) -> None:
        """More of the logs was looked at."""
        for part in parts:
            if part.first is None or part.last is None or part.first == part.last:
                self._timeline.add(part.first, part.of)
            else:
                self._timeline.spread(part.first, part.last, part.of)
        self.draw()

    def end(self) -> None:
        """All of the logs was looked at."""
        self._counted = True
        self.draw()

    def point(self, at: float | None) -> None:
        """Show where the cursor stands."""
        self._at = at
        self.draw()

    def beside(self, step: int) -> Column | None:
        """The next column with lines after the cursor's (1), or the one before (-1)."""
        columns = [each for each in self._columns if each.of.lines]
        at = self._at if self._at is not None else (columns[-1].end if columns else 0.0)
        others = [each for each in columns if (each.begin > at if step > 0 else each.end <= at)]
        return (others[0] if step > 0 else others[-1]) if others else None

    @property
    def _columns(self) -> list[Column]:
        width = self.size.width or self.app.size.width
        needed = line_cells(numbers(self._timeline.total, "+")) + 4
        return self._timeline.columns(max(STEP, (width - needed) // STEP * STEP))

    def draw(self) -> None:
        """Show what is known."""
        columns, at = self._columns, self._at
        place = next((n for n, each in enumerate(columns) if at is not None and each.begin <= at < each.end), None)
        self.show([levels_line(columns, self._timeline.total, place, more="" if self._counted else "+")])
