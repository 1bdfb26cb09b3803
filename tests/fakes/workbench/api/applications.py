"""Applications: create, list, update, stop, restart, delete."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.model import FAILED, STOPPED, STOPPING, Application, now
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import EXISTS, INVALID, NOT_FOUND, PRECONDITION, Call, Refused, operation

from . import common

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

SUBDOMAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PLAIN = (
    "description", "cpu", "memory", "nvidia_gpu", "kernel", "bypass_authentication", "runtime_identifier", "runtime_addon_identifiers", "run_as",
    "cdv_app", "accelerator_label_id", "resource_group_id", "resource_profile_id",
)  # fmt: skip
DEFAULTS = {
    "description": "",
    "cpu": 1,
    "memory": 2,
    "nvidia_gpu": 0,
    "kernel": "",
    "bypass_authentication": False,
    "runtime_addon_identifiers": [],
}
COLLECTION = "/api/v2/projects/{project_id}/applications"
ONE = COLLECTION + "/{application_id}"


@operation("ListApplications", "GET", COLLECTION)
async def list_applications(bench: Workbench, call: Call) -> dict[str, Any]:
    """All applications of a project, page by page."""
    project = common.project_of(bench, call)
    return page(bench, call, "applications", bench.listing.rows(project.id))


@operation("CreateApplication", "POST", COLLECTION)
async def create_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """Create and start. Names are unique in the project, subdomains in the workbench."""
    project, body = common.project_of(bench, call), call.body
    name, subdomain, script = (common.text(body, field) for field in ("name", "subdomain", "script"))
    if not SUBDOMAIN.fullmatch(subdomain) or len(subdomain) > 63:
        raise Refused(INVALID, f"subdomain {subdomain!r} is invalid: lower-case letters, digits and single hyphens")
    common.check_resources(body)
    common.check_placement(bench, body)
    common.check_runtime(bench, body)
    if not bench.faults.duplicate:
        _refuse_taken(bench, project.id, name, subdomain)
    policy = bench.faults.missing_script or ("ignore" if bench.options.stub else "refuse")
    if policy == "refuse" and not common.script_exists(project, script):
        raise Refused(INVALID, f"script '{script}' not found in project directory")
    fields = {**DEFAULTS, **{name: body[name] for name in PLAIN if name in body}}
    environment = {**project.environment, **body.get("environment", {})}
    application = Application(bench.new_id(), project.id, name, subdomain, script, environment, fields)
    bench.applications[application.id] = application
    bench.listing.made(application)
    bench.lifecycle.start(application)
    return application.to_json()


@operation("GetApplication", "GET", ONE)
async def get_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """One application."""
    identity = call.names["application_id"]
    found = [row for row in bench.listing.rows(common.project_of(bench, call).id) if row["id"] == identity]
    if not found:
        raise Refused(NOT_FOUND, f"application {identity} not found")
    return found[0]


@operation("UpdateApplication", "PATCH", COLLECTION + "/{application.id}")
async def update_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """Change fields; a running engine keeps what it was started with. The environment comes as a string."""
    application = _find(bench, call)
    body = call.body
    common.check_resources(body)
    common.check_placement(bench, {**application.fields, **body})
    if "runtime_identifier" in body:
        common.check_runtime(bench, body)
    if "environment" in body:
        application.environment = common.environment_text(body["environment"])
    for field in ("name", "subdomain", "script"):
        if body.get(field):
            setattr(application, field, body[field])
    application.fields.update({name: body[name] for name in PLAIN if name in body})
    application.updated_at = now()
    return application.to_json()


@operation("StopApplication", "POST", ONE + ":stop")
async def stop_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """Begin to stop; the answer comes at once."""
    application = _find(bench, call)
    bench.lifecycle.stop(application)
    return application.to_json()


@operation("RestartApplication", "POST", ONE + ":restart")
async def restart_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """Begin to restart with a new engine and a new address."""
    application = _find(bench, call)
    if application.deleting or application.status == STOPPING:
        raise Refused(PRECONDITION, f"application {application.id} is stopping")
    if bench.faults.restart_refused and application.status in (STOPPED, FAILED):
        raise Refused(PRECONDITION, f"application {application.id} is not running")
    bench.lifecycle.restart(application)
    return application.to_json()


@operation("DeleteApplication", "DELETE", ONE)
async def delete_application(bench: Workbench, call: Call) -> dict[str, Any]:
    """Begin to delete; the application stays in the list until it is gone."""
    bench.lifecycle.delete(_find(bench, call))
    return {}


def _find(bench: Workbench, call: Call) -> Application:
    project = common.project_of(bench, call)
    identity = call.names["application_id"]
    application = bench.applications.get(identity)
    if application is None or application.project_id != project.id:
        raise Refused(NOT_FOUND, f"application {identity} not found")
    return application


def _refuse_taken(bench: Workbench, project_id: str, name: str, subdomain: str) -> None:
    for other in bench.applications.values():
        if other.subdomain == subdomain:
            raise Refused(EXISTS, f"subdomain {subdomain} is already in use")
        if other.name == name and other.project_id == project_id:
            raise Refused(EXISTS, f"an application named {name} already exists in this project")
