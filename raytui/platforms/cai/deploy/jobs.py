"""Jobs of a project: made or updated by name, run once, watched to the end, with the reason when a run fails."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from raytui.core.errors import DeadlineExceeded, Unreachable
from raytui.core.units import parse_time
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.api.exactly_once import Create, Listing
from raytui.platforms.cai.applications.records import environment_of
from raytui.platforms.cai.site.usage import why_ended
from raytui.system.backoff import Backoff

RunState = Literal[
    "scheduling", "starting", "running", "stopping", "stopped", "succeeded", "failed", "timedout", "skipped", "unknown"
]
FINAL: frozenset[RunState] = frozenset({"stopped", "succeeded", "failed", "timedout", "skipped"})
_STATES: dict[str, RunState] = {
    "scheduling": "scheduling",
    "starting": "starting",
    "running": "running",
    "stopping": "stopping",
    "stopped": "stopped",
    "succeeded": "succeeded",
    "success": "succeeded",
    "failed": "failed",
    "failure": "failed",
    "timedout": "timedout",
    "skipped": "skipped",
}
SLOWEST_POLL_S = 1.0
"""Seconds between two looks at a run."""
_IDENTITY = "RAYTUI_JOB_RUN"
"""Variable of a run by which a run whose create was not answered is found again."""


class JobSpec(msgspec.Struct, frozen=True):
    """What a job shall be."""

    name: str
    script: str
    """Path in the project; it must be there already."""
    runtime_identifier: str
    cpu: float = 1.0
    memory: float = 4.0
    """GB."""
    gpus: int = 0
    environment: dict[str, str] = {}
    """Never holds a secret: whoever sees the project reads it."""
    arguments: str = ""
    """Reaches the script as the variable JOB_ARGUMENTS."""
    timeout_minutes: int = 0
    """0 leaves it to the workbench."""


class Run(msgspec.Struct, frozen=True):
    """One run of a job."""

    id: str
    state: RunState
    raw_state: str
    created_at: float
    finished_at: float
    environment: dict[str, str] = {}


async def ensure(client: ApiClient, spec: JobSpec) -> tuple[str, bool]:
    """Make the job, or bring the one of exactly this name up to date; its id, and whether it was made now."""
    found = await _find(client, spec.name)
    if found is not None:
        await client.call("UpdateJob", {"job_id": found, "name": spec.name}, body=_update_body(spec))
        return found, False
    body = {**_body(spec), "project_id": client.workbench.project_id, "environment": spec.environment}

    async def find() -> Listing[str]:
        return Listing(await _find(client, spec.name))

    made = Create(
        client, "CreateJob", {"name": spec.name}, body, what=f"the job {spec.name} was made", parse=_id_of, find=find
    )
    return await made.run(), True


async def start(client: ApiClient, job_id: str, name: str, environment: Mapping[str, str] | None = None) -> Run:
    """Begin one run, exactly once; a run of the job that is under way already is taken instead."""
    running = await active(client, job_id, name)
    if running is not None:
        return running
    identity = secrets.token_hex(8)

    async def find() -> Listing[Run]:
        entries = await client.pages("ListJobRuns", "job_runs", {"job_id": job_id, "name": name})
        mine = [entry for entry in entries if environment_of(entry.get("environment")).get(_IDENTITY) == identity]
        return Listing(parse_run(mine[0]) if mine else None)

    body = {
        "project_id": client.workbench.project_id,
        "job_id": job_id,
        "environment": {**(environment or {}), _IDENTITY: identity},
    }
    ids = {"job_id": job_id, "name": name}
    return await Create(
        client, "CreateJobRun", ids, body, what=f"a run of the job {name} was begun", parse=_made_run, find=find
    ).run()


async def active(client: ApiClient, job_id: str, name: str) -> Run | None:
    """The newest run of a job that has not ended."""
    runs = await history(client, job_id, name)
    return next((run for run in runs if run.state not in FINAL), None)


async def history(client: ApiClient, job_id: str, name: str) -> list[Run]:
    """All runs of a job, the newest first."""
    entries = await client.pages("ListJobRuns", "job_runs", {"job_id": job_id, "name": name})
    return sorted((parse_run(entry) for entry in entries), key=lambda run: run.created_at, reverse=True)


async def watch(
    client: ApiClient,
    job_id: str,
    run: Run,
    name: str,
    *,
    timeout: float,
    progress: Callable[[str], None] = lambda _: None,
) -> Run:
    """Wait until a run has ended and answer it as it ended.

    Raises DeadlineExceeded after `timeout` seconds, the run goes on.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    # Whoever waits for a cluster waits for the end of this run: it is looked at more often than what may take hours.
    backoff = Backoff(client.timing.poll, min(client.timing.slowest_poll, SLOWEST_POLL_S))
    blind_since: float | None = None
    said = ""
    while run.state not in FINAL:
        if run.state != said:
            said = run.state
            progress(f"job {name} is {said}")
        if loop.time() >= end:
            raise DeadlineExceeded(
                f"waited {timeout:g} s for the job {name}; its run {run.id} is still {run.raw_state or run.state}",
                hint="a job over quota waits without an error; look at the job in the workbench and run it again: "
                "it goes on from there",
            )
        await asyncio.sleep(backoff.next())
        try:
            run = parse_run(await client.call("GetJobRun", {"job_id": job_id, "run_id": run.id, "name": name}))
            blind_since = None
        except Unreachable:
            blind_since = blind_since or loop.time()
            if loop.time() - blind_since > client.timing.patience:
                raise
    progress(f"job {name} {run.state}")
    return run


async def stop(client: ApiClient, job_id: str, run_id: str, name: str) -> None:
    """Ask a run to end; one that is gone is fine."""
    ids = {"job_id": job_id, "run_id": run_id, "name": name}
    outcome = await client.outcome("StopJobRun", ids)
    if outcome.kind not in {"ok", "absent", "conflict", "refused"}:
        raise client.error(outcome, "StopJobRun", ids)


async def delete(client: ApiClient, job_id: str, name: str) -> None:
    """Remove a job; one that is gone is fine."""
    ids = {"job_id": job_id, "name": name}
    outcome = await client.outcome("DeleteJob", ids)
    if outcome.kind not in {"ok", "absent"}:
        raise client.error(outcome, "DeleteJob", ids)


async def failure_reason(client: ApiClient, name: str, run: Run) -> str:
    """Why a run ended badly, as far as the platform tells; its own output is in the workbench only."""
    words = {
        "timedout": "it ran out of time",
        "stopped": "it was stopped",
        "skipped": "it was skipped: an earlier run was still going",
    }
    return words.get(run.state) or await why_ended(client, name, "job", run.created_at) or "its script failed"


def parse_run(entry: Mapping[str, object]) -> Run:
    """One entry of the list; an unknown status word is unknown and never final."""
    raw = str(entry.get("status") or "")
    return Run(
        str(entry.get("id") or ""),
        _STATES.get(raw.lower().removeprefix("engine_"), "unknown"),
        raw,
        parse_time(str(entry.get("created_at") or "")),
        parse_time(str(entry.get("finished_at") or "")),
        environment_of(entry.get("environment")),
    )


async def _find(client: ApiClient, name: str) -> str | None:
    entries = [entry for entry in await client.pages("ListJobs", "jobs") if entry.get("name") == name]
    return str(min(entries, key=lambda entry: str(entry.get("created_at") or "")).get("id")) if entries else None


def _body(spec: JobSpec) -> dict[str, object]:
    body: dict[str, object] = {
        "name": spec.name,
        "script": spec.script,
        "cpu": spec.cpu,
        "memory": spec.memory,
        "nvidia_gpu": spec.gpus,
        "runtime_identifier": spec.runtime_identifier,
        "arguments": spec.arguments,
    }
    return body | ({"timeout": spec.timeout_minutes} if spec.timeout_minutes else {})


def _update_body(spec: JobSpec) -> dict[str, object]:
    """The same for an update, where the environment and int64 numbers are strings."""
    body = {**_body(spec), "environment": msgspec.json.encode(spec.environment).decode()}
    return body | ({"timeout": str(spec.timeout_minutes)} if spec.timeout_minutes else {})


def _id_of(payload: Mapping[str, object]) -> str | None:
    return str(payload.get("id") or "") or None


def _made_run(payload: Mapping[str, object]) -> Run | None:
    run = parse_run(payload)
    return run if run.id else None
