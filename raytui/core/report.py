"""The documents of the contract: `status -o json` and its kin, made from core values by pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from raytui.core.condition import Condition
from raytui.core.conditions import Assessment
from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.events import Event
from raytui.core.observed.joined import Joined, join
from raytui.core.observed.snapshot import Amount, Application, Job, Snapshot, Usage
from raytui.core.remedy import Hint, as_commands
from raytui.core.units import rfc3339, rfc3339_or_none

SCHEMA_VERSION = 1
Document = dict[str, object]
"""A document of the contract before it is encoded."""
STALE_AFTER_S = 30.0
"""Data older than this is called stale."""


def status_document(snapshot: Snapshot, assessment: Assessment, now: float) -> Document:
    """The status of one cluster as contract section 3 defines it; what was not observed is none."""
    joined, head = join(snapshot), snapshot.head
    age = max(0.0, now - snapshot.observed_at)
    counts = joined.counts
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
        "broken_link": _link(assessment.broken),
        "links": dict(assessment.links()),
        "unchecked": _link(assessment.unchecked),
        "head": None if head is None else _application(joined, head),
        "workers": [_application(joined, worker) for worker in snapshot.workers],
        "nodes": {"alive": counts.alive, "dead": counts.dead},
        "unobserved_nodes": counts.unknown,
        "resources": _resources(snapshot.usage.value),
        "jobs": _jobs(snapshot.jobs.value),
        "conditions": [condition_document(condition) for condition in assessment.conditions],
        "waiting": None if snapshot.usage.value is None or snapshot.nodes.value is None else _waiting(assessment),
        "ray_version": snapshot.version.value.ray_version if snapshot.version.value else _reported_version(head),
        "auth": {"mode": "token", "token_file": snapshot.token_file} if snapshot.token_file else None,
        "operation": None
        if snapshot.operation is None
        else {**msgspec.structs.asdict(snapshot.operation), "since": rfc3339_or_none(snapshot.operation.since)},
    }


def _waiting(assessment: Assessment) -> list[Document]:
    if not assessment.waiting:
        return []
    from raytui.core.waiting.document import waiting_document

    return [waiting_document(waiting) for waiting in assessment.waiting]


class Advising(Protocol):
    """A value of the core that says what to do."""

    @property
    def hint(self) -> Hint:
        """What to do."""


def advised(item: Advising) -> Document:
    """A value as a document, its hint as text that names commands."""
    assert isinstance(item, msgspec.Struct)
    return {**msgspec.structs.asdict(item), "hint": as_commands(item.hint)}


def condition_document(condition: Condition) -> Document:
    """One condition as contract section 3 defines it, and whether it is about the cluster or the work on it."""
    return {
        **advised(condition),
        "since": rfc3339_or_none(condition.since),
        "about": "work" if condition.is_of_work else "cluster",
    }


def event_document(event: Event) -> Document:
    """One event of `watch -o json` and `events -o json`."""
    plain = msgspec.structs.asdict(event)
    return {"schema_version": SCHEMA_VERSION, "type": "event", "time": rfc3339(plain.pop("at")), **plain}


def error_document(error: RaytuiError) -> Document:
    """An error as the one object on stdout; of something unreachable also with the link that broke."""
    document: Document = {
        "reason": error.reason,
        "message": error.message,
        "hint": as_commands(error.hint),
        "problems": [advised(problem) for problem in error.problems],
    }
    if isinstance(error, Unreachable):
        failure = error.failure
        document["broken_link"] = {
            "layer": failure.layer,
            "message": failure.message,
            "hint": as_commands(failure.hint),
        }
    return {"schema_version": SCHEMA_VERSION, "error": document}


def list_document(
    items: Sequence[Mapping[str, object]], total: int | None = None, unreadable: int | None = None
) -> Document:
    """A list with how many there are in all, and of Ray's lists how many of their rows could not be read."""
    whole = len(items) if total is None else total
    document: Document = {
        "schema_version": SCHEMA_VERSION,
        "items": items,
        "truncated": whole > len(items),
        "total": whole,
    }
    return document if unreadable is None else {**document, "unreadable": unreadable}


def _link(failure: Failure | None) -> dict[str, str] | None:
    if failure is None:
        return None
    return {
        "layer": failure.layer,
        "reason": failure.reason,
        "message": failure.message,
        "hint": as_commands(failure.hint),
    }


def _resources(usage: Usage | None) -> dict[str, dict[str, float]] | None:
    """Totals and use; none when nobody reported, and while Ray's monitor has not written yet."""
    if usage is None or not usage.resources:
        return None
    return {
        "cpu": _amount(usage.resources.get("CPU")),
        "gpu": _amount(usage.resources.get("GPU")),
        "memory_bytes": _amount(usage.resources.get("memory"), whole=True),
        "object_store_bytes": _amount(usage.resources.get("object_store_memory"), whole=True),
    }


def _jobs(jobs: tuple[Job, ...] | None) -> dict[str, int] | None:
    if jobs is None:
        return None
    return {state.lower(): sum(job.status == state for job in jobs) for state in ("RUNNING", "SUCCEEDED", "FAILED")}


def _application(joined: Joined, app: Application) -> Document:
    node_id, state = joined.state_of(app)
    known: Document = {"application_id": app.id, "name": app.name, "state": app.state}
    if app.role == "worker":
        return {
            "index": None if joined.snapshot.by_ray else app.index,
            "group": app.group or None,
            **known,
            "node_id": node_id or None,
            "node_state": state,
        }
    node = joined.node_of(app)
    address = (app.launcher.address if app.launcher else "") or (
        f"{node.ip}:{app.ray_port}" if node and app.ray_port else ""
    )
    return {
        **known,
        "address": address or None,
        "dashboard_url": joined.snapshot.dashboard_url or None,
        "node_id": node_id or None,
        "node_state": state,
    }


def _amount(amount: Amount | None, *, whole: bool = False) -> dict[str, float]:
    total, used = (amount.total, amount.used) if amount else (0.0, 0.0)
    return {"total": int(total), "used": int(used)} if whole else {"total": total, "used": used}


def _reported_version(head: Application | None) -> str | None:
    return (head.launcher.ray_version or None) if head is not None and head.launcher is not None else None
