"""The Dashboard of the manager: which question goes to which endpoint, with a deadline, and what each failure means.

Paths and limits follow measurements on Ray 2.60: `nocache=1` because the cached answer can be minutes old,
`limit=10000` because the default of 100 hides nodes, and no call is ever left to Ray's own time-outs, which GCS can
outlast.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import TypeVar, cast
from urllib.parse import urlencode

from raytui.core.errors import ConfigurationError, NotFound
from raytui.core.observed.snapshot import Job, Node, RayEvent, RayVersion, Rows, Usage
from raytui.core.observed.workload import ServeDeployment
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.units import sanitize
from raytui.dashboard import failures
from raytui.dashboard.activity import parse_events, parse_jobs, parse_log_files
from raytui.dashboard.decode import Garbage
from raytui.dashboard.payloads import parse_authentication, parse_health, parse_node_stats, parse_nodes, parse_version
from raytui.dashboard.serve import parse_serve
from raytui.dashboard.transport import ErrorAnswer, Transport, TransportError, problem_of
from raytui.dashboard.usage import parse_usage
from raytui.dashboard.workload_client import STATE_LIMIT, WorkloadClient

T = TypeVar("T")
HEALTH_TIMEOUT_S = 2.0
"""Deadline of the health check; it takes 4 ms when all is well and says 503 after 0.1 to 1.1 s when GCS is hung."""
TIMEOUT_S = 5.0
"""Deadline of every other call."""
BIG_BODY = 256 * 1024
"""Bytes of an answer from which it is read in a thread."""
KEPT_BODY = 8 * 1024 * 1024
"""Bytes of the largest answer that is kept to be compared with the next; longer ones differ each time."""
SERVE_FOLDER = "serve/"
"""The folder below that of a node's logs in which Serve's controller, proxies and replicas write theirs."""
UNREPEATED = ("/api/v0/logs", "/api/packages", "/worker/")
"""What begins so is another question each time."""


class DashboardClient(Dashboard):
    """Ray's REST API of one head. Raises `Unreachable` with the layer that failed, or `NotFound`."""

    def __init__(
        self,
        target: DashboardTarget,
        transport: Transport,
        *,
        timeout: float = TIMEOUT_S,
        health_timeout: float = HEALTH_TIMEOUT_S,
    ) -> None:
        self._target = target
        self._transport = transport
        self._timeout = timeout
        self._health_timeout = health_timeout
        self._last: dict[str, tuple[bytes, object]] = {}
        """By path, the last answer and what was read of it: the same bytes need not be read again."""

    @property
    def workload(self) -> WorkloadClient:  # noqa: D102 - see Dashboard
        return WorkloadClient(self._read, self._send, self._timeout)

    def __repr__(self) -> str:
        return f"DashboardClient({failures.place(self._target)})"

    async def version(self) -> RayVersion:  # noqa: D102
        return await self._read("/api/version", parse_version)

    async def gcs_alive(self) -> bool:
        """Whether GCS answered the head's own health check; one that failed raises `Unreachable` with the layer gcs."""
        return await self._read("/api/gcs_healthz", parse_health, self._health_timeout)

    async def authentication(self) -> str | None:
        """What Ray asks of whoever calls: `token` or `disabled`; none before Ray 2.52, which knows of no token.

        Public, so without one.
        """
        try:
            return await self._read("/api/authentication_mode", parse_authentication, self._health_timeout)
        except NotFound:
            return None

    async def nodes(self) -> Rows[Node]:  # noqa: D102
        return await self._read(f"/api/v0/nodes?limit={STATE_LIMIT}&detail=1", parse_nodes)

    async def node_stats(self) -> Mapping[str, Node]:  # noqa: D102
        return await self._read("/nodes?view=summary&nocache=1", parse_node_stats)

    async def usage(self) -> Usage:  # noqa: D102
        return await self._read("/api/cluster_status", parse_usage)

    async def jobs(self) -> Rows[Job]:  # noqa: D102
        return await self._read("/api/jobs/", parse_jobs)

    async def serve(self) -> Rows[ServeDeployment]:
        """Serve deployments; none when Ray was installed without Serve.

        A head's first call takes about 3 s: twice the deadline.
        """
        try:
            return await self._read("/api/serve/applications/", parse_serve, 2 * self._timeout)
        except NotFound:
            return Rows()

    async def events(self) -> Rows[RayEvent]:
        """Ray's events from `/events`; `/api/v0/cluster_events` fails for ever after the first node death."""
        return await self._read("/events", parse_events)

    async def log_files(self, node_id: str) -> tuple[str, ...]:  # noqa: D102
        names = await self._read(f"/api/v0/logs?{urlencode({'node_id': node_id})}", parse_log_files)
        if SERVE_FOLDER in names:
            # Ray's list does not look into folders by itself.
            query = urlencode({"node_id": node_id, "glob": f"{SERVE_FOLDER}*"})
            names = (*names, *await self._read(f"/api/v0/logs?{query}", parse_log_files))
        return tuple(sorted(name for name in names if not name.endswith("/")))

    async def log_tail(self, node_id: str, filename: str, lines: int) -> bytes:  # noqa: D102
        query = urlencode({"node_id": node_id, "filename": filename, "lines": lines})
        return await self._read(f"/api/v0/logs/file?{query}", bytes, 4 * self._timeout)

    async def log_stream(  # noqa: D102
        self, node_id: str, filename: str, lines: int, *, follow: bool = True
    ) -> AsyncIterator[bytes]:
        form = "stream" if follow else "file"
        path = f"/api/v0/logs/{form}?{urlencode({'node_id': node_id, 'filename': filename, 'lines': lines})}"
        stream = self._transport.stream(path)
        try:
            async for chunk in stream:
                yield chunk
        except TransportError as error:
            raise failures.of_trouble(error, self._target, path, self._timeout) from None
        except ErrorAnswer as error:
            raise failures.of_answer(error.response, self._target, path) or failures.garbage(
                self._target, path, "a page"
            ) from None
        finally:
            await stream.aclose()  # type: ignore[attr-defined] # an async generator: its connection ends with it

    async def close(self) -> None:  # noqa: D102
        await self._transport.close()

    async def _send(self, method: str, path: str, body: bytes, timeout: float, parse: Callable[[bytes], T]) -> T:
        try:
            answer = await self._transport.send(method, path, body, timeout)
        except TransportError as error:
            raise failures.of_trouble(error, self._target, path, timeout) from None
        failure = failures.of_answer(answer, self._target, path)
        if failure is not None:
            raise failure
        try:
            return parse(answer.body)
        except Garbage as error:
            raise failures.garbage(self._target, path, str(error)) from None

    async def _read(self, path: str, parse: Callable[[bytes], T], timeout: float | None = None) -> T:
        limit = self._timeout if timeout is None else timeout
        try:
            answer = await self._transport.get(path, limit)
        except TransportError as error:
            raise failures.of_trouble(error, self._target, path, limit) from None
        failure = failures.of_answer(answer, self._target, path)
        if failure is not None:
            raise failure
        known = self._last.get(path)
        if known is not None and known[0] == answer.body:
            return cast("T", known[1])
        try:
            # In a thread when it takes long: meanwhile keys are answered.
            read = await asyncio.to_thread(parse, answer.body) if len(answer.body) > BIG_BODY else parse(answer.body)
        except Garbage as error:
            raise failures.garbage(self._target, path, str(error)) from None
        if not path.startswith(UNREPEATED) and len(answer.body) <= KEPT_BODY:
            self._last[path] = (answer.body, read)
        return read


def connect(
    target: DashboardTarget, *, long_lived: bool, timeout: float = TIMEOUT_S, health_timeout: float = HEALTH_TIMEOUT_S
) -> DashboardClient:
    """A client for one question (`long_lived=False`, light to import) or for a life of polling."""
    wrong = problem_of(target.url)
    if wrong:
        raise ConfigurationError(
            f"the dashboard's address {sanitize(target.url)[:200]!r} cannot be used: {wrong}",
            hint="check the head's address",
        )
    transport: Transport
    try:
        if long_lived:
            from raytui.dashboard.pooled import PooledTransport

            transport = PooledTransport(target)
        else:
            from raytui.dashboard.oneshot import OneShotTransport

            transport = OneShotTransport(target)
    except TransportError as error:
        raise failures.of_trouble(error, target, "/", timeout) from None
    return DashboardClient(target, transport, timeout=timeout, health_timeout=health_timeout)
