"""`raytui logs` over a made-up session of Ray, against grep, tail and, where they are installed, rg and lnav.

`python -m tests.benchmarks.logs --size 3300` makes 3.3 GB in 64 files once and keeps them for the next run.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from tests.benchmarks.measure import BIN, interleaved, row

NEEDLE = "xyzzy 4242"
RAYTUI = [str(BIN / "python"), "-m", "raytui", "logs", "--path"]
NAMES = ("raylet.out", "gcs_server.out", "dashboard.log", "worker-{n}-01000000-{n}.err")


def make(folder: Path, megabytes: int, files: int) -> None:
    """Files of lines as Ray writes them, one each 37 ms a file, in both of its styles, with tracebacks among them."""
    each = megabytes * 1024 * 1024 // files
    for n in range(files):
        path = folder / f"node-{n // len(NAMES)}" / NAMES[n % len(NAMES)].format(n=n)
        if path.exists() and path.stat().st_size >= each:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        at, number = datetime(2026, 11, 24, 8, 0, 0, n * 1000), 0  # noqa: DTZ001 - logs say no zone
        with path.open("w") as file:
            while file.tell() < each:
                lines = []
                for _ in range(5000):
                    at += timedelta(milliseconds=37)
                    number += 1
                    stamp = f"{at:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d}"
                    bad = number % 5000 == 0
                    if n % 4 < 2:
                        lines.append(
                            f"[{stamp} {'E' if bad else 'I'} {1000 + n} {1000 + n}] (raylet) node_manager.cc:{number % 900}: "
                            f"Received lease request {number} from worker {n:056x} resources CPU: 1\n"
                        )
                    else:
                        lines.append(
                            f"{stamp}\t{'ERROR' if bad else 'INFO'} head.py:{number % 400} -- handled {number} of node {n:056x}\n"
                        )
                    if bad:
                        lines.append(
                            f'Traceback (most recent call last):\n  File "a.py", line {n}, in f\nValueError: xyzzy {number}\n'
                        )
                file.writelines(lines)


def cpu_and_wall(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that a command takes with all its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - began


def first_line(command: list[str]) -> float:
    """Seconds until a command has printed its first line."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        took = time.perf_counter() - began
        process.kill()
    return took


def peak(command: list[str]) -> tuple[float, float]:
    """Seconds and MB that a command takes at most."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def searched(folder: Path, runs: int) -> None:
    """A pattern over everything: all hits, the count, the first hit."""
    for what, pattern in (("a word", NEEDLE), ("a pattern", "lease request [0-9]*77777 ")):
        ours = [*RAYTUI, str(folder), "--grep", pattern, "-c"]
        peers = {"grep -c": ["grep", "-rcE", pattern, str(folder)]}
        if shutil.which("rg"):
            peers["rg -c"] = ["rg", "-c", pattern, str(folder)]
        if shutil.which("lnav"):
            peers["lnav"] = ["lnav", "-n", "-c", f":filter-in {pattern}", str(folder)]
        found = interleaved(
            runs,
            {
                "ours": lambda o=ours: cpu_and_wall(o)[1],
                **{name: lambda c=c: cpu_and_wall(c)[1] for name, c in peers.items()},
            },
        )
        for name in peers:
            row(
                f"count {what} in all files",
                found["ours"],
                found[name],
                name,
                {"grep -c": "2", "rg -c": "1.2"}.get(name, "0.5"),
            )
    hit = [*RAYTUI, str(folder), "--grep", NEEDLE]
    row("all hits of a word", *(cpu_and_wall(c)[1] for c in (hit, ["grep", "-rE", NEEDLE, str(folder)])), "grep", "2")
    row("first hit of a word", *(first_line(c) for c in (hit, ["grep", "-rE", NEEDLE, str(folder)])), "grep", "-")


def merged(folder: Path) -> None:
    """All lines by time."""
    lines = sum(path.read_bytes().count(b"\n") for path in folder.rglob("*") if path.is_file())
    took, memory = peak([*RAYTUI, str(folder), "-n", "-1"])
    print(f"merge of all files: {lines / took:,.0f} lines a second, {memory:.0f} MB at most   to reach 200 MB")
    took, memory = peak([*RAYTUI, str(folder), "-n", "100"])
    print(f"the last 100 lines of all: {took * 1000:.0f} ms, {memory:.0f} MB")
    if shutil.which("lnav"):
        took, memory = peak(["lnav", "-n", str(folder)])
        print(f"lnav, the same merge: {lines / took:,.0f} lines a second, {memory:.0f} MB")


def followed(sources: int, rate: int, seconds: int) -> None:
    """Many files that grow at once: whether every line arrives."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as elsewhere:
        folder = Path(name)
        files = [(folder / f"{n}.log").open("w", buffering=1 << 16) for n in range(sources)]
        for command, said in (
            ([*RAYTUI, name, "-f", "-n", "0"], "raytui logs -f"),
            (["tail", "-q", "-n", "0", "-F", *(file.name for file in files)], "tail -F"),
        ):
            out = Path(elsewhere) / "out"
            with out.open("wb") as sink:
                process = subprocess.Popen(command, stdout=sink, stderr=subprocess.DEVNULL)
                time.sleep(2)
                written, began = 0, time.perf_counter()
                while (passed := time.perf_counter() - began) < seconds:
                    due = int(passed * rate / sources)
                    for file in files:
                        file.writelines(
                            f"2026-11-24 10:00:00,000\tINFO a.py:1 -- line {n} of some length\n"
                            for n in range(written, due)
                        )
                        file.flush()
                    written = due
                    time.sleep(0.02)
                end, seen = time.perf_counter() + 10, 0
                while time.perf_counter() < end and seen < written * sources:
                    time.sleep(0.2)
                    seen = out.read_bytes().count(b"\n")
                process.kill()
                _, _, usage = os.wait4(process.pid, 0)
                process.returncode = 0
            print(
                f"{said}: {seen:,} of {written * sources:,} lines of {sources} files, {usage.ru_maxrss / 1024:.0f} MB, {usage.ru_utime + usage.ru_stime:.1f} s of CPU"
            )
            out.unlink()


def main() -> None:
    """Make the session, then compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3300, metavar="MB")
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--rate", type=int, default=50_000, metavar="LINES")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "raytui-benchmark-logs")
    asked = parser.parse_args()
    folder = asked.folder / f"{asked.size}-{asked.files}"
    make(folder, asked.size, asked.files)
    searched(folder, asked.runs)
    merged(folder)
    followed(16, asked.rate, 5)


if __name__ == "__main__":
    sys.exit(main())
