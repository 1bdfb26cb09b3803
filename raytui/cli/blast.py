"""What a change ends, asked just before it is confirmed or printed: with a deadline, since changes may be urgent."""

from __future__ import annotations

import asyncio

import msgspec

from raytui.core.blast.radius import QUESTIONS, Blast, blast_of
from raytui.core.plan import LIVE, Plan
from raytui.core.report import Document
from raytui.core.session import Session

ASK_S = 10.0
"""How long the cluster may take to say what runs on it."""


async def observed_blast(session: Session, plan: Plan, limit: float) -> Blast:
    """What ends with the plan; what did not answer in time is not known."""
    if not any(app.state in {*LIVE, "stopping"} for app in plan.ends):
        return Blast()
    patience = min(ASK_S, limit)
    try:
        async with asyncio.timeout(patience) as whole:
            return blast_of(plan, await session.monitor.observe(QUESTIONS))
    except TimeoutError:
        if not whole.expired():
            raise
        silent = f"what runs on its nodes (no answer within {patience:.2g} s)"
        return Blast(jobs=None, actors=None, replicas=None, groups=None, tasks=None, unknown=(silent,))


def blast_document(plan: Plan, blast: Blast) -> Document:
    """The same for programs; null where it was not observed."""
    document: Document = msgspec.to_builtins(blast)
    return {"applications": [app.name for app in plan.ends], **document}
