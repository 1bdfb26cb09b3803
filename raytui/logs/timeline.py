"""How many lines of each level a log has over time: what a histogram shows, in memory bounded whatever the size.

Blocks in which no line can warn of anything are counted without taking them apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import NamedTuple

from raytui.core.logline import LogBytes
from raytui.logs import index
from raytui.logs.paging.around import SERIOUS
from raytui.logs.reading.candidates import Signs
from raytui.logs.reading.ranges import BLOCK, blocks
from raytui.logs.reading.text import shown
from raytui.logs.search.one_log import reader_at

MOST_BUCKETS = 4096
LEAST_BLOCK = 16 * 1024
BLOCKS = 400
"""Into about so many blocks a log is cut that is not taken apart line by line."""


class Count(NamedTuple):
    """Lines of a span of time."""

    lines: int = 0
    warnings: int = 0
    errors: int = 0

    def plus(self, other: Count) -> Count:
        """Both together."""
        return Count(self.lines + other.lines, self.warnings + other.warnings, self.errors + other.errors)


class Column(NamedTuple):
    """One column of a histogram."""

    begin: float
    """Seconds since 1970, included."""
    end: float
    """Not included."""
    of: Count


class Timeline:
    """Counts by time; where they are many, by longer spans."""

    def __init__(self) -> None:
        self._buckets: dict[int, Count] = {}
        self._seconds = 1
        self.total = Count()
        """All lines, those of an unknown time too."""
        self.undated = 0

    def add(self, at: float | None, count: Count) -> None:
        """Count lines of one moment."""
        self.total = self.total.plus(count)
        if at is None:
            self.undated += count.lines
            return
        bucket = int(at // self._seconds)
        self._buckets[bucket] = self._buckets.get(bucket, Count()).plus(count)
        while len(self._buckets) > MOST_BUCKETS:
            self._seconds *= 2
            wider: dict[int, Count] = {}
            for number, held in self._buckets.items():
                wider[number // 2] = wider.get(number // 2, Count()).plus(held)
            self._buckets = wider

    def spread(self, first: float, last: float, count: Count) -> None:
        """Count lines that were written evenly between two moments."""
        parts = max(1, min(count.lines, int((last - first) // self._seconds) + 1, 64))
        for n in range(parts):
            share = Count(*(number * (n + 1) // parts - number * n // parts for number in count))
            self.add(first + (last - first) * n / parts, share)

    def columns(self, width: int) -> list[Column]:
        """The whole time in at most `width` columns of the same span; none when no line has a time."""
        if not self._buckets or width <= 0:
            return []
        first, last = min(self._buckets), max(self._buckets)
        wide = -(-(last - first + 1) // width)
        counts = [Count()] * (-(-(last - first + 1) // wide))
        for bucket, count in self._buckets.items():
            place = (bucket - first) // wide
            counts[place] = counts[place].plus(count)
        seconds = self._seconds
        return [
            Column((first + n * wide) * seconds, (first + (n + 1) * wide) * seconds, count)
            for n, count in enumerate(counts)
        ]


class Part(NamedTuple):
    """The lines of one part of a log."""

    first: float | None
    last: float | None
    of: Count
    place: int
    """Up to where the log was looked at."""


def parts(source: str, blob: LogBytes, zone: tzinfo | None, begin: int = 0) -> Iterator[Part]:
    """The levels of a log from a place to its end; what an index says of it is not read again. Raises OSError."""
    known = None if begin else index.known(blob, zone)
    known = known if known is not None and known.whole else None
    for entry in known.entries if known is not None else ():
        yield Part(entry.first, entry.last, Count(entry.lines, entry.warnings, entry.errors), entry.end)
    begin = begin if known is None else known.size
    making = index.Making(source, blob, zone, known, whole=True, begin=begin)
    signs, reader = Signs("WARNING"), reader_at(source, blob, begin, zone)
    most = index.BLOCK if making.is_worth_it else BLOCK
    for block in blocks(blob, begin, min(most, max(LEAST_BLOCK, blob.size // BLOCKS))):
        end = block.offset + len(block.data)
        if reader.level not in {"WARNING", *SERIOUS} and not signs.may_be_in(block):
            entry = index.plain(source, block, zone)
            yield Part(entry.first, entry.last, Count(entry.lines), end)
        else:
            lines = [reader.read(shown(raw.data)) for raw in block.lines()]
            entry = index.of_lines(end, lines)
            for line in lines:
                yield Part(line.at, line.at, Count(1, int(line.level == "WARNING"), int(line.level in SERIOUS)), end)
        making.add(block.offset, entry)
    making.keep()
