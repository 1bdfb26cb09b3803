"""Logs of other machines, kept here once they were read: searched again, only what is new is asked for.

Ray gives the last N lines of a file or all of it, from no offset. So what is held is looked for in an answer: what
follows its last bytes there is new. Bytes without a time of day, or that stand there more than once, prove nothing:
then more is asked for, at last the whole file.

Files are 0600; the oldest go when all together are larger than the room there is.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from raytui.core.errors import DeadlineExceeded, OperationFailed
from raytui.system.files import PRIVATE, private_directory
from raytui.system.locks import FileLock

ROOM = 8 * 1024**3
"""Bytes of all files at most; less where half of the free disk is less."""
PROOF = 4096
"""Bytes of what is held that are looked for in an answer."""
STEPS = (300, 2_000, 50_000)
"""Lines that are asked for first when something is held."""
SILENT_S = 30.0
"""Seconds without a byte after which an answer is given up."""
_TIME = re.compile(rb"\d\d:\d\d:\d\d[.,]\d{3}")
FLUSH = 1024 * 1024
KEPT_S = 7 * 86_400.0
"""Seconds after its last use that a file is kept."""
Asked = Callable[[int], AsyncIterator[bytes]]
"""The last lines of a log as they come, -1 for all."""
Look = Callable[[Path, int], Awaitable[None]]
"""Looks at the first bytes of a log whose rest still comes: the file that holds them, and how many there are."""


class Spool:
    """A folder of logs that were read from elsewhere."""

    def __init__(self, root: Path | None) -> None:
        """Without a `root` what is read is forgotten at the end."""
        self._passing = root is None
        self._folder = root
        self._pruned = False

    @property
    def _root(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="raytui-logs-"))
        return self._folder

    async def close(self) -> None:
        """Forget what was read only for now."""
        if self._passing and self._folder is not None:
            folder, self._folder = self._folder, None
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def fetch(self, key: str, name: str, ask: Asked, look: Look | None = None) -> Path:
        """The whole log as a file, brought up to date; `name` is how errors call it.

        `look` is called again and again where all of it has to come, and not where only its end does.

        Raises what asking raises, `DeadlineExceeded` for an answer that stops, `OperationFailed` for a full disk.
        """
        path = self._path(key)
        try:
            await asyncio.to_thread(self._prepare)
            with FileLock(path.with_suffix(".lock")) as lock:
                if not await lock.acquire(0):  # another raytui brings it up to date: this one reads a copy of its own
                    return await self._whole(path.with_name(f"{path.stem}.{os.getpid()}.log"), name, ask, look)
                for lines in STEPS if path.exists() and path.stat().st_size else ():
                    if await self._added(path, name, ask, lines):
                        return path
                return await self._whole(path, name, ask, look)
        except OSError as error:
            raise OperationFailed(
                f"{name} could not be kept in {self._root}: {error.strerror or error}",
                hint="free space there, or set RAYTUI_STATE_DIR to a folder with more",
                reason="DiskFull" if error.errno == errno.ENOSPC else "Spool",
            ) from error

    async def holds(self, key: str) -> bool:
        """Whether a log was fetched before, so that only what is new in it is asked for."""
        return self._folder is not None and await asyncio.to_thread(self._path(key).is_file)

    def _path(self, key: str) -> Path:
        return self._root / f"{sha256(key.encode()).hexdigest()[:32]}.log"

    async def _whole(self, path: Path, name: str, ask: Asked, look: Look | None) -> Path:
        with self._part(path) as part:
            await self._receive(part, name, ask(-1), look)
            part.replace(path)
        return path

    async def _added(self, path: Path, name: str, ask: Asked, lines: int) -> bool:
        """Whether the last lines of the log continue what is held, which they are then added to."""
        with self._part(path) as part:
            await self._receive(part, name, ask(lines))
            return await asyncio.to_thread(_join, path, part, lines)

    async def _receive(self, part: Path, name: str, chunks: AsyncIterator[bytes], look: Look | None = None) -> None:
        held: list[bytes] = []
        size = written = 0
        room = await asyncio.to_thread(self._room)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), "wb") as file:
            try:
                while True:
                    try:
                        async with asyncio.timeout(SILENT_S):
                            chunk = await anext(chunks, None)
                    except TimeoutError:
                        raise DeadlineExceeded(f"{name} stopped coming after {size:,} bytes") from None
                    if chunk is None:
                        break
                    held.append(chunk)
                    size += len(chunk)
                    if size > room:
                        raise OSError(errno.ENOSPC, f"it is larger than the room there is, {room:,} bytes")
                    if size - written >= FLUSH:
                        await asyncio.to_thread(_put, file, held)
                        held.clear()
                        written = size
                        if look is not None:
                            await look(part, size)
                await asyncio.to_thread(_put, file, held)
            finally:
                await chunks.aclose()  # type: ignore[attr-defined] # an async generator

    @contextlib.contextmanager
    def _part(self, path: Path) -> Iterator[Path]:
        part = path.with_name(f"{path.name}.{os.urandom(4).hex()}.part")
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _room(self) -> int:
        return min(ROOM, shutil.disk_usage(self._root).free // 2)

    def _prepare(self) -> None:
        private_directory(self._root)
        if not self._pruned:
            self._pruned = True
            prune(self._root, self._room(), time.time())


def prune(root: Path, room: int, now: float) -> None:
    """Remove what was not used for `KEPT_S`, then the oldest until the rest fits the room."""
    found = []
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            state = path.stat()
            found.append((max(state.st_atime, state.st_mtime), state.st_size, path))
    total = sum(size for _, size, _ in found)
    for used, size, path in sorted(found):
        if now - used > (KEPT_S if path.suffix == ".log" else 3600.0) or total > room:
            path.unlink(missing_ok=True)
            total -= size


def _join(path: Path, part: Path, lines: int) -> bool:
    """Add to what is held what the answer has beyond it; false when the answer proves nothing."""
    with path.open("r+b") as held, part.open("rb") as answer:
        size = held.seek(0, os.SEEK_END)
        held.seek(max(0, size - PROOF))
        proof = held.read()
        if _TIME.search(proof) is None:
            return False  # a program may print the same again, but not at the same moment
        data = answer.read()
        if data.count(b"\n") < lines and size > len(data):
            return False  # all that the log has is less than what is held: it is another one
        at = data.find(proof)
        if at < 0 or data.find(proof, at + 1) >= 0:
            return False
        _copy(data[at + len(proof) :], held)
    return True


def _put(file: BinaryIO, parts: list[bytes]) -> None:
    file.writelines(parts)
    file.flush()


def _copy(data: bytes, held: BinaryIO) -> None:
    held.seek(0, os.SEEK_END)
    held.write(data)
