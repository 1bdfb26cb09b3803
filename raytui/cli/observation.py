"""One reading of a cluster, and what a verb must have read before it can answer.

That is a platform that lets us in, and a cluster on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from raytui.core.errors import NotAllowed, NotFound, Unreachable
from raytui.core.questions import Question
from raytui.core.snapshot import Snapshot

if TYPE_CHECKING:
    from raytui.core.session import Session

_REFUSALS = {"KeyRefused", "NotAllowed"}
"""Reasons under which a snapshot carries what the platform raised as `NotAllowed`: a refused key is no broken line."""


def observe_once(session: Session, questions: Iterable[Question] | None = None) -> Snapshot:
    """One snapshot with the answers to these questions, those of the status without any; the session is closed."""
    seen: list[Snapshot] = []

    async def look() -> None:
        # Not as the task's result: when asyncio puts Ctrl-C back, Python writes the task with its result as text, 0.2 s
        # of 5,000 nodes.
        async with session:
            seen.append(await (session.monitor.observe() if questions is None else session.monitor.observe(questions)))

    asyncio.run(look())
    return seen[0]


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
        raise NotFound(
            f"cluster {snapshot.cluster} does not exist on {snapshot.platform}", hint="raytui start creates it"
        )
