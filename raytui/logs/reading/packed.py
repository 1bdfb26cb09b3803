"""Compressed logs of a folder, unpacked into a file without a name that is gone when it is closed.

`.gz` is read by Python itself, `.zst` by the program zstd where there is one.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from raytui.core.errors import OperationFailed
from raytui.logs.reading.ranges import Blob, FileBlob
from raytui.system.files import open_regular

ROOM = 8 * 1024**3
"""Bytes of one log unpacked at most; less where half of the free disk is less."""
PART = 1024 * 1024
FORMS = (".gz", ".zst")


def is_packed(name: str) -> bool:
    """Whether a file of that name is a compressed log."""
    return name.endswith(FORMS)


@asynccontextmanager
async def unpacked(path: Path, name: str) -> AsyncGenerator[Blob]:
    """The lines of a compressed log; `name` is how errors call it.

    Raises `OperationFailed` for one that cannot be unpacked, and at the end for one that is damaged: what was before
    the damage is read.
    """
    stop: list[bool] = []
    work = asyncio.ensure_future(asyncio.to_thread(_unpacked, path, name, stop))
    try:
        blob, damage = await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.append(True)
        work.add_done_callback(lambda done: None if done.exception() else done.result()[0].close())
        raise
    try:
        yield blob
    finally:
        blob.close()
    if damage:
        raise OperationFailed(f"{name} is damaged after {blob.size:,} bytes: {damage}", reason="Unreadable")


def _unpacked(path: Path, name: str, stop: list[bool]) -> tuple[FileBlob, str]:
    """All of it and what is wrong with it, if anything is."""
    damage, size = "", 0
    target = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - the log that is answered holds it
    try:
        with open_regular(path) as packed, _stream(path, packed, name) as (source, broken):
            changed_at = os.fstat(packed.fileno()).st_mtime
            room = min(ROOM, shutil.disk_usage(tempfile.gettempdir()).free // 2)
            try:
                while not stop and (part := source.read1(PART)):
                    size += len(part)
                    if size > room:
                        raise OperationFailed(f"{name} is larger unpacked than the room for it, {room:,} bytes")
                    target.write(part)
                damage = "" if stop else broken()
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                damage = str(error)
        target.flush()
    except OSError as error:
        target.close()
        raise OperationFailed(f"{name} cannot be unpacked: {error.strerror or error}", reason="Unreadable") from error
    except BaseException:
        target.close()
        raise
    return FileBlob.of(target, changed_at), damage


@contextmanager
def _stream(path: Path, packed: BinaryIO, name: str) -> Iterator[tuple[io.BufferedIOBase, Callable[[], str]]]:
    """What is unpacked, and what was wrong with it once all of it was read."""
    if path.suffix == ".gz":
        with gzip.GzipFile(fileobj=packed) as file:
            yield file, str
        return
    program = shutil.which("zstd")
    if program is None:
        raise OperationFailed(f"{name} cannot be unpacked: there is no program zstd here", hint="install zstd")
    with subprocess.Popen(
        [program, "-dcq"], stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield (
                cast("io.BufferedIOBase", process.stdout),
                lambda: f"zstd ended with {code}" if (code := process.wait()) else "",
            )
        finally:
            process.stdout.close()
            if process.poll() is None:
                process.terminate()
