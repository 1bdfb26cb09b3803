"""Where a window of time lies in a log, found by a few looks at it: times of a log mostly ascend.

A time may jump back by `SLACK_S` and its line is still found.
"""

from __future__ import annotations

from raytui.core.logline import Query
from raytui.logs.formats import Clock, parse
from raytui.logs.reading.ranges import BLOCK, Blob, Block
from raytui.logs.reading.text import shown

SLACK_S = 300.0
PIECE = 64 * 1024
"""Bytes in which a line with a time is looked for at a place."""


class Part:
    """The beginning of a log, to an offset."""

    changed_at: float | None = None
    is_end = False

    def __init__(self, blob: Blob, size: int) -> None:
        self._blob = blob
        self.size = size
        self.descriptor = blob.descriptor

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes before its end."""
        return self._blob.read(offset, min(length, self.size - offset))

    def close(self) -> None:
        """Nothing: who opened the log closes it."""


def begin(blob: Blob, query: Query) -> int:
    """A beginning of a line before which nothing was written since the time that is asked for."""
    if query.since is None:
        return 0
    earlier, later, step = 0, blob.size, 4 * BLOCK
    clock, limit = Clock(query.zone), query.since - SLACK_S
    while step < blob.size:
        at, time = _look(blob, blob.size - step, clock)
        if time is not None and time < limit:
            earlier = at
            break
        later = blob.size - step
        step *= 2
    while earlier and later - earlier > BLOCK:
        middle = (earlier + later) // 2
        at, time = _look(blob, middle, clock)
        if time is not None and time < limit:
            earlier = at
        else:
            later = middle
    return earlier


def end(blob: Blob, query: Query) -> int:
    """A beginning of a line after which nothing was written up to the time that is asked for, or the log's end."""
    if query.until is None:
        return blob.size
    earlier, later, step = 0, 0, 4 * BLOCK
    clock, limit = Clock(query.zone), query.until + SLACK_S
    while step < blob.size:
        at, time = _look(blob, step, clock)
        if time is not None and time > limit:
            later = at
            break
        earlier = step
        step *= 2
    if not later:
        at, time = _look(blob, max(0, blob.size - 4 * BLOCK), clock)
        if time is None or time <= limit:
            return blob.size
        later = at
    while later - earlier > BLOCK:
        middle = (earlier + later) // 2
        at, time = _look(blob, middle, clock)
        if time is not None and time > limit:
            if at >= later:
                break
            later = at
        else:
            earlier = middle
    return later


def _look(blob: Blob, place: int, clock: Clock) -> tuple[int, float | None]:
    """The first line after a place that says when it was written; no time where none near does."""
    part = blob.read(place, PIECE)
    start = part.find(b"\n") + 1
    for raw in Block(place + start, part[start:]).lines() if start else ():
        found = parse(shown(raw.data))
        time = clock.time(found[0]) if found is not None else None
        if time is not None:
            return raw.offset, time
    return place + start, None
