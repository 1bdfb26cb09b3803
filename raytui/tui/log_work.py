"""What is read of logs in the background for a screen of them.

It only posts messages, each with the number of the look that it belongs to: what comes late for another is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass

from textual.message import Message

from raytui.core.errors import RaytuiError
from raytui.core.logline import LogLine, Query
from raytui.core.patterns import Pattern
from raytui.core.remedy import Hint
from raytui.core.session import Logs
from raytui.logs.formats import Reader
from raytui.logs.paging.document import Document, Place, located, top
from raytui.logs.paging.moving import Moves, Wanted
from raytui.logs.timeline import Part
from raytui.tui.faults import unforeseen

FIRST_LINES = 500
"""Lines of one log that are shown at once."""
FIRST_OF_MANY = 200
PAGE = 500
COUNT_AGAIN_S = 2.0
"""How long after lines arrived their levels are counted."""
TYPING_S = 0.15
"""How long a filter that is being typed waits for the next letter."""
Post = Callable[[Message], object]
Work = Callable[[], Coroutine[None, None, None]]
"""Not begun: another piece of the same kind may take its place before."""


@dataclass
class Numbered(Message):
    """What came for one choice of logs, by its number."""

    look: int


@dataclass
class Arrived(Numbered):
    """Lines at the end of the followed logs."""

    lines: list[LogLine]


@dataclass
class Ended(Numbered):
    """A log ended; the whole look when `source` is empty."""

    source: str
    reason: str
    hint: Hint = ""


@dataclass
class Paged(Numbered):
    """Lines above (-1) or below (1) those that are held, and whether the logs end there."""

    before: Document
    """What was held when they were asked for, with the places of its lines."""
    lines: list[LogLine]
    step: int
    is_end: bool


@dataclass
class Placed(Numbered):
    """The lines around a place, to be shown in place of those that are held."""

    lines: list[LogLine]
    cursor: int
    begins: bool
    place: Place


@dataclass
class Hits(Numbered):
    """What a search or a filter found further, newest first."""

    pattern: Pattern
    lines: list[LogLine]
    found: int
    looked: int
    size: int
    is_end: bool = False


@dataclass
class Levels(Numbered):
    """Counts of levels of a log; none at the end."""

    source: str
    parts: list[Part]
    whole: bool = False
    """Whether that is all there was to count."""


@dataclass
class Failed(Numbered):
    """Something could not be done."""

    sentence: str
    hint: Hint = ""


async def guarded(post: Post, look: int, what: str, work: Work) -> None:
    """Do a piece of work; what keeps it from being done is reported, never raised."""
    try:
        await work()
    except RaytuiError as error:
        post(Failed(look, f"{what}: {error.message}", error.hint))
    except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be read must not end the console
        post(Failed(look, f"{what}: {unforeseen(error)}"))


async def follow(post: Post, look: int, logs: Logs, moves: Moves) -> None:
    """Post the last lines of logs and what is added until no more will come."""
    hint: Hint = ""
    try:
        async with aclosing(_followed(post, look, logs, moves)) as batches:
            async for lines in batches:
                post(Arrived(look, lines))
        reason = "the logs have ended" if len(moves.sources) > 1 else "the log has ended"
    except RaytuiError as error:
        reason, hint = error.message, error.hint
    except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be read must not end the console
        reason = f"the log could not be read: {unforeseen(error)}"
    post(Ended(look, "", reason, hint))


async def _followed(post: Post, look: int, logs: Logs, moves: Moves) -> AsyncGenerator[list[LogLine]]:
    if len(moves.sources) == 1:
        source = moves.sources[0]
        reader = Reader(source.name, moves.zone)
        async with aclosing(logs.follow(source, FIRST_LINES)) as batches:
            async for texts in batches:
                yield list(reader.read_all(texts))
        return

    def ended(name: str, error: RaytuiError) -> None:
        post(Ended(look, name, error.message, error.hint))

    query = Query(lines=FIRST_OF_MANY, zone=moves.zone)
    async with aclosing(logs.follow_all(moves.sources, query, ended)) as merged:
        async for lines in merged:
            yield lines


async def page(post: Post, look: int, moves: Moves, document: Document, place: Place, *, step: int) -> None:
    """Post what stands above or below a document; `place` says where a log stands of which nothing is held."""
    held, ends = await _located(moves, document)
    if step < 0:
        if any(line.offset is None for line in held.lines[:1] if not line.mark):
            post(Failed(look, "the older lines are not found: the log has begun again or is not kept as a whole"))
            post(Paged(look, held, [], step, is_end=True))
            return
        lines, is_end = await moves.page(top(held, {**ends, **place}), PAGE, -1)
    else:
        last = {line.source: line.offset for line in held.lines if line.offset is not None and not line.mark}
        lines, is_end = await moves.page({**place, **last}, PAGE, 1)
        lines = [line for line in lines if line.offset is None or line.offset > last.get(line.source, -1)]
    post(Paged(look, held, lines, step, is_end))


async def _located(moves: Moves, document: Document) -> tuple[Document, Place]:
    """The document with the places of all its lines, as far as they are found in the logs."""
    texts: dict[str, list[str]] = {source.name: [] for source in moves.sources}
    unknown = False
    for line in document.lines:
        if not line.mark:
            texts.setdefault(line.source, []).append(line.text)
            unknown = unknown or line.offset is None
    if not unknown:
        return document, {} if document.lines else await moves.ends()
    places, ends = await moves.places_of(texts)
    return located(document, places), ends


async def go_to(post: Post, look: int, moves: Moves, place: Place) -> None:
    """Post the lines around a place."""
    above, begins = await moves.page(place, PAGE, -1)
    below, _ = await moves.page(place, PAGE, 1)
    post(Placed(look, [*above, *below], len(above), begins, place))


async def go_to_line(post: Post, look: int, moves: Moves, line: LogLine) -> None:
    """Post the lines around a line that was found in its log."""
    place: Place = {}
    if len(moves.sources) > 1 and line.at is not None:
        place = await moves.place_at(line.at)
    if line.offset is not None:
        place[line.source] = line.offset
    await go_to(post, look, moves, place)


async def go_to_time(post: Post, look: int, moves: Moves, moment: float) -> None:
    """Post the lines around a moment."""
    await go_to(post, look, moves, await moves.place_at(moment))


async def go_to_error(post: Post, look: int, moves: Moves, document: Document, place: Place, *, step: int) -> None:
    """Post the lines around the nearest error above or below a document."""
    held, ends = await _located(moves, document)
    which = "earlier" if step < 0 else "later"
    begin = top(held, {**ends, **place})
    if step > 0:
        begin = {**ends, **place}
        begin |= {line.source: line.offset + 1 for line in held.lines if line.offset is not None and not line.mark}
    found = await moves.first(begin, Wanted(errors=True, zone=moves.zone), step)
    if found is None:
        post(Failed(look, f"there is no {which} error"))
    else:
        await go_to_line(post, look, moves, found)


async def search(post: Post, look: int, moves: Moves, pattern: Pattern, wait: float = 0.0) -> None:
    """Post what matches in the whole of the logs, newest first."""
    await asyncio.sleep(wait)
    looked = size = 0
    async with aclosing(moves.back(None, Wanted(pattern, zone=moves.zone))) as batches:
        async for found in batches:
            looked, size = found.looked, found.size
            post(Hits(look, pattern, found.lines, found.found, looked, size))
    post(Hits(look, pattern, [], 0, looked, size, is_end=True))


async def levels(post: Post, look: int, moves: Moves, place: Place, wait: float = 0.0) -> None:
    """Post the levels of what the logs hold beyond a place."""
    whole = False
    try:
        await asyncio.sleep(wait)
        async with aclosing(moves.levels(place)) as batches:
            async for source, parts in batches:
                post(Levels(look, source, parts))
        whole = True
    finally:
        post(Levels(look, "", [], whole))
