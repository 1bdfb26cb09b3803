"""Matches in many logs that have to be fetched: in order of time while little came, then as they are found.

Of two gigabytes that come from twenty nodes the first match is known after a second, the order of all after the last
byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from raytui.core.errors import RaytuiError
from raytui.core.logline import LogLine, Missed
from raytui.core.session import LogSource
from raytui.logs.merge.by_time import merged
from raytui.logs.reading.candidates import not_searched_whole

AT_ONCE = 8
"""Logs that are fetched and searched at the same time."""
HELD_BYTES = 16 * 1024 * 1024
"""Bytes that may come while matches are held to put them in order."""
HELD_LINES = 10_000
"""Matches that are held at most."""
WAITING = 16
"""Batches that may wait while whoever reads them pauses; then no more are looked for."""


class _Results:
    """What was found and is not taken yet."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[tuple[int, list[LogLine], int] | None] = asyncio.Queue()
        self._freed = asyncio.Event()

    @property
    def is_full(self) -> bool:
        return self._queue.qsize() >= WAITING

    def put(self, found: tuple[int, list[LogLine], int] | None) -> None:
        self._queue.put_nowait(found)

    async def room(self) -> None:
        while self.is_full:
            self._freed.clear()
            await self._freed.wait()

    async def get(self) -> tuple[int, list[LogLine], int] | None:
        found = await self._queue.get()
        self._freed.set()
        return found


class Found:
    """Takes in matches of one log, oldest first, and how many bytes came from another machine for them."""

    def __init__(self, number: int, results: _Results) -> None:
        self._number, self._results = number, results

    def __call__(self, lines: list[LogLine], came: int) -> None:
        """Take in some more; who does not ask for room before lets them pile up."""
        self._results.put((self._number, lines, came))

    @property
    def is_full(self) -> bool:
        """Whether as many matches wait as may: whoever reads them pauses."""
        return self._results.is_full

    async def room(self) -> None:
        """Wait until more may be taken in."""
        await self._results.room()


Searcher = Callable[[LogSource, Found], Awaitable[int]]
"""Searches one log to its end, answers how many lines only in their beginning; raises why it cannot be read."""


async def as_found(
    sources: Sequence[LogSource], search: Searcher, missed: Callable[[Missed], None]
) -> AsyncGenerator[list[LogLine]]:
    """The matches of all logs, those of one log in its own order.

    They are merged by time if all are known before much came. A single log raises why it cannot be read, of several it
    is reported to `missed`.
    """
    results = _Results()
    searching = asyncio.create_task(_searched(sources, search, missed, results), name="search logs as they come")
    held: dict[int, list[LogLine]] | None = None if len(sources) == 1 else {}
    number = came = 0
    try:
        while (found := await results.get()) is not None:
            n, lines, size = found
            if held is None:
                if lines:
                    yield lines
                continue
            held.setdefault(n, []).extend(lines)
            number, came = number + len(lines), came + size
            if number > HELD_LINES or came > HELD_BYTES:
                async for batch in _by_time(held):
                    yield batch
                held = None
        async for batch in _by_time(held or {}):
            yield batch
        await searching
    finally:
        searching.cancel()
        await asyncio.wait([searching])


async def _searched(
    sources: Sequence[LogSource], search: Searcher, missed: Callable[[Missed], None], results: _Results
) -> None:
    """Search all of them and tell what is found, at the end that nothing more will be."""
    waiting = list(enumerate(sources))[::-1]

    async def worker() -> None:
        while waiting:
            n, source = waiting.pop()
            try:
                number = await search(source, Found(n, results))
                if number:
                    missed(not_searched_whole(source.name, number))
            except RaytuiError as error:
                if len(sources) == 1:
                    raise
                missed(Missed(source.name, error.message))

    try:
        if len(sources) == 1:
            await worker()
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(sources))):
                group.create_task(worker(), name="search logs")
    finally:
        results.put(None)


def _by_time(held: dict[int, list[LogLine]]) -> AsyncIterator[list[LogLine]]:
    async def of(lines: list[LogLine]) -> AsyncGenerator[list[LogLine]]:
        yield lines

    return merged([of(held[n]) for n in sorted(held) if held[n]])
