"""Log text made fit to show: lines out of bytes, whatever the bytes are.

Pure, and bounded: a megabyte without a newline, escape sequences and broken UTF-8 are what programs print when they
die.
"""

from __future__ import annotations

import re

from raytui.core.units import sanitize

TAIL_BYTES = 65536
"""Bytes that are read first for the last lines of a log."""
LINE_CAP = 65536
"""Bytes of one line that are kept."""
_STRAY = re.compile(r"[\x01-\x06\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]")
"""Left out, they would join what they stand between, and only a look at each byte could find that."""
CUT_MARK = " [cut: the line is longer than 64 KB]"


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

    What a carriage return overwrote is gone, and nothing in it can move the cursor. Bytes that no program writes to a
    terminal on purpose are shown as signs of replacement.
    """
    text = line.rstrip(b"\r").rpartition(b"\r")[2].decode(errors="replace")
    if text.isprintable():
        return text
    tabbed = text.expandtabs(8)
    if tabbed.isprintable():
        return tabbed
    return sanitize(text if "\x1b" in text else _STRAY.sub("\ufffd", text))


def whole_lines(data: bytes, limit: int) -> list[str]:
    """The last `limit` lines of `data`, all of them for -1."""
    splitter = LineSplitter()
    lines = splitter.feed(data) + splitter.flush()
    return lines if limit < 0 else lines[-limit:] if limit else []


def shown(raw: bytes) -> str:
    """One line without its newline as it is shown; what is beyond the cap is cut with a mark."""
    return clean(raw) if len(raw) <= LINE_CAP else clean(raw[:LINE_CAP]) + CUT_MARK


_AS_IT_STANDS = bytes([9, 10, *range(32, 127)])


def shown_together(data: bytes, raws: list[bytes]) -> list[str]:
    """All lines of a block as they are shown; `raws` are its lines without their newlines.

    Where nothing in the block has to be made fit, they are not looked at one by one.
    """
    if data.translate(None, _AS_IT_STANDS) or len(max(raws, key=len, default=b"")) > LINE_CAP:
        return [shown(raw) for raw in raws]
    texts = data.decode().expandtabs(8).split("\n")
    return texts[: len(raws)]
