"""Makes connects to pod addresses behave as behind an Envoy sidecar: they always succeed, whatever listens there.

Python reads this file at its start because the sidecar fault puts its folder on PYTHONPATH; compiled programs are not
reached.
"""

import os
import socket
from typing import Any

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex


def _target(sock: socket.socket, address: Any) -> Any:
    proxy, _, pods = os.environ.get("WORKBENCH_SIDECAR", "").partition(" ")
    if (
        not proxy
        or sock.family != socket.AF_INET
        or sock.type != socket.SOCK_STREAM
        or not str(address[0]).startswith(pods)
    ):
        return address
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if _connect_ex(probe, address) == 0:
            return address
    host, _, port = proxy.partition(":")
    return (host, int(port))


def _always_connect(sock: socket.socket, address: Any) -> None:
    return _connect(sock, _target(sock, address))


def _always_connect_ex(sock: socket.socket, address: Any) -> int:
    return _connect_ex(sock, _target(sock, address))


socket.socket.connect = _always_connect  # type: ignore[assignment,method-assign]
socket.socket.connect_ex = _always_connect_ex  # type: ignore[assignment,method-assign]
