"""One line of a log as both front ends and programs see it, and what is asked of logs.

Values only: where lines come from and how they are read is `raytui.logs`.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import Literal, Protocol, get_args

import msgspec

from raytui.core.patterns import Pattern

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "FATAL"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the least to the most serious."""


class LogLine(msgspec.Struct, frozen=True, gc=False):
    """One line, or a mark between lines."""

    source: str
    """Name of the log that it stands in."""
    text: str
    """As a terminal would have left it; nothing in it can move the cursor."""
    at: float | None = None
    """Seconds since 1970 that the line says or, without one of its own, the line above it; none when neither does."""
    level: Level | None = None
    """What the line says or inherits from the line above that it continues; none when unknown."""
    offset: int | None = None
    """Bytes of the log before the line; none where only the end of a log was read."""
    mark: bool = False
    """Not a line of the log: a sentence about it, such as a gap between matches."""


class LogBytes(Protocol):
    """The bytes of one log, read by ranges; reading blocks and belongs into a thread."""

    size: int
    """Bytes when it was opened."""
    changed_at: float | None
    """When it was last written, seconds since 1970; none when unknown."""
    descriptor: int | None
    """The open file that holds it; none when no file of this machine does."""
    is_end: bool
    """Whether these are only the last bytes of the log, so that nobody knows where they stand in it."""

    def read(self, offset: int, length: int) -> bytes:
        """Up to that many bytes; fewer only at its end. Raises OSError."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Query(msgspec.Struct, frozen=True):
    """Which lines of logs are wanted."""

    pattern: Pattern | None = None
    invert: bool = False
    """The lines in which the pattern is not found."""
    context: int = 0
    """Lines before and after each match."""
    since: float | None = None
    """Seconds since 1970, included."""
    until: float | None = None
    """Seconds since 1970, included."""
    level: Level | None = None
    """This one and more serious ones."""
    lines: int = -1
    """How many of the last lines of each log are looked at, -1 for all."""
    zone: tzinfo | None = None
    """What a time without a zone is meant in; none for this machine's."""

    def meant_in(self, zone: tzinfo | None) -> Query:
        """The same with another zone for times that say none; none for this machine's."""
        return msgspec.structs.replace(self, zone=zone)

    @property
    def selects(self) -> bool:
        """Whether not every line is wanted."""
        return self.pattern is not None or self.dates

    @property
    def dates(self) -> bool:
        """Whether time or level of a line decide."""
        return any(part is not None for part in (self.since, self.until, self.level))


class Missed(msgspec.Struct, frozen=True):
    """A log, or all those of a node, that could not be read, and why."""

    source: str
    reason: str
    is_kept: bool = False
    """Whether it is what was kept of nodes that could not be looked at, so that there may be logs nobody names."""
    is_part: bool = False
    """Whether the log was read, and only parts of it were not searched."""
    is_absent: bool = False
    """Whether there is nothing that could be read: no log was kept, or it is no regular file."""
