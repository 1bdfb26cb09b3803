"""API v2 with deadlines, retries and paging: what everything above the transports talks to.

Only what is safe to repeat is repeated. A create is sent once by `once`; `exactly_once` decides by listing what became
of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.platforms.cai.api.answers import PASSING, Outcome, Workbench, error_for, judge, judge_silence
from raytui.platforms.cai.api.http import HttpTransport
from raytui.platforms.cai.api.operations import OPERATIONS, phrase
from raytui.platforms.cai.api.transport import Endpoint, Transport, TransportError
from raytui.system.backoff import Backoff

PAGE_SIZE = 1000
"""Entries of a page; without asking it would be 10."""
_MOST_PAGES = 1000


class Timing(msgspec.Struct, frozen=True):
    """Deadlines and pauses in seconds; tests scale them down."""

    request: float = 20.0
    """One attempt of a call."""
    create: float = 45.0
    """One attempt of a create: a gateway was seen to give up after 30 s while the create went on."""
    call: float = 60.0
    """A call with its retries."""
    attempts: int = 5
    login_attempts: int = 3
    """A login page is seldom a passing trouble; a proxy that restarts shows one too."""
    pause: float = 0.25
    """Before the first retry; doubled each time, with jitter."""
    longest_pause: float = 5.0
    poll: float = 0.4
    """Between looks of a wait at first; grown to `slowest_poll`."""
    slowest_poll: float = 4.0
    lag: float = 6.0
    """How long a list may go on showing what was before a create or delete. The specification promises nothing; a list
    that is read from a copy of the database follows within seconds, and what takes longer than this is taken for
    something that did not happen."""
    late: float = 6.0
    """How long the work of a create that failed quickly may go on; with `lag`, how long it is looked for before it is
    sent again."""
    late_behind_gateway: float = 60.0
    """The same after a time-out or a gateway's 504: the work goes on behind it."""
    whole_create: float = 240.0
    stop: float = 120.0
    delete: float = 240.0
    """180 s have been seen."""
    ask_again: float = 30.0
    """After this long an accepted stop or delete that shows no effect is sent again."""
    failed: float = 20.0
    """How long an application that was FAILED when it was stopped may go on being listed so: then its stop had no
    effect."""
    restart: float = 90.0
    """How long a stopped application is asked to start before it is made again instead."""
    patience: float = 45.0
    """How long a wait goes on while the platform cannot be asked at all."""
    doubtful_upload: float = 10.0
    """How long a file whose upload was answered with something that is no answer may stay invisible before it is
    uploaded again."""
    files: float = 75.0
    """How long a written file may stay invisible (the project's file system caches for up to 60 s)."""


class ApiClient:
    """One workbench, one project, one key."""

    def __init__(self, transport: Transport, endpoint: Endpoint, workbench: Workbench, timing: Timing) -> None:
        self._transport = transport
        self.endpoint = endpoint
        self._uploads = transport if isinstance(transport, HttpTransport) else HttpTransport(endpoint)
        self.workbench = workbench
        self.timing = timing

    def for_project(self, project_id: str) -> ApiClient:
        """The same connection for another project; close only one of the two."""
        other = msgspec.structs.replace(self.workbench, project_id=project_id)
        made = ApiClient(self._transport, self.endpoint, other, self.timing)
        # Uploads have connections of their own beside the vendor's client, which would be closed by nobody.
        made._uploads = self._uploads
        return made

    @property
    def transport(self) -> str:
        """Name of the transport in use."""
        return self._transport.name

    async def once(
        self,
        operation: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        timeout: float | None = None,
    ) -> Outcome:
        """Send one request, once, and judge what came back; never raises for a bad answer."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self._transport.call(
                operation, {"project_id": self.workbench.project_id, **(ids or {})}, query=query or {}, body=body,
                timeout=timeout or self.timing.request,
            )  # fmt: skip
        except TransportError as error:
            return judge_silence(error, loop.time() - began)
        return judge(answer, raw=OPERATIONS[operation].raw, secrets=(self.endpoint.key,), seconds=loop.time() - began)

    async def outcome(
        self,
        operation: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        deadline: float | None = None,
    ) -> Outcome:
        """Send a repeatable request until it gets an answer that counts, or `deadline` s (default: `call`) are over."""
        if not OPERATIONS[operation].repeatable:
            raise AssertionError(f"{operation} is not safe to repeat")
        loop = asyncio.get_running_loop()
        end = loop.time() + (deadline or self.timing.call)
        backoff = Backoff(self.timing.pause, self.timing.longest_pause)
        attempt = logins = 0
        while True:
            attempt += 1
            outcome = await self.once(
                operation, ids, query=query, body=body, timeout=min(self.timing.request, max(0.1, end - loop.time()))
            )
            logins += outcome.kind == "login"
            spent = attempt >= self.timing.attempts or logins >= self.timing.login_attempts
            pause = max(backoff.next(), outcome.retry_after)
            if outcome.kind not in PASSING or spent or loop.time() + pause >= end:
                return outcome
            await asyncio.sleep(pause)

    async def call(
        self,
        operation: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        deadline: float | None = None,
    ) -> Mapping[str, object]:
        """The same, answering the payload; raises the error of a call that did not end well."""
        return (await self._good(operation, ids, query=query, body=body, deadline=deadline)).payload

    async def content(self, operation: str, ids: Mapping[str, str]) -> bytes:
        """The same of an operation whose answer is a file."""
        return (await self._good(operation, ids)).content

    async def _good(
        self,
        operation: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        deadline: float | None = None,
    ) -> Outcome:
        outcome = await self.outcome(operation, ids, query=query, body=body, deadline=deadline)
        if outcome.kind != "ok":
            raise self.error(outcome, operation, ids)
        return outcome

    async def pages(
        self,
        operation: str,
        field: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
    ) -> list[dict[str, object]]:
        """All entries of a list that are objects."""
        return [entry for entry in await self.entries(operation, field, ids, query=query) if isinstance(entry, dict)]

    async def entries(
        self,
        operation: str,
        field: str,
        ids: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str | int] | None = None,
    ) -> list[object]:
        """All entries of a list whatever they are, page by page to its end, each page size alike."""
        entries: list[object] = []
        token = ""
        seen: set[str] = set()
        for _ in range(_MOST_PAGES):
            asked: dict[str, str | int] = {
                **(query or {}),
                "page_size": PAGE_SIZE,
                **({"page_token": token} if token else {}),
            }
            payload = await self.call(operation, ids, query=asked)
            listed = payload.get(field)
            entries += listed if isinstance(listed, list) else []
            following = payload.get("next_page_token")
            token = following if isinstance(following, str) else ""
            if not token:
                return entries
            if token in seen:
                break
            seen.add(token)
        what = phrase(operation, {"project_id": self.workbench.project_id, **(ids or {})})
        # A list that goes in circles may lack entries: acting on it could make things twice.
        raise Unreachable(
            Failure(
                "platform",
                "EndlessPages",
                f"could not {what}: {self.workbench.host} repeats the same page for ever",
                "try again; if it stays, ask the workbench's administrator",
            )
        )

    async def upload(self, path: str, data: bytes) -> Outcome:
        """Store one file, once; an existing one is never replaced by the server, so whoever calls looks afterwards."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self._uploads.upload(self.workbench.project_id, path, data, self.timing.request)
        except TransportError as error:
            return judge_silence(error, loop.time() - began)
        return judge(answer, raw=False, secrets=(self.endpoint.key,), seconds=loop.time() - began)

    def error(self, outcome: Outcome, operation: str, ids: Mapping[str, str] | None = None) -> RaytuiError:
        """The error of a judged call."""
        return error_for(
            outcome, phrase(operation, {"project_id": self.workbench.project_id, **(ids or {})}), self.workbench
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._transport.close()
        if self._uploads is not self._transport:
            await self._uploads.close()
