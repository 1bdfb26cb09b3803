"""Log text made fit to show: lines out of bytes whatever the bytes are, and the filter of `raytui logs`.

Pure, and bounded: a megabyte without a newline, escape sequences and broken UTF-8 are what programs print when they
die.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.patterns import Pattern
from raytui.core.units import sanitize

LINE_CAP = 65536
"""Bytes of one line that are kept."""
CUT_MARK = " [cut: the line is longer than 64 KB]"
GAP_MARK = "--"
"""Between two groups of matches that do not touch, as grep prints it."""

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)
_STAMP = re.compile(r"\[?(\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)(?:[.,](\d{1,6}))?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
"""How Ray, Python's logging and RFC 3339 begin a line."""


class LineSplitter:
    """Bytes in, whole lines out, with at most `cap` bytes held back."""

    def __init__(self, cap: int = LINE_CAP) -> None:
        self._cap = cap
        self._rest = bytearray()
        self._cutting = False

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *ends, rest = data.split(b"\n")
        lines: list[str] = []
        for end in ends:
            lines += self._take(end)
            lines += self._end_line()
        lines += self._take(rest)
        return lines

    def flush(self) -> list[str]:
        """The last line, when it never got its newline; the splitter is as new afterwards."""
        return self._end_line() if self._rest else []

    def _take(self, part: bytes) -> list[str]:
        if self._cutting:
            return []
        room = self._cap - len(self._rest)
        self._rest += part[:room]
        if len(part) <= room:
            return []
        line = clean(bytes(self._rest)) + CUT_MARK
        self._rest.clear()
        self._cutting = True
        return [line]

    def _end_line(self) -> list[str]:
        cutting, self._cutting = self._cutting, False
        if cutting:
            return []
        line = clean(bytes(self._rest))
        self._rest.clear()
        return [line]


def clean(line: bytes) -> str:
    """One line as a terminal would have left it.

    What a carriage return overwrote is gone, and nothing in it can move the cursor.
    """
    return sanitize(line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace"))


def whole_lines(data: bytes, limit: int) -> list[str]:
    """The last `limit` lines of `data`, all of them for -1."""
    splitter = LineSplitter()
    lines = splitter.feed(data) + splitter.flush()
    return lines if limit < 0 else lines[-limit:] if limit else []


def parse_since(text: str, now: float) -> float:
    """Seconds since 1970 of `10m`, `1h30m`, `90` (seconds ago) or of a date and time; raises `ConfigurationError`."""
    words = text.strip()
    span = _SPAN.fullmatch(words)
    if span and any(span.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        return now - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    try:
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        problem = Problem(
            "since",
            f"{text!r} is neither a span nor a time",
            "write 90s, 10m, 2h, 1d or a time such as 2026-11-23T17:00:00Z",
        )
        raise ConfigurationError.from_problems([problem]) from None


def line_time(line: str, zone: tzinfo | None = None) -> float | None:
    """When a line says it was written; a time without a zone is meant in `zone`, none for this machine's.

    None when it does not say.
    """
    found = _STAMP.match(line)
    if found is None:
        return None
    stamp, fraction, offset = found.groups()
    try:
        moment = datetime.fromisoformat(stamp + (offset or ""))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.timestamp() + float(f"0.{fraction or 0}")
    except (ValueError, OverflowError, OSError):
        return None


class LineFilter:
    """Lines in, those that matter out: since a time, and matching, with lines around each match.

    Keeps state from batch to batch.
    """

    def __init__(
        self, pattern: Pattern | None = None, *, context: int = 0, since: float | None = None, zone: tzinfo | None = UTC
    ) -> None:
        self._pattern = pattern
        self._context = max(0, context)
        self._since = since
        self._zone = zone
        self._recent = True
        self._before: deque[str] = deque(maxlen=self._context)
        self._after = 0
        self._shown = False
        self._skipped = False

    def feed(self, lines: Iterable[str]) -> list[str]:
        """The lines to show of a batch."""
        recent = (line for line in lines if self._is_recent(line))
        return (
            list(recent)
            if self._pattern is None
            else [shown for line in recent for shown in self._matching(line, self._pattern)]
        )

    def _is_recent(self, line: str) -> bool:
        """A line without a time belongs to the one before it."""
        if self._since is not None:
            moment = line_time(line, self._zone)
            if moment is not None:
                self._recent = moment >= self._since
        return self._recent

    def _matching(self, line: str, pattern: Pattern) -> Iterator[str]:
        if pattern.search(line):
            if self._context and self._shown and self._skipped:
                yield GAP_MARK
            yield from self._before
            yield line
            self._before.clear()
            self._after, self._shown, self._skipped = self._context, True, False
        elif self._after:
            self._after -= 1
            yield line
        else:
            if len(self._before) == self._context:
                self._skipped = True
            self._before.append(line)
