"""Where the bytes of a log come from: a file of this machine, a launcher's output by ranges, Ray through the spool."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from raytui.core.errors import NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.logline import Query
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.dashboard import Dashboard
from raytui.core.protocols.platform import Platform, Store
from raytui.core.session import LogSource
from raytui.logs.reading.ranges import Blob, BytesBlob, FileBlob
from raytui.logs.reading.text import TAIL_BYTES
from raytui.logs.search import pieces
from raytui.logs.search.remote import Found
from raytui.logs.search.stream import Arriving
from raytui.logs.sources.shipped import Kept
from raytui.logs.sources.spool import Spool

TAIL_CAP = 16 * 1024 * 1024
"""Bytes of a launcher's output that are held at most for its last lines."""
ANSWER_S = 60.0
"""Seconds within which a range of a launcher's output must come."""


class OutputBlob:
    """The launcher's output of an application, asked for in ranges by a thread that reads it."""

    descriptor: int | None = None
    changed_at: float | None = None
    is_end = False

    def __init__(self, store: Store, application: Application, size: int) -> None:
        self._store, self._application = store, application
        self._loop = asyncio.get_running_loop()
        self.size = size

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes; none from a log that begins anew meanwhile. Raises errors of the platform."""
        length = min(length, self.size - offset)
        if length <= 0:
            return b""
        asking = self._store.tail(self._application, offset, length)
        chunk = asyncio.run_coroutine_threadsafe(asking, self._loop).result(ANSWER_S)
        return chunk.data if chunk.offset == offset else b""

    def close(self) -> None:
        """Nothing."""


class Places:
    """Opens logs."""

    def __init__(
        self, platform: Platform, dashboard: Callable[[str], Awaitable[Dashboard]], spool: Spool, kept: Kept
    ) -> None:
        self._platform = platform
        self._dashboard = dashboard
        self._spool = spool
        self._kept_lives = kept
        self._sessions: dict[str, str] = {}

    @asynccontextmanager
    async def open(self, source: LogSource, lines: int) -> AsyncGenerator[Blob]:
        """The log, or what ends with at least its last `lines` (-1 for all of it). Raises why it cannot be read."""
        blob = await self._opened(source, lines)
        try:
            yield blob
        finally:
            blob.close()

    async def search(self, source: LogSource, query: Query, found: Found) -> int:
        """All matches of a log, those of one that has to be fetched while it comes. Raises why it cannot be read.

        Answers how many lines were searched only in their beginning. The query is one that `can_be_searched` as lines
        arrive.
        """
        arriving = Arriving(source.name, query, found, lambda: found.is_full)
        try:
            blob = await self._opened(source, -1, arriving)
        except RaytuiError as error:
            if arriving.searched:
                raise OperationFailed(
                    f"only its first {arriving.searched:,} bytes came and were searched: {error.message}",
                    hint="search again: what is missing is asked for once more",
                ) from error
            raise
        try:
            if arriving.searched:
                parts = pieces.rest(source.name, blob, query, arriving.searched, arriving.cut)
            else:
                parts = pieces.lines(source.name, blob, query, arriving.cut)
            async with contextlib.aclosing(parts):
                async for batch in parts:
                    await found.room()
                    found(batch, 0)
        finally:
            blob.close()
        return len(arriving.cut)

    async def is_near(self, source: LogSource) -> bool:
        """Whether all of a log can be read without fetching it whole from another machine. Raises why not known."""
        if source.kind in {"file", "kept"}:
            return True
        if source.kind == "launcher":
            assert source.application is not None
            return bool((await self._platform.store.places(source.application)).output)
        path = await self._session_file(source)
        is_here = bool(path) and await asyncio.to_thread(Path(path).is_file)
        return is_here or await self._spool.holds(_spooled_as(source))

    async def _opened(self, source: LogSource, lines: int, arriving: Arriving | None = None) -> Blob:
        store = self._platform.store
        if source.kind == "file":
            return await file_blob(Path(source.filename), source.name)
        if source.life is not None:
            return await self._kept_lives.blob(source)
        if source.kind == "kept":
            return BytesBlob(await store.read_file(source.filename))
        if source.kind == "launcher":
            assert source.application is not None
            path = (await store.places(source.application)).output
            if path:
                return await file_blob(Path(path), source.name)
            chunk = await store.tail(source.application, None, 1)
            return OutputBlob(store, source.application, chunk.end)
        path = await self._session_file(source)
        if path:
            with contextlib.suppress(RaytuiError):
                return await file_blob(Path(path), source.name)
        return await self._from_ray(source, lines, arriving)

    async def _from_ray(self, source: LogSource, lines: int, arriving: Arriving | None) -> Blob:
        dashboard = await self._dashboard(source.cluster)
        try:
            if 0 <= lines <= LITTLE:
                try:
                    return BytesBlob(await dashboard.log_tail(source.node_id, source.filename, lines), is_end=True)
                except Unreachable as error:
                    if error.reason != "TooLarge":
                        raise
            path = await self._spool.fetch(
                _spooled_as(source),
                source.name,
                lambda lines: dashboard.log_stream(source.node_id, source.filename, lines, follow=False),
                None if arriving is None else arriving.look,
            )
            return await file_blob(path, source.name)
        except (NotFound, Unreachable):
            # Of a log that broke off while it was searched, what was kept would name the same lines again.
            kept = None if arriving is not None and arriving.searched else await self._kept(source)
            if kept is None:
                raise
            return kept

    async def _kept(self, source: LogSource) -> Blob | None:
        life = await self._kept_lives.of_node_id(source.cluster, source.node_id, source.filename)
        if life is not None:
            return await self._kept_lives.blob(life)
        if source.application is None:
            return None
        with contextlib.suppress(RaytuiError):
            kept = await self._platform.store.kept_logs(source.application)
            if source.filename in kept:
                return BytesBlob(await self._platform.store.read_file(kept[source.filename]), is_end=True)
        return None

    async def _session_file(self, source: LogSource) -> str:
        """The path of one of Ray's files in the session that answers now; empty when it is not on this machine."""
        if source.application is None or "/" in source.filename:
            return ""
        sessions = (await self._platform.store.places(source.application)).sessions
        if not sessions:
            return ""
        dashboard = await self._dashboard(source.cluster)
        if source.cluster not in self._sessions:
            try:
                self._sessions[source.cluster] = (await dashboard.version()).session_name
            except RaytuiError:
                return ""
        session = self._sessions[source.cluster]
        return str(Path(sessions) / session / "logs" / source.filename) if session else ""


LITTLE = 10_000
"""Lines up to which only the end of one of Ray's files is asked for, and nothing is kept."""


def _spooled_as(source: LogSource) -> str:
    return f"{source.node_id}\0{source.filename}"


async def file_blob(path: Path, name: str) -> FileBlob:
    """An open file; raises `NotFound`, or `OperationFailed` for one that is no regular file or cannot be read."""
    try:
        return await asyncio.to_thread(FileBlob, path)
    except FileNotFoundError:
        raise NotFound(f"{name} is gone: there is no file {path}") from None
    except OSError as error:
        raise OperationFailed(f"{name} cannot be read: {error.strerror or error}", reason="Unreadable") from error


async def last_output(store: Store, app: Application, lines: int) -> tuple[bytes, int]:
    """The last lines that a launcher printed and the offset to go on from; at most `TAIL_CAP` bytes."""
    limit = TAIL_BYTES
    while True:
        chunk = await store.tail(app, None, limit)
        complete = chunk.offset == 0 or chunk.end - chunk.offset < limit
        if complete or 0 <= lines < chunk.data.count(b"\n") or limit >= TAIL_CAP:
            break
        limit *= 8
    data = chunk.data
    return data[data.find(b"\n") + 1 :] if chunk.offset > 0 else data, chunk.end
