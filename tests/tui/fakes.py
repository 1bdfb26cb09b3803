"""A scripted session for the console: snapshots, plans and log lines that a test hands out one by one.

Plans are the real ones.

`as_session` holds it to the one contract of sessions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Self

import msgspec

from raytui.core.desired.validate import validate
from raytui.core.errors import ConfigurationError, Failure, Interrupted, NotFound, RaytuiError, Unreachable
from raytui.core.events import StepEvent
from raytui.core.logline import LogBytes, LogLine, Missed, Query
from raytui.core.observed.node_metrics import NodeMetrics
from raytui.core.observed.snapshot import Job, Node, Snapshot
from raytui.core.plan import Plan, Verb, plan_restart, plan_scale, plan_start, plan_stop
from raytui.core.platforms import PlatformName
from raytui.core.questions import Question
from raytui.core.serve import ServeRemoval, ServeState, removal_of
from raytui.core.session import JobRequest, LogSource, Session, ToolEnvironment
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.logs.many import Many
from raytui.logs.reading.ranges import BytesBlob
from tests.fakes.platform import FakePlatform

SPEC = ClusterSpec(head=HeadSpec(cpu=1, memory=2), workers=WorkersSpec(count=2, cpu=1, memory=2))


class FakeSettings(msgspec.Struct):
    profile_name: str = "local"
    platform: PlatformName = "local"
    read_only: bool = False
    read_only_asked: bool = False
    production: bool = False
    theme: str = "dark"
    cluster: ClusterSpec = SPEC
    refresh: float = 2.0
    keys: dict[str, str] = {}
    bell: bool = False
    notify: str = ""


class FakeSubscription:
    """Stands in the list of those who look until it is closed."""

    def __init__(self, held: list[frozenset[Question]], questions: frozenset[Question]) -> None:
        self.held, self.questions, self.closed = held, questions, False
        held.append(questions)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.held.remove(self.questions)


class FakeMonitor:
    """Hands out what was put, and waits for more."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Snapshot | Exception] = asyncio.Queue()
        self.last: Snapshot | None = None
        self.asked: list[frozenset[Question]] = []
        """The questions of those who look now."""

    async def observe(self, questions: Iterable[Question] = ()) -> Snapshot:
        item = await self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    def subscribe(self, questions: Iterable[Question]) -> FakeSubscription:
        return FakeSubscription(self.asked, frozenset(questions))

    def put(self, snapshot: Snapshot | Exception) -> None:
        self.queue.put_nowait(snapshot)

    async def snapshots(self, interval: float = 2.0, questions: Iterable[Question] = ()) -> AsyncGenerator[Snapshot]:
        while True:
            item = await self.queue.get()
            if isinstance(item, Exception):
                raise item
            self.last = item
            yield item


class FakeManager:
    """Plans for real against the last snapshot; runs a script of events, held back until the test releases them."""

    def __init__(self, monitor: FakeMonitor, settings: FakeSettings) -> None:
        self.monitor, self.settings = monitor, settings
        self.script: list[StepEvent] | None = None
        self.ends_with: RaytuiError | None = None
        self.refuses: RaytuiError | None = None
        self.release = asyncio.Event()
        self.release.set()
        self.executed: list[Plan] = []
        self.flags: Collection[str] | None = None
        """Those of the last plan."""
        self.interrupted = asyncio.Event()

    @property
    def busy(self) -> bool:
        return bool(self.executed) and not self.release.is_set()

    async def plan(
        self,
        verb: Verb,
        *,
        spec: ClusterSpec | None = None,
        workers: int | None = None,
        groups: Mapping[str, int] | None = None,
        target: str = "all",
        keep: bool = False,
        purge: bool = False,
        flags: Collection[str] | None = None,
        recreate: bool = False,
    ) -> Plan:
        self.flags = flags
        if self.refuses is not None:
            raise self.refuses
        wanted = (spec or self.settings.cluster).resolved(self.settings.platform)
        problems = validate(wanted, self.settings.platform) if verb == "start" else []
        if problems:
            raise ConfigurationError.from_problems(problems)
        applications = (self.monitor.last.applications.value if self.monitor.last else None) or ()
        if verb == "stop":
            return plan_stop(wanted, applications, keep=keep, purge=purge)
        if verb == "scale":
            return plan_scale(
                wanted, applications, {**({} if workers is None else {"worker": workers}), **(groups or {})}
            )
        if verb == "restart":
            return plan_restart(wanted, applications, target)
        return plan_start(wanted, applications, recreate=recreate)

    async def execute(self, plan: Plan, *, wait: bool = True, timeout: float = 600.0) -> AsyncGenerator[StepEvent]:
        self.executed.append(plan)
        script = [StepEvent(step.name, "done", 0.1) for step in plan.steps] if self.script is None else self.script
        for event in script:
            yield event
        release, interrupted = (
            asyncio.ensure_future(self.release.wait()),
            asyncio.ensure_future(self.interrupted.wait()),
        )
        try:
            await asyncio.wait([release, interrupted], return_when=asyncio.FIRST_COMPLETED)
        finally:
            release.cancel()
            interrupted.cancel()
        if self.interrupted.is_set():
            yield StepEvent("undone", "undone", 0.2, "head")
            raise Interrupted(
                f"{plan.verb} was interrupted; what this run made was removed; no application of {plan.cluster} is listed now"
            )
        if self.ends_with is not None:
            raise self.ends_with

    def interrupt(self) -> None:
        self.interrupted.set()


class FakeLogs:
    """Logs by name: lists of batches; a log ends with its error, or stays open."""

    def __init__(self) -> None:
        self.batches: dict[str, list[list[str]]] = {"head": [["head is up"]]}
        self.endings: dict[str, RaytuiError] = {}
        self.more: dict[str, asyncio.Queue[list[str]]] = {}
        self.opened: list[str] = []
        self.older: dict[str, list[str]] = {}
        """Lines of a log above those that are followed."""
        self.unreadable: dict[str, RaytuiError] = {}
        self.missed: list[Missed] = []
        self.far: set[str] = set()
        """Logs that are fetched whole from another machine to be read."""
        self.fetched: list[str] = []

    async def is_near(self, source: LogSource) -> bool:
        return source.name not in self.far

    async def sources(self, snapshot: Snapshot, only: str = "") -> tuple[LogSource, ...]:
        return tuple(LogSource(name, "ray" if "/" in name else "launcher") for name in self.batches)

    async def find(self, snapshot: Snapshot, name: str) -> LogSource:
        if name not in self.batches:
            raise NotFound(f"there is no log {name}", hint="raytui logs --list names what there is")
        return LogSource(name)

    @asynccontextmanager
    async def open(self, source: LogSource, lines: int = -1) -> AsyncGenerator[LogBytes]:
        if source.name in self.unreadable:
            raise self.unreadable[source.name]
        self.fetched.append(source.name)
        yield BytesBlob("".join(f"{line}\n" for line in await self.read(source)).encode())

    async def matching(
        self, snapshot: Snapshot, names: Sequence[str], *, everything: bool = False
    ) -> tuple[Sequence[LogSource], Sequence[Missed]]:
        chosen = self.batches if everything else names
        return [await self.find(snapshot, name) for name in chosen], self.missed if everything else []

    def _many(self) -> Many:
        return Many(self.open, self.follow)

    def lines(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None]
    ) -> AsyncGenerator[list[LogLine]]:
        return self._many().lines(sources, query, missed)

    def counts(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None], *, first: bool = False
    ) -> AsyncGenerator[tuple[LogSource, int]]:
        return self._many().counts(sources, query, missed, first=first)

    def follow_all(
        self, sources: Sequence[LogSource], query: Query, ended: Callable[[str, RaytuiError], None]
    ) -> AsyncGenerator[list[LogLine]]:
        return self._many().follow_all(sources, query, ended)

    async def read(self, source: LogSource, lines: int = 100) -> list[str]:
        return [*self.older.get(source.name, []), *(line for batch in self.batches[source.name] for line in batch)]

    async def follow(self, source: LogSource, lines: int = 100) -> AsyncGenerator[list[str]]:
        self.opened.append(source.name)
        for batch in self.batches[source.name]:
            yield batch
        if source.name in self.endings:
            raise self.endings[source.name]
        queue = self.more.setdefault(source.name, asyncio.Queue())
        while True:
            yield await queue.get()


class FakeJobs:
    """Jobs that end as soon as they are asked to, unless a test says how the stop fails."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.submitted: list[JobRequest] = []
        self.refuses: RaytuiError | None = None
        self.failures: dict[str, RaytuiError] = {}

    async def submit(self, request: JobRequest, tell: Callable[[str], None]) -> str:
        if self.refuses is not None:
            raise self.refuses
        tell("sending the working directory (0.1 MB, 3 files)")
        self.submitted.append(request)
        return request.submission_id or "raysubmit_new"

    async def stop(self, identity: str) -> Job:
        self.stopped.append(identity)
        if identity in self.failures:
            raise self.failures[identity]
        return Job(identity, "STOPPED")

    async def job(self, identity: str) -> Job:
        raise NotFound(f"there is no job {identity}")

    async def stack(self, node_id: str, ip: str, pid: int) -> str:
        raise NotFound(f"there is no process {pid}")


class FakeServe:
    """Plans for real against a state that a test sets; what is deleted is gone at once."""

    def __init__(self) -> None:
        self.state = ServeState()
        self.deleted: list[tuple[str, ...]] = []

    async def plan(self, names: Sequence[str]) -> ServeRemoval:
        return removal_of(self.state, names)

    async def delete(self, removal: ServeRemoval) -> None:
        self.deleted.append(tuple(app.name for app in removal.ends))


class FakeSession:
    """What `raytui.bootstrap.Session` is to the console."""

    def __init__(self, settings: FakeSettings | None = None) -> None:
        self.settings = settings or FakeSettings()
        self.monitor = FakeMonitor()
        self.manager = FakeManager(self.monitor, self.settings)
        self.logs = FakeLogs()
        self.jobs = FakeJobs()
        self.serve = FakeServe()
        self.platform = FakePlatform()
        self.measured: dict[str, NodeMetrics] = {}
        """By name of node, what it measures of itself."""
        self.closed = False

    async def tools(self) -> ToolEnvironment:
        return ToolEnvironment({})

    async def metrics(self, node: Node, session: str) -> NodeMetrics:
        if node.name not in self.measured:
            raise Unreachable(Failure("network", "NoAddress", f"Ray reported no address of the metrics of {node.name}"))
        return self.measured[node.name]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        self.closed = True


class Clock:
    """A clock that a test sets."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def as_session(session: FakeSession) -> Session:
    """The session by its contract; a type checker says where it does not keep it."""
    return session
