"""What runs on Ray over HTTP: the State API's lists, and the Jobs API with the packages of working directories."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from raytui.core.errors import NotFound, OperationFailed, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Actor, Job, Rows
from raytui.core.observed.workload import PlacementGroup, RayWorker, Task, TaskCount
from raytui.core.protocols.dashboard import Workload
from raytui.core.serve import ServeState
from raytui.core.units import sanitize
from raytui.dashboard.activity import parse_actors, parse_jobs
from raytui.dashboard.decode import decode
from raytui.dashboard.serve import parse_serve_state
from raytui.dashboard.workload import parse_placement_groups, parse_task_counts, parse_tasks, parse_workers

T = TypeVar("T")
STATE_LIMIT = 10_000
"""The most rows that Ray's State API gives; more is answered with 400."""
SUBMIT_S = 30.0
"""How long Ray may take to take a job; a head's first one was measured at 4 s on a quiet machine."""
STACK_S = 20.0
"""How long a stack may take; py-spy needs seconds for a process with many threads."""
SERVE_S = 30.0
"""How long Serve may take to say what it runs, or to take a config: a head's first answer needs some seconds."""
UPLOAD_S = 300.0
"""How long a package of a working directory may take to be sent."""


def _as_text(body: bytes) -> str:
    return sanitize(body.decode(errors="replace"))


class _Stopped(msgspec.Struct):
    stopped: bool


class _Submitted(msgspec.Struct):
    job_id: str


class Read(Protocol):
    """Asks a path and reads the answer."""

    async def __call__(self, path: str, parse: Callable[[bytes], T], timeout: float | None = None) -> T:
        """The answer as `parse` reads it."""
        ...


class Send(Protocol):
    """Sends a body to a path and reads the answer; raises what an answer that is no 200 means, or one not of Ray's."""

    async def __call__(self, method: str, path: str, body: bytes, timeout: float, parse: Callable[[bytes], T]) -> T:
        """The answer as `parse` reads it."""
        ...


class WorkloadClient(Workload):
    """Ray's State API, always with its details (without them it holds no times and no causes), and its Jobs API."""

    def __init__(self, read: Read, send: Send, timeout: float) -> None:
        self._read = read
        self._send = send
        self._timeout = timeout

    async def actors(self, limit: int = 1000) -> Rows[Actor]:  # noqa: D102 - see Workload
        return await self._list("actors", limit, parse_actors)

    async def tasks(self, limit: int = 1000) -> Rows[Task]:  # noqa: D102 - see Workload
        return await self._list("tasks", limit, parse_tasks)

    async def task_counts(self) -> Rows[TaskCount]:  # noqa: D102 - see Workload
        return await self._list("tasks/summarize", STATE_LIMIT, parse_task_counts)

    async def placement_groups(self, limit: int = 1000) -> Rows[PlacementGroup]:  # noqa: D102 - see Workload
        return await self._list("placement_groups", limit, parse_placement_groups)

    async def workers(self, limit: int = 1000) -> Rows[RayWorker]:  # noqa: D102 - see Workload
        return await self._list("workers", limit, parse_workers)

    async def stack(self, node_id: str, ip: str, pid: int) -> str:  # noqa: D102 - see Workload
        # Ray before 2.5x knows the address alone.
        query = urlencode({"pid": pid, "ip": ip, "node_id": node_id, "native": 0})
        try:
            return await self._read(f"/worker/traceback?{query}", _as_text, STACK_S)
        except Unreachable as error:
            refused = _refused(error, f"the stack of process {pid} cannot be read")
            if isinstance(refused, OperationFailed):
                refused.hint = (
                    "Ray reads it with py-spy, which must be installed beside Ray and allowed to use ptrace (in a pod "
                    "the capability SYS_PTRACE)"
                )
            raise refused from None

    async def job(self, identity: str) -> Job:  # noqa: D102 - see Workload
        rows = await self._read(f"/api/jobs/{quote(identity, safe='')}", lambda body: parse_jobs(b"[" + body + b"]"))
        return rows[0]

    async def submit_job(self, identity: str, entrypoint: str, environment: Mapping[str, object]) -> None:  # noqa: D102 - see Workload
        asked = {"entrypoint": entrypoint, "submission_id": identity, "runtime_env": environment}
        try:
            await self._send("POST", "/api/jobs/", msgspec.json.encode(asked), SUBMIT_S, _submitted)
        except Unreachable as error:
            raise _refused(error, f"Ray did not take the job {identity}") from None

    async def stop_job(self, identity: str) -> bool:  # noqa: D102 - see Workload
        path = f"/api/jobs/{quote(identity, safe='')}/stop"
        return (await self._send("POST", path, b"{}", SUBMIT_S, _stopped)).stopped

    async def has_package(self, name: str) -> bool:  # noqa: D102 - see Workload
        try:
            await self._read(f"/api/packages/gcs/{name}", bytes)
        except NotFound:
            return False
        return True

    async def upload_package(self, name: str, data: bytes) -> None:  # noqa: D102 - see Workload
        try:
            await self._send("PUT", f"/api/packages/gcs/{name}", data, UPLOAD_S, bytes)
        except Unreachable as error:
            raise _refused(error, f"Ray did not take the package {name}") from None

    async def serve_state(self) -> ServeState:  # noqa: D102 - see ServeRest
        # A path of its own: an answer that repeats is kept by its path, as it was read.
        return await self._read("/api/serve/applications/?with=config", parse_serve_state, SERVE_S)

    async def apply_serve(self, config: dict[str, object]) -> None:  # noqa: D102 - see ServeRest
        try:
            await self._send("PUT", "/api/serve/applications/", msgspec.json.encode(config), SERVE_S, bytes)
        except Unreachable as error:
            raise _refused(error, "Serve did not take the config", "ServeRefused") from None

    async def _list(self, kind: str, limit: int, parse: Callable[[bytes], T]) -> T:
        """A list with its details; more than 1,000 rows may take Ray twice as long."""
        limit = max(1, min(limit, STATE_LIMIT))
        path = f"/api/v0/{kind}?limit={limit}&detail=1"
        return await self._read(path, parse, self._timeout * (2 if limit > 1000 else 1))


def _submitted(body: bytes) -> _Submitted:
    return decode(body, _Submitted)


def _stopped(body: bytes) -> _Stopped:
    return decode(body, _Stopped)


def _refused(error: Unreachable, what: str, reason: str = "JobRefused") -> RaytuiError:
    """Ray answers what it refuses with a server's error and the last line of its traceback, which says why."""
    if error.reason not in {"ServerError", "RequestRefused"}:
        return error
    body = error.message.partition(" with status ")[2].partition(": ")[2]
    return OperationFailed(f"{what}: {body or error.message}", hint="", reason=reason)
