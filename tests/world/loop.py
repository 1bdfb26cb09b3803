"""An asyncio loop in virtual time: when nothing is ready, the clock jumps to the next timer, so a life of an hour takes milliseconds.

Work for threads runs inline: a life has no threads, and the same seed is the same life.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

EPOCH = 1_800_000_000.0
"""Wall time at which every life begins, in seconds since 1970."""


class Stalled(Exception):
    """Everything waits and nothing will ever happen."""


class Killed(BaseException):
    """Raised inside a process that was killed; no handler of an error sees it."""


class _Clock:
    """In the place of the selector: there is nothing to wait for but time."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise Stalled
        self.now += timeout
        return []


class Process:
    """One run of raytui: its tasks and whether it still lives.

    What happens in a killed one can no longer touch the world.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.tasks: list[asyncio.Task[Any]] = []
        self.alive = True


CURRENT: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


class WorldLoop(asyncio.BaseEventLoop):
    """The loop of one life."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Clock()
        self._clock_resolution = 1e-6
        self.lost: list[tuple[str, BaseException | None]] = []
        """Exceptions that nobody waited for."""
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        return self._selector.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> Any:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # it belongs to whoever waits for the thread
            future.set_exception(error)
        return future

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:
        return self.call_soon(callback, *args, context=context)

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        del timeout

    def _process_events(self, event_list: Any) -> None:
        del event_list

    def _write_to_self(self) -> None:
        pass

    @staticmethod
    def _make_task(loop: Any, coro: Any, **more: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **more)
        process = CURRENT.get()
        if process is not None:
            process.tasks.append(task)
        return task

    def _note(self, _loop: Any, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if not isinstance(error, Killed | asyncio.CancelledError):
            self.lost.append((str(context.get("message", "")), error))


class InlineThread:
    """A thread that has done its work when it was started."""

    def __init__(self, target: Callable[..., object], args: tuple[object, ...] = (), **_: object) -> None:
        self._work = lambda: target(*args)

    def start(self) -> None:
        self._work()


@contextlib.contextmanager
def machine(loop: WorldLoop) -> Iterator[None]:
    """The clocks of the machine show the loop's time, and its threads take none."""
    wall, steady, thread = time.time, time.monotonic, threading.Thread
    time.time, time.monotonic = lambda: EPOCH + loop.time(), loop.time  # type: ignore[assignment]
    threading.Thread = InlineThread  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        time.time, time.monotonic, threading.Thread = wall, steady, thread  # type: ignore[assignment,misc]


async def kill(process: Process) -> None:
    """End every task of a process; it is dead already, so that nothing it still does reaches the world."""
    process.alive = False
    for _ in range(60):
        left = [task for task in process.tasks if not task.done()]
        if not left:
            return
        for task in left:
            task.cancel()
        await asyncio.sleep(0)
