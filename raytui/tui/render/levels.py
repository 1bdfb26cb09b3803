"""Levels over time as one line: a block for each span, as high as its lines are many, in the role of the worst."""

from __future__ import annotations

import math
from collections.abc import Sequence

from raytui.logs.timeline import Column, Count
from raytui.tui.render.text import Line

BLOCKS = "▁▂▃▄▅▆▇█"


def levels_line(columns: Sequence[Column], total: Count, now_at: int | None, *, more: str = "") -> Line:
    """The histogram with its numbers; the column at which the cursor stands is `│` where nothing was written."""
    most = max((column.of.lines for column in columns), default=0)
    spans: list[tuple[str, str]] = [(" ", "")]
    for n, column in enumerate(columns):
        text, role = _block(column.of, most), _role(column.of)
        if n == now_at:
            text, role = (text if text != " " else "│"), "accent" if not role or role == "muted" else role
        spans.append((text, role))
    return (*spans, ("  ", ""), *numbers(total, more))


def numbers(total: Count, more: str = "") -> Line:
    """The numbers of a histogram; `more` is `+` while it is still counted."""
    errors = f"{total.errors:,} {'error line' if total.errors == 1 else 'error lines'}"
    return (
        (errors, "error" if total.errors else "muted"),
        (f" · {total.warnings:,} warnings · {total.lines:,}{more} lines", "muted"),
    )


def _block(count: Count, most: int) -> str:
    if not count.lines or most <= 0:
        return " "
    share = math.log1p(count.lines) / math.log1p(most)
    return BLOCKS[min(len(BLOCKS) - 1, int(share * (len(BLOCKS) - 1) + 0.5))]


def _role(count: Count) -> str:
    return "error" if count.errors else "warn" if count.warnings else "muted"
