"""What a front end needs of one cluster: look at it, change it, read its logs.

The one contract of console, commands and scripted sessions.

`raytui.bootstrap` builds the real one. Front ends name nothing else of what stands behind it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Literal, Protocol, Self

import msgspec

from raytui.core.errors import RaytuiError
from raytui.core.events import StepEvent
from raytui.core.logline import LogBytes, LogLine, Missed, Query
from raytui.core.observed.node_metrics import NodeMetrics
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.observed.snapshot import Application, Job, Node, Snapshot
from raytui.core.plan import Plan, Verb
from raytui.core.platforms import PlatformName
from raytui.core.protocols.platform import Platform
from raytui.core.questions import Question
from raytui.core.serve import ServeManager
from raytui.core.spec import ClusterSpec

SourceKind = Literal["launcher", "ray", "kept", "job", "file"]
"""Who keeps a log: the platform, Ray, a launcher (the last part, when its node ended), Ray for a job's driver, or a
folder of this machine that a person named."""


class LogSource(msgspec.Struct, frozen=True):
    """One log that can be read."""

    name: str
    """What a person types: `head`, `worker-1/raylet.out`, `job/ID`."""
    kind: SourceKind = "launcher"
    application: Application | None = None
    """The application that it belongs to; none for a node that nobody here manages."""
    cluster: str = ""
    node_id: str = ""
    filename: str = ""
    """Ray's name of the file, or the path of a kept tail."""
    job_id: str = ""
    life: NodeLife | None = None
    """The life of a node whose launcher shipped it, all of it that was shipped; then `filename` is Ray's name."""


class ToolEnvironment(msgspec.Struct, frozen=True):
    """Variables for a shell or a program. Never holds a token, only where one lies."""

    variables: dict[str, str]
    unset: tuple[str, ...] = ()
    """Variables that would speak against them."""
    notes: tuple[str, ...] = ()
    """What a person should know of them."""


class Subscription(Protocol):
    """One who looks."""

    def close(self) -> None:
        """Nobody looks any more; safe to call again."""
        ...


class Watch(Protocol):
    """The watch over one cluster. A failed call is part of a snapshot, never an exception."""

    async def observe(self, questions: Iterable[Question] = ...) -> Snapshot:
        """One snapshot in which these questions were asked now."""
        ...

    def snapshots(self, interval: float = ..., questions: Iterable[Question] = ...) -> AsyncGenerator[Snapshot]:
        """A snapshot about every `interval` seconds, with what subscribers ask too."""
        ...

    def subscribe(self, questions: Iterable[Question]) -> Subscription:
        """Have these asked too, from the next round on, which begins at once."""
        ...


class Manager(Protocol):
    """The means to change one cluster."""

    @property
    def busy(self) -> bool:
        """Whether an operation is under way."""
        ...

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
        """What the verb would do now; raises what keeps it from being done, with every problem."""
        ...

    def execute(self, plan: Plan, *, wait: bool = True, timeout: float = 600.0) -> AsyncGenerator[StepEvent]:
        """Carry a plan out and report each step as it changes.

        What was begun is finished or undone before an error is raised.
        """
        ...

    def interrupt(self) -> None:
        """Stop the running operation, or its wait for the cluster's lock; safe to call twice."""
        ...


class Logs(Protocol):
    """The logs of one cluster."""

    async def sources(self, snapshot: Snapshot, only: str = "") -> Sequence[LogSource]:
        """Every log there is, or those of `only`; what cannot be asked is left out."""
        ...

    async def find(self, snapshot: Snapshot, name: str) -> LogSource:
        """The log of a name; raises `NotFound` with the nearest names, or why its node cannot be asked."""
        ...

    async def read(self, source: LogSource, lines: int = 100) -> list[str]:
        """Its last lines, -1 for all."""
        ...

    def follow(self, source: LogSource, lines: int = 100) -> AsyncGenerator[list[str]]:
        """Its last lines, then what is added, in batches; raises when nothing more will come."""
        ...

    async def matching(
        self, snapshot: Snapshot, names: Sequence[str], *, everything: bool = False
    ) -> tuple[Sequence[LogSource], Sequence[Missed]]:
        """The logs of names and patterns, or every one, and those whose names could not be asked for.

        Raises `NotFound` for a name of no log and for a pattern that means none.
        """
        ...

    async def is_near(self, source: LogSource) -> bool:
        """Whether all of it can be read without fetching it whole from another machine; not where unknown."""
        ...

    def open(self, source: LogSource, lines: int = -1) -> AbstractAsyncContextManager[LogBytes]:
        """The bytes of a log, or what ends with at least its last `lines`; raises why it cannot be read."""
        ...

    def lines(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None], *, early: bool = False
    ) -> AsyncGenerator[list[LogLine]]:
        """What a query wants of these logs, merged by time; a log that cannot be read is reported to `missed`.

        `early`: matches in logs of other machines come as they are found when much has to be fetched.
        """
        ...

    def counts(
        self, sources: Sequence[LogSource], query: Query, missed: Callable[[Missed], None], *, first: bool = False
    ) -> AsyncGenerator[tuple[LogSource, int]]:
        """How many lines of each log a query wants, in the order of the logs; `first` looks for one of each."""
        ...

    def follow_all(
        self, sources: Sequence[LogSource], query: Query, ended: Callable[[str, RaytuiError], None]
    ) -> AsyncGenerator[list[LogLine]]:
        """The last lines of these logs and what is added, merged by time, until the last one has ended.

        Each end is reported to `ended` with the name of the log.
        """
        ...


class JobRequest(msgspec.Struct, frozen=True):
    """A job that is to be submitted."""

    entrypoint: str
    """A line for the shell of a node."""
    submission_id: str = ""
    """Made up when it is left out."""
    working_dir: str = ""
    """A folder of this machine that is packed and sent along; empty for none."""
    environment: dict[str, str] = {}
    """Environment variables of the driver and its tasks."""


class Jobs(Protocol):
    """The jobs of one cluster."""

    async def submit(self, request: JobRequest, tell: Callable[[str], None]) -> str:
        """Submit a job and answer its id; `tell` is called with what is done meanwhile.

        Raises `ConfigurationError`, `OperationFailed` with Ray's words, or `OutcomeUnknown`.
        """
        ...

    async def stop(self, identity: str) -> Job:
        """Ask a job to stop and wait until it has ended; a job that ended before is answered as it is.

        Raises `NotFound`, `DeadlineExceeded`.
        """
        ...

    async def job(self, identity: str) -> Job:
        """The job as it is now; raises `NotFound`."""
        ...

    async def stack(self, node_id: str, ip: str, pid: int) -> str:
        """What one of Ray's processes does at this moment; raises `OperationFailed` when it cannot be read."""
        ...


class Session(Protocol):
    """One cluster. Use it as an async context manager, which lets go of connections at its end."""

    @property
    def platform(self) -> Platform:
        """Where its nodes run."""
        ...

    @property
    def monitor(self) -> Watch:
        """The watch."""
        ...

    @property
    def manager(self) -> Manager:
        """The means to change it."""
        ...

    @property
    def logs(self) -> Logs:
        """Its logs."""
        ...

    @property
    def jobs(self) -> Jobs:
        """Its jobs."""
        ...

    @property
    def serve(self) -> ServeManager:
        """The means to delete its Serve applications."""
        ...

    async def metrics(self, node: Node, session: str) -> NodeMetrics:
        """What a living node measures of itself, asked at its own address; costs a request each time.

        `session` is Ray's name of the cluster's life, empty where it is unknown. Raises `Unreachable` where nothing of
        that life answers there within 2 s.
        """
        ...

    async def tools(self) -> ToolEnvironment:
        """What Ray's own tools need to speak to the cluster as it is now; raises why they cannot."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class ConsoleSettings(Protocol):
    """The settings that the console reads."""

    @property
    def profile_name(self) -> str:
        """Name of the profile."""
        ...

    @property
    def platform(self) -> PlatformName:
        """Where nodes run."""
        ...

    @property
    def read_only(self) -> bool:
        """Whether nothing may be changed."""
        ...

    @property
    def read_only_asked(self) -> bool:
        """Whether somebody asked for that, so that jobs are refused too; a watched cluster takes them."""
        ...

    @property
    def production(self) -> bool:
        """Whether whoever ends something of the cluster types its name first."""
        ...

    @property
    def theme(self) -> str:
        """Colours, by the name of a theme."""
        ...

    @property
    def refresh(self) -> float:
        """Seconds between two looks."""
        ...

    @property
    def bell(self) -> bool:
        """Whether the bell tells that the verdict has changed."""
        ...

    @property
    def notify(self) -> str:
        """Command line that tells it; empty for none."""
        ...

    @property
    def keys(self) -> dict[str, str]:
        """Keys of one's own by their ids in the table of keys."""
        ...

    @property
    def cluster(self) -> ClusterSpec:
        """The cluster that is wanted."""
        ...
