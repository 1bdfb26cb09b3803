"""Work that must not be left half done, whoever is cancelled meanwhile. It has deadlines of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def whole(work: Awaitable[T]) -> T:
    """The answer of the work; being cancelled meanwhile changes nothing."""
    task = asyncio.ensure_future(work)
    await all_done([task])
    return task.result()


async def whole_then_obey(work: Awaitable[T]) -> T:
    """The answer of the work; being cancelled meanwhile is obeyed when it has ended."""
    task = asyncio.ensure_future(work)
    cancelled = await all_done([task])
    answer = task.result()
    if cancelled:
        raise asyncio.CancelledError
    return answer


async def all_done(tasks: Iterable[asyncio.Future[T]]) -> bool:
    """Wait until all have ended, however often we are cancelled; the answer is whether we were."""
    tasks = list(tasks)
    cancelled = False
    while left := [task for task in tasks if not task.done()]:
        try:
            await asyncio.wait(left)
        except asyncio.CancelledError:
            cancelled = True
    return cancelled
