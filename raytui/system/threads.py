"""Calls that may never return, such as a read from a network disk that hangs: each has a deadline and holds up nobody.

A thread cannot be ended from outside. Those of an executor are waited for when the program ends, so one hung read would
keep the program; a daemon thread does not. What was given up goes on hanging, so their number is bounded too.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

from raytui.core.errors import DeadlineExceeded
from raytui.core.remedy import Hint

T = TypeVar("T")
MOST_HUNG = 64
"""Calls that may hang at the same time; further ones are refused, since each would cost another thread."""
_hung: set[object] = set()


async def in_daemon_thread(work: Callable[[], T], name: str = "raytui") -> T:
    """Run a blocking call in a thread of its own.

    The caller sets the deadline, and a call that is cancelled goes on by itself.
    """
    return await _begun(work, name, lambda: None)


async def within(what: str, work: Callable[[], T], timeout: float, hint: Hint) -> T:
    """The answer of a blocking call.

    Raises `DeadlineExceeded` naming `what` when there is none after `timeout` seconds.
    """
    if len(_hung) >= MOST_HUNG:
        raise DeadlineExceeded(f"{what} was not asked: {len(_hung)} earlier calls still hang", hint=hint)
    call = object()
    ended = threading.Event()

    def end() -> None:
        ended.set()
        _hung.discard(call)

    try:
        async with asyncio.timeout(timeout):
            return await _begun(work, "raytui-disk", end)
    except TimeoutError:
        raise DeadlineExceeded(f"{what} did not answer within {timeout:g} s", hint=hint) from None
    finally:
        _hung.add(call)
        if ended.is_set():
            _hung.discard(call)


def _begun(work: Callable[[], T], name: str, end: Callable[[], None]) -> asyncio.Future[T]:
    """Begin a call in a daemon thread, which calls `end` when it is over."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def deliver(answer: list[T], error: Exception | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(answer[0])

    def run() -> None:
        answer: list[T] = []
        failed: Exception | None = None
        try:
            answer.append(work())
        except Exception as error:  # noqa: BLE001  # whatever the call raises belongs to the caller, not to this thread
            failed = error
        end()
        # The loop may be gone by now, and with it everybody who asked.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(deliver, answer, failed)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done
