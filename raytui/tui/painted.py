"""What stands on the terminal, so that of each frame only the cells that differ are written.

Textual repaints whole regions and begins and ends the style of each segment, also where one digit of a line changed:
over a slow ssh line that is what makes the console lag. Only cells of one column are compared. A frame with anything
else (wide characters, links, the whole screen) is written as Textual made it, and what stood there is forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from rich.cells import get_character_cell_size
from rich.console import Console
from textual._compositor import ChopsUpdate, CompositorUpdate

_TOKENS = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x00-\x1f\x7f]+)|(\n)|(.)", re.DOTALL)
_LINE = re.compile(r"\x1b\[(\d+);\d+H")
_COLOUR = re.compile(r"(?:^|;)(?:([34]8);(?:2;\d+;\d+;\d+|5;\d+)|([39]|4|10)[0-7](?=;|$)|(39|49)(?=;|$))")
_UNSEEN_ON_BLANK = frozenset({"1", "2", "3"})
"""Bold, dim and italic: nothing of them shows on a space."""
_SHORT_GAP = 3
"""Unchanged cells of the style at hand that are shorter to write again than to move over."""


Cell = tuple[str, str]
"""The character of one column, and the parameters of its SGR sequence; no parameters for the terminal's own style.

A plain tuple: thousands are made for a frame.
"""


class _Look(NamedTuple):
    """A style in its three parts, each as SGR parameters."""

    attributes: tuple[str, ...]
    ink: str
    paper: str


class Painted:
    """The cells that are known to stand on the terminal."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], Cell] = {}
        """By line and column, from 1 as in the terminal's own sequences."""
        self._last: dict[str, str] = {}
        """What was last written on a line; the same once more changes nothing, and need not be read."""

    def forget(self) -> None:
        """Nothing is known any longer: the next frames are written in full."""
        self._cells.clear()
        self._last.clear()

    def difference(self, frame: str) -> str:
        """What is left to write of `frame` for the terminal to show it; it counts as written from here on."""
        drawn = _cells("\n".join(self._other(frame.split("\n"))))
        if drawn is None:
            self.forget()
            return frame
        known = self._cells
        changed = sorted(at for at, cell in drawn.items() if not _same(known.get(at), cell))
        known.update(drawn)
        return "".join(self._written(changed))

    def _other(self, pieces: list[str]) -> Iterator[str]:
        for piece in pieces:
            lines = set(_LINE.findall(piece))
            if len(lines) == 1:
                line = lines.pop()
                if self._last.get(line) == piece:
                    continue
                self._last[line] = piece
            else:
                self._last.clear()
            yield piece

    def _written(self, changed: list[tuple[int, int]]) -> Iterator[str]:
        style = ""
        for line, places in groupby(changed, key=lambda at: at[0]):
            after = 0
            for _, column in places:
                if not after:
                    yield f"\x1b[{line};{column}H"
                elif column > after:
                    between = [self._cells.get((line, n)) for n in range(after, min(column, after + _SHORT_GAP + 1))]
                    if len(between) <= _SHORT_GAP and all(cell and cell[1] == style for cell in between):
                        yield "".join(cell[0] for cell in between if cell)
                    else:
                        yield f"\x1b[{column - after}C"
                text, own = self._cells[line, column]
                if not (text == " " and _same_blank(style, own)):
                    yield _change(style, own)
                    style = own
                yield text
                after = column + 1
        yield _change(style, "")


class Difference(CompositorUpdate):
    """A frame of Textual's, written as the difference to what stands there."""

    def __init__(self, frame: CompositorUpdate, painted: Painted) -> None:
        self._frame = frame
        self._painted = painted

    def render_segments(self, console: Console) -> str:
        """The sequences to write; called only where they are written."""
        frame = self._frame.render_segments(console)
        if isinstance(self._frame, ChopsUpdate):
            return self._painted.difference(frame)
        # The whole screen: it also mends what another program wrote over it, so nothing of it is left out.
        self._painted.forget()
        return frame


def _cells(frame: str) -> dict[tuple[int, int], Cell] | None:
    """The cells that a frame paints; none where it has what is not understood here."""
    cells: dict[tuple[int, int], Cell] = {}
    line = column = 0
    style = ""
    for found in _TOKENS.finditer(frame):
        to_line, to_column, sgr, text, newline, _ = found.groups()
        if text is not None:
            if not line or not (text.isascii() or all(_narrow(char) for char in text)):
                return None
            for offset, char in enumerate(text):
                cells[line, column + offset] = (char, style)
            column += len(text)
        elif sgr is not None:
            style = "" if sgr in ("", "0") else sgr
        elif to_line is not None:
            line, column = int(to_line), int(to_column)
        elif newline is not None:
            line = 0
        else:
            return None
    return cells


@lru_cache(maxsize=4096)
def _narrow(char: str) -> bool:
    return get_character_cell_size(char) == 1


def _same(stands: Cell | None, cell: Cell) -> bool:
    return stands == cell or (stands is not None and stands[0] == cell[0] == " " and _same_blank(stands[1], cell[1]))


@lru_cache(maxsize=4096)
def _same_blank(one: str, other: str) -> bool:
    """Whether a space looks the same in both styles."""
    a, b = _look(one), _look(other)
    return a == b or (a.paper == b.paper and _UNSEEN_ON_BLANK.issuperset(a.attributes + b.attributes))


@lru_cache(maxsize=4096)
def _look(style: str) -> _Look:
    ink = paper = ""
    for found in _COLOUR.finditer(style):
        part = found[0].lstrip(";")
        if part.startswith(("4", "10")):
            paper = part
        else:
            ink = part
    rest = _COLOUR.sub("", style).strip(";")
    return _Look(tuple(rest.split(";")) if rest else (), ink, paper)


@lru_cache(maxsize=4096)
def _change(one: str, other: str) -> str:
    """The shortest sequence from one style to the other."""
    if one == other:
        return ""
    if not other:
        return "\x1b[0m"
    a, b = _look(one), _look(other)
    anew = f"\x1b[0;{other}m" if one else f"\x1b[{other}m"
    if not set(a.attributes) <= set(b.attributes):
        return anew
    parts = [attribute for attribute in b.attributes if attribute not in a.attributes]
    if a.ink != b.ink:
        parts.append(b.ink or "39")
    if a.paper != b.paper:
        parts.append(b.paper or "49")
    return min(f"\x1b[{';'.join(parts)}m" if parts else "", anew, key=len)
