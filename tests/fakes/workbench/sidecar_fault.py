"""The part of an Envoy sidecar that one machine can show: readiness, connects that always succeed, workers dropped after they joined.

A real sidecar refuses what is inside the connection; here joined raylets are killed after `sidecar_drop` seconds, which
looks the same to Ray: a node registers and is marked dead. Connects are redirected in Python processes only
(sidecar/sitecustomize.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from .wire import Answer

if TYPE_CHECKING:
    from .faults import Faults
    from .network import Place
    from .runner import Pod

READY_PORT, ACCEPTING_PORT = 15021, 15001
WATCH_EVERY = 0.2


class Sidecar:
    """Serves what a sidecar serves, from the first workload that starts while the fault is on."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._servers: list[asyncio.Server] = []
        self.address = f"127.0.0.1:{ACCEPTING_PORT}"

    async def open(self, place: Place) -> None:
        """Begin to listen in a workload's network. A taken port is let go: somebody answers there already."""
        for port, answer in ((ACCEPTING_PORT, _swallow), (READY_PORT, _ready)):
            with contextlib.suppress(OSError):
                self._servers.append(await asyncio.start_server(answer, sock=place.listener(port)))

    async def drop_joined(self, pod: Pod, address: str) -> None:
        """End each raylet that joined a head on another address, `sidecar_drop` seconds after it appeared."""
        seen: dict[int, float] = {}
        loop = asyncio.get_running_loop()
        while not pod.gone.is_set():
            living = pod.pids()
            for pid in living:
                if pid not in seen and _joined_elsewhere(pid, address):
                    seen[pid] = loop.time()
            for pid, since in seen.items():
                if pid in living and loop.time() - since >= self._faults.sidecar_drop:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(WATCH_EVERY)

    def close(self) -> None:
        """Listen no more."""
        for server in self._servers:
            server.close()


def _joined_elsewhere(pid: int, address: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return False
    gcs = next((word.partition("=")[2] for word in words if word.startswith("--gcs-address=")), "")
    return Path(words[0]).name == "raylet" and bool(gcs) and not gcs.startswith(address + ":")


async def _ready(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(Answer(200, b"", "text/plain", {"server": "envoy"}).encode(keep=False))
    writer.close()


async def _swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(reader.read(1), 5)
    writer.close()
