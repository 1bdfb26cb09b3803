"""`raytui nodes`, `apps` and `actors` as whole processes against a scripted dashboard of 100 to 5,000 nodes: `python -m tests.benchmarks.lists`.

The cluster is a local one whose head's process is the dashboard itself; each worker is a record of an application that
was stopped, so that the lists join as many applications as nodes. The peer is the same command against one node: what
is beyond it is the size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from raytui.platforms.local import processes, records
from raytui.platforms.local.files import Folder
from raytui.platforms.local.records import Record
from tests.benchmarks.measure import interleaved, wall

CLUSTER = "bench-lists"
SIZES = (1, 100, 400, 1_000, 5_000)


@contextmanager
def cluster(nodes: int, actors: int, state: Path) -> Iterator[dict[str, str]]:
    """A cluster of that size, and the environment in which raytui sees it."""
    folder = Folder(state / "local", CLUSTER)
    mark = {
        processes.APPLICATION_ID: "head-id",
        processes.APPLICATION: f"{CLUSTER}-head",
        processes.SHARED_DIR: str(folder.path),
    }
    command = [
        sys.executable,
        "-m",
        "tests.fakes.dashboard",
        "--nodes",
        str(nodes),
        "--actors",
        str(actors),
        "--cluster",
        CLUSTER,
    ]
    with subprocess.Popen(command, env={**os.environ, **mark}, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            folder.prepare()
            for n in range(nodes):
                records.store(folder, _record(n, server.pid, port))
            yield {**os.environ, "RAYTUI_STATE_DIR": str(state)}
        finally:
            server.terminate()


def _record(n: int, pid: int, port: int) -> Record:
    now = time.time()
    known = {
        "engine": f"e{n}",
        "cluster": CLUSTER,
        "created_at": now - 60,
        "started_at": now - 60,
        "dashboard_port": port,
        "ray_port": 6379,
    }
    if n == 0:
        head = processes.read(pid)
        assert head is not None
        return Record(
            id="head-id",
            name=f"{CLUSTER}-head",
            role="head",
            index=0,
            pid=pid,
            start=head.start,
            boot=processes.boot_id(),
            **known,
        )
    return Record(
        id=f"id-{n}", name=f"{CLUSTER}-worker-{n}", role="worker", index=n, wanted="stopped", ended_at=now - 30, **known
    )


def measured(words: Sequence[str], env: dict[str, str]) -> list[str]:
    """The command, after it has shown once that it lists what there is."""
    command = [sys.executable, "-m", "raytui", *words, "--cluster", CLUSTER]
    done = subprocess.run([*command, "-o", "json"], env=env, capture_output=True, check=False)
    document = json.loads(done.stdout)
    if done.returncode or not document["items"]:
        raise SystemExit(f"{' '.join(words)} exited {done.returncode}: {done.stdout[-500:]!r}")
    return command


def main() -> None:
    """Print one row for each verb, form and size."""
    sizes = [int(word) for word in sys.argv[1:]] or SIZES
    for nodes in sizes:
        with tempfile.TemporaryDirectory(prefix="rb") as state, cluster(nodes, 10 * nodes, Path(state)) as env:
            sides = {}
            for verb in ("nodes", "apps", "actors"):
                command = measured([verb], env)
                sides[verb] = lambda command=command: wall(command, env=env)
                sides[f"{verb} -o json"] = lambda command=command: wall([*command, "-o", "json"], env=env)
            for name, took in interleaved(5, sides).items():
                print(f"{nodes:6,} nodes, {10 * nodes:7,} actors: raytui {name:<15} {took * 1000:7.0f} ms", flush=True)


if __name__ == "__main__":
    main()
