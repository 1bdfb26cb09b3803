"""Logs read by ranges of bytes, forwards and from the newest line backwards, in memory bounded whatever their size.

All of it blocks: it runs in threads. A log is read as far as it reached when it was opened; what is added meanwhile is
the business of who follows it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from raytui.core.logline import LogBytes
from raytui.logs.reading.text import LINE_CAP
from raytui.system.files import open_regular

BLOCK = 256 * 1024
"""Bytes that are read at once; measured with 64 KB to 4 MB, smaller ones cost calls, larger ones cache misses."""
LONGEST = 1024 * 1024
"""Bytes of a line that are held; what is longer is skipped to its end, since only `LINE_CAP` bytes are shown."""


Blob = LogBytes
"""The bytes of one log; where they come from is the business of whoever opened it."""


class FileBlob:
    """A regular file. Opening raises OSError, for a pipe or a folder too."""

    is_end = False

    def __init__(self, path: Path | None, file: BinaryIO | None = None) -> None:
        """The file of a path, or one that is open already."""
        if file is None:
            assert path is not None
            file = open_regular(path)
        self._file = file
        self.number = self._file.fileno()
        found = os.fstat(self.number)
        self.descriptor: int | None = self.number
        self.size = found.st_size
        self.changed_at: float | None = found.st_mtime

    @classmethod
    def of(cls, file: BinaryIO, changed_at: float) -> FileBlob:
        """An open file that stands for one that was written then."""
        blob = cls(None, file)
        blob.changed_at = changed_at
        return blob

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes of it as it was when it was opened."""
        length = min(length, self.size - offset)
        return os.pread(self.number, length, offset) if length > 0 else b""

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class BytesBlob:
    """Bytes that are here already, such as the kept end of a log."""

    descriptor: int | None = None
    changed_at: float | None = None

    def __init__(self, data: bytes, *, is_end: bool = False) -> None:
        self._data = data
        self.size = len(data)
        self.is_end = is_end

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes."""
        return self._data[offset : offset + length]

    def close(self) -> None:
        """Nothing."""


class Raw(NamedTuple):
    """One line as it stands in the log, without its newline; of one longer than `LINE_CAP` a little more than that."""

    offset: int
    data: bytes


class Block(NamedTuple):
    """Whole lines in a row: all end with a newline but the last one of the log, and what is too long to be held."""

    offset: int
    data: bytes

    def lines(self) -> Iterator[Raw]:
        """Its lines."""
        data, offset = self.data, self.offset
        parts = data.split(b"\n")
        if not parts[-1]:
            parts.pop()
        for part in parts:
            yield Raw(offset, part)
            offset += len(part) + 1


def blocks(blob: Blob, begin: int = 0, size: int = BLOCK, cut: set[int] | None = None) -> Iterator[Block]:
    """The log from `begin` on, which must be the beginning of a line.

    `cut` grows by where lines begin that are too long to be held, so that they are given only in their beginning.
    """
    held, offset, position = b"", begin, begin
    while True:
        part = blob.read(position, size)
        position += len(part)
        held = held + part if held else part
        if not part:
            if held:
                yield Block(offset, held)
            return
        end = held.rfind(b"\n") + 1
        if end:
            yield Block(offset, held[:end])
            held, offset = held[end:], offset + end
        elif len(held) > LONGEST:
            if cut is not None:
                cut.add(offset)
            yield Block(offset, held[: LINE_CAP + 1])
            position = _line_end(blob, position, size)
            held, offset = b"", position


def _line_end(blob: Blob, position: int, size: int) -> int:
    """Where the line after the one at `position` begins."""
    while part := blob.read(position, size):
        found = part.find(b"\n")
        if found >= 0:
            return position + found + 1
        position += len(part)
    return position


def backwards(blob: Blob, size: int = BLOCK) -> Iterator[Raw]:
    """The lines of the log, newest first."""
    position, held, long = blob.size, b"", False
    first = True
    while position > 0:
        begin = max(0, position - size)
        part = blob.read(begin, position - begin)
        if len(part) < position - begin:  # it shrank meanwhile: here is its end now
            held, long, first = b"", False, True
            if not part:
                position = begin
                continue
        if first and part.endswith(b"\n"):
            part = part[:-1]
        first = False
        position = begin
        if long:
            found = part.rfind(b"\n")
            if found < 0:
                continue
            yield _long(blob, begin + found + 1)
            part, held, long = part[:found], b"", False
        data = part + held if held else part
        parts = data.split(b"\n")
        offset = begin + len(data)
        for line in reversed(parts[1:]):
            offset -= len(line)
            yield Raw(offset, line)
            offset -= 1
        held = parts[0]
        if len(held) > LONGEST:
            held, long = b"", True
        elif begin == 0:
            yield Raw(0, held)
            return
    if long:
        yield _long(blob, 0)


def _long(blob: Blob, offset: int) -> Raw:
    return Raw(offset, blob.read(offset, LINE_CAP + 1))


def is_cut(blob: Blob, offset: int, data: bytes) -> bool:
    """Whether this is only the beginning of a line, as it is given of one too long to be held."""
    if len(data) != LINE_CAP + 1 or data.endswith(b"\n"):
        return False
    return blob.read(offset + len(data), 1) not in {b"", b"\n"}


def last_lines(blob: Blob, count: int) -> list[Raw]:
    """The last `count` lines, oldest first."""
    found: list[Raw] = []
    if count > 0:
        for line in backwards(blob):
            found.append(line)
            if len(found) >= count:
                break
    found.reverse()
    return found
