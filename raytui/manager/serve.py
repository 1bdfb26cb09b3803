"""Deleting Serve applications: planned from what Serve runs now, asked for once, and waited for until they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from raytui.core.errors import DeadlineExceeded, RefusedForSafety, Unreachable
from raytui.core.protocols.dashboard import Dashboard
from raytui.core.remedy import Remedy
from raytui.core.serve import ServeRemoval, removal_of
from raytui.system.backoff import Backoff

GONE_S = 120.0
"""How long an application may take to go: each replica finishes its requests within its own time, 20 s by default."""


class ServeRunner:
    """The Serve applications of one cluster."""

    def __init__(self, reach: Callable[[], Awaitable[Dashboard]]) -> None:
        """`reach` connects to where the cluster's dashboard answers."""
        self._reach = reach

    async def plan(self, names: Sequence[str]) -> ServeRemoval:
        """What deleting these would do now."""
        return removal_of(await (await self._reach()).workload.serve_state(), names)

    async def delete(self, removal: ServeRemoval) -> bool:
        """Ask once and look until none of them is listed; whether it was asked. Asking again and cancelling is safe."""
        rest = (await self._reach()).workload
        names = [app.name for app in removal.ends]
        state = await rest.serve_state()
        left = [app.name for app in state.applications if app.name in names]
        asked = False
        if left:
            # Made anew: an application that was deployed meanwhile would be deleted by a config without it.
            fresh = removal_of(state, left)
            if set(fresh.keeps) != set(removal.keeps):
                raise RefusedForSafety(
                    f"{', '.join(names)} was not deleted: Serve's applications changed since it was shown",
                    hint="look and try again",
                    reason="Changed",
                )
            asked = fresh.changes
            if asked:
                await self._apply(fresh)
        try:
            async with asyncio.timeout(GONE_S):
                await self._gone(names)
        except TimeoutError:
            raise DeadlineExceeded(
                f"{', '.join(names)} was asked to go and is still listed after {GONE_S:g} s",
                hint=Remedy("serve", "", "shows what is left"),
            ) from None
        return asked

    async def _apply(self, removal: ServeRemoval) -> None:
        """Ask for it; an answer that was lost is made up for by a look at what Serve does."""
        rest = (await self._reach()).workload
        try:
            await rest.apply_serve(removal.config)
        except Unreachable as error:
            try:
                state = await rest.serve_state()
            except Unreachable:
                raise error from None
            names = [app.name for app in removal.ends]
            if any(app.name in names and app.status != "DELETING" for app in state.applications):
                raise

    async def _gone(self, names: Sequence[str]) -> None:
        pause = Backoff(0.5, 3.0)
        while True:
            try:
                state = await (await self._reach()).workload.serve_state()
            except Unreachable:
                # Silence proves nothing: it is looked again until the time is over.
                await asyncio.sleep(pause.next())
                continue
            if not any(app.name in names for app in state.applications):
                return
            await asyncio.sleep(pause.next())
