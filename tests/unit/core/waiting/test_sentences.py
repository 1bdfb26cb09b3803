"""Each reason to wait as its sentence and what to do about it, word for word."""

from __future__ import annotations

from typing import Any

import pytest

from raytui.core.observed.needs import Part
from raytui.core.observed.workload import EnvironmentSetup
from raytui.core.remedy import as_commands
from raytui.core.waiting import sentences
from raytui.core.waiting.outcome import Round
from raytui.core.waiting.values import STARTING, Demand, Holder, Place, WorkerKind

SMALL = {"CPU": 1.0, "memory": 2e9}
WORKER = WorkerKind("worker", SMALL, count=2, last=2, is_seen=True)
GPU = WorkerKind("gpu", {"CPU": 8.0, "GPU": 4.0, "memory": 6.4e10}, count=1, last=1, is_seen=True)


def place(name: str, free: dict[str, float] | None, kind: str = "worker", **more: Any) -> Place:
    return Place(name, {"CPU": 0.0, "memory": 2e9} if kind == "head" else SMALL, free, kind, node_id=name, **more)


BUSY = (
    place("head", {"CPU": 0.0}, "head"),
    place("worker-1", {"CPU": 0.0, "memory": 2e9}),
    place("worker-2", {"CPU": 0.5, "memory": 2e9}),
)


def task(needs: dict[str, float], count: int = 1, name: str = "train", **more: Any) -> Demand:
    return Demand("task" if name else "task or actor", (Part(needs, **more),), "", count, name)


def group(strategy: str, *parts: Part) -> Demand:
    return Demand("placement group", parts, strategy, 1, "pg")


FIVE = Part({"CPU": 1.0}, 5)
LARGER = "no number of workers of these sizes helps: it has to ask for less, or workers have to be larger"
OTHER = "no number of workers of these groups helps: it has to ask for another node, or for less"
CASES: dict[str, tuple[Demand, dict[str, Any], str, str]] = {
    "too large": (
        task({"CPU": 64.0}), {},
        "task train waits for CPU 64: no node can ever run it: the nearest, worker-1, has CPU 1 of 64", LARGER,
    ),
    "too large, many without a name, nobody's workers": (
        task({"CPU": 64.0}, 12, ""), {"kinds": ()},
        "12 tasks or actors wait for CPU 64: no node here can ever run one: the nearest, worker-1, has CPU 1 of 64",
        "it has to ask for less, or this cluster needs other nodes",
    ),
    "the nearest is a worker that would be new": (
        Demand("actor", (Part({"GPU": 8.0}),), name="Trainer"), {"kinds": (WORKER, GPU)},
        "actor Trainer waits for GPU 8: no node can ever run it: the nearest, a worker of group gpu, has GPU 4 of 8", LARGER,
    ),
    "room comes": (
        task({"CPU": 1.0}), {},
        "task train waits for CPU 1: it runs when a node has room: the most that is free on one is CPU 0.5 of 1, on worker-2",
        "raytui scale 3 lets it run at once",
    ),
    "room comes and who makes it is known": (
        task({"CPU": 1.0}, 12), {"holders": [Holder("task", "load", "worker-2", "worker-2", {"CPU": 0.5}, "02000000")]},
        "12 tasks train wait for CPU 1: one runs when task load of job 02000000 (holds CPU 0.5 of worker-2) ends",
        "raytui scale 3 lets one run at once",
    ),
    "what is known to hold the node is not enough": (
        task({"CPU": 1.0}), {"holders": [Holder("actor", "A", "worker-2", "worker-2", {"CPU": 0.1})], "kinds": ()},
        ("task train waits for CPU 1: it runs when a node has room: the most that is free on one is CPU 0.5 of 1, on "
        "worker-2; actor A (holds CPU 0.1 of worker-2)"), "",
    ),
    "free amounts are not reported": (
        task({"CPU": 1.0}), {"places": (place("worker-1", None),)},
        "task train waits for CPU 1: it runs when a node has room; which node has room is not reported by this Ray",
        "raytui jobs and raytui actors list what may hold the nodes",
    ),
    "another group would do": (
        task({"GPU": 1.0}, 3), {"kinds": (WORKER, GPU)},
        "3 tasks train wait for GPU 1: the nodes here are not enough even when empty; 1 more worker of group gpu would do now",
        "raytui scale gpu=2 adds what it needs",
    ),
    "there is room": (
        task({"CPU": 0.5}), {},
        "task train waits for CPU 0.5: why is not known: by Ray's figures, which are up to 5 s old, there is room for it now",
        "its worker process or its runtime environment may be starting",
    ),
    "no such label": (
        task({"CPU": 1.0}, selectors=({"rack": "in(a,b)"},)), {},
        ("task train waits for CPU 1 on a node with rack=in(a,b): no node can ever run it: no node that is large enough has "
        "the label rack=in(a,b)"), OTHER,
    ),
    "no such node": (
        task({"CPU": 1.0, "node:10.0.0.9": 0.01}), {},
        ("task train waits for CPU 1 on the node at 10.0.0.9: no node can ever run it: it asks for the node at 10.0.0.9, "
        "which is not here"), OTHER,
    ),
    "a worker is starting": (
        task({"CPU": 1.0}), {"places": (BUSY[0], place("worker-3", SMALL, is_coming=True))},
        "task train waits for CPU 1: it runs when worker-3 has started", "",
    ),
    "no shape": (Demand("task or actor"), {}, "1 task or actor waits: why is not known: Ray does not tell what it asks for", ""),
    "too few nodes to spread over": (
        group("STRICT_SPREAD", FIVE), {},
        ("placement group pg waits for 5 bundles of CPU 1 on 5 different nodes (STRICT_SPREAD): the nodes here are not enough "
        "even when empty; 5 more workers would do now, or 3 once what runs here "
        "has ended"), "raytui scale 7 adds what it needs",
    ),
    "too few nodes to spread over, nobody's workers": (
        group("STRICT_SPREAD", FIVE), {"kinds": ()},
        ("placement group pg waits for 5 bundles of CPU 1 on 5 different nodes (STRICT_SPREAD): no node here can ever run it: "
        "it needs 5 different nodes, and at most 2 of its bundles find one"),
        "it has to ask for less, or this cluster needs other nodes",
    ),
    "too large for one node": (
        group("STRICT_PACK", FIVE), {},
        ("placement group pg waits for 5 bundles of CPU 1 on one node (STRICT_PACK): no node can ever run it: the nearest, "
        "worker-1, has CPU 1 of 5"), LARGER,
    ),
    "bundles of two kinds": (
        group("PACK", Part({"CPU": 1.0}), Part({"GPU": 1.0}, 2)), {"kinds": (WORKER, GPU)},
        ("placement group pg waits for 1 bundle of CPU 1 and 2 bundles of GPU 1 (PACK): the nodes here are not enough even "
        "when empty; 1 more worker of group gpu would do now"), "raytui scale gpu=2 adds what it needs",
    ),
    "the quota is short": (
        task({"GPU": 1.0}), {"kinds": (WorkerKind("gpu", {"GPU": 1.0}, count=1, last=1, most=0, is_seen=True),)},
        ("task train waits for GPU 1: the nodes here are not enough even when empty; 1 more worker of group gpu would do, but "
        "the quota has room for 0 of group gpu"),
        "it needs a larger quota, or room in this one; raytui usage shows who holds it",
    ),
    "runtime environment": (
        Demand("task", (Part({"CPU": 1.0}),), "", 1, "train", environment=EnvironmentSetup("02", "pip install", 1.0, "Collecting x"), why_unknown=STARTING),
        {},
        ("task train waits for its runtime environment to be set up (pip install); the last line of its log: "
        "Collecting x"), "",
    ),
    "the smallest and the largest amounts": (
        task({"my_res": 1e-4, "memory": 1e12}), {"kinds": ()},
        ("task train waits for my_res 0.0001, memory 1000.0 GB: no node here can ever run it: the nearest, head, has memory "
        "2.0 GB of 1000.0 GB, my_res 0 of 0.0001"), "it has to ask for less, or this cluster needs other nodes",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_sentence(case: str) -> None:
    demand, more, sentence, advice = CASES[case]
    there = {"places": BUSY, "kinds": (WORKER,), **more}
    waiting = Round([demand], there["places"], there["kinds"], there.get("holders", ())).answer(demand)
    reported = (sentences.message(waiting), as_commands(sentences.hint(waiting)))
    assert reported == (sentence, advice)
