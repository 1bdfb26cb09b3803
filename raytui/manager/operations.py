"""The operation that raytui carries out on a cluster now, published for whoever watches it on this machine.

A node that ends because raytui restarts it is no fault; a watch can only know that where it is written down. The file
beside the lock says what runs; that it runs is decided by the lock itself (flock), which goes with its holder, by
SIGKILL too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from raytui.core.observed.snapshot import Operation
from raytui.manager.exclusive import exclusive, lock_path
from raytui.system.files import write_whole
from raytui.system.locks import holder_of
from raytui.system.threads import in_daemon_thread

READ_S = 1.0
"""How long reading what runs may take before it is unknown: a disk that hangs must not hang a watch."""


class Publication:
    """What the holder of a cluster's lock tells those who watch.

    It is a courtesy: a disk that takes nothing stops no operation.
    """

    def __init__(self, path: Path, holder: str) -> None:
        self._path = path
        self._holder = holder
        self.end()  # what a killed holder left

    def tell(self, operation: Operation) -> None:
        """Publish the operation under the holder's name, whole or not at all."""
        try:
            write_whole(
                self._path, msgspec.json.encode(msgspec.structs.replace(operation, holder=self._holder)), durable=False
            )
        except OSError:
            # An older text would be wrong, none is only silent.
            self.end()

    def end(self) -> None:
        """Nothing runs any more."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


@asynccontextmanager
async def hold(state_dir: Path, platform: str, cluster: str, verb: str, patience: float) -> AsyncIterator[Publication]:
    """Hold the cluster's lock as `exclusive` does, with the means to tell what is done under it."""
    key = f"{platform}-{cluster}"
    async with exclusive(state_dir, key, verb, patience) as holder:
        publication = Publication(_path(state_dir, key), holder)
        try:
            yield publication
        finally:
            publication.end()


def current(state_dir: Path, platform: str, cluster: str) -> Operation | None:
    """What a raytui on this machine carries out on the cluster now.

    None when nobody holds its lock, or nobody says for what.
    """
    key = f"{platform}-{cluster}"
    holder = holder_of(lock_path(state_dir, key))
    return None if holder is None else _published(_path(state_dir, key), holder)


class Watched:
    """The running operation as a watch reads it: in a thread of its own, and unknown while that one does not answer."""

    def __init__(self, read: Callable[[], Operation | None] | None) -> None:
        """`read` may block for as long as a disk does; without it nothing is known."""
        self._read = read
        self._asked: asyncio.Future[Operation | None] | None = None

    async def now(self) -> Operation | None:
        """The operation; none when there is none, or when it could not be read in time."""
        if self._read is None:
            return None
        if self._asked is None or self._asked.done():
            self._asked = asyncio.ensure_future(in_daemon_thread(self._read, "read the running operation"))
        done, _ = await asyncio.wait([self._asked], timeout=READ_S)
        if not done or isinstance(self._asked.exception(), OSError):
            return None
        return self._asked.result()


def _published(path: Path, holder: str) -> Operation | None:
    try:
        operation = msgspec.json.decode(path.read_bytes(), type=Operation)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return operation if operation.holder == holder else None


def _path(state_dir: Path, key: str) -> Path:
    return lock_path(state_dir, key).with_name(f"{key}.operation.json")
