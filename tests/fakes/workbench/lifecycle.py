"""How applications live: scheduling, the script, polls, automatic restarts, stop, restart and delete.

Each application has at most one task that brings it up and watches it (`task`) and one that ends it (`ending`).
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from . import ingress
from .environment import for_workload
from .faults import matches
from .model import FAILED, RUNNING, STARTING, STOPPED, STOPPING, Application, Orphan, Run, now
from .runner import Pod, PodRequest, Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from .network import Place
    from .sidecar_fault import Sidecar
    from .state import Workbench

TICK = 0.05
POLL_EVERY = 0.2
AUTOMATIC_RESTARTS = 3


class Lifecycle:
    """Owns every pod of the workbench."""

    def __init__(self, bench: Workbench, runner: Runner, sidecar: Sidecar) -> None:
        self._bench = bench
        self._runner = runner
        self._sidecar = sidecar
        self._pods: set[Pod] = set()
        self.orphans: list[Orphan] = []

    @property
    def namespaces(self) -> bool | None:
        """Whether workloads get mount namespaces; None before the first one started."""
        return self._runner.namespaces

    @namespaces.setter
    def namespaces(self, wanted: bool) -> None:
        self._runner.namespaces = wanted

    def start(self, application: Application) -> None:
        """Bring an application up, in the background."""
        application.restarts = 0
        self._enter(application)
        application.task = self._bench.spawn(self._live(application))

    def stop(self, application: Application) -> None:
        """Begin to stop; the application is STOPPING until its processes are gone."""
        application.wanted = False
        if application.ending is None and application.status not in (STOPPED, FAILED):
            self._cancel(application)
            self._set(application, STOPPING)
            application.ending = self._bench.spawn(self._stop(application))
        elif application.status == FAILED:
            self._cancel(application)
            self._set(application, STOPPED)

    def delete(self, application: Application) -> None:
        """Begin to delete; the application is listed until its processes are gone."""
        if not application.deleting:
            application.deleting = True
            self._cancel(application)
            self._set(application, STOPPING)
            self._bench.spawn(self._delete(application))

    async def delete_all(self, applications: list[Application]) -> None:
        """Delete and wait until the last is gone."""
        for application in applications:
            self.delete(application)
        await _until(lambda: not any(application.id in self._bench.applications for application in applications))

    def restart(self, application: Application) -> None:
        """Stop, where that is needed, and start again with a new engine."""
        application.wanted = True
        if application.status == STARTING and self._bench.faults.orphan_on_restart:
            self._cancel(application)
            application.ending = self._bench.spawn(self._orphan_and_start(application))
        elif application.status in (STOPPED, FAILED):
            self._cancel(application)
            self.start(application)
        else:
            self._set(application, STOPPING)
            application.ending = self._bench.spawn(self._stop_and_start(application))

    async def close(self) -> None:
        """Kill every pod and wait until all are gone."""
        await asyncio.gather(*(pod.stop(0) for pod in self._pods), return_exceptions=True)
        self._sidecar.close()
        self._runner.close()

    async def launch(self, workload: Application | Run, place: Place) -> Pod:
        """Start the processes of a workload."""
        bench = self._bench
        project = bench.projects[workload.project_id]
        script = workload.script if isinstance(workload, Application) else bench.jobs[workload.job_id].script
        home = await self._runner.home(project.folder)
        environment = for_workload(bench, project, workload, place, home=home)
        environment |= bench.network.variables | await bench.certificates.variables()
        shm = bench.faults.shm_mb or project.shared_memory_limit or 64
        log = bench.options.root / "logs" / f"{workload.engine_id}.log"
        name = workload.name if isinstance(workload, Application) else workload.id
        if bench.faults.sidecar:
            await self._sidecar.open(place)
        sidecar = f"{self._sidecar.address} {bench.network.prefix}" if bench.faults.sidecar else ""
        pod = await self._runner.start(
            PodRequest(workload.engine_id, name, project.folder, script, log, environment, shm, sidecar), place
        )
        self._pods.add(pod)
        workload.pod = pod
        if bench.faults.sidecar:
            bench.spawn(self._sidecar.drop_joined(pod, place.address))
        return pod

    def take_place(self) -> Place:
        """A network for one start of a workload, never with the address that it had before."""
        runs = [run.address for job in self._bench.jobs.values() for run in job.runs if run.pod is not None]
        used = [application.address for application in self._bench.applications.values()]
        return self._bench.network.take(self._bench.port, used + runs)

    def grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL, 0 without SIGTERM."""
        return 0.0 if self._bench.faults.sigkill_only else self._bench.faults.stop_grace

    def _enter(self, application: Application) -> None:
        application.engine_id = self._bench.new_id().replace("-", "")
        what = (application.name, "application", application.project_id, application.fields)
        application.usage = self._bench.begin(application.engine_id, *what)
        application.starting_at, application.running_at, application.stopped_at = now(), None, None
        application.ending = None
        self._set(application, STARTING)

    async def _live(self, application: Application) -> None:
        """From STARTING to the end of the script, and round again while the platform restarts it."""
        faults = self._bench.faults
        while True:
            failed = await self._one_start(application)
            self._ended(application, failed=failed)
            application.stopped_at = now()
            self._set(application, FAILED if failed else STOPPED)
            if not failed or application.restarts >= AUTOMATIC_RESTARTS:
                return
            began = asyncio.get_running_loop().time()
            await _until(
                lambda began=began: (
                    faults.auto_restart and asyncio.get_running_loop().time() - began >= faults.restart_interval
                )
            )  # type: ignore[misc]
            application.restarts += 1
            self._enter(application)

    async def _one_start(self, application: Application) -> bool:
        """One engine's life. True when it failed."""
        bench = self._bench
        faults = bench.faults
        await bench.scheduler.admit(application)
        self._note(application, "starting")
        await asyncio.sleep(faults.start_seconds)
        await _until(lambda: not matches(faults.endless_start, application.name))
        if bench.options.stub:
            self._running(application)
            await asyncio.Event().wait()
        place = self.take_place()
        application.place, application.address = place, place.address
        application.launching = bench.spawn(self.launch(application, place))
        pod = await asyncio.shield(application.launching)
        if not await self._answers(application, pod):
            await pod.stop(self.grace())
        else:
            self._running(application)
        await pod.gone.wait()
        self._pods.discard(pod)
        return pod.exit_code != 0 or application.running_at is None or faults.end_status == "failed"

    async def _answers(self, application: Application, pod: Pod) -> bool:
        """Poll the application's port until it gives a plain 200. False when it ended or the time is up."""
        deadline = asyncio.get_running_loop().time() + self._bench.faults.start_timeout
        path = application.environment.get("CDSW_APP_POLLING_ENDPOINT", "/")
        while asyncio.get_running_loop().time() < deadline:
            if pod.gone.is_set():
                return True
            if application.place is not None and await ingress.poll(application.place, path):
                return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pod.gone.wait(), POLL_EVERY)
        return False

    def _running(self, application: Application) -> None:
        if application.pod is None or not application.pod.gone.is_set():
            application.running_at = now()
            self._set(application, RUNNING)
            self._note(application, "running")

    @staticmethod
    def _note(application: Application, status: str) -> None:
        if application.usage is not None:
            application.usage.goes_on(status)

    def _ended(self, application: Application, *, failed: bool) -> None:
        """Nothing of this start runs any more: what it held is free again."""
        code = None if application.pod is None else application.pod.exit_code
        if application.usage is not None:
            application.usage.end("failed" if failed else "stopped", code)
        application.pod = None
        self._bench.scheduler.release(application)

    async def _stop(self, application: Application) -> None:
        self._cancel(application)
        self._set(application, STOPPING)
        self._note(application, "stopping")
        await _until(lambda: not self._stuck_stop(application))
        await self._launched(application)
        pod = application.pod
        if pod is not None:
            await pod.stop(self.grace())
            self._pods.discard(pod)
        self._ended(application, failed=False)
        await asyncio.sleep(self._bench.faults.slow_stop)
        application.stopped_at = now()
        application.ending = None
        self._set(application, STOPPED)

    async def _stop_and_start(self, application: Application) -> None:
        await self._stop(application)
        if application.wanted and not application.deleting:
            self.start(application)

    async def _orphan_and_start(self, application: Application) -> None:
        await self._launched(application)
        orphan = Orphan(application.engine_id, application.name, application.project_id, application.pod)
        self.orphans.append(orphan)
        self._bench.scheduler.hand_over(application, orphan)
        application.pod = None
        self.start(application)

    async def _delete(self, application: Application) -> None:
        if application.ending is not None:
            await asyncio.wait([application.ending])
        await self._stop(application)
        await asyncio.sleep(self._bench.chooser.slow_delete())
        await _until(lambda: not matches(self._bench.faults.stuck_delete, application.name))
        self._bench.applications.pop(application.id, None)
        self._bench.listing.removed(application)

    def _stuck_stop(self, application: Application) -> bool:
        """Whether a stop hangs: its processes live on. A delete ends it, unless that is stuck too."""
        faults = self._bench.faults
        freed = application.deleting and not matches(faults.stuck_delete, application.name)
        return matches(faults.stuck_stop, application.name) and not freed

    async def _launched(self, application: Application) -> None:
        if application.launching is not None:
            await asyncio.wait([application.launching])
            application.launching = None

    def _cancel(self, application: Application) -> None:
        if application.task is not None:
            application.task.cancel()
            application.task = None

    def _set(self, application: Application, status: str) -> None:
        application.status = status
        application.updated_at = now()


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for a fault to be taken away; it ends with the application's task."""
    while not condition():  # noqa: ASYNC110 - faults are plain values that anything may set
        await asyncio.sleep(TICK)
