"""How a stop or a delete is carried out: asked for by id, and followed until the list shows it.

A list may lag behind (`Timing.lag`): an application whose id is known only from the answer of its create is on no list
yet, and still it must be ended. So what no list shows is asked for by its id all the same, and is gone only when the
lag has passed and it never came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from raytui.core.errors import DeadlineExceeded, Unreachable
from raytui.core.remedy import Remedy
from raytui.platforms.cai.api.answers import REFUSALS, Outcome
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.records import Record
from raytui.system.backoff import Backoff

LIVE = frozenset({"starting", "running", "unknown"})
ReadList = Callable[[bool], Awaitable[tuple[Record, ...]]]
"""Reads the list; told whether others who wait may share the reading."""


class Ending:
    """One stop or delete of one application and its copies."""

    def __init__(
        self,
        client: ApiClient,
        read_list: ReadList,
        operation: str,
        name: str,
        left: Callable[[tuple[Record, ...]], list[Record]],
        *,
        ids: Iterable[str] = (),
        may_appear: float | None = None,
    ) -> None:
        """`left` picks from a list what still has to end. `ids` are asked for though no list shows them.

        `may_appear` is for how many seconds what no list shows may yet come; the lag of the list where ids are given,
        else 0.
        """
        self._client = client
        self._timing = client.timing
        self._read_list = read_list
        self._operation = operation
        self._name = name
        self._left = left
        self._hidden = {identity for identity in ids if identity}
        self._may_appear = may_appear
        self._due: dict[str, float] = {}
        self._heard: set[str] = set()
        self._said = ""

    async def run(self, limit: float, what: str, *, wait: bool = True) -> None:
        """Ask until nothing is left, asking again where nothing happens.

        Without `wait` until the platform has accepted it all.

        Raises `DeadlineExceeded` after `limit` seconds, `Unreachable` when the platform cannot be asked for long, and
        `NotAllowed`.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        sure = loop.time() + (self._may_appear if self._may_appear is not None else self._timing.lag)
        blind_since: float | None = None
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        remaining: list[Record] = []
        while True:
            try:
                records = await self._read_list(bool(self._due))
                self._hidden -= {record.id for record in records}
                remaining = self._left(records)
                await self._ask_all(remaining)
                waiting = {record.id for record in remaining} | self._hidden
                if (not wait and waiting <= self._heard) or self._is_over(remaining, sure):
                    return
                blind_since = None
            except Unreachable:
                blind_since = blind_since or loop.time()
                if loop.time() - blind_since > self._timing.patience:
                    raise
            if loop.time() >= end:
                raise self._late(remaining, limit, what)
            await asyncio.sleep(backoff.next())

    def _is_over(self, remaining: list[Record], sure: float) -> bool:
        if remaining or not self._hidden <= self._heard:
            return False
        return (not self._hidden and self._may_appear is None) or asyncio.get_running_loop().time() >= sure

    async def _ask_all(self, remaining: list[Record]) -> None:
        loop = asyncio.get_running_loop()
        live = {record.id for record in remaining if record.state in LIVE}
        for identity in [*(record.id for record in remaining), *sorted(self._hidden)]:
            if loop.time() < self._due.get(identity, 0.0):
                continue
            outcome = await self._ask(identity, identity in live or identity in self._hidden)
            self._said = f"; the platform says: {outcome.detail}" if outcome.kind in REFUSALS and outcome.detail else ""
            heard = outcome.kind in {"ok", "absent"}
            if heard:
                self._heard.add(identity)
            # Refused (it may be changing state just now) or unanswered: the next look decides, and then it is asked
            # again.
            self._due[identity] = loop.time() + (self._timing.ask_again if heard else outcome.retry_after)

    async def _ask(self, identity: str, may_live: bool) -> Outcome:
        """Send one stop or delete; raises when asking again cannot help."""
        ids = {"application_id": identity, "name": self._name}
        outcome = await self._client.once(self._operation, ids)
        if outcome.kind in {"key", "denied", "redirect", "unsent"}:
            raise self._client.error(outcome, self._operation, ids)
        if self._operation == "DeleteApplication" and outcome.kind in REFUSALS and may_live:
            await self._client.once("StopApplication", ids)  # a platform that deletes only what is stopped
        return outcome

    def _late(self, remaining: list[Record], limit: float, what: str) -> DeadlineExceeded:
        states = [f"{record.name} ({record.raw_state or record.state})" for record in remaining]
        states += [f"{self._name} (on no list yet)" for _ in self._hidden - self._heard]
        listed = (
            f"; still listed: {', '.join(states)}"
            if states
            else f"; it is not known whether {self._name} is still there"
        )
        return DeadlineExceeded(
            f"waited {limit:g} s for {self._name} {what}{listed}{self._said}",
            hint=(
                "the platform may still be at it: look at ",
                Remedy("apps"),
                " in a minute and run ",
                Remedy("stop"),
                " again",
            ),
        )
