"""What shipping logs costs a node: its share of a core while Ray writes 10 MB of logs a minute into 200 files.

`python -m tests.benchmarks.log_shipper --seconds 30`
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

LAUNCHERS = Path(__file__).resolve().parents[2] / "launchers"
BUSY = 10
"""Files that are written; the others only lie there."""
SHIPPER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from raytui_node.log_shipper import LogShipper
from raytui_node.process import NOTHING_YET
from raytui_node.settings import read_settings
settings = read_settings("worker", {"RAYTUI_SHARED_DIR": sys.argv[2], "RAYTUI_APPLICATION": "c-worker-1"})
parts = NOTHING_YET._replace(log_files=(("raylet.out", sys.argv[3] + "/raylet.out"),))
box = LogShipper(settings, "worker-1")
began = time.process_time()
box.begin(lambda: parts)
sys.stdin.read()
box.end()
print(time.process_time() - began, *box.news())
"""


def lines(at: datetime, count: int) -> bytes:
    """Lines as Ray's raylet writes them."""
    text = (
        "[{:%Y-%m-%d %H:%M:%S},{:03d} I {} {}] (raylet) node_manager.cc:{}: Worker {:x} is granted a lease of {} CPU\n"
    )
    made = []
    for n in range(count):
        moment = at + timedelta(milliseconds=n)
        number = (n * 2654435761) % 2**32
        made.append(
            text.format(moment, moment.microsecond // 1000, 7000 + n % 9, number % 30000, n % 900, number, n % 7)
        )
    return "".join(made).encode()


def measure(seconds: float, per_minute: int, files: int) -> tuple[float, int, int]:
    """Seconds of CPU, bytes written, bytes kept."""
    with tempfile.TemporaryDirectory() as root:
        logs = Path(root) / "session_1" / "logs"
        logs.mkdir(parents=True)
        for n in range(files):
            (logs / f"worker-{n:04x}-01000000-{n}.out").write_bytes(b"")
        words = [sys.executable, "-c", SHIPPER, str(LAUNCHERS), f"{root}/shared", str(logs)]
        shipper = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        written, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            due = per_minute * (time.monotonic() - began) / 60 - written
            for n in range(BUSY if due > 0 else 0):
                data = lines(datetime.now(), max(1, int(due / BUSY / 110)))  # noqa: DTZ005 - logs say no zone
                with (logs / f"worker-{n:04x}-01000000-{n}.out").open("ab") as file:
                    written += file.write(data)
            time.sleep(0.2)
        reported, _ = shipper.communicate("")
        kept = sum(path.stat().st_size for path in Path(root).glob("shared/logs/*/*/*.gz"))
    return float(reported.split()[0]), written, kept


def main() -> None:
    """Measure with writers and without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--megabytes", type=int, default=10, help="a minute")
    parser.add_argument("--files", type=int, default=200)
    asked = parser.parse_args()
    for per_minute in (asked.megabytes * 10**6, 0):
        cpu, written, kept = measure(asked.seconds, per_minute, asked.files)
        print(
            f"{written / asked.seconds * 60 / 1e6:6.1f} MB a minute into {asked.files} files: "
            f"{100 * cpu / asked.seconds:5.2f} % of a core (to reach 1 %), {kept / 1e6:.2f} of {written / 1e6:.1f} MB kept",
            flush=True,
        )
    os.sync()


if __name__ == "__main__":
    main()
