"""The chain of links from here to Ray's GCS: which of them something went through, and the first that failed."""

from __future__ import annotations

from raytui.core.errors import LAYERS, Failure, Layer
from raytui.core.observed.snapshot import Snapshot


def answered(snapshot: Snapshot, broken: Failure | None) -> tuple[Layer, ...]:
    """The links that something went through: an answer, or a failure that only what lies behind them can give."""
    head = snapshot.head
    readings = (
        snapshot.version,
        snapshot.nodes,
        snapshot.usage,
        snapshot.jobs,
        snapshot.actors,
        snapshot.serve,
        snapshot.events,
        snapshot.tasks,
        snapshot.task_counts,
        snapshot.placement_groups,
        snapshot.ray_workers,
    )
    has_value = any(reading.value is not None for reading in readings)
    # The health check is public: it proves the way and the dashboard, not the login.
    health = snapshot.gcs.value is not None
    failed = {reading.failure.layer for reading in (*readings, snapshot.gcs) if reading.failure is not None}
    at_gcs = "gcs" in failed and (broken is None or broken.layer in {"gcs", "login"})
    found: dict[Layer, bool] = {
        "platform": snapshot.applications.value is not None and not snapshot.by_ray,
        "application": head is not None and head.state == "running" and not snapshot.by_ray,
        "network": has_value or health or bool(failed & {"login", "dashboard", "gcs"}),
        "login": has_value,
        "dashboard": has_value or health or at_gcs,
        "gcs": snapshot.gcs.value is True or snapshot.nodes.value is not None,
    }
    reached = LAYERS if broken is None else LAYERS[: LAYERS.index(broken.layer)]
    return tuple(layer for layer in reached if found[layer])


def first_failure(snapshot: Snapshot) -> Failure | None:
    """The first link behind the application that failed, in the order of the chain."""
    readings = (snapshot.version, snapshot.gcs, snapshot.nodes)
    failures = [reading.failure for reading in readings if reading.failure is not None]
    if snapshot.dashboard is not None:
        failures.append(snapshot.dashboard)
    if failures:
        return min(failures, key=lambda failure: LAYERS.index(failure.layer))
    if snapshot.nodes.value is None:
        return Failure("dashboard", "NotAsked", "the dashboard was not asked")
    return None
