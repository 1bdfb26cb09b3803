"""Projects: create (also from git), list, update, delete."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tests.fakes.workbench import cloning
from tests.fakes.workbench.faults import matches
from tests.fakes.workbench.model import Project, now
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import EXISTS, NOT_FOUND, Call, Refused, operation

from . import common

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

COLLECTION = "/api/v2/projects"
SETTINGS = ("ephemeral_storage_request", "ephemeral_storage_limit", "default_engine_type")


@operation("ListProjects", "GET", COLLECTION)
async def list_projects(bench: Workbench, call: Call) -> dict[str, Any]:
    """The caller's projects."""
    return page(bench, call, "projects", [_shown(bench, project) for project in bench.projects.values()])


@operation("BatchListProjects", "GET", COLLECTION + "/batch")
async def batch_list_projects(bench: Workbench, call: Call) -> dict[str, Any]:
    """Projects by id; unknown ids are left out."""
    wanted = [identity for value in call.request.query.get("project_ids", []) for identity in value.split(",")]
    return {"projects": [_shown(bench, project) for project in bench.projects.values() if project.id in wanted]}


@operation("ListProjectNames", "GET", "/api/v2/projectnames")
async def list_project_names(bench: Workbench, call: Call) -> dict[str, Any]:
    """Names only."""
    answer = page(bench, call, "project_names", [{"name": project.name} for project in bench.projects.values()])
    return {**answer, "project_names": [row["name"] for row in answer["project_names"]]}


@operation("CreateProject", "POST", COLLECTION)
async def create_project(bench: Workbench, call: Call) -> dict[str, Any]:
    """Create a project; `creation_status` is creating until its files are there."""
    body = call.body
    name = common.text(body, "name")
    if not bench.faults.duplicate and any(project.name == name for project in bench.projects.values()):
        raise Refused(EXISTS, f"a project named {name} already exists")
    project = bench.add_project(
        name,
        description=body.get("description", ""),
        visibility=body.get("visibility") or "private",
        environment=dict(body.get("environment", {})),
        shared_memory_limit=body.get("shared_memory_limit", 0),
        creation_status="creating",
        team=body.get("team_name", ""),
    )
    bench.spawn(cloning.fill(bench, project, body.get("git_url", ""), body.get("git_ref", "")))
    return project.to_json()


@operation("GetProject", "GET", COLLECTION + "/{project_id}")
async def get_project(bench: Workbench, call: Call) -> dict[str, Any]:
    """One project."""
    return _shown(bench, common.project_of(bench, call))


@operation("UpdateProject", "PATCH", COLLECTION + "/{project.id}")
async def update_project(bench: Workbench, call: Call) -> dict[str, Any]:
    """Change a project; shared_memory_limit holds for applications started afterwards."""
    project, body = common.project_of(bench, call), call.body
    for field in ("name", "description", "visibility", "shared_memory_limit"):
        if field in body:
            setattr(project, field, body[field])
    if "environment" in body:
        project.environment = common.environment_text(body["environment"])
    project.settings.update({name: body[name] for name in SETTINGS if name in body})
    project.updated_at = now()
    return project.to_json()


@operation("DeleteProject", "DELETE", COLLECTION + "/{project_id}")
async def delete_project(bench: Workbench, call: Call) -> dict[str, Any]:
    """Begin to delete a project with all that is in it."""
    project = bench.projects.get(call.names["project_id"])
    if project is None:
        raise Refused(NOT_FOUND, f"project {call.names['project_id']} not found")
    if not project.deleting:
        project.deleting = True
        bench.spawn(_delete(bench, project))
    return {}


def _shown(bench: Workbench, project: Project) -> dict[str, Any]:
    """The answer's Project, with what the user may do in it."""
    row = project.to_json()
    if matches(bench.faults.view_only, project.name):
        row["permissions"] |= dict.fromkeys(("write", "admin", "operator"), False)
    return row


async def _delete(bench: Workbench, project: Project) -> None:
    await bench.lifecycle.delete_all([app for app in bench.applications.values() if app.project_id == project.id])
    for job in [job for job in bench.jobs.values() if job.project_id == project.id]:
        for run in job.runs:
            bench.runs.stop(run)
        del bench.jobs[job.id]
    bench.projects.pop(project.id)
    shutil.rmtree(project.folder, ignore_errors=True)
