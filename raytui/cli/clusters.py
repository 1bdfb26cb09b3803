"""The clusters of all profiles, each probed once: what the list `clusters` shows."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from raytui.bootstrap import beside, opened
from raytui.core.clusters import ClusterSummary, Entry
from raytui.core.observed.snapshot import Reading
from raytui.manager.probes import probe_all

if TYPE_CHECKING:
    from raytui.config.settings import Settings


def probed(settings: Settings) -> Reading[tuple[ClusterSummary, ...]]:
    """One probe of each; what cannot be asked is a summary that says why."""
    own = Entry(settings.profile_name, settings.profile_name, lambda: opened(settings))
    return Reading(asyncio.run(probe_all((own, *beside(settings)))), at=time.time())
