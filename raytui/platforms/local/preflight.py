"""What could keep a cluster from running on this machine, as rows of `doctor` and problems of `start`; nothing is changed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raytui.core.errors import OperationFailed
from raytui.core.launchers import NODE_FOLDER, needs_node_program
from raytui.core.protocols import Check
from raytui.core.spec import GIGABYTE, ClusterSpec
from raytui.core.validate import WORKER_PORTS
from raytui.platforms.local import launch, machine, processes, resolve
from raytui.platforms.local.ports import holder, is_free

DISK_WARN = 10**9
DISK_FAIL = 10**8
"""Bytes free in the state directory below which logs and records are at risk, and below which nothing is begun."""
TOKEN_SINCE = (2, 52)
"""Ray has had token authentication since 2.52; from 2.54 on it works for every part, the dashboard's API among them."""
TOKEN_WHOLE = (2, 54)
SMALL_SHM = 10**9
INSTALL = "install it there: {python} -m pip install 'raytui[ray]', or name another environment with RAYTUI_VENV"


def preflight(root: Path, spec: ClusterSpec, venv: Path) -> tuple[Check, ...]:
    """All checks of a resolved spec, in the order in which a start would meet them."""
    return (
        *state_directory(root),
        *ray(spec, venv),
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


def ray(spec: ClusterSpec, venv: Path) -> Iterator[Check]:
    """Whether Ray is installed, and new enough for what the spec asks."""
    if not venv.is_dir():
        message = f"there is no virtual environment at {venv}"
        yield Check("venv", "fail", message, f"create it with python3 -m venv {venv}, or name another with RAYTUI_VENV", "venv")
        return
    yield Check("venv", "ok", str(venv))
    python = venv / "bin" / "python"
    if not os.access(venv / "bin" / "ray", os.X_OK):
        yield Check("ray", "fail", f"Ray is not installed in {venv}: there is no bin/ray", INSTALL.format(python=python), "venv")
        return
    version = installed_version(venv)
    if not version:
        yield Check("ray", "warn", f"{venv}/bin/ray exists, but no installed package says which version it is")
        return
    yield Check("ray", "ok", f"Ray {version}")
    if spec.auth != "token":
        return
    release = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    hint = f"upgrade it: {python} -m pip install --upgrade 'ray[default]', or set auth = \"disabled\" on a machine of yours alone"
    if release < TOKEN_SINCE:
        yield Check("auth", "fail", f"Ray {version} has no token authentication, which came with 2.52", hint, "auth")
    elif release < TOKEN_WHOLE:
        yield Check("auth", "warn", f"token authentication is incomplete in Ray {version}; it is whole from 2.54 on", hint, "auth")
    else:
        yield Check("auth", "ok", "token authentication")


def scripts(spec: ClusterSpec) -> Iterator[Check]:
    """Whether scripts of the user's own are there, with the node program that raytui's run beside them."""
    for role, field, script in (("head", "head.script", spec.head.script), ("worker", "workers.script", spec.workers.script)):
        if not script:
            continue
        path = Path(script).expanduser().absolute()
        hint = f"raytui render --to {path.parent} writes it"
        try:
            ours = needs_node_program(path.read_bytes())
        except OSError as error:
            yield Check(f"{role} script", "fail", f"{path} cannot be read: {error.strerror or error}", hint, field)
            continue
        folder = path.parent / NODE_FOLDER
        if ours and not (folder / "__main__.py").is_file():
            yield Check(f"{role} script", "fail", f"{path} runs the folder {folder} beside it, which is not there", hint, field)
        else:
            yield Check(f"{role} script", "ok", f"{path} is there")


def installed_version(venv: Path) -> str:
    """Ray's version from its package metadata, without importing it; empty when there is none."""
    found = sorted(path.name for path in venv.glob("lib*/python3*/site-packages/ray-*.dist-info"))
    return found[-1].removeprefix("ray-").removesuffix(".dist-info") if found else ""


def sizes(spec: ClusterSpec) -> Iterator[Check]:
    """CPUs and memory of each node within the machine's; more in sum is only said, since Ray's sizes are bookkeeping."""
    have: dict[str, float] = {"cpu": machine.cpus(), "memory": machine.memory() / GIGABYTE}
    words = {"cpu": "CPUs", "memory": "GB of memory"}
    for what, most in have.items():
        nodes: list[tuple[str, Any, int]] = [("head", spec.head, 1), ("workers", spec.workers, spec.workers.count)]
        asked = [(role, float(getattr(node, what) or 0), count) for role, node, count in nodes if count]
        unit = words[what]
        over = [(role, each) for role, each, _ in asked if each > most]
        for role, each in over:
            subject = "the head" if role == "head" else "each worker"
            flag = f"--{'head-' if role == 'head' else ''}{what}"
            message = f"{subject} asks for {each:g} {unit}, the machine has {most:.4g}"
            yield Check(what, "fail", message, f"give {flag} {most:.4g} or less", f"{role}.{what}")
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
    each, count = spec.workers.gpus, spec.workers.count
    if not each or not count:
        yield Check("gpu", "skip", "no GPU is asked for")
        return
    have = machine.gpus()
    if have is None:
        message = f"each worker asks for {each} GPUs, but nvidia-smi is missing or does not answer"
        yield Check("gpu", "fail", message, "install NVIDIA's driver, or leave --gpus out", "workers.gpus")
    elif each > have:
        message = f"each worker asks for {each} GPUs, the machine has {have}"
        yield Check("gpu", "fail", message, f"give --gpus {have} or less", "workers.gpus")
    elif each * count > have:
        message = f"the workers ask for {each * count} GPUs together, the machine has {have}: they will share them"
        yield Check("gpu", "warn", message, "take fewer workers", "workers.gpus")
    else:
        yield Check("gpu", "ok", f"{each * count} of {have} GPUs")


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
        if head is not None:
            own = head.ray_port if field == "ray_port" else head.dashboard_port
            yield Check(name, "ok", f"{own} is this cluster's own head", field=field)
        elif port == "auto":
            yield Check(name, "ok", "a free one is picked", field=field)
        else:
            yield _port(name, field, flag, port, others=others, own=f"{spec.name}-head")


def _port(name: str, field: str, flag: str, port: int, *, others: dict[int, str], own: str) -> Check:
    hint = f"{flag} auto picks a free one, {flag} NUMBER takes another"
    if port in WORKER_PORTS:
        return Check(name, "fail", f"port {port} lies in 10002-19999, which Ray keeps for its workers", hint, field)
    if is_free(port):
        if port in others:
            return Check(name, "fail", f"port {port} was given to {others[port]}, another cluster of yours", hint, field)
        return Check(name, "ok", f"{port} is free", field=field)
    found = holder(port)
    if found is None:
        return Check(name, "fail", f"port {port} is taken, but no process is seen to hold it", hint, field)
    marks = processes.environment(found.pid) if found.pid else {}
    if marks.get(processes.APPLICATION) == own:
        # The launcher is dead and what it left is not yet: it is ended before the head is made again.
        return Check(name, "ok", f"{port} is held by what is left of this cluster's own head", field=field)
    ours = f", which belongs to {marks[processes.APPLICATION]}" if marks.get(processes.APPLICATION) else ""
    return Check(name, "fail", f"port {port} is taken by {found}{ours}", hint, field)


def shared_memory(spec: ClusterSpec) -> Iterator[Check]:
    """Whether /dev/shm holds the object stores; launchers give each node 30 % of its memory, at most 95 % of /dev/shm."""
    try:
        size = shutil.disk_usage("/dev/shm").total  # noqa: S108  # looked at, not written to
    except OSError:
        yield Check("shm", "warn", "there is no /dev/shm: Ray keeps objects on disk, which is slow", "mount a tmpfs there")
        return
    wanted = 0.3 * GIGABYTE * (float(spec.head.memory or 0) + float(spec.workers.memory or 0) * spec.workers.count)
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
        yield Check("temp-dir", "fail", f"{path.parent.parent} is not writable, Ray needs it for its sockets", "mend its permissions: 1777")
    else:
        yield Check("temp-dir", "ok", str(path))
