"""Moving in logs: pages above and below a place, searches in both directions, of one log or several merged by time.

Every move opens the logs anew, so that it sees them as they are now, and reads in threads piece by piece: the event
loop stays free, and a move that is given up ends soon.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from datetime import tzinfo
from functools import partial
from time import perf_counter
from typing import NamedTuple, Protocol, TypeVar

from raytui.core.errors import OperationFailed, RaytuiError
from raytui.core.logline import LogBytes, LogLine, Missed
from raytui.core.session import LogSource
from raytui.logs import timeline
from raytui.logs.paging import around
from raytui.logs.paging.around import PIECE, Step, Wanted
from raytui.logs.paging.document import Place
from raytui.system.threads import in_daemon_thread

T = TypeVar("T")
TURN_S = 0.03
"""Seconds that a thread reads before it hands over what it found."""
WAIT_S = 5.0
"""Seconds that an interrupt waits for a thread that still reads."""
MOST_LINES = 2_000
"""Lines of one answer."""


class Opens(Protocol):
    """Whoever opens logs."""

    def open(self, source: LogSource, lines: int = -1) -> AbstractAsyncContextManager[LogBytes]:
        """The bytes of a log."""
        ...


class Found(NamedTuple):
    """What was found so far, and up to where was looked."""

    lines: list[LogLine]
    """In the direction of the move."""
    found: int
    """How many they are; more than are reported when only their number is wanted."""
    place: Place
    looked: int
    """Bytes that were looked at since the move began."""
    size: int
    """Bytes there are in that direction."""


class Moves:
    """Moves in some logs."""

    def __init__(self, logs: Opens, sources: Sequence[LogSource], zone: tzinfo | None = None) -> None:
        self._logs = logs
        self.sources = tuple(sources)
        self.zone = zone
        self.missed: list[Missed] = []
        """The logs that could not be opened in the last move."""
        self.cut: dict[str, set[int]] = {}
        """Offsets of lines of each log that were searched only in their beginning in the last move."""

    async def back(self, place: Place | None, wanted: Wanted) -> AsyncGenerator[Found]:
        """What stands above a place, newest first; above the end of each log without one."""
        async for found in self._move(place, wanted, -1):
            yield found

    async def on(self, place: Place, wanted: Wanted) -> AsyncGenerator[Found]:
        """What stands from a place on, oldest first."""
        async for found in self._move(place, wanted, 1):
            yield found

    async def page(self, place: Place | None, count: int, step: int) -> tuple[list[LogLine], bool]:
        """About `count` lines above (-1) or from a place on (1), oldest first, and whether the logs end there."""
        lines: list[LogLine] = []
        async with aclosing(self._move(place, Wanted(zone=self.zone), step)) as parts:
            async for part in parts:
                lines += part.lines
                if len(lines) >= count:
                    break
            else:
                return (lines[::-1] if step < 0 else lines), True
        return (lines[::-1] if step < 0 else lines), False

    async def first(self, place: Place | None, wanted: Wanted, step: int) -> LogLine | None:
        """The nearest wanted line above (-1) or from a place on (1)."""
        async with aclosing(self._move(place, wanted, step)) as parts:
            async for part in parts:
                if part.lines:
                    return part.lines[0]
        return None

    async def place_at(self, moment: float) -> Place:
        """The place in each log from which on lines were written then or later."""

        def look(name: str, blob: LogBytes) -> int:
            return around.place_at(name, blob, moment, self.zone)

        return await self._each(look)

    async def ends(self) -> Place:
        """The end of each log."""
        return await self._each(lambda _, blob: blob.size)

    async def places_of(self, texts: Mapping[str, list[str]]) -> tuple[dict[str, list[int | None]], Place]:
        """Where lines stand that were read from the ends of logs lately, by log; and the end of each log."""

        def look(name: str, blob: LogBytes) -> tuple[list[int | None], int]:
            return around.places_of(blob, texts.get(name, [])), blob.size

        found = await self._each(look)
        return {name: places for name, (places, _) in found.items()}, {name: end for name, (_, end) in found.items()}

    async def levels(self, place: Place) -> AsyncGenerator[tuple[str, list[timeline.Part]]]:
        """The levels of the logs from a place on, or of all that place does not name, one log after another."""
        async with AsyncExitStack() as stack:
            for name, (_, blob) in (await self._opened(stack)).items():
                begin = place.get(name, 0)
                if begin < blob.size or name not in place:
                    async with aclosing(_turns(name, timeline.parts(name, blob, self.zone, begin))) as turns:
                        async for parts in turns:
                            yield name, parts

    async def _each(self, look: Callable[[str, LogBytes], T]) -> dict[str, T]:
        found: dict[str, T] = {}
        async with AsyncExitStack() as stack:
            for name, (_, blob) in (await self._opened(stack)).items():
                found[name] = await _in_thread(name, partial(look, name, blob))
        return found

    async def _opened(self, stack: AsyncExitStack) -> dict[str, tuple[LogSource, LogBytes]]:
        """The logs that can be opened; raises why when none can."""
        opened: dict[str, tuple[LogSource, LogBytes]] = {}
        self.missed = []
        for source in self.sources:
            try:
                blob = await stack.enter_async_context(self._logs.open(source))
            except RaytuiError as error:
                if len(self.sources) == 1:
                    raise
                self.missed.append(Missed(source.name, error.message))
            else:
                opened[source.name] = (source, blob)
        return opened

    async def _move(self, place: Place | None, wanted: Wanted, step: int) -> AsyncGenerator[Found]:
        async with AsyncExitStack() as stack:
            fronts: list[_Front] = []
            self.cut = {}
            opened = await self._opened(stack)
            piece = PIECE if len(opened) <= 4 else PIECE // 4
            for name, (_, blob) in opened.items():
                begin = blob.size if place is None else min(place.get(name, blob.size), blob.size)
                read = around.before if step < 0 else around.after
                cut = self.cut.setdefault(name, set())
                fronts.append(_Front(name, read(name, blob, begin, wanted, piece, cut=cut), begin, step))
            size = sum(front.place if step < 0 else opened[front.name][1].size - front.place for front in fronts)
            begins = {front.name: front.place for front in fronts}
            places = dict(begins)
            while any(not front.is_spent for front in fronts):
                number = 0
                for front in fronts:
                    if not front.lines and not front.ended:
                        number += await front.fill()
                lines = _taken(fronts, step)
                places |= {front.name: front.safe_place for front in fronts}
                looked = sum(abs(front.place - begins[front.name]) for front in fronts)
                for at in range(0, max(1, len(lines)), MOST_LINES):
                    part = lines[at : at + MOST_LINES]
                    yield Found(part, number if wanted.counted else len(part), dict(places), looked, size)


class _Front:
    """How far a move has come in one log, and the lines there that were not yet given out."""

    def __init__(self, name: str, steps: Iterator[Step], place: int, step: int) -> None:
        self.name = name
        self.lines: list[LogLine] = []
        self.keys: list[float] = []
        self.ended = False
        self.place = place
        self._given = place
        self._steps = steps
        self._step = step
        self._key = -step * math.inf

    @property
    def is_spent(self) -> bool:
        """Whether nothing will come of it."""
        return self.ended and not self.lines

    @property
    def safe_place(self) -> int:
        """The place beyond which nothing was given out."""
        if not self.lines:
            return self.place
        offset = self.lines[0].offset if self._step > 0 else self._given
        assert offset is not None
        return offset

    async def fill(self) -> int:
        """Read on for a moment; how many lines were found."""
        found = 0

        def turn() -> list[Step]:
            return _turn(self._steps, lambda step: bool(step.lines))

        steps = await _in_thread(self.name, turn)
        self.ended = not steps
        for step in steps:
            found += step.found
            self.place = step.place
            for line in step.lines:
                at = self._key if line.at is None else line.at
                self._key = max(self._key, at) if self._step > 0 else min(self._key, at)
                self.lines.append(line)
                self.keys.append(self._key)
        return found

    def take(self, until: float) -> tuple[list[float], list[LogLine]]:
        """The lines up to a moment, that included."""
        n = 0
        while n < len(self.keys) and (self.keys[n] <= until if self._step > 0 else self.keys[n] >= until):
            n += 1
        taken = self.keys[:n], self.lines[:n]
        self.keys, self.lines = self.keys[n:], self.lines[n:]
        if n and (offset := taken[1][-1].offset) is not None:
            self._given = offset
        return taken


def _taken(fronts: Sequence[_Front], step: int) -> list[LogLine]:
    """The lines of all logs that nothing can come before any more, in the direction of the move."""
    if any(not front.lines and not front.ended for front in fronts):
        return []
    lasts = [front.keys[-1] for front in fronts if front.lines]
    if not lasts:
        return []
    until = min(lasts) if step > 0 else max(lasts)
    keys: list[float] = []
    lines: list[LogLine] = []
    for front in fronts if step > 0 else reversed(fronts):
        more, taken = front.take(until)
        keys += more
        lines += taken
    order = sorted(range(len(keys)), key=lambda n: step * keys[n])
    return [lines[n] for n in order]


def _turn(iterator: Iterator[T], is_enough: Callable[[T], bool]) -> list[T]:
    """What comes within a moment, at least one unless it has ended."""
    found: list[T] = []
    deadline = perf_counter() + TURN_S
    for each in iterator:
        found.append(each)
        if is_enough(each) or perf_counter() > deadline:
            break
    return found


async def _turns(name: str, iterator: Iterator[T]) -> AsyncGenerator[list[T]]:
    while found := await _in_thread(name, lambda: _turn(iterator, lambda _: False)):
        yield found
        # As long again for others: nobody waits for this.
        await asyncio.sleep(TURN_S)


async def _in_thread(name: str, work: Callable[[], T]) -> T:
    asked = asyncio.ensure_future(in_daemon_thread(work, "read a log"))
    try:
        return await asyncio.shield(asked)
    except asyncio.CancelledError:
        # The thread still reads: only when it is done may the log be closed.
        await asyncio.wait([asked], timeout=WAIT_S)
        raise
    except OSError as error:
        raise OperationFailed(f"{name} cannot be read: {error.strerror or error}", reason="Unreadable") from error


__all__ = ["Found", "Moves", "Opens", "Place", "Wanted"]
