"""Many logs read, searched and followed as one, wherever their bytes come from."""

from __future__ import annotations

import asyncio
import contextlib
import math
import resource
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from raytui.core.errors import OperationFailed, RaytuiError
from raytui.core.logline import LogBytes, LogLine, Missed, Query
from raytui.core.session import LogSource
from raytui.logs.formats import Reader
from raytui.logs.merge import marks
from raytui.logs.merge.by_time import Gathering, merged
from raytui.logs.reading.candidates import not_searched_whole
from raytui.logs.reading.ranges import Blob
from raytui.logs.reading.text import CUT_MARK
from raytui.logs.search import pieces
from raytui.logs.search.remote import Found, as_found
from raytui.logs.search.selection import Selection
from raytui.logs.search.stream import can_be_searched

MOST_STREAMS = 32
"""Logs of Ray that are followed at the same time: its dashboard serves 100 such calls of everybody together, and each
holds one for good."""
SEARCHED_AT_ONCE = 4
MANY = 256
"""Logs from which on those with nothing that is wanted are found out first, so that few are held open."""
SPARE = 512
"""Files that are open besides logs at most."""
Opener = Callable[[LogSource, int], AbstractAsyncContextManager[Blob]]
"""Opens a log of which at least the last lines are wanted, -1 for all; raises why it cannot be read."""
Searcher = Callable[[LogSource, Query, Found], Awaitable[int]]
"""Searches a log to its end, while it comes if it has to be fetched, and answers how many lines were searched only in
their beginning; raises why it cannot be read."""
Follower = Callable[[LogSource, int], AsyncGenerator[list[str]]]
"""The last lines of a log and what is added, in batches; raises when nothing more will come."""


def more_files(number: int) -> None:
    """Let this program have that many files open and some more, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + SPARE if hard == resource.RLIM_INFINITY else min(hard, number + SPARE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):  # what cannot be opened is reported as missed
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def is_rays(source: LogSource) -> bool:
    """Whether the log lies on a node of Ray, so that it may have to be fetched through the dashboard."""
    return source.kind in {"ray", "job"}


class Many:
    """Reads several logs."""

    def __init__(self, opener: Opener, follower: Follower, searcher: Searcher | None = None) -> None:
        """`searcher` searches logs of other machines while they come."""
        self._open = opener
        self._search = searcher
        self._follow = follower

    def open(self, source: LogSource, lines: int = -1) -> AbstractAsyncContextManager[LogBytes]:
        """The bytes of a log, or what ends with at least its last `lines`; raises why it cannot be read."""
        return self._open(source, lines)

    async def lines(
        self,
        sources: Sequence[LogSource],
        query: Query,
        missed: Callable[[Missed], None],
        *,
        early: bool = False,
    ) -> AsyncGenerator[list[LogLine]]:
        """What a query wants of these logs, merged by time; a log that cannot be read is reported to `missed`.

        A single one raises why instead. `early`: matches in logs of other machines come as they are found when much has
        to be fetched.
        """
        if early and self._search is not None and can_be_searched(query) and any(map(is_rays, sources)):
            search = self._search
            found_early = as_found(sources, lambda source, found: search(source, query, found), missed)
            async with contextlib.aclosing(found_early):
                async for batch in found_early:
                    yield batch
            return
        if len(sources) > MANY and query.selects:
            found = contextlib.aclosing(self.counts(sources, query, missed, first=True))
            async with found as counted:
                sources = [source async for source, number in counted if number]
        if len(sources) <= MANY:
            merge = self._merged(sources, query, missed)
        elif query.lines < 0 or query.selects:
            more_files(len(sources))
            merge = self._merged(sources, query, missed)
        else:
            merge = self._last_of_many(sources, query, missed)
        async with contextlib.aclosing(merge):
            async for batch in merge:
                yield batch

    async def _last_of_many(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None]
    ) -> AsyncGenerator[list[LogLine]]:
        """The last lines of all, few logs open at a time."""
        last: list[LogLine] = []
        for begin in range(0, len(sources), MANY):
            merge = self._merged(sources[begin : begin + MANY], query, missed, last)
            async with contextlib.aclosing(merge):
                last = [line async for batch in merge for line in batch if not line.mark]
        yield last

    async def _merged(
        self,
        sources: Sequence[LogSource],
        query: Query,
        missed: Callable[[Missed], None],
        held: Sequence[LogLine] | None = None,
    ) -> AsyncGenerator[list[LogLine]]:
        """The lines of logs that can all be open at once; `held` are lines of others, in order already."""
        alone = len(sources) == 1 and held is None
        marked = not alone and not query.selects
        names = {source.name for source in sources} if marked else set()
        newest = [math.inf] * len(sources)

        async def of(n: int, source: LogSource) -> AsyncGenerator[list[LogLine]]:
            cut: set[int] = set()
            try:
                async with self._open(source, query.lines) as blob:
                    newest[n + bool(held)] = blob.changed_at or math.inf
                    async with contextlib.aclosing(pieces.lines(source.name, blob, query, cut)) as found:
                        before = marks.older(source.name, names)
                        async for batch in found:
                            yield marks.rotated(batch, before)
                            before = before if not batch else ""
                if cut:
                    missed(not_searched_whole(source.name, len(cut)))
            except RaytuiError as error:
                if alone:
                    raise
                missed(Missed(source.name, error.message))

        async def known(lines: list[LogLine]) -> AsyncGenerator[list[LogLine]]:
            yield lines

        parts = [of(n, source) for n, source in enumerate(sources)]
        if held:
            parts.insert(0, known(list(held)))
            newest.insert(0, math.inf)
        last: deque[LogLine] = deque(maxlen=max(0, query.lines))
        try:
            async with contextlib.aclosing(merged(parts, newest, marked=marked)) as found_lines:
                async for batch in found_lines:
                    if alone or query.lines < 0 or query.selects:
                        yield batch
                    else:
                        last.extend(batch)
            if last:
                yield list(last)
        finally:
            for part in parts:
                await part.aclose()

    async def counts(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None], *, first: bool = False
    ) -> AsyncGenerator[tuple[LogSource, int]]:
        """How many lines of each log a query wants, in the order of the logs; `first` looks for one of each."""
        limit = asyncio.Semaphore(SEARCHED_AT_ONCE)

        async def one(source: LogSource) -> int | None:
            cut: set[int] = set()
            async with limit:
                try:
                    async with self._open(source, query.lines) as blob:
                        number = await pieces.count(source.name, blob, query, first=first, cut=cut)
                except RaytuiError as error:
                    if len(sources) == 1:
                        raise
                    missed(Missed(source.name, error.message))
                    return None
            # Of one that only has to have a match, nothing below the first was looked at.
            if cut and not (first and number):
                missed(not_searched_whole(source.name, len(cut)))
            return number

        for begin in range(0, len(sources), MANY):
            group = sources[begin : begin + MANY]
            tasks = [asyncio.create_task(one(source), name="search a log") for source in group]
            try:
                for source, task in zip(group, tasks, strict=True):
                    number = await task
                    if number is not None:
                        yield source, number
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def follow_all(
        self, sources: Sequence[LogSource], query: Query, ended: Callable[[str, RaytuiError], None]
    ) -> AsyncGenerator[list[LogLine]]:
        """The last lines of these logs and what is added, merged by time, until the last one has ended.

        Each end is reported to `ended` with the name of the log. Raises `OperationFailed` for more than Ray can serve.
        """
        streams = sum(map(is_rays, sources))
        if streams > MOST_STREAMS:
            raise OperationFailed(
                f"{streams} of Ray's logs cannot be followed at once: its dashboard serves 100 such calls of everybody",
                hint=f"name fewer, at most {MOST_STREAMS}, for example worker-*/raylet.out",
            )
        gathering = Gathering()

        async def of(source: LogSource) -> AsyncGenerator[list[LogLine]]:
            reader, selection = Reader(source.name, query.zone), Selection(query)
            async with contextlib.aclosing(self._follow(source, query.lines)) as found:
                async for texts in found:
                    lines = list(reader.read_all(texts))
                    wanted = selection.feed(lines)
                    cut = [line for line in lines if _is_undecided(line, query) and selection.is_looked_at(line)]
                    yield [*wanted, marks.not_searched_whole(cut[-1], len(cut))] if cut else wanted

        async def take_in(source: LogSource) -> None:
            try:
                async with contextlib.aclosing(of(source)) as parts:
                    await gathering.take_in(parts, source.name)
            except RaytuiError as error:
                ended(source.name, error)

        tasks = [asyncio.create_task(take_in(source), name="follow one of many") for source in sources]
        try:
            async with contextlib.aclosing(gathering.batches(len(sources))) as gathered:
                async for batch in gathered:
                    yield batch
            for task in tasks:
                await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _is_undecided(line: LogLine, query: Query) -> bool:
    """Whether a pattern may be found beyond what is held of a line, of which nobody knows here."""
    return query.pattern is not None and line.text.endswith(CUT_MARK) and not query.pattern.search(line.text)
