"""One listing for everybody who waits.

Nine applications that are made together are asked for once a round, not nine times.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """A read that is shared by those who ask while it runs, and is never older than the question."""

    def __init__(self, fetch: Callable[[], Awaitable[T]]) -> None:
        self._fetch = fetch
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None
        """Promised but not yet begun: whoever asks now may share it."""

    async def fresh(self, gather: float = 0.0) -> T:
        """The answer of a fetch that begins after this call, up to `gather` seconds later so that others share it.

        Cancelling one asker leaves the fetch to the others.
        """
        if self._next is None or self._next.done():
            self._next = self._promise(self._running, gather)
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End what still runs."""
        tasks = [task for task in (self._running, self._next) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _promise(self, before: asyncio.Task[T] | None, gather: float) -> asyncio.Task[T]:
        async def fetch() -> T:
            if before is not None and not before.done():
                await asyncio.wait([before])
            if gather:
                await asyncio.sleep(gather)
            self._running, self._next = task, None
            return await self._fetch()

        task = asyncio.get_running_loop().create_task(fetch())
        # An error is raised to those who still wait; when nobody does, it is not news.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task
