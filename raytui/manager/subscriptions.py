"""Who looks at what: the questions of everybody who is looking, each for as long as somebody does."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from raytui.core.questions import Question


class Subscriptions:
    """The questions that are asked for now."""

    def __init__(self) -> None:
        self._held: dict[Subscription, frozenset[Question]] = {}
        self._added = asyncio.Event()

    def add(self, questions: Iterable[Question]) -> Subscription:
        """Ask these too, from the next round on, until the subscription is closed."""
        made = Subscription(self)
        before = self.wanted
        self._held[made] = frozenset(questions)
        if not self.wanted <= before:
            self._added.set()
        return made

    def discard(self, subscription: Subscription) -> None:
        """What only this one asked is asked no more; one that was discarded before is fine."""
        self._held.pop(subscription, None)

    @property
    def wanted(self) -> frozenset[Question]:
        """What somebody looks at: the union, so that several who ask the same cost one request."""
        return frozenset[Question]().union(*self._held.values())

    async def wait(self, seconds: float) -> None:
        """Wait so long, or until a question is added that nobody asked before.

        So whoever opens a list does not wait for the next round.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._added.wait()
        except TimeoutError:
            pass

    def begin_round(self) -> frozenset[Question]:
        """What is to be asked in the round that begins now."""
        self._added.clear()
        return self.wanted


class Subscription:
    """One who looks. Close it, or leave its `with` block, when nobody looks any more."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions

    def close(self) -> None:
        """Nobody looks any more; safe to call again."""
        self._subscriptions.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
