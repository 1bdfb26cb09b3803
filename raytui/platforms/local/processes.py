"""The process table as the truth: who is ours, who lives, and signals that cannot hit a stranger.

A pid alone proves nothing, so a process is known by pid and start time. Ours are those that carry RAYTUI_APPLICATION
and RAYTUI_SHARED_DIR in the environment they were started with, and what descends from them: some of Ray's processes
overwrite that memory with a title. It is read from /proc directly because listing is on the path of `raytui status`,
where psutil's import would cost a tenth of the time there is.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

APPLICATION_ID = "RAYTUI_APPLICATION_ID"
APPLICATION = "RAYTUI_APPLICATION"
SHARED_DIR = "RAYTUI_SHARED_DIR"
_MARK = f"{APPLICATION_ID}=".encode()
_DEAD = ("Z", "X", "x")
children: dict[tuple[int, int], Callable[[], int | None]] = {}
"""By pid and start time, how to get the exit status of a process that we started: only a parent can."""


class Process(NamedTuple):
    """One process as /proc/PID/stat shows it."""

    pid: int
    start: int
    """Start time in clock ticks since boot: with the pid it is the identity of a process."""
    parent: int
    session: int
    name: str
    """First 15 characters of the program's name, or what the process called itself."""
    ended: bool
    """A zombie: it has ended and only its parent has not noticed."""


class Marked(NamedTuple):
    """A process that says whose it is."""

    process: Process
    application_id: str
    application: str
    shared: Path
    environment: Mapping[str, str]


def read(pid: int) -> Process | None:
    """The process with this pid now, or none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123  # a Path per process doubles the time of a scan
            text = file.read().decode(errors="replace")
    except (OSError, ValueError):
        return None
    before, _, rest = text.rpartition(")")
    fields = rest.split()
    if len(fields) < 20:
        return None
    return Process(pid, int(fields[19]), int(fields[1]), int(fields[3]), before.partition("(")[2], fields[0] in _DEAD)


def lives(pid: int, start: int) -> bool:
    """Whether the very process that had this pid and start time still runs."""
    if pid <= 0:
        return False
    now = read(pid)
    return now is not None and now.start == start and not now.ended


def exit_code(pid: int, start: int) -> int | None:
    """The exit status of a process that we started ourselves and that has ended; negative for a signal."""
    ask = children.get((pid, start))
    return ask() if ask is not None else None


def environment(pid: int) -> dict[str, str]:
    """The environment a process of ours was started with; empty when it cannot be read or the process wrote over it."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return _parse(file.read())
    except OSError:
        return {}


def _parse(raw: bytes) -> dict[str, str]:
    pairs = (item.partition(b"=") for item in raw.split(b"\0") if item)
    return {os.fsdecode(key): os.fsdecode(value) for key, found, value in pairs if found}


def command(pid: int) -> list[str]:
    """The arguments of a process; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
            return [os.fsdecode(part) for part in file.read().split(b"\0") if part]
    except OSError:
        return []


def boot_id() -> str:
    """Identity of this run of the machine: start times count from it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def own() -> dict[int, Process]:
    """Every living process of our user."""
    user, table = os.geteuid(), {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if not name.isdigit():
            continue
        try:
            if os.stat(f"/proc/{name}").st_uid != user:  # noqa: PTH116
                continue
        except OSError:
            continue
        process = read(int(name))
        if process is not None and not process.ended:
            table[process.pid] = process
    return table


def marked(table: Mapping[int, Process], root: Path) -> list[Marked]:
    """Those that carry the mark of an application under `root`."""
    found = []
    for pid, process in table.items():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                raw = file.read()
        except OSError:
            continue
        if _MARK not in raw:
            continue
        variables = _parse(raw)
        shared = Path(os.path.realpath(variables.get(SHARED_DIR, "/")))
        if shared.parent == root and variables.get(APPLICATION):
            found.append(Marked(process, variables[APPLICATION_ID], variables[APPLICATION], shared, variables))
    return found


def owner(pid: int) -> Marked | None:
    """The application that a process of ours belongs to, whichever raytui made it.

    By its own mark, or by that of who started it.
    """
    seen: set[int] = set()
    while pid > 1 and pid not in seen:
        seen.add(pid)
        process = read(pid)
        if process is None:
            return None
        variables = environment(pid)
        if variables.get(APPLICATION) and variables.get(SHARED_DIR):
            shared = Path(os.path.realpath(variables[SHARED_DIR]))
            return Marked(process, variables.get(APPLICATION_ID, ""), variables[APPLICATION], shared, variables)
        pid = process.parent
    return None


def belonging(
    table: Mapping[int, Process], found: Iterable[Marked], chosen: Callable[[Marked], bool]
) -> dict[int, Process]:
    """The processes of one application.

    Those marked as such, what they started, and whoever shares a session that one of them leads. Processes that carry
    another application's mark are that one's, whoever started them. We ourselves and our ancestors are never among
    them: raytui may have been started by a job of the very cluster.
    """
    marks = list(found)
    members = {mark.process.pid: mark.process for mark in marks if chosen(mark)}
    if not members:
        return {}
    foreign = {mark.process.pid for mark in marks} - members.keys()
    grown = True
    while grown:
        grown = False
        for process in table.values():
            if process.pid in members or process.pid in foreign:
                continue
            if process.parent in members or process.session in members:
                members[process.pid] = process
                grown = True
    for pid in _ancestry(table):
        members.pop(pid, None)
    return members


def _ancestry(table: Mapping[int, Process]) -> set[int]:
    pid, line = os.getpid(), set()
    while pid > 0 and pid not in line:
        line.add(pid)
        process = table.get(pid) or read(pid)
        pid = process.parent if process is not None else 0
    return line


def child_named(pid: int, name: str) -> bool | None:
    """Whether a process has a living child of this name; none when the kernel does not tell."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return False
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                children = file.read().split()
        except FileNotFoundError:
            if read(pid) is None:
                return False
            return None
        except OSError:
            continue
        for child in children:
            process = read(int(child))
            if process is not None and process.name == name and not process.ended:
                return True
    return False


def descendants(pid: int) -> Iterator[int]:
    """The process and all that it started and they started, as far as they still are below it."""
    waiting = [pid]
    while waiting:
        parent = waiting.pop(0)
        yield parent
        try:
            threads = os.listdir(f"/proc/{parent}/task")  # noqa: PTH208
        except OSError:
            continue
        for thread in threads:
            try:
                with open(f"/proc/{parent}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                    waiting += [int(child) for child in file.read().split()]
            except FileNotFoundError:
                if read(parent) is not None and os.path.exists(f"/proc/{parent}/task/{thread}"):  # noqa: PTH110
                    # This kernel has no such list.
                    yield from _below(parent)
                    break
            except OSError:
                continue


def _below(pid: int) -> Iterator[int]:
    table, waiting = own(), [pid]
    while waiting:
        parent = waiting.pop()
        children_of = [process.pid for process in table.values() if process.parent == parent]
        yield from children_of
        waiting += children_of


def send(process: Process, number: signal.Signals) -> bool:
    """Signal this very process; false when it is gone, has become somebody else's pid, or is not our user's.

    The pidfd is opened before the identity is checked, so the pid cannot pass to a stranger in between.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    except (OSError, AttributeError):  # a kernel or sandbox without pidfd: check as late as can be
        return _still(process) and _kill(process.pid, number)
    try:
        if not _still(process):
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)
            return True
        return False
    finally:
        os.close(handle)


def _still(process: Process) -> bool:
    try:
        mine = os.stat(f"/proc/{process.pid}").st_uid == os.geteuid()  # noqa: PTH116
    except OSError:
        return False
    return mine and lives(process.pid, process.start)


def _kill(pid: int, number: signal.Signals) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False
