"""Submitting and stopping jobs: exactly one job for each submission, whatever becomes of the answers."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Callable

from raytui.core.errors import DeadlineExceeded, NotFound, OutcomeUnknown, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Job
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import CREATE, Remedy
from raytui.core.session import JobRequest
from raytui.manager.packages import pack
from raytui.manager.serve import ServeRunner
from raytui.system.backoff import Backoff

OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""Ray's words for a job that has ended."""
STOP_S = 60.0
"""How long a job may take to stop: Ray kills its driver 3 s after it asked, and was seen to need 5."""
CONFIRM_S = 15.0
"""How long a job is looked for whose submission was not answered."""
_LETTERS = string.ascii_letters + string.digits


class JobRunner:
    """The jobs of one cluster of a platform."""

    def __init__(self, platform: Platform, connect: Callable[[DashboardTarget], Dashboard], cluster: str) -> None:
        self._platform = platform
        self._connect = connect
        self._cluster = cluster
        self._dashboard: Dashboard | None = None
        self.serve = ServeRunner(self.reach)
        """Its Serve applications, over the same connection."""

    async def submit(self, request: JobRequest, tell: Callable[[str], None]) -> str:
        """Submit a job under an id of our own, so that a lost answer can be settled by looking for it."""
        package = await asyncio.to_thread(pack, request.working_dir) if request.working_dir else None
        workload = (await self.reach()).workload
        identity = request.submission_id or "raysubmit_" + "".join(secrets.choice(_LETTERS) for _ in range(16))
        environment: dict[str, object] = {"env_vars": request.environment} if request.environment else {}
        if package is not None:
            environment["working_dir"] = package.uri
            size = f"{len(package.data) / 1e6:.1f} MB, {package.files} files"
            if await workload.has_package(package.name):
                tell(f"the working directory is there already ({size})")
            else:
                tell(f"sending the working directory ({size})")
                await workload.upload_package(package.name, package.data)
        try:
            await workload.submit_job(identity, request.entrypoint, environment)
        except Unreachable as error:
            await self._require_submitted(identity, error)
        return identity

    async def stop(self, identity: str) -> Job:
        """Ask, and look until the job has ended: Ray answers before it has."""
        workload = (await self.reach()).workload
        try:
            asked = await workload.stop_job(identity)
        except NotFound:
            raise self._unknown(identity) from None
        if asked:
            try:
                async with asyncio.timeout(STOP_S):
                    return await self._ended(identity)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"job {identity} was asked to stop and has not ended after {STOP_S:g} s",
                    hint=Remedy("job", f"stop {identity}", "asks again"),
                ) from None
        return await self.job(identity)

    async def job(self, identity: str) -> Job:
        """The job as it is now."""
        try:
            return await (await self.reach()).workload.job(identity)
        except NotFound:
            raise self._unknown(identity) from None

    async def stack(self, node_id: str, ip: str, pid: int) -> str:
        """What one of Ray's processes does at this moment."""
        return await (await self.reach()).workload.stack(node_id, ip, pid)

    async def close(self) -> None:
        """Let go of the dashboard."""
        reached, self._dashboard = self._dashboard, None
        if reached is not None:
            await reached.close()

    def _unknown(self, identity: str) -> NotFound:
        return NotFound(
            f"{self._cluster} has no submitted job {identity}", hint=Remedy("jobs", "", "lists what there is")
        )

    async def _ended(self, identity: str) -> Job:
        """The job once it has ended."""
        pause = Backoff(0.3, 2.0)
        while True:
            job = await self.job(identity)
            if job.status in OVER:
                return job
            await asyncio.sleep(pause.next())

    async def _require_submitted(self, identity: str, error: Unreachable) -> None:
        """After a submission that Ray did not answer: whether the job is there. Raises what is known when it is not."""
        if error.failure.reason not in {"NoAnswer", "ConnectionClosed", "Garbage"}:
            raise error
        pause = Backoff(0.5, 3.0)
        try:
            async with asyncio.timeout(CONFIRM_S):
                while True:
                    try:
                        await self.job(identity)
                    except RaytuiError:
                        await asyncio.sleep(pause.next())
                    else:
                        return
        except TimeoutError:
            raise OutcomeUnknown(
                f"it is not known whether job {identity} was submitted: {error.message}",
                hint=Remedy("jobs", f"--filter id={identity}", "shows whether it is there"),
            ) from None

    async def reach(self) -> Dashboard:
        """A connection to where the cluster's dashboard answers now; raises `NotFound` without a head."""
        if self._dashboard is None:
            head = next((app for app in await self._platform.list(self._cluster) if app.role == "head"), None)
            if head is None:
                raise NotFound(f"cluster {self._cluster} has no head application", hint=CREATE)
            target = await self._platform.dashboard(head)
            # In a thread: a client that lives on imports httpx.
            self._dashboard = await asyncio.to_thread(self._connect, target)
        return self._dashboard
