"""Whole operations against a workbench that fails a share of its requests in every way it knows; used by a test and by a benchmark.

One run starts, scales and stops a cluster of its own. Meanwhile the lists lag behind by up to two seconds, now and
then, and in some runs one application hangs in its end for a while. A run may fail, but only with one clear error: what
it says is gone is gone, and whatever exists all the same is named. `python -m tests.contract.chaos --runs 500` runs
many and prints what happened.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from raytui.core.errors import RaytuiError
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.cluster import ClusterManager
from raytui.manager.monitor import Monitor
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.transport import ClientName
from tests.contract.process import Bench, bench, runtime_of

FOREIGN = {"somebody-else", "ray-somebody-else"}
OPTIONS = ("--stub", "--start-seconds", "0.05", "--seed", "7", "--fault", "withhold=0.8", "--fault", "stop_grace=0.1")
LAGS = (0.0, 0.0, 0.3, 1.0, 2.0)
"""What the lists lag by, one after the other in a seeded order."""
CHANGE_S = 1.5
STUCK_SHARE = 0.3
"""Of the runs, how many have one application that hangs."""
STUCK_TIMEOUT_S = 12.0
STOPS = 6
Stuck = Literal["stop", "delete"]
"""A stop that hangs is freed by a delete; one whose delete hangs too only by the end of the fault."""


class Faults:
    """What goes wrong for all runs at the same time: the lag of the lists, and the applications that hang."""

    def __init__(self, made: Bench, seed: int) -> None:
        self._made = made
        self._chance = random.Random(seed)
        self._stuck: dict[str, Stuck] = {}

    async def change_the_lag(self) -> None:
        """Another lag every moment, until cancelled."""
        while True:
            await asyncio.to_thread(self._made.faults, list_lag=self._chance.choice(LAGS))
            await asyncio.sleep(CHANGE_S)

    @asynccontextmanager
    async def stuck(self, name: str, how: Stuck) -> AsyncIterator[None]:
        """One application that hangs for the time of a block."""
        self._stuck[name] = how
        await self._tell()
        try:
            yield
        finally:
            del self._stuck[name]
            await self._tell()

    async def _tell(self) -> None:
        stops, deletes = ",".join(self._stuck), ",".join(name for name, how in self._stuck.items() if how == "delete")
        await asyncio.to_thread(self._made.faults, stuck_stop=stops, stuck_delete=deletes)


def manager_of(platform: CaiPlatform, spec: ClusterSpec, folder: Path) -> ClusterManager:
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


class Run:
    """One life of one cluster. `wrong` has the findings that must not be; errors are counted in `seen`."""

    def __init__(self, made: Bench, faults: Faults, seed: int, client: ClientName, folder: Path, runtime: str) -> None:
        self._made = made
        self._faults = faults
        self._chance = random.Random(seed)
        self.name = f"chaos-{seed}"
        self.wrong: list[str] = []
        workers = WorkersSpec(count=self._chance.randint(0, 3), runtime_identifier=runtime, script="worker.py")
        head = HeadSpec(runtime_identifier=runtime, script="head.py")
        self._spec = ClusterSpec(name=self.name, head=head, workers=workers, auth="disabled")
        self.platform = made.platform(client)
        self._manager = manager_of(self.platform, self._spec, folder)

    async def live(self) -> None:
        """Start, scale, sometimes hang, and stop."""
        try:
            if await self._start():
                await self._scale()
            there = await self._caught_up()
            if there and self._chance.random() < STUCK_SHARE:
                await self._stop_stuck(self._chance.choice(there), self._chance.choice(("stop", "delete")))
                await self._caught_up()
            await self._stop()
        finally:
            await self.platform.close()

    async def _start(self) -> bool:
        error = await attempt(self._manager, "start", spec=self._spec)
        there = await self._there()
        wanted = sorted(
            [f"{self.name}-head", *(f"{self.name}-worker-{n}" for n in range(1, self._spec.workers.count + 1))]
        )
        if error is None and there != wanted:
            self.wrong.append(f"start said done, {there} exist")
        if error is not None:
            self._named(there, "start", error)
            if there and "what this run made was removed" in error:
                self.wrong.append(f"start said that all was removed, {there} exist: {error}")
        return error is None

    async def _scale(self) -> None:
        before = await self._caught_up()
        count = self._chance.randint(0, 4)
        error = await attempt(self._manager, "scale", workers=count)
        # Without waiting it is done when the platform has accepted it: the deletes end by themselves.
        end = time.monotonic() + 30
        while len(there := await self._there()) != count + 1 and error is None:
            if time.monotonic() > end:
                self.wrong.append(f"scale {count} said done, {there} exist")
                break
            await asyncio.sleep(0.1)
        if error is not None:
            self._named([app for app in there if app not in before], "scale", error)

    async def _stop_stuck(self, victim: str, how: Stuck) -> None:
        """Stops while one application hangs: all others end, and it is named."""
        async with self._faults.stuck(victim, how):
            error: str | None = ""
            for _ in range(STOPS):
                error = await attempt(self._manager, "stop", timeout=STUCK_TIMEOUT_S)
                there = await self._there()
                if error is None and there:
                    self.wrong.append(f"stop said done while {victim} hangs in its {how}, {there} exist")
                if error is not None:
                    self._named(there, f"stop while {victim} hangs in its {how}", error)
                if error is None or not set(there) - {victim}:
                    break
                await self._caught_up()
            if left := set(await self._there()) - {victim}:
                self.wrong.append(f"{victim} hangs in its {how} and keeps {sorted(left)}: {error}")

    async def _stop(self) -> None:
        error: str | None = None
        for _ in range(STOPS):
            error = await attempt(self._manager, "stop")
            if error is None:
                break
            self._named(await self._there(), "stop", error)
            await self._caught_up()
        there = await self._there()
        if error is not None:
            self.wrong.append(f"{STOPS} stops in a row failed: {error}")
        elif there:
            self.wrong.append(f"leaked after stop: {there}")

    def _named(self, there: list[str], what: str, error: str) -> None:
        """Whatever exists after an error is named by it, or the error says that the platform could not be asked."""
        unnamed = [app for app in there if app not in error]
        if unnamed and not any(word in error for word in ("could not list the applications", "could not be asked")):
            self.wrong.append(f"{what} failed without naming {unnamed}: {error}")

    async def _there(self) -> list[str]:
        return await asyncio.to_thread(self._made.names_of, self.name)

    async def _caught_up(self) -> list[str]:
        """Wait until the list shows what exists: a person acts on what is shown. Answers the names."""
        end = time.monotonic() + 60
        while True:
            there, listed = await self._there(), None
            with contextlib.suppress(RaytuiError):
                listed = sorted(app.name for app in await self.platform.list(self.name))
            if listed == there:
                return there
            if time.monotonic() > end:
                self.wrong.append(f"the list shows {listed} for a minute while {there} exist")
                return there
            await asyncio.sleep(0.1)


seen: collections.Counter[str] = collections.Counter()


async def attempt(manager: ClusterManager, verb: Any, timeout: float = 60.0, **more: Any) -> str | None:
    """Carry a verb out without waiting for Ray; the error's sentence, or none.

    Anything but our own error is a defect and goes up.
    """
    try:
        plan = await manager.plan(verb, **more)
        async for _ in manager.execute(plan, wait=verb == "stop", timeout=timeout):
            pass
    except RaytuiError as error:
        seen[f"{verb}: {error.reason}"] += 1
        return f"{error} {as_commands(error.hint)}"
    return None


async def many(made: Bench, seeds: range, client: ClientName, side_by_side: int = 8) -> list[str]:
    """Many runs, some side by side; every finding, with its seed."""
    platform = made.platform(client)
    runtime = await runtime_of(platform)
    for name in ("head.py", "worker.py", "x.py"):
        await platform.files.write(name, b"pass\n")
    body = {
        "name": "somebody-else",
        "subdomain": "somebody-else",
        "script": "x.py",
        "cpu": 1,
        "memory": 1,
        "runtime_identifier": runtime,
    }
    await platform.client.once("CreateApplication", body=body)
    await platform.close()
    before = [app for app in made.state()["applications"] if app["name"] in FOREIGN]
    assert before
    made.faults(errors=0.2)
    gate = asyncio.Semaphore(side_by_side)
    wrong: list[str] = []
    faults = Faults(made, seeds.start)

    async def guarded(seed: int) -> None:
        async with gate:
            with tempfile.TemporaryDirectory() as folder:
                run = Run(made, faults, seed, client, Path(folder), runtime)
                try:
                    await run.live()
                finally:
                    wrong.extend(f"seed {seed}: {finding}" for finding in run.wrong)

    lag = asyncio.create_task(faults.change_the_lag())
    try:
        await asyncio.gather(*(guarded(seed) for seed in seeds))
    finally:
        lag.cancel()
        await asyncio.wait([lag])
    made.faults(errors=0, list_lag=0, stuck_stop=None, stuck_delete=None)
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
    reported = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos") as root, bench(Path(root), *OPTIONS) as made:
        began = time.monotonic()
        wrong = asyncio.run(
            many(made, range(reported.first_seed, reported.first_seed + reported.runs), reported.client, 16)
        )
        took = time.monotonic() - began
        print(
            f"{reported.runs} runs over {reported.client} in {took:.0f} s, {made.requests()} requests; findings: {len(wrong)}"
        )
    for finding in wrong:
        print(finding)
    for reason, count in seen.most_common():
        print(f"{count:6} {msgspec.json.encode(reason).decode()}")


if __name__ == "__main__":
    main()
