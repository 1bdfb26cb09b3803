"""Cloudera AI as a platform: head and workers are applications of one project, found by name and marker."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from raytui.core.desired.launchers import NODE_VARIABLE, node_folder
from raytui.core.errors import ConfigurationError, Problem, RaytuiError
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.snapshot import Application, LauncherReport
from raytui.core.platforms import PlatformName
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.protocols.platform import CreateRequest
from raytui.core.secret import Secret
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.api.connect import open_client
from raytui.platforms.cai.api.transport import ClientName
from raytui.platforms.cai.applications.lifecycle import ENDED, Lifecycle
from raytui.platforms.cai.applications.records import Record, in_order, to_application
from raytui.platforms.cai.project.files import DirectFiles, ProjectFiles, RemoteFiles
from raytui.platforms.cai.project.folder import SharedFolder, folder_of, token_path
from raytui.platforms.cai.project.remote_reports import RemoteReports
from raytui.platforms.cai.project.store import ProjectStore
from raytui.platforms.cai.site.accelerators import Accelerators
from raytui.platforms.cai.site.addresses import DashboardAddresses, site_of
from raytui.platforms.cai.site.holdings import HoldingsReader
from raytui.platforms.cai.site.projects import raise_shared_memory
from raytui.platforms.cai.site.specs import SiteSpecs
from raytui.platforms.cai.site.usage import Reasons
from raytui.system.backoff import Backoff
from raytui.system.token import ray_token

DEFAULT_VENV = "~/.venv"
"""`/home/cdsw/.venv` in a workload."""


class CaiPlatform:
    """The applications, files and nodes of one project of one workbench.

    `project_dir` is set when raytui runs inside the project: files are then read and written directly. `domain` is the
    name under which applications answer, the host's own unless the workbench says otherwise. `files` take the place of
    the project's own.
    """

    name: PlatformName = "cai"

    def __init__(
        self,
        *,
        host: str,
        project_id: str,
        api_key: Secret | Callable[[], str],
        client: ClientName = "auto",
        ca_bundle: str = "",
        project_dir: Path | None = None,
        files: ProjectFiles | None = None,
        domain: str = "",
        key_source: str = "CML_API_KEY",
        venv: str = DEFAULT_VENV,
        launchers: Callable[[], Mapping[str, bytes]] | None = None,
        timing: Timing | None = None,
    ) -> None:
        if not project_id:
            raise ConfigurationError.from_problems(
                [Problem("project_id", "no project is named", "set project_id or CML_PROJECT_ID")]
            )
        api = open_client(
            host,
            api_key,
            project_id=project_id,
            client=client,
            ca_bundle=ca_bundle,
            key_source=key_source,
            timing=timing or Timing(),
        )
        self.client = api
        self.lifecycle = Lifecycle(api)
        self.files = files or (DirectFiles(project_dir) if project_dir is not None else RemoteFiles(api))
        self.folder = SharedFolder(self.files)
        self.store = ProjectStore(self.files, self.folder, self.lifecycle, api.timing, beside=self._remove_deployed)
        self.specs = SiteSpecs(api, self.lifecycle, self.files, launchers)
        self._dashboards = DashboardAddresses(api.endpoint, self.folder, project_dir)
        self._site = site_of(api.endpoint.base, domain)
        self._venv = venv
        self._is_inside = project_dir is not None
        self._reasons = Reasons(api)
        self._holdings = HoldingsReader(api)
        self._records: tuple[Record, ...] = ()
        self._accelerators = Accelerators(api)
        self._remote = RemoteReports(api)

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """One paged listing for any number of applications, with what the launchers say.

        Inside the project their reports are read from its folder; from outside, for one cluster, at most a fixed number
        with each look. A failed application has its reason, where somebody tells one.
        """
        records, present = await asyncio.gather(self.lifecycle.records(), self._present(cluster))
        self._records = records
        ours = in_order(records)
        apps = [
            to_application(record, self._site)
            for record in ours
            if record.marker and cluster in {None, record.marker.cluster}
        ]
        reports = await self._reports(apps, present)
        apps = [msgspec.structs.replace(app, launcher=reports.get(app.name)) for app in apps]
        reasons = await self._reasons.of(app for app in apps if app.state == "failed")
        return tuple(
            msgspec.structs.replace(app, message=_why(app) or reasons.get(app.id, "")) if app.state == "failed" else app
            for app in apps
        )

    async def conflicts(self, names: tuple[str, ...], cluster: str = "") -> tuple[str, ...]:
        """Those of `names` that an application without our marker has, or one whose marker stands for another name.

        An application of another cluster counts too: group `c` of cluster `a-b` and group `b-c` of `a` share a name.
        """
        named = [record for record in await self.lifecycle.records() if record.name in names]
        return tuple(sorted({record.name for record in named if not record.ours or _is_of_another(record, cluster)}))

    @property
    def appears_within(self) -> float:
        """A create behind a gateway that gave up, and then the lag of the list."""
        return self.client.timing.late_behind_gateway + self.client.timing.lag

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        """Make each cluster's Ray token where it has none, look up its accelerators, give pods their shared memory."""
        asked = {request.marker.cluster for request in requests if request.environment.get("RAY_AUTH_MODE") == "token"}
        own = ray_token(os.environ, Path()).text
        for label in dict.fromkeys(request.accelerator for request in requests if request.accelerator):
            await self._accelerators.identity(label)
        await asyncio.gather(*(self.folder.ensure_token(cluster, own) for cluster in asked))
        shared = max((request.shared_memory for request in requests), default=0.0)
        if shared:
            await raise_shared_memory(self.client, shared)

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        """Make one application, which finds what `prepare` made."""
        self.store.begins(request.marker.cluster)
        accelerator = await self._accelerators.identity(request.accelerator) if request.accelerator else ""
        request = msgspec.structs.replace(request, script=self.store.placed(request.script), accelerator=accelerator)
        return to_application(await self.lifecycle.create(request, self._environment(request), until=until), self._site)

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """Ask it to end and wait until it is listed as stopped; without `wait` until the platform has accepted that.

        One that is FAILED is stopped too, since the platform starts it again by itself.
        """
        await self.lifecycle.stop(application, wait=wait)

    async def restart(self, application: Application) -> Application:
        """Stop, wait and start again, or delete and make again as it was."""
        self.store.begins(application.cluster)
        return to_application(await self.lifecycle.restart(application), self._site)

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Delete it, wait until it is no longer listed, and remove what only this run of it left in the project folder.

        Without `wait` it returns when the platform has accepted the delete; then the files stay, since its node still
        runs and writes them, until the next run replaces them.
        """
        await self.lifecycle.delete(application, wait=wait)
        if wait:
            await self.store.forget_application(application)

    async def forget(self, cluster: str) -> None:
        """Remove the cluster's shared folder; refused while it has applications."""
        await self.store.forget(cluster)

    async def drain(self, application: Application, timeout: float) -> bool:
        """Ask the worker's launcher to drain its node, and wait until it, or the listing, says that it left."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        end = since + timeout
        backoff = Backoff(self.client.timing.poll, self.client.timing.slowest_poll)
        if application.state in ENDED:
            return True
        try:
            async with asyncio.timeout(timeout):
                await self.folder.ask_to_drain(application)
                while True:
                    if await self._has_left(application, since):
                        return True
                    if loop.time() >= end:
                        return False
                    await asyncio.sleep(backoff.next())
        except (TimeoutError, RaytuiError):
            # A node that cannot be drained is stopped all the same: its launcher drains on the platform's own stop
            # signal.
            return False
        finally:
            await asyncio.shield(self._withdraw(application))

    async def holdings(self) -> Holdings:
        """Quotas, kinds of GPU and the workloads that run, by a constant number of requests."""
        return await self._holdings.read(self._records)

    async def dashboard(self, head: Application) -> DashboardTarget:
        """By the head's own address inside the project, by its application when that serves it, else not at all."""
        return await self._dashboards.of(head)

    async def close(self) -> None:
        """Let go of connections."""
        await self.lifecycle.close()
        await self.store.close()
        await self.client.close()

    async def _remove_deployed(self, cluster: str) -> tuple[str, ...]:
        """Remove the jobs and files of a deploy that was this cluster's."""
        if await self.specs.deployed(cluster) is None:
            return ()
        from raytui.platforms.cai.deploy.removal import remove_deployed

        return await remove_deployed(self.client, self.files)

    async def _present(self, cluster: str | None) -> frozenset[str] | None:
        if self._is_inside or cluster is None:
            return frozenset()
        return await self._remote.present(cluster)

    async def _reports(self, apps: Sequence[Application], present: frozenset[str] | None) -> dict[str, LauncherReport]:
        if self._is_inside:
            return await self.folder.reports(apps)
        return await self._remote.of(apps, present)

    def _environment(self, request: CreateRequest) -> dict[str, str]:
        cluster = request.marker.cluster
        variables = {
            "RAYTUI_CLUSTER": cluster,
            "RAYTUI_APPLICATION": request.name,
            "RAYTUI_SHARED_DIR": folder_of(cluster),
            "RAYTUI_VENV": self._venv,
            NODE_VARIABLE: node_folder(request.script),
        }
        if request.environment.get("RAY_AUTH_MODE") == "token":
            variables["RAY_AUTH_TOKEN_PATH"] = token_path(cluster)
            if request.marker.role == "head":
                # Other pods of the project reach the dashboard by the head's address; Ray's token keeps everybody else
                # out.
                variables["RAYTUI_DASHBOARD_HOST"] = "0.0.0.0"  # noqa: S104
        return variables

    async def _has_left(self, application: Application, since: float) -> bool:
        if await self.folder.has_left(application):
            return True
        listed = next((app for app in await self.lifecycle.records() if app.id == application.id), None)
        if listed is None:
            # On no list it is gone, unless the list lags behind its create.
            return asyncio.get_running_loop().time() - since >= self.client.timing.lag
        return listed.state in ENDED

    async def _withdraw(self, application: Application) -> None:
        try:
            await self.folder.withdraw_drain(application)
        except RaytuiError:
            # A launcher counts only a request that appears after it began, so one left behind harms nobody.
            return


def _is_of_another(record: Record, cluster: str) -> bool:
    return bool(cluster) and record.marker is not None and record.marker.cluster != cluster


def _why(app: Application) -> str:
    """What the launcher said of its end; one that was killed left only what it said while it lived."""
    return app.launcher.message if app.launcher is not None and app.launcher.state in {"ended", "failed"} else ""
