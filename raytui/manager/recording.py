"""What was last asked for is recorded with the cluster before a run changes it, and put back when that run is undone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from raytui.core.errors import DeadlineExceeded, RaytuiError
from raytui.core.plan import Plan
from raytui.core.protocols import Platform
from raytui.core.spec import ClusterSpec


@asynccontextmanager
async def recorded(platform: Platform, plan: Plan) -> AsyncIterator[None]:
    """Around the run of a plan: the record is written first; a stop that left nothing removes it.

    Raises what the platform raises when the record cannot be read or written: then nothing was begun.
    """
    before: ClusterSpec | None = None
    writes = False
    if plan.record is not None:
        before = await platform.recorded_spec(plan.cluster)
        writes = before != plan.record
    try:
        if writes:
            await platform.record_spec(plan.cluster, plan.record)
        yield
    except BaseException as error:
        if writes and plan.creates:
            await asyncio.shield(asyncio.ensure_future(_put_back(platform, plan, before, error)))
        raise
    if plan.verb == "stop" and not plan.keep:
        # Without applications a record says nothing, so one that cannot be removed now is harmless; the next start replaces it.
        with suppress(RaytuiError):
            await platform.record_spec(plan.cluster, None)


async def _put_back(platform: Platform, plan: Plan, before: ClusterSpec | None, error: BaseException) -> None:
    """What a run made was undone: then what was asked for before it counts again. After a wait that ran out, only when nothing is left."""
    # The error that is told stays the first one.
    with suppress(RaytuiError):
        if isinstance(error, DeadlineExceeded):
            made = {request.name for request in plan.creates}
            if any(app.name in made for app in await platform.list(plan.cluster)):
                return
        await platform.record_spec(plan.cluster, before)
