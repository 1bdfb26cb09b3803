"""Which lines of a log are wanted: in a window of time, of a level, matching, with lines around each match."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from raytui.core.logline import LEVELS, Level, LogLine, Query

GAP_MARK = "--"
"""Between two groups of matches that do not touch, as grep prints it."""
_RANK = {level: n for n, level in enumerate(LEVELS)}


class Selection:
    """Lines of one log in, those that are wanted out; keeps state from batch to batch."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._lowest = None if query.level is None else _RANK[query.level]
        context = max(0, query.context) if query.pattern is not None else 0
        self._context = context
        self._before: deque[LogLine] = deque(maxlen=context)
        self._after = 0
        self._shown = False
        self._skipped = False
        self._beyond: set[LogLine] = set()
        """Lines of the next batch in which the pattern is found, beyond what is shown of them too."""

    def look_beyond(self, line: LogLine, whole: str) -> None:
        """Look for the pattern in all of a line that will be fed, of which only the beginning is shown."""
        pattern = self._query.pattern
        if pattern is not None and pattern.search(whole):
            self._beyond.add(line)

    def feed(self, lines: Iterable[LogLine]) -> list[LogLine]:
        """The lines to show of a batch."""
        if not self._query.selects:
            return list(lines)
        if not self._context:
            found = [line for line in lines if self.wants(line)]
        else:
            found = [shown for line in lines if self.is_looked_at(line) for shown in self._surrounded(line)]
        self._beyond.clear()
        return found

    @property
    def is_open(self) -> bool:
        """Whether the next lines belong to a match that was shown."""
        return self._after > 0

    @property
    def surrounds(self) -> bool:
        """Whether lines around matches are shown."""
        return self._context > 0

    def is_serious(self, level: Level | None) -> bool:
        """Whether a level is the lowest that is wanted or above."""
        return self._lowest is None or (level is not None and _RANK[level] >= self._lowest)

    def skip(self) -> None:
        """Lines that match nothing were left out here."""
        self._skipped = True
        self._before.clear()

    def wants(self, line: LogLine) -> bool:
        """Whether the line itself is wanted."""
        return self.is_looked_at(line) and self._matches(line)

    def is_looked_at(self, line: LogLine) -> bool:
        """Whether a line is of the wanted time and level; one of an unknown time may have been written at any time."""
        query, at = self._query, line.at
        if line.mark:
            return True
        if at is not None and not (
            (query.since is None or at >= query.since) and (query.until is None or at <= query.until)
        ):
            return False
        return self.is_serious(line.level)

    def _matches(self, line: LogLine) -> bool:
        pattern = self._query.pattern
        if line.mark or pattern is None:
            return True
        return (pattern.search(line.text) or line in self._beyond) is not self._query.invert

    def _surrounded(self, line: LogLine) -> Iterator[LogLine]:
        if self._matches(line):
            if self._shown and self._skipped:
                yield LogLine(line.source, GAP_MARK, (self._before[0] if self._before else line).at, mark=True)
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
