"""What runs on Ray, and what Ray says happened: jobs, actors, Serve, events and log names, JSON in, core values out."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec

from raytui.core.snapshot import Actor, Job, RayEvent, ServeDeployment
from raytui.core.units import parse_time
from raytui.dashboard.decode import decode, seconds, text

REPEAT_S = 600.0
"""An event that repeats within this many seconds tells of the same trouble: a full disk every 10 s, missing capacity every 35 s."""
_CHANGING = {"Out of Disk"}
"""Labels of events that repeat with other numbers in the same sentence."""


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
    metadata: dict[str, Any] | None = None


class _ActorRow(msgspec.Struct):
    actor_id: str
    class_name: str | None = None
    state: str | None = None
    name: str | None = None
    node_id: str | None = None
    pid: int | None = None
    job_id: str | None = None


class _ActorRows(msgspec.Struct):
    result: list[_ActorRow]
    total: int = 0


class _ActorList(msgspec.Struct):
    result: _ActorRows


class _ActorAnswer(msgspec.Struct):
    data: _ActorList


class _Replica(msgspec.Struct):
    state: str | None = None


class _Deployment(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    replicas: list[_Replica] | None = None


class _ServeApplication(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    message: str | None = None
    route_prefix: str | None = None
    deployments: dict[str, _Deployment] | None = None


class _ServeAnswer(msgspec.Struct):
    applications: dict[str, _ServeApplication]


class _Event(msgspec.Struct, rename="camel"):
    message: str | None = None
    severity: str | None = None
    source_type: str | None = None
    label: str | None = None
    timestamp: float | str | None = None
    custom_fields: dict[str, Any] | None = None


class _Events(msgspec.Struct):
    events: dict[str, list[_Event]]


class _EventAnswer(msgspec.Struct):
    data: _Events


class _LogList(msgspec.Struct):
    result: dict[str, list[str]]


class _LogAnswer(msgspec.Struct):
    data: _LogList


def parse_jobs(body: bytes) -> tuple[Job, ...]:
    """`/api/jobs/`, newest first; a job without a start is newest of all; raises `Garbage`."""
    jobs = [_job(row) for row in decode(body, list[_Job])]
    return tuple(sorted(jobs, key=lambda job: (job.started_at or math.inf, job.id), reverse=True))


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
    )


def parse_actors(body: bytes) -> tuple[tuple[Actor, ...], int]:
    """`/api/v0/actors`: those sent, and how many there are in all; raises `Garbage`."""
    answer = decode(body, _ActorAnswer).data.result
    actors = tuple(
        Actor(
            text(row.actor_id),
            text(row.class_name),
            text(row.state),
            name=text(row.name),
            node_id=text(row.node_id),
            pid=row.pid or 0,
            job_id=text(row.job_id),
        )
        for row in answer.result
    )
    return actors, max(answer.total, len(actors))


def parse_serve(body: bytes) -> tuple[ServeDeployment, ...]:
    """`/api/serve/applications/`: a row per deployment, and one for an application that failed before it had any; raises `Garbage`."""
    found: list[ServeDeployment] = []
    for key, application in decode(body, _ServeAnswer).applications.items():
        name, status, route = text(application.name or key), text(application.status), text(application.route_prefix)
        deployments = application.deployments or {}
        if not deployments:
            found.append(ServeDeployment(name, status, "", status, text(application.message), 0, route))
        for label, deployment in deployments.items():
            running = sum(replica.state == "RUNNING" for replica in deployment.replicas or ())
            message = text(deployment.message) or text(application.message)
            found.append(ServeDeployment(name, status, text(deployment.name or label), text(deployment.status), message, running, route))
    return tuple(found)


def parse_events(body: bytes) -> tuple[RayEvent, ...]:
    """`/events`, oldest first; of an event that repeats without a pause only the first is kept: it says since when; raises `Garbage`."""
    groups = decode(body, _EventAnswer).data.events
    events = sorted((_event(row) for rows in groups.values() for row in rows), key=lambda event: event.at)
    kept: list[RayEvent] = []
    last_seen: dict[tuple[str, ...], float] = {}
    for event in events:
        words = re.sub(r"[\d.]+", "#", event.message) if event.label in _CHANGING else event.message
        key = (event.source, event.label, event.node_id, event.severity, words)
        if key not in last_seen or event.at - last_seen[key] > REPEAT_S:
            kept.append(event)
        last_seen[key] = event.at
    return tuple(kept)


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
    groups = decode(body, _LogAnswer).data.result
    return tuple(sorted({name for names in groups.values() for name in names if name and not name.endswith("/") and text(name) == name}))
