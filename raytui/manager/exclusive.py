"""One change of a cluster at a time on this machine: two terminals must not build the same cluster side by side.

The lock is the kernel's (flock), so it is gone the moment its holder dies, by SIGKILL too. Another machine is not held off by it;
there the platform's own refusal of duplicate names decides.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from raytui.core.errors import DeadlineExceeded, OperationFailed

FIRST_POLL_S = 0.02
POLL_S = 0.2
GLANCE_S = 0.3
"""How long the lock may be busy without anybody changing anything: a watch that looks who holds it holds it for that moment."""


def lock_path(state_dir: Path, key: str) -> Path:
    """The lock of a cluster; `key` is platform and cluster."""
    return state_dir / "locks" / f"{key}.lock"


@asynccontextmanager
async def exclusive(state_dir: Path, key: str, verb: str, timeout: float) -> AsyncIterator[str]:
    """Hold the cluster's lock and answer the name under which it is held; cancelling the wait for it is obeyed at once.

    Raises `OperationFailed` naming who holds it when there is no time to wait, `DeadlineExceeded` when `timeout` seconds ran out.
    """
    path = lock_path(state_dir, key)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperationFailed(
            f"the state directory {state_dir} cannot be used: {error.strerror}",
            hint="make it writable, or set RAYTUI_STATE_DIR to a directory that is",
            reason="StateDirectory",
        ) from error
    try:
        await _lock(descriptor, key, verb, timeout)
        yield _sign(descriptor, verb)
    finally:
        os.close(descriptor)


async def _lock(descriptor: int, key: str, verb: str, timeout: float) -> None:
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + max(timeout, GLANCE_S), FIRST_POLL_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pass
        else:
            return
        if loop.time() >= deadline:
            told = f"{holder_of(descriptor) or 'another raytui'} is changing {key}; {verb} was not begun"
            hint = "wait until it has finished, or stop it there with Ctrl-C, then run the command again"
            if timeout > 0:
                raise DeadlineExceeded(f"waited {timeout:g} s, and {told}", hint=hint, reason="Busy")
            raise OperationFailed(told, hint=hint, reason="Busy")
        await asyncio.sleep(min(pause, max(0.0, deadline - loop.time())))
        pause = min(POLL_S, pause * 2)


def _sign(descriptor: int, verb: str) -> str:
    name = f"raytui {verb} (pid {os.getpid()})"
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, name.encode(), 0)
    except OSError:
        # The name of the holder is a courtesy; the lock itself holds without it, on a full disk too.
        pass
    return name


def holder_of(descriptor: int) -> str:
    """Who signed the lock last; empty when nobody did."""
    return os.pread(descriptor, 200, 0).decode(errors="replace")
