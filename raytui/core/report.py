"""The documents of the contract: `status -o json` and its kin, made from core values by pure functions."""

from __future__ import annotations

from typing import Any

import msgspec

from raytui.core.conditions import Assessment, Condition, node_state
from raytui.core.errors import RaytuiError
from raytui.core.events import Event
from raytui.core.snapshot import Amount, Application, Snapshot
from raytui.core.units import rfc3339, rfc3339_or_none

SCHEMA_VERSION = 1
STALE_AFTER_S = 30.0
"""Evidence older than this is called stale."""


def status_document(snapshot: Snapshot, assessment: Assessment, now: float) -> dict[str, Any]:
    """The status of one cluster as contract section 3 defines it."""
    head, usage = snapshot.head, snapshot.usage.value
    nodes, jobs = snapshot.nodes.value or (), snapshot.jobs.value or ()
    resources = usage.resources if usage else {}
    age = max(0.0, now - snapshot.observed_at)
    broken = assessment.broken
    return {
        "schema_version": SCHEMA_VERSION,
        "cluster": snapshot.cluster,
        "profile": snapshot.profile,
        "platform": snapshot.platform,
        "phase": assessment.phase,
        "verdict": assessment.verdict,
        "observed_at": rfc3339(snapshot.observed_at),
        "age_s": round(age, 3),
        "stale": age > STALE_AFTER_S,
        "broken_link": None
        if broken is None
        else {"layer": broken.layer, "reason": broken.reason, "message": broken.message, "hint": broken.hint},
        "head": None if head is None else _application(snapshot, head),
        "workers": [_application(snapshot, worker) for worker in snapshot.workers],
        "nodes": {"alive": sum(node.state == "ALIVE" for node in nodes), "dead": sum(node.state == "DEAD" for node in nodes)},
        "resources": {
            "cpu": _amount(resources.get("CPU")),
            "gpu": _amount(resources.get("GPU")),
            "memory_bytes": _amount(resources.get("memory"), whole=True),
            "object_store_bytes": _amount(resources.get("object_store_memory"), whole=True),
        },
        "jobs": {
            "running": sum(job.status == "RUNNING" for job in jobs),
            "succeeded": sum(job.status == "SUCCEEDED" for job in jobs),
            "failed": sum(job.status == "FAILED" for job in jobs),
        },
        "conditions": [condition_document(condition) for condition in assessment.conditions],
        "ray_version": snapshot.version.value.ray_version if snapshot.version.value else _reported_version(head),
        "auth": {"mode": "token" if snapshot.token_file else "unknown", "token_file": snapshot.token_file or None},
    }


def condition_document(condition: Condition) -> dict[str, Any]:
    """One condition as contract section 3 defines it."""
    return {**msgspec.structs.asdict(condition), "since": rfc3339_or_none(condition.since)}


def event_document(event: Event) -> dict[str, Any]:
    """One event of `watch -o json` and `events -o json`."""
    plain = msgspec.structs.asdict(event)
    return {"schema_version": SCHEMA_VERSION, "type": "event", "time": rfc3339(plain.pop("at")), **plain}


def error_document(error: RaytuiError) -> dict[str, Any]:
    """An error as the one object on stdout."""
    return {
        "schema_version": SCHEMA_VERSION,
        "error": {
            "reason": error.reason,
            "message": error.message,
            "hint": error.hint,
            "problems": [msgspec.structs.asdict(problem) for problem in error.problems],
        },
    }


def list_document(items: list[dict[str, Any]], total: int | None = None, unreadable: int | None = None) -> dict[str, Any]:
    """A list with how many there are in all, and of Ray's lists how many of their rows could not be read."""
    whole = len(items) if total is None else total
    document = {"schema_version": SCHEMA_VERSION, "items": items, "truncated": whole > len(items), "total": whole}
    return document if unreadable is None else {**document, "unreadable": unreadable}


def _application(snapshot: Snapshot, app: Application) -> dict[str, Any]:
    node_id, state = node_state(snapshot, app)
    known: dict[str, Any] = {"application_id": app.id, "name": app.name, "state": app.state}
    if app.role == "worker":
        return {"index": app.index, **known, "node_id": node_id or None, "node_state": state}
    node = snapshot.node_of(app)
    address = (app.launcher.address if app.launcher else "") or (f"{node.ip}:{app.ray_port}" if node and app.ray_port else "")
    return {
        **known,
        "address": address or None,
        "dashboard_url": snapshot.dashboard_url or None,
        "node_id": node_id or None,
        "node_state": state,
    }


def _amount(amount: Amount | None, *, whole: bool = False) -> dict[str, float]:
    total, used = (amount.total, amount.used) if amount else (0.0, 0.0)
    return {"total": int(total), "used": int(used)} if whole else {"total": total, "used": used}


def _reported_version(head: Application | None) -> str | None:
    return (head.launcher.ray_version or None) if head is not None and head.launcher is not None else None
