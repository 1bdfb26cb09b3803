"""What Ray Serve has been deleting for long; apart from its failures, so that it needs no causes loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from raytui.core.condition import Condition
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import Remedy

DELETING_LONG_S = 300.0
"""How long Serve may take to delete something before it needs attention."""
_DELETING = "DELETING"


def deleting(snapshot: Snapshot, seen: Mapping[str, float]) -> dict[str, float]:
    """Since when each thing that Serve deletes has been seen so; while Serve does not answer, what was seen stays."""
    if snapshot.serve.value is None:
        return dict(seen)
    found = (
        f"serve/{one.application if one.application_status == _DELETING else one.id}"
        for one in snapshot.serve.value
        if _DELETING in (one.application_status, one.status)
    )
    return {subject: seen.get(subject, snapshot.observed_at) for subject in found}


def of_deleting(snapshot: Snapshot, since: Mapping[str, float]) -> Iterator[Condition]:
    """What Serve has been deleting for long, by `deleting`; nothing while Serve does not answer."""
    if snapshot.serve.value is None:
        return
    for subject, first in since.items():
        if snapshot.observed_at - first > DELETING_LONG_S:
            message = "Serve has been deleting it for more than 5 min"
            left = Remedy("serve", "", "shows what is left")
            yield Condition("warning", subject, "ServeDeleting", message, left, since=first)
