"""Sentences between the lines of merged logs: where one was rotated, where its times go back, where all are silent."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from raytui.core.logline import LogLine
from raytui.core.units import duration

SILENT_S = 900.0
"""Seconds without a line in any log from which on that is said."""
_ROTATED = re.compile(r"(.*)\.(\d+)(?:\.gz|\.zst)?")


def older(name: str, names: Collection[str]) -> str:
    """The log that a rotation made of the older part of this one, if it is among those; else empty."""
    found = _ROTATED.fullmatch(name)
    base, number = (found[1], int(found[2])) if found else (name, 0)
    return next((each for end in ("", ".gz", ".zst") if (each := f"{base}.{number + 1}{end}") in names), "")


def rotated(lines: list[LogLine], before: str) -> list[LogLine]:
    """The first lines of a log that goes on from another one, when they are the first that it has."""
    if not before or not lines or lines[0].offset != 0:
        return lines
    first = lines[0]
    return [LogLine(first.source, f"-- {first.source} goes on from {before}", first.at, mark=True), *lines]


def went_back(lines: Sequence[LogLine], at: int, seconds: float) -> LogLine:
    """Said before the line whose time is less than that of the line above it."""
    line = lines[at]
    sentence = f"-- {line.source}: times go back by {duration(seconds)}: it was started again, or a clock was set"
    return LogLine(line.source, sentence, line.at, mark=True)


def not_searched_whole(line: LogLine, number: int) -> LogLine:
    """Said after lines of a followed log of which only the beginning is held, so that a match may be missing."""
    lines = "1 line longer than 64 KB was" if number == 1 else f"{number:,} lines longer than 64 KB were"
    sentence = f"-- {line.source}: {lines} searched in {'its' if number == 1 else 'their'} first 64 KB only"
    return LogLine(line.source, sentence, line.at, mark=True)


def silent(line: LogLine, seconds: float) -> LogLine:
    """Said before the line that ends a silence of all logs."""
    return LogLine(line.source, f"-- nothing was written for {duration(seconds)}", line.at, mark=True)
