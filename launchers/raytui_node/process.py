"""Starts `ray start`, finds what belongs to it through /proc, and ends it so that nothing of it is left.

`ray start --block` does not prove a live node: it stays when its raylet ends with code 0, and after a SIGKILL its
agents live on for a minute. Everything is found by parentage, by the process group that Ray was given and by a marker
in the environment; only processes of this user are ever signalled.
"""

import ctypes
import os
import select
import signal
import subprocess
import time
from collections import deque
from typing import Callable, Deque, Dict, List, Mapping, NamedTuple, Optional, Set, Tuple

_PR_SET_PDEATHSIG = 1
_LINE_LIMIT = 8192
# State of a listening socket in /proc/net/tcp.
_LISTENS = "0A"
_KEPT_LINES = 400


class Process(NamedTuple):
    """One row of /proc; `start` (clock ticks after boot) tells a process from a later one with the same pid."""

    pid: int
    parent: int
    group: int
    session: int
    state: str
    start: int


class RayParts(NamedTuple):
    """What is known of the node's own processes; empty where a process is not there yet."""

    raylet: Optional[Process]
    gcs: Optional[Process]
    node_id: str
    node_ip: str
    log_files: Tuple[Tuple[str, str], ...]
    """Plain name (raylet.out) and path of each output file of raylet and GCS."""


NOTHING_YET = RayParts(None, None, "", "", ())


def read_process(pid: int) -> Optional[Process]:
    """The process with this pid, or None when there is none (a zombie is none: it only waits for its parent)."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as file:
            rest = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    state = rest[0].decode("ascii", "replace")
    if state in "ZX":
        return None
    return Process(pid, int(rest[1]), int(rest[2]), int(rest[3]), state, int(rest[19]))


def still_runs(process: Process) -> bool:
    """Whether it is the same process and alive."""
    now = read_process(process.pid)
    return now is not None and now.start == process.start


def _children(pid: int) -> List[int]:
    """Direct children. The kernel's list is one read; where it is not compiled in, all of /proc is walked."""
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as file:
            return [int(word) for word in file.read().split()]
    except (OSError, ValueError):
        return [process.pid for process in _all_processes() if process.parent == pid]


def _all_processes() -> List[Process]:
    try:
        names = os.listdir("/proc")
    except OSError:
        return []
    found = (read_process(int(name)) for name in names if name.isdigit())
    return [process for process in found if process is not None]


def _read_words(pid: int, what: str) -> List[str]:
    try:
        with open("/proc/%d/%s" % (pid, what), "rb") as file:
            return file.read().decode("utf-8", "replace").split("\0")
    except OSError:
        return []


def _options(words: List[str]) -> Dict[str, str]:
    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        if equals and key.startswith("--"):
            found[key[2:].replace("-", "_")] = value
    return found


def find_ray(root: int) -> RayParts:
    """The raylet and GCS below `ray start`, and what their command lines tell about the node."""
    found: Dict[str, Process] = {}
    options: Dict[str, str] = {}
    files: List[Tuple[str, str]] = []
    queue = [(pid, 1) for pid in _children(root)]
    while queue:
        pid, depth = queue.pop()
        words = _read_words(pid, "cmdline")
        name = os.path.basename(words[0]) if words else ""
        process = read_process(pid)
        if name not in ("raylet", "gcs_server") or process is None:
            # One level more than Ray needs, for a `ray` that is a wrapper script.
            queue += [(child, depth + 1) for child in _children(pid)] if depth < 2 else []
            continue
        found[name] = process
        own = _options(words[1:])
        options.update(own)
        for key, suffix in (("stdout_filepath", ".out"), ("stderr_filepath", ".err")):
            path = own.get(key) or (os.path.join(own["log_dir"], name + suffix) if "log_dir" in own else "")
            if path:
                files.append((name + suffix, path))
    node_id, node_ip = options.get("node_id", ""), options.get("node_ip_address", "")
    return RayParts(found.get("raylet"), found.get("gcs_server"), node_id, node_ip, tuple(sorted(files)))


def _prctl() -> Optional[Callable[[int, int], int]]:
    """The call that ties a process to its parent's life; None where the system has none."""
    return getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


def follow(launcher: int) -> None:
    """Ties this process to `launcher`, its parent: the kernel sends us SIGTERM when it dies, however it dies.

    We leave its process group too: a Ctrl-C, or a platform's signal to the whole group, comes from the launcher, which
    hands it on, and would otherwise count twice.
    """
    os.setpgid(0, 0)
    prctl = _prctl()
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != launcher:
            os.kill(os.getpid(), signal.SIGTERM)


def spawn(argv: List[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Starts `argv` with its output in a pipe, in a process group of its own inside our session.

    Its own group keeps Ctrl-C and signals to the launcher's group away from Ray's processes, which would die piecemeal
    instead of draining; the same session lets a platform find everything by session id. The kernel sends it SIGTERM
    when we die, however we die. Raises OSError when it cannot be started.
    """
    parent = os.getpid()
    prctl = _prctl()

    def prepare() -> None:
        os.setpgid(0, 0)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    # The child only makes three system calls through a library that is already loaded, so another thread's locks cannot
    # stop it.
    return subprocess.Popen(
        argv,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=prepare,  # noqa: PLW1509
        bufsize=0,
    )


class Output:
    """The child's output: passed on as it comes, its last lines kept for the explanation."""

    def __init__(self, child: "subprocess.Popen[bytes]", echo: Callable[[bytes], None]) -> None:
        assert child.stdout is not None
        self._file = child.stdout
        self._fd = child.stdout.fileno()
        self._echo = echo
        self._rest = b""
        self._open = True
        self.lines: Deque[str] = deque(maxlen=_KEPT_LINES)
        os.set_blocking(self._fd, False)

    def wait(self, seconds: float, wake: int) -> bool:
        """Waits at most `seconds` for output or for a byte on the descriptor `wake`, and reads what is there.

        True after output.
        """
        watched = [wake] + ([self._fd] if self._open else [])
        ready, _, _ = select.select(watched, [], [], seconds)
        if wake in ready:
            os.read(wake, 4096)
        return self._fd in ready and self._read()

    def drain(self) -> None:
        """Reads what is left without waiting for processes that still hold the pipe, and ends the last line."""
        while self._open and self._read():
            continue
        if self._rest:
            self._keep(self._rest)
            self._rest = b""
        if self._open:
            self._open = False
            self._file.close()

    def _read(self) -> bool:
        try:
            chunk = os.read(self._fd, 65536)
        except BlockingIOError:
            return False
        if not chunk:
            self._open = False
            self._file.close()
            return False
        self._echo(chunk)
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        for line in whole:
            self._keep(line)
        # A megabyte without a newline is cut, not collected.
        self._rest = self._rest[-_LINE_LIMIT:]
        return True

    def _keep(self, line: bytes) -> None:
        self.lines.append(line[:_LINE_LIMIT].decode("utf-8", "replace").rstrip("\r"))


def holds_port(pid: int, port: int) -> Optional[bool]:
    """Whether the process has the listening TCP socket of `port`.

    None when nobody is seen to listen or the kernel does not tell.

    Who answers at an address does not say who it is: the socket itself is compared, and it cannot be another process's.
    """
    sockets: Set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                rows = [line.split() for line in file.readlines()[1:]]
        except OSError:
            continue
        sockets |= {
            "socket:[%s]" % row[9] for row in rows if row[3] == _LISTENS and int(row[1].rpartition(":")[2], 16) == port
        }
    folder = "/proc/%d/fd" % pid
    try:
        names = os.listdir(folder) if sockets else []
    except OSError:
        return None
    for name in names:
        try:
            if os.readlink(os.path.join(folder, name)) in sockets:
                return True
        except OSError:
            continue
    return False if sockets else None


def signal_child(child: "subprocess.Popen[bytes]", number: int) -> None:
    """Sends the signal if the child still is our child; never to a process that got its pid later."""
    if child.poll() is None:
        try:
            os.kill(child.pid, number)
        except ProcessLookupError:
            return


def _descendants(processes: List[Process], roots: Set[int]) -> Set[int]:
    found = set(roots)
    grew = True
    while grew:
        more = {process.pid for process in processes if process.parent in found} - found
        grew = bool(more)
        found |= more
    return found


def left_behind(group: int, mark: str) -> List[Process]:
    """Live processes of this user that belong to this node.

    Ray's process group says so, or its parentage, or `mark` (NAME=VALUE) in the environment. Ray's agents overwrite
    their environment with a title, so the group is what finds them once their parent is dead.
    """
    me, user, session = os.getpid(), os.getuid(), os.getsid(0)
    processes = [process for process in _all_processes() if process.pid != me]
    below = _descendants(
        processes, {process.pid for process in processes if process.group == group and process.session == session}
    )
    found = []
    for process in processes:
        try:
            own = os.stat("/proc/%d" % process.pid).st_uid == user
        except OSError:
            continue
        if own and (process.pid in below or mark in _read_words(process.pid, "environ")):
            found.append(process)
    return found


def sweep(group: int, mark: str, seconds: float = 5.0) -> int:
    """SIGKILLs what is left of the node until nothing is; returns how many were ended. Gives up after `seconds`."""
    deadline = time.monotonic() + seconds
    ended: Set[Tuple[int, int]] = set()
    pause = 0.01
    while True:
        rest = left_behind(group, mark)
        for process in rest:
            try:
                os.kill(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                continue
            ended.add((process.pid, process.start))
        if not rest or time.monotonic() > deadline:
            return len(ended)
        time.sleep(pause)
        pause = min(pause * 2, 0.2)
