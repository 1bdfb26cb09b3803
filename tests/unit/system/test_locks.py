"""A lock has one holder, says who it is, is let go of with its process, and the wait for it can be interrupted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raytui.system.locks import FileLock, holder_of


async def test_a_held_lock_is_had_by_nobody_else_until_it_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    assert holder_of(path) is None
    with FileLock(path) as first, FileLock(path) as second:
        assert await first.acquire(0.0)
        first.sign("raytui start (pid 1)")
        assert not await second.acquire(0.0)
        assert not second.acquire_blocking(0.01)
        assert second.signature == "raytui start (pid 1)"
        assert holder_of(path) == "raytui start (pid 1)"
    assert holder_of(path) is None
    with FileLock(path) as third:
        assert third.acquire_blocking(0.0)


async def test_the_wait_for_a_lock_ends_when_it_is_free_and_when_it_is_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with FileLock(path) as waiting:
        with FileLock(path) as holder:
            assert await holder.acquire(0.0)
            wait = asyncio.ensure_future(waiting.acquire(30.0))
            await asyncio.sleep(0)
            wait.cancel()
            with pytest.raises(asyncio.CancelledError):
                await wait
            wait = asyncio.ensure_future(waiting.acquire(30.0))
            await asyncio.sleep(0)
        assert await wait


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    program = f"""
import pathlib, time
from raytui.system.locks import FileLock
with FileLock(pathlib.Path({str(path)!r})) as lock:
    assert lock.acquire_blocking(0.0)
    lock.sign("the other")
    print("held", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert holder_of(path) == "the other"
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert holder_of(path) is None
