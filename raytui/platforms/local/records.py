"""What is written down about an application: enough to find its process again, never needed to end it.

The same text travels in the launcher's environment (RAYTUI_LOCAL_RECORD), so a record that was lost, or that raytui
could not complete because it was killed, is rebuilt from the living process.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from raytui.core.marker import Role
from raytui.core.observed.nodefile import NodeFile
from raytui.core.spec import WORKER, ClusterSpec, place
from raytui.platforms.local.files import Folder, explained
from raytui.system.files import private_directory, write_whole

RECORD = "RAYTUI_LOCAL_RECORD"


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One application of this machine."""

    id: str
    """Identity of the application, the same over restarts."""
    engine: str
    """Identity of one run of its launcher; it names the log."""
    name: str
    cluster: str
    role: Role
    index: int
    schema_version: int = 1
    wanted: Literal["running", "stopped", "deleted"] = "running"
    """What it was last asked to be; tells a stop from a failure. A deleted one is forgotten once nothing runs."""
    pid: int = 0
    """Process of the launcher; 0 while it is being made, or when it was gone before it was found again."""
    start: int = 0
    boot: str = ""
    creator_pid: int = 0
    """The raytui that makes it: while that one lives, an incomplete record is work in progress."""
    creator_start: int = 0
    created_at: float = 0.0
    started_at: float = 0.0
    ended_at: float = 0.0
    exit_code: int | None = None
    spec_digest: str = ""
    run: str = ""
    """Identity of the run of raytui that made it, from the request's marker."""
    ray_port: int = 0
    dashboard_port: int = 0
    exposed: bool = False
    cpu: float = 0.0
    memory: float = 0.0
    """GB."""
    gpus: int = 0
    runtime_identifier: str = ""
    script: str = ""
    """Path of the launcher that runs."""
    directory: str = ""
    """Working directory of the launcher, as for a `ray start` typed there."""
    venv: str = ""
    temp_dir: str = ""
    """Ray's own temporary directory of the cluster."""
    ports: dict[str, int] = {}
    """Ports given to this node besides its cluster's, by the variable that carries them."""
    environment: dict[str, str] = {}
    """What was asked for; never a secret."""
    spec_json: str = ""
    group: str = ""
    """Group of a worker; empty on the head, and for the group `worker`, as in records of before there were others."""

    @property
    def group_name(self) -> str:
        """Group of a worker by its name; empty on the head."""
        return "" if self.role == "head" else self.group or WORKER

    @property
    def sessions(self) -> str:
        """Folder of Ray's sessions of this node, as its launcher chooses it: a worker's own is below the head's.

        Empty for the workers of further groups: their launchers hash the name.
        """
        if self.role == "head" or not self.temp_dir:
            return self.temp_dir
        return f"{self.temp_dir}/w{self.index}" if self.group_name == WORKER else ""

    @property
    def place(self) -> tuple[int, str, int]:
        """By which the applications of a cluster are ordered."""
        return place(self.group_name, self.index)

    @property
    def log(self) -> str:
        """File name of the launcher's output."""
        return f"{'head' if self.role == 'head' else f'{self.group_name}-{self.index}'}-{self.engine}.log"

    @property
    def complete(self) -> bool:
        """Whether its process is known (or known to be gone)."""
        return self.pid > 0 or self.ended_at > 0


def store(folder: Folder, record: Record) -> None:
    """Write a record; the caller holds the lock."""
    path = folder.record(record.name)
    with explained("writing the record", path):
        write_whole(path, msgspec.json.encode(record))


def load(folder: Folder, name: str) -> Record | None:
    """The record of one application; none when there is none. A damaged one has an empty id."""
    path = folder.record(name)
    with explained("reading the record", path):
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
    return _decode(data, folder, name)


def load_all(folder: Folder) -> list[Record]:
    """Every record of a cluster, head first, workers by group and index."""
    with explained("reading the records", folder.applications):
        try:
            files = os.listdir(folder.applications)  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
    names = [name[:-5] for name in files if name.endswith(".json") and not name.startswith(".")]
    return sorted(
        (record for name in names if (record := load(folder, name)) is not None), key=lambda record: record.place
    )


def remove(folder: Folder, name: str) -> None:
    """Forget an application; the caller holds the lock."""
    path = folder.record(name)
    with explained("removing the record", path):
        path.unlink(missing_ok=True)


def store_spec(folder: Folder, spec: ClusterSpec | None) -> None:
    """Write down what was last asked for of a cluster; none removes it."""
    with explained("recording what was asked for", folder.asked):
        if spec is None:
            folder.asked.unlink(missing_ok=True)
            return
        private_directory(folder.path)
        write_whole(folder.asked, msgspec.json.encode(spec))


def load_spec(folder: Folder) -> ClusterSpec | None:
    """What was last asked for of a cluster; none when nothing is written down, or only what cannot be understood."""
    with explained("reading what was asked for", folder.asked):
        try:
            data = folder.asked.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
    try:
        return msgspec.json.decode(data, type=ClusterSpec)
    except msgspec.MsgspecError:
        return None


def from_environment(text: str) -> Record | None:
    """The record that a living process carries; none when it carries none that can be read."""
    try:
        return msgspec.json.decode(text, type=Record)
    except msgspec.MsgspecError:
        return None


def report_of(folder: Folder, record: Record) -> NodeFile | None:
    """What this very run of the launcher last said; none when it said nothing yet.

    A half or foreign report counts as none.

    A launcher that gives itself an identity of its own is known by its pid: earlier reports of the application are
    removed before it starts.
    """
    try:
        data = folder.report(record.name).read_bytes()
        report = msgspec.json.decode(data, type=NodeFile, strict=False)
    except (OSError, msgspec.MsgspecError):
        return None
    return report if record.engine and (report.engine_id == record.engine or 0 < report.pid == record.pid) else None


def _decode(data: bytes, folder: Folder, name: str) -> Record:
    try:
        record = msgspec.json.decode(data, type=Record)
    except msgspec.MsgspecError:
        record = None
    if record is not None and (record.name, record.cluster) == (name, folder.cluster):
        return record
    group, _, tail = name.removeprefix(f"{folder.cluster}-").rpartition("-")
    index = int(tail) if tail.isdigit() and not name.endswith("-head") else 0
    group = group if index and group != WORKER else ""
    return Record("", "", name, folder.cluster, "worker" if index else "head", index, group=group)


def log_tail(path: Path, limit: int = 4096) -> list[str]:
    """The last lines of a log that say something; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - limit))
            text = file.read(limit).decode(errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]
