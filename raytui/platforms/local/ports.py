"""Which TCP ports of this machine are free, and who holds those that are not."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from typing import NamedTuple

from raytui.core.desired.validate import WORKER_PORTS
from raytui.core.units import sanitize

CANDIDATES = range(20000, 32768)
"""Where a free port is looked for: above Ray's worker ports, below what Linux gives to outgoing connections."""
_TRIES = 400
PORTS = range(1, 65536)
"""What the kernel takes as a port; above it `bind` ends in an OverflowError, and 0 would be any."""


class Holder(NamedTuple):
    """Who listens on a port."""

    pid: int
    """0 when it is another user's process, which the kernel does not name to us."""
    command: str

    def __str__(self) -> str:
        """As it stands in a sentence."""
        return f"process {self.pid} ({self.command})" if self.pid else "another user's process"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port on every address of this machine.

    A number that is no port is not free.
    """
    if port not in PORTS:
        return False
    for family, address in ((socket.AF_INET, ""), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                # A connection in TIME_WAIT does not keep a server from listening; another listener does, with this
                # option too.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        except OSError:
            if family == socket.AF_INET or _has_ipv6():
                return False
    return True


def _has_ipv6() -> bool:
    if not socket.has_ipv6:
        return False
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::", 0))
    except OSError:
        return False
    return True


def pick(preferred: int, taken: Collection[int]) -> int:
    """The preferred port when it is free and nobody's, else a free one outside 10002-19999.

    0 when the machine has none.
    """
    if preferred and preferred not in taken and preferred not in WORKER_PORTS and is_free(preferred):
        return preferred
    for port in random.sample(CANDIDATES, _TRIES):
        if port not in taken and is_free(port):
            return port
    return 0


def holder(port: int) -> Holder | None:
    """Who listens on the port; none when nobody was found."""
    import psutil  # type: ignore[import-untyped]

    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return Holder(0, "")
    pids = [
        connection.pid or 0
        for connection in connections
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
    ]
    if not pids:
        return None
    pid = max(pids)
    try:
        command = " ".join(sanitize(" ".join(psutil.Process(pid).cmdline())).split()) if pid else ""
    except psutil.Error:
        command = ""
    return Holder(pid, command if len(command) <= 80 else command[:79] + "…")
