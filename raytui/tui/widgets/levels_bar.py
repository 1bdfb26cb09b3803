"""How many lines of each level there are over time, as one line with its numbers; it moves the view of the lines.

A log of this machine is counted at once, and what is added to it later. To count one of another machine it is fetched
whole, so that waits until somebody asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from textual import on
from textual.message import Message
from textual.worker import Worker

from raytui.core.session import Logs
from raytui.logs.paging.document import Place
from raytui.logs.paging.moving import Moves
from raytui.logs.timeline import Column, Part, Timeline
from raytui.tui import log_work
from raytui.tui.render.levels import levels_line, numbers
from raytui.tui.render.text import line_cells
from raytui.tui.widgets.lines import LineView

STEP = 8
"""In steps of so many cells the columns give way to their numbers, so that they seldom move."""
ON_DEMAND = " levels not counted: [ or ] counts them, for which the whole log is fetched"


class LevelsBar(LineView):
    """One line."""

    DEFAULT_CSS = "LevelsBar { height: 1; overflow: hidden hidden; }"

    @dataclass
    class Near(Message):
        """Whether the logs of a look can be counted without fetching them."""

        look: int
        near: bool

    def __init__(self) -> None:
        super().__init__(id="levels")
        self._timeline = Timeline()
        self._moves: Moves | None = None
        self._reached: Place = {}
        """Up to where the levels of each log were counted."""
        self._number = 0
        """The number of the present look at logs."""
        self._near: bool | None = None
        """Whether the logs can be counted without fetching them; none until it is known."""
        self._counting = self._counted = False
        self._at: float | None = None

    @property
    def counted(self) -> bool:
        """Whether all was counted that the logs held when they were last looked at."""
        return self._counted

    @property
    def has_begun(self) -> bool:
        """Whether some of the logs was counted, or is being counted."""
        return self._counting or self._counted or bool(self._timeline.total.lines)

    def begin(self, logs: Logs, moves: Moves) -> None:
        """Count the levels of these logs where that costs little."""
        self._moves, self._timeline, self._reached = moves, Timeline(), {}
        self._number += 1
        self._counting = self._counted = False
        self._near = None
        self.workers.cancel_node(self)
        self._run("near", partial(self._find_out, logs, moves, self._number))
        self.draw()

    async def _find_out(self, logs: Logs, moves: Moves, look: int) -> None:
        near = all(await asyncio.gather(*(logs.is_near(source) for source in moves.sources)))
        self.post_message(self.Near(look, near))

    @on(Near)
    def _is_near(self, message: Near) -> None:
        message.stop()
        if message.look == self._number:
            self._near = message.near
            if message.near:
                self.count()
            self.draw()

    def count(self, wait: float = 0.0) -> bool:
        """Count the levels of what was not counted yet; false when that goes on or all is counted."""
        if self._moves is None or self._counting or (self._counted and not wait):
            return False
        self._counting = True
        work = partial(log_work.levels, self.post_message, self._number, self._moves, dict(self._reached), wait)
        guarded = partial(log_work.guarded, self.post_message, self._number, "levels cannot be counted", work)
        self._run("levels", guarded)
        self.draw()
        return True

    def _run(self, group: str, work: log_work.Work) -> Worker[None]:
        worker: Worker[None] = self.run_worker(work, group=group, exclusive=True, exit_on_error=False)
        return worker

    def grew(self) -> None:
        """Lines were added to the logs: of a log of this machine only these are counted."""
        if self._near and not self._counting:
            self.count(log_work.COUNT_AGAIN_S)
        elif self._near is False and self._counted:
            self._counted = False
            self.draw()

    @on(log_work.Levels)
    def _more_levels(self, message: log_work.Levels) -> None:
        message.stop()
        if message.look != self._number:
            return
        if message.parts:
            self._reached[message.source] = message.parts[-1].place
            self._add(message.parts)
        else:
            self._counting, self._counted = False, message.whole
        self.draw()

    def _add(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if part.first is None or part.last is None or part.first == part.last:
                self._timeline.add(part.first, part.of)
            else:
                self._timeline.spread(part.first, part.last, part.of)

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
        if not self.has_begun:
            self.show([((ON_DEMAND if self._near is False else "", "muted"),)])
            return
        columns, at = self._columns, self._at
        place = next((n for n, each in enumerate(columns) if at is not None and each.begin <= at < each.end), None)
        self.show([levels_line(columns, self._timeline.total, place, more="" if self._counted else "+")])
