"""Jobs and their runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.model import Job, Run, now
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import INVALID, NOT_FOUND, Call, Refused, operation

from . import common

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

PLAIN = (
    "cpu", "memory", "nvidia_gpu", "kernel", "arguments", "runtime_identifier", "runtime_addon_identifiers", "kill_on_timeout", "timezone", "paused", "run_as",
    "accelerator_label_id", "retry_enabled", "max_retry", "retry_delay", "retry_for_script_failure", "retry_for_system_failure", "retry_for_timedout_runs",
    "retry_for_skipped_runs", "recipients", "attachments", "success_recipients", "failure_recipients", "timeout_recipients", "stopped_recipients",
    "resource_group_id", "resource_profile_id",
)  # fmt: skip
DEFAULTS = {
    "cpu": 1,
    "memory": 2,
    "nvidia_gpu": 0,
    "kernel": "",
    "arguments": "",
    "runtime_addon_identifiers": [],
    "paused": False,
}
COLLECTION = "/api/v2/projects/{project_id}/jobs"
ONE = COLLECTION + "/{job_id}"
RUNS = ONE + "/runs"


@operation("ListAllJobs", "GET", "/api/v2/jobs")
async def list_all_jobs(bench: Workbench, call: Call) -> dict[str, Any]:
    """The jobs of all projects."""
    return page(bench, call, "jobs", [job.to_json(bench.projects[job.project_id]) for job in bench.jobs.values()])


@operation("ListJobs", "GET", COLLECTION)
async def list_jobs(bench: Workbench, call: Call) -> dict[str, Any]:
    """The jobs of one project."""
    project = common.project_of(bench, call)
    return page(
        bench, call, "jobs", [job.to_json(project) for job in bench.jobs.values() if job.project_id == project.id]
    )


@operation("CreateJob", "POST", COLLECTION)
async def create_job(bench: Workbench, call: Call) -> dict[str, Any]:
    """Create a job; its script must be in the project already."""
    project, body = common.project_of(bench, call), call.body
    name, script = common.text(body, "name"), common.text(body, "script")
    parent = body.get("parent_id") or body.get("parent_job_id", "")
    if not common.script_exists(project, script):
        raise Refused(INVALID, f"script '{script}' not found in project directory")
    if parent and parent not in bench.jobs:
        raise Refused(INVALID, f"parent job {parent} not found")
    if parent and body.get("schedule"):
        raise Refused(INVALID, "a job has a schedule or a parent, not both")
    common.check_resources(body)
    common.check_placement(bench, body)
    common.check_runtime(bench, body)
    fields = {**DEFAULTS, **{name: body[name] for name in PLAIN if name in body}}
    environment = {**project.environment, **body.get("environment", {})}
    job = Job(
        bench.new_id(),
        project.id,
        name,
        script,
        environment,
        fields,
        parent,
        body.get("schedule", ""),
        body.get("timeout", 0),
    )
    bench.jobs[job.id] = job
    return job.to_json(project)


@operation("GetJob", "GET", ONE)
async def get_job(bench: Workbench, call: Call) -> dict[str, Any]:
    """One job."""
    return _find(bench, call).to_json(common.project_of(bench, call))


@operation("UpdateJob", "PATCH", COLLECTION + "/{job.id}")
async def update_job(bench: Workbench, call: Call) -> dict[str, Any]:
    """Change a job; `timeout` is a string here and the environment a map inside a string."""
    job, body = _find(bench, call), call.body
    project = common.project_of(bench, call)
    common.check_resources(body)
    if "runtime_identifier" in body:
        common.check_runtime(bench, body)
    if body.get("script") and not common.script_exists(project, body["script"]):
        raise Refused(INVALID, f"script '{body['script']}' not found in project directory")
    if "environment" in body:
        job.environment = common.environment_text(body["environment"])
    for field in ("name", "script", "parent_id", "schedule"):
        if field in body:
            setattr(job, field, body[field])
    job.timeout = int(body.get("timeout", job.timeout))
    job.fields.update({name: body[name] for name in PLAIN if name in body})
    job.updated_at = now()
    return job.to_json(project)


@operation("DeleteJob", "DELETE", ONE)
async def delete_job(bench: Workbench, call: Call) -> dict[str, Any]:
    """Delete a job; its running runs are stopped."""
    job = _find(bench, call)
    for run in job.runs:
        bench.runs.stop(run)
    del bench.jobs[job.id]
    return {}


@operation("ListJobRuns", "GET", RUNS)
async def list_job_runs(bench: Workbench, call: Call) -> dict[str, Any]:
    """The runs of a job, the oldest first."""
    return page(bench, call, "job_runs", [run.to_json() for run in _find(bench, call).runs])


@operation("CreateJobRun", "POST", RUNS)
async def create_job_run(bench: Workbench, call: Call) -> dict[str, Any]:
    """Run a job now."""
    return bench.runs.start(_find(bench, call), call.body.get("environment", {}), call.body.get("arguments")).to_json()


@operation("GetJobRun", "GET", RUNS + "/{run_id}")
async def get_job_run(bench: Workbench, call: Call) -> dict[str, Any]:
    """One run."""
    return _find_run(bench, call).to_json()


@operation("StopJobRun", "POST", RUNS + "/{run_id}:stop")
async def stop_job_run(bench: Workbench, call: Call) -> dict[str, Any]:
    """Begin to stop a run."""
    run = _find_run(bench, call)
    bench.runs.stop(run)
    return run.to_json()


def _find(bench: Workbench, call: Call) -> Job:
    project = common.project_of(bench, call)
    job = bench.jobs.get(call.names["job_id"])
    if job is None or job.project_id != project.id:
        raise Refused(NOT_FOUND, f"job {call.names['job_id']} not found")
    return job


def _find_run(bench: Workbench, call: Call) -> Run:
    for run in _find(bench, call).runs:
        if run.id == call.names["run_id"]:
            return run
    raise Refused(NOT_FOUND, f"job run {call.names['run_id']} not found")
