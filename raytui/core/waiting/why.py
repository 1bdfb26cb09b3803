"""Why things wait, worked out once for each snapshot; the arithmetic is imported when something waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from raytui.core.joined import Joined
from raytui.core.waiting.states import may_wait

if TYPE_CHECKING:
    from raytui.core.waiting.values import Waiting

_KEY = "_why_waits"


def why_waits(joined: Joined) -> list[Waiting]:
    """Why each demand that Ray has not placed waits, in Ray's order; none where Ray was not asked or tells of none."""
    kept = joined.snapshot.__dict__.get(_KEY)
    if not isinstance(kept, list):
        kept = joined.snapshot.__dict__[_KEY] = _worked_out(joined)
    return kept


def _worked_out(joined: Joined) -> list[Waiting]:
    if not may_wait(joined.snapshot):
        return []
    from raytui.core.waiting.observed import work_out

    return work_out(joined)
