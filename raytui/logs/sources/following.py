"""Following a log to its end: what is added, in batches, and one sentence about why no more will come.

A stream of Ray never ends by itself and is silent while nothing is written, so silence is the moment to ask whether its
node or job still lives.
"""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

from raytui.core.errors import OperationFailed, RaytuiError
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import Hint, Remedy
from raytui.logs.reading.ranges import FileBlob, last_lines
from raytui.logs.reading.text import LineSplitter, shown
from raytui.logs.sources.origins import file_blob
from raytui.system.backoff import Backoff

BATCH_LINES = 500
BATCH_S = 0.1
HELD_LINES = 5000
"""Lines that wait for a slow reader before the log itself is made to wait."""
FASTEST_POLL_S = 0.1
SLOWEST_POLL_S = 1.0
CHECK_S = 3.0
"""How often a source is asked whether it still lives; a stream only while it is silent."""
BLIND_CHECKS = 5
"""Checks in a row that may fail before a silent stream is given up."""
REST_S = 1.5
"""Silence after which nothing more comes of what has ended: Ray passes on each second what was added."""
MOST_REST_S = 30.0
"""How long is read at most from what has ended: something that it left running may write on."""
FILE_PIECE = 256 * 1024
AGAIN_MARK = "-- the log begins again --"

Ending = Callable[[], Awaitable[str]]
"""Why a source has ended, empty while it lives; raises errors of the dashboard when it cannot be asked."""


class SourceEnded(OperationFailed):
    """No more lines will come.

    `over`: the source itself has ended; else the log broke off while its source may live on.
    """

    default_reason = "SourceEnded"

    def __init__(self, message: str, *, over: bool, hint: Hint = "") -> None:
        super().__init__(message, hint=hint, reason="SourceEnded" if over else "LogBrokeOff")
        self.over = over


async def batches(parts: AsyncIterator[list[str]]) -> AsyncGenerator[list[str], None]:
    """Lines gathered for at most 100 ms into at most 500.

    So a log with many lines costs a front end at most ten redraws a second.
    """
    ready: list[str] = []
    arrived, taken = asyncio.Event(), asyncio.Event()

    async def pump() -> None:
        async for lines in parts:
            ready.extend(lines)
            if ready:
                arrived.set()
            while len(ready) >= HELD_LINES:
                taken.clear()
                await taken.wait()

    pumping = asyncio.create_task(pump(), name="follow a log")
    pumping.add_done_callback(lambda _: arrived.set())
    try:
        while True:
            await arrived.wait()
            if len(ready) < BATCH_LINES:
                await asyncio.wait([pumping], timeout=BATCH_S)
            arrived.clear()
            while ready:
                batch = ready[:BATCH_LINES]
                del ready[:BATCH_LINES]
                taken.set()
                yield batch
            if pumping.done():
                pumping.result()
                return
    finally:
        pumping.cancel()
        await asyncio.wait([pumping])
        await parts.aclose()  # type: ignore[attr-defined] # an async generator


async def follow_output(
    platform: Platform, app: Application, first: list[str], offset: int
) -> AsyncIterator[list[str]]:
    """What a launcher prints from `offset` on, after `first`, until its application ends."""
    yield first
    splitter, ending = LineSplitter(), ""
    backoff = Backoff(FASTEST_POLL_S, SLOWEST_POLL_S)
    loop = asyncio.get_running_loop()
    checked, rewound = loop.time(), False
    while True:
        try:
            chunk = await platform.store.tail(app, offset)
        except RaytuiError as error:
            raise SourceEnded(
                f"the log of {app.short} broke off: {error.message}", over=False, hint=error.hint
            ) from None
        if chunk.offset < offset:
            rewound = True
            yield [*splitter.flush(), AGAIN_MARK]
        offset = chunk.end
        if chunk.data:
            backoff.reset()
            yield splitter.feed(chunk.data)
        elif ending:
            yield splitter.flush()
            raise SourceEnded(ending, over=True)
        else:
            await asyncio.sleep(backoff.next())
        if loop.time() - checked >= CHECK_S:
            checked = loop.time()
            now, ending = await _state(platform, app)
            if now is not None and _is_another_run(app, now):
                # Another process writes another file; unless that was noticed already, it is the longer one.
                if not rewound:
                    offset = 0
                    yield [*splitter.flush(), AGAIN_MARK]
                app, rewound = now, False


async def follow_file(path: Path, name: str, lines: int) -> AsyncIterator[list[str]]:
    """The last lines of a file of this machine (-1 for all) and what is added, until it is removed.

    A file that shrinks or in whose place another one is put is read from its beginning. Raises `NotFound` and
    `OperationFailed` for what cannot be opened.
    """
    splitter, backoff = LineSplitter(), Backoff(FASTEST_POLL_S, SLOWEST_POLL_S)
    blob = await file_blob(path, name)
    try:
        offset = 0
        if lines >= 0:
            offset, first = await asyncio.to_thread(_last_whole, blob, lines)
            yield first
        while True:
            data = await asyncio.to_thread(os.pread, blob.number, FILE_PIECE, offset)
            if data:
                offset += len(data)
                backoff.reset()
                yield splitter.feed(data)
                continue
            fate = await asyncio.to_thread(_fate, path, blob.number, offset)
            if fate == "there":
                await asyncio.sleep(backoff.next())
                continue
            late = await asyncio.to_thread(os.pread, blob.number, 1, offset)
            if late and fate != "shrunk":
                # Its last bytes came between the reading and the look at what has become of it.
                continue
            yield splitter.flush()
            if fate == "gone":
                raise SourceEnded(f"{name} has ended: {path} was removed", over=True)
            yield [AGAIN_MARK]
            offset = 0
            if fate == "replaced":
                blob.close()
                blob = await file_blob(path, name)
    finally:
        blob.close()


def _last_whole(blob: FileBlob, lines: int) -> tuple[int, list[str]]:
    """The last lines that got their newline, and where what is behind them begins."""
    end, found = blob.size, last_lines(blob, lines + 1)
    if found and blob.size > found[-1].offset and blob.read(blob.size - 1, 1) != b"\n":
        end = found.pop().offset
    elif not found and blob.size and blob.read(blob.size - 1, 1) != b"\n":
        end = last_lines(blob, 1)[0].offset
    return end, [shown(raw.data) for raw in found[-lines:]] if lines else []


def _fate(path: Path, descriptor: int, offset: int) -> Literal["there", "gone", "replaced", "shrunk"]:
    """What has become of an open file that had nothing new at `offset`."""
    mine = os.fstat(descriptor)
    try:
        there = path.stat()
    except OSError:
        return "gone"
    if (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino):
        return "replaced"
    return "shrunk" if mine.st_size < offset else "there"


async def _state(platform: Platform, app: Application) -> tuple[Application | None, str]:
    """The application as it is listed now, and why it has ended when it has.

    What cannot be asked now is asked again later.
    """
    try:
        now = next((listed for listed in await platform.list(app.cluster) if listed.name == app.name), None)
    except RaytuiError:
        return app, ""
    if now is None:
        return None, f"{app.short} is gone: the platform no longer lists it"
    if now.state in {"stopped", "failed"}:
        return now, f"{app.short} has ended ({now.state})" + (f": {now.message}" if now.message else "")
    return now, ""


def _is_another_run(before: Application, now: Application) -> bool:
    """Whether the application was started anew; a start that the platform does not tell yet proves nothing."""
    return before.id != now.id or (0 < before.started_at < now.started_at)


async def follow_stream(stream: AsyncIterator[bytes], name: str, ended: Ending) -> AsyncIterator[list[str]]:
    """What Ray adds to a log file, until its node or job ends or the stream breaks off.

    Ray passes on each second what was added, so the last lines of a job come after it is known to have ended.
    """
    splitter, blind = LineSplitter(), 0
    coming: asyncio.Task[bytes] | None = None
    ending, last = "", math.inf
    why = "the dashboard ended the stream"
    try:
        while (left := last - time.monotonic()) > 0:
            coming = coming or asyncio.create_task(_chunk(stream), name="read a log")
            done, _ = await asyncio.wait([coming], timeout=min(left, REST_S if ending else CHECK_S))
            if done:
                chunk, coming = coming.result(), None
                if not chunk:
                    ending = ending or await ended()
                    break
                blind = 0
                yield splitter.feed(chunk)
                continue
            if ending:
                break
            try:
                ending, blind = await ended(), 0
                last = time.monotonic() + MOST_REST_S if ending else math.inf
            except RaytuiError:
                # A hung GCS ends no stream; a host that vanished without a word ends it only here.
                blind += 1
                if blind >= BLIND_CHECKS:
                    raise
    except RaytuiError as error:
        why = error.message
    finally:
        if coming is not None:
            coming.cancel()
            await asyncio.wait([coming])
        await stream.aclose()  # type: ignore[attr-defined] # an async generator
    yield splitter.flush()
    if ending:
        raise SourceEnded(ending, over=True)
    raise SourceEnded(
        f"the log of {name} broke off: {why}", over=False, hint=Remedy("status", "", "shows what no longer answers")
    )


async def _chunk(stream: AsyncIterator[bytes]) -> bytes:
    """The next bytes of a stream, empty at its end."""
    while True:
        chunk = await anext(stream, None)
        if chunk is None:
            return b""
        if chunk:
            return chunk
