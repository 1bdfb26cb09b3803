"""Creating, stopping, restarting and deleting applications so that nothing is made twice and nothing is left behind.

API v2 answers before its work is done, or loses its answer after the work was done. So an answer is never the end: what the
listing shows is. Every wait here has a deadline and survives failing looks for a while, because a platform that stumbles for ten
seconds is no reason to abandon a half-deleted cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from raytui.core.errors import DeadlineExceeded, OperationFailed, RaytuiError, Unreachable
from raytui.core.protocols import CreateRequest
from raytui.core.snapshot import Application
from raytui.platforms.cai.answers import REFUSALS, Outcome
from raytui.platforms.cai.applications import Record, create_body, parse, request_from
from raytui.platforms.cai.client import ApiClient, Backoff
from raytui.platforms.cai.listing import Shared
from raytui.platforms.cai.settle import CERTAIN, HOPELESS, attempts, grace

ENDED = frozenset({"stopped", "failed"})
LIVE = frozenset({"starting", "running", "unknown"})


class Lifecycle:
    """The changes to the applications of one project."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._timing = client.timing
        self._listing = Shared(self._read)

    async def records(self) -> tuple[Record, ...]:
        """Every application of the project, ours or not, read to the last page after this call."""
        return await self._listing.fresh()

    async def _look_again(self) -> tuple[Record, ...]:
        """The same for a wait: a moment later, so that those who wait together look together."""
        return await self._listing.fresh(self._timing.poll)

    async def create(self, request: CreateRequest, environment: Mapping[str, str]) -> Record:
        """Make one application and answer it as listed.

        Each create is sent once; when its answer is doubtful or a refusal, the listing decides: ours is adopted, of two the older is
        kept, and only what did not appear is asked for again. Raises `OperationFailed` for a refusal, `NotAllowed`, `Unreachable`, and
        `DeadlineExceeded` when it is not known what exists.
        """
        task = asyncio.ensure_future(self._create(request, environment))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # The server may have honoured the request already: learn what came of it, and take it back.
            await self._take_back(task)
            raise

    async def stop(self, application: Application) -> None:
        """End every application of this name of ours and wait until the listing shows it ended (or gone)."""
        target = _Target(application)
        await self._until_none(
            "StopApplication", application.name,
            lambda records: [record for record in target.of(records) if record.state not in ENDED],
            self._timing.stop, "to be stopped",
        )  # fmt: skip

    async def delete(self, application: Application) -> None:
        """Remove every application of this name of ours and wait until it is no longer listed."""
        await self._until_none("DeleteApplication", application.name, _Target(application).of, self._timing.delete, "to be deleted")

    async def restart(self, application: Application) -> None:
        """Stop, wait, start again; where the platform refuses to start a stopped application it is deleted and made again as it was.

        A restart during STARTING can leave an engine that nobody owns, hence the stop first.
        """
        kept = next(iter(_Target(application).of(await self.records())), None)
        await self.stop(application)
        if await self._start_again(application):
            return
        if kept is None:
            raise OperationFailed(f"{application.name} no longer exists, so it was not restarted", hint="raytui start creates it again")
        await self.delete(application)
        await self.create(request_from(kept), {})

    async def close(self) -> None:
        """End a listing that still runs."""
        await self._listing.close()

    async def _read(self) -> tuple[Record, ...]:
        return tuple(parse(entry) for entry in await self._client.pages("ListApplications", "applications"))

    async def _create(self, request: CreateRequest, environment: Mapping[str, str]) -> Record:
        body = create_body(request, self._client.told.project_id, {**request.environment, **environment})
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.whole_create
        backoff = Backoff(self._timing.pause, self._timing.longest_pause)
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._client.once("CreateApplication", {"name": request.name}, body=body, timeout=self._timing.create)
            if outcome.kind in HOPELESS:
                raise self._create_error(outcome, request)
            if outcome.kind == "ok" and not outcome.payload.get("id"):
                outcome = Outcome("garbage", outcome.status, detail="no application in the answer", seconds=outcome.seconds)
            found = await self._look(request, outcome)
            if found is not None:
                return found
            if outcome.kind == "ok":
                return parse(outcome.payload)  # honoured, and the list lags behind
            pause = max(backoff.next(), outcome.retry_after)
            if outcome.kind in REFUSALS or attempt >= attempts(outcome, self._timing) or loop.time() + pause > end:
                raise self._create_error(outcome, request)
            await asyncio.sleep(pause)

    async def _look(self, request: CreateRequest, outcome: Outcome) -> Record | None:
        """What the listing has of a create with this outcome; of several made by us the younger are deleted.

        A doubtful create is looked for until it could no longer appear; a clear one once.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + grace(outcome, self._timing)
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        while True:
            try:
                named = [record for record in await self.records() if record.name == request.name]
            except Unreachable as error:
                if outcome.kind == "ok" or outcome.kind in CERTAIN:
                    return None
                if loop.time() + self._timing.poll >= end:
                    raise DeadlineExceeded(
                        f"it is not known whether {request.name} was created: {error}",
                        hint=f"raytui status --cluster {request.marker.cluster} shows it when the platform answers, raytui stop removes it",
                    ) from None
            else:
                ours = sorted((record for record in named if _answers(record, request)), key=lambda record: (record.created_at, record.id))
                if ours:
                    # Another run that made the same at the same moment keeps the older one too, so each removes only its own copies.
                    await self._remove_copies([record for record in ours[1:] if record.marker == request.marker])
                    return ours[0]
                if named and outcome.kind in REFUSALS:
                    raise _taken(named[0])
                if loop.time() >= end:
                    return None
            await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time()) + 0.01))

    async def _remove_copies(self, copies: list[Record]) -> None:
        """Delete what a lost answer made twice; the keeper has the same name, so a copy is followed by its id."""
        ids = {copy.id for copy in copies}
        if ids:
            await self._until_none(
                "DeleteApplication", copies[0].name, lambda records: [record for record in records if record.id in ids],
                self._timing.delete, "(a copy made by mistake) to be deleted",
            )  # fmt: skip

    async def _take_back(self, task: asyncio.Task[Record]) -> None:
        try:
            record = await asyncio.wait_for(asyncio.shield(task), self._timing.create)
        except (RaytuiError, TimeoutError):
            return
        await self._client.outcome("DeleteApplication", {"application_id": record.id, "name": record.name})

    def _create_error(self, outcome: Outcome, request: CreateRequest) -> RaytuiError:
        return self._client.error(outcome, "CreateApplication", {"name": request.name})

    async def _start_again(self, application: Application) -> bool:
        """Ask a stopped application to start; false when the platform will not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.restart
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        ids = {"application_id": application.id, "name": application.name}
        while True:
            # Only what is seen ended is asked to start: a second restart must never meet a first one.
            outcome = await self._client.once("RestartApplication", ids)
            if outcome.kind in {"key", "denied"}:
                raise self._client.error(outcome, "RestartApplication", ids)
            patience = self._timing.ask_again if outcome.kind == "ok" else max(self._timing.poll, grace(outcome, self._timing))
            until = min(end, loop.time() + patience)
            while loop.time() < until:
                record = next((record for record in await self.records() if record.id == application.id), None)
                if record is None:
                    return False
                if record.state not in ENDED:
                    return True
                if outcome.kind in REFUSALS:
                    return False
                await asyncio.sleep(backoff.next())
            if loop.time() >= end:
                return False

    async def _until_none(
        self, operation: str, name: str, left: Callable[[tuple[Record, ...]], list[Record]], limit: float, what: str
    ) -> None:
        """Ask for the change, and look until the listing leaves nothing; asked again when it shows no effect for long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        blind_since: float | None = None
        asked: dict[str, float] = {}
        words = ""
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        remaining: list[Record] = []
        while True:
            try:
                remaining = left(await (self._look_again() if asked else self.records()))
                if not remaining:
                    return
                for record in [record for record in remaining if loop.time() >= asked.get(record.id, 0.0)]:
                    outcome = await self._ask(operation, record)
                    words = f"; the platform says: {outcome.detail}" if outcome.kind in REFUSALS and outcome.detail else ""
                    # Refused (it may be changing state just now) or unanswered: the next look decides, and then it is asked again.
                    heard = outcome.kind in {"ok", "absent"}
                    asked[record.id] = loop.time() + (self._timing.ask_again if heard else outcome.retry_after)
                blind_since = None
            except Unreachable:
                blind_since = blind_since or loop.time()
                if loop.time() - blind_since > self._timing.patience:
                    raise
            if loop.time() >= end:
                states = ", ".join(f"{record.name} ({record.raw_state or record.state})" for record in remaining) or name
                raise DeadlineExceeded(
                    f"waited {limit:g} s for {name} {what}; still listed: {states}{words}",
                    hint="the platform may still be at it: look at raytui apps in a minute and run raytui stop again",
                )
            await asyncio.sleep(backoff.next())

    async def _ask(self, operation: str, record: Record) -> Outcome:
        """Send one stop or delete; raises when asking again cannot help."""
        ids = {"application_id": record.id, "name": record.name}
        outcome = await self._client.once(operation, ids)
        if outcome.kind in {"key", "denied", "redirect", "unsent"}:
            raise self._client.error(outcome, operation, ids)
        if operation == "DeleteApplication" and outcome.kind in REFUSALS and record.state in LIVE:
            await self._client.once("StopApplication", ids)  # a platform that deletes only what is stopped
        return outcome


class _Target:
    """One application and the copies of it, followed through listings; what somebody makes anew under the name meanwhile is left alone."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._ids: set[str] | None = None

    def of(self, records: tuple[Record, ...]) -> list[Record]:
        """What is left of it in a listing, the application itself first; never a foreign one."""
        wanted = self._application
        same = [record for record in records if record.name == wanted.name and record.ours]
        if self._ids is None:
            self._ids = {wanted.id, *(record.id for record in same)}
        known = self._ids
        kept = [record for record in same if record.id in known or (wanted.run and record.marker and record.marker.run == wanted.run)]
        return sorted(kept, key=lambda record: (record.id != wanted.id, record.created_at))


def _answers(record: Record, request: CreateRequest) -> bool:
    """Whether a listed application is what a request asked for: made by this run, or alive and the same but for the run that made it."""
    if record.marker is None or not record.ours:
        return False
    if request.marker.run and record.marker == request.marker:
        return True
    return record.state in LIVE and msgspec.structs.replace(record.marker, run="") == msgspec.structs.replace(request.marker, run="")


def _taken(record: Record) -> OperationFailed:
    owner = "is ours already" if record.ours else "exists and is not ours; it is left alone"
    hint = "raytui status shows it, raytui stop removes it" if record.ours else "choose another cluster name with --cluster"
    return OperationFailed(f"{record.name} was not created: an application of this name {owner}", hint=hint, reason="Conflict")
