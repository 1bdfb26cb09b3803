"""Ray's State API about what runs: tasks, placement groups and worker processes, JSON in, core values out.

Ray 2.9.3 leaves out what later versions tell, and 2.60 sends null for whatever it does not know yet: every field but
the identity may be missing.
"""

from __future__ import annotations

import msgspec

from raytui.core.observed.snapshot import Rows
from raytui.core.observed.workload import Bundle, PlacementGroup, RayWorker, Task, TaskCount
from raytui.dashboard.decode import decode_open, each, finite, seconds, text
from raytui.dashboard.payloads import state_rows


class _Change(msgspec.Struct, gc=False):
    state: str | None = None
    created_ms: float | None = None


class _RuntimeEnv(msgspec.Struct, gc=False):
    serialized_runtime_env: str | None = None


class _Fallback(msgspec.Struct, gc=False):
    label_selector: dict[str, str] | None = None


class _Fallbacks(msgspec.Struct, gc=False):
    options: list[_Fallback] | None = None


class _TaskIdentity(msgspec.Struct, gc=False):
    task_id: str
    name: str | None = None
    state: str | None = None


class _TaskRow(_TaskIdentity, gc=False):
    attempt_number: int | None = None
    func_or_class_name: str | None = None
    type: str | None = None
    job_id: str | None = None
    actor_id: str | None = None
    parent_task_id: str | None = None
    node_id: str | None = None
    worker_id: str | None = None
    worker_pid: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    creation_time_ms: float | None = None
    start_time_ms: float | None = None
    end_time_ms: float | None = None
    required_resources: dict[str, float] | None = None
    label_selector: dict[str, str] | None = None
    fallback_strategy: object = None
    placement_group_id: str | None = None
    runtime_env_info: _RuntimeEnv | None = None
    events: list[_Change] | None = None


class _BundleId(msgspec.Struct, gc=False):
    bundle_index: int | None = None


class _BundleRow(msgspec.Struct, gc=False):
    bundle_id: _BundleId | None = None
    unit_resources: dict[str, float] | None = None
    node_id: str | None = None
    label_selector: dict[str, str] | None = None


class _Placing(msgspec.Struct, gc=False):
    creation_request_received_ns: float | None = None
    scheduling_state: str | None = None
    scheduling_attempt: int | None = None


class _GroupIdentity(msgspec.Struct, gc=False):
    placement_group_id: str
    name: str | None = None
    state: str | None = None


class _GroupRow(_GroupIdentity, gc=False):
    creator_job_id: str | None = None
    strategy: str | None = None
    bundles: list[_BundleRow] | None = None
    is_detached: bool | None = None
    stats: _Placing | None = None


class _WorkerIdentity(msgspec.Struct, gc=False):
    worker_id: str
    is_alive: bool | None = None


class _WorkerRow(_WorkerIdentity, gc=False):
    worker_type: str | None = None
    exit_type: str | None = None
    exit_detail: str | None = None
    node_id: str | None = None
    ip: str | None = None
    pid: int | None = None
    start_time_ms: float | None = None
    worker_launched_time_ms: float | None = None
    end_time_ms: float | None = None


class _Count(msgspec.Struct, gc=False):
    func_or_class_name: str | None = None
    type: str | None = None
    state_counts: dict[str, int] | None = None


class _Cluster(msgspec.Struct):
    summary: dict[str, object] | None = None


class _Counts(msgspec.Struct):
    node_id_to_summary: dict[str, _Cluster]


class _CountResult(msgspec.Struct):
    result: _Counts


class _CountData(msgspec.Struct):
    result: _CountResult


class _CountAnswer(msgspec.Struct):
    data: _CountData


def parse_tasks(body: bytes) -> Rows[Task]:
    """`/api/v0/tasks?detail=1`, in Ray's order; raises `Garbage`."""
    read, total = state_rows(body, _TaskRow, _TaskIdentity)
    return Rows(map(_task, read.rows), total=total, unreadable=read.unreadable, first_unreadable=read.first)


def _task(row: _TaskIdentity) -> Task:
    name, state = text(row.name), text(row.state)
    if not isinstance(row, _TaskRow):
        return Task(text(row.task_id), name, state)
    changes = [change for change in row.events or () if change.state == row.state]
    return Task(
        task_id=text(row.task_id),
        name=name or text(row.func_or_class_name),
        state=state,
        type=text(row.type),
        attempt=row.attempt_number or 0,
        job_id=text(row.job_id),
        actor_id=text(row.actor_id),
        parent_id=text(row.parent_task_id),
        node_id=text(row.node_id),
        worker_id=text(row.worker_id),
        pid=row.worker_pid or 0,
        error_type=text(row.error_type),
        message=text(row.error_message),
        created_at=seconds(row.creation_time_ms, 1000),
        started_at=seconds(row.start_time_ms, 1000),
        ended_at=seconds(row.end_time_ms, 1000),
        since=seconds(changes[-1].created_ms, 1000) if changes else 0.0,
        resources=amounts(row.required_resources),
        label_selector=labels(row.label_selector),
        fallbacks=fallbacks(row.fallback_strategy),
        placement_group_id=text(row.placement_group_id),
        has_runtime_env=row.runtime_env_info is not None
        and is_environment(row.runtime_env_info.serialized_runtime_env),
    )


def parse_task_counts(body: bytes) -> Rows[TaskCount]:
    """`/api/v0/tasks/summarize`, by name; raises `Garbage`."""
    clusters = decode_open(body, _CountAnswer).data.result.result.node_id_to_summary
    read = each((row for cluster in clusters.values() for row in (cluster.summary or {}).values()), _Count)
    counts = [
        TaskCount(
            text(row.func_or_class_name),
            text(row.type),
            {text(state): count for state, count in (row.state_counts or {}).items()},
        )
        for row in read.rows
    ]
    counts.sort(key=lambda count: (count.name, count.type))
    return Rows(counts, total=len(counts) + read.unreadable, unreadable=read.unreadable, first_unreadable=read.first)


def parse_placement_groups(body: bytes) -> Rows[PlacementGroup]:
    """`/api/v0/placement_groups?detail=1`, in Ray's order; raises `Garbage`."""
    read, total = state_rows(body, _GroupRow, _GroupIdentity)
    return Rows(map(_group, read.rows), total=total, unreadable=read.unreadable, first_unreadable=read.first)


def _group(row: _GroupIdentity) -> PlacementGroup:
    if not isinstance(row, _GroupRow):
        return PlacementGroup(text(row.placement_group_id), text(row.name), text(row.state))
    placing = row.stats or _Placing()
    return PlacementGroup(
        placement_group_id=text(row.placement_group_id),
        name=text(row.name),
        state=text(row.state),
        job_id=text(row.creator_job_id),
        strategy=text(row.strategy),
        bundles=tuple(_bundle(n, bundle) for n, bundle in enumerate(row.bundles or ())),
        scheduling=text(placing.scheduling_state),
        attempts=placing.scheduling_attempt or 0,
        is_detached=bool(row.is_detached),
        created_at=seconds(placing.creation_request_received_ns, 1e9),
    )


def _bundle(place: int, row: _BundleRow) -> Bundle:
    index = row.bundle_id.bundle_index if row.bundle_id is not None else None
    return Bundle(
        place if index is None else index, amounts(row.unit_resources), text(row.node_id), labels(row.label_selector)
    )


def parse_workers(body: bytes) -> Rows[RayWorker]:
    """`/api/v0/workers?detail=1`, in Ray's order; raises `Garbage`."""
    read, total = state_rows(body, _WorkerRow, _WorkerIdentity)
    return Rows(map(_worker, read.rows), total=total, unreadable=read.unreadable, first_unreadable=read.first)


def _worker(row: _WorkerIdentity) -> RayWorker:
    if not isinstance(row, _WorkerRow):
        return RayWorker(text(row.worker_id), bool(row.is_alive))
    return RayWorker(
        worker_id=text(row.worker_id),
        is_alive=bool(row.is_alive),
        type=text(row.worker_type),
        node_id=text(row.node_id),
        ip=text(row.ip),
        pid=row.pid or 0,
        exit_type=text(row.exit_type),
        exit_detail=text(row.exit_detail),
        # What Ray does not know of a driver it sends as the largest number there is, which is no time.
        started_at=seconds(row.start_time_ms, 1000) or seconds(row.worker_launched_time_ms, 1000),
        ended_at=seconds(row.end_time_ms, 1000),
    )


def amounts(found: dict[str, float] | None) -> dict[str, float]:
    """Resources by true name, those that are numbers."""
    return {text(name): amount for name, amount in (found or {}).items() if finite(amount) is not None}


def labels(found: dict[str, str] | None) -> dict[str, str]:
    """Labels that a node must have."""
    return {text(name): text(value) for name, value in (found or {}).items()}


def fallbacks(found: object) -> tuple[dict[str, str], ...]:
    """The label selectors of Ray's `fallback_strategy`, or none of what is no such thing."""
    try:
        strategy = msgspec.convert(found, _Fallbacks, strict=False)
    except msgspec.ValidationError:
        return ()
    return tuple(labels(option.label_selector) for option in strategy.options or ())


def is_environment(serialized: str | None) -> bool:
    """Whether a serialized runtime environment holds anything."""
    return (serialized or "").strip() not in {"", "{}"}
