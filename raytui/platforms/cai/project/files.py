"""The project's folder: through the file system when we run inside the project, through the API's files otherwise.

The API never replaces a file (a second upload of `a.py` becomes `a(1).py` and still answers 200), gives base names
only, and may show a change up to a minute late. So a write is an upload and a download that proves it, and a
replacement is proved beside the file before it takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Protocol, TypeVar

import msgspec

from raytui.core.errors import ConfigurationError, DeadlineExceeded, NotFound, OperationFailed, Problem
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.records import number
from raytui.system.backoff import Backoff
from raytui.system.files import create_whole, read_regular, write_whole
from raytui.system.shielded import whole_then_obey
from raytui.system.threads import within

T = TypeVar("T")
DISK_S = 20.0
"""Seconds that one call to the mounted project folder may take."""
_FULL = re.compile(r"no space left|disk quota exceeded|file ?system (is )?full", re.IGNORECASE)
"""What a server says that cannot store a file, whatever the status of its answer; trying again does not help."""
_HUNG = "the project folder is on a disk that hangs: look at mount and dmesg"


class FileEntry(msgspec.Struct, frozen=True):
    """One entry of a folder."""

    name: str
    is_dir: bool
    size: int
    modified_at: float = 0.0
    """Seconds since 1970; 0 where the API does not tell."""
    broken: str = ""
    """Why it cannot be looked at, such as a link to what does not exist here; empty for a good entry. The API does not
    tell."""


class ProjectFiles(Protocol):
    """Files by path relative to the project's folder."""

    async def read(self, path: str) -> bytes:
        """The file's bytes; raises NotFound."""
        ...

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replace a file. Through the API the mode is the platform's own."""
        ...

    async def create(self, path: str, data: bytes, mode: int = 0o600) -> bytes:
        """Make a file unless it exists; the answer is what it holds."""
        ...

    async def delete(self, path: str) -> None:
        """Remove a file or folder; what is gone is fine."""
        ...

    async def entries(self, folder: str) -> tuple[FileEntry, ...]:
        """The entries of a folder, none when there is no such folder."""
        ...


def checked(path: str) -> str:
    """A path inside the project in its plain form; raises ConfigurationError for one that leads out of it."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or "\0" in path or not parts:
        problem = Problem("path", f"{path!r} is not a path inside the project", "give it relative to the project")
        raise ConfigurationError.from_problems([problem])
    return "/".join(parts)


class DirectFiles:
    """Inside the project: its folder is mounted here, a network disk that may hang."""

    def __init__(self, folder: Path, timeout: float = DISK_S) -> None:
        self._folder = folder
        self._timeout = timeout

    async def read(self, path: str) -> bytes:
        """The file's bytes, opened anew: the network file system shows changes on open."""
        return await self._guarded("read", path, read_regular)

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replace the file in one step."""
        await self._guarded("write", path, lambda file: _replace(file, data, mode))

    async def create(self, path: str, data: bytes, mode: int = 0o600) -> bytes:
        """Make the file whole or not at all, or read the one that is there."""
        return await self._guarded("write", path, lambda file: _create(file, data, mode))

    async def delete(self, path: str) -> None:
        """Remove the file, or the folder with all that is in it."""
        await self._guarded("remove", path, _remove)

    async def entries(self, folder: str) -> tuple[FileEntry, ...]:
        """The folder's entries; one that cannot be looked at is there as `broken`."""
        place = self._folder / checked(folder) if folder not in {"", "."} else self._folder
        return await within(f"the folder {place}", lambda: _entries(place), self._timeout, _HUNG)

    async def _guarded(self, verb: str, path: str, act: Callable[[Path], T]) -> T:
        file = self._folder / checked(path)
        try:
            return await within(f"the disk, asked to {verb} {file},", lambda: act(file), self._timeout, _HUNG)
        except FileNotFoundError:
            raise NotFound(f"{path} does not exist in the project folder {self._folder}") from None
        except OSError as error:
            raise OperationFailed(
                f"could not {verb} {file}: {error.strerror or error}",
                hint="check the space and the permissions of the project folder",
            ) from None


class RemoteFiles:
    """Outside the project: the API's files."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def read(self, path: str) -> bytes:
        """Download the file."""
        return await self._client.content("DownloadProjectFile", {"path": checked(path)})

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Make the file hold `data`, proved by a download.

        Left-over copies `name(1)` are removed, and what holds it already is left.

        Another content is replaced by a file that was uploaded and proved beside it, so that a crash leaves a script
        missing for at most the moment between two requests: the platform may start an application again from it at any
        time.
        """
        del mode
        path = checked(path)
        loop = asyncio.get_running_loop()
        end = loop.time() + self._client.timing.files
        backoff = Backoff(self._client.timing.poll, self._client.timing.slowest_poll)
        beside, replacing = _beside(path), False
        while True:
            held = await self._content(path)
            if held == data:
                break
            replacing = replacing or held is not None
            done = await (self._put(path, data, end) if held is None else self._replace(path, beside, data, end))
            if done:
                break
            await self._remove_copies(path)
            if loop.time() >= end:
                raise DeadlineExceeded(
                    f"{path} was uploaded to the project, but for {self._client.timing.files:g} s it does not "
                    "show what was written",
                    hint="look at the project's files in the workbench and try again",
                )
            await asyncio.sleep(backoff.next())
        await self._remove_copies(path)
        if replacing:
            await self.delete(beside)  # a listing that lags behind does not show it

    async def create(self, path: str, data: bytes, mode: int = 0o600) -> bytes:
        """Upload unless it is there."""
        try:
            return await self.read(path)
        except NotFound:
            await self.write(path, data, mode)
        return data

    async def delete(self, path: str) -> None:
        """Delete through the API."""
        ids = {"path": checked(path)}
        outcome = await self._client.outcome("DeleteProjectFile", ids)
        if outcome.kind not in {"ok", "absent"}:
            raise self._client.error(outcome, "DeleteProjectFile", ids)

    async def entries(self, folder: str) -> tuple[FileEntry, ...]:
        """One listing; the API does not page it."""
        ids = {"path": checked(folder) if folder not in {"", "."} else "."}
        outcome = await self._client.outcome("ListProjectFiles", ids)
        if outcome.kind == "absent":
            return ()
        if outcome.kind != "ok":
            raise self._client.error(outcome, "ListProjectFiles", ids)
        listed = outcome.payload.get("files")
        rows = [(row, row.get("path")) for row in (listed if isinstance(listed, list) else []) if isinstance(row, dict)]
        return tuple(
            FileEntry(PurePosixPath(path).name, bool(row.get("is_dir")), int(number(row.get("file_size"))))
            for row, path in rows
            if isinstance(path, str) and path
        )

    async def _content(self, path: str) -> bytes | None:
        """What a file holds now; none when it does not exist."""
        try:
            return await self.read(path)
        except NotFound:
            return None

    async def _put(self, path: str, data: bytes, end: float) -> bool:
        """Upload a file where there is none; whether it shows."""
        outcome = await self._client.upload(path, data)
        if outcome.kind in {"key", "denied", "refused", "absent", "redirect", "unsent"}:
            raise self._client.error(outcome, "UploadFile", {"path": path})
        if _FULL.search(outcome.detail):
            raise OperationFailed(
                f"the folder of the project is full: {path} could not be uploaded ({outcome.detail})",
                hint="remove files from the project, or ask the workbench's administrator for more space",
                reason="FolderFull",
            )
        loop = asyncio.get_running_loop()
        # The specification gives a good upload no content, so a 200 with something else may be one, and may be none.
        likely = min(end, loop.time() + self._client.timing.doubtful_upload) if outcome.kind == "garbage" else 0.0
        if await self._shows(path, data, until=end if outcome.kind == "ok" else likely):
            return True
        await asyncio.sleep(outcome.retry_after)
        return False

    async def _replace(self, path: str, beside: str, data: bytes, end: float) -> bool:
        """Put a proved upload in the place of a file; whether it shows.

        The specification lets a file be moved and does not say what happens to one that is there: where it is in the
        way it is deleted first, and where files cannot be moved the content is uploaded once more.
        """
        if await self._content(beside) != data and not await self._put(beside, data, end):
            return False
        moved = await self._move(beside, path, data)
        if moved is not True:
            # Between the delete and what follows no script is there, so even who is cancelled goes on to its end.
            await whole_then_obey(self._make_way(path, beside, data, end, movable=moved is not None))
        return await self._shows(path, data, until=end)

    async def _make_way(self, path: str, beside: str, data: bytes, end: float, *, movable: bool) -> None:
        await self.delete(path)
        if not movable or not await self._move(beside, path, data):
            await self._put(path, data, end)

    async def _move(self, source: str, target: str, data: bytes) -> bool | None:
        """Move a file; whether it was done, which a lost answer leaves to the look.

        None where files cannot be moved.
        """
        outcome = await self._client.outcome("UpdateProjectFileMetadata", {"path": source}, body={"path": target})
        if outcome.kind == "ok" or await self._content(target) == data:
            return True
        return None if outcome.kind == "absent" or outcome.status in {405, 501} else False

    async def _shows(self, path: str, data: bytes, *, until: float) -> bool:
        """Whether the file holds what was written.

        Until then it is given time to become visible, unless a copy shows where it went.
        """
        loop = asyncio.get_running_loop()
        backoff = Backoff(self._client.timing.poll, self._client.timing.slowest_poll)
        while True:
            outcome = await self._client.outcome("DownloadProjectFile", {"path": path})
            if outcome.kind == "ok" and outcome.content == data:
                return True
            if loop.time() >= until or await self._copies(path):
                return False
            await asyncio.sleep(backoff.next())

    async def _copies(self, path: str) -> list[str]:
        """Paths of `name(1).ext` beside `name.ext`."""
        return await self._named(path, _numbered(path))

    async def _remove_copies(self, path: str) -> None:
        """Remove the copies, and uploads that were to take the file's place when raytui was killed."""
        name = re.escape(PurePosixPath(path).name)
        for copy in await self._named(path, rf"{_numbered(path)}|\.{name}(\(\d+\))?\.[0-9a-f]{{8}}"):
            await self.delete(copy)

    async def _named(self, path: str, pattern: str) -> list[str]:
        folder = PurePosixPath(path).parent
        return [
            str(folder / entry.name) for entry in await self.entries(str(folder)) if re.fullmatch(pattern, entry.name)
        ]


def _numbered(path: str) -> str:
    """A pattern for the names that uploads get when the name of `path` is taken."""
    place = PurePosixPath(path)
    return rf"{re.escape(place.stem)}\s?\(\d+\){re.escape(place.suffix)}"


def _beside(path: str) -> str:
    """A name in the same folder for a file that is to take the place of `path`."""
    place = PurePosixPath(path)
    return str(place.parent / f".{place.name}.{secrets.token_hex(4)}")


def _replace(file: Path, data: bytes, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, data, mode)


def _create(file: Path, data: bytes, mode: int) -> bytes:
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        create_whole(file, data, mode)
    except FileExistsError:
        return read_regular(file)
    return data


def _remove(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


def _entries(folder: Path) -> tuple[FileEntry, ...]:
    try:
        items = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except OSError as error:
        raise OperationFailed(f"could not list {folder}: {error.strerror or error}") from None
    return tuple(sorted((_entry(item) for item in items), key=lambda entry: entry.name))


def _entry(item: os.DirEntry[str]) -> FileEntry:
    """One entry, whatever is wrong with it: the others of its folder count none the less."""
    try:
        status = item.stat()
    except OSError as error:
        why = error.strerror or str(error)
        with contextlib.suppress(OSError):
            if item.is_symlink():
                why = f"a link to {Path(item.path).readlink()}, which does not exist here"
        return FileEntry(item.name, is_dir=False, size=0, broken=why)
    return FileEntry(item.name, stat.S_ISDIR(status.st_mode), status.st_size, status.st_mtime)
