"""A search of every log of many nodes through a scripted dashboard, against the same bytes by curl one after another."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tests.benchmarks import log_session
from tests.benchmarks.measure import BIN, Table
from tests.fakes.dashboard.scale import BigDashboard

FILE = "raylet.out"
NEEDLE = "xyzzy [0-9]*5000"
DIFFERENT = 4
"""Logs that are made; of more nodes several have the same."""


class LoggedDashboard(BigDashboard):
    """Each node has one log, a file of a folder."""

    def __init__(self, files: list[Path]) -> None:
        super().__init__(len(files), 0, live=True)
        self._files = files
        self._nodes: dict[str, int] = {}
        self.bodies["/api/jobs/"] = b"[]"

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        if path == "/api/v0/logs":
            return msgspec.json.encode({"result": True, "msg": "", "data": {"result": {"raylet": [FILE]}}})
        if path == "/api/v0/logs/file":
            node = query["node_id"][0]
            file = self._files[self._nodes.setdefault(node, len(self._nodes)) % len(self._files)]
            lines = int(query["lines"][0])
            return file.read_bytes() if lines < 0 else _tail(file, lines)
        return super()._body(path, query)


def _tail(file: Path, lines: int) -> bytes:
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - lines * 1000))
        return b"\n".join(opened.read().split(b"\n")[-lines - 1 :])


@contextlib.contextmanager
def served(files: list[Path]) -> Iterator[str]:
    """Serve them in a process of their own, so that it takes no time from whoever asks; gives where."""
    command = [sys.executable, "-m", "tests.benchmarks.logs_remote", *map(str, files)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


async def serve(files: list[Path]) -> None:
    """Answer until this process is ended."""
    dashboard = LoggedDashboard(files)
    async with dashboard.serving(0):
        print(dashboard.url, flush=True)
        await asyncio.Event().wait()


def timed(command: list[str], env: dict[str, str]) -> tuple[float, float, int]:
    """Seconds to the first line and to the end, and how many lines there were."""
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        until_first = time.perf_counter() - began
        count = bool(first) + sum(1 for _ in process.stdout)
    return until_first, time.perf_counter() - began, count


def measured(table: Table, nodes: int, megabytes: int) -> None:
    """The whole comparison; the logs are removed afterwards."""
    if not shutil.which("curl"):
        print("the search through a dashboard is left out: there is no curl here")
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        files = [folder / f"{n % DIFFERENT}.log" for n in range(nodes)]
        for path in set(files):
            log_session.write(path, f"node/{FILE}.{path.stem}", megabytes * 1_000_000, "remote")
        url = stack.enter_context(served(files))
        began = time.perf_counter()
        for n in range(nodes):
            asked = f"{url}/api/v0/logs/file?node_id={n:056x}&filename={FILE}&lines=-1"
            subprocess.run(["curl", "-s", "-o", str(folder / "curl"), asked], check=True)
        curl = time.perf_counter() - began
        env = {**os.environ, "RAYTUI_STATE_DIR": str(folder / "state")}
        search = [str(BIN / "python"), "-m", "raytui", "--address", url, "logs", "--all", "--grep", NEEDLE]
        what = f"{nodes} nodes of {megabytes} MB"
        first, whole, count = timed(search, env)
        table.add(f"{what}: searched the first time, {count} hits", whole, curl, "curl", 1)
        table.add(f"{what}: first hit of that", first, curl, "curl", 0.2)
        _, whole, count = timed(search, env)
        table.add(f"{what}: searched again, {count} hits", whole, curl, "curl", 0.05)


if __name__ == "__main__":
    asyncio.run(serve([Path(name) for name in sys.argv[1:]]))
