"""Lines of many logs as one, by time.

Lines of one log keep their order: what a log says is not torn apart because a thread wrote its line a moment late. A
time that jumps back by more than `JUMP_S` (a clock that was set, a process that began again) is believed.
"""

from __future__ import annotations

import asyncio
import math
from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import NamedTuple

from raytui.core.logline import LogLine
from raytui.logs.merge import marks

BATCH = 500
JUMP_S = 60.0
HOLD_S = 0.25
"""How long lines of followed logs are held so that others of the same moment can still come."""
HELD_LINES = 20_000
"""Lines that wait for a slow reader before the logs themselves are made to wait."""


class Order:
    """By what a line of one log stands among those of others: its time, never less than that of the line above."""

    def __init__(self, untimed: float = -math.inf) -> None:
        """`untimed` is where lines stand before the first that has a time."""
        self._key = untimed
        self._untimed = True
        self.jumps: list[tuple[int, float]] = []
        """Which of the lines of the last batch begin with a time far before the one above, and by how many seconds."""

    def keys(self, lines: Sequence[LogLine]) -> list[float]:
        """The places of the next lines."""
        if self._untimed:
            first = next((line.at for line in lines if line.at is not None), None)
            if first is not None:
                self._key, self._untimed = first, False
        keys: list[float] = []
        self.jumps.clear()
        for line in lines:
            at = line.at
            if at is not None and (at > self._key or at < self._key - JUMP_S):
                if at < self._key < math.inf:
                    self.jumps.append((len(keys), self._key - at))
                self._key = at
            keys.append(self._key)
        return keys


class _Held(NamedTuple):
    """Lines of one log that were not yet given out, with their places, which ascend."""

    lines: list[LogLine]
    keys: list[float]


class _Inflow:
    """The next lines of each log with their places."""

    def __init__(
        self, sources: Sequence[AsyncIterator[list[LogLine]]], untimed: Sequence[float] | None, *, marked: bool
    ) -> None:
        self._sources = sources
        self._marked = marked
        self._untimed = untimed
        self._orders: dict[int, Order] = {}
        self._later: dict[int, _Held] = {}
        """What follows a time that jumped back in the middle of a batch."""
        self._limit = asyncio.Semaphore(8)

    async def next(self, n: int) -> _Held | None:
        """The next lines of a log, at least one; none at its end."""
        later = self._later.pop(n, None)
        if later is not None:
            return self._ascending(n, later)
        async for batch in self._sources[n]:
            if batch:
                if n not in self._orders:
                    self._orders[n] = Order(self._untimed[n] if self._untimed is not None else -math.inf)
                order = self._orders[n]
                held = _Held(batch, order.keys(batch))
                return self._ascending(n, _with_jumps(held, order) if self._marked and order.jumps else held)
        return None

    async def first(self) -> dict[int, _Held]:
        """The first lines of each log that has any."""

        async def of(n: int) -> _Held | None:
            async with self._limit:
                return await self.next(n)

        found = await asyncio.gather(*(of(n) for n in range(len(self._sources))))
        return {n: held for n, held in enumerate(found) if held is not None}

    def _ascending(self, n: int, held: _Held) -> _Held:
        lines, keys = held
        at = next((at for at in range(1, len(keys)) if keys[at] < keys[at - 1]), 0)
        if not at:
            return held
        self._later[n] = _Held(lines[at:], keys[at:])
        return _Held(lines[:at], keys[:at])


def _with_jumps(held: _Held, order: Order) -> _Held:
    lines, keys = list(held.lines), list(held.keys)
    for at, seconds in reversed(order.jumps):
        lines.insert(at, marks.went_back(lines, at, seconds))
        keys.insert(at, keys[at])
    return _Held(lines, keys)


async def merged(
    sources: Sequence[AsyncIterator[list[LogLine]]], untimed: Sequence[float] | None = None, *, marked: bool = False
) -> AsyncGenerator[list[LogLine]]:
    """The lines of all, each once, in batches; where times are the same the first source comes first.

    `marked`: where times go back or all are silent, a line between them says so.

    Holds one batch of each. `untimed` says for each where its lines stand that have no time, known with its first ones.
    """
    inflow = _Inflow(sources, untimed, marked=marked)
    held = await inflow.first()
    before = math.inf
    while held:
        # Whatever a log still has comes after the last line of it that is held: up to the least of those all is known.
        key, last = min((each.keys[-1], n) for n, each in held.items())
        lines: list[LogLine] = []
        keys: list[float] = []
        for n in sorted(held):
            each = held[n]
            end = bisect_right(each.keys, key) if n <= last else bisect_left(each.keys, key)
            if not end:
                continue
            lines += each.lines[:end]
            keys += each.keys[:end]
            if end < len(each.keys):
                held[n] = _Held(each.lines[end:], each.keys[end:])
            elif (more := await inflow.next(n)) is not None:
                held[n] = more
            else:
                del held[n]
        order = sorted(range(len(keys)), key=keys.__getitem__)
        ordered = [lines[at] for at in order]
        if marked:
            if max(keys[order[-1]] - before, keys[order[-1]] - keys[order[0]]) > marks.SILENT_S:
                ordered = _with_silences(ordered, [keys[at] for at in order], before)
            before = keys[order[-1]]
        for begin in range(0, len(ordered), BATCH):
            yield ordered[begin : begin + BATCH]


def _with_silences(lines: list[LogLine], keys: list[float], before: float) -> list[LogLine]:
    found: list[LogLine] = []
    for line, key in zip(lines, keys, strict=True):
        if marks.SILENT_S < key - before < math.inf and line.at is not None:
            found.append(marks.silent(line, key - before))
        before = key
        found.append(line)
    return found


class Gathering:
    """Lines of followed logs as they come, held for a moment and put in order of their times."""

    def __init__(self) -> None:
        self._lines: list[tuple[float, LogLine]] = []
        self._room = asyncio.Event()
        self._room.set()
        self._arrived = asyncio.Event()
        self._orders: dict[str, Order] = {}
        self._ended = 0

    async def take_in(self, parts: AsyncIterator[list[LogLine]], source: str) -> None:
        """Take in all lines of one log until it ends; raises what it raises."""
        order = self._orders.setdefault(source, Order())
        try:
            async for lines in parts:
                await self._room.wait()
                self._lines.extend(zip(order.keys(lines), lines, strict=True))
                if len(self._lines) >= HELD_LINES:
                    self._room.clear()
                self._arrived.set()
        finally:
            self._ended += 1
            self._arrived.set()

    async def batches(self, logs: int) -> AsyncGenerator[list[LogLine]]:
        """What came, in order, at most four times a second; ends when that many logs have ended."""
        while True:
            await self._arrived.wait()
            if self._ended < logs and len(self._lines) < HELD_LINES:
                await asyncio.sleep(HOLD_S)
            self._arrived.clear()
            lines, self._lines = self._lines, []
            self._room.set()
            lines.sort(key=lambda item: item[0])
            for begin in range(0, len(lines), BATCH):
                yield [line for _, line in lines[begin : begin + BATCH]]
            if self._ended >= logs and not self._lines:
                return
