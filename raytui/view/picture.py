"""What both front ends draw: the last snapshot judged and joined, with what is remembered of earlier ones.

Advancing a picture is a pure step from snapshot to snapshot. Remembered is only what an operator misses when the
data goes away: the rows last seen, the last figures of a node, what changed.
"""

from __future__ import annotations

import msgspec

from raytui.core.changes.snapshots import changes
from raytui.core.clusters import ClusterSummary
from raytui.core.conditions import Assessment, assess
from raytui.core.events import Event
from raytui.core.observed.catalog import Catalog
from raytui.core.observed.joined import Joined, join
from raytui.core.observed.snapshot import Reading, Snapshot
from raytui.view import capacity
from raytui.view.capacity import Capacity

SAMPLES = 12
"""CPU samples kept of each node."""
EVENTS = 200
"""Changes kept."""


class Picture(msgspec.Struct, frozen=True):
    """Everything that is drawn of a cluster."""

    snapshot: Snapshot
    assessment: Assessment
    known: Snapshot
    """The last snapshot in which the platform listed the applications."""
    samples: dict[str, tuple[tuple[float, float], ...]] = {}
    """By node id: when a CPU figure was sampled, and its percent; oldest first."""
    events: tuple[Event, ...] = ()
    """What changed while somebody watched, oldest first."""
    certain_at: float = 0.0
    """When the verdict was last something else than unknown; 0 when it never was."""
    catalog: Catalog = Catalog()
    """What the workbench offers, where a list was asked for that is of no cluster."""

    clusters: Reading[tuple[ClusterSummary, ...]] = Reading()
    """The cluster among others, where there are several, the worst first at the moment they were put in order."""
    capacity: Capacity = Capacity()
    """How full the cluster is, and was."""

    @property
    def joined(self) -> Joined:
        """Applications and nodes of the last snapshot that listed any, by id and by name."""
        return join(self.known)

    def short(self, name: str) -> str:
        """`worker-1` for `CLUSTER-worker-1`, as every table shows it."""
        return name.removeprefix(f"{self.snapshot.cluster}-")


def is_equal(before: Picture | None, after: Picture) -> bool:
    """Whether `after`, which `advance` made of `before`, shows the same; only the age of the data differs."""
    # What has not changed is the very same object.
    return before is not None and after.assessment is before.assessment


def picture_of(snapshot: Snapshot) -> Picture:
    """The picture of one look, with nothing remembered."""
    return advance(None, snapshot)


def advance(before: Picture | None, snapshot: Snapshot) -> Picture:
    """The picture after one more snapshot.

    The same judgement and events, as objects, when nothing but the clock changed.
    """
    # What has not changed since the snapshot before need not be joined and judged again.
    join(snapshot, before.snapshot if before is not None else None)
    since = {(c.subject, c.reason): c.since for c in before.assessment.conditions} if before else {}
    waited = {one.key: one.since for one in before.assessment.waiting} if before else None
    assessment = assess(snapshot, since, waited, before.assessment.deleting if before else None)
    certain = snapshot.observed_at if assessment.verdict != "unknown" else before.certain_at if before else 0.0
    if before is not None and assessment == before.assessment and snapshot.content() == before.snapshot.content():
        return msgspec.structs.replace(before, snapshot=snapshot, certain_at=certain)
    known = snapshot if snapshot.applications.value is not None or before is None else before.known
    events = (
        (*before.events, *changes((before.snapshot, before.assessment), (snapshot, assessment)))[-EVENTS:]
        if before
        else ()
    )
    full = _filled(before, snapshot)
    return Picture(snapshot, assessment, known, _sampled(before, snapshot), events, certain, capacity=full)


def _filled(before: Picture | None, snapshot: Snapshot) -> Capacity:
    """How full it is now; what was known last while nobody tells, and anew where it was not known."""
    past = before.capacity if before is not None else Capacity()
    if snapshot.nodes.value is None:
        return Capacity(history=past.history)
    return capacity.advance(past, join(snapshot), snapshot.observed_at)


def _sampled(before: Picture | None, snapshot: Snapshot) -> dict[str, tuple[tuple[float, float], ...]]:
    samples = before.samples if before is not None else {}
    if snapshot.nodes.value is None or (before is not None and before.snapshot.nodes.value is snapshot.nodes.value):
        return samples
    joined = join(snapshot)
    old = join(before.snapshot) if before is not None else None
    kept = samples.copy()
    if old is None or not joined.has_nodes_of(old):
        for node_id in samples.keys() - joined.nodes.keys():
            del kept[node_id]
    for node in joined.nodes_since(old) if old is not None else joined.nodes.values():
        if node.cpu_percent is None or node.state != "ALIVE":
            continue
        past = samples.get(node.node_id, ())
        if not past or past[-1][0] < node.sampled_at:
            kept[node.node_id] = (*past, (node.sampled_at, node.cpu_percent))[-SAMPLES:]
    return kept
