"""Reads about runtime environments that are being set up, while something waits for one.

A constant number of requests: a few jobs at a few nodes, for at most 3 s each. They come again after 10 s, or after a
minute while the logs tell of nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from raytui.core.errors import RaytuiError
from raytui.core.observed.snapshot import Node
from raytui.core.observed.workload import EnvironmentSetup
from raytui.core.protocols.dashboard import Dashboard
from raytui.core.waiting.environments import log_name, nodes_to_ask, setup_of

PERIOD_S = 10.0
NOTHING_S = 60.0
"""Seconds between two readings while the logs tell of nothing that goes on: what brings an environment that is there
already may wait for a node for hours."""
LOG_S = 3.0
"""How long one log may take; nothing is known of that set-up then."""
LINES = 30


class Environments:
    """What the logs at one dashboard last said."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._last: tuple[EnvironmentSetup, ...] = ()
        self._asked: float | None = None
        self._jobs: tuple[str, ...] = ()
        self._asking: asyncio.Task[tuple[EnvironmentSetup, ...]] | None = None

    async def read(
        self, jobs: tuple[str, ...], nodes: Sequence[Node], patience: float | None
    ) -> tuple[EnvironmentSetup, ...]:
        """The set-ups of these jobs that go on, as far as the logs of the first nodes tell.

        Waits for a new reading for `patience` seconds, none for all of it. Never raises for a log.
        """
        if not jobs:
            self._last, self._jobs = (), ()
            return ()
        now = asyncio.get_running_loop().time()
        period = PERIOD_S if self._last else NOTHING_S
        if self._asking is None and (self._asked is None or jobs != self._jobs or now - self._asked >= period):
            self._asked, self._jobs = now, jobs
            self._asking = asyncio.create_task(self._ask(jobs, nodes), name="ask about environments")
        if self._asking is not None:
            done, _ = await asyncio.wait([self._asking], timeout=patience)
            if done:
                self._last, self._asking = self._asking.result(), None
        return tuple(setup for setup in self._last if setup.job_id in jobs)

    async def close(self) -> None:
        """End what is being read."""
        task, self._asking = self._asking, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _ask(self, jobs: tuple[str, ...], nodes: Sequence[Node]) -> tuple[EnvironmentSetup, ...]:
        asked = [(job, node) for job in jobs for node in nodes_to_ask(nodes)]
        setups = await asyncio.gather(*(_read(self._dashboard, job, node) for job, node in asked))
        first: dict[str, EnvironmentSetup] = {}
        for setup in setups:
            if setup is not None:
                first.setdefault(setup.job_id, setup)
        return tuple(first.values())


async def _read(dashboard: Dashboard, job: str, node: str) -> EnvironmentSetup | None:
    try:
        async with asyncio.timeout(LOG_S):
            return setup_of(job, await dashboard.log_tail(node, log_name(job), LINES))
    except (RaytuiError, TimeoutError):
        # Most nodes have no such log, which Ray answers with an error.
        return None
