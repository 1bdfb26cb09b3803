"""Creating, stopping, restarting and deleting applications so that nothing is made twice and nothing is left behind.

API v2 answers before its work is done, or loses its answer after the work was done. So an answer is never the end: what
the listing shows is. Every wait here has a deadline and survives failing looks for a while, because a platform that
stumbles for ten seconds is no reason to abandon a half-deleted cluster.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping

from raytui.core.errors import DeadlineExceeded, NotAllowed, NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import CREATE_AGAIN, SHOW, Remedy
from raytui.platforms.cai.api.answers import REFUSALS
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.api.exactly_once import may_appear
from raytui.platforms.cai.applications.creation import Creation
from raytui.platforms.cai.applications.ending import LIVE, Ending
from raytui.platforms.cai.applications.listing import Shared
from raytui.platforms.cai.applications.records import Listed, Record, parse_all, request_from
from raytui.system.backoff import Backoff
from raytui.system.shielded import whole

ENDED = frozenset({"stopped", "failed"})
"""Nothing of it runs. The platform starts a failed one again by itself, up to three times, five minutes apart."""
STOPPED = frozenset({"stopped"})
"""Ended for good."""


class Lifecycle:
    """The changes to the applications of one project."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._timing = client.timing
        self._listing = Shared(self._read)
        self.unread = 0
        """Entries of the last list that could not be read and were left out."""

    async def records(self) -> tuple[Record, ...]:
        """Every application of the project, ours or not, read to the last page after this call."""
        return (await self._listing.fresh()).records

    async def create(
        self, request: CreateRequest, environment: Mapping[str, str], *, until: float = math.inf
    ) -> Record:
        """Make one application and answer it as listed.

        Each create is sent once; when its answer is doubtful or a refusal, the listing decides: ours is adopted, of two
        the older is kept, and only what did not appear is asked for again, until the moment `until`. Cancelled, it
        takes back what it made. Raises `OperationFailed` for a refusal, `NotAllowed`, `Unreachable`, and
        `OutcomeUnknown` when it is not known what exists.
        """
        creation = Creation(
            self._client, request, environment, read_list=self._listing.fresh, remove=self._remove_copies, until=until
        )
        task = asyncio.ensure_future(creation.run())
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # The server may have honoured the request already: learn what came of it, and take it back.
            creation.give_up()
            await whole(self._take_back(creation, task))
            raise

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """End every application of this name of ours and wait until the listing shows it stopped (or gone).

        One that is FAILED is stopped too, since the platform starts it again by itself; where that has no effect it is
        `OperationFailed`. Without `wait` it returns when the platform has accepted the stop.
        """
        target = _Target(application)
        if not wait:
            await self._end("StopApplication", target, STOPPED, self._timing.stop, wait=False)
            return
        await self._end("StopApplication", target, ENDED, self._timing.stop)
        if not any(record.state == "failed" for record in target.left):
            return
        try:
            await self._end("StopApplication", target, STOPPED, self._timing.failed)
        except DeadlineExceeded as error:
            raise OperationFailed(
                f"{application.name} is failed and a stop does not change that, so the platform may start it "
                f"again by itself: {error}",
                hint=("delete it to be sure that it stays ended: ", Remedy("stop", "", "without --keep does")),
            ) from None

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Remove every application of this name of ours and wait until it is no longer listed.

        One that no list shows is deleted by its id, and looked for until the list would show it. Without `wait` it
        returns when the platform has accepted the delete.
        """
        await self._end("DeleteApplication", _Target(application), frozenset(), self._timing.delete, wait=wait)

    async def restart(self, application: Application) -> Record:
        """Stop, wait, start again.

        Where the platform refuses to start a stopped application it is deleted and made again as it was. A restart
        during STARTING can leave an engine that nobody owns, hence the stop first. Cancelled, it is given up at once;
        from the delete on it is finished and answered all the same, since half of it would lose the application. Raises
        `NotFound` when the application no longer exists: what somebody removed is not made again.
        """
        target = _Target(application)
        kept = await self._shown(target)
        if kept is None:
            raise _gone(application)
        await self._end("StopApplication", target, ENDED, self._timing.stop)
        try:
            started = await self._start_again(application)
        except (NotAllowed, Unreachable) as error:
            error.message += f"; {application.name} was stopped for it and not seen to start again"
            error.args = (error.message,)
            raise
        return started if started is not None else await whole(self._replace(application, kept))

    async def close(self) -> None:
        """End a listing that still runs."""
        await self._listing.close()

    async def _read(self) -> Listed:
        listed = parse_all(await self._client.entries("ListApplications", "applications"))
        self.unread = listed.unread
        return listed

    async def _read_together(self, together: bool) -> tuple[Record, ...]:
        """The list; a moment later when those who wait may look together."""
        return (await self._listing.fresh(self._timing.poll if together else 0.0)).records

    async def _shown(self, target: _Target) -> Record | None:
        """The application as listed; none when no list shows it though it would have to."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.lag
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        while True:
            found = next(iter(target.of(await self.records())), None)
            if found is not None or loop.time() >= end:
                return found
            await asyncio.sleep(min(backoff.next(), max(0.0, end - loop.time()) + 0.01))

    async def _end(
        self, operation: str, target: _Target, ended: frozenset[str], limit: float, *, wait: bool = True
    ) -> None:
        def left(records: tuple[Record, ...]) -> list[Record]:
            return [record for record in target.of(records) if record.state not in ended]

        ending = Ending(self._client, self._read_together, operation, target.name, left, ids=target.unseen())
        await ending.run(limit, "to be deleted" if operation == "DeleteApplication" else "to be stopped", wait=wait)

    async def _remove_copies(self, copies: list[Record]) -> None:
        """Delete what a lost answer made twice; the keeper has the same name, so a copy is followed by its id."""
        ids = {copy.id for copy in copies}
        if ids:
            ending = Ending(
                self._client, self._read_together, "DeleteApplication", copies[0].name,
                lambda records: [record for record in records if record.id in ids], ids=ids,
            )  # fmt: skip
            await ending.run(self._timing.delete, "(a copy made by mistake) to be deleted")

    async def _take_back(self, creation: Creation, task: asyncio.Task[Record]) -> None:
        """Delete what a create made, once it is known; also where its end left that open."""
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()
        if not creation.may_exist:
            return
        ending = Ending(
            self._client, self._read_together, "DeleteApplication", creation.name,
            lambda records: [record for record in records if creation.made(record)],
            ids=creation.ids, may_appear=self._timing.lag,
        )  # fmt: skip
        try:
            await ending.run(self._timing.delete, "to be deleted")
        except RaytuiError:
            # Whoever cancelled gets no error from here; the application is found by its marker, and raytui stop removes
            # it.
            return

    async def _replace(self, application: Application, kept: Record) -> Record:
        """Delete an application that does not start and make it again as it was.

        An error says what may have become of it.
        """
        deleted = False
        try:
            await self.delete(application)
            deleted = True
            return await self.create(request_from(kept), {})
        except Exception as error:  # whatever it is, nobody else knows what it left
            sure = deleted and isinstance(error, OperationFailed | NotAllowed)
            became = (
                "it no longer exists" if sure else "it may no longer exist" if deleted else "it may be deleted by now"
            )
            what = f"{application.name} did not start again and had to be deleted and made again"
            if not isinstance(error, RaytuiError):
                error.add_note(f"{what}; {became}")
                raise
            error.message = f"{what}: {error.message}; {became}"
            error.args = (error.message,)
            error.hint = (SHOW, CREATE_AGAIN)
            raise

    async def _start_again(self, application: Application) -> Record | None:
        """Ask a stopped application to start, and answer it as it starts; none when the platform will not."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self._timing.restart
        backoff = Backoff(self._timing.poll, self._timing.slowest_poll)
        ids = {"application_id": application.id, "name": application.name}
        state = ""
        while True:
            # Only what is seen ended is asked to start: a second restart must never meet a first one.
            outcome = await self._client.once("RestartApplication", ids)
            if outcome.kind in {"key", "denied"}:
                raise self._client.error(outcome, "RestartApplication", ids)
            patience = (
                self._timing.ask_again
                if outcome.kind == "ok"
                else max(self._timing.poll, may_appear(outcome, self._timing))
            )
            until = min(end, loop.time() + patience)
            while loop.time() < until:
                record = next((record for record in await self.records() if record.id == application.id), None)
                if record is None:
                    raise _gone(application)
                if record.state in LIVE:
                    return record
                if outcome.kind in REFUSALS and record.state in ENDED:
                    return None
                state = record.state
                await asyncio.sleep(backoff.next())
            if loop.time() >= end:
                break
        if state in ENDED:
            return None
        # It is neither ended nor starting: somebody may be removing it just now.
        raise DeadlineExceeded(
            f"waited {self._timing.restart:g} s for {application.name} to start again; it is {state}",
            hint=Remedy("status", "", "shows what becomes of it"),
        )


class _Target:
    """One application and the copies of it, followed through listings.

    What somebody makes anew under the name meanwhile is left alone.
    """

    def __init__(self, application: Application) -> None:
        self._application = application
        self._ids: set[str] | None = None
        self._seen = False
        self.left: list[Record] = []
        """What the last list showed of it."""

    @property
    def name(self) -> str:
        """Its name."""
        return self._application.name

    def unseen(self) -> tuple[str, ...]:
        """Its id, unless a list has shown it."""
        return () if self._seen else (self._application.id,)

    def of(self, records: tuple[Record, ...]) -> list[Record]:
        """What is left of it in a listing, the application itself first; never a foreign one."""
        wanted = self._application
        self._seen = self._seen or any(record.id == wanted.id for record in records)
        same = [record for record in records if record.name == wanted.name and (record.ours or record.id == wanted.id)]
        if self._ids is None:
            self._ids = {wanted.id, *(record.id for record in same)}
        known = self._ids
        kept = [
            record
            for record in same
            if record.id in known or (wanted.run and record.marker and record.marker.run == wanted.run)
        ]
        self.left = sorted(kept, key=lambda record: (record.id != wanted.id, record.created_at))
        return self.left


def _gone(application: Application) -> NotFound:
    return NotFound(f"{application.name} no longer exists, so it was not restarted", hint=CREATE_AGAIN)
