"""From a key press to the painted move of the cursor, p95, against htop in the same run: `python -m tests.benchmarks.keys`.

The console shows a scripted dashboard of 5,000 nodes (or as many as the first argument says), a tenth of which change
with each answer. Its time ends when the cursor's mark is painted on another row, htop's when it writes anything at all.
htop is a package of Debian's; without it the console's own times are printed.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from tests.benchmarks.measure import BIN
from tests.benchmarks.terminal import drain, end, seconds_until, spawn

NODES = 5_000
PRESSES = 200
PAUSES_S = (0.05, 0.25)
"""Between two presses, at random, so that they meet refreshes at every moment of theirs."""
SIZE = (120, 50)
DOWN, UP = b"\x1b[B", b"\x1b[A"
CURSOR = "▸".encode()


class Peer(NamedTuple):
    """A program with a list and a cursor."""

    command: list[str]
    full: bytes
    """Stands on the screen once the list does."""
    moved: bytes
    """Is written when the cursor moves; empty for any byte."""


@contextmanager
def dashboard(nodes: int) -> Iterator[str]:
    """The address of a scripted dashboard."""
    command = [sys.executable, "-m", "tests.fakes.dashboard", "--nodes", str(nodes), "--change", "0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def presses(peers: dict[str, Peer], env: dict[str, str], count: int) -> dict[str, list[float]]:
    """Seconds of each press, all programs running side by side and pressed in turn."""
    running = {name: spawn(peer.command, env, SIZE) for name, peer in peers.items()}
    chance, found = random.Random(0), {name: list[float]() for name in peers}
    try:
        for name, peer in peers.items():
            seconds_until(running[name][1], peer.full, 60, name)
        drain([master for _, master in running.values()], 5)
        for n in range(count):
            for name, peer in peers.items():
                master = running[name][1]
                # All are read: one whose terminal is full would stand still.
                drain([terminal for _, terminal in running.values()], chance.uniform(*PAUSES_S))
                began = time.perf_counter()
                os.write(master, DOWN if n // 8 % 2 == 0 else UP)
                seconds_until(master, peer.moved, 10, name)
                found[name].append(time.perf_counter() - began)
    finally:
        for pid, master in running.values():
            end(pid, master)
    return found


def main() -> None:
    """Print the p95 of both."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else NODES
    count = int(sys.argv[2]) if len(sys.argv) > 2 else PRESSES
    with tempfile.TemporaryDirectory(prefix="rb") as folder, dashboard(nodes) as address:
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "RAYTUI_STATE_DIR": folder}
        peers = {"raytui": Peer([str(BIN / "raytui"), "--address", address], CURSOR, CURSOR)}
        htop = shutil.which("htop")
        if htop is not None:
            peers["htop"] = Peer([htop], b"PID", b"")
        found = presses(peers, env, count)
    p95 = {name: statistics.quantiles(times, n=20)[-1] * 1000 for name, times in found.items()}
    said = f"key press to painted cursor move, {nodes:,} rows, 10 % changing, p95 of {count}: raytui {p95['raytui']:.1f} ms"
    if "htop" in p95:
        said += f"   htop {p95['htop']:.1f} ms   ratio {p95['raytui'] / p95['htop']:.2f}   to reach <= 1"
    print(said if "htop" in p95 else f"{said}   (htop is not installed)")


if __name__ == "__main__":
    main()
