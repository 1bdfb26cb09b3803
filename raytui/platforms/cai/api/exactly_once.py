"""How a thing is made exactly once over an API whose answers get lost: an application, a job, a run, a project.

A create is sent once, and what its answer leaves open is decided by listing: what is there is adopted, and only what
could no longer appear is asked for again.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from raytui.core.errors import NotAllowed, OutcomeUnknown, RaytuiError, Unreachable
from raytui.core.remedy import Hint
from raytui.platforms.cai.api.answers import REFUSALS, Kind, Outcome
from raytui.platforms.cai.api.client import ApiClient, Timing
from raytui.system.backoff import Backoff

T = TypeVar("T")
CERTAIN: frozenset[Kind] = REFUSALS | {"ok", "busy", "login", "unsent"}
"""The answer says what became of the request: it was carried out, or it was turned away."""
HOPELESS: frozenset[Kind] = frozenset({"key", "denied", "absent", "redirect"})
"""Neither waiting nor listing helps."""
SURE_RETRIES = 3
"""How often what is surely not made is sent when the way there is the trouble."""


@dataclass(frozen=True)
class Listing(Generic[T]):
    """What one list says of a create."""

    thing: T | None = None
    """What answers the request; of two the older one."""
    taken: RaytuiError | None = None
    """What to say when the name belongs to something else."""
    is_foreign: bool = False
    """Whether that something else is certainly not what this request made, however late the list is."""
    unread: str = ""
    """Why the list may not show the thing though it exists; empty when all of it could be read."""


def may_appear(outcome: Outcome, timing: Timing) -> float:
    """Seconds for which the result of a request with this outcome may still appear on a list.

    A refusal too is checked until the list shows what was there: a request that the server carried out twice is
    answered with the refusal of the second.
    """
    if outcome.kind in REFUSALS:
        return timing.lag
    if outcome.kind in CERTAIN:
        return 0.0
    slow = outcome.kind in {"timeout", "gateway"} or outcome.seconds > timing.late
    return (timing.late_behind_gateway if slow else timing.late) + timing.lag


class Create(Generic[T]):
    """One create of one thing."""

    def __init__(
        self,
        client: ApiClient,
        operation: str,
        ids: Mapping[str, str],
        body: object,
        *,
        what: str,
        parse: Callable[[Mapping[str, object]], T | None],
        find: Callable[[], Awaitable[Listing[T]]],
        confirm: bool = False,
        until: float = math.inf,
        hint: Hint = "run it again: it looks first",
    ) -> None:
        """`what` is the end of "it is not known whether …"; `hint` goes with it.

        `parse` reads a good answer, none when it names nothing, and `find` lists. With `confirm` a good answer is
        listed too: where somebody else may make the same at the same moment, the older one counts. From `until` on
        (loop time) nothing is sent again.
        """
        self._client = client
        self._timing = client.timing
        self._operation = operation
        self._ids = ids
        self._body = body
        self._what = what
        self._parse = parse
        self._find = find
        self._confirm = confirm
        self._until = until
        self._hint = hint
        self._given_up = False
        self.answered: T | None = None
        """What an answer named: it exists, whatever a list shows."""
        self.is_doubtful = False
        """Whether something may exist that no answer named and no list showed."""

    def give_up(self) -> None:
        """Send nothing more; what was sent is still looked for."""
        self._given_up = True

    async def run(self) -> T:
        """Make it. Raises the error of the last attempt, or `OutcomeUnknown` when it is not known what exists."""
        loop = asyncio.get_running_loop()
        end = min(loop.time() + self._timing.whole_create, self._until)
        backoff = Backoff(self._timing.pause, self._timing.longest_pause)
        sent = 0
        while True:
            sent += 1
            outcome = await self._send()
            if outcome.kind in HOPELESS:
                self.is_doubtful = False
                raise self._error(outcome)
            found = await self._found(outcome)
            if found is not None:
                return found
            pause = max(backoff.next(), outcome.retry_after)
            spent = sent >= _attempts(outcome, self._timing) or loop.time() + pause > end
            if outcome.kind in REFUSALS or spent or self._given_up:
                raise self._error(outcome)
            await asyncio.sleep(pause)
            if self._given_up:
                raise self._error(outcome)

    async def _send(self) -> Outcome:
        self.is_doubtful = True
        outcome = await self._client.once(self._operation, self._ids, body=self._body, timeout=self._timing.create)
        if outcome.kind == "ok":
            self.answered = self._parse(outcome.payload)
            if self.answered is None:
                return Outcome(
                    "garbage", outcome.status, detail="nothing is named in the answer", seconds=outcome.seconds
                )
        return outcome

    async def _found(self, outcome: Outcome) -> T | None:
        """What came of one attempt, listed until it could no longer appear; none when nothing did."""
        if outcome.kind == "ok" and not self._confirm:
            return self.answered
        loop = asyncio.get_running_loop()
        end = loop.time() + may_appear(outcome, self._timing)
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        while True:
            listing = Listing[T]()
            try:
                listing = await self._find()
            except (Unreachable, NotAllowed) as error:
                # A key that was refused meanwhile says nothing of what was made before, and no later list will.
                is_last = not isinstance(error, Unreachable) or loop.time() + self._timing.poll >= end
                if outcome.kind not in CERTAIN and is_last:
                    raise self._unknown(str(error)) from None
            found = listing.thing if listing.thing is not None else self.answered
            if found is not None:
                return found
            if outcome.kind in REFUSALS and listing.taken is not None and (listing.is_foreign or loop.time() >= end):
                raise listing.taken
            if loop.time() >= end:
                if listing.unread and outcome.kind not in CERTAIN:
                    raise self._unknown(listing.unread)
                self.is_doubtful = False
                return None
            await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time()) + 0.01))

    def _error(self, outcome: Outcome) -> RaytuiError:
        return self._client.error(outcome, self._operation, self._ids)

    def _unknown(self, why: str) -> OutcomeUnknown:
        return OutcomeUnknown(f"it is not known whether {self._what}: {why}", hint=self._hint)


def _attempts(outcome: Outcome, timing: Timing) -> int:
    """How often a create with this outcome is sent in all."""
    return SURE_RETRIES if outcome.kind in {"login", "unsent"} else timing.attempts
