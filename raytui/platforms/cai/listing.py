"""One listing for everybody who waits: nine applications being made or deleted together ask once per round, not nine times."""

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

    async def fresh(self) -> T:
        """What a fetch that began after this call says. Cancelling one asker leaves the fetch to the others."""
        if self._running is None or self._running.done():
            self._running = self._begin(None)
            return await asyncio.shield(self._running)
        if self._next is None or self._next.done() or self._next is self._running:
            self._next = self._begin(self._running)
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """End what still runs."""
        tasks = [task for task in (self._running, self._next) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, before: asyncio.Task[T] | None) -> asyncio.Task[T]:
        async def fetch() -> T:
            if before is not None:
                await asyncio.wait([before])
                self._running = task
            return await self._fetch()

        task = asyncio.get_running_loop().create_task(fetch())
        # An error is raised to those who still wait; when nobody does, it is not news.
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return task
