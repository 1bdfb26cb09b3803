"""What was last asked for is recorded before a run changes the cluster, and put back when that run is undone."""

from __future__ import annotations

from contextlib import suppress

from raytui.core.errors import RaytuiError
from raytui.core.plan import Plan, recorded_spec
from raytui.core.protocols.platform import Platform
from raytui.core.spec import ClusterSpec


class Recording:
    """The record of one run of one plan."""

    def __init__(self, platform: Platform, plan: Plan) -> None:
        self._platform = platform
        self._plan = plan
        self._before: ClusterSpec | None = None
        self._written = False

    async def begin(self) -> None:
        """Record what is asked for, before anything is changed.

        Raises what the platform raises: then nothing was begun.
        """
        plan = self._plan
        if plan.record is None:
            return
        stands = await self._platform.store.recorded_spec(plan.cluster)
        # A record that was written moments ago may not be seen yet; what exists carries what it was made from.
        self._before = stands or recorded_spec(await self._platform.list(plan.cluster))
        if stands != plan.record:
            # From here on it may stand there, whatever becomes of the request.
            self._written = True
            await self._platform.store.record_spec(plan.cluster, plan.record)

    async def put_back(self) -> None:
        """What the run made was undone, so what was asked for before counts again.

        A run that only ended something is not undone.
        """
        if self._written and self._plan.creates:
            # The error that is reported stays the first one.
            with suppress(RaytuiError):
                await self._platform.store.record_spec(self._plan.cluster, self._before)

    async def finish(self) -> None:
        """A stop that left nothing removes the record."""
        if self._plan.verb == "stop" and not self._plan.keep:
            # Without applications a record says nothing, so one that cannot be removed now is harmless; the next start
            # replaces it.
            with suppress(RaytuiError):
                await self._platform.store.record_spec(self._plan.cluster, None)
