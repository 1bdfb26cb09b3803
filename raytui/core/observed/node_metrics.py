"""What a Ray node measures of itself, and what of it says that the node is strained before it is lost.

Read from the node's own metrics address for the story of one node only: the answer is some hundred kilobytes, so no
look at a whole cluster asks for it. Every figure is none where the node does not tell it.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

LATE_S = 1.0
"""Seconds from which a late event loop or health check is worth saying. Ray answers both within some milliseconds; GCS
calls a node dead after five health checks of which each got no answer within 10 s."""
FULL = 0.95
"""The part of its memory in use from which a node is near its end: Ray kills workers from here on."""


class NodeMetrics(msgspec.Struct, frozen=True):
    """The figures of one node that tell of its health."""

    address: str
    """Host and port that answered."""
    session: str = ""
    """Ray's name of the life of the cluster that the node says it belongs to."""
    ip: str = ""
    """The address that the node says it has."""
    loop_lag: float | None = None
    """Seconds by which the slowest event loop of its Ray processes last began something late."""
    loop: str = ""
    """Ray's name of that event loop."""
    health_checks: int | None = None
    """Health checks that GCS made of nodes since it began; only a head tells it."""
    health_checks_late: int | None = None
    """Those of them that took longer than `LATE_S`."""
    health_check_mean: float | None = None
    """Seconds that one of them took on average."""
    memory_used: int | None = None
    """Bytes, of the pod or the machine."""
    memory_total: int | None = None
    shared_memory: int | None = None
    """Bytes of shared memory that are used on the node."""
    objects_in_shared_memory: int | None = None
    """Bytes of objects that lie in shared memory."""
    objects_on_disk: int | None = None
    """Bytes of objects that Ray put into files on disk since shared memory had no room for them."""


def strains(metrics: NodeMetrics) -> Iterator[str]:
    """What of these figures is not as it should be, as clauses; none of a node at ease."""
    if metrics.loop_lag is not None and metrics.loop_lag >= LATE_S:
        yield f"its event loop {metrics.loop} lagged by {_time(metrics.loop_lag)}"
    if metrics.health_checks_late:
        many = f"{metrics.health_checks_late:,} of {metrics.health_checks:,}"
        yield f"{many} health checks of nodes took longer than {LATE_S:g} s"
    used, total = metrics.memory_used, metrics.memory_total
    if used is not None and total and used / total >= FULL:
        yield f"{100 * used / total:.0f} % of its memory is in use"
    if metrics.objects_on_disk:
        yield f"objects of {_size(metrics.objects_on_disk)} lie on disk because shared memory had no room for them"


def measured(metrics: NodeMetrics) -> Iterator[tuple[str, str]]:
    """Each figure that the node reported, as its name and its words."""
    if metrics.loop_lag is not None:
        loop = f" ({metrics.loop})" if metrics.loop and metrics.loop_lag else ""
        yield "event loop lag", f"{_time(metrics.loop_lag)}{loop}"
    if metrics.health_checks:
        mean = f", {_time(metrics.health_check_mean)} on average" if metrics.health_check_mean is not None else ""
        late = "none" if not metrics.health_checks_late else f"{metrics.health_checks_late:,}"
        yield "health checks", f"{metrics.health_checks:,} of nodes{mean}, {late} longer than {LATE_S:g} s"
    if metrics.memory_used is not None:
        of = f" of {_size(metrics.memory_total)}" if metrics.memory_total else ""
        yield "memory", f"{_size(metrics.memory_used)}{of}"
    if metrics.shared_memory is not None:
        yield "shared memory", _size(metrics.shared_memory)
    if metrics.objects_in_shared_memory is not None:
        on_disk = f", {_size(metrics.objects_on_disk)} on disk" if metrics.objects_on_disk else ""
        yield "objects", f"{_size(metrics.objects_in_shared_memory)} in shared memory{on_disk}"


def metrics_document(metrics: NodeMetrics) -> dict[str, object]:
    """The figures as JSON; what the node did not tell is none."""
    return {
        "address": metrics.address,
        "event_loop_lag_seconds": metrics.loop_lag,
        "event_loop": metrics.loop or None,
        "health_checks": metrics.health_checks,
        "health_checks_late": metrics.health_checks_late,
        "health_check_mean_seconds": metrics.health_check_mean,
        "memory_used_bytes": metrics.memory_used,
        "memory_total_bytes": metrics.memory_total,
        "shared_memory_bytes": metrics.shared_memory,
        "objects_in_shared_memory_bytes": metrics.objects_in_shared_memory,
        "objects_on_disk_bytes": metrics.objects_on_disk,
        "strains": list(strains(metrics)),
    }


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= LATE_S else f"{1000 * seconds:.3g} ms"


def _size(count: int) -> str:
    if not count:
        return "none"
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
