"""The dashboard of one run of one head: what is asked there in a round, and when it must be looked for again.

The monitor keeps one link at a time and drops it with the run it belongs to, so that no answer of an earlier run is
taken for one of the present run.
"""

from __future__ import annotations

import asyncio

from raytui.core.observed.merge import Merging
from raytui.core.observed.snapshot import Application
from raytui.core.observed.workload import EnvironmentSetup
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.questions import Question
from raytui.core.waiting.environments import jobs_setting_up
from raytui.manager.environments import Environments
from raytui.manager.readings import Readings


def identity_of(head: Application) -> tuple[object, ...]:
    """What changes whenever the head's dashboard may have moved."""
    report = head.launcher
    run = (report.generation, report.address) if report is not None else ()
    return (head.id, head.state, head.started_at, head.url, head.exposed, head.dashboard_port, run)


class Link:
    """The dashboard of one run of one head, and the round that is being asked there."""

    def __init__(
        self, target: DashboardTarget, identity: tuple[object, ...], readings: Readings, located: float
    ) -> None:
        """`identity` is that of the head; `located` is when it was located, by the event loop's clock."""
        self.target = target
        self.identity = identity
        self.readings = readings
        self.located = located
        self.merging = Merging()
        self._environments = Environments(readings.dashboard)
        self._round: asyncio.Task[None] | None = None

    def ask(self, questions: frozenset[Question], patience: float | None, fresh: bool) -> asyncio.Task[None]:
        """Begin this round's questions, or go on with them when they were begun before the platform had answered."""
        if self._round is None:
            asking = self.readings.ask(questions, patience=patience, fresh=fresh)
            self._round = asyncio.create_task(asking, name="ask the dashboard")
        return self._round

    async def set_up(
        self, questions: frozenset[Question], now: float, patience: float | None
    ) -> tuple[EnvironmentSetup, ...]:
        """The runtime environments that are being set up, read while something waits that brings one."""
        asked = questions | self.readings.besides(questions)
        tasks = self.readings.last("tasks").value or () if "tasks" in asked else ()
        actors = self.readings.last("actors").value or () if "actors" in asked else ()
        jobs = jobs_setting_up(tasks, actors, now)
        return await self._environments.read(jobs, self.readings.last("nodes").value or (), patience)

    async def close(self) -> None:
        """End what is being asked and let go of the dashboard."""
        await self.end_round()
        await self._environments.close()
        await self.readings.close()

    async def end_round(self) -> None:
        """End the round; questions that are still open go on for a later one."""
        asking, self._round = self._round, None
        if asking is not None and not asking.done():
            asking.cancel()
            await asyncio.wait([asking])
