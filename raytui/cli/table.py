"""Aligned columns as plain text: one pure function, so that no table library is loaded for ten lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from raytui.cli.paint import Paint
from raytui.core.units import sanitize
from raytui.view.words import Role

GAP = "  "
_SHOWN: frozenset[Role] = frozenset({"ok", "warn", "error", "accent"})
"""Roles that mark a state; a text that is only less important keeps the colour of its line."""


class Head(NamedTuple):
    """The head of a column."""

    title: str
    right: bool = False


class Word(NamedTuple):
    """A cell of a table that is no list of the product."""

    text: str
    role: Role = ""


class Painted(Protocol):
    """Any cell: how it reads and what that means."""

    @property
    def text(self) -> str:
        """How it reads."""

    @property
    def role(self) -> Role:
        """What that means."""


def one_line(text: str) -> str:
    """Text from elsewhere as one harmless line."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(sanitize(text).split())


def table(heads: Sequence[Head], rows: Iterable[Sequence[Painted]], paint: Paint) -> list[str]:
    """The lines of a table under its heads; what is not known is a dash."""
    cells = [[(one_line(cell.text) or "-", cell.role) for cell in row] for row in rows]
    widths = [max((len(row[n][0]) for row in cells), default=0) for n in range(len(heads))]
    widths = [max(len(head.title), width) for head, width in zip(heads, widths, strict=True)]
    shape = list(zip(widths, [head.right for head in heads], strict=True))
    first = GAP.join(
        head.title.rjust(width) if right else head.title.ljust(width) for head, (width, right) in zip(heads, shape, strict=True)
    )
    lines = [first.rstrip()]
    for row in cells:
        parts = []
        for (text, role), (width, right) in zip(row, shape, strict=True):
            shown = paint(text, role) if role in _SHOWN else text
            room = " " * (width - len(text))
            parts.append(room + shown if right else shown + room)
        lines.append(GAP.join(parts).rstrip())
    return lines
