"""What a search and a filter have found so far in logs of any size, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.logline import LogLine
from raytui.core.patterns import Pattern
from raytui.logs import document
from raytui.logs.document import Document

MOST_HITS = 50_000
"""Matches to which one can go; more are only counted."""


class Search:
    """The matches of a pattern and the one that somebody is at."""

    def __init__(self, pattern: Pattern | None = None, at: LogLine | None = None) -> None:
        """`at` is the match to begin with, the newest without one."""
        self.pattern = pattern
        self._wanted = at
        self.total = 0
        self.is_over = pattern is None
        self._hits: list[LogLine] = []
        """Newest first."""
        self._at = 0

    @property
    def place(self) -> int:
        """Which of the matches known so far one is at, the oldest being the first."""
        return self.total - self._at

    @property
    def line(self) -> LogLine | None:
        """The match that one is at."""
        return self._hits[self._at] if self._hits and self._wanted is None else None

    def add_older(self, lines: Sequence[LogLine], found: int) -> None:
        """Older matches were found, newest first."""
        if self._wanted is not None:
            for n, line in enumerate(lines, len(self._hits)):
                if (line.source, line.offset) == (self._wanted.source, self._wanted.offset):
                    self._wanted, self._at = None, n
                    break
        self._hits += lines[: MOST_HITS - len(self._hits)]
        self.total += found

    def add_newer(self, lines: Sequence[LogLine]) -> None:
        """Lines were added to the logs; those that match are matches."""
        if self.pattern is not None:
            more = [line for line in lines if not line.mark and self.pattern.search(line.text)]
            self._hits[:0] = more[::-1]
            self._at += len(more) if len(self._hits) > len(more) else 0
            self.total += len(more)

    def step(self, by: int) -> LogLine | None:
        """Go to the next match downwards (1) or upwards (-1), around the ends."""
        if self._hits:
            self._at = (self._at - by) % len(self._hits)
        return self.line


class Sieve:
    """The lines that match a pattern, for a screen that shows only them."""

    def __init__(self, pattern: Pattern, held: Document) -> None:
        """Begins with those of the lines that are held; what a search of the whole logs finds takes their place."""
        self.pattern = pattern
        self.document = document.matching(held, pattern)
        self.total = len(self.document)
        self._percent: int | None = 0
        self._is_whole = False

    def add_older(self, lines: Sequence[LogLine], found: int, percent: int | None) -> int:
        """Older matches, newest first, and how much was looked at (none: all); by how much the lines stand lower."""
        if not self._is_whole:
            self._is_whole, self.document, self.total = True, Document(), 0
        self._percent = percent
        self.total += found
        if len(self.document) + len(lines) > document.CAPACITY - document.BLOCK:
            return 0
        change = document.before(self.document, lines[::-1], begins=True, gaps=False)
        self.document = change.document
        return change.added

    def add_newer(self, lines: Sequence[LogLine]) -> int:
        """Lines were added to the logs; by how much the lines stand lower."""
        more = [line for line in lines if not line.mark and self.pattern.search(line.text)]
        self.total += len(more)
        change = document.after(self.document, more, gaps=False)
        self.document = change.document
        return -change.dropped

    @property
    def words(self) -> str:
        """How many lines there are, and how far it was looked."""
        noun = "line" if self.total == 1 else "lines"
        if self._percent is not None:
            return f"{self.total:,}+ {noun}, {self._percent} % looked at"
        if self.total > len(self.document):
            return f"{self.total:,} {noun}, the newest {len(self.document):,} shown"
        return f"{self.total:,} {noun}"
