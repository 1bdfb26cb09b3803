"""Locks between the processes of this machine, by the kernel (flock).

One is gone the moment its holder dies, by SIGKILL too.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Self

from raytui.system.backoff import Backoff

FIRST_POLL_S = 0.005
SLOWEST_POLL_S = 0.2
_LONGEST_NAME = 200


class FileLock:
    """One lock, opened but not yet held; a context manager that lets go of it at the end.

    Two instances exclude each other in one process too.
    """

    def __init__(self, path: Path) -> None:
        """Open the lock's file, made when missing; its directory must exist. Raises OSError."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    async def acquire(self, timeout: float) -> bool:
        """Take it, waiting for at most `timeout` seconds; false when it was not to be had.

        Cancelling the wait is obeyed at once.
        """
        loop = asyncio.get_running_loop()
        end, backoff = loop.time() + timeout, _backoff()
        while not _take(self._descriptor, fcntl.LOCK_EX):
            if loop.time() >= end:
                return False
            await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time())))
        return True

    def acquire_blocking(self, timeout: float) -> bool:
        """The same for a thread that may be held up."""
        end, backoff = time.monotonic() + timeout, _backoff()
        while not _take(self._descriptor, fcntl.LOCK_EX):
            if time.monotonic() >= end:
                return False
            time.sleep(min(backoff.next(), max(0.0, end - time.monotonic())))
        return True

    def sign(self, name: str) -> None:
        """Say who holds it, for those who wait. A courtesy: the lock holds without it, on a full disk too."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, name.encode(), 0)

    @property
    def signature(self) -> str:
        """Who signed it last; empty when nobody did."""
        return os.pread(self._descriptor, _LONGEST_NAME, 0).decode(errors="replace")


def holder_of(path: Path) -> str | None:
    """Who holds the lock now, by its signature; none when nobody does, or when that cannot be seen."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, so that two who look do not take each other for the holder.
        if _take(descriptor, fcntl.LOCK_SH):
            return None
        return os.pread(descriptor, _LONGEST_NAME, 0).decode(errors="replace")
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _take(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _backoff() -> Backoff:
    return Backoff(FIRST_POLL_S, SLOWEST_POLL_S, growth=2.0)
