"""The lines that a screen of logs holds: a window on one log or several merged ones, bounded whatever their size.

Values only: what is added at one end pushes lines out at the other, and whoever shows them learns how many.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from raytui.core.logline import LogLine
from raytui.core.patterns import Pattern
from raytui.logs.formats import parse
from raytui.logs.paging.around import SERIOUS

CAPACITY = 20_000
"""Lines held."""
MOST_CHARACTERS = 16 * 1024 * 1024
"""Characters held: lines may be 64 KB long."""
BLOCK = 2_000
"""When they are more, so many go at once."""
GAP_S = 300.0
"""Seconds without a line that are said."""
Place = dict[str, int]
"""An offset of each log, by name: what stands before it is older, what stands from it on is newer."""


class Document(msgspec.Struct, frozen=True):
    """Lines in the order in which they are shown."""

    lines: tuple[LogLine, ...] = ()
    characters: int = 0
    begins: bool = False
    """Whether nothing stands above the first line."""

    def __len__(self) -> int:
        return len(self.lines)


class Change(msgspec.Struct, frozen=True):
    """A document after a change, and what that did to the places of lines."""

    document: Document
    added: int = 0
    dropped: int = 0
    """Lines that went at the other end."""


def after(document: Document, lines: Sequence[LogLine], *, gaps: bool = True) -> Change:
    """The document with lines at its end; what is too much goes at its beginning."""
    new = marked(document.lines[-1] if document.lines else None, lines) if gaps else list(lines)
    held = (*document.lines, *new)
    size = document.characters + sum(len(line.text) for line in new)
    dropped = _excess(held, size)
    if not dropped:
        return Change(Document(held, size, document.begins), len(new))
    size -= sum(len(line.text) for line in held[:dropped])
    return Change(Document(held[dropped:], size), len(new), dropped)


def before(document: Document, lines: Sequence[LogLine], *, begins: bool, gaps: bool = True) -> Change:
    """The document with lines at its beginning; what is too much goes at its end."""
    new = list(lines)
    if gaps:
        new = marked(None, [*lines, *document.lines[:1]])
        if document.lines:
            new.pop()
    held = (*new, *document.lines)
    size = document.characters + sum(len(line.text) for line in new)
    backwards = held[::-1]
    dropped = _excess(backwards, size)
    if dropped:
        size -= sum(len(line.text) for line in backwards[:dropped])
        held = held[:-dropped]
    return Change(Document(held, size, begins), len(new), dropped)


def marked(above: LogLine | None, lines: Sequence[LogLine]) -> list[LogLine]:
    """Lines with a line of its own wherever nothing was written for a while, or times jump back as far."""
    found: list[LogLine] = []
    last = above.at if above is not None else None
    for line in lines:
        if line.at is not None and last is not None and not line.mark:
            if line.at - last >= GAP_S:
                found.append(LogLine("", f"{span(line.at - last)} without a line", line.at, mark=True))
            elif last - line.at >= GAP_S:
                found.append(LogLine("", f"the time jumps back by {span(last - line.at)}", line.at, mark=True))
        found.append(line)
        last = line.at if line.at is not None else last
    return found


def span(seconds: float) -> str:
    """A span as a person says it: `12 min`, `2 h 05 min`."""
    minutes = int(seconds // 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def top(document: Document, ends: Mapping[str, int]) -> Place:
    """Above what older lines of each log stand; where nothing of a log is held, `ends` says it."""
    place = dict(ends)
    for line in reversed(document.lines):
        if line.offset is not None and not line.mark:
            place[line.source] = line.offset
    return place


def located(document: Document, places: Mapping[str, Sequence[int | None]]) -> Document:
    """The document with the places of its lines, given for each log in the order of its lines."""
    following = {source: iter(found) for source, found in places.items()}
    lines = tuple(
        line
        if line.mark or line.source not in following
        else msgspec.structs.replace(line, offset=next(following[line.source], None))
        for line in document.lines
    )
    return Document(lines, document.characters, document.begins)


def find(document: Document, line: LogLine) -> int | None:
    """Where a line stands that was found in its log; none when it is not held."""
    for n, held in enumerate(document.lines):
        if held is line or (held.source == line.source and _is_same(held, line)):
            return n
    return None


def _is_same(held: LogLine, line: LogLine) -> bool:
    if line.offset is not None and held.offset is not None:
        return held.offset == line.offset
    return line.offset is None and held.text == line.text and held.at == line.at


def bottom(document: Document, begin: Mapping[str, int]) -> Place:
    """The last line held of each log; where nothing of a log is held, `begin` says where its lines would begin."""
    place = dict(begin)
    for line in document.lines:
        if line.offset is not None and not line.mark:
            place[line.source] = line.offset
    return place


def matching(document: Document, pattern: Pattern) -> Document:
    """The held lines that match."""
    lines = tuple(line for line in document.lines if not line.mark and pattern.search(line.text))
    return Document(lines, sum(len(line.text) for line in lines), document.begins)


def error_from(document: Document, at: int, step: int) -> int | None:
    """The next (1) or the previous (-1) line with which an error begins; none when none is held."""
    n = at + step
    while 0 <= n < len(document.lines):
        if begins_error(document, n):
            return n
        n += step
    return None


def begins_error(document: Document, n: int) -> bool:
    """Whether an error begins with a line, and does not only go on there."""
    line = document.lines[n]
    if line.mark or line.level not in SERIOUS:
        return False
    above = next((each for each in reversed(document.lines[max(0, n - 200) : n]) if each.source == line.source), None)
    return above is None or above.level not in SERIOUS or above.mark or parse(line.text) is not None


def nearest(document: Document, moment: float) -> int:
    """The first line that was written then or later; the last one when there is none."""
    found = (n for n, line in enumerate(document.lines) if line.at is not None and line.at >= moment)
    return next(found, max(0, len(document.lines) - 1))


def _excess(lines: Sequence[LogLine], characters: int) -> int:
    """How many of the first lines are too many."""
    dropped = len(lines) - CAPACITY + BLOCK if len(lines) > CAPACITY else 0
    if characters > MOST_CHARACTERS:
        left = characters - sum(len(line.text) for line in lines[:dropped])
        while left > MOST_CHARACTERS * 3 // 4 and dropped < len(lines) - 1:
            left -= len(lines[dropped].text)
            dropped += 1
    return dropped
