"""How a launcher is started.

Its variables, its own ports and temporary directory, and a process that outlives us.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from raytui.core.desired.launchers import NODE_VARIABLE, node_folder
from raytui.core.errors import OperationFailed
from raytui.core.remedy import Remedy
from raytui.platforms.local import processes
from raytui.platforms.local.files import Folder, explained
from raytui.platforms.local.ports import pick
from raytui.platforms.local.records import RECORD, Record, load_all
from raytui.system.files import write_whole
from raytui.system.token import RayToken, ray_token

TEMP_ROOT = Path("/tmp")  # noqa: S108  # made 0700 and checked before it is used
"""Ray's socket paths have 107 characters in all, so a long TMPDIR is not honoured."""
SOCKET_LIMIT = 107
SESSION_PATH = len("/w1a2b3c/session_2026-11-24_23-59-59_999999_4194304/sockets/plasma_store.1")
"""What comes below it at its longest: the launcher's folder for each worker, then Ray's own."""
_NOT_INHERITED = ("RAY_", "RAYTUI_", "CDSW_", "CML_")
"""Leftovers of another cluster, of our own settings or of a workbench would steer the launcher; keys have no business
in a node."""
_TERMINAL = {
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLORTERM",
    "TERM",
    "COLUMNS",
    "LINES",
    "TMUX",
    "TMUX_PANE",
    "STY",
}
_PORTS = {
    "RAYTUI_CLIENT_PORT": (10001, "head"),
    "RAYTUI_AGENT_PORT": (0, ""),
    "AUTOSCALER_METRIC_PORT": (44217, "head"),
    "DASHBOARD_METRIC_PORT": (44227, "head"),
}
"""Ports that a second node on one machine would collide on: their defaults, and the role that has them.

The agent never gets Ray's default: whoever comes second to it, a Ray that is just starting beside ours too, runs
without job submission.
"""


class Detached(subprocess.Popen[bytes]):
    """A process that is meant to outlive this one, so letting go of it is no mistake to warn of."""

    def __del__(self) -> None:
        """Nothing: the base class would warn and wait."""


def temp_dir(root: Path, cluster: str) -> Path:
    """Ray's temporary directory of a cluster: short, and its own."""
    return TEMP_ROOT / f"raytui-{os.geteuid()}" / sha256(f"{root}\0{cluster}".encode()).hexdigest()[:8]


def make_temp_dir(path: Path) -> None:
    """Make it, below a folder of ours that nobody else can enter.

    Raises `OperationFailed` when somebody else owns the name.

    Ray opens its directory to everybody (0777) the first time it starts, so the folder above is what keeps others out.
    """
    with explained("making Ray's temporary directory", path):
        for each in (path.parent, path):
            each.mkdir(mode=0o700, exist_ok=True)
            found = each.lstat()
            open_to_others = each != path and found.st_mode & 0o077
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or open_to_others:
                raise OperationFailed(
                    f"{each} is not a directory of yours alone, so Ray's sockets are not safe there",
                    hint=f"remove it (ls -ld {each} shows whose it is) and run the command again",
                    reason="TempDirectory",
                )


def forget_last_head(path: Path) -> None:
    """Remove Ray's note of the last head.

    With it Ray refuses to start a head at the same address as long as a raylet that had joined the old one lives, which
    can be a minute.
    """
    note = path / "ray_current_cluster"
    with explained("removing the note of the old head", note):
        note.unlink(missing_ok=True)


def forget_last_life(sessions: str) -> None:
    """Remove what an earlier life of a worker left in its folder of Ray's sessions; what is kept of it lies elsewhere.

    Beside it Ray would call the files of the next life raylet.1.out, and raylet.out would stay the dead one's.
    """
    shutil.rmtree(sessions, ignore_errors=True)


def remove_temp_dir(root: Path, cluster: str) -> None:
    """Remove it with Ray's sessions, and the folder above with the last one.

    What cannot be removed is left to the system's cleaning.
    """
    path = temp_dir(root, cluster)
    shutil.rmtree(path, ignore_errors=True)
    try:
        path.parent.rmdir()
    except OSError:
        return


def free_ports(record: Record, others: Iterable[Record]) -> dict[str, int]:
    """A port for everything that this node listens on besides its cluster's two; the caller holds the lock."""
    taken = {record.ray_port, record.dashboard_port}
    for other in others:
        taken |= {other.ray_port, other.dashboard_port, *other.ports.values()}
    given: dict[str, int] = {}
    for variable, (default, role) in _PORTS.items():
        if role in {"", record.role}:
            port = pick(default, taken)
            taken.add(port)
            given[variable] = port
    return given


def ensure_token(folder: Folder, *, head: bool) -> None:
    """Make the cluster's Ray token when it has none.

    One that the person's own variables give becomes the cluster's with its head.

    The caller holds the lock. Raises `OperationFailed` when what they give is of no use.
    """
    given = ray_token(os.environ, Path()) if head else RayToken()
    if given.trouble:
        raise OperationFailed(
            f"the Ray token in {given.source} cannot be used: {given.trouble}",
            hint="correct or unset the variable",
            reason="Token",
        )
    with explained("writing the cluster's token", folder.token):
        if given.text:
            write_whole(folder.token, f"{given.text}\n".encode())
        elif not folder.token.exists() or not folder.token.stat().st_size:
            write_whole(folder.token, f"{os.urandom(32).hex()}\n".encode())


def variables(folder: Folder, record: Record, inherited: Mapping[str, str]) -> dict[str, str]:
    """The whole environment of the launcher."""
    given = {
        name: value
        for name, value in inherited.items()
        if name not in _TERMINAL and not name.startswith(_NOT_INHERITED)
    }
    given |= record.environment
    given |= {name: str(port) for name, port in record.ports.items() if port}
    given |= {
        "PYTHONUNBUFFERED": "1",
        "RAYTUI_VENV": record.venv,
        "RAYTUI_TEMP_DIR": record.temp_dir,
        "RAYTUI_ENGINE": record.engine,
        NODE_VARIABLE: node_folder(record.script),
        processes.SHARED_DIR: str(folder.path),
        processes.APPLICATION: record.name,
        processes.APPLICATION_ID: record.id,
        RECORD: msgspec.json.encode(record).decode(),
    }
    port = _head_port(folder) or record.ray_port
    if record.role == "worker" and port:
        # A worker that is quicker than its head would try the default port, where another Ray may answer. A newer
        # rendezvous wins.
        given.setdefault("RAY_HEAD_ADDRESS", f"127.0.0.1:{port}")
    if record.environment.get("RAY_AUTH_MODE") == "token":
        given["RAY_AUTH_TOKEN_PATH"] = str(folder.token)
    return given


def _head_port(folder: Folder) -> int:
    return next((record.ray_port for record in load_all(folder) if record.role == "head"), 0)


def launch(folder: Folder, record: Record) -> processes.Process:
    """Start the launcher in a session of its own, its output in the record's log.

    It lives on when we and our terminal are gone.
    """
    script = Path(record.script)
    if not script.is_file():
        raise OperationFailed(
            f"the launcher {script} does not exist",
            hint=Remedy("start", "", "writes it again"),
            reason="LauncherMissing",
        )
    log = folder.logs / record.log
    python = Path(record.venv) / "bin" / "python"
    interpreter = str(python) if os.access(python, os.X_OK) else sys.executable
    with explained("opening the launcher's log", log):
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        with explained("starting the launcher", Path(interpreter)):
            child = Detached(
                [interpreter, "-u", str(script)],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=subprocess.STDOUT,
                cwd=record.directory if Path(record.directory).is_dir() else "/",
                env=variables(folder, record, os.environ),
                start_new_session=True,
            )
    finally:
        os.close(descriptor)
    process = processes.read(child.pid)
    if process is None:
        # Only where SIGCHLD is ignored can it have vanished before we asked for its status.
        raise OperationFailed(
            f"the launcher of {record.name} ended at once", hint=f"read {log}", reason="LauncherEnded"
        )
    processes.children[process.pid, process.start] = child.poll
    return process
