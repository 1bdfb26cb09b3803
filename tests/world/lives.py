"""One life of one cluster: operations from two consoles, and what happens to them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from raytui.core.conditions import assess
from raytui.core.marker import Marker, describe
from raytui.core.report import status_document
from tests.world.api import OddError, Oddity
from tests.world.faults import Faults, draw
from tests.world.invariants import OBSERVE, SLACK, UNDO, Finding, Judge
from tests.world.launcher import Launcher
from tests.world.loop import CURRENT, Killed, Stalled, WorldLoop, kill, machine
from tests.world.records import CLUSTER, SHARED, App, Engine, stamp
from tests.world.runs import EXTRA, Program, Run
from tests.world.site import Refused, Site

GIVE_UP = 400.0
"""Seconds beyond what is allowed after which a run is ended by force."""


class Life:
    """A seed's life."""

    def __init__(self, seed: int, loop: WorldLoop, state: Path) -> None:
        self.seed = seed
        self.loop = loop
        self.state = state
        self.story: list[str] = []
        chance = self.chance = random.Random(seed)
        self.faults: Faults = draw(chance)
        self.vantage = chance.choices(("exposed", "not exposed", "inside"), (45, 40, 15))[0]
        self.exposed = self.vantage == "exposed"
        self.profile = chance.choice((0, 1, 1, 2))
        # A source of its own, so that lives with one group stay what they were.
        groups = random.Random(seed + 3)
        self.extra = groups.choice((None, None, 0, 1, 2))
        """Workers of the second group that the profile asks for; none where there is no such group."""
        self.groups = groups
        self.drifting = chance.random() < 0.1
        self.luck = random.Random(seed + 2)
        self.site = Site(loop, random.Random(seed + 1), self.faults, self.tell)
        self.judge = Judge(self.site, served=self.vantage != "not exposed")
        self.foreign: list[App] = []
        self.watchers: list[Program] = []
        self._count = 0

    def tell(self, text: str) -> None:
        self.story.append(f"{self.loop.time():9.2f} {text}")

    def count(self) -> int:
        self._count += 1
        return self._count

    def launchers(self, console: int) -> Any:
        """Two releases of raytui write different launchers."""
        release = console if self.drifting else 0
        return lambda: {f"ray_{role}_launcher.py": f"# {role} {release}\n".encode() for role in ("head", "worker")}

    async def live(self) -> None:
        """The whole of it."""
        chance = self.chance
        self.tell(
            f"seed {self.seed}: {'raytui inside the project' if self.vantage == 'inside' else f'dashboard {self.vantage}'}, profile with {self.profile} workers"
            + (f" and {self.extra} of {EXTRA}; " if self.extra is not None else "; ")
            + (", ".join(self.faults.reported) or "no faults")
        )
        self._furnish()
        self.watchers = [Program(self, f"watch@{console}", console, self.profile) for console in (0, 1)]
        if self.faults.outages:
            self.loop.call_later(chance.uniform(1.0, 60.0), self._outage)
        if self.faults.crashes:
            self.loop.call_later(chance.uniform(0.3, 2.0) * self.faults.crashes, self._misfortune)
        for n in range(chance.randint(1, 5)):
            await self._step(first=n == 0)
        await self._end()

    def _furnish(self) -> None:
        site, faults = self.site, self.faults
        self._stranger("somebody-else", "")
        self._stranger(
            "other-head", describe(Marker("other", "head", ray_port=6379, dashboard_port=8265, run="another"))
        )
        if faults.foreign_name:
            self.loop.call_later(self.chance.choice((0.0, 0.6, 4.0, 60.0)), self._name_taken)
        if faults.file_lag:
            lag = faults.file_lag
            site.folder.lag = lambda _: lag if faults.file_lag else 0.0
        if faults.stale_report:
            for name in (f"{CLUSTER}-head", f"{CLUSTER}-worker-1", f"{CLUSTER}-worker-2"):
                ghost = App("ghost", {"name": name, "subdomain": "ghost", "script": ""}, None, -500.0, None)
                engine = Engine(ghost, "ghost", 0, -500.0, faults.skew)
                engine.written.append((-300.0, {
                    "application": name, "cluster": CLUSTER, "role": "head" if name.endswith("head") else "worker", "engine_id": "ghost", "pid": 1,
                    "ray_pid": 2, "state": "alive", "node_id": "ghost" + "0" * 51, "generation": "ghost", "address": "10.9.9.9:6379", "ip": "10.9.9.9",
                    "message": "", "hint": "",
                }))  # fmt: skip
                engine.ended = -1.0
                site.reports[name] = [engine]
            site.folder.write(f"{SHARED}/rendezvous.json", msgspec.json.encode({
                "cluster": CLUSTER, "generation": "ghost", "address": "10.9.9.9:6379", "cluster_id": "ghost", "dashboard_url": "http://10.9.9.9:8265",
                "written_at": stamp(-300.0),
            }))  # fmt: skip

    def _name_taken(self) -> None:
        """Somebody else makes an application of a name of ours, unless there is one."""
        with contextlib.suppress(Refused):
            self._stranger(f"{CLUSTER}-{self.faults.foreign_name}", "made by hand")

    def _stranger(self, name: str, description: str) -> None:
        app = self.site.create(
            {"name": name, "subdomain": f"{name}-x", "script": "x.py", "description": description}, None
        )
        self.foreign.append(app)

    async def _step(self, *, first: bool) -> None:
        chance = self.chance
        verb = (
            "start"
            if first
            else chance.choice(("start", "start", "scale", "scale", "restart", "stop", "pause", "pause"))
        )
        if verb == "pause":
            await self._pause()
            return
        run = self._draw(verb, chance.randint(0, 1))
        if chance.random() < 0.1:
            other = self._draw(chance.choice(("start", "scale", "stop", "restart")), 1 - int(run.process.name[-1]))
            run.concurrent = other.concurrent = True
            delay = chance.uniform(0.0, 8.0)

            async def later() -> None:
                await asyncio.sleep(delay)
                await self.operate(other)

            await asyncio.gather(self.operate(run), later())
        else:
            await self.operate(run)
        await asyncio.sleep(chance.choice((0.0, 0.5, 5.0, 40.0)))
        await self.look(chance.randint(0, 1))

    def _draw(self, verb: str, console: int) -> Run:
        chance = self.chance
        oddity = None
        if chance.random() < self.faults.odd:
            oddity = Oddity(chance.randint(1, 60), after=chance.random() < 0.5)
        what: dict[str, Any] = {}
        workers: int | None = None
        group = "worker"
        if verb == "start":
            workers = chance.choice((None, 0, 1, 2, 3))
        elif verb == "scale":
            workers = chance.randint(0, 3)
            if self.extra is not None and self.groups.random() < 0.5:
                group = EXTRA
        elif verb == "restart":
            what["target"] = chance.choice(("head", "worker-1", "workers", "all"))
            if self.extra and self.groups.random() < 0.3:
                what["target"] = self.groups.choice((EXTRA, f"{EXTRA}-1", "worker"))
        elif verb == "stop":
            what["keep"] = chance.random() < 0.3
        run = Run(self, console, verb, workers=workers, group=group, oddity=oddity, **what)
        run.wait = chance.random() < 0.85
        run.timeout = chance.choice((10.0, 30.0, 60.0, 60.0, 120.0, 600.0))
        return run

    async def _pause(self) -> None:
        """Time passes."""
        chance = self.chance
        for _ in range(chance.randint(1, 4)):
            await asyncio.sleep(chance.choice((0.5, 2.0, 8.0, 30.0, 70.0)))
            await self.look(chance.randint(0, 1))

    def _outage(self) -> None:
        """The API answers nobody for a while."""
        faults, chance = self.faults, self.luck
        if not faults.outages:
            return
        faults.down = not faults.down
        self.tell("    [world] the API is out of order" if faults.down else "    [world] the API answers again")
        self.loop.call_later(
            chance.uniform(0.3, 1.0) * faults.outages if faults.down else chance.uniform(10.0, 200.0), self._outage
        )

    def _misfortune(self) -> None:
        """A node ends by itself, or somebody removes an application; and again after a while."""
        every = self.faults.crashes
        if not every:
            return
        chance, site = self.luck, self.site
        apps = site.ours()
        living = [
            app.engine
            for app in apps
            if app.engine is not None and app.engine.node is not None and app.engine.node.dead is None
        ]
        if living and chance.random() < 0.85:
            Launcher(site, chance.choice(living)).killed(chance.choice(("the raylet", "the pod")))
        elif apps:
            self.tell(f"    [world] somebody removes {apps[-1].name} by hand")
            site.delete(apps[-1], None)
        self.loop.call_later(chance.uniform(0.3, 2.0) * every, self._misfortune)

    # ------------------------------------------------------------------ operations

    async def operate(self, run: Run) -> None:
        """Carry a run out, with what happens to it, and judge it."""
        chance, loop, site = self.chance, self.loop, self.site
        run.before = site.ours()
        run.states = {app: app.status for app in run.before}
        run.fair = (
            run.timeout >= 60.0
            and not self.faults.errors
            and not self.faults.outages
            and not self.faults.slow_delete
            and not self.faults.odd
        )
        self._expect(run)
        self.tell(
            f"{run.title} --timeout {run.timeout:g}"
            + (f" (odd exception at call {run.oddity.at})" if run.oddity.at else "")
        )
        run.began = loop.time()
        CURRENT.set(run.process)
        task = run.task = loop.create_task(run.work(), name=run.process.name)
        CURRENT.set(None)
        fate, moment = chance.random(), chance.uniform(0.0, 14.0)
        if fate < 0.12:
            loop.call_later(moment, run.interrupt)
        killing = 0.12 <= fate < 0.2
        watching = loop.create_task(self._watch_over(task)) if chance.random() < 0.3 else None
        limit = run.timeout + SLACK + UNDO + GIVE_UP
        done, _ = await asyncio.wait([task], timeout=moment if killing else limit)
        if not done:
            run.outcome = "killed"
            self.tell(f"  {run.process.name}: {'killed' if killing else 'ended by force'}")
            self.faults.reported.append("a kill")
            await kill(run.process)
        run.seconds = loop.time() - run.began
        if task.done():
            self._ending(run, task)
        if (
            run.verb == "start"
            and run.asked is None
            and all(app.gone is not None and app.gone < run.began for app in run.before)
        ):
            # All of it went while the start was being planned; what was recorded with it says nothing any more.
            run.workers, run.extra = self.profile, self.extra
        self.judge.after(run)
        self._settle_asked(run)
        if watching is not None:
            await watching
        if run.process.alive:
            CURRENT.set(run.process)
            await run.close()
            CURRENT.set(None)
            run.process.alive = run.outcome != "killed"

    def _ending(self, run: Run, task: asyncio.Task[None]) -> None:
        if run.outcome == "killed":
            with contextlib.suppress(asyncio.CancelledError):
                task.exception()
            return
        run.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if isinstance(run.error, Killed):
            run.outcome = "killed"
        elif isinstance(run.error, asyncio.CancelledError) and run.interrupted:
            run.outcome, run.error = "cancelled", None
        else:
            run.outcome = "done" if run.error is None else "failed"
        kind = "" if run.error is None else f"{type(run.error).__name__}: {run.said}"
        self.tell(f"  {run.process.name}: {run.outcome} after {run.seconds:.1f} s, changed: {run.changed}; {kind}")
        exists = ", ".join(
            f"{app.short} {app.status.removeprefix('APPLICATION_').lower()}{' (being deleted)' if app.deleting else ''}"
            for app in self.site.ours()
        )
        self.tell(f"  there are: {exists or 'none'}")

    def _expect(self, run: Run) -> None:
        """How many workers this run must leave when it is done."""
        judge = self.judge
        if run.verb == "scale" and run.group == EXTRA:
            run.extra = run.asked
        elif run.verb == "scale":
            run.workers = run.asked
        elif run.verb == "start":
            run.extra = min(judge.extra) if judge.extra and run.before else self.extra
            if run.asked is not None:
                run.workers = run.asked
            else:
                run.workers = (min(judge.asked) if judge.asked else self.profile) if run.before else self.profile
        if run.verb in {"start", "scale"} and run.workers is not None:
            # While it runs, and when it fails, both what was (perhaps nothing) and what is asked for may be found.
            judge.asked = {*(judge.asked or {0}), run.workers}
        if run.extra is not None:
            judge.extra = {*(judge.extra or {0}), run.extra}
        if run.verb == "stop":
            run.was = set(judge.asked), set(judge.extra)
            judge.asked.add(0)
            judge.extra.add(0)

    def _settle_asked(self, run: Run) -> None:
        if run.outcome == "done" and run.verb in {"start", "scale"} and run.workers is not None and not run.concurrent:
            self.judge.asked = {run.workers}
        if run.outcome == "done" and run.extra is not None and not run.concurrent:
            self.judge.extra = {run.extra}
        if run.outcome == "done" and run.verb == "stop" and not run.keep and not run.concurrent:
            # What nobody has seen to be gone is what was last asked for, should a start find it.
            self.judge.asked, self.judge.extra = (set(), set()) if run.wait else run.was

    async def _watch_over(self, task: asyncio.Task[None]) -> None:
        while not task.done():
            await asyncio.wait([task], timeout=self.chance.uniform(2.0, 20.0))
            await self.look(self.chance.randint(0, 1))

    # ------------------------------------------------------------------ looking

    async def look(self, console: int) -> None:
        """One status, from the console that watches all the time or as a command of its own."""
        own = self.chance.random() < 0.5
        program = (
            Program(self, f"status#{self.count()}@{console}", console, self.profile) if own else self.watchers[console]
        )
        CURRENT.set(program.process)
        begin = self.loop.time()
        before = {app: app.status for app in self.site.ours()}
        try:
            snapshot = await asyncio.wait_for(program.monitor.observe(), OBSERVE + GIVE_UP)
            assessment = assess(snapshot)
            document = status_document(snapshot, assessment, snapshot.observed_at)
        except Exception as error:  # noqa: BLE001  # whatever comes out of a look is a finding
            self.judge.wrong("exception", f"a look ended with {type(error).__name__}: {error}")
            return
        finally:
            if own:
                await program.close()
            CURRENT.set(None)
        rows = [document["head"], *document["workers"]]
        states = ", ".join(
            f"{row['name'].removeprefix(CLUSTER + '-')} {row['state']} {row['node_state']}" for row in rows if row
        )
        self.tell(f"  status@{console}: {document['phase']}/{document['verdict']} [{states}] nodes {document['nodes']}")
        self.judge.look(snapshot, document, begin, self.loop.time(), before)

    async def _end(self) -> None:
        """The faults end; whatever there is must be found and removed."""
        self.tell("the faults end")
        self.faults.end()
        self.site.release()
        await asyncio.sleep(15.0)
        said: list[str] = []
        for _ in range(4):
            run = Run(self, 0, "stop")
            run.timeout = 600.0
            run.before = self.site.ours()
            self.judge.asked.add(0)
            self.judge.extra.add(0)
            CURRENT.set(run.process)
            task = run.task = self.loop.create_task(run.work())
            CURRENT.set(None)
            run.began = self.loop.time()
            self.tell(f"{run.title} --timeout 600")
            await asyncio.wait([task], timeout=1500.0)
            run.seconds = self.loop.time() - run.began
            if not task.done():
                run.outcome = "killed"
                await kill(run.process)
            self._ending(run, task)
            self.judge.after(run)
            said.append(run.said or run.outcome)
            if run.process.alive:
                await run.close()
            if run.outcome == "done":
                break
        await self.look(0)
        self.judge.end(self.foreign, said)


class Result(msgspec.Struct):
    """What one life showed."""

    seed: int
    findings: list[Finding]
    story: list[str]
    seconds: float
    virtual: float


def live(seed: int) -> Result:
    """One life from its seed."""
    began = time.process_time()
    random.seed(seed)
    loop = WorldLoop()
    with tempfile.TemporaryDirectory(prefix="world") as folder, machine(loop):
        life = Life(seed, loop, Path(folder))
        try:
            loop.run_until_complete(life.live())
        except Stalled:
            life.judge.wrong("stalled", "everything waits for ever")
        finally:
            _sweep(loop)
        for message, error in loop.lost:
            if error is not None and not isinstance(error, OddError | UnicodeEncodeError):
                life.judge.wrong("lost exception", f"{message}: {type(error).__name__}: {error}")
    return Result(seed, life.judge.found, life.story, time.process_time() - began, loop.time())


def _sweep(loop: WorldLoop) -> None:
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in left:
        task.cancel()
    if left:
        with contextlib.suppress(Stalled, RuntimeError):
            loop.run_until_complete(asyncio.wait(left, timeout=1.0))
    loop.close()
