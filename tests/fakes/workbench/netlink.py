"""As much of rtnetlink as a network for pods needs: links up, a bridge, pairs of virtual devices, addresses, a route.

Own code because the program `ip` is not on every machine, and a start of a workload should not cost five processes.
Everything acts on the network namespace in which the socket is made.
"""

from __future__ import annotations

import os
import socket
import struct

NEW_LINK, NEW_ADDRESS, NEW_ROUTE = 16, 20, 24
REQUEST, ACK, CREATE_NEW = 0x1, 0x4, 0x600
NAME, MASTER, LINK_INFO, NAMESPACE_FD = 3, 10, 18, 28
KIND, DATA, PEER = 1, 2, 1
UP = 1


def _attribute(kind: int, data: bytes) -> bytes:
    return struct.pack("HH", len(data) + 4, kind) + data + b"\0" * (-len(data) % 4)


def _name(kind: int, text: str) -> bytes:
    return _attribute(kind, text.encode() + b"\0")


def _link(index: int = 0, flags: int = 0) -> bytes:
    return struct.pack("BxHiII", socket.AF_UNSPEC, 0, index, flags, flags)


def _ask(kind: int, flags: int, body: bytes) -> None:
    """One request and its answer. Raises OSError when the kernel refuses it."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
        channel.settimeout(5)
        channel.send(struct.pack("IHHII", len(body) + 16, kind, REQUEST | ACK | flags, 1, 0) + body)
        answer = channel.recv(65536)
    number = -struct.unpack_from("i", answer, 16)[0]
    if number:
        raise OSError(number, f"rtnetlink request {kind}: {os.strerror(number)}")


def up(name: str) -> None:
    """Switch a device on."""
    _ask(NEW_LINK, 0, _link(socket.if_nametoindex(name), UP))


def bridge(name: str) -> None:
    """Make a bridge."""
    _ask(NEW_LINK, CREATE_NEW, _link() + _name(NAME, name) + _attribute(LINK_INFO, _name(KIND, "bridge")))


def pair(name: str, peer: str, namespace: int, master: str) -> None:
    """Make a pair of devices: `name` here, at the bridge `master`, and `peer` in the namespace of a file descriptor."""
    other = _link() + _name(NAME, peer) + _attribute(NAMESPACE_FD, struct.pack("I", namespace))
    info = _name(KIND, "veth") + _attribute(DATA, _attribute(PEER, other))
    here = _name(NAME, name) + _attribute(MASTER, struct.pack("I", socket.if_nametoindex(master)))
    _ask(NEW_LINK, CREATE_NEW, _link() + here + _attribute(LINK_INFO, info))
    up(name)


def address(name: str, text: str, length: int) -> None:
    """Give a device an address."""
    body = struct.pack("BBBBI", socket.AF_INET, length, 0, 0, socket.if_nametoindex(name))
    number = socket.inet_aton(text)
    _ask(NEW_ADDRESS, CREATE_NEW, body + _attribute(1, number) + _attribute(2, number))


def default_route(gateway: str) -> None:
    """Send everything that is not near to a gateway."""
    body = struct.pack("BBBBBBBBI", socket.AF_INET, 0, 0, 0, 254, 3, 0, 1, 0)
    _ask(NEW_ROUTE, CREATE_NEW, body + _attribute(5, socket.inet_aton(gateway)))
