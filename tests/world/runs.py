"""Processes of raytui in the world: one that watches, or one that carries an operation out, on the machine of one console."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from raytui.core.desired.asked import COUNT
from raytui.core.errors import RaytuiError
from raytui.core.events import StepEvent
from raytui.core.plan import Plan
from raytui.core.remedy import as_commands
from raytui.core.secret import Secret
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager
from raytui.manager.monitor import Monitor
from raytui.manager.operations import current
from raytui.platforms.cai import CaiPlatform
from tests.world.api import RUNTIME, Oddity, WorldTransport
from tests.world.loop import EPOCH, Process
from tests.world.mounted import MountedFiles
from tests.world.ray import WorldDashboard
from tests.world.records import CLUSTER, SHARED, App

if TYPE_CHECKING:
    from tests.world.lives import Life


def spec_of(workers: int, *, exposed: bool, extra: int | None) -> ClusterSpec:
    """The spec of every life, with so many workers; `extra` are those of a second group, where the life has one."""
    folder = f"{SHARED}/launchers"
    second = WorkersSpec(count=extra or 0, cpu=2, memory=4, runtime_identifier=RUNTIME)
    return ClusterSpec(
        name=CLUSTER,
        expose_dashboard=exposed,
        head=HeadSpec(cpu=1, memory=4, runtime_identifier=RUNTIME, script=f"{folder}/ray_head_launcher.py"),
        workers=WorkersSpec(
            count=workers, cpu=1, memory=4, runtime_identifier=RUNTIME, script=f"{folder}/ray_worker_launcher.py"
        ),
        groups={} if extra is None else {EXTRA: second},
    )


EXTRA = "cpu"
"""Name of the second group."""


class Program:
    """One process of raytui: its platform, monitor and manager, on the machine of one console."""

    def __init__(self, life: Life, name: str, console: int, workers: int, oddity: Oddity | None = None) -> None:
        self.process = Process(name)
        self.oddity = oddity or Oddity()
        spec = spec_of(workers, exposed=life.exposed, extra=life.extra)
        self.platform = CaiPlatform(
            host="http://ml.example.com",
            project_id="p",
            api_key=Secret("a-key-of-the-world"),
            client="http",
            launchers=life.launchers(console),
            files=MountedFiles(life.site, self.process) if life.vantage == "inside" else None,
        )
        transport = WorldTransport(life.site, self.process, self.oddity)
        self.platform.client._transport = transport
        self.platform.client._uploads = transport  # type: ignore[assignment]
        self.monitor = Monitor(
            self.platform,
            lambda target: WorldDashboard(life.site, self.process, self.oddity, target),
            cluster=CLUSTER,
            profile="world",
            workers={group: size.count for group, size in spec.all_groups.items()},
            operation=lambda: current(life.state / f"console-{console}", "cai", CLUSTER),
            clock=lambda: EPOCH + life.loop.time(),
        )
        self.manager = ClusterManager(
            self.platform,
            self.monitor,
            spec,
            launchers=life.launchers(console),
            state_dir=life.state / f"console-{console}",
        )

    async def close(self) -> None:
        """As a session does at its end."""
        await self.monitor.close()
        await self.platform.close()


class Run(Program):
    """One operation, as a command of its own."""

    def __init__(
        self,
        life: Life,
        console: int,
        verb: Any,
        *,
        workers: int | None = None,
        group: str = "worker",
        oddity: Oddity | None = None,
        **what: Any,
    ) -> None:
        super().__init__(life, f"{verb}#{life.count()}@{console}", console, life.profile, oddity)
        self.life = life
        self.verb = verb
        self.asked = workers
        self.group = group
        """Which group `asked` is the number of."""
        self.what = what
        self.keep = bool(what.get("keep"))
        self.wait = True
        self.timeout = 60.0
        self.concurrent = False
        self.interrupted = False
        self.events: list[StepEvent] = []
        self.plan: Plan | None = None
        self.error: BaseException | None = None
        self.outcome = ""
        self.began = 0.0
        self.seconds = 0.0
        self.before: list[App] = []
        self.states: dict[App, str] = {}
        self.workers: int | None = None
        """How many workers it must leave when it is done; none where that is nobody's business."""
        self.extra: int | None = None
        """The same of the second group."""
        self.was: tuple[set[int], set[int]] = set(), set()
        """How many of each group may have been asked for before a stop."""
        self.fair = True
        self.task: asyncio.Task[None] | None = None

    @property
    def title(self) -> str:
        words = [f"--workers {self.asked}"] if self.verb == "start" and self.asked is not None else []
        words += (
            [str(self.asked) if self.group == "worker" else f"{self.group}={self.asked}"]
            if self.verb == "scale"
            else [str(value) for name, value in self.what.items() if name == "target"]
        )
        words += ["--keep"] if self.keep else []
        words += [] if self.wait else ["--no-wait"]
        return " ".join([self.process.name, *words])

    @property
    def said(self) -> str:
        """Everything that a person reads when it failed."""
        if self.error is None:
            return ""
        words = [
            str(self.error) or type(self.error).__name__,
            as_commands(getattr(self.error, "hint", "")),
            *getattr(self.error, "__notes__", ()),
        ]
        if not isinstance(self.error, RaytuiError):
            words += [event.message for event in self.events if event.state in {"failed", "undone"}]
        return " | ".join(word for word in words if word)

    @property
    def changes(self) -> list[tuple[str, App]]:
        return [(what, app) for _, by, what, app in self.life.site.changes if by is self.process]

    @property
    def changed(self) -> bool:
        """What the command would answer."""
        if self.plan is None:
            return False
        waits = {step.name for step in self.plan.steps if step.action.startswith("wait")}
        return any(event.step not in waits for event in self.events)

    @property
    def replaced(self) -> bool:
        """Whether a restart had to delete something: that it makes again although its time is over."""
        return self.verb == "restart" and any(what == "deleted" for what, _ in self.changes)

    def could_know(self, app: App) -> bool:
        """Whether a list showed it when the run began, or the run's own machine had made it."""
        console = self.process.name[-2:]
        return app.shown_from < self.began or (app.made_by is not None and app.made_by.name.endswith(console))

    def targets(self, app: App) -> bool:
        """Whether a restart is asked to restart it."""
        target = self.what.get("target")
        group = app.short.rpartition("-")[0]
        return target in {"all", app.short} or (bool(group) and target in {"workers", group})

    @property
    def wanted(self) -> list[str]:
        """Short names of what it must leave."""
        if self.workers is None and self.extra is None:
            return []
        workers = [f"worker-{n}" for n in range(1, (self.workers or 0) + 1)]
        return ["head", *workers, *(f"{EXTRA}-{n}" for n in range(1, (self.extra or 0) + 1))]

    async def work(self) -> None:
        what = dict(self.what)
        if self.verb == "scale":
            what["groups"] = {self.group: self.asked}
        elif self.asked is not None:
            what["spec"] = spec_of(self.asked, exposed=self.life.exposed, extra=self.life.extra)
            what["flags"] = {COUNT}
        self.plan = await self.manager.plan(self.verb, **what)
        self.began = self.life.loop.time()
        async with aclosing(self.manager.execute(self.plan, wait=self.wait, timeout=self.timeout)) as events:
            async for event in events:
                self.events.append(event)
                if event.state != "running":
                    self.life.tell(f"    {self.process.name}: {event.step}: {event.state} {event.message}".rstrip())

    def interrupt(self) -> None:
        """Ctrl-C, as the command takes it."""
        if self.task is None or self.task.done():
            return
        self.interrupted = True
        self.life.tell(f"  {self.process.name}: Ctrl-C")
        if self.events:
            self.manager.interrupt()
        else:
            self.task.cancel()
