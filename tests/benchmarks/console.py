"""Time to the first painted frame against a bare Textual app, and the cost of watching: both in a real pseudo-terminal of 80x24."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import BIN, interleaved, row
from tests.benchmarks.terminal import drain, end, seconds_until, spawn

BARE = """
from textual.app import App
from textual.widgets import DataTable, Footer, Header, Input, RichLog
class Bare(App):
    def compose(self):
        yield Header(); yield Input(); yield DataTable(); yield RichLog(); yield Footer()
Bare().run()
"""


def first_frame(command: list[str], env: dict[str, str], marker: bytes) -> float:
    """Seconds from exec until `marker` has been written to the terminal."""
    began = time.perf_counter()
    pid, master = spawn(command, env)
    try:
        seconds_until(master, marker, 20, command[0])
        return time.perf_counter() - began
    finally:
        end(pid, master)


def watching(command: list[str], env: dict[str, str], seconds: float) -> tuple[float, float, float]:
    """CPU share of a core, resident MB and bytes a second written while idle, after ten seconds to settle."""
    pid, master = spawn(command, env)
    try:
        drain([master], 10)
        before, at = _cpu(pid), time.perf_counter()
        written = drain([master], seconds)
        spent = time.perf_counter() - at
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 / 1e6
        return (_cpu(pid) - before) / spent, resident, written / spent
    finally:
        end(pid, master)


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """`--watch` also measures the cost of watching the cluster of the current settings."""
    with tempfile.TemporaryDirectory(prefix="rb") as folder:
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        if "--watch" not in sys.argv:
            env["RAYTUI_STATE_DIR"] = folder
        bare = [sys.executable, "-c", BARE]
        medians = interleaved(
            9,
            {
                "raytui": lambda: first_frame([str(BIN / "raytui")], env, b"ray-cluster"),
                "bare": lambda: first_frame(bare, env, b"palette"),
            },
        )
        row("console, first painted frame", medians["raytui"], medians["bare"], "bare Textual app", "<= 0.9")
        if "--watch" in sys.argv:
            cpu, resident, rate = watching([str(BIN / "raytui")], env, 60)
            print(
                f"watching: {cpu * 100:.2f} % of a core, {resident:.0f} MB resident, {rate:.0f} bytes/s to the terminal   to reach < 3 %, < 120 MB"
            )


if __name__ == "__main__":
    main()
