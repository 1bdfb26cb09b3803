"""What a verb that looks must have before it can answer: a platform that lets us in, and a cluster on it."""

from __future__ import annotations

from raytui.core.errors import NotAllowed, NotFound, Unreachable
from raytui.core.snapshot import Snapshot

_REFUSALS = {"KeyRefused", "NotAllowed"}
"""Reasons under which a snapshot carries what the platform raised as `NotAllowed`: a refused key is no broken line."""


def require_cluster(snapshot: Snapshot) -> None:
    """Raise `NotAllowed` when the key was refused, `Unreachable` when the platform did not answer, `NotFound` without a cluster."""
    failure = snapshot.applications.failure
    if failure is not None:
        if failure.reason in _REFUSALS:
            raise NotAllowed(failure.message, hint=failure.hint, reason=failure.reason)
        raise Unreachable(failure)
    if not snapshot.applications.value:
        raise NotFound(f"cluster {snapshot.cluster} does not exist on {snapshot.platform}", hint="raytui start creates it")
