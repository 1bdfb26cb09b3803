"""One change of a cluster at a time on this machine: two terminals must not build the same cluster side by side.

Another machine is not held off by the lock; there the platform's own refusal of duplicate names decides.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from raytui.core.errors import DeadlineExceeded, OperationFailed
from raytui.system.files import private_directory
from raytui.system.locks import FileLock

GLANCE_S = 0.3
"""How long the lock may be busy without anybody changing anything: a watch that looks who holds it holds it for that
moment."""


def lock_path(state_dir: Path, key: str) -> Path:
    """The lock of a cluster; `key` is platform and cluster."""
    return state_dir / "locks" / f"{key}.lock"


@asynccontextmanager
async def exclusive(state_dir: Path, key: str, verb: str, timeout: float) -> AsyncIterator[str]:
    """Hold the cluster's lock and answer the name under which it is held; cancelling the wait for it is obeyed at once.

    Raises `OperationFailed` naming who holds it when there is no time to wait, `DeadlineExceeded` when `timeout`
    seconds ran out.
    """
    path = lock_path(state_dir, key)
    try:
        private_directory(path.parent)
        lock = FileLock(path)
    except OSError as error:
        raise OperationFailed(
            f"the state directory {state_dir} cannot be used: {error.strerror}",
            hint="make it writable, or set RAYTUI_STATE_DIR to a directory that is",
            reason="StateDirectory",
        ) from error
    with lock:
        if not await lock.acquire(max(timeout, GLANCE_S)):
            raise _busy(lock.signature, key, verb, timeout)
        name = f"raytui {verb} (pid {os.getpid()})"
        lock.sign(name)
        yield name


def _busy(holder: str, key: str, verb: str, timeout: float) -> OperationFailed | DeadlineExceeded:
    message = f"{holder or 'another raytui'} is changing {key}; {verb} was not begun"
    hint = "wait until it has finished, or stop it there with Ctrl-C, then run the command again"
    if timeout > 0:
        return DeadlineExceeded(f"waited {timeout:g} s, and {message}", hint=hint, reason="Busy")
    return OperationFailed(message, hint=hint, reason="Busy")
