"""Lines of one log around any place of it, read by ranges in both directions: what somebody sees who moves in it.

All of it blocks: it runs in threads. A place is an offset at which a line begins, or the end of the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from raytui.core.logline import LogBytes, LogLine
from raytui.core.patterns import Pattern
from raytui.logs.formats import Reader, parse
from raytui.logs.reading.candidates import Candidates, Signs, is_hit
from raytui.logs.reading.ranges import BLOCK, LONGEST, Block, backwards, blocks, is_cut
from raytui.logs.reading.text import LINE_CAP, shown

PIECE = 64 * 1024
"""Bytes read at once where every line is wanted."""
SEED = 16 * 1024
"""Bytes above a place in which the time and the level are looked for that its first lines inherit."""
SERIOUS = frozenset({"ERROR", "FATAL"})
SAMPLE = 50
"""Lines that are compared when the place of held lines is looked for."""
SLACK = 20_000
"""Lines that may have been added since they were held."""


class Wanted(NamedTuple):
    """Which lines are looked for."""

    pattern: Pattern | None = None
    errors: bool = False
    """Only lines with which an error begins."""
    counted: bool = False
    """How many there are is enough."""
    zone: tzinfo | None = None
    """What a time without a zone is meant in; none for this machine's."""

    @property
    def is_all(self) -> bool:
        """Whether every line is wanted."""
        return self.pattern is None and not self.errors


class Step(NamedTuple):
    """What the next part of a log holds."""

    lines: list[LogLine]
    """In the direction of the reading."""
    found: int
    place: int
    """Up to where it was looked."""


def before(
    source: str, blob: LogBytes, place: int, wanted: Wanted, piece: int = PIECE, *, cut: set[int] | None = None
) -> Iterator[Step]:
    """The wanted lines above a place, newest first. Raises OSError.

    `cut` grows by the offsets of lines in which a pattern was looked for only in their beginning.
    """
    look = _Look(source, blob, wanted, cut)
    for block in blocks_before(blob, place, piece if wanted.is_all else BLOCK):
        lines, found = look.at(block)
        lines.reverse()
        yield Step(lines, found, block.offset)


def after(
    source: str, blob: LogBytes, place: int, wanted: Wanted, piece: int = PIECE, *, cut: set[int] | None = None
) -> Iterator[Step]:
    """The wanted lines from a place on, oldest first. Raises OSError."""
    look = _Look(source, blob, wanted, cut)
    for block in blocks(blob, place, piece if wanted.is_all else BLOCK):
        lines, found = look.at(block)
        yield Step(lines, found, min(blob.size, block.offset + len(block.data)))


def blocks_before(blob: LogBytes, place: int, size: int) -> Iterator[Block]:
    """Whole lines above a place in pieces, newest first; of a line too long to be held, its beginning."""
    end = place
    while end > 0:
        begin = max(0, end - size)
        data = blob.read(begin, end - begin)
        if len(data) < end - begin:  # it shrank meanwhile: what is gone is passed over
            end = begin
            continue
        if begin:
            cut = data.find(b"\n") + 1
            if cut in {0, len(data)}:
                begin = line_begin(blob, end - 1, size)
                data = blob.read(begin, end - begin if end - begin <= LONGEST else LINE_CAP + 1)
            else:
                begin, data = begin + cut, data[cut:]
        if data:
            yield Block(begin, data)
        end = begin


def line_begin(blob: LogBytes, place: int, size: int = PIECE) -> int:
    """Where the line begins that holds the byte before `place`."""
    end = place
    while end > 0:
        begin = max(0, end - size)
        found = blob.read(begin, end - begin).rfind(b"\n")
        if found >= 0:
            return begin + found + 1
        end = begin
    return 0


def place_at(source: str, blob: LogBytes, moment: float, zone: tzinfo | None) -> int:
    """The place of the first line that was written then or later. Times of a log mostly ascend. Raises OSError."""
    low, high = 0, blob.size
    while high - low > PIECE:
        middle = (low + high) // 2
        at = _time_after(source, blob, middle, zone)
        if at is None or at >= moment:
            high = middle
        else:
            low = middle
    for step in after(source, blob, line_begin(blob, low), Wanted(zone=zone)):
        for line in step.lines:
            if line.at is not None and line.at >= moment and line.offset is not None:
                return line.offset
        if step.place >= high + PIECE:
            break
    return min(high, blob.size) if high == blob.size else line_begin(blob, high)


def places_of(blob: LogBytes, texts: list[str]) -> list[int | None]:
    """Where lines stand that were read from the end of a log lately; all none when they are not found there."""
    sample = texts[:SAMPLE]
    found: list[tuple[int, str]] = []
    if sample:
        for raw in backwards(blob):
            found.append((raw.offset, shown(raw.data)))
            enough = len(found) >= len(texts)
            if enough and found[-1][1] == sample[0] and _follows(found, sample):
                places = [place for place, _ in reversed(found[-len(texts) :])]
                return [*places, *([None] * (len(texts) - len(places)))]
            if len(found) > len(texts) + SLACK:
                break
    return [None] * len(texts)


def _follows(found: list[tuple[int, str]], sample: list[str]) -> bool:
    last = len(found) - 1
    return all(last - n >= 0 and found[last - n][1] == text for n, text in enumerate(sample))


def _time_after(source: str, blob: LogBytes, place: int, zone: tzinfo | None) -> float | None:
    """The time of the first line with one of its own that begins after a place, not far from it."""
    part = blob.read(place, PIECE)
    begin = part.find(b"\n") + 1
    reader = Reader(source, zone)
    for raw in Block(place + begin, part[begin:]).lines() if begin else ():
        at = reader.read(shown(raw.data)).at
        if at is not None:
            return at
    return None


class _Look:
    """Takes the wanted lines out of blocks; blocks in which there can be none are not taken apart."""

    def __init__(self, source: str, blob: LogBytes, wanted: Wanted, cut: set[int] | None) -> None:
        self._source, self._blob, self._wanted, self._cut = source, blob, wanted, cut
        self._candidates = Candidates(wanted.pattern) if wanted.pattern is not None else None
        self._signs = Signs("ERROR") if wanted.errors else None

    def at(self, block: Block) -> tuple[list[LogLine], int]:
        """The wanted lines of a block, oldest first, and how many they are."""
        hits: set[int] | None = None
        if self._candidates is not None:
            pattern = self._wanted.pattern
            assert pattern is not None
            hits = {raw.offset for raw in self._candidates.of(block) if is_hit(pattern, raw)}
            if self._cut is not None and is_cut(self._blob, *block):
                self._cut.add(block.offset)
            if not hits or self._wanted.counted:
                return [], len(hits)
        if self._signs is not None and not self._signs.may_be_in(block):
            return [], 0
        lines = self._lines(block)
        if hits is not None:
            lines = [line for line in lines if line.offset in hits]
        if self._signs is not None:
            lines = errors_of(lines)
        return lines, len(lines)

    def _lines(self, block: Block) -> list[LogLine]:
        reader = Reader(self._source, self._wanted.zone)
        if block.offset:
            seed = max(0, block.offset - SEED)
            data = self._blob.read(seed, block.offset - seed)
            cut = data.find(b"\n") + 1 if seed else 0
            for raw in Block(seed + cut, data[cut:]).lines():
                reader.read(shown(raw.data))
        return [reader.read(shown(raw.data), raw.offset) for raw in block.lines()]


def errors_of(lines: list[LogLine]) -> list[LogLine]:
    """The lines of one log with which an error begins: not those that continue one."""
    found: list[LogLine] = []
    goes_on = False
    for line in lines:
        is_serious = line.level in SERIOUS and not line.mark
        if is_serious and (not goes_on or parse(line.text) is not None):
            found.append(line)
        goes_on = is_serious
    return found
