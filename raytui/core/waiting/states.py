"""In which states tasks, actors and placement groups wait, and whether a snapshot tells of anything that may."""

from __future__ import annotations

from raytui.core.observed.snapshot import Snapshot

PENDING_TASK = "PENDING_NODE_ASSIGNMENT"
PENDING_ACTOR = frozenset({"PENDING_CREATION", "RESTARTING"})
PENDING_GROUP = frozenset({"PENDING", "RESCHEDULING"})


def may_wait(snapshot: Snapshot) -> bool:
    """Whether the scheduler or a list tells of anything in such a state; false where Ray's scheduler was not asked."""
    usage = snapshot.usage.value
    return usage is not None and bool(
        usage.pending
        or usage.demands
        or any(task.state == PENDING_TASK for task in snapshot.tasks.value or ())
        or any(actor.state in PENDING_ACTOR for actor in snapshot.actors.value or ())
        or any(group.state in PENDING_GROUP for group in snapshot.placement_groups.value or ())
    )
