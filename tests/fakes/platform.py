"""A platform in memory: applications are values, states are scripted, and every call is remembered."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from raytui.core.errors import Failure, NotFound, OperationFailed, Unreachable
from raytui.core.marker import Marker
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.nodefile import NodeFile, kept_logs
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.observed.snapshot import Application, ApplicationState
from raytui.core.platforms import PlatformName
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.protocols.platform import Check, CreateRequest, LogChunk, LogPlaces
from raytui.core.spec import ClusterSpec


def application(
    short: str = "head", state: ApplicationState = "running", *, cluster: str = "ray-cluster", **more: object
) -> Application:
    """An application by its short name, `head` or `worker-N`."""
    index = 0 if short == "head" else int(short.removeprefix("worker-"))
    plain = Application(
        id=f"id-{short}",
        name=f"{cluster}-{short}",
        cluster=cluster,
        role="head" if index == 0 else "worker",
        index=index,
        state=state,
        raw_state=state,
        dashboard_port=8265,
        ray_port=6379,
    )
    return msgspec.structs.replace(plain, **more)


class FakePlatform:
    """`applications` are what it lists; set `states[name]` to a list of states that successive lists walk through (the last one stays).

    `errors[method]` is raised by that method, once per entry; `delays[method]` is how long it takes; `calls` is what
    was asked for.
    """

    name: PlatformName = "local"
    appears_within = 0.0

    def __init__(self, applications: Iterable[Application] = (), target: DashboardTarget | None = None) -> None:
        self.applications = {app.name: app for app in applications}
        self.target = target
        self.states: dict[str, list[ApplicationState]] = {}
        self.errors: dict[str, list[Exception]] = {}
        self.delays: dict[str, float] = {}
        self.calls: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.output: dict[str, bytes] = {}
        self.output_start: dict[str, int] = {}
        self.log_places: dict[str, LogPlaces] = {}
        self.kept_lives: tuple[NodeLife, ...] = ()
        self.foreign: set[str] = set()
        self.checks: tuple[Check, ...] = ()
        self.asked: dict[str, ClusterSpec] = {}
        self.left: dict[str, ClusterSpec] = {}
        self.drains = True
        self.held: Holdings | None = None
        self.closed = False
        self._next = 1

    @property
    def store(self) -> FakePlatform:
        """Itself: one object plays every role."""
        return self

    specs = store

    async def _call(self, method: str, subject: str = "") -> None:
        self.calls.append((method, subject))
        await asyncio.sleep(self.delays.get(method, 0.0))
        if self.errors.get(method):
            raise self.errors[method].pop(0)

    def count(self, method: str) -> int:
        """How often a method was called."""
        return sum(called == method for called, _ in self.calls)

    def set(self, name: str, **more: object) -> None:
        """Change what is listed of an application."""
        self.applications[name] = msgspec.structs.replace(self.applications[name], **more)

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        await self._call("list", cluster or "")
        for name, script in self.states.items():
            if script and name in self.applications:
                self.set(name, state=script.pop(0) if len(script) > 1 else script[0])
        mine = [app for app in self.applications.values() if cluster in {None, app.cluster}]
        return tuple(sorted(mine, key=lambda app: (app.cluster, app.role != "head", app.index)))

    async def conflicts(self, names: tuple[str, ...], cluster: str = "") -> tuple[str, ...]:
        await self._call("conflicts", " ".join(names))
        return tuple(name for name in names if name in self.foreign)

    async def holdings(self) -> Holdings | None:
        await self._call("holdings")
        return self.held

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        await self._call("prepare", " ".join(request.name for request in requests))

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        await self._call("create", request.name)
        if request.name in self.applications:
            raise OperationFailed(f"{request.name} exists already")
        marker: Marker = request.marker
        made = Application(
            id=f"made-{self._next}",
            name=request.name,
            cluster=marker.cluster,
            role=marker.role,
            index=marker.index,
            group=marker.group_name,
            state="starting",
            spec_digest=marker.spec,
            run=marker.run,
            ray_port=marker.ray_port,
            dashboard_port=marker.dashboard_port,
            exposed=marker.exposed,
            cpu=request.cpu,
            memory=request.memory,
            gpus=request.gpus,
            runtime_identifier=request.runtime_identifier,
            script=request.script,
            spec_json=request.spec_json,
        )
        self._next += 1
        self.applications[made.name] = made
        return made

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        await self._call("stop", application.name)
        if application.name in self.applications:
            self.set(application.name, state="stopped")

    async def restart(self, application: Application) -> Application:
        await self._call("restart", application.name)
        self.set(application.name, state="starting")
        return self.applications[application.name]

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        await self._call("delete", application.name)
        self.applications.pop(application.name, None)

    async def purge(self, cluster: str) -> tuple[str, ...]:
        await self._call("purge", cluster)
        return (f"/shared/{cluster}",)

    def place_of(self, cluster: str) -> str:
        return f"/shared/{cluster}"

    async def drain(self, application: Application, timeout: float) -> bool:
        await self._call("drain", application.name)
        return self.drains

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        await self._call("write_launchers", cluster)
        self.files.update({f"{cluster}/launchers/{name}": data for name, data in files.items()})
        return {name: f"{cluster}/launchers/{name}" for name in files}

    async def read_file(self, path: str) -> bytes:
        await self._call("read_file", path)
        if path not in self.files:
            raise NotFound(f"there is no {path}")
        return self.files[path]

    async def places(self, application: Application) -> LogPlaces:
        await self._call("places", application.name)
        return self.log_places.get(application.name, LogPlaces())

    async def kept_logs(self, application: Application) -> dict[str, str]:
        await self._call("kept_logs", application.name)
        folder = application.cluster
        report = self.files.get(f"{folder}/nodes/{application.name}.json")
        if report is None:
            return {}
        paths = kept_logs(application, msgspec.json.decode(report, type=NodeFile).engine_id)
        return {name: f"{folder}/{path}" for name, path in paths.items() if self.files.get(f"{folder}/{path}")}

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:
        await self._call("lives", cluster)
        return self.kept_lives

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        await self._call("tail", application.name)
        data, start = self.output.get(application.name, b""), self.output_start.get(application.name, 0)
        end = start + len(data)
        begin = max(start, end - limit) if offset is None else offset if start <= offset <= end else start
        part = data[begin - start : begin - start + limit]
        return LogChunk(part, begin, begin + len(part))

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        await self._call("preflight")
        return self.checks

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        await self._call("resolve_ports")
        return msgspec.structs.replace(
            spec,
            ray_port=20079 if spec.ray_port == "auto" else spec.ray_port,
            dashboard_port=20265 if spec.dashboard_port == "auto" else spec.dashboard_port,
        )

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        return spec

    async def deployed(self, cluster: str) -> ClusterSpec | None:
        return self.left.get(cluster)

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        await self._call("record_spec", cluster)
        if spec is None:
            self.asked.pop(cluster, None)
        else:
            self.asked[cluster] = spec

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        await self._call("recorded_spec", cluster)
        return self.asked.get(cluster)

    async def dashboard(self, head: Application) -> DashboardTarget:
        await self._call("dashboard", head.name)
        if self.target is None:
            raise Unreachable(
                Failure(
                    "network",
                    "DashboardNotExposed",
                    "the dashboard is not exposed",
                    "expose_dashboard = true exposes it",
                )
            )
        return self.target

    async def close(self) -> None:
        self.closed = True
