"""What must have been read before a verb can answer: a platform that lets us in, and a cluster on it."""

from __future__ import annotations

from raytui.core.errors import NotAllowed, NotFound, Unreachable
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import CREATE

_REFUSALS = {"KeyRefused", "NotAllowed"}
"""Reasons under which a snapshot carries what the platform raised as `NotAllowed`: a refused key is no broken line."""


def require_cluster(snapshot: Snapshot, *, must_exist: bool = True) -> None:
    """Raise `NotAllowed` for a refused key, `Unreachable` without an answer, `NotFound` without a cluster.

    Without `must_exist` an absent cluster is fine.
    """
    failure = snapshot.applications.failure
    if failure is not None:
        if failure.reason in _REFUSALS:
            raise NotAllowed(failure.message, hint=failure.hint, reason=failure.reason)
        raise Unreachable(failure)
    if not snapshot.applications.value and must_exist:
        raise NotFound(f"cluster {snapshot.cluster} does not exist on {snapshot.platform}", hint=CREATE)
