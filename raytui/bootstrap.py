"""The one place that builds real objects: settings become a platform, a monitor and a manager.

Front ends open a session and never name an implementation; tests hand them a session of fakes instead.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self, TypeVar

import msgspec

from raytui.config import environment
from raytui.config.settings import Settings, load, missing_access
from raytui.core.clusters import Entry, Opened
from raytui.core.errors import ConfigurationError, Failure, Problem, RaytuiError, Unreachable
from raytui.core.observed.catalog import Catalog, is_project_id, seen_projects
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import plus
from raytui.manager.defaults import deployed
from raytui.manager.journal import Journal
from raytui.manager.launchers import render, shipped
from raytui.manager.monitor import ByNode, Monitor
from raytui.manager.operations import current

if TYPE_CHECKING:
    from typing import TypedDict

    from raytui.core.observed.node_metrics import NodeMetrics
    from raytui.core.observed.snapshot import Node
    from raytui.core.secret import Secret
    from raytui.core.session import Session, ToolEnvironment
    from raytui.core.spec import ClusterSpec
    from raytui.logs.engine import Logs
    from raytui.manager.cluster import ClusterManager
    from raytui.manager.jobs import JobRunner
    from raytui.manager.serve import ServeRunner
    from raytui.platforms.cai.api.client import ApiClient
    from raytui.platforms.cai.api.transport import ClientName
    from raytui.platforms.cai.deploy.pipeline import Deployment

    class _Access(TypedDict):
        host: str
        api_key: Secret
        client: ClientName
        ca_bundle: str
        key_source: str


T = TypeVar("T")


class ClusterSession:
    """A platform, the watch over one cluster and the means to change it; use it as an async context manager.

    Manager and logs are made when they are first used: `status` needs neither, and their imports would be a tenth of
    its time.
    """

    def __init__(self, settings: Settings, platform: Platform, *, long_lived: bool) -> None:
        def connect(target: DashboardTarget) -> Dashboard:
            from raytui.dashboard.client import connect as open_dashboard

            return open_dashboard(target, long_lived=long_lived)

        self.settings = settings
        self.platform = platform
        cluster = settings.cluster
        self.monitor = Monitor(
            platform,
            connect,
            by_node=_by_node(settings),
            cluster=cluster.name,
            profile=settings.profile_name,
            workers={group: size.count for group, size in cluster.all_groups.items()},
            operation=lambda: current(settings.state_dir, platform.name, cluster.name),
            note=lambda event: Journal(settings.state_dir).add_once(cluster.name, event),
        )
        self._connect = connect

    @cached_property
    def manager(self) -> ClusterManager:
        """The means to change the cluster."""
        from raytui.manager.cluster import ClusterManager

        settings = self.settings
        return ClusterManager(
            self.platform,
            self.monitor,
            settings.cluster,
            launchers=render,
            state_dir=settings.state_dir,
            read_only=settings.read_only,
            given=settings.given,
        )

    @cached_property
    def logs(self) -> Logs:
        """The logs of the cluster."""
        from raytui.logs.engine import Logs

        return Logs(self.platform, self._connect, self.settings.state_dir / "logs")

    @cached_property
    def jobs(self) -> JobRunner:
        """The jobs of the cluster."""
        from raytui.manager.jobs import JobRunner

        return JobRunner(self.platform, self._connect, self.settings.cluster.name)

    @property
    def serve(self) -> ServeRunner:
        """The Serve applications of the cluster."""
        return self.jobs.serve

    async def metrics(self, node: Node, session: str) -> NodeMetrics:
        """What a node measures of itself; raises what `read_metrics` raises."""
        from raytui.dashboard.metrics import read_metrics

        return await read_metrics(node, session)

    async def tools(self) -> ToolEnvironment:
        """What Ray's own tools need to speak to the cluster as it is now; raises what `tool_environment` raises."""
        from raytui.manager.ray_tools import tool_environment

        return await tool_environment(self.platform, self._connect, await self.monitor.observe(()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "logs" in self.__dict__:
            await self.logs.close()
        if "jobs" in self.__dict__:
            await self.jobs.close()
        await self.monitor.close()
        await self.platform.close()


def open_session(settings: Settings, *, long_lived: bool = False) -> Session:
    """A session on the profile's platform. `long_lived` keeps connections open and costs httpx's import."""
    return ClusterSession(settings, build_platform(settings), long_lived=long_lived)


def opened(settings: Settings) -> Opened:
    """The cluster of these settings as one of several; its session is a long-lived one."""

    def named(name: str) -> Entry:
        cluster = msgspec.structs.replace(settings.cluster, name=name)
        other = msgspec.structs.replace(settings, cluster=cluster)
        return Entry(name, settings.profile_name, lambda: opened(other), is_found=True)

    def session() -> Session:
        problems = missing_access(settings)
        if problems:
            raise ConfigurationError.from_problems(problems, f"profile {settings.profile_name}")
        return open_session(with_project(settings), long_lived=True)

    place = settings.address or settings.host or str(settings.state_dir)
    identity = f"{settings.platform} {place} {settings.project_id} {settings.cluster.name}"
    return Opened(settings, session, identity, named)


def beside(settings: Settings) -> tuple[Entry, ...]:
    """The other profiles of the file, none where an address was named for this call: then it is about that one.

    Nothing is read before an entry is opened. What flags said for whoever is asked counts for all of them.
    """
    if settings.config_path is None or settings.origins.get("platform") in {"flag --address", "RAYTUI_ADDRESS"}:
        return ()
    flags = {
        name: getattr(settings, name if name != "read_only" else "read_only_asked")
        for name in ("read_only", "notify", "bell")
        if settings.origins.get(name, "").startswith("flag ")
    }

    def entry(name: str) -> Entry:
        given = {"profile": name, "config": str(settings.config_path), **flags}
        return Entry(name, name, lambda: opened(load(given, os.environ, Path.cwd())))

    return tuple(entry(name) for name in settings.profiles if name != settings.profile_name)


def access_problems(settings: Settings) -> list[Problem]:
    """What is missing before a workbench can be asked; a project that is not named comes with those that the key sees.

    Asks the workbench only for that, within `PROJECTS_S` seconds, and never fails because it does not answer. Not for a
    running loop.
    """
    problems = missing_access(settings)
    if [problem.field for problem in problems] != ["project_id"]:
        return problems
    try:
        seen = seen_projects(catalog(settings, "projects").projects.value or ())
    except RaytuiError:
        # The missing project is what is wrong; a workbench that does not answer is reported once it is asked for more.
        return problems
    return [msgspec.structs.replace(problem, hint=plus(problem.hint, "; ", seen)) for problem in problems]


def catalog(settings: Settings, what: Literal["projects", "runtimes"]) -> Catalog:
    """What the workbench of the settings offers, which takes a key and no project. Not for a running loop.

    Raises `ConfigurationError` with what is missing, and what the workbench raises.
    """
    if settings.platform != "cai":
        problem = Problem(
            "host", f"{what} are of a workbench, and profile {settings.profile_name} is on {settings.platform}",
            "set CML_HOST and CML_API_KEY, or name a profile of a workbench with --profile",
        )  # fmt: skip
        raise ConfigurationError.from_problems([problem])
    missing = [problem for problem in missing_access(settings) if problem.field != "project_id"]
    if missing:
        raise ConfigurationError.from_problems(missing, f"profile {settings.profile_name}")
    from raytui.platforms.cai.site.catalog import offered

    return asyncio.run(_asked(settings, lambda client: offered(client, what)))


def with_project(settings: Settings) -> Settings:
    """The settings with the project's id in place of its name. Not for a running loop.

    Raises `NotFound` or `ConfigurationError`, with candidates, for a name that means none or several.
    """
    named = settings.project_id
    if settings.platform != "cai" or not named or is_project_id(named) or missing_access(settings):
        return settings
    from raytui.platforms.cai.site.projects import named as project_named

    origin = settings.origins.get("project_id", "")
    found = asyncio.run(_asked(settings, lambda client: project_named(client, named, origin)))
    inside = environment.project_dir(os.environ, found.id, Path.cwd())
    return msgspec.structs.replace(settings, project_id=found.id, project_dir=inside)


async def _asked(settings: Settings, ask: Callable[[ApiClient], Awaitable[T]]) -> T:
    """The answer of a workbench within `PROJECTS_S` seconds."""
    from raytui.platforms.cai.api.connect import open_client

    client = open_client(**_access(settings))
    try:
        async with asyncio.timeout(PROJECTS_S):
            return await ask(client)
    except TimeoutError:
        message = f"{settings.host} did not answer within {PROJECTS_S:g} s"
        raise Unreachable(Failure("platform", "Timeout", message, "try again")) from None
    finally:
        await client.close()


def _access(settings: Settings) -> _Access:
    """How the workbench of the settings is reached, as `open_client` takes it."""
    return {
        "host": settings.host,
        "api_key": settings.api_key,
        "client": settings.client,
        "ca_bundle": settings.ca_bundle,
        "key_source": settings.origins.get("api_key") or "CML_API_KEY",
    }


def _by_node(settings: Settings) -> ByNode | None:
    """How applications are made of Ray's nodes, where no platform lists any."""
    if settings.platform != "attached":
        return None
    from raytui.platforms.attached import applications_of

    return applications_of


def build_platform(settings: Settings) -> Platform:
    """The platform of the profile; only its own modules are imported."""
    if settings.platform == "attached":
        from raytui.dashboard.client import connect
        from raytui.platforms.attached import AttachedPlatform

        async def authentication(target: DashboardTarget) -> str | None:
            dashboard = connect(target, long_lived=False)
            try:
                return await dashboard.authentication()
            finally:
                await dashboard.close()

        return AttachedPlatform(settings.address, authentication, ca_bundle=settings.ca_bundle)
    if settings.platform == "local":
        from raytui.platforms.local import LocalPlatform

        return LocalPlatform(settings.state_dir, venv=settings.venv)
    from raytui.platforms.cai import CaiPlatform

    return CaiPlatform(
        host=settings.host,
        project_id=settings.project_id,
        api_key=settings.api_key,
        client=settings.client,
        ca_bundle=settings.ca_bundle,
        project_dir=settings.project_dir,
        domain=settings.domain,
        key_source=settings.origins.get("api_key") or "CML_API_KEY",
        launchers=render,
    )


PROJECTS_S = 20.0
"""How long a workbench may take to say which projects and runtimes there are."""


async def open_deployment(
    settings: Settings, *, project_id: str, project_name: str, git_url: str, branch: str, timeout: float
) -> Deployment:
    """A run of the pipeline on the workbench of the settings; close it afterwards.

    Into the project of this id, or the one of this name, which is made where there is none.
    """
    from raytui.platforms.cai import CaiPlatform
    from raytui.platforms.cai.api.connect import open_client
    from raytui.platforms.cai.deploy.pipeline import Deployment, Request, requirements

    access = _access(settings)

    async def complete(project_id: str, spec: ClusterSpec) -> ClusterSpec:
        platform = CaiPlatform(project_id=project_id, **access)
        try:
            # A second deploy goes on with what the first one was asked for.
            spec = await deployed(platform, spec, settings.given) or spec
            return await platform.specs.complete(spec)
        finally:
            await platform.close()

    request = Request(
        project_name=project_name,
        git_url=git_url,
        branch=branch,
        spec=settings.cluster.resolved("cai"),
        requirements=requirements(),
        project_id=project_id,
        timeout=timeout,
    )
    return Deployment(open_client(**access), request, launchers=render(), shipped=shipped(), complete=complete)
