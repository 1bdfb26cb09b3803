"""Why work waits, for 5,000 pending demands in 50 shapes over 1,000 nodes: `python -m tests.benchmarks.waiting`.

The peer is msgspec, decoding in the same run the answers of Ray out of which the reasons are worked out: what is said
of an answer should cost no more than to read it. A second row is a placement group of 20 shapes over 1,000 different
nodes, which has to give up in time.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable

import msgspec

from raytui.core.observed.joined import Joined
from raytui.core.observed.needs import Part, Pending
from raytui.core.observed.snapshot import Amount, Node, Reading, Snapshot, Usage
from raytui.core.observed.workload import Task
from raytui.core.waiting.why import why_waits
from raytui.platforms.attached import applications_of
from tests.benchmarks.measure import interleaved, row

NODES, TASKS, SHAPES = 1_000, 5_000, 50
NOW = 1_790_000_000.0
RUNS = 9


def cluster() -> Snapshot:
    """Full nodes of a few sizes, and tasks that wait for them."""
    nodes = tuple(
        Node(
            node_id=f"{n:056x}",
            name=f"worker-{n}",
            state="ALIVE",
            ip=f"10.0.{n // 250}.{n % 250}",
            resources={"CPU": (8.0, 16.0, 32.0)[n % 3], "GPU": (0.0, 4.0)[n % 2], "memory": 16e9},
        )
        for n in range(NODES)
    )
    shapes = [{"CPU": float(1 + n % 25), "GPU": float(n % 3)} for n in range(SHAPES)]
    pending = tuple(Pending((Part(needs),), count=TASKS // SHAPES) for needs in shapes)
    tasks = tuple(
        Task(
            f"{n:048x}",
            f"step_{n % SHAPES}",
            "PENDING_NODE_ASSIGNMENT",
            type="NORMAL_TASK",
            job_id="02000000",
            resources=shapes[n % SHAPES],
            since=NOW - n,
        )
        for n in range(TASKS)
    )
    used = {node.node_id: {name: Amount(have, have) for name, have in node.resources.items()} for node in nodes}
    usage = Usage({"CPU": Amount(1.0, 1.0)}, tuple("demand" for _ in pending), pending, used, NOW)
    return Snapshot(
        cluster="bench",
        profile="bench",
        platform="attached",
        observed_at=NOW,
        applications=Reading(applications_of("bench", nodes), at=NOW),
        nodes=Reading(nodes, at=NOW),
        usage=Reading(usage, at=NOW),
        tasks=Reading(tasks, at=NOW),
    )


def packed(whole: Snapshot) -> Snapshot:
    """One placement group of 20 kinds of bundles over nodes no two of which are alike."""
    nodes = tuple(
        msgspec.structs.replace(node, resources={"CPU": 8 + n / 1000, "memory": 1e9 + n * 1e6})
        for n, node in enumerate(whole.nodes.value or ())
    )
    used = {node.node_id: {name: Amount(have, have / 2) for name, have in node.resources.items()} for node in nodes}
    parts = tuple(Part({"CPU": 1 + 0.37 * n, "memory": 1e8 + 3e7 * n}, 600) for n in range(20))
    usage = Usage({"CPU": Amount(1.0, 1.0)}, ("group",), (Pending(parts, "PACK"),), used, NOW)
    return msgspec.structs.replace(
        whole,
        applications=Reading(applications_of("bench", nodes), at=NOW),
        nodes=Reading(nodes, at=NOW),
        usage=Reading(usage, at=NOW),
        tasks=Reading((), at=NOW),
    )


def _answers(snapshot: Snapshot) -> bytes:
    """The rows as Ray sends them, without the envelopes and with the fields that are read alone."""
    return msgspec.json.encode((snapshot.nodes.value, snapshot.usage.value, snapshot.tasks.value))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    whole = cluster()
    body = _answers(whole)
    for what, snapshot, reach in (
        ("5,000 demands of 50 shapes, 1,000 nodes", whole, "3"),
        ("a group of 20 shapes, 1,000 different nodes", packed(whole), "15"),
    ):
        found = interleaved(
            RUNS,
            {"ours": functools.partial(_worked_out, snapshot), "peer": functools.partial(_decoded, body)},
        )
        row(what, found["ours"], found["peer"], "msgspec", reach)


def _worked_out(snapshot: Snapshot) -> float:
    fresh = Joined(msgspec.structs.replace(snapshot))
    return _timed(lambda: why_waits(fresh))


def _decoded(body: bytes) -> float:
    return _timed(lambda: msgspec.json.decode(body, type=tuple[tuple[Node, ...], Usage, tuple[Task, ...]]))


if __name__ == "__main__":
    sys.exit(main())
