"""A GCS that answers the calls of the health check with the frames a real one sends (recorded from Ray 2.60)."""

from __future__ import annotations

import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def text(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2, len(value)]) + value


HEADERS = b"\x88@\x0ccontent-type\x10application/grpc@\x14grpc-accept-encoding\x17identity, deflate, gzip"
TRAILERS = b"@\x0bgrpc-status\x010"
REFUSED = (
    b"\x88@\x0ccontent-type\x10application/grpc\x00\x0bgrpc-status\x0216"
    b"\x00\x0cgrpc-message>InvalidAuthToken: Authentication token is missing or incorrect"
)


class FakeGcs:
    """What it answers can be changed while it runs; `seen` collects what clients sent."""

    def __init__(self, listener: socket.socket) -> None:
        self.address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.version = b"2.60.0"
        self.cluster_id = b"\xe0" * 28
        self.alive = True
        self.stage = "registered"
        self.refuse = False
        self.mute = False
        self.slowly = False
        self.seen: list[bytes] = []
        self._listener = listener
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                conn, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(conn,), daemon=True).start()

    def _answer(self, conn: socket.socket) -> None:
        with conn, suppress(OSError):
            request = conn.recv(65536)
            self.seen.append(request)
            if self.mute:
                while conn.recv(65536):
                    pass
                return
            data = self.frames(b"CheckAlive" in request and b"\x0a\x1c" in request, b"GetAllNodeInfo" in request)
            if self.slowly:
                for byte in data:
                    conn.sendall(bytes([byte]))
            else:
                conn.sendall(data)
            while conn.recv(65536):
                pass

    def frames(self, asked_for_node: bool, asked_for_head: bool) -> bytes:
        alive = (
            text(1, b"")
            + text(2, self.version)
            + (text(3, bytes([self.alive])) if asked_for_node else b"")
            + b"\x20\x01"
        )
        bodies = {1: b"\x08\x01", 3: alive, 5: text(1, b"") + text(2, self.cluster_id)}
        if asked_for_head:
            bodies[7] = (
                text(1, b"") + (text(2, text(1, b"a node")) if self.stage == "registered" else b"") + b"\x18\x00"
            )
            bodies[9] = text(1, b"\x08\x11") + (text(2, b"127.0.0.1:8265") if self.stage == "ready" else b"")
        data = frame(4, 0, 0, b"") + frame(4, 1, 0, b"") + frame(8, 0, 0, b"\0\0\0\x05") + frame(6, 0, 0, b"12345678")
        for stream, body in bodies.items():
            if self.refuse and stream > 1:
                data += frame(1, 5, stream, REFUSED)
            else:
                data += (
                    frame(1, 4, stream, HEADERS)
                    + frame(0, 0, stream, b"\0" + struct.pack(">I", len(body)) + body)
                    + frame(1, 5, stream, TRAILERS)
                )
        return data


@contextmanager
def fake_gcs(port: int = 0) -> Iterator[FakeGcs]:
    """A fake GCS on a free port of 127.0.0.1."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        yield FakeGcs(listener)
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def main(port: int, gate: Path) -> None:
    """A GCS of its own process: it tries to listen until it can, as long as it lives."""
    while True:
        with suppress(OSError):
            if gate.exists():
                FakeGcs(socket.create_server(("127.0.0.1", port)))
                threading.Event().wait()
        time.sleep(0.02)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
