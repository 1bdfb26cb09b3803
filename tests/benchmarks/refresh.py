"""What one refresh costs the console, in CPU, from the values of the answers to the painted screen: `python -m tests.benchmarks.refresh`.

The peer is a Textual DataTable that is reported the cells that changed, in the same run. Both run headless on 120x50; what
is counted is the CPU time of the whole process until everything that the refresh caused was painted.

The DataTable has less to do: it is reported its cells, while the console also compares the answers with those before, joins
them, judges every node and draws what else its first screen shows. The ratio is of the whole to a table alone.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import msgspec
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from raytui.core.observed.joined import join
from raytui.core.observed.kept import reuse
from raytui.core.observed.merge import Merging
from raytui.core.observed.snapshot import Application, LauncherReport, Node, RayVersion, Reading, Rows, Snapshot, Usage
from raytui.core.spec import ClusterSpec, head_name, worker_name
from raytui.startup import TURN_S, collect_again
from raytui.tui.app import RaytuiApp
from tests.tui.fakes import FakeSession

CLUSTER = "ray-cluster"
SIZES = (500, 2_000, 5_000)
ROUNDS = 15
SETTLING = 3
"""Rounds before those that count."""
SCREEN = (120, 50)
FILTER = "88"
"""A word that most rows do not hold, so that it is looked for in all their cells."""
FRAMES_S = 0.1
"""How long each refresh is given to be painted, several frames: waiting costs no CPU, whereas asking every widget
whether it is idle does."""
LOOK_S = 0.002
"""Between two looks at whether the snapshot is shown. Looking without a pause takes turns with the thread that judges,
and counts as much again as the judging itself."""
NOW = 1_790_000_000.0
SPEC = msgspec.json.encode(ClusterSpec()).decode()
COLUMNS = ("NAME", "PLATFORM", "RAY", "CPU", "MEMORY", "OBJ STORE", "GPU", "DISK", "NODE IP", "VERSION", "UP", "WHY")


class World:
    """Answers of a cluster's platform and dashboard, round after round: every object new, `change` of the rows different."""

    def __init__(self, count: int, change: float, *, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._change = change
        self._used = [self._random.randrange(1, 60) * 10**9 for _ in range(count)]
        self._cpu = [self._random.randrange(1000) / 10 for _ in range(count)]
        self._sampled = [NOW] * count
        self._identities: Rows[Node] | None = None
        self.count = count
        self.at = NOW
        self.changed: list[int] = []

    def advance(self) -> None:
        """Two seconds later."""
        self.at += 2.0
        self.changed = self._random.sample(range(self.count), round(self._change * self.count))
        for n in self.changed:
            self._cpu[n] = (self._cpu[n] + 1 + self._random.randrange(980) / 10) % 100
            self._used[n] = self._random.randrange(1, 60) * 10**9
            self._sampled[n] = self.at

    def applications(self) -> tuple[Application, ...]:
        """As the platform lists them."""
        return tuple(self._application(n) for n in range(self.count))

    def nodes(self) -> Rows[Node]:
        """As `/api/v0/nodes` is read: an answer that is byte for byte the one before is not read again."""
        if self._identities is None:
            self._identities = Rows((self._node(n) for n in range(self.count)), total=self.count)
        return self._identities

    def figures(self) -> dict[str, Node]:
        """As `/nodes` is read."""
        return {f"{n:056x}": self._figures(n) for n in range(self.count)}

    def cells(self, n: int) -> tuple[str, ...]:
        """The row of the peer's table."""
        memory = f"{self._used[n] / 1e9:.1f} / 64 GB"
        return (
            _name(n),
            "running",
            "alive",
            f"{self._cpu[n]:.0f} %",
            memory,
            "9.1 GB",
            "",
            "40 %",
            f"10.0.0.{n % 250}",
            "2.60.0",
            "2h14",
            "",
        )

    def _application(self, n: int) -> Application:
        report = LauncherReport(
            "alive", node_id=f"{n:056x}", generation="g1", ray_version="2.60.0", at=NOW, of_this_run=True
        )
        role = "worker" if n else "head"
        times = {"created_at": NOW - 8000, "started_at": NOW - 8000 + n % 600}
        spec = {"spec_json": SPEC} if n == 0 else {}
        return Application(
            f"id-{n}", _name(n), CLUSTER, role, n, "running", cpu=4.0, memory=16.0, launcher=report, **times, **spec
        )

    def _node(self, n: int) -> Node:
        resources = {f"node:10.0.0.{n}": 1.0, "CPU": 4.0, "memory": 2.3e10, "object_store_memory": 2e8}
        return Node(
            f"{n:056x}",
            _name(n),
            f"10.0.0.{n % 250}",
            "ALIVE",
            is_head=n == 0,
            started_at=NOW - 7000,
            resources=resources,
            labels={"rack": "r1"},
        )

    def _figures(self, n: int) -> Node:
        known = Node(f"{n:056x}", _name(n), f"10.0.0.{n % 250}", "ALIVE")
        return msgspec.structs.replace(
            known,
            cpu_percent=self._cpu[n],
            memory_used=self._used[n],
            memory_total=64 * 10**9,
            object_store_used=9_100_000_000,
            object_store_total=20_000_000_000,
            disk_used=40,
            disk_total=100,
            sampled_at=self._sampled[n],
        )


def _name(n: int) -> str:
    return worker_name(CLUSTER, n) if n else head_name(CLUSTER)


class Watch:
    """What the monitor does with the values of one round, without the questions."""

    def __init__(self) -> None:
        self._merging = Merging()
        self._applications: tuple[Application, ...] | None = None
        self._nodes: Rows[Node] | None = None
        self._figures: dict[str, Node] | None = None
        self._before: Snapshot | None = None
        self.compared: list[float] = []

    def snapshot(
        self, applications: tuple[Application, ...], nodes: Rows[Node], figures: dict[str, Node], at: float
    ) -> Snapshot:
        """The snapshot of these values, joined."""
        began = time.process_time()
        self._applications = reuse(self._applications, applications)
        self._nodes = reuse(self._nodes, nodes)
        self._figures = reuse(self._figures, figures)
        self.compared.append(time.process_time() - began)
        merged = self._merging.merge(self._nodes, self._figures)
        snapshot = Snapshot(
            CLUSTER,
            "local",
            "local",
            at,
            Reading(self._applications, at=at),
            dashboard_url="http://127.0.0.1:8265",
            version=Reading(RayVersion("2.60.0", "s"), at=at),
            gcs=Reading(True, at=at),
            nodes=Reading(merged, at=at, total=len(merged)),
            usage=Reading(self._merging.total(Usage(), self._nodes), at=at),
            jobs=Reading((), at=at),
            figures=Reading(True, at=at),
        )
        join(snapshot, self._before)
        self._before = snapshot
        return snapshot


class Cost(NamedTuple):
    """CPU seconds of each refresh of the console, and what of it went into comparing answers with those before."""

    whole: list[float]
    compared: list[float]

    def __str__(self) -> str:
        whole, compared = statistics.median(self.whole) * 1000, statistics.median(self.compared) * 1000
        return f"{whole:6.1f} ms CPU (comparing answers {compared:4.1f}, the rest {whole - compared:5.1f})"


async def ours(count: int, change: float, *, filtered: str = "") -> Cost:
    """CPU of the console, all rows shown or those that pass a filter."""
    world, watch, session = World(count, change), Watch(), FakeSession()
    app = RaytuiApp(session.settings, lambda: session, clock=lambda: world.at + 0.5, ascii_only=False)
    async with app.run_test(size=SCREEN):
        if filtered:
            app.cluster.body.nodes.filter(filtered)

        async def refresh(values: tuple[tuple[Application, ...], Rows[Node], dict[str, Node]]) -> None:
            snapshot = watch.snapshot(*values, world.at)
            session.monitor.put(snapshot)
            while app.cluster.picture is None or app.cluster.picture.snapshot is not snapshot:  # noqa: ASYNC110  # an event would be part of what is measured
                await asyncio.sleep(LOOK_S)
            await asyncio.sleep(FRAMES_S)

        spent = await _rounds(world, lambda: (world.applications(), world.nodes(), world.figures()), refresh)
        return Cost(spent, watch.compared[SETTLING:])


class Peer(App[None]):
    """A DataTable with the same rows."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.table: DataTable[str] = DataTable(cursor_type="row")

    def compose(self) -> ComposeResult:
        """The table alone."""
        yield self.table

    def on_mount(self) -> None:
        """Fill it."""
        for title in COLUMNS:
            self.table.add_column(title, key=title)
        for n in range(self._world.count):
            self.table.add_row(*self._world.cells(n), key=str(n))


async def peer(count: int, change: float) -> list[float]:
    """CPU seconds of each refresh of the DataTable: every row's cells are made, and those that differ are told to it."""
    world = World(count, change)
    app = Peer(world)
    async with app.run_test(size=SCREEN):
        known = [world.cells(n) for n in range(count)]

        async def refresh(_: object) -> None:
            for n in range(count):
                cells = world.cells(n)
                if cells != known[n]:
                    for title, old, new in zip(COLUMNS, known[n], cells, strict=True):
                        if old != new:
                            app.table.update_cell(str(n), title, new)
                    known[n] = cells
            await asyncio.sleep(FRAMES_S)

        return await _rounds(world, lambda: None, refresh)


async def _rounds(world: World, values: Callable[[], object], refresh: Callable[..., Awaitable[None]]) -> list[float]:
    spent = []
    async for given in _values(world, values):
        began = time.process_time()
        await refresh(given)
        spent.append(time.process_time() - began)
    return spent[SETTLING:]


async def _values(world: World, values: Callable[[], object]) -> AsyncIterator[object]:
    for _ in range(ROUNDS + SETTLING):
        world.advance()
        yield values()


def main() -> None:
    """Print a row for each size."""
    collect_again()  # as in the console: what importing made is no part of what is looked through for garbage
    sys.setswitchinterval(TURN_S)
    sizes = [int(word) for word in sys.argv[1:]] or list(SIZES)
    for count in sizes:
        mine, theirs, calm, few = (
            asyncio.run(ours(count, 0.1)),
            statistics.median(asyncio.run(peer(count, 0.1))),
            asyncio.run(ours(count, 0.0)),
            asyncio.run(ours(count, 0.1, filtered=FILTER)),
        )
        print(f"{count:6,} nodes, 10 % changed: a refresh {mine}   DataTable {theirs * 1000:6.1f} ms   ", end="")
        print(
            f"ratio {statistics.median(mine.whole) / theirs:5.3f}   nothing changed: {calm}   filtered: {few}",
            flush=True,
        )
    print("to reach: 21 ms at 5,000 nodes, a tenth of the DataTable, linear")


if __name__ == "__main__":
    main()
