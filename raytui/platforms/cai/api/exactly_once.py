"""How a create is made exactly once over an API whose answers get lost: send it once, and let the list decide what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from raytui.core.errors import OutcomeUnknown, Unreachable
from raytui.platforms.cai.api.answers import REFUSALS, Kind, Outcome
from raytui.platforms.cai.api.client import ApiClient, Timing
from raytui.system.backoff import Backoff

T = TypeVar("T")
CERTAIN: frozenset[Kind] = REFUSALS | {"busy", "login", "unsent"}
"""Nothing was made: the request was turned away."""
HOPELESS: frozenset[Kind] = frozenset({"key", "denied", "absent", "redirect"})
"""Neither waiting nor looking helps."""
SURE_RETRIES = 3
"""How often what is surely not made is sent when the way there is the trouble."""


def grace(outcome: Outcome, timing: Timing) -> float:
    """Seconds for which the result of a create with this outcome may still appear on a list.

    A refusal too is looked at until the list shows what was there: a request that the server carried out twice is answered with the
    refusal of the second.
    """
    if outcome.kind in REFUSALS:
        return timing.lag
    if outcome.kind == "ok" or outcome.kind in CERTAIN:
        return 0.0
    slow = outcome.kind in {"timeout", "gateway"} or outcome.seconds > timing.settle
    return (timing.settle_gateway if slow else timing.settle) + timing.lag


def attempts(outcome: Outcome, timing: Timing) -> int:
    """How often a create with this outcome is sent in all."""
    return SURE_RETRIES if outcome.kind in {"login", "unsent"} else timing.attempts


async def create(
    client: ApiClient,
    operation: str,
    ids: Mapping[str, str],
    body: Any,
    *,
    look: Callable[[], Awaitable[T | None]],
    parse: Callable[[Any], T],
) -> T:
    """Make one thing and answer it; `look` finds what a lost or refused attempt left, and `parse` reads a good answer.

    Raises the error of the last attempt, or `OutcomeUnknown` when it is not known whether it was made.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + client.timing.whole_create
    backoff = Backoff(client.timing.pause, client.timing.longest_pause)
    sent = 0
    while True:
        sent += 1
        outcome = await client.once(operation, ids, body=body, timeout=client.timing.create)
        if outcome.kind == "ok" and isinstance(outcome.payload, dict) and outcome.payload.get("id"):
            return parse(outcome.payload)
        error = client.error(outcome, operation, ids)
        if outcome.kind in HOPELESS:
            raise error
        found = await _settled(client, outcome, look, str(error))
        if found is not None:
            return found
        pause = max(backoff.next(), outcome.retry_after)
        if outcome.kind in REFUSALS or sent >= attempts(outcome, client.timing) or loop.time() + pause > end:
            raise error
        await asyncio.sleep(pause)


async def _settled(client: ApiClient, outcome: Outcome, look: Callable[[], Awaitable[T | None]], said: str) -> T | None:
    loop = asyncio.get_running_loop()
    end = loop.time() + grace(outcome, client.timing)
    backoff = Backoff(client.timing.poll, client.timing.slowest_poll)
    while True:
        try:
            found = await look()
        except Unreachable as unreachable:
            if outcome.kind in CERTAIN:
                return None
            if loop.time() + client.timing.poll >= end:
                raise OutcomeUnknown(
                    f"{said}, and then it could not be looked whether it was done all the same: {unreachable}",
                    hint="run it again: it looks first",
                ) from None
        else:
            if found is not None or loop.time() >= end:
                return found
        await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time()) + 0.01))
