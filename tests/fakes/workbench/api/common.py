"""What several kinds of things share: finding the parent, checking names, environments and scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.routing import INVALID, NOT_FOUND, Refused
from tests.fakes.workbench.sitedata import RUNTIMES

if TYPE_CHECKING:
    from tests.fakes.workbench.model import Project
    from tests.fakes.workbench.routing import Call
    from tests.fakes.workbench.site import Site
    from tests.fakes.workbench.state import Workbench

ID = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")


def project_of(bench: Workbench, call: Call) -> Project:
    """The project that the path names. Raises Refused."""
    identity = call.names["project_id"]
    project = bench.projects.get(identity)
    if project is None or project.deleting:
        raise Refused(NOT_FOUND, f"project {identity} not found")
    return project


def text(body: dict[str, Any], name: str) -> str:
    """A required text. Raises Refused when it is missing or empty."""
    value = str(body.get(name, "")).strip()
    if not value:
        raise Refused(INVALID, f"{name} is required")
    return value


def environment_text(value: str) -> dict[str, str]:
    """An update's environment: a map inside a string. Raises Refused."""
    try:
        parsed = json.loads(value or "{}")
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Refused(INVALID, "environment is not a JSON object in a string")
    return {str(name): str(held) for name, held in parsed.items()}


def check_runtime(bench: Workbench, body: dict[str, Any]) -> None:
    """Refuse a create without a runtime, or with one that the workbench does not have. Raises Refused."""
    runtime = text(body, "runtime_identifier")
    if bench.faults.no_runtimes or runtime not in {entry["image_identifier"] for entry in RUNTIMES}:
        raise Refused(INVALID, f"runtime {runtime} is not available in this workbench")


def check_resources(body: dict[str, Any]) -> None:
    """Refuse sizes that no pod can have. Raises Refused."""
    for name in ("cpu", "memory"):
        if name in body and not body[name] > 0:
            raise Refused(INVALID, f"{name} must be greater than 0")
    if body.get("nvidia_gpu", 0) < 0:
        raise Refused(INVALID, "nvidia_gpu must not be negative")


def check_placement(bench: Workbench, body: dict[str, Any]) -> None:
    """Refuse accelerators, groups, profiles and sizes that the site does not have; fill in what a profile says. Raises Refused."""
    site = bench.site
    for field, find in (("accelerator_label_id", site.label_by_id), ("resource_group_id", site.group_by_id)):
        given = str(body.get(field) or "0")
        if given != "0" and not find(given):
            raise Refused(INVALID, f"{field} {given} does not exist")
    _check_gpus(site, body)
    number = int(body.get("resource_profile_id") or 0)
    if number and not 1 <= number <= len(site.profiles):
        raise Refused(INVALID, f"resource_profile_id {number} does not exist")
    if number:
        profile = site.profiles[number - 1]
        body.setdefault("cpu", profile.cpu)
        body.setdefault("memory", profile.memory)
        if (body["cpu"], body["memory"]) != (profile.cpu, profile.memory):
            raise Refused(INVALID, f"resource profile {number} is {profile.cpu:g} CPU and {profile.memory:g} GB")
    size = (float(body.get("cpu", 1)), float(body.get("memory", 2)))
    group = site.group_by_id(body.get("resource_group_id"))
    fitting = [
        (entry.cpu, entry.memory) for entry in site.profiles if not (group and entry.group) or entry.group == group
    ]
    if "cpu_profile" in site.enforced and size not in fitting:
        raise Refused(INVALID, f"no resource profile has {size[0]:g} CPU and {size[1]:g} GB")


def _check_gpus(site: Site, body: dict[str, Any]) -> None:
    gpus = int(body.get("nvidia_gpu", 0))
    if not gpus or "accelerator" not in site.enforced:
        return
    label = site.label_by_id(body.get("accelerator_label_id"))
    most = max((entry.per_workload for entry in site.accelerators if label in ("", entry.label)), default=0)
    if gpus > most:
        raise Refused(INVALID, f"{gpus} GPUs were asked for, a workload may have {most} at most")


def script_exists(project: Project, script: str) -> bool:
    """Whether the script is a file inside the project's folder."""
    path = (project.folder / script).resolve()
    return path.is_relative_to(project.folder.resolve()) and path.is_file()


def inside(project: Project, name: str) -> Path:
    """A path of the project's folder. Raises Refused for one that leads out of it."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in name:
        raise Refused(INVALID, f"invalid path {name!r}")
    return project.folder.joinpath(*parts)
