"""What Ray's dashboard answers about itself and its nodes, JSON in, core values out, without input or output.

The traps are Ray's own: `/nodes` blanks the identity of dead nodes, keeps their last figures for ever and turns every
key into camel case, users' own names too; `/api/v0/nodes` has the true names but no figures. So identity comes from the
one, figures from the other.
"""

from __future__ import annotations

import re
from typing import Generic, TypeVar

import msgspec

from raytui.core.observed.snapshot import Gpu, Node, NodeState, RayVersion, Rows
from raytui.dashboard.decode import (
    PIECE,
    Garbage,
    Read,
    decode,
    decode_open,
    decode_rows,
    each,
    finite,
    seconds,
    text,
    whole,
)

R = TypeVar("R")
MEGABYTE = 1024 * 1024
_REASONS = {
    "Expected termination": "EXPECTED_TERMINATION",
    "Unexpected termination": "UNEXPECTED_TERMINATION",
    "Terminated due to preemption": "AUTOSCALER_DRAIN_PREEMPTED",
    "Terminated due to idle (no Ray activity)": "AUTOSCALER_DRAIN_IDLE",
}
"""Ray's words before its sentence about a death (dashboard/utils.py, compose_state_message), and their reasons."""

_HEAD_RESOURCE = "node:__internal_head__"
"""What only a head offers, where Ray has no word for it in the row."""


class _Version(msgspec.Struct):
    ray_version: str
    session_name: str = ""


class _Authentication(msgspec.Struct, gc=False):
    authentication_mode: str


class _NodeIdentity(msgspec.Struct, gc=False):
    """What is kept of a row that cannot be read whole: a node that is missing from the list would count as lost."""

    node_id: str
    node_name: str | None = None
    is_head_node: bool | None = None
    state: str | None = None


class _NodeRow(_NodeIdentity, gc=False):
    node_ip: str | None = None
    state_message: str | None = None
    resources_total: dict[str, float] | None = None
    labels: dict[str, str] | None = None
    start_time_ms: float | None = None
    end_time_ms: float | None = None


class StateRows(msgspec.Struct, Generic[R]):
    """The rows of a list of Ray's State API."""

    result: list[R]
    total: object = 0
    """How many there are in all; `result` ends at the limit that was asked for."""
    num_after_truncation: object = 0


class _StateData(msgspec.Struct, Generic[R]):
    result: StateRows[R]


class StateAnswer(msgspec.Struct, Generic[R]):
    """An answer of Ray's State API (`/api/v0/…`)."""

    data: _StateData[R]


class _Death(msgspec.Struct, rename="camel", gc=False):
    reason: str | None = None
    reason_message: str | None = None


class _Raylet(msgspec.Struct, rename="camel", gc=False):
    node_id: str = ""
    state: str = ""
    object_store_used_memory: int | None = None
    object_store_available_memory: int | None = None
    death_info: _Death | None = None
    state_message: str | None = None
    node_name: str | None = None
    metrics_export_port: int | None = None


class _Disk(msgspec.Struct, gc=False):
    total: int | None = 0
    used: int | None = 0


class _Gpu(msgspec.Struct, rename="camel", gc=False):
    index: int | None = 0
    name: str | None = None
    utilization_gpu: float | None = None
    memory_used: float | None = None
    memory_total: float | None = None


class _Summary(msgspec.Struct, gc=False):
    raylet: _Raylet | None = None
    now: float | None = None
    cpu: float | None = None
    mem: list[float] | None = None
    disk: dict[str, _Disk] | None = None
    gpus: list[_Gpu] | None = None
    ip: str | None = None


class _SummaryList(msgspec.Struct, Generic[R]):
    summary: list[R]


class _SummaryAnswer(msgspec.Struct, Generic[R]):
    data: _SummaryList[R]


_SUMMARY = (re.compile(rb'"summary"\s*:\s*\['), b'"nodeLogicalResources"')
"""What the rows of `/nodes` stand between."""


class Figures(dict[str, Node]):
    """Physical figures by node id, and how many rows could not be read."""

    unreadable = 0
    first_unreadable = ""


def parse_version(body: bytes) -> RayVersion:
    """`/api/version`; raises `Garbage`."""
    answer = decode(body, _Version)
    return RayVersion(text(answer.ray_version), text(answer.session_name))


def parse_authentication(body: bytes) -> str:
    """`/api/authentication_mode`: `token` or `disabled`; raises `Garbage`."""
    return text(decode(body, _Authentication).authentication_mode)


def parse_health(body: bytes) -> bool:
    """`/api/gcs_healthz` with status 200; raises `Garbage` when something else than Ray answers."""
    if body.strip() != b"success":
        raise Garbage(f"a health check that says {body[:80].decode(errors='replace')!r} instead of 'success'")
    return True


def state_rows(body: bytes, kind: type[R], rest: type[R] | None = None) -> tuple[Read[R], int]:
    """The rows of a list of the State API and how many there are in all; raises `Garbage`."""
    try:
        answer = decode(body, StateAnswer[kind]).data.result  # type: ignore[valid-type]  # the kind is a value here
        return Read(answer.result), _count(answer.total, answer.num_after_truncation)
    except Garbage:
        open_rows = decode_open(body, StateAnswer[object]).data.result
        return each(open_rows.result, kind, rest), _count(
            open_rows.total, open_rows.num_after_truncation, len(open_rows.result)
        )


def _count(*values: object) -> int:
    return max(number if isinstance(number, int) else 0 for number in values)


def parse_nodes(body: bytes) -> Rows[Node]:
    """`/api/v0/nodes?detail=1`: identity and state under their true names, head first, then by start.

    Raises `Garbage`.
    """
    read, total = state_rows(body, _NodeRow, _NodeIdentity)
    rows = [_node(row) for row in read.rows]
    rows.sort(key=lambda node: (not node.is_head, node.started_at, node.name, node.node_id))
    return Rows(rows, total=total, unreadable=read.unreadable, first_unreadable=read.first)


def _node(row: _NodeIdentity) -> Node:
    if not isinstance(row, _NodeRow):
        return Node(text(row.node_id), text(row.node_name), "", _state(row.state), is_head=bool(row.is_head_node))
    reason, message = split_state_message(text(row.state_message))
    return Node(
        node_id=text(row.node_id),
        name=text(row.node_name),
        ip=text(row.node_ip),
        state=_state(row.state),
        is_head=bool(row.is_head_node) or _HEAD_RESOURCE in (row.resources_total or {}),
        reason=reason,
        message=message,
        started_at=seconds(row.start_time_ms, 1000),
        ended_at=seconds(row.end_time_ms, 1000),
        resources={
            text(name): amount for name, amount in (row.resources_total or {}).items() if finite(amount) is not None
        },
        labels={text(name): text(value) for name, value in (row.labels or {}).items()},
    )


def _state(word: str | None) -> NodeState:
    return "ALIVE" if word == "ALIVE" else "DEAD" if word == "DEAD" else "UNKNOWN"


def split_state_message(message: str) -> tuple[str, str]:
    """Ray's reason for a death and its sentence, from the two joined in `state_message`."""
    before, colon, after = message.partition(": ")
    reason = _REASONS.get(before, "")
    if not reason:
        return "", message
    return reason, after if colon else before


def parse_node_stats(body: bytes) -> Figures:
    """`/nodes?view=summary`: physical figures by node id, without those of dead nodes (Ray freezes them).

    Raises `Garbage`.
    """
    try:
        rows = (
            decode_rows(body, _Summary, *_SUMMARY)
            if len(body) > PIECE
            else decode(body, _SummaryAnswer[_Summary]).data.summary
        )
        read = Read(rows)
    except Garbage:
        read = each(decode_open(body, _SummaryAnswer[object]).data.summary, _Summary)
    found = Figures(
        {
            row.raylet.node_id: _stats(row, row.raylet)
            for row in read.rows
            if row.raylet is not None and row.raylet.node_id
        }
    )
    found.unreadable, found.first_unreadable = read.unreadable, read.first
    return found


def _stats(row: _Summary, raylet: _Raylet) -> Node:
    state = _state(raylet.state)
    death = raylet.death_info or _Death()
    known = Node(
        raylet.node_id,
        text(raylet.node_name),
        text(row.ip),
        state,
        reason=text(death.reason),
        message=text(death.reason_message),
        metrics_port=raylet.metrics_export_port or 0,
    )
    if state == "DEAD" or not row.now:
        return known
    memory = (
        row.mem
        if row.mem is not None and len(row.mem) >= 4 and all(finite(size) is not None for size in row.mem)
        else None
    )
    # A raylet that has not reported yet shows as 0 of 0.
    used, available = raylet.object_store_used_memory or 0, raylet.object_store_available_memory or 0
    reported = used + available > 0
    disk = _disk(row.disk or {})
    return msgspec.structs.replace(
        known,
        cpu_percent=finite(row.cpu),
        memory_total=whole(memory[0]) if memory else None,
        memory_used=whole(memory[3]) if memory else None,
        object_store_used=used if reported else None,
        object_store_total=used + available if reported else None,
        disk_used=disk.used if disk else None,
        disk_total=disk.total if disk else None,
        gpus=tuple(_gpu(gpu) for gpu in row.gpus or ()),
        sampled_at=seconds(row.now),
    )


def _disk(disks: dict[str, _Disk]) -> _Disk | None:
    """The disk of Ray's own folder when it is reported, where objects are spilled.

    In a pod Ray sends a dummy of one byte instead.
    """
    real = {path: disk for path, disk in disks.items() if (disk.total or 0) > 1}
    return next((disk for path, disk in real.items() if path != "/"), real.get("/"))


def _gpu(gpu: _Gpu) -> Gpu:
    used, total = (gpu.memory_used or 0) * MEGABYTE, (gpu.memory_total or 0) * MEGABYTE
    return Gpu(gpu.index or 0, text(gpu.name), finite(gpu.utilization_gpu), whole(used), whole(total))
