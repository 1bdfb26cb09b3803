"""Runs one plan as a task that can be interrupted at any moment.

While it waits for the cluster's lock, between steps, in a step. The lock is held until everything is done, the undo
included; whoever consumes the reports may leave at any time and is waited with.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from raytui.core.errors import Interrupted
from raytui.core.events import StepEvent
from raytui.core.plan import Plan
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import SHOW
from raytui.manager.journal import Journal
from raytui.manager.memory import Memory
from raytui.manager.monitor import Monitor
from raytui.manager.operations import Publication
from raytui.manager.side_by_side import Deadline, NotInTime, until, what_exists
from raytui.manager.waits import WaitRanOut
from raytui.manager.work import Work
from raytui.system.shielded import all_done, whole

Hold = Callable[[str, float], AbstractAsyncContextManager[Publication]]
"""Takes the cluster's lock for a verb, waiting for it at most so many seconds."""


class Execution:
    """One run of one plan, from the wait for the cluster's lock on."""

    def __init__(
        self,
        plan: Plan,
        platform: Platform,
        monitor: Monitor,
        launchers: Callable[[], Mapping[str, bytes]],
        journal: Journal,
        *,
        hold: Hold,
        memory: Memory,
        again: Callable[[Plan], Awaitable[Plan]],
    ) -> None:
        """`again` makes the plan anew from what exists once the lock is held."""
        self.plan = plan
        self._platform = platform
        self._monitor = monitor
        self._launchers = launchers
        self._journal = journal
        self._hold = hold
        self._memory = memory
        self._again = again
        self._queue: asyncio.Queue[StepEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._interrupted = False

    def interrupt(self) -> None:
        """Cancel the work once, the wait for the lock included.

        The undo that follows is not cancelled by a second call.
        """
        if not self._interrupted:
            self._interrupted = True
            if self._task is not None:
                self._task.cancel()

    async def run(self, *, wait: bool, timeout: float) -> AsyncGenerator[StepEvent, None]:
        """Report each step as it changes; raise the error of the first that failed, after the undo."""
        self._task = asyncio.create_task(self._work(wait=wait, timeout=timeout))
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))
        if self._interrupted:
            self._task.cancel()
        try:
            while (event := await self._queue.get()) is not None:
                yield event
            if self._task.cancelled():
                # Interrupted before it could even begin.
                raise Interrupted(f"{self.plan.verb} was interrupted before its first step; nothing was changed")
            await self._task
        finally:
            await self._end()

    async def _end(self) -> None:
        """The consumer is leaving: interrupt what still runs and wait for its undo.

        That holds however often we are cancelled meanwhile.
        """
        task = self._task
        if task is None or task.done():
            return
        self.interrupt()
        cancelled = await all_done([task])
        if not task.cancelled():
            task.exception()  # seen here, so that asyncio does not report it as lost; the consumer is gone
        if cancelled:
            raise asyncio.CancelledError

    async def _work(self, *, wait: bool, timeout: float) -> None:
        deadline = Deadline(timeout)
        # A second start waits for the first and then finds its work done; anything else is told at once that it would
        # interfere.
        patience = timeout if self.plan.verb == "start" else 0.0
        try:
            async with self._hold(self.plan.verb, patience) as publication:
                self.plan = await self._anew(deadline)
                work = Work(
                    self.plan, self._platform, self._monitor, self._launchers, self._journal,
                    publication=publication, memory=self._memory, deadline=deadline, report=self._queue.put_nowait,
                )  # fmt: skip
                await work.carry_out(wait=wait)
        except asyncio.CancelledError:
            exists = await whole(what_exists(self._platform, self.plan.cluster, self._memory.unlisted()))
            raise Interrupted(f"{self.plan.verb} was interrupted before its first step; {exists}", hint=SHOW) from None

    async def _anew(self, deadline: Deadline) -> Plan:
        (plan,) = await until([self._again(self.plan)], deadline.at)
        if isinstance(plan, NotInTime):
            raise WaitRanOut(
                f"the {deadline.seconds:g} s ran out before {self.plan.verb} began: {self._platform.name} did "
                "not list its applications",
                hint="run the command again, with a longer --timeout where the platform is slow",
            )
        if isinstance(plan, BaseException):
            raise plan
        return plan
