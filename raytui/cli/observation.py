"""One reading of a cluster, for verbs that look once and end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from raytui.core.observed.snapshot import Snapshot
from raytui.core.questions import Question

if TYPE_CHECKING:
    from raytui.core.session import Session


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
