"""Files that are written whole or not at all.

A reader sees the old or the new content, and a crash leaves one of them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600


def write_whole(path: Path, data: bytes, mode: int = PRIVATE, *, durable: bool = True) -> None:
    """Replace a file in one step; its directory must exist. Raises OSError.

    Unless it need not be `durable`, its bytes are on the disk before that: then the machine itself may fail at any
    moment.
    """
    with _beside(path, data, mode, durable=durable) as temporary:
        temporary.replace(path)


def create_whole(path: Path, data: bytes, mode: int = PRIVATE) -> None:
    """Make a file that must not exist yet; raises FileExistsError when it does, and OSError."""
    with _beside(path, data, mode, durable=True) as temporary:
        # A link fails when the name is taken, and never shows half a file.
        os.link(temporary, path)


def private_directory(path: Path) -> None:
    """Make a directory and those above it, each 0700; one that exists keeps its mode. Raises OSError."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises OSError for what is no regular file: a named pipe would be waited for without end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def at_home(path: str) -> Path:
    """The path with its `~` as a home folder; as it stands where nobody has that name here."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises for the home of nobody


def read_regular(path: Path) -> bytes:
    """The bytes of a regular file; raises OSError."""
    with open_regular(path) as file:
        return file.read()


def read_bounded(path: Path, limit: int, seconds: float) -> bytes:
    """At most `limit` + 1 bytes of whatever can be read, so that more than `limit` shows; pipes and devices too.

    Raises OSError, and after `seconds` TimeoutError: a named pipe into which nobody writes never ends.
    """
    deadline = time.monotonic() + seconds
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        ready = select.poll()
        ready.register(descriptor, select.POLLIN)
        data = bytearray()
        while len(data) <= limit:
            if not ready.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TimeoutError(errno.ETIMEDOUT, f"nothing more came out of it in {seconds:g} s", str(path))
            piece = file.read(limit + 1 - len(data))
            if piece is None:
                continue
            if not piece:
                break
            data += piece
    return bytes(data)


@contextmanager
def _beside(path: Path, data: bytes, mode: int, *, durable: bool) -> Iterator[Path]:
    """A hidden file in the same directory that holds the bytes; it is gone afterwards, whatever happens."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield temporary
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
