"""Every problem of a spec at once, before anything changes: pure rules that hold on every machine and account.

What depends on a machine or a workbench (ports that are taken, runtimes that exist) is the platform's preflight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

from raytui.core.desired.asked import part_of
from raytui.core.desired.required import required_problems
from raytui.core.errors import Problem
from raytui.core.platforms import PlatformName, traits
from raytui.core.spec import WORKER, ClusterSpec, Port, WorkersSpec, worker_name

SUBDOMAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""A valid subdomain of the workbench (a DNS name); application names become one."""
MAX_LABEL = 63
"""Longest DNS label (RFC 1035)."""
GROUP = re.compile(r"[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*")
"""A name of a group. No part of it begins with a digit, so that the number behind it can be distinguished from it."""
_TAKEN = {
    "head": "is the head's own name",
    WORKER: "is the group that the table [workers] describes",
    "workers": "means the workers of all groups",
    "all": "means the whole cluster",
}
MAX_WORKERS = 1000
MAX_CPU = 1024.0
MAX_MEMORY_GB = 24576.0
MAX_LOGS_MB = 1_000_000
MIN_MEMORY_GB = 0.5
"""Below this (GB) a Ray node does not come up: a worker's processes take about 0.3, the object store 0.08."""
MIN_SHM_GB = 0.0625
"""What a pod has without a word of the project: 64 MB."""
MAX_GPUS = 64
WORKER_PORTS = range(10002, 20000)
"""Ports that Ray gives to its workers; a head port inside fails at once with a ValueError."""


def validate(spec: ClusterSpec, platform: PlatformName) -> list[Problem]:
    """All problems of a spec, in the order of its fields.

    Empty when it is sound, and where nothing is made from a spec.
    """
    if traits(platform).is_watched:
        return []
    return [*_name(spec), *_ports(spec), *_sizes(spec), *_groups(spec), *_platform(spec, platform)]


def count_problems(numbers: Mapping[str, int]) -> list[Problem]:
    """What is wrong with the numbers of workers, by group, that somebody asks for."""
    if not numbers:
        return [Problem("workers", "no number of workers is given", "0 leaves the head alone")]
    return [
        Problem(
            "workers" if group == WORKER else part_of(group),
            f"{count} workers: the number must be from 0 to {MAX_WORKERS}",
            "0 leaves the head alone" if group == WORKER else "0 ends the group",
        )
        for group, count in numbers.items()
        if not 0 <= count <= MAX_WORKERS
    ]


def group_name_problem(name: str) -> tuple[str, str]:
    """What is wrong with the name of a group, and what to do; two empty texts when it is sound."""
    if not GROUP.fullmatch(name):
        rule = "only a-z, 0-9 and single hyphens are allowed, and a letter at the beginning and after each hyphen"
        return f"{name!r} makes no name of a group: {rule}", f"for example {_suggest_group(name)}"
    if name in _TAKEN:
        return f"{name} {_TAKEN[name]}", "choose another name for the group"
    if name.startswith("head-"):
        return f"{name} begins like the head's own name", f"for example {_suggest_group(name[5:])}"
    if name.endswith(f"-{WORKER}"):
        why = "its applications would be called like the workers of another cluster"
        return f"{name} ends in -{WORKER}: {why}", f"for example {_suggest_group(name[: -len(WORKER) - 1])}"
    return "", ""


def _name(spec: ClusterSpec) -> Iterator[Problem]:
    if not SUBDOMAIN.fullmatch(spec.name):
        yield Problem(
            "name",
            f"{spec.name!r} makes no valid subdomain: only a-z, 0-9 and single hyphens between them are allowed",
            f"for example {_suggest(spec.name)}",
        )
    elif len(worker_name(spec.name, MAX_WORKERS)) > MAX_LABEL - 7:
        yield Problem(
            "name",
            f"the name has {len(spec.name)} characters; its applications' subdomains would be longer than {MAX_LABEL}",
            "take at most 40 characters",
        )


def _suggest(name: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", name.lower()))[:40].strip("-") or "ray-cluster"


def _suggest_group(name: str) -> str:
    parts = re.findall(r"[a-z][a-z0-9]*", name.lower())
    made = "-".join(parts)[:20].strip("-")
    return made if made and made not in _TAKEN and not made.endswith(f"-{WORKER}") else "gpu"


def _groups(spec: ClusterSpec) -> Iterator[Problem]:
    for name, size in spec.groups.items():
        field = f"groups.{name}"
        message, hint = group_name_problem(name)
        longest = len(worker_name(spec.name, MAX_WORKERS, name))
        if message:
            yield Problem(field, message, hint)
        elif longest > MAX_LABEL - 7 and len(worker_name(spec.name, MAX_WORKERS)) <= MAX_LABEL - 7:
            too_long = f"its applications' subdomains would be longer than {MAX_LABEL}: {spec.name}-{name}-N"
            yield Problem(
                field, too_long, f"take at most {MAX_LABEL - 7 - longest + len(name)} characters for its name"
            )
        yield from _group(field, size)
    total = sum(size.count for size in spec.all_groups.values())
    if spec.groups and total > MAX_WORKERS and all(size.count <= MAX_WORKERS for size in spec.all_groups.values()):
        yield Problem("workers.count", f"{total} workers in all groups: the number must be from 0 to {MAX_WORKERS}")


def _ports(spec: ClusterSpec) -> Iterator[Problem]:
    yield from _port("ray_port", "--ray-port", spec.ray_port)
    yield from _port("dashboard_port", "--dashboard-port", spec.dashboard_port)
    if spec.ray_port == spec.dashboard_port and spec.ray_port != "auto":
        yield Problem(
            "dashboard_port", f"ray_port and dashboard_port are both {spec.ray_port}", "give them different ports"
        )


def _port(field: str, flag: str, port: Port) -> Iterator[Problem]:
    if port == "auto":
        return
    if not 1024 <= port <= 65535:
        yield Problem(
            field, f"{port} is no port that Ray can use; it must be from 1024 to 65535", f"{flag} auto picks a free one"
        )
    elif port in WORKER_PORTS:
        yield Problem(
            field,
            f"{port} lies in 10002-19999, which Ray keeps for its workers",
            f"{flag} auto picks a free one outside",
        )


def _sizes(spec: ClusterSpec) -> Iterator[Problem]:
    yield from _amount("shared_memory", spec.shared_memory, MIN_SHM_GB, MAX_MEMORY_GB, "GB of shared memory")
    yield from _amount("logs.per_node_mb", spec.logs.per_node_mb, 1, MAX_LOGS_MB, "MB of logs")
    yield from _amount("logs.per_cluster_mb", spec.logs.per_cluster_mb, 1, MAX_LOGS_MB, "MB of logs")
    yield from _amount("head.cpu", spec.head.cpu, 0.1, MAX_CPU, "CPUs")
    yield from _amount("head.memory", spec.head.memory, MIN_MEMORY_GB, MAX_MEMORY_GB, "GB of memory")
    yield from _group("workers", spec.workers)


def _group(field: str, size: WorkersSpec) -> Iterator[Problem]:
    if not 0 <= size.count <= MAX_WORKERS:
        yield Problem(
            f"{field}.count",
            f"{size.count} workers: the number must be from 0 to {MAX_WORKERS}",
            "0 is a head alone" if field == "workers" else "0 is none of this group",
        )
    yield from _amount(f"{field}.cpu", size.cpu, 0.1, MAX_CPU, "CPUs")
    yield from _amount(f"{field}.memory", size.memory, MIN_MEMORY_GB, MAX_MEMORY_GB, "GB of memory")
    if not 0 <= size.gpus <= MAX_GPUS:
        yield Problem(f"{field}.gpus", f"{size.gpus} GPUs: the number must be from 0 to {MAX_GPUS}")


def _of_workbench(field: str, size: WorkersSpec) -> Iterator[Problem]:
    """What only a workbench knows, so that it means nothing elsewhere."""
    if size.accelerator and not size.gpus:
        without_gpu = f"{size.accelerator} names a kind of GPU, and no GPU is asked for"
        yield Problem(f"{field}.accelerator", without_gpu, f"set {field}.gpus, or leave {field}.accelerator out")
    for name in ("resource_group_id", "resource_profile_id"):
        identity = getattr(size, name)
        if identity is not None and identity <= 0:
            yield Problem(f"{field}.{name}", f"{identity} is no id: the workbench counts them from 1")


def _amount(field: str, value: float | None, low: float, high: float, what: str) -> Iterator[Problem]:
    if value is None:
        return
    if not math.isfinite(value) or not low <= value <= high:
        yield Problem(field, f"{value:g} {what}: the number must be from {low:g} to {high:g}")


def _platform(spec: ClusterSpec, platform: PlatformName) -> Iterator[Problem]:
    if spec.expose_dashboard and spec.auth != "token":
        yield Problem(
            "expose_dashboard", "an open dashboard is code execution for whoever can reach it", 'set auth = "token"'
        )
    if traits(platform).is_workbench:
        yield from required_problems(spec)
        for group, size in spec.all_groups.items():
            yield from _of_workbench(part_of(group), size)
        for field, port in (("ray_port", spec.ray_port), ("dashboard_port", spec.dashboard_port)):
            if port == "auto":
                yield Problem(
                    field,
                    "auto needs a machine to look at; a pod has its ports to itself",
                    "leave it out: the default is free in a pod",
                )
