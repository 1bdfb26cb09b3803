"""Looking through many lines without holding up the console: a moment at once, the rest in a thread, piece by piece."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from time import perf_counter

from raytui.core.patterns import Pattern
from raytui.tui.render.log_line import shown_text

MOMENT_S = 0.003
"""How long the event loop itself looks; a key press is not felt to wait for it."""
PIECE_S = 0.05
"""How long a thread looks before what it found is shown, and how long a closing console may wait for it."""
LONG = 2_000
"""Characters of a line that is left to the thread: a costly pattern takes up to 3 microseconds for each."""


def examine(
    pattern: Pattern, lines: Sequence[str], seconds: float, *, longest: int = sys.maxsize, first: bool = False
) -> tuple[list[int], int]:
    """Which of the lines match, and how many were looked at before the time was over or one was longer than `longest`.

    `first` ends the look at the first match.
    """
    found: list[int] = []
    deadline = perf_counter() + seconds
    for n, line in enumerate(lines):
        if len(line) > longest or (n and perf_counter() > deadline):
            return found, n
        if pattern.search(shown_text(line)):
            found.append(n)
            if first:
                return found, n + 1
    return found, len(lines)
