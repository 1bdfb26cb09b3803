"""Small builders of core values, so that a test names only what it is about."""

from __future__ import annotations

from typing import Any

from raytui.core.errors import Failure
from raytui.core.observed.snapshot import Application, Job, LauncherReport, Node, RayVersion, Reading, Snapshot, Usage
from raytui.core.spec import head_name, worker_name

NOW = 1_790_000_000.0
CLUSTER = "ray-cluster"


def application(index: int = 0, state: str = "running", **more: Any) -> Application:
    """A head (index 0) or worker of `ray-cluster`, running for ten minutes."""
    name = head_name(CLUSTER) if index == 0 else worker_name(CLUSTER, index)
    fields: dict[str, Any] = {
        "id": f"id-{index}",
        "name": name,
        "cluster": CLUSTER,
        "role": "head" if index == 0 else "worker",
        "index": index,
        "state": state,
        "created_at": NOW - 600,
        "started_at": NOW - 600,
        "ray_port": 6379,
        "dashboard_port": 8265,
    }
    return Application(**{**fields, **more})


def node(index: int = 0, state: str = "ALIVE", **more: Any) -> Node:
    """The Ray node of `application(index)`."""
    name = head_name(CLUSTER) if index == 0 else worker_name(CLUSTER, index)
    fields: dict[str, Any] = {
        "node_id": f"n{index}" * 8,
        "name": name,
        "ip": "127.0.0.1",
        "state": state,
        "is_head": index == 0,
        "started_at": NOW - 590,
    }
    return Node(**{**fields, **more})


def report(state: str = "alive", **more: Any) -> LauncherReport:
    """A fresh launcher report."""
    return LauncherReport(**{"state": state, "at": NOW - 5, **more})


def snapshot(applications: Any = None, nodes: Any = None, **more: Any) -> Snapshot:
    """A snapshot in which everything given was read just now; a Failure in place of a value is a failed reading."""

    def reading(value: Any) -> Reading[Any]:
        return Reading(failure=value, at=NOW) if isinstance(value, Failure) else Reading(value, at=NOW)

    defaults: dict[str, Any] = {"version": RayVersion("2.60.0", "session_1"), "gcs": True, "usage": Usage(), "jobs": ()}
    plain = {
        key: more.pop(key)
        for key in ("dashboard_url", "token_file", "dashboard", "observed_at", "operation", "platform")
        if key in more
    }
    readings = {key: reading(value) for key, value in {**defaults, **more}.items()}
    apps = (application(0), application(1)) if applications is None else applications
    ray = (node(0), node(1)) if nodes is None else nodes
    return Snapshot(
        cluster=CLUSTER,
        profile="local",
        platform=plain.pop("platform", "local"),
        observed_at=plain.pop("observed_at", NOW),
        applications=reading(apps),
        nodes=reading(ray),
        **plain,
        **readings,
    )


def job(status: str, identity: str = "job-1") -> Job:
    """A job in a state."""
    return Job(identity, status)
