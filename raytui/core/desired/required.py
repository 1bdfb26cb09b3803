"""What must be said before anything is created on Cloudera AI: which image, and which script each application runs."""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.desired.asked import part_of
from raytui.core.desired.launchers import FOLDER, SCRIPTS
from raytui.core.errors import Problem
from raytui.core.observed.catalog import LIST_RUNTIMES
from raytui.core.platforms import PlatformName, traits
from raytui.core.remedy import Hint, Remedy
from raytui.core.spec import WORKER, ClusterSpec

SHARED = ".raytui"
"""The folder of a project that holds those of its clusters."""
EXAMPLE_RUNTIME = (
    "docker.repository.cloudera.com/cloudera/cdsw/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
)


def managed_script(cluster: str, role: Literal["head", "worker"]) -> str:
    """Where the commands and the console put the launcher of a role, relative to the project."""
    return f"{SHARED}/{cluster}/{FOLDER}/{SCRIPTS[role]}"


def with_launchers(spec: ClusterSpec, platform: PlatformName) -> ClusterSpec:
    """The spec with the launchers that `start` writes by itself, where none is named and the platform needs them."""
    if not traits(platform).is_workbench or (spec.head.script and spec.workers.script):
        return spec
    head, workers = spec.head, spec.workers
    return msgspec.structs.replace(
        spec,
        head=msgspec.structs.replace(head, script=head.script or managed_script(spec.name, "head")),
        workers=msgspec.structs.replace(workers, script=workers.script or managed_script(spec.name, "worker")),
    )


def required_problems(spec: ClusterSpec) -> list[Problem]:
    """One problem for each required parameter that is missing, in the order head, workers."""
    image = (
        f"auto takes the newest that fits; or a whole image identifier, for example {EXAMPLE_RUNTIME}; ",
        LIST_RUNTIMES,
    )
    missing: list[Problem] = []
    if not spec.head.runtime_identifier:
        missing.append(
            Problem("head.runtime_identifier", "the head's runtime image is missing (runtime_identifier)", image)
        )
    for group, size in spec.all_groups.items():
        if not size.runtime_identifier:
            whose = "the workers'" if group == WORKER else f"the group {group}'s"
            missing_image = f"{whose} runtime image is missing (runtime_identifier)"
            missing.append(Problem(f"{part_of(group)}.runtime_identifier", missing_image, image))
    if not spec.head.script:
        missing.append(
            Problem(
                "head.script", "the path of the head launcher is missing (head_script_path)", _script("head", "head")
            )
        )
    # A group without a script of its own takes this one.
    if not all(size.script for size in spec.all_groups.values()) and not spec.workers.script:
        missing.append(
            Problem(
                "workers.script",
                "the path of the worker launcher is missing (worker_script_path)",
                _script("worker", "workers"),
            )
        )
    return missing


def _script(role: str, table: str) -> Hint:
    where = f"; put both into the project and name the script with --{role}-script or {table}.script in the profile"
    return (Remedy("render", "--to launchers", "writes it, and the folder that it runs beside it"), where)
