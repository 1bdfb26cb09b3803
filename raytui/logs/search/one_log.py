"""The lines of one log that a query wants, read once from its beginning or from its newest end, in bounded pieces.

Blocks without a candidate are never taken apart. A large file of this machine is searched by rg or grep where they
can be known what to look for; every line they name is looked at here again.

All of it blocks: it runs in threads, and answers often enough that an interrupt is noticed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from datetime import tzinfo
from itertools import accumulate
from typing import cast

import msgspec

from raytui.core.logline import LogLine, Query
from raytui.logs import index
from raytui.logs.formats import Reader, parse
from raytui.logs.reading import window
from raytui.logs.reading.candidates import Signs, candidates_of, is_beyond, is_hit
from raytui.logs.reading.ranges import Blob, Block, Raw, backwards, blocks, is_cut, last_lines
from raytui.logs.reading.text import LINE_CAP, clean, shown, shown_together
from raytui.logs.reading.window import Part
from raytui.logs.search import programs
from raytui.logs.search.selection import Selection

PIECE = 64 * 1024
"""Bytes read at once where every line is taken apart: that keeps the pieces short and few lines in memory."""
PAUSE = 8
"""Blocks without a match after which there is an empty answer, so that an interrupt is noticed."""
OFTEN = 2_000
"""Matches in one log after which they are only counted, if that can be done without a look at each."""
BATCH = 1000
"""Lines of one answer at most."""
NEAR = 200
"""Lines around a match up to which blocks without a match are left out."""
LOOK_BACK = 400
"""Lines that are looked at above a match for the time and the level that it inherits."""


def read(source: str, blob: Blob, query: Query, cut: set[int] | None = None) -> Iterator[list[LogLine]]:
    """The wanted lines in batches, oldest first; some batches are empty. Raises OSError.

    `cut` grows by the offsets of lines in which a pattern was looked for only in their beginning.
    """
    cut = cut if query.pattern is not None else None
    if query.since is not None and blob.changed_at is not None and blob.changed_at < query.since:
        return iter(())
    if query.lines >= 0:
        return _last(source, blob, query, cut)
    begin = window.begin(blob, query)
    if query.until is not None:
        blob = Part(blob, max(begin, window.end(blob, query)))
    if query.pattern is not None and not query.invert:
        if not query.context:
            return _hits(source, blob, query, begin, cut)
        if query.context <= NEAR:
            return _around(source, blob, query, begin, cut)
    return _all(source, blob, query, begin, cut)


def rest(source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None = None) -> Iterator[list[LogLine]]:
    """The matches from the beginning of a line on, without lines around them. Raises OSError."""
    return _hits(source, blob, query, begin, cut)


def count(source: str, blob: Blob, query: Query, *, first: bool = False, cut: set[int] | None = None) -> Iterator[int]:
    """How many lines are wanted, in parts that add up; with `first` the first one ends it. Raises OSError."""
    if query.pattern is not None and not query.invert and query.lines < 0 and not query.dates:
        yield from _counted(source, blob, query, first=first, cut=cut)
        return
    for batch in read(source, blob, msgspec.structs.replace(query, context=0), cut):
        found = len(batch)
        if first and found:
            yield 1
            return
        yield found


def _counted(source: str, blob: Blob, query: Query, *, first: bool, cut: set[int] | None) -> Iterator[int]:
    """Matches of a pattern; where there are many of them, a program counts them all."""
    assert query.pattern is not None
    candidates, query = candidates_of(query.pattern), msgspec.structs.replace(query, context=0)
    found = 0
    # Closed before a program counts: the two would read the file from one position.
    with closing(_hits(source, blob, query, 0, cut, dated=False)) as hits:
        for batch in hits:
            found += len(batch)
            yield min(1, found) if first else len(batch)
            if first and found:
                return
            if found >= OFTEN:
                break
        else:
            return
    counted = yield from _numbers(programs.count(candidates, blob))
    if counted is not None:
        yield counted - found
        return
    with closing(_hits(source, blob, query, 0, cut, dated=False)) as hits:
        for batch in hits:
            known = min(found, len(batch))
            found -= known
            yield len(batch) - known


def _numbers(counting: Generator[None, None, int | None]) -> Generator[int, None, int | None]:
    """The same with a number for each moment in which nothing more is known."""
    while True:
        try:
            next(counting)
        except StopIteration as stopped:
            return cast("int | None", stopped.value)
        yield 0


def _last(source: str, blob: Blob, query: Query, cut: set[int] | None) -> Iterator[list[LogLine]]:
    raws = last_lines(blob, query.lines)
    if not raws:
        return
    reader, selection = _reader(source, blob, raws[0].offset, query), Selection(query)
    for begin in range(0, len(raws), BATCH):
        part = raws[begin : begin + BATCH]
        if cut is not None:
            cut.update(raw.offset for raw in part if is_cut(blob, *raw))
        yield selection.feed(_line(reader, selection, raw, None if blob.is_end else raw.offset) for raw in part)


def _line(reader: Reader, selection: Selection, raw: Raw, offset: int | None) -> LogLine:
    """A line to be fed to a selection, which looks for a pattern beyond what is shown too."""
    line = reader.read(shown(raw.data), offset)
    if len(raw.data) > LINE_CAP:
        selection.look_beyond(line, clean(raw.data))
    return line


def _all(source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None) -> Iterator[list[LogLine]]:
    if query.level is not None and not Selection(query).surrounds:
        yield from _of_level(source, blob, query, begin, cut)
        return
    reader, selection = _reader(source, blob, begin, query), Selection(query)
    for block in blocks(blob, begin, PIECE, cut):
        if query.selects:
            yield selection.feed(_line(reader, selection, raw, raw.offset) for raw in block.lines())
        else:
            yield _read_together(reader, block)


def _read_together(reader: Reader, block: Block) -> list[LogLine]:
    """All lines of a block."""
    raws = block.data.split(b"\n")
    if not raws[-1]:
        raws.pop()
    offsets = accumulate((len(raw) + 1 for raw in raws), initial=block.offset)
    return list(map(reader.read, shown_together(block.data, raws), offsets))


def _of_level(source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None) -> Iterator[list[LogLine]]:
    """Lines of a level and more serious ones: only blocks are taken apart in which one may be."""
    assert query.level is not None
    selection, signs = Selection(query), Signs(query.level)
    known = index.known(blob, query.zone)
    known = known if known is not None and known.knows(query.level) else None
    looked_at = -1
    reader: Reader | None = None
    for since, until in known.ranges(query.level, begin, blob.size) if known is not None else ():
        for block in blocks(Part(blob, until), since, PIECE, cut):
            reader = reader if reader is not None and block.offset == looked_at else None
            reader = reader or _reader(source, blob, block.offset, query)
            yield selection.feed(_line(reader, selection, raw, raw.offset) for raw in block.lines())
            looked_at = min(until, block.offset + len(block.data))
    begin = max(begin, known.size if known is not None else 0)
    making = index.Making(source, blob, query.zone, known, whole=query.level not in {"ERROR", "FATAL"}, begin=begin)
    if query.until is not None or (known is not None and known.whole and query.level != "WARNING"):
        making.is_worth_it = False  # the end is left out, or what is kept says more
    above: Reader | None = _reader(source, blob, begin, query)
    passed = 0
    for block in blocks(blob, begin, PIECE, cut):
        inherits = above is not None and selection.is_serious(above.level)
        if not inherits and not signs.may_be_in(block):
            above, passed = None, passed + 1
            if making.is_worth_it:
                making.add(block.offset, index.plain(source, block, query.zone))
            if passed % (4 * PAUSE) == 0:
                yield []
            continue
        above = above or _reader(source, blob, block.offset, query)
        lines = [_line(above, selection, raw, raw.offset) for raw in block.lines()]
        if making.is_worth_it:
            making.add(block.offset, index.of_lines(block.offset + len(block.data), lines))
        yield selection.feed(lines)
    making.keep()


def _hits(
    source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None = None, *, dated: bool = True
) -> Generator[list[LogLine]]:
    """Matches without lines around them: only they are taken apart, and what they inherit from."""
    pattern, selection, dates = query.pattern, Selection(query), _Dates(source, blob, query)
    assert pattern is not None
    found: list[LogLine] = []
    pending = 0
    for raw in _candidates(blob, query, begin, cut):
        if raw is None:
            pending += 1
        elif pattern.search(text := shown(raw.data)) or is_beyond(pattern, raw):
            line = dates.line(raw, text) if dated else LogLine(source, text, offset=raw.offset)
            if not dated or selection.is_looked_at(line):
                found.append(line)
        if len(found) >= BATCH or (raw is None and (found or pending >= PAUSE)):
            yield found
            found, pending = [], 0
    yield found


def _around(source: str, blob: Blob, query: Query, begin: int, cut: set[int] | None) -> Iterator[list[LogLine]]:
    """Matches with lines around them: blocks are left out in which nothing matches and that touch no match."""
    pattern, selection = query.pattern, Selection(query)
    assert pattern is not None
    candidates = candidates_of(pattern)
    reader: Reader | None = None
    looked_at, passed = begin, 0
    for block in blocks(blob, begin, cut=cut):
        if not selection.is_open and not any(is_hit(pattern, raw) for raw in candidates.of(block)):
            passed += 1
            if passed % PAUSE == 0:
                yield []
            continue
        lines = list(block.lines())
        if block.offset > looked_at:
            reader = None
            selection.skip()
            lines = _lines_before(blob, block.offset, query.context, looked_at) + lines
        reader = reader or _reader(source, blob, lines[0].offset, query)
        looked_at = block.offset + len(block.data)
        for at in range(0, len(lines), BATCH):
            yield selection.feed(_line(reader, selection, raw, raw.offset) for raw in lines[at : at + BATCH])


def _lines_before(blob: Blob, offset: int, most: int, stop: int) -> list[Raw]:
    """At most that many lines above an offset, oldest first, none of them above `stop`."""
    found: list[Raw] = []
    for raw in backwards(Part(blob, offset), PIECE):
        if raw.offset < stop or len(found) >= most:
            break
        found.append(raw)
    found.reverse()
    return found


def _candidates(blob: Blob, query: Query, begin: int, cut: set[int] | None) -> Iterator[Raw | None]:
    """Lines that may match, in order, and none now and then where there are no more for a while."""
    assert query.pattern is not None
    candidates = candidates_of(query.pattern)
    position = begin
    if blob.descriptor is not None and blob.size - begin >= programs.PROGRAM_FROM:
        asked = programs.command(candidates)
        if asked:
            position = yield from programs.search(asked, blob, begin)
    for n, block in enumerate(blocks(blob, position, cut=cut) if position < blob.size else (), 1):
        yield from candidates.of(block)
        if n % PAUSE == 0:
            yield None


def _reader(source: str, blob: Blob, offset: int, query: Query) -> Reader:
    return reader_at(source, blob, offset, query.zone)


def reader_at(source: str, blob: Blob, offset: int, zone: tzinfo | None) -> Reader:
    """A reader that knows the time and the level of what stands above `offset`."""
    reader = Reader(source, zone)
    for text in reversed(_above(blob, offset) or ()):
        reader.read(text)
    return reader


def _above(blob: Blob, offset: int, stop: int = 0) -> list[str] | None:
    """The lines above `offset`, nearest first, to the nearest that has a form or to `stop`; none when that is far."""
    found: list[str] = []
    for n, raw in enumerate(backwards(Part(blob, offset), 4096)):
        if raw.offset < stop:
            break
        if n >= LOOK_BACK:
            return None
        text = shown(raw.data)
        found.append(text)
        if parse(text) is not None:
            break
    return found


class _Dates:
    """Matches with the time and the level that they say or inherit."""

    def __init__(self, source: str, blob: Blob, query: Query) -> None:
        self._source, self._blob, self._query = source, blob, query
        self._reader = Reader(source, query.zone)
        self._read = 0
        """Up to where the lines are known to the reader."""

    def line(self, raw: Raw, text: str) -> LogLine:
        """The next match; lines above it are read only when it does not say itself when it was written."""
        if raw.offset > self._read and parse(text) is None:
            above = _above(self._blob, raw.offset, self._read)
            if above is None:
                self._reader = Reader(self._source, self._query.zone)
            for each in reversed(above or ()):
                self._reader.read(each)
        self._read = raw.offset + len(raw.data) + 1
        return self._reader.read(text, raw.offset)
