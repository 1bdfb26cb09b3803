"""The logs below a folder of this machine, of whatever cluster: for what was copied from elsewhere or outlived it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from raytui.core.errors import NotFound, OperationFailed
from raytui.core.logline import Missed
from raytui.core.session import LogSource
from raytui.logs.many import Many
from raytui.logs.reading.packed import is_packed, unpacked
from raytui.logs.reading.ranges import Blob
from raytui.logs.sources.following import SourceEnded, batches, follow_file
from raytui.logs.sources.naming import is_pattern, matches
from raytui.logs.sources.origins import file_blob

MOST_FILES = 1_000_000


class Folder(Many):
    """Every regular file below a folder is a log, named by its path from there."""

    def __init__(self, root: Path) -> None:
        self._root = root
        super().__init__(_opened, _followed)

    async def matching(
        self, snapshot: object, names: Sequence[str], *, everything: bool = False
    ) -> tuple[list[LogSource], list[Missed]]:
        """The files of names and patterns, all without any, and folders that cannot be read.

        Raises `NotFound` for a folder that is not there and a name that means no file.
        """
        del snapshot
        found, missed = await asyncio.to_thread(self._walk)
        if everything or not names:
            return found, missed
        by_name = {source.name: source for source in found}
        chosen: dict[str, LogSource] = {}
        for name in names:
            # A pattern without a folder means files of that name in any folder.
            of_name = [
                source
                for source in found
                if is_pattern(name) and matches(name, source.name if "/" in name else source.name.rpartition("/")[2])
            ]
            if not of_name and name in by_name:
                of_name = [by_name[name]]
            if not of_name:
                raise NotFound(f"there is no file {name} below {self._root}", hint="--list names those there are")
            chosen.update({source.name: source for source in of_name})
        return list(chosen.values()), missed

    def _walk(self) -> tuple[list[LogSource], list[Missed]]:
        if not self._root.is_dir():
            if self._root.is_file():
                return [LogSource(self._root.name, "file", filename=str(self._root))], []
            raise NotFound(f"there is no folder {self._root}", hint="give the folder in which the logs lie")
        missed: list[Missed] = []
        found = [LogSource(name, "file", filename=path) for name, path in _files(str(self._root), "", missed)]
        if len(found) > MOST_FILES:
            raise OperationFailed(f"{self._root} holds more than {MOST_FILES:,} files", hint="name a folder within it")
        return sorted(found, key=lambda source: source.name), missed


@asynccontextmanager
async def _opened(source: LogSource, lines: int) -> AsyncGenerator[Blob]:
    del lines
    path = Path(source.filename)
    if is_packed(source.filename):
        async with unpacked(path, source.name) as packed:
            yield packed
        return
    blob = await file_blob(path, source.name)
    try:
        yield blob
    finally:
        blob.close()


async def _followed(source: LogSource, lines: int) -> AsyncGenerator[list[str]]:
    if is_packed(source.filename):
        raise SourceEnded(f"{source.name} is compressed: nothing is added to it, read it without -f", over=True)
    gathered = batches(follow_file(Path(source.filename), source.name, lines))
    try:
        async for batch in gathered:
            yield batch
    finally:
        await gathered.aclose()


def _files(folder: str, prefix: str, missed: list[Missed]) -> Iterator[tuple[str, str]]:
    """Name and path of each regular file; links to folders are not followed, pipes and devices are named as missed."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        missed.append(Missed(prefix or folder, error.strerror or str(error)))
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, f"{name}/", missed)
            elif entry.is_file():
                yield name, entry.path
            elif not entry.is_symlink():
                missed.append(Missed(name, "it is no regular file", is_absent=True))
        except OSError as error:
            missed.append(Missed(name, error.strerror or str(error)))
