"""A search of many logs, each reported as soon as it is known: how many lines match, and the newest of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import tzinfo
from typing import NamedTuple

from raytui.core.errors import RaytuiError
from raytui.core.logline import LogLine, Missed, Query
from raytui.core.patterns import Pattern
from raytui.core.session import Logs, LogSource
from raytui.logs.paging.moving import Moves, Wanted
from raytui.logs.reading.candidates import not_searched_whole

AT_ONCE = 4


class InLog(NamedTuple):
    """What a log holds of what is searched for."""

    source: LogSource
    newest: LogLine | None
    lines: int | None
    """None while it is counted."""
    missed: str = ""
    """Why the log could not be searched, or not whole."""
    is_part: bool = False
    """Whether only parts of it were not searched."""


async def everywhere(
    logs: Logs, sources: Sequence[LogSource], pattern: Pattern, zone: tzinfo | None
) -> AsyncGenerator[InLog]:
    """Logs with matches, and those that could not be searched; each first without its count, then with it."""
    results: asyncio.Queue[InLog | None] = asyncio.Queue()
    waiting = list(reversed(sources))

    async def search() -> None:
        while waiting:
            source = waiting.pop()
            try:
                await one(source)
            except RaytuiError as error:
                results.put_nowait(InLog(source, None, None, error.message))

    async def one(source: LogSource) -> None:
        moves = Moves(logs, [source], zone)
        newest = await moves.first(None, Wanted(pattern, zone=zone), -1)
        if newest is None:
            if cut := moves.cut.get(source.name):
                results.put_nowait(InLog(source, None, None, not_searched_whole(source.name, len(cut)).reason, True))
            return
        results.put_nowait(InLog(source, newest, None))
        missed: list[Missed] = []
        async for _, number in logs.counts([source], Query(pattern, zone=zone), missed.append):
            results.put_nowait(InLog(source, newest, number))
        for each in missed:
            results.put_nowait(InLog(source, None, None, each.reason, each.is_part))

    async def all_of_them() -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(search(), name="search logs")
        finally:
            results.put_nowait(None)

    searching = asyncio.create_task(all_of_them(), name="search every log")
    try:
        while (found := await results.get()) is not None:
            yield found
        await searching
    finally:
        searching.cancel()
        await asyncio.wait([searching])
