"""What a search and a filter have found so far in logs of any size, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.core.logline import LogLine
from raytui.core.patterns import Pattern
from raytui.logs.paging import document
from raytui.logs.paging.document import Document

MOST_HITS = 50_000
"""Matches to which one can go; more are only counted."""
LATELY = 2_000
"""Of so many of the newest matches it is known whether a line that arrives is one of them."""


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
        self._newer: set[tuple[object, ...]] = set()
        """Matches that arrived since the search began, which it may find too."""
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
        new = [line for line in lines if _key(line) not in self._newer] if self._newer else lines
        self._hits += new[: MOST_HITS - len(self._hits)]
        self.total += found - (len(lines) - len(new))
        wanted = self._wanted
        if wanted is not None:
            key = next(
                (_key(line) for line in lines if (line.source, line.offset) == (wanted.source, wanted.offset)), None
            )
            if key is not None:
                self._wanted = None
                self._at = next((n for n, line in enumerate(self._hits) if _key(line) == key), 0)

    def add_newer(self, lines: Sequence[LogLine]) -> None:
        """Lines were added to the logs; those that match are matches."""
        if self.pattern is not None:
            # What was written when the search began may arrive after it: it was found already.
            known = {_key(line) for line in self._hits[:LATELY]}
            more = _matching(self.pattern, lines, known)
            self._newer |= {_key(line) for line in more if line.at is not None}
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
        known = {_key(line) for line in self.document.lines[-LATELY:]}
        more = _matching(self.pattern, lines, known)
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


class Bookmarks:
    """Lines to which somebody wants to come back, in the order of their times."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []

    def toggle(self, line: LogLine) -> None:
        """Set a bookmark, or take it away."""
        if line in self.lines:
            self.lines.remove(line)
        else:
            self.lines.append(line)
            self.lines.sort(key=lambda each: (each.at or 0.0, each.offset or 0))

    def after(self, line: LogLine | None) -> LogLine | None:
        """The bookmark after a line that is one, else the first; none without any."""
        at = self.lines.index(line) + 1 if line in self.lines else 0
        return self.lines[at % len(self.lines)] if self.lines else None


def _matching(pattern: Pattern, lines: Sequence[LogLine], known: set[tuple[object, ...]]) -> list[LogLine]:
    return [
        line
        for line in lines
        if not line.mark and pattern.search(line.text) and (line.at is None or _key(line) not in known)
    ]


def _key(line: LogLine) -> tuple[object, ...]:
    return (line.source, line.at, line.text)
