"""Ends applications that no cluster claims, and only those.

While a head is made again its living workers look just like them. So each cluster is looked at under its lock, which
whoever makes a head on this machine holds too, and twice with a pause between: a head that another machine makes again
appears meanwhile. What is young is left, since its head may be on no list yet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from raytui.core.errors import RaytuiError
from raytui.core.findings.orphans import orphans
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import Platform
from raytui.manager.operations import hold

AGE_S = 120.0
"""How old an application must be to be ended as unclaimed: a start makes the head first, and lists lag by seconds."""
PAUSE_S = 10.0
"""Between the two looks: longer than a list lags, and than a platform needs from the end of a head to the create of its
successor."""
PATIENCE_S = 5.0
"""How long another raytui's change of the cluster is waited for."""


async def reap(
    platform: Platform,
    found: Iterable[Application],
    state_dir: Path,
    end: Callable[[Application], Awaitable[object]],
    *,
    age: float = AGE_S,
    pause: float | None = None,
) -> dict[str, str]:
    """`end` those of `found` that are still unclaimed; why each of the others was left, by its id.

    Raises what `end` raises.
    """
    clusters: dict[str, list[Application]] = {}
    for app in found:
        clusters.setdefault(app.cluster, []).append(app)
    wait = PAUSE_S if pause is None else pause

    async def one(cluster: str, apps: list[Application]) -> dict[str, str]:
        try:
            async with hold(state_dir, platform.name, cluster, "orphans --reap", PATIENCE_S):
                left = await _claimed(platform, cluster, apps, age, wait)
                await asyncio.gather(*(end(app) for app in apps if app.id not in left))
                return left
        except RaytuiError as error:
            return {app.id: error.message for app in apps}

    answers = await asyncio.gather(*(one(cluster, apps) for cluster, apps in clusters.items()))
    return {identity: why for answer in answers for identity, why in answer.items()}


async def _claimed(
    platform: Platform, cluster: str, apps: list[Application], age: float, pause: float
) -> dict[str, str]:
    """Why some of a cluster's applications are left, by id."""
    first = {app.id for app in orphans(await platform.list(cluster))}
    await asyncio.sleep(pause)
    unclaimed = first & {app.id for app in orphans(await platform.list(cluster))}
    left = {app.id: f"it is gone, or {cluster} has a head again" for app in apps if app.id not in unclaimed}
    young = [app for app in apps if app.id in unclaimed and time.time() - app.created_at < age]
    return left | {app.id: f"it is younger than {age:g} s: its head may be on its way" for app in young}
