"""What runs on Ray, and what Ray says happened: jobs, actors, Serve, events and log names, JSON in, core values out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from raytui.core.snapshot import Actor, Job, RayEvent, Rows, ServeDeployment
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


class _Replica(msgspec.Struct):
    state: str | None = None
    node_id: str | None = None


class _Deployment(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    replicas: list[_Replica] | None = None


class _ServeApplication(msgspec.Struct, Generic[R]):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    route_prefix: str | None = None
    deployments: dict[str, R] | None = None
    source: str | None = None


class _ServeAnswer(msgspec.Struct, Generic[R]):
    applications: dict[str, R]


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


def parse_serve(body: bytes) -> Rows[ServeDeployment]:
    """`/api/serve/applications/`: a row per deployment, and one for an application that failed before it had any.

    Raises `Garbage`.
    """
    try:
        applications = decode(body, _ServeAnswer[_ServeApplication[_Deployment]]).applications
        read = Read([row for key, application in applications.items() for row in _serve_rows(key, application)])
    except Garbage:
        read = _serve_each(decode_open(body, _ServeAnswer[object]).applications)
    return _all(read.rows, read.unreadable, read.first)


def _serve_each(applications: dict[str, object]) -> Read[ServeDeployment]:
    """What can be read of each application, and of each of its deployments."""
    rows: list[ServeDeployment] = []
    unreadable, first = 0, ""
    for key, item in applications.items():
        try:
            (application,) = each([item], _ServeApplication[object]).rows
            deployments = each((application.deployments or {}).values(), _Deployment)
            unreadable, first = unreadable + deployments.unreadable, first or deployments.first
        except Garbage as error:
            unreadable, first = unreadable + 1, first or str(error)
            continue
        known: _ServeApplication[_Deployment] = _ServeApplication(
            application.name, application.status, application.message, application.route_prefix
        )
        known.source = application.source
        known.deployments = {row.name or f"{key}-{n}": row for n, row in enumerate(deployments.rows)}
        rows += _serve_rows(key, known)
    if unreadable and not rows:
        raise Garbage(first)
    return Read(rows, unreadable, first)


def _serve_rows(key: str, application: _ServeApplication[_Deployment]) -> Iterator[ServeDeployment]:
    name, status, route = text(application.name or key), text(application.status), text(application.route_prefix)
    deployments, source = application.deployments or {}, text(application.source)
    if not deployments:
        yield ServeDeployment(name, status, "", status, text(application.message), 0, route, (), source)
    for label, deployment in deployments.items():
        running = [replica for replica in deployment.replicas or () if replica.state == "RUNNING"]
        nodes = tuple(text(replica.node_id) for replica in running if replica.node_id)
        message = text(deployment.message) or text(application.message)
        shown, state = text(deployment.name or label), text(deployment.status)
        yield ServeDeployment(name, status, shown, state, message, len(running), route, nodes, source)


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
    """`/api/v0/logs`: names of files, without folders, by name; raises `Garbage`."""
    groups = decode_open(body, _LogAnswer).data.result
    names = {name for listed in groups.values() for name in listed if isinstance(name, str)}
    return tuple(sorted(name for name in names if name and not name.endswith("/") and text(name) == name))
