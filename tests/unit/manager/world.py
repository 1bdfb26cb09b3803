"""A small world to run operations in: a platform and the Ray it carries, in memory, with switches for what can go wrong.

It keeps real state (applications exist or do not, nodes live or die), so that tests look at what is left, not at which
calls were made.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from raytui.core.errors import OperationFailed
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.snapshot import Application, Node, RayVersion, Reading, Snapshot, Usage
from raytui.core.protocols.platform import Check, CreateRequest
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager

NOW = 1_790_000_000.0
SPEC = ClusterSpec(workers=WorkersSpec(count=2))


class World:
    """Applications by name; each becomes alive after `boot` observations.

    `list_lag` is for how many lists a create or a delete does not show yet. `stuck_stop`, `stuck_delete` and
    `stuck_create` name applications for which that call never answers; `lost_before` and `lost_after` name those whose
    create loses its answer before or after the work was done (with `late`, it is done only after so many more lists).
    `faults[method]` is raised by the next calls of a method, once per entry, before it does anything.
    """

    name = "local"

    def __init__(self, *, boot: int = 1) -> None:
        self.apps: dict[str, Application] = {}
        self.age: dict[str, int] = {}
        self.boot = boot
        self.refuse_create: dict[str, str] = {}
        self.fail_after_create: set[str] = set()
        self.refuse_delete: set[str] = set()
        self.foreign: set[str] = set()
        self.checks: tuple[Check, ...] = ()
        self.create_gate: asyncio.Event | None = None
        self.creating = asyncio.Event()
        self.dead: set[str] = set()
        self.drained: list[str] = []
        self.files: dict[str, bytes] = {}
        self.asked: dict[str, ClusterSpec] = {}
        self.left: dict[str, ClusterSpec] = {}
        self.ids = 0
        self.list_lag = 0
        self.lists = 0
        self.stuck_stop: set[str] = set()
        self.stuck_delete: set[str] = set()
        self.stuck_list = False
        self.stuck_prepare = False
        self.stuck_restart: set[str] = set()
        self.anew: set[str] = set()
        """Names of what a restart makes again under another id."""
        self.appears_within = 0.0
        self.lost_before: dict[str, Exception] = {}
        self.lost_after: dict[str, Exception] = {}
        self.late = 0
        self.faults: dict[str, list[Exception]] = {}
        self.delete_gate: asyncio.Event | None = None
        self.calls: list[tuple[str, str]] = []
        self.drains = True
        self._shown_from: dict[str, int] = {}
        self._shown_until: dict[str, tuple[Application, int]] = {}
        self._coming: list[tuple[int, Application]] = []

    @property
    def store(self) -> World:
        """Itself: one object plays every role."""
        return self

    specs = store

    def _begin(self, method: str, name: str = "") -> None:
        self.calls.append((method, name))
        if self.faults.get(method):
            raise self.faults[method].pop(0)

    # The platform.

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        await asyncio.sleep(0)
        self._begin("list")
        if self.stuck_list:
            await asyncio.Event().wait()
        self.lists += 1
        for at, app in [entry for entry in self._coming if entry[0] <= self.lists]:
            self._coming.remove((at, app))
            self._add(app)
        shown = {app.id: app for app, last in self._shown_until.values() if self.lists <= last}
        shown |= {app.id: app for app in self.apps.values() if self.lists >= self._shown_from.get(app.id, 0)}
        return tuple(
            sorted((app for app in shown.values() if cluster in {None, app.cluster}), key=lambda app: app.index)
        )

    def _add(self, app: Application) -> None:
        self.apps[app.name] = app
        self.age[app.name] = 0
        self._shown_from[app.id] = self.lists + self.list_lag + 1

    async def conflicts(self, names: tuple[str, ...], cluster: str = "") -> tuple[str, ...]:
        return tuple(name for name in names if name in self.foreign)

    async def holdings(self) -> Holdings | None:
        return None

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        self._begin("prepare", " ".join(request.name for request in requests))
        if self.stuck_prepare:
            await asyncio.Event().wait()

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        self.creating.set()
        if self.create_gate is not None:
            await self.create_gate.wait()
        self._begin("create", request.name)
        if request.name in self.lost_before:
            raise self.lost_before.pop(request.name)
        if request.name in self.refuse_create:
            raise OperationFailed(f"{request.name}: {self.refuse_create[request.name]}")
        self.ids += 1
        marker = request.marker
        state: Any = "failed" if request.name in self.fail_after_create else "starting"
        app = Application(
            id=f"id-{self.ids}",
            name=request.name,
            cluster=marker.cluster,
            role=marker.role,
            index=marker.index,
            group=marker.group_name,
            state=state,
            created_at=NOW,
            run=marker.run,
            ray_port=marker.ray_port,
            dashboard_port=marker.dashboard_port,
            cpu=request.cpu,
            memory=request.memory,
            spec_json=request.spec_json,
            message="ray start said no" if state == "failed" else "",
        )
        if request.name in self.lost_after:
            self._coming.append((self.lists + self.late, app))
            raise self.lost_after.pop(request.name)
        self._add(app)
        return app

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        self._begin("stop" if wait else "stop, not waited for", application.name)
        if application.name in self.stuck_stop:
            self._set(application.name, "stopping")
            await asyncio.Event().wait() if wait else None
            return
        self._set(application.name, "stopped")

    async def restart(self, application: Application) -> Application:
        self._begin("restart", application.name)
        if application.name in self.stuck_restart:
            self._set(application.name, "stopped")
            await asyncio.Event().wait()
        self.age[application.name] = 0
        if application.name not in self.anew:
            self._set(application.name, "starting")
            return self.apps[application.name]
        self.ids += 1
        self._add(msgspec.structs.replace(application, id=f"id-{self.ids}", state="starting"))
        return self.apps[application.name]

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        await asyncio.sleep(0)
        self._begin("delete" if wait else "delete, not waited for", application.name)
        if self.delete_gate is not None:
            await self.delete_gate.wait()
        if application.name in self.refuse_delete:
            raise OperationFailed(f"{application.name} could not be deleted")
        if application.name in self.stuck_delete:
            self._set(application.name, "stopping")
            await asyncio.Event().wait() if wait else None
            return
        there = self.apps.get(application.name)
        if there is not None and there.id == application.id:
            del self.apps[application.name]
            if self.list_lag:
                self._shown_until[there.id] = (there, self.lists + self.list_lag)

    async def drain(self, application: Application, timeout: float) -> bool:
        self._begin("drain", application.name)
        self.drained.append(application.name)
        return self.drains

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        self._begin("write_launchers", cluster)
        self.files.update(files)
        return {name: f"/shared/{name}" for name in files}

    async def read_file(self, path: str) -> bytes:
        return self.files[path.removeprefix("/shared/")]

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        return self.checks

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        return msgspec.structs.replace(
            spec,
            ray_port=6400 if spec.ray_port == "auto" else spec.ray_port,
            dashboard_port=8400 if spec.dashboard_port == "auto" else spec.dashboard_port,
        )

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        return spec

    async def deployed(self, cluster: str) -> ClusterSpec | None:
        return self.left.get(cluster)

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        if spec is None:
            self.asked.pop(cluster, None)
        else:
            self.asked[cluster] = spec

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        return self.asked.get(cluster)

    async def forget(self, cluster: str) -> None:
        self.files.clear()

    async def purge(self, cluster: str) -> tuple[str, ...]:
        self._begin("purge", cluster)
        self.files.clear()
        return (f"/shared/{cluster}",)

    def place_of(self, cluster: str) -> str:
        return f"/shared/{cluster}"

    # The monitor.

    async def observe(self, questions: object = ()) -> Snapshot:
        self._begin("observe")
        nodes = []
        for name, app in list(self.apps.items()):
            self.age[name] += 1
            if app.state == "starting" and self.age[name] > self.boot:
                self._set(name, "running")
            if self.apps[name].state == "running":
                state = "DEAD" if name in self.dead else "ALIVE"
                nodes.append(Node(f"node-{name}", name, "127.0.0.1", state, is_head=app.role == "head", started_at=NOW))
        head_runs = any(app.role == "head" and app.state == "running" for app in self.apps.values())
        ray = Reading(tuple(nodes), at=NOW) if head_runs else Reading()
        return Snapshot(
            "ray-cluster",
            "local",
            "local",
            NOW,
            Reading(await self.list("ray-cluster"), at=NOW),
            dashboard_url="http://127.0.0.1:8265",
            version=Reading(RayVersion("2.60.0", "s"), at=NOW) if head_runs else Reading(),
            gcs=Reading(head_runs or None, at=NOW),
            nodes=ray,
            usage=Reading(Usage(), at=NOW),
            jobs=Reading((), at=NOW),
        )

    def _set(self, name: str, state: Any) -> None:
        if name in self.apps:
            self.apps[name] = msgspec.structs.replace(self.apps[name], state=state)

    # Helpers of the tests.

    def manager(self, folder: Path, *, spec: ClusterSpec = SPEC, read_only: bool = False) -> ClusterManager:
        """A manager of `ray-cluster` in this world."""
        return ClusterManager(
            self,
            self,
            spec,
            launchers=lambda: {"ray_head_launcher.py": b"1", "ray_worker_launcher.py": b"2"},
            state_dir=folder,
            read_only=read_only,
        )  # type: ignore[arg-type]

    def end(self, name: str) -> None:
        """The application fails by itself."""
        self._set(name, "failed")

    def states(self) -> dict[str, str]:
        """State by short name, of what exists now or comes later, whether a list shows it or not."""
        coming = {app.short: app.state for _, app in self._coming}
        return coming | {app.short: app.state for app in self.apps.values()}


async def carry_out(
    manager: ClusterManager, verb: Any, *, wait: bool = True, timeout: float = 60.0, **more: Any
) -> list[tuple[str, str]]:
    """Plan and execute; the (step, state) pairs seen."""
    plan = await manager.plan(verb, **more)
    return [(event.step, event.state) async for event in manager.execute(plan, wait=wait, timeout=timeout)]
