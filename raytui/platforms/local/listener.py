"""Whose socket listens on a head's dashboard port: a token goes to the head's own processes and to nobody else.

Any user of this machine may listen on a port that is free for a moment. The listening socket is therefore looked up in
the kernel's table and must be held by a process below the head's launcher. Whoever connects between two looks that find
the same socket is connected to it: while it listens, no other user's socket can listen at that address.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable, Iterator

from raytui.core.errors import Failure, Unreachable
from raytui.platforms.local import processes

_LISTENS = b"0A"
_OF_LISTENERS = {_LISTENS, b"03"}
"""States of the rows at the beginning of the kernel's tables: older kernels list a connection that is being made (03)
there too."""
_LOOPBACK = (
    ("/proc/net/tcp", (b"0100007F", b"00000000")),
    ("/proc/net/tcp6", (b"0000000000000000FFFF00000100007F", b"0" * 32)),
)
"""Addresses that answer at 127.0.0.1, in the order in which the kernel prefers them, as its tables write them."""


class HeadListener:
    """Asks who listens on a head's dashboard port.

    Equal for the same run of the same head, so that its connections may be kept.
    """

    def __init__(self, name: str, pid: int, start: int, port: int) -> None:
        """`name` is the head's; `pid` and `start` are its launcher's process."""
        self._name = name
        self._pid = pid
        self._start = start
        self._port = port
        # A socket that was found to be the head's stays so as long as it listens: its number is not given again.
        self._own: frozenset[int] = frozenset()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HeadListener) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[str, int, int, int]:
        return self._name, self._pid, self._start, self._port

    def __call__(self) -> frozenset[int]:
        """The sockets that listen there, none when nobody does.

        Raises `Unreachable` when one of them is not the head's.
        """
        found = listening(self._port)
        if found.keys() <= self._own:
            return frozenset(found)
        for socket, user in found.items():
            if user != os.geteuid():
                raise self._foreign(socket, user)
        missing = found.keys() - _held(found.keys(), self._tree())
        # One that closed meanwhile was nobody's to judge.
        for socket in missing & listening(self._port).keys():
            raise self._foreign(socket, found[socket])
        self._own = frozenset(found.keys() - missing)
        return self._own

    def _tree(self) -> Iterator[int]:
        return processes.descendants(self._pid) if processes.lives(self._pid, self._start) else iter(())

    def _foreign(self, socket: int, user: int) -> Unreachable:
        pid = _holder(socket)
        who = f"pid {pid}, user {_name_of(user)}" if pid else f"user {_name_of(user)}"
        return Unreachable(
            Failure(
                "dashboard",
                "ForeignListener",
                f"another process ({who}) listens on the dashboard's port {self._port}, not {self._name}: it "
                "was asked nothing",
                "end that process and restart the head, or start the cluster with --dashboard-port auto",
            )
        )


def listening(port: int) -> dict[int, int]:
    """User by number of each socket that answers connections to 127.0.0.1 at this port.

    Several only when they share it.

    The kernel writes its listening sockets, and requests to them, before all other connections: with 1,200 connections
    on the machine the whole table takes 6 ms and its beginning 0.2 ms, and every request of a status is preceded and
    followed by such a look.
    """
    suffix = b":%04X" % port
    for path, addresses in _LOOPBACK:
        try:
            rows = list(_listeners(path, suffix))
        except OSError:
            continue
        for address in addresses:
            found = {int(row[9]): int(row[7]) for row in rows if row[1] == address + suffix}
            if found:
                return found
    return {}


def _listeners(path: str, suffix: bytes) -> Iterator[list[bytes]]:
    """The rows of listening sockets whose local address ends so.

    The whole table is read only where none was found before its end.
    """
    seen = False
    with open(path, "rb") as file:  # noqa: PTH123  # on the path of `raytui status`
        next(file, b"")
        for line in file:
            state = line.split(None, 4)[3]
            if state == _LISTENS and suffix in line:
                seen = True
                yield line.split()
            elif seen and state not in _OF_LISTENERS:
                return


def _held(sockets: Iterable[int], pids: Iterable[int]) -> set[int]:
    """Those of the sockets that one of the processes holds."""
    wanted = {f"socket:[{socket}]": socket for socket in sockets}
    held: set[int] = set()
    for pid in pids:
        for link in _links(pid):
            if link in wanted:
                held.add(wanted[link])
        if len(held) == len(wanted):
            break
    return held


def _links(pid: int) -> Iterator[str]:
    folder = f"/proc/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")  # noqa: PTH115
        except OSError:
            continue


def _holder(socket: int) -> int:
    """The process that holds the socket, 0 when the kernel does not show it to us."""
    pids = (int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208
    return next((pid for pid in pids if _held([socket], [pid])), 0)


def _name_of(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)
