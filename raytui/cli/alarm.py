"""The bell and the command of `--bell` and `--notify` while a verb watches: run when the verdict has changed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from raytui.bootstrap import opened
from raytui.cli.invocation import Invocation
from raytui.core.clusters import ClusterSummary, Entry, summary_of
from raytui.core.conditions import Assessment
from raytui.core.observed.snapshot import Snapshot
from raytui.manager.alarm import Alarm

if TYPE_CHECKING:
    from raytui.config.settings import Settings


class VerdictAlarm:
    """The alarm of a watch of one cluster."""

    def __init__(self, alarm: Alarm, settings: Settings) -> None:
        self._alarm, self._settings = alarm, settings
        self._entry = Entry(settings.profile_name, settings.profile_name, lambda: opened(settings))
        self._last: ClusterSummary | None = None

    def observe(self, snapshot: Snapshot, assessment: Assessment) -> None:
        """Take a snapshot into account."""
        self._last = summary_of(self._entry, snapshot, assessment, self._last)
        self._alarm.observe(self._last, command=self._settings.notify, bell=self._settings.bell)

    async def conclude(self) -> None:
        """Tell the change that the watch ends on, however short a time it has held, and await the command."""
        await self._alarm.conclude(command=self._settings.notify, bell=self._settings.bell)


@asynccontextmanager
async def verdict_alarm(invocation: Invocation, settings: Settings) -> AsyncGenerator[VerdictAlarm]:
    """Hand every snapshot to what this answers; commands that still run at the end are ended."""
    alarm = Alarm(invocation.diagnostics.ring, invocation.diagnostics.warning)
    try:
        yield VerdictAlarm(alarm, settings)
    finally:
        await alarm.close()
