"""The logs of a cluster as one archive to give away: a file for each log, without secrets, and a manifest.

Written beside its final name and put there when it is whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import IO, Protocol

import msgspec

from raytui.core.errors import ConfigurationError, OperationFailed, Problem, RaytuiError
from raytui.core.logline import LogLine, Missed, Query
from raytui.core.secret import Secret
from raytui.core.session import LogSource
from raytui.core.units import rfc3339
from raytui.logs.redact import Redactor
from raytui.system.files import PRIVATE

FORMS = (".tar.zst", ".tar.gz", ".tgz")
SCHEMA_VERSION = 1


class Reads(Protocol):
    """Whoever reads logs."""

    def lines(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None]
    ) -> AsyncGenerator[list[LogLine]]:
        """What a query wants of these logs."""
        ...


class Entry(msgspec.Struct, frozen=True):
    """One log in the archive."""

    source: str
    kind: str
    node_id: str | None
    file: str
    lines: int
    redacted_lines: int
    first_at: str | None
    last_at: str | None


def check_form(target: str) -> None:
    """Raise `ConfigurationError` for an archive that cannot be made here."""
    if not target.endswith(FORMS):
        raise ConfigurationError.from_problems(
            [Problem("bundle", f"{target!r} is no kind of archive", f"end its name with {' or '.join(FORMS)}")]
        )
    if target.endswith(".zst") and shutil.which("zstd") is None:
        raise ConfigurationError.from_problems(
            [Problem("bundle", "there is no program zstd here", "install it, or end the name with .tar.gz")]
        )


async def bundle(
    logs: Reads,
    sources: Sequence[LogSource],
    query: Query,
    target: str,
    *,
    about: Mapping[str, object],
    known: Sequence[Missed] = (),
    missed: Callable[[Missed], None],
    secrets: Sequence[Secret | str] = (),
) -> list[Entry]:
    """Write the archive. Raises `OperationFailed` when it cannot be written.

    `known` is what could not be looked for; what cannot be read is reported to `missed`; both stand in the manifest.

    `about` goes into the manifest as it is.
    """
    path = Path(target)
    name = path.name[: -next(len(form) for form in FORMS if target.endswith(form))] or "logs"
    entries: list[Entry] = []
    unread = list(known)

    def miss(each: Missed) -> None:
        unread.append(each)
        missed(each)

    try:
        with _archive(path) as archive:
            for source in sources:
                with tempfile.TemporaryFile() as file:
                    entry = await _written(logs, source, query, file, redactor=Redactor(secrets), missed=miss)
                    if entry is not None and entry.lines:
                        await asyncio.to_thread(_add, archive, f"{name}/{entry.file}", file)
                        entries.append(entry)
            manifest = {
                "schema_version": SCHEMA_VERSION,
                "made_at": rfc3339(time.time()),
                **about,
                "since": None if query.since is None else rfc3339(query.since),
                "until": None if query.until is None else rfc3339(query.until),
                "logs": entries,
                "missed": unread,
            }
            data = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
            _add(archive, f"{name}/manifest.json", io.BytesIO(data))
    except OSError as error:
        raise OperationFailed(
            f"{target} cannot be written: {error.strerror or error}",
            hint="name a place with room that is yours",
            reason="Unwritable",
        ) from error
    return entries


async def _written(
    logs: Reads,
    source: LogSource,
    query: Query,
    file: IO[bytes],
    *,
    redactor: Redactor,
    missed: Callable[[Missed], None],
) -> Entry | None:
    """The lines of one log written to a file; none when the log cannot be read."""
    count, first, last = 0, None, None
    try:
        async with aclosing(logs.lines([source], query, missed)) as batches:
            async for batch in batches:
                texts = [f"{redactor.line(line.text)}\n" for line in batch]
                await asyncio.to_thread(file.write, "".join(texts).encode(errors="backslashreplace"))
                count += len(batch)
                times = [line.at for line in batch if line.at is not None]
                if times:
                    first, last = times[0] if first is None else first, times[-1]
    except RaytuiError as error:
        missed(Missed(source.name, error.message))
        if not count:
            return None
    name = "/".join(part if part.strip(".") else "_" for part in source.name.split("/"))
    return Entry(
        source.name,
        source.kind,
        source.node_id or None,
        f"{name}.log" if "." not in name.rpartition("/")[2] else name,
        count,
        redactor.changed,
        *(None if at is None else rfc3339(at) for at in (first, last)),
    )


def _add(archive: tarfile.TarFile, name: str, file: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = file.seek(0, os.SEEK_END), PRIVATE, int(time.time())
    file.seek(0)
    archive.addfile(member, file)


@contextmanager
def _archive(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive that is in its place once all of it is written, and nowhere otherwise."""
    part = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE), "wb") as file:
            if path.name.endswith(".zst"):
                with _zstd(file) as sink, tarfile.open(fileobj=sink, mode="w|") as archive:
                    yield archive
            else:
                with tarfile.open(fileobj=file, mode="w|gz") as archive:
                    yield archive
        part.replace(path)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def _zstd(file: IO[bytes]) -> Iterator[IO[bytes]]:
    """A pipe to the program zstd, whose output goes to a file."""
    with subprocess.Popen(["zstd", "-q", "-c"], stdin=subprocess.PIPE, stdout=file) as process:
        assert process.stdin is not None
        try:
            yield process.stdin
        except BaseException:
            process.kill()
            raise
        process.stdin.close()
        if process.wait():
            raise OSError(0, f"zstd ended with {process.returncode}")
