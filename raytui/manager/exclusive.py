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

from raytui.core.errors import OperationFailed

POLL_S = 0.2


@asynccontextmanager
async def exclusive(state_dir: Path, cluster: str, verb: str, timeout: float) -> AsyncIterator[None]:
    """Hold the cluster's lock; wait for it at most `timeout` seconds, then raise `OperationFailed` naming who holds it."""
    folder = state_dir / "locks"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / f"{cluster}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise OperationFailed(
            f"the state directory {state_dir} cannot be used: {error.strerror}",
            hint="make it writable, or set RAYTUI_STATE_DIR to a directory that is",
            reason="StateDirectory",
        ) from error
    try:
        deadline = asyncio.get_running_loop().time() + timeout
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if asyncio.get_running_loop().time() >= deadline:
                    raise OperationFailed(
                        f"{_holder(descriptor)} is changing {cluster}; {verb} was not begun",
                        hint="wait until it has finished, or stop it there with Ctrl-C, then run the command again",
                        reason="Busy",
                    ) from None
                await asyncio.sleep(POLL_S)
        _sign(descriptor, verb)
        yield
    finally:
        os.close(descriptor)


def _sign(descriptor: int, verb: str) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"raytui {verb} (pid {os.getpid()})".encode(), 0)
    except OSError:
        # The name of the holder is a courtesy; the lock itself holds without it, on a full disk too.
        return


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 200, 0).decode(errors="replace") or "another raytui"
