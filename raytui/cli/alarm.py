"""The bell and the command of `--bell` and `--notify` while a verb watches: run when the verdict has changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from raytui.bootstrap import opened
from raytui.cli.invocation import Invocation
from raytui.core.clusters import ClusterSummary, Entry, summary_of
from raytui.core.conditions import Assessment
from raytui.core.snapshot import Snapshot
from raytui.manager.alarm import Alarm

if TYPE_CHECKING:
    from raytui.config.settings import Settings


@asynccontextmanager
async def verdict_alarm(
    invocation: Invocation, settings: Settings
) -> AsyncGenerator[Callable[[Snapshot, Assessment], None]]:
    """Hand every snapshot to what this answers; commands that still run at the end are ended."""
    alarm = Alarm(invocation.diagnostics.ring, invocation.diagnostics.warning)
    entry = Entry(settings.profile_name, settings.profile_name, lambda: opened(settings))
    last: ClusterSummary | None = None

    def observe(snapshot: Snapshot, assessment: Assessment) -> None:
        nonlocal last
        last = summary_of(entry, snapshot, assessment, last)
        alarm.observe(last, command=settings.notify, bell=settings.bell)

    try:
        yield observe
    finally:
        await alarm.close()
