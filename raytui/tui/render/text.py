"""The smallest vocabulary of drawing: a line is spans of text, and a span has a role that the theme turns into a style.

Text from elsewhere never becomes markup: it is cleaned here and stays plain text up to the terminal.
"""

from __future__ import annotations

import time

from rich.cells import cell_len, set_cell_size

from raytui.core.units import sanitize

Span = tuple[str, str]
"""Text and role: `` (plain), muted, strong, ok, warn, error, accent or key."""
Line = tuple[Span, ...]

BLANK: Line = ()
ELLIPSIS = "…"


def clean(text: str) -> str:
    """Text from elsewhere on one line, unable to move the cursor."""
    return " ".join(sanitize(text.replace("\n", " ").replace("\r", " ")).split("\t"))


def cells(text: str) -> int:
    """Width of a text on the terminal."""
    return cell_len(text)


def fit(text: str, width: int, *, right: bool = False) -> str:
    """Text in exactly `width` cells: padded, or cut with an ellipsis.

    `right` aligns to the right and cuts at the left.
    """
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        if right:
            while text and cell_len(text) > width:
                text = text[1:]
            return " " * (width - cell_len(text)) + text
        return set_cell_size(text, width - 1) + ELLIPSIS
    return " " * (width - length) + text if right else text + " " * (width - length)


def fit_end(text: str, width: int) -> str:
    """Text in exactly `width` cells: padded, or its beginning cut with an ellipsis."""
    if width <= 0 or cell_len(text) <= width:
        return fit(text, width)
    while text and cell_len(text) > width - 1:
        text = text[1:]
    return fit(ELLIPSIS + text, width)


def line_cells(line: Line) -> int:
    """Width of a line."""
    return sum(cell_len(text) for text, _ in line)


def crop(line: Line, width: int) -> Line:
    """A line of at most `width` cells, its cut marked."""
    if line_cells(line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for text, role in line:
        length = cell_len(text)
        if length >= left:
            kept.append((fit(text, left) if length > left else text[:-1] + ELLIPSIS, role))
            break
        kept.append((text, role))
        left -= length
    return tuple(kept)


def spread(left: Line, right: Line, width: int, *, gap: int = 2) -> Line:
    """Two parts at the two edges of a line; the left one gives way."""
    room = width - line_cells(right) - gap
    if room < 8:
        return crop(left, width)
    left = crop(left, room)
    return (*left, (" " * (width - line_cells(left) - line_cells(right)), ""), *right)


def wrap(text: str, width: int, limit: int = 6) -> list[str]:
    """Text in lines of at most `width` cells, broken at spaces where there are any.

    At most `limit` lines, the cut marked.
    """
    width = max(width, 8)
    lines: list[str] = []
    line = ""
    for given in clean(text).split():
        word = given
        if line and cell_len(line) + 1 + cell_len(word) > width:
            lines.append(line)
            line = ""
        while cell_len(word) > width:
            head = set_cell_size(word, width).rstrip() or word[:1]
            lines.append(head)
            word = word[len(head) :]
        line = f"{line} {word}" if line else word
    if line:
        lines.append(line)
    if len(lines) > limit:
        last = lines[limit - 1]
        lines = [*lines[: limit - 1], set_cell_size(last, min(cell_len(last), width - 1)).rstrip() + ELLIPSIS]
    return lines


def clock(seconds: float) -> str:
    """A moment as the operator's own clock shows it: `17:02:11`."""
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def moment(seconds: float, now: float) -> str:
    """A moment, with its day when that is not within the last 18 hours."""
    if now - seconds < 64800:
        return clock(seconds)
    return time.strftime("%d %b %H:%M", time.localtime(seconds))


def minutes(seconds: float) -> str:
    """A span as minutes and seconds: `00:12`."""
    whole = int(max(0.0, seconds))
    return f"{whole // 60:02d}:{whole % 60:02d}"
