"""The one place that builds real objects: settings become a platform, a monitor and a manager.

Front ends open a session and never name an implementation; tests hand them a session of fakes instead.
"""

from __future__ import annotations

import asyncio
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

import msgspec

from raytui.config.settings import Settings, missing_access
from raytui.core.errors import Problem, RaytuiError
from raytui.core.protocols import Dashboard, DashboardTarget, Platform
from raytui.core.remedy import plus
from raytui.core.units import sanitize
from raytui.manager.journal import Journal
from raytui.manager.launchers import render, shipped
from raytui.manager.monitor import ByNode, Monitor
from raytui.manager.operations import current

if TYPE_CHECKING:
    from typing import TypedDict

    from raytui.core.secret import Secret
    from raytui.core.session import Session, ToolEnvironment
    from raytui.core.spec import ClusterSpec
    from raytui.logs.engine import Logs
    from raytui.manager.cluster import ClusterManager
    from raytui.manager.jobs import JobRunner
    from raytui.platforms.cai.api.transport import ClientName
    from raytui.platforms.cai.deploy.pipeline import Deployment

    class _Access(TypedDict):
        host: str
        api_key: Secret
        client: ClientName
        ca_bundle: str
        key_source: str


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

    async def tools(self) -> ToolEnvironment:
        """What Ray's own tools need to speak to the cluster as it is now; raises what `tool_environment` raises."""
        from raytui.manager.tools import tool_environment

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


def access_problems(settings: Settings) -> list[Problem]:
    """What is missing before a workbench can be asked; a project that is not named comes with those that the key sees.

    Asks the workbench only for that, within `PROJECTS_S` seconds, and never fails because it does not answer. Not for a
    running loop.
    """
    problems = missing_access(settings)
    if [problem.field for problem in problems] != ["project_id"]:
        return problems
    seen = asyncio.run(_projects(settings))
    return [
        msgspec.structs.replace(problem, hint=plus(problem.hint, f"; {seen}")) if seen else problem
        for problem in problems
    ]


async def _projects(settings: Settings) -> str:
    """The projects that the key sees, in words; empty when they could not be asked for."""
    from raytui.platforms.cai.api.connect import open_client
    from raytui.platforms.cai.deploy.projects import visible

    try:
        async with asyncio.timeout(PROJECTS_S):
            client = open_client(settings.host, settings.api_key, client=settings.client, ca_bundle=settings.ca_bundle)
            try:
                found = await visible(client)
            finally:
                await client.close()
    except (RaytuiError, TimeoutError):
        # The missing project is what is wrong; a workbench that does not answer is told once it is asked for more.
        return ""
    if not found:
        return "the key sees no project"
    listed = ", ".join(f"{project.id} ({sanitize(project.name)})" for project in found[:MOST_PROJECTS])
    more = f" and {len(found) - MOST_PROJECTS} more" if len(found) > MOST_PROJECTS else ""
    return f"the key sees {listed}{more}"


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


PROJECTS_S = 10.0
"""How long a workbench may take to say which projects the key sees, when none was named."""
MOST_PROJECTS = 20
DEPLOY_STEPS = ("project found or created", "files uploaded", "environment set up", "cluster launched")
"""The steps of `deploy`, in order."""


async def open_deployment(
    settings: Settings, *, project_name: str, git_url: str, branch: str, timeout: float
) -> Deployment:
    """A run of the pipeline on the workbench of the settings; close it afterwards."""
    from raytui.platforms.cai import CaiPlatform
    from raytui.platforms.cai.api.connect import open_client
    from raytui.platforms.cai.deploy.pipeline import Deployment, Request, requirements

    access: _Access = {
        "host": settings.host,
        "api_key": settings.api_key,
        "client": settings.client,
        "ca_bundle": settings.ca_bundle,
        "key_source": settings.origins.get("api_key") or "CML_API_KEY",
    }

    async def complete(project_id: str, spec: ClusterSpec) -> ClusterSpec:
        platform = CaiPlatform(project_id=project_id, **access)
        try:
            return await platform.specs.complete(spec)
        finally:
            await platform.close()

    request = Request(
        project_name=project_name,
        git_url=git_url,
        branch=branch,
        spec=settings.cluster.resolved("cai"),
        requirements=requirements(),
        project_id="" if project_name else settings.project_id,
        timeout=timeout,
    )
    return Deployment(open_client(**access), request, launchers=render(), shipped=shipped(), complete=complete)
