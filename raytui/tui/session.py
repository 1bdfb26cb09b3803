"""What the console needs of the world, as Protocols: `raytui.bootstrap.Session` fits, and so does a scripted one in a test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol

from raytui.core.events import StepEvent
from raytui.core.plan import Plan, Verb
from raytui.core.questions import Question
from raytui.core.snapshot import Snapshot
from raytui.core.spec import ClusterSpec, PlatformName


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
    def cluster(self) -> ClusterSpec:
        """The cluster that is wanted."""
        ...


class ConsoleSource(Protocol):
    """One log that can be followed."""

    @property
    def name(self) -> str:
        """What a person types: `head`, `worker-1/raylet.out`, `job/ID`."""
        ...


class ConsoleLogs(Protocol):
    """The logs of the cluster."""

    async def sources(self, snapshot: Snapshot, only: str = "") -> Sequence[Any]:
        """Every log there is, each a `ConsoleSource`."""
        ...

    async def find(self, snapshot: Snapshot, name: str) -> Any:
        """The log of a name; raises `NotFound`."""
        ...

    def follow(self, source: Any, lines: int = 100) -> AsyncIterator[list[str]]:
        """Its last lines, then what is added, in batches; raises when nothing more will come."""
        ...


class ConsoleMonitor(Protocol):
    """The watch over the cluster."""

    def snapshots(self, interval: float = 2.0, questions: Iterable[Question] = ()) -> AsyncIterator[Snapshot]:
        """A snapshot about every `interval` seconds."""
        ...


class ConsoleManager(Protocol):
    """The means to change the cluster."""

    async def plan(
        self, verb: Verb, *, spec: ClusterSpec | None = None, workers: int | None = None, target: str = "all", keep: bool = False
    ) -> Plan:
        """What the verb would do now."""
        ...

    def execute(self, plan: Plan, *, wait: bool = True, timeout: float = 600.0) -> AsyncIterator[StepEvent]:
        """Carry a plan out, reporting each step."""
        ...

    def interrupt(self) -> None:
        """Stop the running operation; what was begun is finished or undone."""
        ...


class ConsoleSession(Protocol):
    """One cluster: watched, changed, and its logs read."""

    @property
    def monitor(self) -> ConsoleMonitor:
        """The watch."""
        ...

    @property
    def manager(self) -> ConsoleManager:
        """The means to change it."""
        ...

    @property
    def logs(self) -> ConsoleLogs:
        """Its logs."""
        ...

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Let go of connections."""
        ...
