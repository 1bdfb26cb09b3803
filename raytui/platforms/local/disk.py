"""Calls that touch the state directory, which may be on a disk that hangs.

None is waited for without end, and no change is left half done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from raytui.core.errors import DeadlineExceeded
from raytui.system.threads import in_daemon_thread, within

T = TypeVar("T")
READ_S = 20.0
"""How long reading the state directory may take: a network disk that hangs must not hang us."""
CHANGE_S = 120.0
"""How long a change there may take; the longest wait inside one is that for another raytui's lock, 15 s."""
HUNG = "the state directory is on a disk that hangs: look at mount and dmesg"


async def read_within(what: str, function: Callable[[], T], timeout: float = READ_S) -> T:
    """Run a function that only reads in a thread; raises `DeadlineExceeded` naming `what` when it does not answer."""
    return await within(what, function, timeout, HUNG)


async def to_the_end(
    function: Callable[[], T], undo: Callable[[T], object] | None = None, timeout: float = CHANGE_S
) -> T:
    """Run a change in a thread to its end even when we are cancelled, so that no half of it stays.

    Then undo it if that was asked for.

    Raises `DeadlineExceeded` when it does not end in `timeout` seconds: it may yet be carried out.
    """
    task = asyncio.ensure_future(in_daemon_thread(function))
    try:
        ended, _ = await asyncio.wait([task], timeout=timeout)
    except asyncio.CancelledError:
        await _wait_for(task, timeout)
        if undo is not None and task.done() and not task.cancelled() and task.exception() is None:
            made = task.result()
            await _wait_for(asyncio.ensure_future(in_daemon_thread(lambda: undo(made))), timeout)
        raise
    if not ended:
        raise DeadlineExceeded(
            f"a change in the state directory did not end within {timeout:g} s; it may yet be carried out", hint=HUNG
        )
    return task.result()


async def _wait_for(task: Awaitable[object], timeout: float) -> None:
    """Wait for a task whatever happens to us, at most `timeout` seconds; what it raises is for its owner."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    future = asyncio.ensure_future(task)
    while not future.done() and loop.time() < end:
        try:
            await asyncio.wait([future], timeout=end - loop.time())
        except asyncio.CancelledError:
            continue
    if future.done() and not future.cancelled():
        future.exception()
