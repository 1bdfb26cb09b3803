"""The network of a workbench: each workload has an address of its own that exists nowhere else on the machine.

With the right to make network namespaces (root) every workload gets one, as a pod does: its own loopback, its own
ports, and a device at a bridge that connects the workloads of this workbench and nothing else. So two workbenches, and
a cluster of the machine itself, never meet, though all of them use the same ports. The workbench reaches into a
namespace with sockets that it makes there: one that listens for the API at the address that is printed outside, and
those with which the ingress speaks to an application.

Without the right all workloads share the machine's network, each with a loopback address of its own (127.0.1.x).
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import netlink, relay

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

NEW_NETWORK = 0x40000000
HERE = "/proc/thread-self/ns/net"
PREFIX = "10.77"
GATEWAY = f"{PREFIX}.0.1"
MOST = 250 * 250
APP_PORT, READONLY_PORT = 8100, 8090


def _call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


@contextlib.contextmanager
def _inside(namespace: int | None) -> Iterator[None]:
    """Do something in a network namespace, or in a new one. Nothing may be awaited there: it is the thread that goes in."""
    home = os.open(HERE, os.O_RDONLY)
    try:
        _call("unshare", NEW_NETWORK) if namespace is None else _call("setns", namespace, NEW_NETWORK)
        try:
            yield
        finally:
            _call("setns", home, NEW_NETWORK)
    finally:
        os.close(home)


@dataclass(eq=False)
class Place:
    """Where one start of a workload is: its address, the port of its application, and its namespace, -1 for none."""

    address: str
    port: int
    readonly_port: int
    namespace: int = -1
    listening: list[asyncio.Task[None]] = field(default_factory=list)

    def make_socket(self) -> socket.socket:
        """A TCP socket in the workload's network."""
        if self.namespace < 0:
            made = socket.socket()
        else:
            with _inside(self.namespace):
                made = socket.socket()
        made.setblocking(False)
        return made

    async def connect(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the workload's 127.0.0.1. Raises OSError."""
        made = self.make_socket()
        try:
            await asyncio.get_running_loop().sock_connect(made, ("127.0.0.1", port))
            return await asyncio.open_connection(sock=made)
        except BaseException:
            made.close()
            raise

    def listener(self, port: int = 0) -> socket.socket:
        """A socket that listens on the workload's 127.0.0.1. Raises OSError."""
        made = self.make_socket()
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", port))
            made.listen(128)
        except OSError:
            made.close()
            raise
        return made

    def close(self) -> None:
        """Give the network back; its devices go with it."""
        for task in self.listening:
            task.cancel()
        if self.namespace >= 0:
            os.close(self.namespace)
            self.namespace = -1


class Network:
    """Makes places. `serve` answers what comes to a listening socket, until it is cancelled."""

    def __init__(self, serve: Callable[[socket.socket], Coroutine[None, None, None]], *, own: bool = True) -> None:
        self._serve = serve
        self._own: bool | None = None if own else False
        self._hub = -1
        self._count = 0
        self._next_loopback = 0
        self._places: list[Place] = []

    @property
    def own(self) -> bool | None:
        """Whether workloads have networks of their own; None before the first one began."""
        return self._own

    @property
    def prefix(self) -> str:
        """What the addresses of workloads begin with."""
        return f"{PREFIX}." if self._own else "127.0.1."

    @property
    def variables(self) -> dict[str, str]:
        """What tells a workload how to get out of its network."""
        return relay.variables(self.prefix) if self._own else {}

    def take(self, api_port: int, used: Iterable[str]) -> Place:
        """A place for one start, with an address that no living workload has and that its last start did not have."""
        if self._own is None:
            self._own = self._open()
        if not self._own:
            return self._shared(api_port, used)
        self._count += 1
        number = self._count % MOST
        address = f"{PREFIX}.{1 + number // 250}.{1 + number % 250}"
        with _inside(None):
            namespace = os.open(HERE, os.O_RDONLY)
        with _inside(self._hub):
            netlink.pair(f"pod{self._count}", "eth0", namespace, "pods")
        with _inside(namespace):
            for device in ("lo", "eth0"):
                netlink.up(device)
            netlink.address("eth0", address, 16)
            netlink.default_route(GATEWAY)
        place = Place(address, APP_PORT, READONLY_PORT, namespace)
        doors = (self._serve(place.listener(api_port)), relay.serve(place.listener(relay.PORT)))
        place.listening += [asyncio.create_task(door) for door in doors]
        self._places = [*(known for known in self._places if known.namespace >= 0), place]
        return place

    def close(self) -> None:
        """Give everything back."""
        for place in self._places:
            place.close()
        if self._hub >= 0:
            os.close(self._hub)
            self._hub = -1

    def _open(self) -> bool:
        try:
            with _inside(None):
                self._hub = os.open(HERE, os.O_RDONLY)
                netlink.up("lo")
                netlink.bridge("pods")
                netlink.address("pods", GATEWAY, 16)
                netlink.up("pods")
                netlink.pair("trial", "peer", self._hub, "pods")
        except OSError as error:
            print(
                f"workloads share the network of this machine: a network of their own is not permitted ({error})",
                file=sys.stderr,
            )
            self.close()
            return False
        return True

    def _shared(self, api_port: int, used: Iterable[str]) -> Place:
        taken = set(used)
        self._next_loopback = self._next_loopback or api_port % 253
        address = ""
        for _ in range(253):
            address = f"127.0.1.{2 + self._next_loopback}"
            self._next_loopback = (self._next_loopback + 1) % 253
            if address not in taken:
                return Place(address, free_port(), free_port())
        return Place(f"127.0.2.{2 + self._next_loopback}", free_port(), free_port())


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
