"""Logs that launchers shipped from nodes: which there are beside those of living nodes, and their bytes."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from raytui.core.errors import NotFound, OperationFailed, RaytuiError
from raytui.core.logline import Missed
from raytui.core.observed.shipped_logs import LogPart, NodeLife
from raytui.core.observed.snapshot import Application, Snapshot
from raytui.core.protocols.platform import Platform
from raytui.core.session import LogSource
from raytui.logs.reading.ranges import Blob, BytesBlob, last_lines
from raytui.logs.reading.text import clean, whole_lines
from raytui.logs.sources.naming import rank

FRESH_S = 2.0
"""Seconds for which one look at what is kept serves all who ask."""
IN_MEMORY = 8 * 1024 * 1024
"""Bytes of a log that are held in memory; a longer one goes through a file without a name."""
_STEP = 1024 * 1024


class UnpackedBlob:
    """A kept log in a file that no folder shows and that is gone when it is closed."""

    def __init__(self, file: BinaryIO, changed_at: float | None, *, is_end: bool) -> None:
        self._file = file
        self.descriptor: int | None = file.fileno()
        self.size = file.seek(0, os.SEEK_END)
        self.changed_at = changed_at
        self.is_end = is_end

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes."""
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        """Forget it."""
        self._file.close()


class Kept:
    """The kept logs of the clusters of one platform."""

    def __init__(self, platform: Platform, folder: Path | None) -> None:
        """`folder` is where long logs are unpacked; without one where the system keeps what passes."""
        self._platform = platform
        self._folder = folder
        self._looked: dict[str, tuple[float, tuple[NodeLife, ...]]] = {}
        self._missed: dict[str, list[Missed]] = {}
        self._looking = asyncio.Lock()

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:
        """Every kept life, by node and time; none where it cannot be looked for."""
        async with self._looking:
            at, found = self._looked.get(cluster, (0.0, ()))
            if not at or time.monotonic() - at > FRESH_S:
                missed: list[Missed] = []
                try:
                    known = await self._platform.store.lives(cluster)
                except RaytuiError as error:
                    known, missed = (), [Missed("kept logs", error.message, is_kept=True)]
                missed += [Missed(_place_of(life), life.unreadable, is_kept=True) for life in known if life.unreadable]
                found = tuple(life for life in known if not life.unreadable)
                self._looked[cluster], self._missed[cluster] = (time.monotonic(), found), missed
            return found

    async def missed(self, cluster: str) -> list[Missed]:
        """What of the kept logs could not be looked at: beside what `lives` answers there may be more."""
        await self.lives(cluster)
        return list(self._missed[cluster])

    async def newest(self, cluster: str, label: str, app: Application | None) -> list[LogSource]:
        """The logs of the last life of a node that is not alive, under the node's own name."""
        of_node = [life for life in await self.lives(cluster) if life.node == label]
        return sources_of(cluster, of_node[-1], label, app) if of_node else []

    async def others(self, snapshot: Snapshot, shown: Iterable[str]) -> list[LogSource]:
        """The logs of all other lives; `shown` are the labels whose last life stands under the node's own name.

        The life of a living node is left out: Ray itself has its logs.
        """
        found = await self.lives(snapshot.cluster)
        alive = {node.node_id for node in snapshot.nodes.value or () if node.state == "ALIVE"}
        apps = {app.short: app for app in snapshot.applications.value or ()}
        last = {life.node: life.name for life in found}
        named = {label for label in last if label in set(shown) or label not in apps}
        chosen: list[LogSource] = []
        for life in found:
            is_last = last[life.node] == life.name
            if life.node_id in alive or (is_last and life.node in named and life.node in apps):
                continue
            label = life.node if is_last and life.node in named else life.label
            chosen += sources_of(snapshot.cluster, life, label, apps.get(life.node))
        return chosen

    async def of_node_id(self, cluster: str, node_id: str, file: str) -> LogSource | None:
        """A log of the life that had this id of Ray's; none when it was not kept."""
        lives = [life for life in await self.lives(cluster) if node_id and life.node_id == node_id]
        return next((LogSource(file, "kept", None, cluster, node_id, file, life=life) for life in lives), None)

    async def blob(self, source: LogSource) -> Blob:
        """The bytes of a kept log, with a line where some are missing. Raises `NotFound`, `OperationFailed`."""
        assert source.life is not None
        life, parts = source.life, source.life.logs.get(source.filename, ())
        if not parts:
            raise NotFound(f"{source.name} was not kept")
        file = cast(
            "BinaryIO",
            tempfile.SpooledTemporaryFile(IN_MEMORY, dir=self._place()),  # noqa: SIM115  # the blob closes it
        )
        try:
            room = await asyncio.to_thread(lambda: shutil.disk_usage(self._place() or tempfile.gettempdir()).free // 2)
            unpacking = _Unpacking(file, max(room, IN_MEMORY), parts[0].begin)
            for part in parts:
                try:
                    data = await self._platform.store.read_file(part.path)
                except NotFound:  # it gave way to newer ones meanwhile
                    unpacking.is_cut = True
                    continue
                await asyncio.to_thread(unpacking.add, part, data)
            await asyncio.to_thread(unpacking.end, life)
        except OSError as error:
            file.close()
            raise OperationFailed(
                f"{source.name} could not be unpacked: {error.strerror or error}",
                hint="free space, or set RAYTUI_STATE_DIR to a folder with more",
                reason="DiskFull",
            ) from error
        except BaseException:
            file.close()
            raise
        if unpacking.size > IN_MEMORY:
            return UnpackedBlob(file, life.until or None, is_end=parts[0].begin > 0)
        file.seek(0)
        held = BytesBlob(file.read(), is_end=parts[0].begin > 0)
        held.changed_at = life.until or None
        file.close()
        return held

    def _place(self) -> str | None:
        return str(self._folder) if self._folder is not None and self._folder.is_dir() else None


class _Unpacking:
    """Writes the parts of one log in a row."""

    def __init__(self, file: BinaryIO, room: int, begin: int) -> None:
        self._file = file
        self._room = room
        self._at = begin
        self.size = 0
        self.is_cut = False
        """Whether what was read last is less than what was written there."""
        self._broken = False
        if begin:
            self._write(f"raytui: the first {begin:,} bytes of this log were not kept\n".encode())

    def add(self, part: LogPart, data: bytes) -> None:
        """Add a part; what the part before it holds beyond its beginning was written by a try that failed."""
        if part.begin > self._at:
            self._mark(f"raytui: {part.begin - self._at:,} bytes of this log were not kept here")
            self._at = part.begin
        surplus = self._at - part.begin
        self.is_cut = False
        for piece in unpacked(data):
            if piece is None:
                self.is_cut = True
                return
            kept = piece[surplus:] if surplus > 0 else piece
            surplus -= len(piece) - len(kept)
            self._write(kept)
            self._at += len(kept)

    def end(self, life: NodeLife) -> None:
        """Say until when the log was kept, unless all of it was."""
        if life.ended and self.is_cut:
            self._mark("raytui: the rest of this log was kept, but is damaged or gone")
        if not life.ended:
            until = life.at or "an unknown time"
            self._mark(
                f"{life.at} raytui: {life.application or life.node}: this log was kept until {until}; "
                "what the node wrote after that is not here".lstrip()
            )

    def _mark(self, sentence: str) -> None:
        self._write((b"\n" if self._broken else b"") + sentence.encode() + b"\n")

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self.size += len(data)
        if self.size > self._room:
            raise OSError(None, f"it is longer than the room there is, {self._room:,} bytes")
        self._file.write(data)
        self._broken = not data.endswith(b"\n")


def unpacked(data: bytes) -> Iterator[bytes | None]:
    """What a row of gzip members holds, in pieces; none at last when it is damaged or cut off."""
    while data:
        member = zlib.decompressobj(31)
        try:
            while not member.eof:
                piece = member.decompress(data, _STEP)
                if not piece and not member.unconsumed_tail:
                    break
                yield piece
                data = member.unconsumed_tail
        except zlib.error:
            yield None
            return
        if not member.eof:
            yield None
            return
        data = member.unused_data


def _place_of(life: NodeLife) -> str:
    return f"{life.label if life.name else life.node}/*"


def sources_of(cluster: str, life: NodeLife, label: str, app: Application | None) -> list[LogSource]:
    """The logs of a life under a label."""
    return [
        LogSource(f"{label}/{log}", "kept", app, cluster, life.node_id, log, life=life)
        for log in sorted(life.logs, key=rank)
    ]


def blob_lines(blob: Blob, count: int) -> list[str]:
    """The last lines of a log, -1 for all."""
    if count < 0:
        return whole_lines(blob.read(0, blob.size), count)
    return [clean(line.data) for line in last_lines(blob, count)]
