"""Single rows of the preflight: pure functions from what the workbench tells to what it means for a spec."""

from __future__ import annotations

from raytui.core.asked import part_of
from raytui.core.errors import Problem
from raytui.core.protocols import Check
from raytui.core.remedy import Remedy
from raytui.core.spec import GIGABYTE, WORKER, ClusterSpec
from raytui.platforms.cai.applications.records import number
from raytui.platforms.cai.project.venv import Venv
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.accelerators import find, parse

_SMALL_STORE = GIGABYTE
_STORE_SHARE = 0.3
"""Part of a node's memory that Ray gives to the object store."""
_SAFE_RAY = (2, 54)
"""CVE-2026-27482 is fixed from here on."""
_TOKEN_RAY = (2, 52)
"""Token authentication exists from here on."""


def runtime_row(who: str, field: str, identifier: str, known: tuple[images.Runtime, ...], *, gpus: int) -> Check:
    """Whether one runtime exists, is enabled and fits; the nearest ones otherwise."""
    name = f"{who} runtime"
    if not identifier:
        fitting = images.newest(known, gpu=gpus > 0)
        return Check(
            name, "skip", "no runtime is given" + (f"; the newest that fits is {fitting.identifier}" if fitting else "")
        )
    if not known:
        return Check(
            name,
            "fail",
            "the workbench lists no runtimes",
            "ask its administrator to enable some in the Runtime Catalog",
            field,
        )
    found = next((runtime for runtime in known if runtime.identifier == identifier), None)
    if found is None:
        near = images.nearest(identifier, known)
        hint = f"nearest: {', '.join(near)}" if near else "the Runtime Catalog of the workbench lists them"
        return Check(name, "fail", f"the workbench has no runtime {identifier}", hint, field)
    if not found.enabled:
        return Check(
            name,
            "fail",
            f"the runtime {identifier} is disabled",
            "choose an enabled one from the Runtime Catalog",
            field,
        )
    if gpus and not found.gpu:
        hint = "choose a runtime of the edition Nvidia GPU"
        return Check(name, "warn", f"{gpus} GPUs are asked for, and {identifier} has no CUDA", hint, field)
    return Check(name, "ok", f"{identifier} ({found.kernel or 'unknown kernel'}, {found.edition or 'unknown edition'})")


def gpu_row(
    wanted: int, workers: int, labels: list[dict[str, object]], *, group: str = WORKER, accelerator: str = ""
) -> Check:
    """Whether the workbench has GPUs (of the kind that a group names), so many for one workload, and so many in all."""
    part = part_of(group)
    usable = [label for label in labels if label.get("availability") is not False]
    if not usable:
        message = f"{wanted} GPUs are asked for each {_of(group)}, and the workbench offers none"
        return Check("GPU", "fail", message, f"set {part}.gpus = 0", f"{part}.gpus")
    if accelerator:
        found = find(accelerator, parse(labels), f"{part}.accelerator")
        if isinstance(found, Problem):
            return Check("GPU", "fail", found.message, found.hint, found.field)
        usable = [label for label in usable if str(label.get("id")) == found.id]
    most = max(int(number(label.get("max_gpu_per_workload"))) for label in usable)
    if 0 < most < wanted:
        message = f"a workload may have {most} GPUs at most, {wanted} are asked for"
        return Check("GPU", "fail", message, f"set {part}.gpus to {most}", f"{part}.gpus")
    total = sum(int(number(label.get("max_gpu_count"))) for label in usable)
    names = ", ".join(str(label.get("label_value") or "GPU") for label in usable)
    if 0 < total < wanted * workers:
        hint = "workers that find no GPU wait in STARTING without an error"
        return Check(
            "GPU",
            "warn",
            f"{wanted * workers} GPUs are asked for, the workbench has {total} ({names})",
            hint,
            f"{part}.count",
        )
    return Check("GPU", "ok", f"{names}: up to {most or wanted} for each workload")


def _of(group: str) -> str:
    return "worker" if group == WORKER else f"worker of the group {group}"


def quota_row(spec: ClusterSpec, quota: dict[str, object]) -> Check:
    """What the spec asks for against what the user may use; over quota a workload waits without an error.

    Only a single node that is larger than the whole quota can never run; of a cluster that is larger, what fits does.
    """
    configured, used = quota.get("quota_configured"), quota.get("quota_usage")
    if not isinstance(configured, dict):
        return Check("quota", "skip", "the workbench does not tell this key its quota")
    groups = {name: size for name, size in spec.all_groups.items() if size.count}
    nodes = [("head", 1, (spec.head.cpu, spec.head.memory, 0))]
    nodes += [(_table(name), size.count, (size.cpu, size.memory, size.gpus)) for name, size in groups.items()]
    never, over, tight = [], [], []
    field = ""
    for place, (name, unit) in enumerate((("cpu", "CPU"), ("memory", "GB"), ("nvidia_gpu", "GPU"))):
        most = number(configured.get(name))
        amounts = [(float(sizes[place] or 0.0), count, table) for table, count, sizes in nodes]
        amount, (largest, _, table) = sum(size * count for size, count, _ in amounts), max(amounts)
        free = most - (number(used.get(name)) if isinstance(used, dict) else 0.0)
        if most and largest > most:
            never.append(f"{largest:g} {unit} with at most {most:g}")
            field = field or f"{table}.{('cpu', 'memory', 'gpus')[place]}"
        elif most and amount > most:
            over.append(f"{amount:g} of at most {most:g} {unit}")
        elif most and amount > free:
            tight.append(f"{amount:g} {unit} with {free:g} free")
    hint = "workloads over quota wait in STARTING without an error: ask for less, or end something"
    if never:
        message = f"a node asks for more than the whole quota, so it can never start: {', '.join(never)}"
        return Check("quota", "fail", message, "ask for smaller nodes, or for a larger quota", field)
    if over:
        message = f"the cluster asks for more than the quota allows, so a part of it will wait: {', '.join(over)}"
        return Check("quota", "warn", message, hint, "workers.count")
    if tight:
        return Check("quota", "warn", f"the quota is in use already: {', '.join(tight)}", hint, "workers.count")
    return Check("quota", "ok", "the cluster fits the quota")


def _table(group: str) -> str:
    """The table of a group in the spec."""
    return "workers" if group == WORKER else f"groups.{group}"


def venv_row(spec: ClusterSpec, venv: Venv) -> Check:
    """Whether the project has the virtual environment that the launchers start Ray from."""
    by_hand = "; by hand: python3 -m venv ~/.venv && ~/.venv/bin/pip install 'ray[default]' in a session"
    how = (Remedy("deploy", "", "sets it up"), by_hand)
    if venv.exists is None or (venv.exists and venv.has_ray is None):
        return Check("venv", "skip", "the project's folder does not show its .venv")
    if not venv.exists:
        return Check("venv", "fail", "the project has no virtual environment .venv", how, "venv")
    if not venv.has_ray:
        return Check(
            "venv",
            "fail",
            "the project's .venv has no ray program" + (f", and {venv.broken}" if venv.broken else ""),
            how,
            "venv",
        )
    version = f"Ray {venv.ray or 'of unknown version'} on Python {venv.python or 'unknown'}"
    if venv.ray_release and spec.auth == "token" and venv.ray_release < _TOKEN_RAY:
        return Check(
            "venv",
            "fail",
            f"{version}: token authentication needs Ray 2.52",
            "install a newer Ray, 2.54 or later",
            "venv",
        )
    if venv.broken:
        # The workloads' image may have what this one lacks, so it is no proof that Ray cannot start there.
        hint = (
            "choose a runtime with the Python that made the venv, or make the venv again in a session of the "
            "runtime you use"
        )
        return Check("venv", "warn", f"{version}: {venv.broken}", hint, "venv")
    if venv.ray_release and venv.ray_release < _SAFE_RAY:
        return Check("venv", "warn", f"{version}: CVE-2026-27482 is fixed in 2.54", "install Ray 2.54 or later", "venv")
    return Check("venv", "ok", version)


def shared_memory_row(spec: ClusterSpec, limit_mb: int) -> Check:
    """A pod's shared memory against the object store that the nodes would ask for."""
    shm = limit_mb * 1024 * 1024 * 0.95
    sizes = [spec.head.memory or 0.0, *(size.memory or 0.0 for size in spec.all_groups.values() if size.count)]
    wanted = max(sizes) * GIGABYTE * _STORE_SHARE
    if shm >= wanted:
        return Check("shared memory", "ok", f"shared memory of {limit_mb} MB holds the object store")
    advice = (
        f"set the project's shared_memory_limit to {int(wanted / 0.95 / 1024 / 1024) + 1} MB before the "
        "applications are made"
    )
    usual = f"{shm / GIGABYTE:.1f} GB where {wanted / GIGABYTE:.1f} GB would be usual"
    said = f"a pod has {limit_mb} MB of shared memory, so the object store is {usual}"
    return Check(
        "shared memory",
        "warn" if shm < _SMALL_STORE else "ok",
        said,
        advice if shm < _SMALL_STORE else "",
        "shared_memory_limit",
    )


def security_row(spec: ClusterSpec) -> Check:
    """The posture in one line."""
    login = "applications stay behind the platform's login"
    where = "is served through the head application" if spec.expose_dashboard else "is not served to the outside"
    shown = f"the dashboard {where}"
    if spec.auth == "token":
        return Check("security", "ok", f"{login}; Ray asks for the cluster's token; {shown}")
    if spec.expose_dashboard:
        return Check(
            "security", "fail", f"{login}, but Ray asks for no token and {shown}", 'set auth = "token"', "auth"
        )
    open_to = "whoever reaches a node's address can run code in this Ray"
    return Check("security", "warn", f"{login}; {shown}; {open_to}", 'set auth = "token"', "auth")
