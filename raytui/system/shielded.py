"""Work that must not be left half done, whoever is cancelled meanwhile. It has deadlines of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def whole(work: Awaitable[T]) -> T:
    """The answer of the work; being cancelled meanwhile changes nothing."""
    answer, _ = await _ended(work)
    return answer


async def whole_then_obey(work: Awaitable[T]) -> T:
    """The answer of the work; being cancelled meanwhile is obeyed when it has ended."""
    answer, cancelled = await _ended(work)
    if cancelled:
        raise asyncio.CancelledError
    return answer


async def _ended(work: Awaitable[T]) -> tuple[T, bool]:
    task, cancelled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled
