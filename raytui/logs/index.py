"""What is known of a large log from an earlier look at all of it: how many lines of which level stand where.

It is written by whoever looks through a whole log anyway and read by whoever wants levels again: blocks without the
level are not read at all. Nobody waits for it, and what is not there or not true any more is done without.

An index is true as long as the file is the same one (its number), is no shorter, and holds the same first and last
block of what was looked at. A log that grew is looked at from there on.

A log may be emptied in place and written anew (logrotate's copytruncate). One whose first lines say when they were
written begins differently then. Of one that does not say it in its first block, equal blocks prove nothing: its index
is true only until the file changes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator, Sequence
from datetime import tzinfo
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import msgspec

from raytui.core.logline import Level, LogBytes, LogLine
from raytui.logs.formats import Reader
from raytui.logs.reading.ranges import Block
from raytui.logs.reading.text import shown
from raytui.system.files import private_directory, write_whole

BLOCK = 64 * 1024
"""Bytes of lines that are known together."""
END = 10_000
LOOKED_AT = 50
"""Bytes and lines at each end of a block in which a time is looked for."""
FROM = 8 * 1024 * 1024
"""Bytes of a log from which an index is kept; less is read at once."""
PROOF = 64 * 1024
"""Bytes at each end of what was looked at by which a log is known again."""
SETTLED_NS = 2_000_000_000
"""Nanoseconds after a change from which the next one bears another time: file systems count time in steps."""
ROOM = 64 * 1024 * 1024
"""Bytes of all indexes at most; the oldest go."""
KEPT_S = 30 * 86_400.0
LARGEST = 16 * 1024 * 1024
"""Bytes of one index that are read at most; a log of 10 GB has 8 MB."""


class Entry(NamedTuple):
    """Lines in a row."""

    end: int
    """Where the line below them begins."""
    first: float | None
    """The earliest time at their ends as far as it is known, seconds since 1970."""
    last: float | None
    lines: int
    warnings: int
    errors: int
    """Errors and what is more serious."""


class Index(msgspec.Struct, frozen=True):
    """What was found from the beginning of a log on."""

    proof: bytes
    whole: bool
    """Whether warnings were counted; if not, only errors were."""
    entries: list[Entry]
    version: int = 1
    changed: int = 0
    """When the file changed last before the look, by the file system, in nanoseconds since 1970; 0 when unknown."""
    held: int = 0
    """Bytes of the file then."""

    @property
    def size(self) -> int:
        """Bytes that were looked at."""
        return self.entries[-1].end if self.entries else 0

    @property
    def is_dated(self) -> bool:
        """Whether the first block says when it was written."""
        return self.entries[0].first is not None and self.entries[0].end <= PROOF

    def knows(self, level: Level | None) -> bool:
        """Whether it says where lines of a level or a more serious one are not."""
        return level in {"ERROR", "FATAL"} or (level == "WARNING" and self.whole)

    def ranges(self, level: Level, begin: int, end: int) -> Iterator[tuple[int, int]]:
        """Where lines of a level or a more serious one may be, as bytes from and to."""
        since: int | None = None
        at = 0
        for entry in self.entries:
            wanted = entry.errors or (level == "WARNING" and entry.warnings)
            if wanted and entry.end > begin and at < end:
                since = max(at, begin) if since is None else since
            elif since is not None:
                yield since, min(at, end)
                since = None
            at = entry.end
        if since is not None:
            yield since, min(at, end)


def known(blob: LogBytes, zone: tzinfo | None) -> Index | None:
    """The index of a log; none without one that is true."""
    try:
        path = _path(blob, zone)
        if path is None or blob.descriptor is None or path.stat().st_size > LARGEST:
            return None
        index = msgspec.msgpack.decode(path.read_bytes(), type=Index)
        found = os.fstat(blob.descriptor)
        if index.version != 1 or not index.entries or index.size > found.st_size:
            return None
        is_same = (found.st_ctime_ns, found.st_size) == (index.changed, index.held)
        if not is_same and (not index.is_dated or found.st_size == index.held):
            return None  # one that is only added to does not change without growing
        return index if index.proof == _proof(blob.descriptor, index.size) else None
    except (OSError, msgspec.MsgspecError):
        return None


class Making:
    """An index that is made on the way through a log from its beginning, or from where another one ends."""

    def __init__(
        self, source: str, blob: LogBytes, zone: tzinfo | None, before: Index | None, *, whole: bool, begin: int
    ) -> None:
        """Nothing is made on a way that begins elsewhere than where `before` ends."""
        self._source, self._blob, self._zone, self._whole = source, blob, zone, whole
        self._entries = list(before.entries) if before is not None else []
        self._held = len(self._entries)
        self.is_worth_it = (
            blob.descriptor is not None
            and blob.size >= FROM
            and begin == (before.size if before is not None else 0)
            and not blob.is_end
        )
        self._state = _state(blob.descriptor) if self.is_worth_it and blob.descriptor is not None else (0, 0)

    def add(self, begin: int, entry: Entry) -> None:
        """The next lines and where they begin, which is where those before end."""
        if not self.is_worth_it:
            return
        if self._entries and self._entries[-1].end != begin:
            self._entries[-1] = self._entries[-1]._replace(end=begin)  # after a line too long to be held
        self._entries.append(entry)

    def keep(self) -> None:
        """The end of the log was reached; a disk that takes nothing costs only the next look."""
        # The last line may still be written to.
        while self._entries[self._held :] and self._blob.read(self._entries[-1].end - 1, 1) != b"\n":
            self._entries.pop()
        if len(self._entries) == self._held:
            return
        with contextlib.suppress(OSError):
            path = _path(self._blob, self._zone)
            if path is None or self._blob.descriptor is None:
                return
            proof = _proof(self._blob.descriptor, self._entries[-1].end)
            changed, held = self._state
            index = Index(proof, self._whole, self._entries, changed=changed, held=held)
            if not index.is_dated and not changed:
                return
            private_directory(path.parent)
            write_whole(path, msgspec.msgpack.encode(index), durable=False)
            _prune(path.parent)


def plain(source: str, block: Block, zone: tzinfo | None) -> Entry:
    """A block in which no line warns of anything: it is not taken apart."""
    data = block.data
    number = data.count(b"\n") + (not data.endswith(b"\n"))
    first = _time(source, data[:END].split(b"\n")[:LOOKED_AT], zone)
    last = _time(source, data[-END:].split(b"\n")[:0:-1][:LOOKED_AT], zone)
    last = first if last is None else last
    return Entry(block.offset + len(data), first, max(first, last) if first and last else last, number, 0, 0)


def of_lines(end: int, lines: Sequence[LogLine]) -> Entry:
    """Lines that were taken apart."""
    times = [line.at for line in lines if line.at is not None]
    warnings = sum(line.level == "WARNING" for line in lines)
    errors = sum(line.level in {"ERROR", "FATAL"} for line in lines)
    return Entry(end, min(times, default=None), max(times, default=None), len(lines), warnings, errors)


def _time(source: str, raws: Sequence[bytes], zone: tzinfo | None) -> float | None:
    """The time of the first line that has one."""
    reader = Reader(source, zone)
    return next((at for raw in raws if (at := reader.read(shown(raw)).at) is not None), None)


def folder() -> Path:
    """Where indexes are kept: with what programs keep that they can do without."""
    kept = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(kept) if Path(kept).is_absolute() else Path.home() / ".cache") / "raytui" / "log-index"


def _path(blob: LogBytes, zone: tzinfo | None) -> Path | None:
    """One file for each log and each meaning of times without a zone; none for what is no file or small."""
    if blob.descriptor is None or blob.size < FROM:
        return None
    found = os.fstat(blob.descriptor)
    meant = f"{zone}" if zone is not None else f"{time.tzname} {time.timezone}"
    name = sha256(f"{found.st_dev} {found.st_ino} {meant}".encode()).hexdigest()[:32]
    try:
        return folder() / name
    except RuntimeError:  # nobody's home
        return None


def _state(descriptor: int) -> tuple[int, int]:
    """When a file changed last and its size; zeros when another change just now could bear the same time."""
    found = os.fstat(descriptor)
    is_settled = time.time_ns() - found.st_ctime_ns >= SETTLED_NS
    return (found.st_ctime_ns, found.st_size) if is_settled else (0, 0)


def _proof(descriptor: int, end: int) -> bytes:
    return sha256(os.pread(descriptor, PROOF, 0) + os.pread(descriptor, PROOF, max(0, end - PROOF))).digest()


@cache
def _prune(root: Path) -> None:
    """Remove what is old, and the oldest until the rest fits; once in the life of a program."""
    found = []
    for path in root.iterdir():
        with contextlib.suppress(OSError):
            state = path.stat()
            found.append((state.st_mtime, state.st_size, path))
    total = sum(size for _, size, _ in found)
    for written, size, path in sorted(found):
        if time.time() - written > KEPT_S or total > ROOM:
            path.unlink(missing_ok=True)
            total -= size
