"""Single rows of the preflight: pure functions from what the workbench tells to what it means for a spec."""

from __future__ import annotations

import math
from collections.abc import Mapping

from raytui.core.desired.asked import part_of
from raytui.core.errors import Problem
from raytui.core.observed.catalog import LIST_RUNTIMES, Runtime
from raytui.core.protocols.platform import Check
from raytui.core.remedy import Hint, Remedy
from raytui.core.spec import AUTO, GIGABYTE, WORKER, ClusterSpec
from raytui.platforms.cai.applications.records import number
from raytui.platforms.cai.project.venv import Venv
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.accelerators import find, parse
from raytui.platforms.cai.site.projects import megabytes_of

_SMALL_STORE = GIGABYTE
_SHM_SHARE = 0.95
"""Part of the shared memory that the object store takes at most."""
_STORE_SHARE = 0.3
"""Part of a node's memory that Ray gives to the object store."""
_WAITS_FOR_GPU = "workers that find no GPU wait in STARTING without an error"
_SAFE_RAY = (2, 54)
"""CVE-2026-27482 is fixed from here on."""
_TOKEN_RAY = (2, 52)
"""Token authentication exists from here on."""


def runtime_row(who: str, field: str, identifier: str, known: tuple[Runtime, ...], *, gpus: int, venv: Venv) -> Check:
    """Whether one image exists, is enabled, and fits GPUs and the project's venv; which do otherwise."""
    name = f"{who} runtime"
    python = "" if venv.own_python else venv.python
    fits = images.fitting(known, gpu=gpus > 0, python=python)
    choices = tuple(runtime.identifier for runtime in fits)
    newest = (f"the newest that fits is {choices[0]}, and auto takes it; " if choices else "", LIST_RUNTIMES)

    def fail(message: str, hint: Hint) -> Check:
        return Check(name, "fail", message, hint, field, choices)

    if not known:
        return fail("the workbench lists no runtimes", "ask its administrator to enable some in the Runtime Catalog")
    if not identifier:
        return fail("no runtime image is given", newest)
    if identifier == AUTO and not fits:
        have = ", ".join(images.pythons(known))
        wanted = " ".join(word for word in ("CUDA" if gpus else "", f"of Python {python}" if python else "") if word)
        return fail(f"the workbench lists no enabled image {wanted}".rstrip(), f"there are images of Python {have}")
    if identifier == AUTO:
        return Check(name, "ok", f"auto takes {choices[0]}", choices=choices)
    found = next((runtime for runtime in known if runtime.identifier == identifier), None)
    if found is None:
        near = images.nearest(identifier, known)
        return fail(f"the workbench has no runtime {identifier}", f"nearest: {', '.join(near)}" if near else newest)
    if not found.enabled:
        return fail(f"the runtime {identifier} is disabled", newest)
    if python and found.python != python:
        other = f"Python {found.python}" if found.python else f"no Python ({found.kernel})"
        return fail(f"{identifier} has {other}, and the project's .venv was made with Python {python}", newest)
    if gpus and not found.gpu:
        return Check(name, "warn", f"{gpus} GPUs are asked for, and {identifier} has no CUDA", newest, field, choices)
    return Check(name, "ok", f"{identifier} ({found.kernel or 'unknown kernel'}, {found.edition or 'unknown edition'})")


def size_row(spec: ClusterSpec, profiles: list[dict[str, object]], groups: list[dict[str, object]]) -> Check:
    """Whether the workbench has room for each size that is asked for, as its profiles and resource groups tell."""
    usable = {number(group.get("id")) for group in groups if group.get("allow_applications") is not False}
    sizes = sorted(
        {
            (number(profile.get("cpu")), number(profile.get("memory")))
            for profile in profiles
            if not usable or not profile.get("resource_group_id") or number(profile.get("resource_group_id")) in usable
        }
    )
    if not sizes:
        return Check("sizes", "skip", "the workbench does not tell which sizes it allows")
    choices = tuple(f"{cpu:g} CPU, {memory:g} GB" for cpu, memory in sizes)
    asked = [("head", "head", spec.head.cpu or 0.0, spec.head.memory or 0.0)]
    asked += [
        (f"each worker{'' if name == WORKER else f' of {name}'}", part_of(name),
         one.cpu or 0.0, one.memory or 0.0)
        for name, one in spec.all_groups.items()
        if one.count
    ]  # fmt: skip
    nodes = [(number(group.get("cpu_count")), number(group.get("memory_in_gib"))) for group in groups]
    for who, part, cpu, memory in asked:
        size = f"{who} asks for {cpu:g} CPU and {memory:g} GB"
        if not any(cpu <= most and memory <= room for most, room in [*sizes, *nodes]):
            field = f"{part}.cpu" if all(cpu > most for most, _ in sizes) else f"{part}.memory"
            message = f"{size}, and no profile or node of the workbench is so large"
            return Check("sizes", "fail", message, f"the largest profile is {choices[-1]}", field, choices)
    odd = [f"{who} {cpu:g} CPU, {memory:g} GB" for who, _, cpu, memory in asked if (cpu, memory) not in sizes]
    if odd:
        message = f"no profile of the workbench has exactly these sizes: {'; '.join(odd)}"
        return Check("sizes", "warn", message, "a workbench may refuse what is no profile", choices=choices)
    return Check(
        "sizes", "ok", f"every size is a profile of the workbench; the largest is {choices[-1]}", choices=choices
    )


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
        return Check(
            "GPU",
            "warn",
            f"{wanted * workers} GPUs are asked for, the workbench has {total} ({names})",
            _WAITS_FOR_GPU,
            f"{part}.count",
        )
    return Check("GPU", "ok", f"{names}: up to {most or wanted} for each workload")


def gpu_total_rows(spec: ClusterSpec, labels: list[dict[str, object]]) -> list[Check]:
    """Warnings where groups ask together for more GPUs of one kind, or of all, than there are.

    One group alone is `gpu_row`'s. A group that names no kind may have any.
    """
    usable = [label for label in labels if label.get("availability") is not False]
    asked = {name: size for name, size in spec.all_groups.items() if size.gpus and size.count}
    of_kind: dict[str, list[str]] = {}
    for name, size in asked.items():
        found = find(size.accelerator, parse(usable)) if size.accelerator else None
        if found is not None and not isinstance(found, Problem):
            of_kind.setdefault(found.id, []).append(name)
    rows = []
    every = [str(label.get("id")) for label in usable]
    for kinds, groups in [*(([kind], names) for kind, names in of_kind.items()), (every, list(asked))]:
        members = [label for label in usable if str(label.get("id")) in kinds]
        most = [int(number(label.get("max_gpu_count"))) for label in members]
        wanted = sum(asked[name].gpus * asked[name].count for name in groups)
        # Where one kind does not tell its number, the total is not known either.
        if len(groups) > 1 and most and all(most) and sum(most) < wanted:
            names = ", ".join(str(label.get("label_value") or "GPU") for label in members)
            message = f"the groups {', '.join(groups)} ask for {wanted} GPUs, the workbench has {sum(most)} ({names})"
            rows.append(Check("GPU", "warn", message, _WAITS_FOR_GPU, f"{part_of(groups[-1])}.count"))
    return rows[:1] if len(usable) == 1 else rows


def _of(group: str) -> str:
    return "worker" if group == WORKER else f"worker of the group {group}"


def quota_row(spec: ClusterSpec, quota: Mapping[str, object], *, team: str = "") -> Check:
    """What the spec asks for against what the user, or the `team` that the project belongs to, may use.

    Over quota a workload waits without an error. Only a single node that is larger than the whole quota can never run;
    of a cluster that is larger, what fits does.
    """
    whose = f"quota of the team {team}" if team else "quota"
    configured, used = quota.get("quota_configured"), quota.get("quota_usage")
    if not isinstance(configured, dict):
        return Check("quota", "skip", f"the workbench does not tell this key {'the' if team else 'its'} {whose}")
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
        message = f"a node asks for more than the whole {whose}, so it can never start: {', '.join(never)}"
        return Check("quota", "fail", message, "ask for smaller nodes, or for a larger quota", field)
    if over:
        message = f"the cluster asks for more than the {whose} allows, so a part of it will wait: {', '.join(over)}"
        return Check("quota", "warn", message, hint, "workers.count")
    if tight:
        return Check("quota", "warn", f"the {whose} is in use already: {', '.join(tight)}", hint, "workers.count")
    return Check("quota", "ok", f"the cluster fits the {whose}")


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


def usual_shared_memory(spec: ClusterSpec) -> int:
    """Whole GB of shared memory that hold the object store which Ray would give the largest node."""
    return math.ceil(_largest_store(spec) / _SHM_SHARE / 1024**3)


def _largest_store(spec: ClusterSpec) -> float:
    """Bytes of the object store that Ray would give the largest node."""
    sizes = [spec.head.memory or 0.0, *(one.memory or 0.0 for one in spec.all_groups.values() if one.count)]
    return max(sizes) * GIGABYTE * _STORE_SHARE


def shared_memory_row(spec: ClusterSpec, limit_mb: int) -> Check:
    """A pod's shared memory against the object store that the nodes would ask for."""
    name, field = "shared memory", "shared_memory"
    if spec.shared_memory and megabytes_of(spec.shared_memory) > limit_mb:
        raised = f"raised from {limit_mb} MB to {megabytes_of(spec.shared_memory)} MB before applications are made"
        return Check(name, "ok", f"the project's shared memory is {raised}")
    shm = limit_mb * 1024 * 1024 * _SHM_SHARE
    wanted = _largest_store(spec)
    if shm >= wanted:
        return Check(name, "ok", f"shared memory of {limit_mb} MB holds the object store")
    less = f"{shm / GIGABYTE:.1f} GB where {wanted / GIGABYTE:.1f} GB would be usual"
    said = f"a pod has {limit_mb} MB of shared memory, so the object store is {less}"
    if shm >= _SMALL_STORE:
        return Check(name, "ok", said, field=field)
    flag = f"--shared-memory {usual_shared_memory(spec)}"
    return Check(name, "warn", said, Remedy("start", flag, "raises it before applications are made"), field)


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
