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
    least: int = 0
    """Characters to which it may be cut where there is no room; 0: never."""


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


def table(heads: Sequence[Head], rows: Iterable[Sequence[Painted]], paint: Paint, room: int | None = None) -> list[str]:
    """The lines of a table under its heads; what is not known is a dash.

    Where there is room for so many characters only, the widest columns that may be are cut first.
    """
    cells = [[(one_line(cell.text) or "-", cell.role) for cell in row] for row in rows]
    widths = [max((len(row[n][0]) for row in cells), default=0) for n in range(len(heads))]
    widths = [max(len(head.title), width) for head, width in zip(heads, widths, strict=True)]
    if room is not None:
        widths = _fitted(heads, widths, room)
    shape = list(zip(widths, [head.right for head in heads], strict=True))
    first = GAP.join(
        head.title.rjust(width) if right else head.title.ljust(width)
        for head, (width, right) in zip(heads, shape, strict=True)
    )
    lines = [first.rstrip()]
    for row in cells:
        parts = []
        for (text, role), (width, right) in zip(row, shape, strict=True):
            kept = text if len(text) <= width else f"{text[: width - 1]}…"
            shown = paint(kept, role) if role in _SHOWN else kept
            gap = " " * (width - len(kept))
            parts.append(gap + shown if right else shown + gap)
        lines.append(GAP.join(parts).rstrip())
    return lines


def _fitted(heads: Sequence[Head], widths: list[int], room: int) -> list[int]:
    """The widths with the widest columns narrowed until all of them fit, or none may be narrowed any more."""
    widths = widths.copy()
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
    while excess > 0:
        spare = [n for n, head in enumerate(heads) if head.least and widths[n] > max(head.least, len(head.title))]
        if not spare:
            break
        widest = max(spare, key=lambda n: widths[n])
        floor = max(
            [heads[widest].least, len(heads[widest].title), *(widths[n] for n in spare if widths[n] < widths[widest])]
        )
        cut = min(excess, max(1, widths[widest] - floor))
        widths[widest] -= cut
        excess -= cut
    return widths
