"""Cloudera AI as a platform: head and workers are applications of one project, found again by name and marker from any machine."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from raytui.core.errors import ConfigurationError, Failure, Problem, RaytuiError, Unreachable
from raytui.core.launchers import NODE_VARIABLE, node_folder
from raytui.core.protocols import Check, CreateRequest, DashboardTarget
from raytui.core.remedy import Remedy
from raytui.core.secret import Secret
from raytui.core.snapshot import Application, LauncherReport
from raytui.core.spec import DEFAULT_DASHBOARD_PORT, DEFAULT_RAY_PORT, ClusterSpec, PlatformName
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.api.connect import open_client
from raytui.platforms.cai.api.transport import ClientName
from raytui.platforms.cai.applications.lifecycle import ENDED
from raytui.platforms.cai.applications.records import in_order, to_application
from raytui.platforms.cai.project.files import DirectFiles, RemoteFiles
from raytui.platforms.cai.project.folder import folder_of, token_path
from raytui.platforms.cai.project.remote_reports import RemoteReports
from raytui.platforms.cai.project.store import ProjectStore
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.usage import Reasons
from raytui.system.backoff import Backoff

DEFAULT_VENV = "~/.venv"
"""`/home/cdsw/.venv` in a workload."""


LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""Where a workbench for tests listens."""


class CaiPlatform(ProjectStore):
    """The applications, files and nodes of one project of one workbench.

    `project_dir` is set when raytui runs inside the project: files are then read and written directly. `domain` is the name under which
    applications answer, the host's own unless the workbench says otherwise.
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
        domain: str = "",
        key_source: str = "CML_API_KEY",
        venv: str = DEFAULT_VENV,
        launchers: Callable[[], Mapping[str, bytes]] | None = None,
        timing: Timing | None = None,
    ) -> None:
        if not project_id:
            raise ConfigurationError.from_problems([Problem("project_id", "no project is named", "set project_id or CML_PROJECT_ID")])
        api = open_client(
            host, api_key, project_id=project_id, client=client, ca_bundle=ca_bundle, key_source=key_source, timing=timing or Timing()
        )
        super().__init__(api, DirectFiles(project_dir) if project_dir is not None else RemoteFiles(api))
        self._site = site_of(api.endpoint.base, domain)
        self._launchers = launchers
        self._venv = venv
        self._project_dir = project_dir
        self._reasons = Reasons(api)
        self._remote = RemoteReports(api)
        self._emptied: set[str] = set()
        """Clusters whose head was deleted by us, and of which nothing was made since."""
        self._clearing: dict[str, asyncio.Task[None]] = {}
        self._seen_tokens: dict[str, str] = {}

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """One paged listing for any number of applications, with what the launchers say.

        Inside the project their reports are read from its folder; from outside, for one cluster, at most a fixed number with each look.
        A failed application has its reason, where somebody tells one.
        """
        records, present = await asyncio.gather(self.lifecycle.records(), self._present(cluster))
        ours = in_order(records)
        apps = [to_application(record, self._site) for record in ours if record.marker and cluster in {None, record.marker.cluster}]
        reports = await self._reports(apps, present)
        apps = [msgspec.structs.replace(app, launcher=reports.get(app.name)) for app in apps]
        reasons = await self._reasons.of(app for app in apps if app.state == "failed")
        return tuple(
            msgspec.structs.replace(app, message=_why(app) or reasons.get(app.id, "")) if app.state == "failed" else app for app in apps
        )

    async def conflicts(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of `names` that an application without our marker has, or one whose marker stands for another name."""
        return tuple(sorted({record.name for record in await self.lifecycle.records() if record.name in names and not record.ours}))

    @property
    def appears_within(self) -> float:
        """A create behind a gateway that gave up, and then the lag of the list."""
        return self.client.timing.late_behind_gateway + self.client.timing.lag

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        """Make the Ray token of each cluster that is to have one and has none."""
        asked = {request.marker.cluster for request in requests if request.environment.get("RAY_AUTH_MODE") == "token"}
        await asyncio.gather(*(self.folder.ensure_token(cluster, own_ray_token()) for cluster in asked))

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:
        """Make one application, which finds what `prepare` made."""
        self._emptied.discard(request.marker.cluster)
        request = msgspec.structs.replace(request, script=self.placed(request.script))
        return to_application(await self.lifecycle.create(request, self._environment(request), until=until), self._site)

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """Ask it to end and wait until it is listed as stopped; without `wait` until the platform has accepted that.

        One that is FAILED is stopped too, since the platform starts it again by itself.
        """
        await self.lifecycle.stop(application, wait=wait)

    async def restart(self, application: Application) -> Application:
        """Stop, wait and start again, or delete and make again as it was."""
        self._emptied.discard(application.cluster)
        return to_application(await self.lifecycle.restart(application), self._site)

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Delete it, wait until it is no longer listed, and remove what only this run of it left in the project folder.

        Without `wait` it returns when the platform has accepted the delete; then the files stay, since its node still runs and writes
        them, until the next run replaces them.
        """
        await self.lifecycle.delete(application, wait=wait)
        if not wait:
            return
        cluster = application.cluster
        if application.role == "head":
            self._emptied.add(cluster)
        try:
            async with asyncio.timeout(self.client.timing.request):
                if await self._is_empty(cluster):
                    await self._together(self._clearing, cluster, lambda: self.folder.forget_run(cluster))
                else:
                    await self.folder.forget_node(application)
        except (RaytuiError, TimeoutError):
            # What is left are small files that the next run replaces; the application is gone, and that was asked for.
            return

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
            # A node that cannot be drained is stopped all the same: its launcher drains on the platform's own stop signal.
            return False
        finally:
            await asyncio.shield(self._withdraw(application))

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """The rows of `doctor`."""
        from raytui.platforms.cai.site.preflight import Preflight

        return await Preflight(self.client, self.lifecycle, self.files, self._launchers).run(spec.resolved("cai"))

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """A pod has its ports to itself: `auto` is Ray's default."""
        return msgspec.structs.replace(
            spec,
            ray_port=DEFAULT_RAY_PORT if spec.ray_port == "auto" else spec.ray_port,
            dashboard_port=DEFAULT_DASHBOARD_PORT if spec.dashboard_port == "auto" else spec.dashboard_port,
        )

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The newest fitting runtime images where none are given: of the venv's Python, and with CUDA for workers with GPUs."""
        if spec.head.runtime_identifier and (spec.workers.runtime_identifier or not spec.workers.count):
            return spec
        from raytui.platforms.cai.project.venv import venv_of

        listed, venv = await asyncio.gather(self.client.pages("ListRuntimes", "runtimes"), venv_of(self.files))
        known = images.parse(listed)
        chosen = {spec.head.runtime_identifier, spec.workers.runtime_identifier}
        given = next((image.python for image in known if image.identifier in chosen), "")
        worker = images.newest(known, gpu=spec.workers.gpus > 0, python=given or venv.python)
        head = images.newest(known, gpu=False, python=worker.python if worker else venv.python)
        if head is None or worker is None:
            what = "CUDA" if head is not None else "Python"
            raise ConfigurationError.from_problems(
                [Problem("runtime_identifier", f"the workbench lists no enabled {what} runtime", "name one with --runtime-identifier")]
            )
        return msgspec.structs.replace(
            spec,
            head=msgspec.structs.replace(spec.head, runtime_identifier=spec.head.runtime_identifier or head.identifier),
            workers=msgspec.structs.replace(spec.workers, runtime_identifier=spec.workers.runtime_identifier or worker.identifier),
        )

    async def dashboard(self, head: Application) -> DashboardTarget:
        """By the head's own address inside the project, through its application when that serves the dashboard, else not at all."""
        if self._project_dir is not None:
            return await self._inside(head, self._project_dir)
        if head.exposed and head.url:
            token = await self._ray_token(head)
            headers = {"Authorization": f"Bearer {self.client.endpoint.key.reveal()}"}
            login = {"X-Ray-Authorization": f"Bearer {token}"} if token else {}
            url = head.url
            if urlsplit(self.client.endpoint.base).hostname in LOOPBACK:
                # Names below localhost have an address on few machines; a workbench there goes by the Host header.
                url, headers["Host"] = self.client.endpoint.base, urlsplit(head.url).netloc
            return DashboardTarget(url, headers, ca_bundle=self.client.endpoint.ca_bundle, ray_headers=login)
        raise Unreachable(
            Failure(
                "network",
                "DashboardNotExposed",
                f"the dashboard of {head.cluster} is not reachable from here: {head.name} does not serve it to the outside",
                "run raytui inside the project, or start the cluster with expose_dashboard = true",
            )
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self.lifecycle.close()
        tasks = list(self._clearing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.close()

    async def _is_empty(self, cluster: str) -> bool:
        """Whether a cluster has no application; the head that a worker leaves behind may only be too young for a list."""
        if await self._lists(cluster):
            return False
        if cluster in self._emptied:
            return True
        await asyncio.sleep(self.client.timing.lag)
        return not await self._lists(cluster)

    async def _lists(self, cluster: str) -> bool:
        return any(record.ours and record.marker and record.marker.cluster == cluster for record in await self.lifecycle.records())

    async def _present(self, cluster: str | None) -> frozenset[str] | None:
        if self._project_dir is not None or cluster is None:
            return frozenset()
        return await self._remote.present(cluster)

    async def _reports(self, apps: Sequence[Application], present: frozenset[str] | None) -> dict[str, LauncherReport]:
        if self._project_dir is not None:
            return await self.folder.reports(apps)
        return await self._remote.of(apps, present)

    async def _inside(self, head: Application, project: Path) -> DashboardTarget:
        met = await self.folder.rendezvous(head.cluster)
        if met is None or not met.dashboard_url:
            raise Unreachable(
                Failure(
                    "application", "HeadNotReady", f"{head.name} has not yet said where it answers",
                    Remedy("logs", head.short, "shows how far it is"),
                )
            )  # fmt: skip
        token = await self.folder.token(head.cluster)
        bearer = f"Bearer {token}"
        login = {"Authorization": bearer, "X-Ray-Authorization": bearer} if token else {}
        kept = str(project / token_path(head.cluster)) if token else ""
        return DashboardTarget(met.dashboard_url, token_file=kept, ray_headers=login)

    async def _ray_token(self, head: Application) -> str:
        own = own_ray_token()
        if own:
            return own
        token = self._seen_tokens.get(head.id) or await self.folder.token(head.cluster)
        self._seen_tokens[head.id] = token
        return token

    @staticmethod
    async def _together(tasks: dict[str, asyncio.Task[None]], cluster: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something for a cluster once for all who ask while it is done; who asks later may find another world."""
        task = tasks.get(cluster)
        if task is None or task.done():
            task = tasks[cluster] = asyncio.ensure_future(work())
        await asyncio.shield(task)

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
                # Other pods of the project reach the dashboard by the head's address; Ray's token keeps everybody else out.
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


def site_of(base: str, domain: str = "") -> str:
    """Scheme and domain under which applications answer; the domain is the workbench's own name unless it is told.

    A loopback address has no names below it; those below `localhost` are loopback (RFC 6761).
    """
    scheme, _, netloc = base.partition("://")
    name, colon, port = (domain or netloc).partition(":")
    return f"{scheme}://{'localhost' if name in LOOPBACK else name}{colon}{port}"


def own_ray_token() -> str:
    """A Ray token that the person gives in the usual variables, empty when there is none."""
    given = os.environ.get("RAY_AUTH_TOKEN", "").strip()
    path = os.environ.get("RAY_AUTH_TOKEN_PATH", "").strip()
    if given or not path:
        return given
    try:
        return Path(path).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _why(app: Application) -> str:
    """What the launcher said of its end; one that was killed left only what it said while it lived."""
    return app.launcher.message if app.launcher is not None and app.launcher.state in {"ended", "failed"} else ""
