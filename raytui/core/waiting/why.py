"""Why things wait, worked out once for each snapshot; the arithmetic is imported when something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raytui.core.observed.joined import Joined
from raytui.core.waiting.states import may_wait

if TYPE_CHECKING:
    from raytui.core.observed.kept import Moment
    from raytui.core.waiting.values import Waiting

_KEY = "_why_waits"


def why_waits(joined: Joined) -> list[Waiting]:
    """Why each demand that Ray has not placed waits, in Ray's order; none where Ray was not asked or tells of none.

    Worked out once for each snapshot, and taken over from the one before where nothing that it depends on changed:
    of many nodes it takes longer than all else of a round.
    """
    kept = joined.snapshot.__dict__.get(_KEY)
    if not isinstance(kept, list):
        depends = [(value,) for value in _depends_on(joined)]
        (kept,) = joined.derive(_KEY, lambda *values: _worked_out(joined, values[-1]), *depends)
        joined.snapshot.__dict__[_KEY] = kept
    return kept


def _worked_out(joined: Joined, now: Moment) -> list[Waiting]:
    if not may_wait(joined.snapshot):
        return []
    from raytui.core.waiting.observed import work_out

    return work_out(joined, now)


def _depends_on(joined: Joined) -> tuple[object, ...]:
    """All that the answers depend on, but for the time: objects that stay the same while what they say does."""
    snapshot = joined.snapshot
    readings = (
        snapshot.nodes,
        snapshot.usage,
        snapshot.applications,
        snapshot.jobs,
        snapshot.actors,
        snapshot.tasks,
        snapshot.placement_groups,
        snapshot.asked,
        snapshot.holdings,
        snapshot.environments,
    )
    return (*(reading.value for reading in readings), snapshot.operation, joined.members)
