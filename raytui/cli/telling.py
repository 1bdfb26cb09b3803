"""What a watch tells besides what it prints: the bell and a command of one's own, when the verdict has changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from raytui.bootstrap import opened
from raytui.cli.invocation import Invocation
from raytui.core.clusters import ClusterLook, Entry, look_of
from raytui.core.conditions import Assessment
from raytui.core.snapshot import Snapshot
from raytui.manager.alarm import Alarm

if TYPE_CHECKING:
    from raytui.config.settings import Settings


@asynccontextmanager
async def told(invocation: Invocation, settings: Settings) -> AsyncGenerator[Callable[[Snapshot, Assessment], None]]:
    """Hand every look at the cluster to what this answers; commands that still run at the end are ended."""
    alarm = Alarm(invocation.diagnostics.ring, invocation.diagnostics.warning)
    entry = Entry(settings.profile_name, settings.profile_name, lambda: opened(settings))
    last: ClusterLook | None = None

    def tell(snapshot: Snapshot, assessment: Assessment) -> None:
        nonlocal last
        last = look_of(entry, snapshot, assessment, last)
        alarm.see(last, command=settings.notify, bell=settings.bell)

    try:
        yield tell
    finally:
        await alarm.close()
