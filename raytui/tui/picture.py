"""What the panes draw: the last snapshot with what is remembered of earlier ones. Advancing it is a pure step from snapshot to snapshot.

Remembered is only what an operator misses when the evidence goes away: the rows last seen, the last figures of a node, what changed.
"""

from __future__ import annotations

import msgspec

from raytui.core.changes import changes
from raytui.core.conditions import Assessment, assess
from raytui.core.events import Event
from raytui.core.snapshot import Snapshot

SAMPLES = 12
"""CPU samples kept of each node."""
EVENTS = 200
"""Changes kept."""


class Picture(msgspec.Struct, frozen=True):
    """Everything the panes draw of a cluster."""

    snapshot: Snapshot
    assessment: Assessment
    known: Snapshot
    """The last snapshot in which the platform listed the applications."""
    samples: dict[str, tuple[tuple[float, float], ...]] = {}
    """By node id: when a CPU figure was sampled, and its percent; oldest first."""
    events: tuple[Event, ...] = ()
    """What changed while the console watched, oldest first."""
    certain_at: float = 0.0
    """When the verdict was last something else than unknown; 0 when it never was."""


def advance(before: Picture | None, snapshot: Snapshot) -> Picture:
    """The picture after one more snapshot; the same object when nothing but the clock changed."""
    since = {(c.subject, c.reason): c.since for c in before.assessment.conditions} if before else {}
    assessment = assess(snapshot, since)
    certain = snapshot.observed_at if assessment.verdict != "unknown" else before.certain_at if before else 0.0
    if before is not None and assessment == before.assessment and snapshot.content() == before.snapshot.content():
        return msgspec.structs.replace(before, snapshot=snapshot, certain_at=certain)
    known = snapshot if snapshot.applications.value is not None or before is None else before.known
    events = (*before.events, *changes((before.snapshot, before.assessment), (snapshot, assessment)))[-EVENTS:] if before else ()
    return Picture(snapshot, assessment, known, _sampled(before.samples if before else {}, snapshot), events, certain)


def is_equal(before: Picture | None, after: Picture) -> bool:
    """Whether two pictures show the same; only the age of the evidence differs."""
    if before is None:
        return False
    return after.assessment == before.assessment and after.events == before.events and after.snapshot.content() == before.snapshot.content()


def _sampled(samples: dict[str, tuple[tuple[float, float], ...]], snapshot: Snapshot) -> dict[str, tuple[tuple[float, float], ...]]:
    nodes = snapshot.nodes.value
    if nodes is None:
        return samples
    kept = {}
    for node in nodes:
        past = samples.get(node.node_id, ())
        if node.cpu_percent is not None and node.state == "ALIVE" and (not past or past[-1][0] < node.sampled_at):
            past = (*past, (node.sampled_at, node.cpu_percent))[-SAMPLES:]
        if past:
            kept[node.node_id] = past
    return kept
