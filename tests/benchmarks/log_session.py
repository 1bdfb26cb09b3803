"""A made-up session of Ray on four nodes, in the forms that Ray writes: the same bytes for the same seed.

`python -m tests.benchmarks.log_session --to DIR --size 3.3G` makes 64 files with 10 million lines.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

BEGIN = int(datetime(2026, 11, 24, 8, tzinfo=UTC).timestamp())
SECONDS = 36_000
"""How long the session lasts, of which each file sees the greatest part."""
LINE = 330
"""Bytes of a line on average."""
ERROR_EVERY = 5_000
LATE_EVERY = 50
"""One line in so many was written by a thread that came a moment late."""
NODES = 4
WORDS = (
    *("lease", "request", "granted", "worker", "pool", "object", "store", "spilled", "primary", "copy", "resources"),
    *("task", "argument", "fetched", "actor", "restarted", "heartbeat", "placement", "bundle", "committed", "queue"),
    *("depth", "scheduling", "class", "memory", "monitor", "usage", "below", "threshold"),
)
TRACEBACK = 'Traceback (most recent call last):\n  File "train.py", line {line}, in step\n    loss.backward()\n'


def names(files: int) -> list[str]:
    """The names of that many files, as they lie in the folders of four nodes."""
    found: list[str] = []
    for node in range(NODES):
        first = ["launcher.out", "raylet.out", "raylet.out.1", "dashboard_agent.log"]
        if node == 0:
            first += ["gcs_server.out", "gcs_server.out.1", "monitor.log", "job-driver-raysubmit_Kq3vT8xw.log"]
        identities = [f"{node:02x}{n:054x}-01000000-{4000 + n}" for n in range(files)]
        first += [f"worker-{each}.{end}" for each in identities for end in ("out", "err")]
        found += [f"node-{node}/{name}" for name in first[: files // NODES + (node < files % NODES)]]
    return found


def write(path: Path, name: str, size: int, seed: str) -> int:
    """One file of at least that many bytes; answers how many lines it has."""
    chance = random.Random(f"{seed} {name}")
    pid = chance.randrange(1_000, 60_000)
    bodies = _bodies(chance)
    launcher, driver = "launcher" in name, "job-driver" in name
    core, printed = "raylet" in name or "gcs_server" in name, name.endswith(".out") and "worker-" in name
    begin = BEGIN + chance.randrange(600) - (SECONDS // 2 if name.endswith(".1") else 0)
    steps = SECONDS * 10 * (1 if not name.endswith(".1") else 0.5)
    share = steps / max(1.0, size / LINE)
    letter, at, number, written = ("I", "INFO"), 0.0, 0, 0
    zone = "Z" if launcher else ""
    second, stamp = -1, ""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb", buffering=1 << 20) as file:
        while written < size:
            lines = []
            for body in chance.choices(bodies, k=500):
                number += 1
                at += share
                tenths = int(at) - (3 if number % LATE_EVERY == 0 else 0)
                if tenths // 10 != second:
                    second = tenths // 10
                    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(begin + second))
                bad = number % ERROR_EVERY == 0
                short, word = ("E", "ERROR") if bad else letter
                part = f"{tenths % 10}{number % 100:02d}"
                if core:
                    head = f"[{stamp},{part} {short} {pid} {pid}] (raylet) "
                elif launcher:
                    head = f"{stamp.replace(' ', 'T')}.{part}{zone} raytui: "
                elif printed and number % 4:
                    head = ""
                elif driver and number % 3 == 0:
                    head = f"(train pid={pid}, ip=10.0.0.{number % 200}) "
                else:
                    head = f"{stamp},{part}\t{word} head.py:{number % 400} -- "
                lines.append(f"{head}{body[0] if core else body[1]}: {body[2]} {number} {body[3]}\n")
                if bad:
                    lines.append(f"{TRACEBACK.format(line=number % 900)}ValueError: xyzzy {number}\n")
            data = "".join(lines).encode()
            written += len(data)
            file.write(data)
    return number


def _bodies(chance: random.Random) -> list[tuple[str, str, str, str]]:
    found = []
    for _ in range(512):
        long = " ".join(chance.choices(WORDS, k=chance.randrange(14, 46)))
        place, step = f"node_manager.cc:{chance.randrange(100, 3000)}", f"step {chance.randrange(100)}"
        found.append((place, step, f"worker {chance.getrandbits(224):056x} handled", long))
    return found


def make(folder: Path, size: int, files: int = 64, seed: str = "raytui") -> list[Path]:
    """The session, made once: files that are there with their size are left as they are."""
    each = size // files
    paths = [folder / name for name in names(files)]
    missing = [path for path in paths if not path.exists() or path.stat().st_size < each]
    with ProcessPoolExecutor() as pool:
        jobs = [pool.submit(write, path, path.relative_to(folder).as_posix(), each, seed) for path in missing]
        for job in jobs:
            job.result()
    return paths


def size_of(text: str) -> int:
    """Bytes of `400M` or `3.3G`; raises ArgumentTypeError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMG]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 400M or 3.3G")
    return int(float(found[1]) * 1000 ** ("KMG".find(found[2]) + 1 if found[2] else 0))


def main() -> None:
    """Make the session and say what it holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, required=True, metavar="DIR")
    parser.add_argument("--size", type=size_of, default=size_of("3.3G"), help="such as 400M or 3.3G (default)")
    parser.add_argument("--files", type=int, default=64)
    parser.add_argument("--seed", default="raytui")
    asked = parser.parse_args()
    asked.to.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(asked.to).free < asked.size * 1.2:
        raise SystemExit(f"{asked.to} has no room for {asked.size:,} bytes")
    began = time.perf_counter()
    paths = make(asked.to, asked.size, asked.files, asked.seed)
    total = sum(path.stat().st_size for path in paths)
    print(f"{len(paths)} files, {total:,} bytes in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
