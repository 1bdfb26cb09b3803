"""How job runs live: queue, script, time-out, stop, and the jobs that depend on them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from .model import Job, Run, now

if TYPE_CHECKING:
    from .lifecycle import Lifecycle
    from .runner import Pod
    from .state import Workbench

FINAL = {"ENGINE_STOPPED", "ENGINE_SUCCEEDED", "ENGINE_FAILED", "ENGINE_TIMEDOUT", "ENGINE_SKIPPED"}


class Runs:
    """Carries job runs out on the pods of the life cycle."""

    def __init__(self, bench: Workbench, lifecycle: Lifecycle) -> None:
        self._bench = bench
        self._lifecycle = lifecycle

    def start(self, job: Job, environment: dict[str, str], arguments: str | None) -> Run:
        """A new run of a job, begun in the background."""
        text = arguments if arguments is not None else str(job.fields.get("arguments", ""))
        variables = {**job.environment, **environment}
        if text:
            variables["JOB_ARGUMENTS"] = text
        kept: dict[str, Any] = {
            name: job.fields[name]
            for name in ("kernel", "cpu", "memory", "nvidia_gpu", "runtime_identifier", "resource_group_id")
            if name in job.fields
        }
        run = Run(self._bench.new_id(), job.project_id, job.id, variables, text, kept)
        run.scheduling_at = now()
        run.engine_id = self._bench.new_id().replace("-", "")
        run.usage = self._bench.begin(run.id, job.name, "job", job.project_id, {**kept, **_labelled(job)})
        job.runs.append(run)
        run.task = self._bench.spawn(self._live(job, run))
        return run

    def stop(self, run: Run) -> None:
        """Begin to stop a run."""
        if run.status not in FINAL and run.status != "ENGINE_STOPPING":
            run.status = "ENGINE_STOPPING"
            self._bench.spawn(self._stop(run))

    async def _live(self, job: Job, run: Run) -> None:
        bench = self._bench
        faults = bench.faults
        await bench.scheduler.admit(run)
        _note(run, "starting")
        run.status, run.starting_at = "ENGINE_STARTING", now()
        await asyncio.sleep(faults.start_seconds)
        if run.status == "ENGINE_STOPPING":
            self._finish(job, run, "ENGINE_STOPPED")
            return
        if faults.stub_jobs:
            self._finish(job, run, "ENGINE_FAILED" if faults.job_fails else "ENGINE_SUCCEEDED")
            return
        place = self._lifecycle.take_place()
        run.address = place.address
        pod = await self._lifecycle.launch(run, place)
        if run.status == "ENGINE_STOPPING":
            await pod.stop(self._lifecycle.grace())
        else:
            run.status, run.running_at = "ENGINE_RUNNING", now()
            _note(run, "running")
        timed_out = await self._wait(job, pod)
        run.exit_code, run.pod = pod.exit_code, None
        if run.status == "ENGINE_STOPPING":
            self._finish(job, run, "ENGINE_STOPPED")
        elif timed_out:
            self._finish(job, run, "ENGINE_TIMEDOUT")
        else:
            self._finish(job, run, "ENGINE_FAILED" if pod.exit_code or faults.job_fails else "ENGINE_SUCCEEDED")

    async def _wait(self, job: Job, pod: Pod) -> bool:
        """Wait for the end of the script; True when the job's time-out ended it."""
        try:
            async with asyncio.timeout(job.timeout or None):
                await pod.gone.wait()
        except TimeoutError:
            await pod.stop(self._lifecycle.grace())
            return True
        return False

    async def _stop(self, run: Run) -> None:
        if run.pod is not None:
            await run.pod.stop(self._lifecycle.grace())
        elif run.starting_at is None and run.task is not None:
            run.task.cancel()
            self._finish(None, run, "ENGINE_STOPPED")

    def _finish(self, job: Job | None, run: Run, status: str) -> None:
        run.status, run.finished_at = status, now()
        if run.usage is not None:
            run.usage.end(status.partition("_")[2].lower(), run.exit_code)
        self._bench.scheduler.release(run)
        if job is not None and status == "ENGINE_SUCCEEDED":
            for dependent in [other for other in self._bench.jobs.values() if other.parent_id == job.id]:
                self.start(dependent, {}, None)


def _note(run: Run, status: str) -> None:
    if run.usage is not None:
        run.usage.goes_on(status)


def _labelled(job: Job) -> dict[str, Any]:
    """The accelerator that a job's runs ask for; a JobRun itself does not tell it."""
    return {name: job.fields[name] for name in ("accelerator_label_id",) if name in job.fields}
