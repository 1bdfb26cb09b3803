"""Carries a plan out: every step reported, every wait with a deadline, everything that this run made undone when it fails.

Requests that change something run to their end even when the person interrupts: a request that the server already honoured must be
known before it can be undone. What is undone is decided by listing the platform, not by what was remembered.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TypeVar

import msgspec

from raytui.core.errors import DeadlineExceeded, Interrupted, OperationFailed, RaytuiError
from raytui.core.events import Event, Severity, StepEvent, StepState
from raytui.core.plan import Plan, Step, create_request
from raytui.core.protocols import CreateRequest, Platform
from raytui.core.snapshot import Application
from raytui.manager.journal import Journal
from raytui.manager.monitor import Monitor
from raytui.manager.waits import ApplicationEnded, Progress, Waits

T = TypeVar("T")
DRAIN_S = 40.0
"""Ray's own drain takes up to 30 s (facts: SIGTERM busy 30.9 s)."""


class Execution:
    """One run of one plan."""

    def __init__(
        self,
        plan: Plan,
        platform: Platform,
        monitor: Monitor,
        launchers: Callable[[], Mapping[str, bytes]],
        journal: Journal,
    ) -> None:
        self.plan = plan
        self._platform = platform
        self._monitor = monitor
        self._launchers = launchers
        self._journal = journal
        self._run = uuid.uuid4().hex[:12]
        self._scripts: dict[str, str] = {}
        self._queue: asyncio.Queue[StepEvent | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._interrupted = False
        self._created = False

    def interrupt(self) -> None:
        """Cancel the work once; the undo that follows is not cancelled by a second call."""
        if not self._interrupted:
            self._interrupted = True
            if self._task is not None:
                self._task.cancel()

    async def run(self, *, wait: bool, timeout: float) -> AsyncIterator[StepEvent]:
        """Report each step as it changes; raise the error of the first that failed, after the undo."""
        self._task = asyncio.create_task(self._work(wait=wait, timeout=timeout))
        self._task.add_done_callback(lambda _: self._queue.put_nowait(None))
        if self._interrupted:
            self._task.cancel()
        try:
            while (event := await self._queue.get()) is not None:
                yield event
            await self._task
        finally:
            await self._settle()

    async def _settle(self) -> None:
        """The consumer is leaving: interrupt what still runs and wait for its undo, however often we are cancelled meanwhile."""
        task = self._task
        if task is None or task.done():
            return
        self.interrupt()
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                cancelled = True
        if not task.cancelled():
            task.exception()  # seen here, so that asyncio does not report it as lost; the consumer is gone
        if cancelled:
            raise asyncio.CancelledError

    async def _work(self, *, wait: bool, timeout: float) -> None:
        plan = self.plan
        self._note(f"{plan.verb} began: " + (", ".join(step.name for step in plan.steps) or "nothing to do"))
        waits = Waits(plan, self._platform, self._monitor, timeout)
        try:
            for step in plan.steps:
                if wait or not step.action.startswith("wait"):
                    await self._step(step, waits)
        except asyncio.CancelledError:
            undone = await self._undo()
            exists = await self._what_exists()
            self._note(f"{plan.verb} was interrupted; {exists}", "warning")
            raise Interrupted(f"{plan.verb} was interrupted{undone}; {exists}", hint="raytui status shows what exists") from None
        except DeadlineExceeded as error:
            self._note(f"{plan.verb}: {error.message}", "error")
            raise
        except RaytuiError as error:
            undone = await self._undo()
            self._note(f"{plan.verb} failed: {error.message}{undone}", "error")
            if undone:
                error.message += undone
                error.args = (error.message,)
            raise
        self._note(f"{plan.verb} finished")

    async def _step(self, step: Step, waits: Waits) -> None:
        began = time.monotonic()

        def report(state: StepState, message: str = "") -> None:
            self._queue.put_nowait(StepEvent(step.name, state, round(time.monotonic() - began, 3), message))

        short = " ".join(name.removeprefix(f"{self.plan.cluster}-") for name in step.targets)
        report("running", short if not step.action.startswith("wait") else "")
        try:
            message = await self._act(step, waits, lambda text: report("running", text))
        except asyncio.CancelledError:
            report("failed", "interrupted")
            raise
        except RaytuiError as error:
            report("failed", error.message)
            raise
        report("done", message or ("" if step.action.startswith("wait") else short))

    async def _act(self, step: Step, waits: Waits, progress: Callable[[str], None]) -> str:
        if step.action == "launchers":
            self._scripts = await self._finish([self._platform.write_launchers(self.plan.cluster, self._launchers())])
        elif step.action == "create":
            self._created = True
            await self._together([self._platform.create(self._request(name)) for name in step.targets])
        elif step.action in {"wait-head", "wait-nodes"}:
            return await self._mending(step, waits, progress)
        elif step.action == "wait-gone":
            return await waits.gone(step.targets, progress)
        else:
            await self._change(step)
        return ""

    async def _mending(self, step: Step, waits: Waits, progress: Progress) -> str:
        """Wait for life; an application that was there before and ends meanwhile is made again, once, like any that was missing."""
        mended: set[str] = set()
        while True:
            try:
                return await (waits.head(progress) if step.action == "wait-head" else waits.nodes(step.targets, progress))
            except ApplicationEnded as error:
                made = {request.name for request in self.plan.creates}
                if self.plan.verb not in {"start", "scale"} or error.name in made | mended:
                    raise
                mended.add(error.name)
                progress(f"making {error.name.removeprefix(f'{self.plan.cluster}-')} again: {error.message}")
                await self._make_again(error.name)

    async def _make_again(self, name: str) -> None:
        listed = [app for app in await self._platform.list(self.plan.cluster) if app.name == name]
        await self._together([self._platform.delete(app) for app in listed])
        self._scripts = await self._finish([self._platform.write_launchers(self.plan.cluster, self._launchers())])
        request = create_request(self.plan.spec, name)
        self.plan = msgspec.structs.replace(self.plan, creates=(*self.plan.creates, request))
        self._created = True
        await self._together([self._platform.create(self._request(name))])

    async def _change(self, step: Step) -> None:
        listed = {app.name: app for app in await self._platform.list(self.plan.cluster)}
        apps = [listed[name] for name in step.targets if name in listed]
        act: dict[str, Callable[[Application], Awaitable[object]]] = {
            "stop": self._platform.stop,
            "delete": self._platform.delete,
            "restart": self._platform.restart,
            "drain": lambda app: self._platform.drain(app, DRAIN_S),
        }
        await self._together([act[step.action](app) for app in apps])

    def _request(self, name: str) -> CreateRequest:
        request = next(request for request in self.plan.creates if request.name == name)
        script = request.script or self._scripts.get(f"ray_{request.marker.role}_launcher.py", "")
        return msgspec.structs.replace(request, script=script, marker=msgspec.structs.replace(request.marker, run=self._run))

    async def _together(self, calls: list[Awaitable[object]]) -> None:
        """Run calls side by side to their end, record every answer, then raise what failed as one error."""
        errors = [answer for answer in await self._settled(calls) if isinstance(answer, BaseException)]
        for error in errors:
            if not isinstance(error, RaytuiError):
                raise error
        if len(errors) == 1:
            raise errors[0]
        if errors:
            first = next(error for error in errors if isinstance(error, RaytuiError))
            raise OperationFailed("; ".join(str(error) for error in errors), hint=first.hint, reason=first.reason)

    async def _finish(self, calls: list[Awaitable[dict[str, str]]]) -> dict[str, str]:
        (answer,) = await self._settled(calls)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @staticmethod
    async def _settled(calls: list[Awaitable[T]]) -> list[T | BaseException]:
        """Every answer or error; an interrupt waits for the calls, which have deadlines of their own."""
        tasks = [asyncio.ensure_future(call) for call in calls]
        if not tasks:
            return []
        try:
            await asyncio.wait(tasks)
        except asyncio.CancelledError:
            await asyncio.wait(tasks)
            raise
        return [task.exception() or task.result() for task in tasks]

    async def _undo(self) -> str:
        """Remove what this run made; the words to add to the error, empty when it made nothing."""
        if not self._created:
            return ""
        names = {request.name for request in self.plan.creates}
        try:
            ours = [app for app in await self._platform.list(self.plan.cluster) if app.run == self._run and app.name in names]
        except RaytuiError as error:
            return f"; {', '.join(sorted(names))} may exist, since the platform could not be asked ({error}): raytui stop removes them"
        if not ours:
            return ""
        began = time.monotonic()
        self._queue.put_nowait(StepEvent("undone", "running", 0.0, " ".join(app.short for app in ours)))
        left = []
        for group in ([app for app in ours if app.role == "worker"], [app for app in ours if app.role == "head"]):
            answers = await self._settled([self._platform.delete(app) for app in group])
            left += [f"{app.name} ({answer})" for app, answer in zip(group, answers, strict=True) if isinstance(answer, BaseException)]
        seconds = round(time.monotonic() - began, 3)
        if left:
            self._queue.put_nowait(StepEvent("undone", "failed", seconds, "not removed: " + ", ".join(left)))
            return f"; not removed: {', '.join(left)}: raytui stop removes them"
        self._queue.put_nowait(StepEvent("undone", "undone", seconds, " ".join(app.short for app in ours)))
        return "; what this run made was removed"

    async def _what_exists(self) -> str:
        try:
            apps = await self._platform.list(self.plan.cluster)
        except RaytuiError as error:
            return f"what exists now could not be asked: {error}"
        if not apps:
            return f"no application of {self.plan.cluster} exists now"
        return "existing now: " + ", ".join(f"{app.short} {app.state}" for app in apps)

    def _note(self, message: str, severity: Severity = "info") -> None:
        event = Event(time.time(), "raytui", self.plan.cluster, self.plan.verb.capitalize(), message, severity)
        self._journal.add(self.plan.cluster, event)
