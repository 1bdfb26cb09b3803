"""`raytui logs` over a made-up session of Ray, against grep, tail and, where they are installed, rg, lnav and toolong.

`python -m tests.benchmarks.logs --size 3.3G` makes 3.3 GB in 64 files and removes them at the end, unless `--keep`.
toolong is found when the folder of its `tl` is on the PATH: `pip install toolong` in an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TextIO

from tests.benchmarks import log_session, logs_remote
from tests.benchmarks.measure import BIN, Table, interleaved

NEEDLE = "xyzzy 15000"
LIMIT_S = 50.0
"""Seconds after which a command is ended; what it did until then is its figure."""
RAYTUI = [str(BIN / "python"), "-m", "raytui", "logs", "--path"]


def cpu_and_wall(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU and of the clock that a command takes with all its processes."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, stdout=subprocess.PIPE, check=False)  # grep looks for one match for the null device
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, time.perf_counter() - began


class Run(NamedTuple):
    """What became of a command."""

    seconds: float
    first: float
    """Seconds to its first line; as long as it ran without one."""
    lines: int
    megabytes: float
    """Its memory at most."""


def run(command: list[str]) -> Run:
    """Run a command to its end or `LIMIT_S`, reading all that it prints."""
    began, lines, first = time.perf_counter(), 0, 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    pipe = process.stdout.fileno()
    while (left := LIMIT_S - (time.perf_counter() - began)) > 0:
        if not select.select([pipe], [], [], left)[0]:
            break
        data = os.read(pipe, 1 << 20)
        if not data:
            break
        first = first or time.perf_counter() - began
        lines += data.count(b"\n")
    else:
        process.kill()
    if time.perf_counter() - began >= LIMIT_S:
        process.kill()
    took = time.perf_counter() - began
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    process.stdout.close()
    return Run(took, first or took, lines, usage.ru_maxrss / 1024)


def first_frame(command: list[str], sign: bytes, *, seconds: float = 120.0) -> float:
    """Seconds until a program in a terminal of 80x24 has drawn a line with that sign."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24")
        os.execvp(command[0], command)
    seen = b""
    try:
        while sign not in seen and time.perf_counter() - began < seconds:
            if select.select([terminal], [], [], 1.0)[0]:
                seen = seen[-100_000:] + os.read(terminal, 65536)
        return time.perf_counter() - began
    finally:
        os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        os.waitpid(pid, 0)


def lnav(folder: Path, *commands: str) -> list[str]:
    """lnav without a terminal over every file of the session."""
    asked = [part for command in commands for part in ("-c", command)]
    return ["lnav", "-n", *asked, *(str(path) for path in sorted(folder.rglob("*")) if path.is_file())]


def searched(table: Table, folder: Path, runs: int) -> None:
    """A pattern over everything: all hits, the count, the first hit."""
    for what, pattern in (("a word", NEEDLE), ("a pattern", "handled [0-9]*7777 "), ("many hits", "worker.*spilled")):
        sides = {
            "ours": [*RAYTUI, str(folder), "--grep", pattern, "-c"],
            "ours without rg": ["env", f"PATH={_without_rg()}", *RAYTUI, str(folder), "--grep", pattern, "-c"],
            "grep -c": ["grep", "-rcE", pattern, str(folder)],
        }
        if shutil.which("rg"):
            sides["rg -c"] = ["rg", "-c", pattern, str(folder)]
        found = interleaved(runs, {name: lambda c=c: cpu_and_wall(c)[1] for name, c in sides.items()})
        if "rg -c" in found:
            table.add(f"count of {what}", found["ours"], found["rg -c"], "rg -c", 1.2)
        table.add(f"count of {what}, without rg", found["ours without rg"], found["grep -c"], "grep -c", 2)
    if shutil.which("lnav"):
        ours, theirs = run([*RAYTUI, str(folder), "--grep", NEEDLE]), run(lnav(folder, f":filter-in {NEEDLE}"))
        print(f"hits of a word: {ours.lines}, lnav {theirs.lines}")
        table.add("all hits of a word", ours.seconds, theirs.seconds, "lnav", 0.5)
        table.add("first hit of a word", ours.first, theirs.first, "lnav", 0.5)


def leveled(table: Table, folder: Path) -> None:
    """Errors of everything, and again with the index that the first look left."""
    errors = [*RAYTUI, str(folder), "--level", "ERROR"]
    first, again = run(errors), run(errors)
    print(f"errors: {first.lines} lines, again {again.lines}")
    if shutil.which("lnav"):
        peer = run(lnav(folder, ":set-min-log-level error"))
        table.add("errors of all files, the first time", first.seconds, peer.seconds, "lnav", 0.5)
        table.add("errors of all files, with the index", again.seconds, peer.seconds, "lnav", 0.1)


def _without_rg() -> str:
    """A PATH on which there is no rg but grep is."""
    folder = Path(tempfile.mkdtemp(prefix="raytui-benchmark-path-"))
    for name in ("grep", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return str(folder)


def opened(table: Table, folder: Path, megabytes: int) -> None:
    """The newest end: of one large log, and of all files."""
    with tempfile.TemporaryDirectory() as name:
        large = Path(name) / "raylet.out"
        log_session.write(large, large.name, megabytes * 1_000_000, "large")
        ours = run([*RAYTUI, str(large), "-n", "50"])
        for program in ("lnav", "tl"):
            if shutil.which(program):
                peer = first_frame([program, str(large)], b"node_manager", seconds=LIMIT_S)
                table.add(f"newest end of {megabytes} MB", ours.first, peer, program, 0.5)
    newest = run([*RAYTUI, str(folder), "-n", "100"])
    if shutil.which("lnav"):
        peer = run(lnav(folder, ":goto 100%"))
        table.add("the newest end of all files", newest.seconds, peer.seconds, "lnav", 0.5)
        table.add("memory of that", newest.megabytes, peer.megabytes, "lnav", 0.333, unit="MB")
    window = [*RAYTUI, str(folder), "--since", "2026-11-24T12:00:00", "--until", "2026-11-24T12:00:10", "-c"]
    print(f"ten seconds of the middle of all files: {run(window).seconds * 1000:.0f} ms")


def merged(table: Table, folder: Path) -> None:
    """Lines by time, as many as come within the limit."""
    ours = run([*RAYTUI, str(folder), "-n", "-1"])
    print(f"merge of all files: {ours.lines:,} lines, {ours.lines / ours.seconds:,.0f} a second")
    table.add("memory of the merge", ours.megabytes, 200, "limit", 1, unit="MB")
    if shutil.which("lnav"):
        peer = run(lnav(folder))
        print(f"lnav, the same merge: {peer.lines:,} lines, {peer.megabytes:.0f} MB")
        each, theirs = ours.seconds / max(1, ours.lines), peer.seconds / max(1, peer.lines)
        table.add("merge: a million lines", each * 1e6, theirs * 1e6, "lnav", 1)


def _until_followed(files: Sequence[TextIO], out: Path) -> None:
    """Write a line to every file until what follows them has shown one of each; raises after half a minute."""
    end = time.perf_counter() + 30
    while any(f"probe of {n} " not in out.read_text() for n in range(len(files))):
        if time.perf_counter() > end:
            raise TimeoutError("what follows the files showed no line of some of them for 30 s")
        for n, file in enumerate(files):
            file.write(f"2026-11-24 10:00:00,000\tINFO a.py:1 -- probe of {n} \n")
            file.flush()
        time.sleep(0.1)


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
                _until_followed(files, out)
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
                    seen = out.read_bytes().count(b"of some length\n")
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
    parser.add_argument("--size", type=log_session.size_of, default=log_session.size_of("3.3G"))
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--rate", type=int, default=50_000, metavar="LINES")
    parser.add_argument("--large", type=int, default=1000, metavar="MB", help="the one large log")
    parser.add_argument("--nodes", type=int, default=20, help="nodes behind the scripted dashboard")
    parser.add_argument("--each", type=int, default=100, metavar="MB", help="the log of each of them")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "raytui-benchmark-logs")
    parser.add_argument("--keep", action="store_true", help="leave the session for the next run")
    parser.add_argument("--only", choices=PARTS, action="append", help="these parts alone")
    asked = parser.parse_args()
    parts = asked.only or PARTS
    folder = asked.folder / f"{asked.size}-{asked.files}"
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < 2 * asked.size:
        raise SystemExit(f"{folder} has no room for {2 * asked.size:,} bytes")
    for program in ("rg", "lnav", "tl"):
        if not shutil.which(program):
            print(f"comparisons with {program} are left out: it is not installed")
    os.environ["XDG_CACHE_HOME"] = str(folder / ".cache")
    table = Table()
    try:
        log_session.make(folder / "logs", asked.size, asked.files)
        if "search" in parts:
            searched(table, folder / "logs", asked.runs)
        if "level" in parts:
            leveled(table, folder / "logs")
        if "open" in parts:
            opened(table, folder / "logs", asked.large)
        if "merge" in parts:
            merged(table, folder / "logs")
        if "follow" in parts:
            followed(16, asked.rate, 5)
        if "remote" in parts:
            logs_remote.measured(table, asked.nodes, asked.each)
        table.show()
    finally:
        if not asked.keep:
            shutil.rmtree(folder)


PARTS = ("search", "level", "open", "merge", "follow", "remote")

if __name__ == "__main__":
    sys.exit(main())
