"""A search of a log while it comes from another machine: each part is looked at as soon as it is here, in one pass."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from raytui.core.logline import LogLine, Query
from raytui.logs.reading.ranges import LONGEST, FileBlob
from raytui.logs.reading.window import Part
from raytui.logs.search import one_log
from raytui.system.threads import in_daemon_thread


def can_be_searched(query: Query) -> bool:
    """Whether a line can be judged before the lines below it are here."""
    return query.pattern is not None and not query.invert and not query.context and query.lines < 0


class Arriving:
    """What was found so far in a log that still comes."""

    def __init__(
        self,
        source: str,
        query: Query,
        found: Callable[[list[LogLine], int], None],
        is_full: Callable[[], bool] = lambda: False,
    ) -> None:
        """`found` is given the wanted lines of each part, oldest first, and how many bytes came with it.

        Once `is_full`, the rest is left to whoever reads the whole log: what comes is not held up by a reader's pause.
        """
        self._source = source
        self._query = query
        self._found = found
        self._is_full = is_full
        self._leaves_rest = False
        self._came = 0
        self.searched = 0
        """Bytes from the beginning that were looked at; they end with a line."""
        self.cut: set[int] = set()
        """Offsets of lines that were searched only in their beginning."""

    async def look(self, file: Path, size: int) -> None:
        """Look at the lines that are whole in the first `size` bytes. Raises OSError."""
        self._leaves_rest = self._leaves_rest or self._is_full()
        if self._leaves_rest:
            return
        batches = await in_daemon_thread(lambda: self._wanted(file, size), "search what came of a log")
        came, self._came = size - self._came, size
        self._found([line for batch in batches for line in batch], came)

    def _wanted(self, file: Path, size: int) -> list[list[LogLine]]:
        blob = FileBlob(file)
        try:
            end = _last_line(blob, self.searched, size)
            if end <= self.searched:
                return []
            part = Part(blob, end)
            part.descriptor = None  # a program would read on to the end of the file, for a part at a time
            batches = one_log.rest(self._source, part, self._query, self.searched, self.cut)
            found = [batch for batch in batches if batch]
            self.searched = end
            return found
        finally:
            blob.close()


def _last_line(blob: FileBlob, begin: int, size: int) -> int:
    """Where the last whole line before `size` ends, as far as a line is held at all."""
    begin = max(begin, size - LONGEST)
    return begin + blob.read(begin, size - begin).rfind(b"\n") + 1
