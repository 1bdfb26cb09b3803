"""Reading that blocks, done in threads piece by piece: the event loop stays free and an interrupt is noticed soon."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from itertools import islice
from types import GeneratorType
from typing import TypeVar

from raytui.core.errors import OperationFailed
from raytui.core.logline import LogLine, Query
from raytui.logs.reading.ranges import Blob
from raytui.logs.search import one_log
from raytui.system.threads import in_daemon_thread

T = TypeVar("T")
TURN_S = 0.05
"""Seconds of counting between two moments in which an interrupt is noticed."""
PIECE_S = 5.0
"""Seconds that an interrupt waits for a piece at most; a piece takes milliseconds unless a disk hangs."""


async def lines(source: str, blob: Blob, query: Query, cut: set[int] | None = None) -> AsyncGenerator[list[LogLine]]:
    """The wanted lines of a log in batches, oldest first; some are empty. Raises `OperationFailed`.

    `cut` grows by the offsets of lines in which a pattern was looked for only in their beginning.
    """
    async for batch in _pieces(source, lambda: one_log.read(source, blob, query, cut)):
        yield batch


async def rest(
    source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None = None
) -> AsyncGenerator[list[LogLine]]:
    """The matches from the beginning of a line on in batches. Raises `OperationFailed`."""
    async for batch in _pieces(source, lambda: one_log.rest(source, blob, query, begin, cut)):
        yield batch


async def count(source: str, blob: Blob, query: Query, *, first: bool = False, cut: set[int] | None = None) -> int:
    """How many lines of a log are wanted. Raises `OperationFailed`."""
    total = 0
    async for part in _pieces(source, lambda: _summed(one_log.count(source, blob, query, first=first, cut=cut)), 2):
        total += part
    return total


def _summed(numbers: Iterator[int]) -> Iterator[int]:
    """The same sum in fewer parts: each costs a thread, more than a small log itself."""
    total, until = 0, time.monotonic() + TURN_S
    for number in numbers:
        total += number
        if time.monotonic() > until:
            yield total
            total, until = 0, time.monotonic() + TURN_S
    yield total


async def _pieces(source: str, make: Callable[[], Iterator[T]], at_once: int = 1) -> AsyncGenerator[T]:
    """All pieces; more than one `at_once` saves threads where a piece is small."""
    iterator: Iterator[T] | None = None

    def following() -> list[T]:
        nonlocal iterator
        iterator = iterator or make()
        return list(islice(iterator, at_once))

    try:
        while True:
            asked = asyncio.ensure_future(in_daemon_thread(following, "read a log"))
            try:
                piece = await asyncio.shield(asked)
            except asyncio.CancelledError:
                # The thread still reads: only when it is done may the file be closed.
                await asyncio.wait([asked], timeout=PIECE_S)
                raise
            for each in piece:
                yield each
            if len(piece) < at_once:
                return
    except OSError as error:
        raise OperationFailed(f"{source} cannot be read: {error.strerror or error}", reason="Unreadable") from error
    finally:
        if isinstance(iterator, GeneratorType) and not iterator.gi_running:
            iterator.close()
