"""What runs on this machine, as applications: the record says what to look for, the process table says what is there.

The usual look reads a few files for each application. All of /proc is searched only when something does not add up: a
cluster without records, a record that was never completed, a launcher's report without a record.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from raytui.core.errors import OperationFailed
from raytui.core.observed.nodefile import NodeFile
from raytui.core.observed.snapshot import Application, ApplicationState
from raytui.platforms.local import processes, records
from raytui.platforms.local.files import Folder, explained, locked
from raytui.platforms.local.records import Record

_ADOPTION_LOCK_S = 0.5
"""A reading does not wait for whoever changes something just now; it records what it sees another time."""


class Verdict(NamedTuple):
    """State of one application, the platform's words for it, and why."""

    state: ApplicationState
    raw: str
    message: str = ""


def launcher_lives(record: Record) -> bool:
    """Whether the launcher of this record runs: pid, start time, and the mark in its environment."""
    if not processes.lives(record.pid, record.start):
        return False
    return processes.environment(record.pid).get(processes.APPLICATION_ID) == record.id


def clusters(root: Path) -> list[str]:
    """Names of all clusters with a folder; some may hold nothing but logs."""
    with explained("reading the state directory", root):
        try:
            return sorted(entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError):
            return []


def listed(root: Path, cluster: str | None) -> tuple[Application, ...]:
    """The applications of one cluster or of all."""
    if cluster is not None:
        folder = Folder(root, cluster)
        known = records.load_all(folder)
        if not doubtful(folder, known):
            return tuple(application(folder, record) for record in known)
    found = processes.marked(processes.own(), root)
    names = [cluster] if cluster is not None else sorted({*clusters(root), *(mark.shared.name for mark in found)})
    listed: list[Application] = []
    for name in names:
        folder = Folder(root, name)
        listed += [application(folder, record) for record in reconcile(folder, found)]
    return tuple(listed)


def doubtful(folder: Folder, known: Iterable[Record]) -> bool:
    """Whether the records may not be the whole truth."""
    names = set()
    for record in known:
        names.add(record.name)
        if not record.id or (not record.complete and not processes.lives(record.creator_pid, record.creator_start)):
            return True
        if record.wanted == "deleted" and not launcher_lives(record):
            return True
    if not names:
        return True
    try:
        reports = os.listdir(folder.nodes)  # noqa: PTH208
    except OSError:
        return True
    return any(name.endswith(".json") and not name.startswith(".") and name[:-5] not in names for name in reports)


def reconcile(folder: Folder, found: Iterable[processes.Marked]) -> list[Record]:
    """The records of a cluster after comparing them with the process table.

    What was mended is written down when that is possible.
    """
    mine: dict[str, list[processes.Marked]] = {}
    for mark in found:
        if mark.shared == folder.path:
            mine.setdefault(mark.application, []).append(mark)
    known = {record.name: record for record in records.load_all(folder)}
    mended = {}
    for name in known.keys() | mine.keys():
        record = known.get(name)
        better = mend(record, mine.get(name, []))
        if better is not None and better != record:
            mended[name] = better
    if mended:
        # What could not be written down is seen again at the next look; the answer is right meanwhile.
        with suppress(OperationFailed):
            _write_down(folder, known, mended, [mark for marks in mine.values() for mark in marks])
    seen = known | mended
    gone = [record for record in seen.values() if _is_gone(record, mine.get(record.name, []))]
    if gone:
        # A delete that nobody waited for is complete; what cannot be removed now is removed after another look.
        with suppress(OperationFailed):
            _forget(folder, gone)
    return sorted((record for record in seen.values() if record not in gone), key=lambda record: record.place)


def _is_gone(record: Record, marks: Iterable[processes.Marked]) -> bool:
    """Whether an application that was asked to be deleted has ended, with all that it started."""
    return (
        record.wanted == "deleted"
        and record.complete
        and not launcher_lives(record)
        and not any(_still(mark) for mark in marks)
    )


def _forget(folder: Folder, gone: Iterable[Record]) -> None:
    with locked(folder.root, _ADOPTION_LOCK_S):
        for record in gone:
            if records.load(folder, record.name) == record:
                records.remove(folder, record.name)
                folder.forget(record.name)


def mend(record: Record | None, marks: list[processes.Marked]) -> Record | None:
    """A record that fits the processes which carry its application's mark.

    A lost record comes back from the launcher's own environment. One that was never completed gets its process, or,
    when raytui died before there was one, the note that it has none.
    """
    if record is not None and record.id and record.complete:
        return record
    if record is not None and not record.complete and processes.lives(record.creator_pid, record.creator_start):
        return record
    for mark in sorted(marks, key=lambda mark: mark.process.start):
        # A delete forgets the record after the last process has ended: one that still lives without a record has lost
        # it.
        if not _still(mark):
            continue
        carried = records.from_environment(mark.environment.get(records.RECORD, ""))
        if (
            carried is None
            or carried.name != mark.application
            or (record is not None and record.id and carried.engine != record.engine)
        ):
            continue
        own = carried.script in processes.command(mark.process.pid)
        wanted = record.wanted if record is not None and record.id else "running"
        return msgspec.structs.replace(
            carried,
            wanted=wanted,
            pid=mark.process.pid if own else 0,
            start=mark.process.start if own else 0,
            ended_at=0.0 if own else time.time(),
        )
    if record is not None and record.id:
        return msgspec.structs.replace(record, ended_at=record.created_at)
    return record


def _write_down(
    folder: Folder, known: Mapping[str, Record], mended: Mapping[str, Record], marks: Iterable[processes.Marked]
) -> None:
    with locked(folder.root, _ADOPTION_LOCK_S):
        folder.prepare()
        for name, record in mended.items():
            unchanged = records.load(folder, name) == known.get(name)
            if unchanged and (name in known or any(mark.application == name and _still(mark) for mark in marks)):
                records.store(folder, record)


def _still(mark: processes.Marked) -> bool:
    return processes.lives(mark.process.pid, mark.process.start)


def application(folder: Folder, record: Record) -> Application:
    """What is known of one application now."""
    report = records.report_of(folder, record)
    verdict = judge(folder, record, report)
    launcher = msgspec.structs.replace(report.report(), of_this_run=True) if report is not None else None
    ended = verdict.state in {"stopped", "failed"}
    return Application(
        id=record.id,
        name=record.name,
        cluster=record.cluster,
        role=record.role,
        group=record.group_name,
        index=record.index,
        state=verdict.state,
        raw_state=verdict.raw,
        created_at=record.created_at,
        started_at=record.started_at,
        began_at=record.started_at,
        ended_at=(record.ended_at or (launcher.at if launcher else 0.0)) if ended else 0.0,
        spec_digest=record.spec_digest,
        ray_port=record.ray_port,
        dashboard_port=record.dashboard_port,
        exposed=record.exposed,
        run=record.run,
        cpu=record.cpu,
        memory=record.memory,
        gpus=record.gpus,
        runtime_identifier=record.runtime_identifier,
        script=record.script,
        spec_json=record.spec_json,
        message=verdict.message,
        launcher=launcher,
    )


def judge(folder: Folder, record: Record, report: NodeFile | None) -> Verdict:
    """State of an application from its record, its process and what its launcher last said."""
    if not record.id:
        path = folder.record(record.name)
        return Verdict(
            "failed",
            "record damaged",
            f"its record {path} is damaged and no process of it was found; stopping the cluster removes it",
        )
    if not record.complete:
        return Verdict("starting", "being created")
    if not launcher_lives(record):
        return _ended(folder, record, report)
    raw = f"process {record.pid} alive"
    if record.wanted != "running":
        return Verdict("stopping", raw)
    said = report.state if report is not None else ""
    if said == "alive" and report is not None:
        return _alive(record, report, raw)
    if said in {"draining", "ended"}:
        return Verdict("stopping", raw)
    if said == "failed" and report is not None:
        return Verdict("failed", raw, report.message)
    return Verdict("starting", raw)


def _alive(record: Record, report: NodeFile, raw: str) -> Verdict:
    start = processes.read(report.ray_pid) if report.ray_pid > 0 else None
    ours = start is not None and record.pid in {start.parent, _parent(start.parent)}
    raylet = processes.child_named(report.ray_pid, "raylet") if ours else False
    if raylet is False:
        # The launcher looks every second: either it says so in a moment, or it is stuck itself.
        return Verdict("unknown", f"{raw}, raylet gone", "its launcher last said alive, but the node's raylet is gone")
    return Verdict("running", raw if raylet is None else f"{raw}, raylet alive")


def _parent(pid: int) -> int:
    """The parent of the node program, which is the launcher.

    A script of a person's own may run `ray start` by itself.
    """
    process = processes.read(pid)
    return process.parent if process is not None else 0


def _ended(folder: Folder, record: Record, report: NodeFile | None) -> Verdict:
    raw = f"process {record.pid} ended" if record.pid else "no process"
    if record.wanted == "deleted":
        return Verdict("stopping", f"{raw}, not all that it started")
    if record.wanted == "stopped" or (folder.drain / record.name).exists():
        return Verdict("stopped", raw)
    return Verdict("failed", raw, why_ended(folder, record, report))


def why_ended(folder: Folder, record: Record, report: NodeFile | None) -> str:
    """One sentence: from the launcher's own report, else from its log and its exit status."""
    if report is not None and report.message and report.state in {"failed", "ended"}:
        return report.message
    if report is not None and report.state == "ended":
        return "its launcher was told to end, not by raytui"
    if record.boot and record.boot != processes.boot_id():
        return "the machine was restarted"
    if not record.pid:
        return "raytui was ended before it could start the launcher, or the launcher ended unseen"
    lines = records.log_tail(folder.logs / record.log)
    last = f"; its last line: {lines[-1][:300]}" if lines else "; it printed nothing"
    code = processes.exit_code(record.pid, record.start) if record.exit_code is None else record.exit_code
    if code is not None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"its launcher {how}{last}"
    return f"its launcher ended without saying why, so it was probably killed{last}"
