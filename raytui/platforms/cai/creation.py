"""How one application is made exactly once, and how what came of a create is taken back.

A create is sent, and the list decides what its answer leaves open: ours is adopted, of two the older is kept, and only what could no
longer appear is asked for again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from raytui.core.errors import OperationFailed, OutcomeUnknown, RaytuiError, Unreachable
from raytui.core.protocols import CreateRequest
from raytui.core.remedy import Hint, Remedy
from raytui.platforms.cai.answers import REFUSALS, Outcome
from raytui.platforms.cai.applications import Listed, Record, create_body, parse
from raytui.platforms.cai.client import ApiClient, Backoff
from raytui.platforms.cai.ending import LIVE
from raytui.platforms.cai.settle import CERTAIN, HOPELESS, attempts, grace


class Creation:
    """One create of one application."""

    def __init__(
        self,
        client: ApiClient,
        request: CreateRequest,
        environment: Mapping[str, str],
        *,
        look: Callable[[], Awaitable[Listed]],
        remove: Callable[[list[Record]], Awaitable[None]],
    ) -> None:
        """`remove` deletes copies that a lost answer made."""
        self._client = client
        self._timing = client.timing
        self._request = request
        self._body = create_body(request, client.told.project_id, {**request.environment, **environment})
        self._look = look
        self._remove = remove
        self._answered: dict[str, Record] = {}
        self._doubtful = False
        self._given_up = False

    def give_up(self) -> None:
        """Send nothing more; what was sent is still looked for."""
        self._given_up = True

    @property
    def name(self) -> str:
        """Name of the application."""
        return self._request.name

    @property
    def may_exist(self) -> bool:
        """Whether anything may have been made."""
        return self._doubtful or bool(self._answered)

    @property
    def ids(self) -> frozenset[str]:
        """What answers named: it exists, whatever a list shows."""
        return frozenset(self._answered)

    def made(self, record: Record) -> bool:
        """Whether a listed application comes of this create; one of another run is never ours to take back."""
        if record.id in self._answered:
            return True
        run = self._request.marker.run
        return bool(run) and record.name == self._request.name and record.ours and record.marker == self._request.marker

    async def run(self) -> Record:
        """Make it. Raises the error of the last attempt, or `OutcomeUnknown` when it is not known what exists."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.whole_create
        backoff = Backoff(self._timing.pause, self._timing.longest_pause)
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._send()
            if outcome.kind in HOPELESS:
                self._doubtful = False
                raise self._error(outcome)
            found = await self._settle(outcome)
            if found is not None:
                return found
            pause = max(backoff.next(), outcome.retry_after)
            spent = attempt >= attempts(outcome, self._timing) or loop.time() + pause > end
            if outcome.kind in REFUSALS or spent or self._given_up:
                raise self._error(outcome)
            await asyncio.sleep(pause)
            if self._given_up:
                raise self._error(outcome)

    async def _send(self) -> Outcome:
        self._doubtful = True
        outcome = await self._client.once("CreateApplication", {"name": self._request.name}, body=self._body, timeout=self._timing.create)
        if outcome.kind == "ok":
            record = parse(outcome.payload)
            if not record.id:
                return Outcome("garbage", outcome.status, detail="no application in the answer", seconds=outcome.seconds)
            # What the answer leaves out is as it was asked for.
            marker = record.marker or self._request.marker
            self._answered[record.id] = msgspec.structs.replace(record, name=self._request.name, marker=marker)
        return outcome

    async def _settle(self, outcome: Outcome) -> Record | None:
        """What came of one attempt, looked for until it could no longer appear; none when nothing did."""
        loop = asyncio.get_running_loop()
        end = loop.time() + grace(outcome, self._timing)
        certain = outcome.kind == "ok" or outcome.kind in CERTAIN
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        while True:
            named: list[Record] = []
            unread = 0
            try:
                listed = await self._look()
                named = [record for record in listed.records if record.name == self._request.name]
                unread = listed.unread
            except Unreachable as error:
                if not certain and loop.time() + self._timing.poll >= end:
                    raise self._unknown(str(error)) from None
            ours = self._ours(named)
            if ours:
                # Another run that made the same at the same moment keeps the older one too, so each removes only its own copies.
                await self._remove([record for record in ours[1:] if self.made(record)])
                return ours[0]
            if outcome.kind in REFUSALS and named and (loop.time() >= end or not any(record.ours for record in named)):
                raise _taken(named[0])
            if loop.time() >= end:
                if unread and not certain:
                    raise self._unknown(f"{unread} entries of the list of applications cannot be read")
                self._doubtful = False
                return None
            await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time()) + 0.01))

    def _ours(self, named: list[Record]) -> list[Record]:
        """What answers the request, the oldest first: from the list, and from good answers that the list does not show yet."""
        listed = {record.id for record in named}
        known = [*named, *(record for record in self._answered.values() if record.id not in listed)]
        ours = [record for record in known if record.id in self._answered or _answers(record, self._request)]
        return sorted(ours, key=lambda record: (record.created_at or float("inf"), record.id))

    def _error(self, outcome: Outcome) -> RaytuiError:
        return self._client.error(outcome, "CreateApplication", {"name": self._request.name})

    def _unknown(self, why: str) -> OutcomeUnknown:
        name, cluster = self._request.name, self._request.marker.cluster
        return OutcomeUnknown(
            f"it is not known whether {name} was created: {why}",
            hint=(Remedy("status", f"--cluster {cluster}", "shows it when the platform answers"), Remedy("stop", "", "removes it")),
        )


def _answers(record: Record, request: CreateRequest) -> bool:
    """Whether a listed application is what a request asked for: made by this run, or alive and the same but for the run that made it."""
    if record.marker is None or not record.ours:
        return False
    if request.marker.run and record.marker == request.marker:
        return True
    return record.state in LIVE and msgspec.structs.replace(record.marker, run="") == msgspec.structs.replace(request.marker, run="")


def _taken(record: Record) -> OperationFailed:
    owner = "is ours already" if record.ours else "exists and is not ours; it is left alone"
    ours = (Remedy("status", "", "shows it"), Remedy("stop", "", "removes it"))
    hint: Hint = ours if record.ours else "choose another cluster name with --cluster"
    return OperationFailed(f"{record.name} was not created: an application of this name {owner}", hint=hint, reason="Conflict")
