"""Growing pauses between tries: what fails or has not happened yet is asked for again, ever less often."""

from __future__ import annotations

import random


class Backoff:
    """The pauses of one wait, in seconds: from `first` to `longest`, each `growth` times the one before.

    `jitter` is by which part of itself a pause may be shorter or longer, so that many who wait do not ask in step.
    """

    def __init__(self, first: float, longest: float, *, growth: float = 1.7, jitter: float = 0.3) -> None:
        self._first = min(first, longest)
        self._longest = longest
        self._growth = growth
        self._jitter = jitter
        self._pause = self._first

    def next(self) -> float:
        """Seconds to pause now."""
        pause, self._pause = self._pause, min(self._longest, self._pause * self._growth)
        return pause * random.uniform(1.0 - self._jitter, 1.0 + self._jitter)  # noqa: S311  # only spreads load

    def reset(self) -> None:
        """Begin with the first pause again: something happened."""
        self._pause = self._first
