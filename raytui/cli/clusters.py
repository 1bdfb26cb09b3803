"""The clusters of all profiles, each looked at once: what the list `clusters` shows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from raytui.bootstrap import beside, opened
from raytui.core.clusters import ClusterLook, Entry
from raytui.core.snapshot import Reading
from raytui.manager.looks import look_at_all

if TYPE_CHECKING:
    from raytui.config.settings import Settings


def looked_at(settings: Settings) -> Reading[tuple[ClusterLook, ...]]:
    """One look at each; what cannot be asked is a look that says why."""
    own = Entry(settings.profile_name, settings.profile_name, lambda: opened(settings))
    return Reading(asyncio.run(look_at_all((own, *beside(settings)))), at=time.time())
