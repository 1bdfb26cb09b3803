"""Whole operations against a workbench that fails a share of its requests in every way it knows; used by a test and by a benchmark.

One run starts, scales and stops a cluster of its own. It may fail, but only with one clear error, and what it says of what is left must
be true. `python -m tests.contract.chaos --runs 500` runs many and prints what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import json
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from raytui.core.errors import RaytuiError
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager
from raytui.manager.monitor import Monitor
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.client import Timing

ROOT = Path(__file__).resolve().parents[2]
QUICK = Timing(
    request=0.5, create=0.6, call=20, pause=0.02, longest_pause=0.3, poll=0.03, slowest_poll=0.3, settle=0.4, settle_gateway=1.0, whole_create=30, stop=30, delete=30,
    ask_again=1.5, patience=10, files=10,
)  # fmt: skip
"""The deadlines of the platform, scaled to a workbench that withholds an answer for 0.8 s instead of 30."""
FOREIGN = {"somebody-else", "ray-somebody-else"}


class Bench:
    """A test workbench as a process."""

    def __init__(self, root: Path, *options: str) -> None:
        words = [sys.executable, "-m", "tests.fakes.workbench", "--root", str(root), *options]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.info: dict[str, str] = json.loads(self.process.stdout.readline())

    def faults(self, **switches: Any) -> None:
        """Change the faults."""
        request = urllib.request.Request(
            self.info["url"] + "/_test/faults", json.dumps(switches).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10):
            return

    def state(self) -> dict[str, Any]:
        """The truth."""
        with urllib.request.urlopen(self.info["url"] + "/_test/state", timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def names(self, cluster: str) -> list[str]:
        """Names of the applications of a cluster that really exist."""
        return sorted(app["name"] for app in self.state()["applications"] if app["name"].startswith(f"{cluster}-"))

    def platform(self, client: str = "http", timing: Timing = QUICK) -> CaiPlatform:
        """The platform over this workbench."""
        return CaiPlatform(
            host=self.info["url"],
            project_id=self.info["project_id"],
            api_key=lambda: self.info["api_key"],
            client=client,
            timing=timing,  # type: ignore[arg-type]
        )

    def close(self) -> None:
        """End it, politely and then not."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def bench(root: Path, *options: str):
    """A workbench for the time of a block."""
    made = Bench(root, *options)
    try:
        yield made
    finally:
        made.close()


def manager_of(made: Bench, platform: CaiPlatform, spec: ClusterSpec, folder: Path) -> ClusterManager:
    """A manager whose monitor never reaches a dashboard: stub applications run no Ray."""

    def no_dashboard(_: object) -> Any:
        raise AssertionError("a stub cluster has no dashboard")

    monitor = Monitor(platform, no_dashboard, cluster=spec.name, profile="cai")
    return ClusterManager(
        platform,
        monitor,
        spec,
        launchers=lambda: {"ray_head_launcher.py": b"pass\n", "ray_worker_launcher.py": b"pass\n"},
        state_dir=folder,
    )


async def one_run(made: Bench, seed: int, client: str, folder: Path, runtime: str) -> list[str]:
    """One life of one cluster; the findings that must not be, empty when all is well. Errors are counted in `seen`."""
    chance = random.Random(seed)
    name = f"chaos-{seed}"
    head = HeadSpec(runtime_identifier=runtime, script="head.py")
    spec = ClusterSpec(
        name=name,
        head=head,
        workers=WorkersSpec(count=chance.randint(0, 3), runtime_identifier=runtime, script="worker.py"),
        auth="disabled",
    )
    platform = made.platform(client)
    manager = manager_of(made, platform, spec, folder)
    wrong: list[str] = []
    try:
        wanted = [f"{name}-head", *(f"{name}-worker-{n}" for n in range(1, spec.workers.count + 1))]
        error = await attempt(manager, "start", spec=spec)
        there = await asyncio.to_thread(made.names, name)
        if error is None and there != sorted(wanted):
            wrong.append(f"start said done, {there} exist")
        if error is not None and there and not any(word in error for word in ("not removed", "may exist", "raytui stop")):
            wrong.append(f"start failed without naming what is left ({there}): {error}")
        if error is None:
            count = chance.randint(0, 4)
            error = await attempt(manager, "scale", workers=count)
            there = await asyncio.to_thread(made.names, name)
            if error is None and len(there) != count + 1:
                wrong.append(f"scale {count} said done, {there} exist")
        for _ in range(6):
            error = await attempt(manager, "stop")
            if error is None:
                break
        there = await asyncio.to_thread(made.names, name)
        if error is not None:
            wrong.append(f"six stops in a row failed: {error}")
        elif there:
            wrong.append(f"leaked after stop: {there}")
    finally:
        await platform.close()
    return wrong


seen: collections.Counter[str] = collections.Counter()


async def attempt(manager: ClusterManager, verb: Any, **more: Any) -> str | None:
    """Carry a verb out without waiting for Ray; the error's sentence, or none. Anything but our own error is a defect and goes up."""
    try:
        plan = await manager.plan(verb, **more)
        async for _ in manager.execute(plan, wait=verb == "stop", timeout=60):
            pass
    except RaytuiError as error:
        seen[f"{verb}: {error.reason}"] += 1
        return f"{error} {error.hint}"
    return None


async def many(made: Bench, seeds: range, client: str, side_by_side: int = 8) -> list[str]:
    """Many runs, some side by side; every finding, with its seed."""
    platform = made.platform(client)
    listed = await platform.client.pages("ListRuntimes", "runtimes")
    runtime = str(listed[0]["image_identifier"])
    for name in ("head.py", "worker.py", "x.py"):
        await platform.write_file(name, b"pass\n")
    body = {"name": "somebody-else", "subdomain": "somebody-else", "script": "x.py", "cpu": 1, "memory": 1, "runtime_identifier": runtime}
    await platform.client.once("CreateApplication", body=body)
    await platform.close()
    before = [app for app in made.state()["applications"] if app["name"] in FOREIGN]
    assert before
    made.faults(errors=0.2)
    gate = asyncio.Semaphore(side_by_side)
    wrong: list[str] = []

    async def guarded(seed: int) -> None:
        async with gate:
            with tempfile.TemporaryDirectory() as folder:
                wrong.extend(f"seed {seed}: {finding}" for finding in await one_run(made, seed, client, Path(folder), runtime))

    await asyncio.gather(*(guarded(seed) for seed in seeds))
    made.faults(errors=0)
    state = made.state()
    leaked = [app["name"] for app in state["applications"] if app["name"].startswith("chaos-")]
    if leaked:
        wrong.append(f"leaked: {leaked}")
    if [app["id"] for app in state["applications"] if app["name"] in FOREIGN] != [app["id"] for app in before]:
        wrong.append("a foreign application was touched")
    return wrong


def main() -> None:
    """Run many seeds and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--client", default="http", choices=["http", "cmlapi"])
    parser.add_argument("--first-seed", type=int, default=1)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos") as root, bench(Path(root), *OPTIONS) as made:
        began = time.monotonic()
        wrong = asyncio.run(many(made, range(told.first_seed, told.first_seed + told.runs), told.client, 16))
        took = time.monotonic() - began
        print(f"{told.runs} runs over {told.client} in {took:.0f} s, {made.state()['requests']} requests; findings: {len(wrong)}")
    for finding in wrong:
        print(finding)
    for reason, count in seen.most_common():
        print(f"{count:6} {msgspec.json.encode(reason).decode()}")


OPTIONS = ("--stub", "--start-seconds", "0.05", "--seed", "7", "--fault", "withhold=0.8", "--fault", "stop_grace=0.1")


if __name__ == "__main__":
    main()
