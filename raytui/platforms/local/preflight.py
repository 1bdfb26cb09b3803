"""What could keep a cluster from running on this machine, as rows of `doctor` and problems of `start`.

Nothing is changed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from raytui.core.desired.asked import part_of
from raytui.core.desired.launchers import NODE_FOLDER, needs_node_program
from raytui.core.desired.validate import WORKER_PORTS
from raytui.core.errors import OperationFailed
from raytui.core.protocols.platform import Check
from raytui.core.remedy import Remedy
from raytui.core.spec import GIGABYTE, ClusterSpec
from raytui.platforms.local import launch, machine, processes, resolve
from raytui.platforms.local.files import Folder
from raytui.platforms.local.ports import PORTS, holder, is_free
from raytui.system.files import at_home, read_regular

DISK_WARN = 10**9
DISK_FAIL = 10**8
"""Bytes free in the state directory below which logs and records are at risk, and below which nothing is begun."""
TOKEN_SINCE = (2, 52)
"""Ray has had token authentication since 2.52; from 2.54 on it works for every part, the dashboard's API among them."""
TOKEN_WHOLE = (2, 54)
SMALL_SHM = 10**9
ENDING_S = 3.0
"""How long a process that is being taken apart by the kernel may hold its port."""


def preflight(root: Path, spec: ClusterSpec, venv: Path, *, chosen: bool = True) -> tuple[Check, ...]:
    """All checks of a resolved spec, in the order in which a start would meet them.

    `chosen`: somebody named this environment.
    """
    return (
        *state_directory(root),
        *ray(spec, venv, chosen=chosen),
        *scripts(spec),
        *sizes(spec),
        *gpus(spec),
        *ports(root, spec),
        *shared_memory(spec),
        *temp_directory(root, spec),
    )


def state_directory(root: Path) -> Iterator[Check]:
    """Whether records and logs can be written."""
    place = root
    while not place.exists() and place != place.parent:
        place = place.parent
    hint = "make it writable, or point RAYTUI_STATE_DIR to a folder of your own"
    if not place.is_dir():
        yield Check("state-dir", "fail", f"{place} is a file, so the state directory {root} cannot be made", hint)
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield Check("state-dir", "fail", f"the state directory {root} cannot be written: {place} is not writable", hint)
        return
    disk = os.statvfs(place)
    free = disk.f_bavail * disk.f_frsize
    room = f"{free / 1e9:.1f} GB free at {place}"
    hint = "free space there, or point RAYTUI_STATE_DIR to another disk"
    if free < DISK_FAIL or (disk.f_files and not disk.f_favail):
        yield Check("state-dir", "fail", f"the disk of the state directory is full: {room}", hint)
    elif free < DISK_WARN:
        yield Check("state-dir", "warn", f"the disk of the state directory is nearly full: {room}", hint)
    else:
        yield Check("state-dir", "ok", f"{root} is writable, {room}")


def ray(spec: ClusterSpec, venv: Path, *, chosen: bool = True) -> Iterator[Check]:
    """Whether Ray is installed, and new enough for what the spec asks.

    `chosen` tells whether somebody named this environment.
    """
    lacking = _without_ray(venv, chosen=chosen)
    if lacking is not None:
        if lacking.name == "ray":
            yield Check("venv", "ok", str(venv))
        yield lacking
        return
    yield Check("venv", "ok", str(venv))
    python = venv / "bin" / "python"
    version = installed_version(venv)
    if not version:
        yield Check("ray", "warn", f"{venv}/bin/ray exists, but no installed package says which version it is")
        return
    yield Check("ray", "ok", f"Ray {version}")
    if spec.auth != "token":
        return
    release = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    hint = (
        f"upgrade it: {python} -m pip install --upgrade '{ray_requirement()}', or set auth = \"disabled\" on a "
        "machine of yours alone"
    )
    if release < TOKEN_SINCE:
        yield Check("auth", "fail", f"Ray {version} has no token authentication, which came with 2.52", hint, "auth")
    elif release < TOKEN_WHOLE:
        yield Check(
            "auth",
            "warn",
            f"token authentication is incomplete in Ray {version}; it is whole from 2.54 on",
            hint,
            "auth",
        )
    else:
        yield Check("auth", "ok", "token authentication")


def _without_ray(venv: Path, *, chosen: bool) -> Check | None:
    """The row of an environment that has no Ray: where it was looked for, and the line that installs what fits."""
    own, there = Path(sys.prefix), venv.is_dir()
    if there and os.access(venv / "bin" / "ray", os.X_OK):
        return None
    name = "ray" if there else "venv"
    seen = f"not in {venv}" if there else f"not in {venv}, which does not exist"
    if chosen:
        seen += " (RAYTUI_VENV or venv in the profile)"
    if own != venv and os.access(own / "bin" / "ray", os.X_OK):
        message = f"Ray is {seen}, but in {own}, the environment that raytui runs in"
        return Check(
            name, "fail", message, f"leave RAYTUI_VENV and venv unset, or {_install(venv, there=there)}", "venv"
        )
    if own == venv:
        message = f"Ray is not installed in {venv}, the environment that raytui runs in"
        return Check(name, "fail", message, _install(venv, there=True), "venv")
    message = f"Ray is in neither place: not in {own}, the environment that raytui runs in, and {seen}"
    hint = _install(venv, there=there) if chosen else _install(own, there=True)
    return Check(name, "fail", message, f"{hint}; another environment is named by RAYTUI_VENV", "venv")


def _install(venv: Path, *, there: bool) -> str:
    python = sys.executable if venv == Path(sys.prefix) else str(venv / "bin" / "python")
    make = "" if there else f"{sys.executable} -m venv {venv} && "
    has_pip = (
        importlib.util.find_spec("pip") is not None
        if venv == Path(sys.prefix)
        else any(venv.glob("lib/python3*/site-packages/pip"))
    )
    pip = f"{python} -m pip install" if has_pip or not there else f"uv pip install --python {python}"
    return f"install it: {make}{pip} '{ray_requirement()}'"


def ray_requirement() -> str:
    """The version of Ray that fits this raytui, as pip takes it."""
    try:
        listed = importlib.metadata.requires("raytui") or []
    except importlib.metadata.PackageNotFoundError:
        listed = []
    named = (line.partition(";")[0].strip() for line in listed)
    return next((line for line in named if line.startswith("ray[")), "ray[default]")


def scripts(spec: ClusterSpec) -> Iterator[Check]:
    """Whether scripts of the user's own are there, with the node program that raytui's run beside them."""
    groups = [(group, f"{part_of(group)}.script", size.script) for group, size in spec.all_groups.items()]
    for role, field, script in (("head", "head.script", spec.head.script), *groups):
        if not script:
            continue
        path = at_home(script).absolute()
        hint = Remedy("render", f"--to {path.parent}", "writes it")
        try:
            ours = needs_node_program(read_regular(path))
        except OSError as error:
            yield Check(f"{role} script", "fail", f"{path} cannot be read: {error.strerror or error}", hint, field)
            continue
        folder = path.parent / NODE_FOLDER
        if ours and not (folder / "__main__.py").is_file():
            yield Check(
                f"{role} script", "fail", f"{path} runs the folder {folder} beside it, which is not there", hint, field
            )
        else:
            yield Check(f"{role} script", "ok", f"{path} is there")


def installed_version(venv: Path) -> str:
    """Ray's version from its package metadata, without importing it; empty when there is none."""
    found = sorted(path.name for path in venv.glob("lib*/python3*/site-packages/ray-*.dist-info"))
    return found[-1].removeprefix("ray-").removesuffix(".dist-info") if found else ""


def sizes(spec: ClusterSpec) -> Iterator[Check]:
    """CPUs and memory of each node within the machine's.

    More in sum is only said, since Ray's sizes are bookkeeping.
    """
    have: dict[str, float] = {"cpu": machine.cpus(), "memory": machine.memory() / GIGABYTE}
    words = {"cpu": "CPUs", "memory": "GB of memory"}
    for what, most in have.items():
        nodes: list[tuple[str, object, int]] = [("head", spec.head, 1)]
        nodes += [(part_of(group), size, size.count) for group, size in spec.all_groups.items()]
        asked = [(role, float(getattr(node, what) or 0), count) for role, node, count in nodes if count]
        unit = words[what]
        over = [(role, each) for role, each, _ in asked if each > most]
        for role, each in over:
            message = f"{_each(role)} asks for {each:g} {unit}, the machine has {most:.4g}"
            yield Check(what, "fail", message, _give(role, what, most), f"{role}.{what}")
        total = sum(each * count for _, each, count in asked)
        if over:
            continue
        if total > most:
            message = f"the nodes ask for {total:g} {unit} together, the machine has {most:.4g}: they will share them"
            yield Check(what, "warn", message, "take fewer or smaller workers")
        else:
            yield Check(what, "ok", f"{total:g} of {most:.4g} {unit}")


def gpus(spec: ClusterSpec) -> Iterator[Check]:
    """GPUs as nvidia-smi counts them, when some are asked for."""
    asked = {part_of(group): size for group, size in spec.all_groups.items() if size.gpus and size.count}
    if not asked:
        yield Check("gpu", "skip", "no GPU is asked for")
        return
    have, together = machine.gpus(), sum(size.gpus * size.count for size in asked.values())
    field = f"{next(iter(asked))}.gpus"
    over = {part: size.gpus for part, size in asked.items() if have is None or size.gpus > have}
    for part, each in over.items():
        if have is None:
            message = f"{_each(part)} asks for {each} GPUs, but nvidia-smi is missing or does not answer"
            without = "leave --gpus out" if part == "workers" else f"leave {part}.gpus out"
            yield Check("gpu", "fail", message, f"install NVIDIA's driver, or {without}", f"{part}.gpus")
        else:
            message = f"{_each(part)} asks for {each} GPUs, the machine has {have}"
            yield Check("gpu", "fail", message, _give(part, "gpus", have), f"{part}.gpus")
    if over or have is None:
        return
    if together > have:
        message = f"the workers ask for {together} GPUs together, the machine has {have}: they will share them"
        yield Check("gpu", "warn", message, "take fewer workers", field)
    else:
        yield Check("gpu", "ok", f"{together} of {have} GPUs")


def _each(part: str) -> str:
    """A node of a part of the spec as the subject of a sentence."""
    named = {"head": "the head", "workers": "each worker"}
    return named.get(part) or f"each worker of the group {part.removeprefix('groups.')}"


def _give(part: str, what: str, most: float) -> str:
    flags = {"head": f"give --head-{what}", "workers": f"give --{what}"}
    return f"{flags.get(part) or f'set {part}.{what} to'} {most:.4g} or less"


def ports(root: Path, spec: ClusterSpec) -> Iterator[Check]:
    """Whether the cluster's two ports are free, or its own head's."""
    try:
        head, others = resolve.living_head(root, spec.name), resolve.ports_of_others(root, spec.name)
    except OperationFailed:
        # What cannot be read is the first check's row; whether a port is free can be seen without it.
        head, others = None, {}
    for name, field, flag, port in (
        ("ray-port", "ray_port", "--ray-port", spec.ray_port),
        ("dashboard-port", "dashboard_port", "--dashboard-port", spec.dashboard_port),
    ):
        own = 0 if head is None else head.ray_port if field == "ray_port" else head.dashboard_port
        if own and port in {own, "auto"}:
            yield Check(name, "ok", f"{own} is this cluster's own head", field=field)
        elif port == "auto":
            yield Check(name, "ok", "a free one is picked", field=field)
        else:
            yield _port(name, field, flag, port, others=others, own=Folder(root, spec.name))


def _port(name: str, field: str, flag: str, port: int, *, others: dict[int, str], own: Folder) -> Check:
    hint = f"{flag} auto picks a free one, {flag} NUMBER takes another"
    if port not in PORTS:
        return Check(name, "fail", f"{port} is no port: the highest is {PORTS[-1]}", hint, field)
    if port in WORKER_PORTS:
        return Check(name, "fail", f"port {port} lies in 10002-19999, which Ray keeps for its workers", hint, field)
    if is_free(port):
        if port in others:
            return Check(
                name, "fail", f"port {port} was given to {others[port]}, another cluster of yours", hint, field
            )
        return Check(name, "ok", f"{port} is free", field=field)
    end = time.monotonic() + ENDING_S
    while True:
        found = holder(port)
        owner = processes.owner(found.pid) if found is not None and found.pid else None
        # A process without a command line is on its way out, and its port is free in a moment.
        is_ending = found is not None and found.pid and owner is None and not processes.command(found.pid)
        if not is_ending or time.monotonic() >= end:
            break
        time.sleep(0.1)
        if is_free(port):
            return Check(name, "ok", f"{port} is free", field=field)
    if found is None:
        return Check(name, "fail", f"port {port} is taken, but no process is seen to hold it", hint, field)
    if owner is None:
        return Check(name, "fail", f"port {port} is taken by {found}", hint, field)
    if owner.shared == own.path and owner.application == f"{own.cluster}-head":
        # The launcher is dead and what it left is not yet: it is ended before the head is made again.
        return Check(name, "ok", f"{port} is held by what is left of this cluster's own head", field=field)
    whose = f"which belongs to {owner.application}"
    if owner.shared.parent != own.root:
        state = owner.shared.parent.parent if owner.shared.parent.name == own.root.name else owner.shared
        whose = f"which belongs to {owner.application} of another raytui (state directory {state})"
        hint = f"{hint}; with RAYTUI_STATE_DIR={state} the commands show that one"
    return Check(name, "fail", f"port {port} is taken by {found}, {whose}", hint, field)


def shared_memory(spec: ClusterSpec) -> Iterator[Check]:
    """Whether /dev/shm holds the object stores.

    Launchers give each node 30 % of its memory, at most 95 % of /dev/shm.
    """
    try:
        size = shutil.disk_usage("/dev/shm").total  # noqa: S108  # looked at, not written to
    except OSError:
        yield Check(
            "shm", "warn", "there is no /dev/shm: Ray keeps objects on disk, which is slow", "mount a tmpfs there"
        )
        return
    workers = sum(float(size.memory or 0) * size.count for size in spec.all_groups.values())
    wanted = 0.3 * GIGABYTE * (float(spec.head.memory or 0) + workers)
    have = f"{size / 1e9:.1f} GB of shared memory (/dev/shm)"
    hint = "make it larger (in a container: --shm-size), or give the nodes less memory"
    if size < SMALL_SHM:
        yield Check("shm", "warn", f"only {have}, too little for an object store", hint)
    elif wanted > size:
        yield Check("shm", "warn", f"{have}, the object stores may grow to {wanted / 1e9:.1f} GB together", hint)
    else:
        yield Check("shm", "ok", f"{have}, the object stores take at most {wanted / 1e9:.1f} GB")


def temp_directory(root: Path, spec: ClusterSpec) -> Iterator[Check]:
    """Whether Ray's sockets fit their length limit, and whether the directory can be ours."""
    path = launch.temp_dir(root, spec.name)
    length = len(str(path)) + launch.SESSION_PATH
    owner = next((each for each in (path, path.parent) if each.exists() and each.stat().st_uid != os.geteuid()), None)
    if length > launch.SOCKET_LIMIT:
        message = f"Ray's sockets in {path} would have {length} characters, the limit is {launch.SOCKET_LIMIT}"
        yield Check("temp-dir", "fail", message, "take a shorter directory")
    elif owner is not None:
        yield Check("temp-dir", "fail", f"{owner} belongs to somebody else", f"ls -ld {owner} shows to whom")
    elif not os.access(path.parent.parent, os.W_OK | os.X_OK):
        yield Check(
            "temp-dir",
            "fail",
            f"{path.parent.parent} is not writable, Ray needs it for its sockets",
            "mend its permissions: 1777",
        )
    else:
        yield Check("temp-dir", "ok", str(path))
