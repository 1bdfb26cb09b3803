"""Lines of logs on stdout or in files: as text with their source where there are several, or as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO

from raytui.cli.output import Output
from raytui.core.errors import OperationFailed
from raytui.core.logline import LogLine, Missed
from raytui.core.report import SCHEMA_VERSION
from raytui.core.units import rfc3339

MOST_OPEN = 64


class Printer:
    """Prints lines as they come, as JSON one object a line."""

    def __init__(self, output: Output, *, named: bool, at_once: bool = False) -> None:
        """`named`: each line of text is printed with its source. `at_once`: nothing waits for more to be printed."""
        self._output = output
        self._at_once = at_once
        self._named = named

    def lines(self, lines: Sequence[LogLine]) -> None:
        """The next lines."""
        if not self._output.json:
            self._output.lines(text_of(line, named=self._named) for line in lines)
        for line in lines if self._output.json else ():
            self._output.record({"schema_version": SCHEMA_VERSION, "source": line.source, **_row(line)})
        if self._at_once and lines:
            self._output.flush()

    def end(self, missed: Sequence[Missed] = ()) -> None:
        """All lines were printed."""
        if not self._output.json:
            return
        for each in missed:
            self._output.record(
                {"schema_version": SCHEMA_VERSION, "missed": {"source": each.source, "reason": each.reason}}
            )


def text_of(line: LogLine, *, named: bool) -> str:
    """A line as text."""
    return f"{line.source}: {line.text}" if named and not line.mark else line.text


def number_of_logs(count: int) -> str:
    """How many logs, in words."""
    return "1 log" if count == 1 else f"{count} logs"


def _row(line: LogLine) -> dict[str, object]:
    row: dict[str, object] = {
        "line": line.text,
        "at": None if line.at is None else _time(line.at),
        "level": line.level,
        "offset": line.offset,
    }
    return {**row, "mark": True} if line.mark else row


def _time(seconds: float) -> str | None:
    try:
        return rfc3339(seconds)
    except (ValueError, OverflowError, OSError):
        return None


async def save(batches: AsyncIterator[list[LogLine]], target: str, *, named: bool) -> tuple[int, Sequence[Path]]:
    """Write lines to a file, or to one file for each log below a folder; how many, and which files.

    A target is a folder when it is one or ends with a slash. Raises `OperationFailed`; what was written stays.
    """
    place = Path(target)
    is_folder = target.endswith("/") or await asyncio.to_thread(place.is_dir)
    files: _Files | _File | None = None
    count = 0
    try:
        files = _Files(place) if is_folder else await asyncio.to_thread(_File, place, named=named)
        async for batch in batches:
            await asyncio.to_thread(files.write, batch)
            count += sum(not line.mark for line in batch)
    except OSError as error:
        raise OperationFailed(
            f"{target} cannot be written: {error.strerror or error}",
            hint=f"{count:,} lines were written; name another place with --save",
            reason="Unwritable",
        ) from error
    finally:
        if files is not None:
            files.close()
    return count, files.paths


class _File:
    def __init__(self, path: Path, *, named: bool) -> None:
        self.paths = [path]
        self._named = named
        self._file = _opened(path, "w")

    def write(self, lines: Sequence[LogLine]) -> None:
        self._file.writelines(f"{text_of(line, named=self._named)}\n" for line in lines)

    def close(self) -> None:
        self._file.close()


class _Files:
    """One file for each log; few are open at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: dict[str, IO[str]] = {}
        self._paths: dict[str, Path] = {}
        """Those that were begun: opened again, they are added to."""

    @property
    def paths(self) -> Sequence[Path]:
        return list(self._paths.values())

    def write(self, lines: Sequence[LogLine]) -> None:
        for line in lines:
            self._of(line.source).write(f"{line.text}\n")

    def close(self) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _of(self, source: str) -> IO[str]:
        if source not in self._open:
            if len(self._open) >= MOST_OPEN:
                self.close()
            begun = source in self._paths
            if not begun:
                parts = [part if part.strip(".") else part.replace(".", "_") for part in source.split("/")]
                path = self._folder.joinpath(*filter(None, parts))
                # `head` is a log, and `head/raylet.out` one in a folder of that name.
                self._paths[source] = path if path.suffix else path.with_name(f"{path.name}.log")
            path = self._paths[source]
            path.parent.mkdir(parents=True, exist_ok=True)
            self._open[source] = _opened(path, "a" if begun else "w")
        return self._open[source]


def _opened(path: Path, mode: str) -> IO[str]:
    return path.open(mode, encoding="utf-8", errors="backslashreplace")
