"""What the console costs in a large cluster: `python -m tests.benchmarks.scale`.

Bytes to the terminal of 120x50 at one look a second, beside htop in a terminal of the same size and with the same
interval; memory; the time from the key of a list to its first rows; and what one look asks Ray. The scripted dashboard
plays 5,000 nodes, 50,000 actors and 100,000 tasks, of which a tenth changes with each answer; nothing waits in it, so
that no list is asked for before somebody looks at it.
"""

from __future__ import annotations

import argparse
import os
import re
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.measure import BIN
from tests.benchmarks.terminal import drain, end, seconds_until, spawn

SIZE = (120, 50)
CHANGE = "0.1"
SETTLES_S = 20.0
LISTS = {b"3": b"RolloutWorker"}
"""Keys of lists, and what stands in a first row of theirs and nowhere before."""
BACK = b"0"
OPENINGS = 7


@contextmanager
def dashboard(nodes: int, actors: int, tasks: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a scripted dashboard, and its process, which says at its end how often it was asked what."""
    command = [sys.executable, "-m", "tests.fakes.dashboard", "--nodes", str(nodes), "--actors", str(actors)]
    command += ["--tasks", str(tasks), "--change", CHANGE, "--calm", "--tell-requests"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{int(server.stdout.readline())}", server
        finally:
            server.terminate()


def written(masters: Mapping[str, int], seconds: float) -> dict[str, float]:
    """Bytes a second that each program writes to its terminal, all of them side by side."""
    counts, names = dict.fromkeys(masters, 0), {master: name for name, master in masters.items()}
    began = time.perf_counter()
    while (left := began + seconds - time.perf_counter()) > 0:
        for master in select.select(list(names), [], [], left)[0]:
            counts[names[master]] += len(os.read(master, 65536))
    spent = time.perf_counter() - began
    return {name: count / spent for name, count in counts.items()}


def resident(pid: int) -> float:
    """MB that a process holds in memory."""
    reported = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert reported is not None
    return int(reported[1]) * 1024 / 1e6


def openings(master: int) -> Iterator[tuple[float, list[float]]]:
    """For each list the seconds from its key to its first rows: the first time, when Ray has to be asked, and again."""
    for key, row in LISTS.items():
        times = []
        for _ in range(OPENINGS):
            os.write(master, key)
            times.append(seconds_until(master, row, 30, f"the list of {key.decode()}"))
            drain([master], 3)
            os.write(master, BACK)
            drain([master], 3)
        yield times[0], times[1:]


def asked(server: subprocess.Popen[str]) -> int:
    """How many requests the dashboard has answered so far."""
    server.send_signal(signal.SIGUSR1)
    assert server.stdout is not None
    return int(server.stdout.readline())


def main() -> None:
    """Print a line for each."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale")
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--actors", type=int, default=50_000)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="rb") as folder,
        dashboard(given.nodes, given.actors, given.tasks) as (address, server),
    ):
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        env |= {"RAYTUI_STATE_DIR": folder, "RAYTUI_REFRESH": "1"}
        running = {"raytui": spawn([str(BIN / "raytui"), "--address", address], env, SIZE)}
        if shutil.which("htop") is not None:
            running["htop"] = spawn(["htop", "-d", "10"], env, SIZE)
        try:
            pid, master = running["raytui"]
            seconds_until(master, "▸".encode(), 60, "raytui")
            masters = {name: terminal for name, (_, terminal) in running.items()}
            drain(list(masters.values()), SETTLES_S)
            before = asked(server)
            rates = written(masters, given.seconds)
            requests = (asked(server) - before) / given.seconds
            said = f"bytes to the terminal a second, {SIZE[0]}x{SIZE[1]} at 1 Hz: raytui {rates['raytui']:.0f}"
            if "htop" in rates:
                said += f"   htop {rates['htop']:.0f}   ratio {rates['raytui'] / rates['htop']:.2f}   to reach <= 1"
            print(f"{said}\nrequests a look: {requests:.2f}, whatever the number of nodes", flush=True)
            for first, again in openings(master):
                print(
                    f"first rows of a list of {given.actors:,} after its key: {first:.2f} s, then "
                    f"{statistics.median(again):.2f} s   to reach <= 0.3 s",
                    flush=True,
                )
            print(f"memory after that: {resident(pid):.0f} MB   to reach < 200 MB")
        finally:
            for pid, master in running.values():
                end(pid, master)


if __name__ == "__main__":
    main()
