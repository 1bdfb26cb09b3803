"""What runs on Ray, and what Ray says happened: jobs, actors, Serve, events and log names, JSON in, core values out."""

from __future__ import annotations

import math
import re
from typing import Generic, TypeVar

import msgspec

from raytui.core.observed.snapshot import Actor, Job, RayEvent, Rows
from raytui.core.units import parse_time
from raytui.dashboard.decode import Garbage, Read, decode, decode_open, each, seconds, text
from raytui.dashboard.payloads import state_rows
from raytui.dashboard.workload import amounts, fallbacks, is_environment, labels

R = TypeVar("R")
REPEAT_S = 600.0
"""An event that repeats within this many seconds tells of the same trouble: a full disk every 10 s, missing capacity
every 35 s."""
_CHANGING = {"Out of Disk"}
"""Labels of events that repeat with other numbers in the same sentence."""
_DEATHS = {
    "oom_context": "OUT_OF_MEMORY",
    "runtime_env_failed_context": "RUNTIME_ENV_SETUP_FAILED",
    "creation_task_failure_context": "CONSTRUCTOR_FAILED",
    "actor_unschedulable_context": "UNSCHEDULABLE",
}
"""Ray's kinds of an actor's death (`ActorDeathCause` in its common.proto) that give no reason of their own."""
_NODE_NAMED = re.compile(r"\b(?:Node Id|ID): ([0-9a-f]{56})\b")
"""Where Ray's text about a death names the node."""


class _Job(msgspec.Struct):
    submission_id: str | None = None
    job_id: str | None = None
    status: str | None = None
    entrypoint: str | None = None
    message: str | None = None
    error_type: str | None = None
    start_time: float | None = None
    end_time: float | None = None
    driver_node_id: str | None = None
    type: str | None = None
    driver_exit_code: int | None = None
    metadata: dict[str, object] | None = None


class _ActorRow(msgspec.Struct, gc=False):
    actor_id: str
    class_name: str | None = None
    state: str | None = None
    name: str | None = None
    node_id: str | None = None
    pid: int | None = None
    job_id: str | None = None
    death_cause: object = None
    num_restarts: int | None = None
    required_resources: dict[str, float] | None = None
    label_selector: dict[str, str] | None = None
    fallback_strategy: object = None
    placement_group_id: str | None = None
    serialized_runtime_env: str | None = None
    is_detached: bool | None = None


class _Death(msgspec.Struct):
    """What any of Ray's kinds of death tells."""

    error_message: str | None = None
    formatted_exception_string: str | None = None
    reason: str | None = None
    never_started: bool | None = None


_ALIVE = _Death()


class _Event(msgspec.Struct, rename="camel"):
    message: str | None = None
    severity: str | None = None
    source_type: str | None = None
    label: str | None = None
    timestamp: float | str | None = None
    custom_fields: dict[str, object] | None = None


class _Events(msgspec.Struct, Generic[R]):
    events: dict[str, R]


class _EventAnswer(msgspec.Struct, Generic[R]):
    data: _Events[R]


class _LogList(msgspec.Struct):
    result: dict[str, list[object]]


class _LogAnswer(msgspec.Struct):
    data: _LogList


def parse_jobs(body: bytes) -> Rows[Job]:
    """`/api/jobs/`, newest first; a job without a start is newest of all; raises `Garbage`."""
    try:
        read = Read(decode(body, list[_Job]))
    except Garbage:
        read = each(decode_open(body, list[object]), _Job)
    jobs = [_job(row) for row in read.rows]
    return _all(
        sorted(jobs, key=lambda job: (job.started_at or math.inf, job.id), reverse=True), read.unreadable, read.first
    )


def _all(rows: list[R], unreadable: int, first: str) -> Rows[R]:
    """Rows of an answer that holds all there are."""
    return Rows(rows, total=len(rows) + unreadable, unreadable=unreadable, first_unreadable=first)


def _job(row: _Job) -> Job:
    return Job(
        id=text(row.submission_id or row.job_id),
        status=text(row.status),
        entrypoint=text(row.entrypoint),
        message=text(row.message),
        error_type=text(row.error_type),
        started_at=seconds(row.start_time, 1000),
        ended_at=seconds(row.end_time, 1000),
        driver_node_id=text(row.driver_node_id),
        type=text(row.type),
        driver_exit_code=row.driver_exit_code,
        metadata={text(name): text(str(value)) for name, value in (row.metadata or {}).items()},
        job_id=text(row.job_id),
    )


def parse_actors(body: bytes) -> Rows[Actor]:
    """`/api/v0/actors`: those sent, and how many there are in all; raises `Garbage`."""
    read, total = state_rows(body, _ActorRow)
    return Rows(map(_actor, read.rows), total=total, unreadable=read.unreadable, first_unreadable=read.first)


def _actor(row: _ActorRow) -> Actor:
    kind, death = _death(row.death_cause)
    message = text(death.error_message) or text(death.formatted_exception_string)
    named = _NODE_NAMED.search(message)
    return Actor(
        text(row.actor_id),
        text(row.class_name),
        text(row.state),
        name=text(row.name),
        node_id=text(row.node_id),
        pid=row.pid or 0,
        job_id=text(row.job_id),
        message=message,
        death=kind,
        never_started=bool(death.never_started),
        died_on=named[1] if named is not None and row.state == "DEAD" else "",
        restarts=row.num_restarts or 0,
        resources=amounts(row.required_resources),
        label_selector=labels(row.label_selector),
        fallbacks=fallbacks(row.fallback_strategy),
        placement_group_id=text(row.placement_group_id),
        has_runtime_env=is_environment(row.serialized_runtime_env),
        is_detached=row.is_detached,
    )


def _death(cause: object) -> tuple[str, _Death]:
    """Ray's `death_cause`: one field, named after the kind of death, with what it tells; empty when nobody died."""
    if not isinstance(cause, dict):
        return "", _ALIVE
    for context, detail in cause.items():
        try:
            death = msgspec.convert(detail, _Death, strict=False)
        except msgspec.ValidationError:
            death = _Death()
        return _DEATHS.get(context) or text(death.reason) or context.upper(), death
    return "", _Death()


def parse_events(body: bytes) -> Rows[RayEvent]:
    """`/events`, oldest first; of an event that repeats without a pause only the first is kept: it says since when.

    Raises `Garbage`.
    """
    try:
        groups = decode(body, _EventAnswer[list[_Event]]).data.events
        read = Read([row for rows in groups.values() for row in rows])
    except Garbage:
        open_groups = decode_open(body, _EventAnswer[object]).data.events
        read = each(
            (row for rows in open_groups.values() for row in (rows if isinstance(rows, list) else [rows])), _Event
        )
    events = sorted((_event(row) for row in read.rows), key=lambda event: event.at)
    kept: list[RayEvent] = []
    last_seen: dict[tuple[str, ...], float] = {}
    for event in events:
        words = re.sub(r"[\d.]+", "#", event.message) if event.label in _CHANGING else event.message
        key = (event.source, event.label, event.node_id, event.severity, words)
        if key not in last_seen or event.at - last_seen[key] > REPEAT_S:
            kept.append(event)
        last_seen[key] = event.at
    return _all(kept, read.unreadable, read.first)


def _event(row: _Event) -> RayEvent:
    fields = row.custom_fields or {}
    node_id = fields.get("nodeId")
    return RayEvent(
        at=_moment(row.timestamp),
        severity=text(row.severity),
        source=text(row.source_type),
        message=text(row.message),
        label=text(row.label),
        node_id=text(node_id) if isinstance(node_id, str) else "",
    )


def _moment(value: float | str | None) -> float:
    """A time that Ray sends as a number (GCS) or as text (everybody else)."""
    if isinstance(value, str):
        try:
            return seconds(float(value))
        except ValueError:
            return parse_time(value)
    return seconds(value)


def parse_log_files(body: bytes) -> tuple[str, ...]:
    """`/api/v0/logs`: names of files by name, those of folders with a slash at their end; raises `Garbage`."""
    groups = decode_open(body, _LogAnswer).data.result
    names = {name for listed in groups.values() for name in listed if isinstance(name, str)}
    return tuple(sorted(name for name in names if name and text(name) == name))
