"""The changes of the local platform that run under its lock: make, mark, start again, forget.

Each is done whole or not at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from raytui.core.desired.launchers import SCRIPTS
from raytui.core.errors import NotFound, OperationFailed
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import CREATE, Remedy
from raytui.platforms.local import launch, observe, processes, records
from raytui.platforms.local.ending import kill_now
from raytui.platforms.local.files import Folder, explained, locked
from raytui.platforms.local.records import Record
from raytui.system.files import at_home

Clock = Callable[[], float]


def make(root: Path, request: CreateRequest, venv: Path, clock: Clock) -> Record:
    """Write the record, start the launcher, complete the record.

    Raises `OperationFailed` when an application of that name runs already.
    """
    folder = Folder(root, request.marker.cluster)
    with locked(root):
        folder.prepare()
        existing = _existing(folder, request.name)
        if existing is not None and observe.launcher_lives(existing):
            raise OperationFailed(
                f"{request.name} runs already as process {existing.pid}",
                hint=Remedy("status", "", "shows it"),
                reason="AlreadyExists",
            )
        record = _requested(folder, request, venv, clock)
        return _start(folder, record, existing, clock)


def start_again(root: Path, application: Application, clock: Clock) -> Record:
    """A new process for a record whose process has ended. Raises `NotFound` when the record is gone."""
    folder = Folder(root, application.cluster)
    with locked(root):
        record = records.load(folder, application.name)
        if record is None or record.id != application.id:
            raise NotFound(f"{application.name} was removed meanwhile, so it cannot be started again", hint=CREATE)
        if observe.launcher_lives(record):
            return record
        folder.prepare()
        fresh = msgspec.structs.replace(
            record, engine=os.urandom(6).hex(), wanted="running", exit_code=None, ended_at=0.0
        )
        return _start(folder, fresh, record, clock)


def mark_stopped(
    root: Path, application: Application, clock: Clock, *, ended: bool, deleted: bool = False
) -> Record | None:
    """Note that it was asked to end (and to be forgotten then), or that it ended.

    None when the record is gone or is another application's by now.
    """
    folder = Folder(root, application.cluster)
    with locked(root):
        record = _existing(folder, application.name)
        if record is None or (record.id and record.id != application.id):
            return None
        if not record.id:
            return record
        changed = msgspec.structs.replace(
            record, wanted="deleted" if deleted or record.wanted == "deleted" else "stopped"
        )
        if ended:
            changed = msgspec.structs.replace(
                changed, ended_at=record.ended_at or clock(), exit_code=processes.exit_code(record.pid, record.start)
            )
        if changed != record:
            records.store(folder, changed)
        return changed


def forget(root: Path, application: Application) -> None:
    """Remove the record of an ended application.

    What is gone already, or another application's by now, is left alone.
    """
    folder = Folder(root, application.cluster)
    if not folder.path.exists():
        return
    with locked(root):
        record = records.load(folder, application.name)
        if record is None or not record.id or record.id == application.id:
            records.remove(folder, application.name)
            folder.forget(application.name)


def clear(root: Path, cluster: str) -> frozenset[str]:
    """Remove what a cluster without applications left behind, all but its logs.

    Nothing is removed while it has an application. The answer names, by id, those that still run without a record: end
    them and call again.
    """
    folder = Folder(root, cluster)
    if not folder.path.exists() and not launch.temp_dir(root, cluster).exists():
        return frozenset()
    with locked(root):
        if records.load_all(folder):
            return frozenset()
        found = processes.marked(processes.own(), root)
        lost = frozenset(mark.application_id for mark in found if mark.shared == folder.path)
        if not lost:
            folder.clear()
            launch.remove_temp_dir(root, cluster)
        return lost


def _existing(folder: Folder, name: str) -> Record | None:
    """The record of an application, mended from the process table when it is not the whole truth."""
    record = records.load(folder, name)
    if record is not None and record.id and record.complete:
        return record
    found = processes.marked(processes.own(), folder.root)
    return observe.mend(record, [mark for mark in found if mark.shared == folder.path and mark.application == name])


def _requested(folder: Folder, request: CreateRequest, venv: Path, clock: Clock) -> Record:
    marker = request.marker
    script = request.script or str(folder.launchers / SCRIPTS[marker.role])
    return Record(
        id=os.urandom(6).hex(),
        engine=os.urandom(6).hex(),
        name=request.name,
        cluster=marker.cluster,
        role=marker.role,
        index=marker.index,
        group=marker.group,
        created_at=clock(),
        spec_digest=marker.spec,
        run=marker.run,
        ray_port=marker.ray_port,
        dashboard_port=marker.dashboard_port,
        exposed=marker.exposed,
        cpu=request.cpu,
        memory=request.memory,
        gpus=request.gpus,
        runtime_identifier=request.runtime_identifier,
        script=str(at_home(script).absolute()),
        directory=_working_directory(),
        venv=str(venv),
        temp_dir=str(launch.temp_dir(folder.root, marker.cluster)),
        environment=request.environment,
        spec_json=request.spec_json,
    )


def _working_directory() -> str:
    try:
        return str(Path.cwd())
    except FileNotFoundError:
        return str(Path.home())


def _start(folder: Folder, record: Record, before: Record | None, clock: Clock) -> Record:
    """From a record to a process, or back to what was before."""
    folder.forget(record.name)
    launch.make_temp_dir(Path(record.temp_dir))
    if record.role == "head":
        # A head that was killed leaves its address behind; workers must wait for the new one.
        with explained("removing the old head's address", folder.rendezvous):
            folder.rendezvous.unlink(missing_ok=True)
        launch.forget_last_head(Path(record.temp_dir))
    elif record.sessions:
        launch.forget_last_life(record.sessions)
    if record.environment.get("RAY_AUTH_MODE") == "token":
        launch.ensure_token(folder, head=record.role == "head")
    others = [other for name in observe.clusters(folder.root) for other in records.load_all(Folder(folder.root, name))]
    us = processes.read(os.getpid())
    record = msgspec.structs.replace(
        record,
        pid=0,
        start=0,
        boot=processes.boot_id(),
        creator_pid=os.getpid(),
        creator_start=us.start if us is not None else 0,
        started_at=clock(),
        ports=launch.free_ports(record, [other for other in others if other.id != record.id]),
    )
    try:
        records.store(folder, record)
        process = launch.launch(folder, record)
        record = msgspec.structs.replace(record, pid=process.pid, start=process.start)
        records.store(folder, record)
    except BaseException:
        _take_back(folder, record, before)
        raise
    folder.prune_logs(keep=frozenset({record.log, *(other.log for other in others)}))
    return record


def _take_back(folder: Folder, record: Record, before: Record | None) -> None:
    try:
        kill_now(folder, record.name)
    finally:
        if before is None:
            records.remove(folder, record.name)
            with suppress(OSError):
                (folder.logs / record.log).unlink()
        else:
            try:
                records.store(folder, before)
            except OperationFailed:
                # Disk full is one reason to be here: no record is true as well, a half one is not.
                records.remove(folder, record.name)
