"""The class of a demand and the number of workers that would do are those of a solver that tries everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations_with_replacement
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytui.core.observed.needs import Part
from raytui.core.observed.workload import EnvironmentSetup
from raytui.core.remedy import Remedy
from raytui.core.waiting import packing
from raytui.core.waiting.outcome import HAS_ROOM, IN_PARTS, MAY_GROW, NO_SHAPE, TOO_MANY, Round
from raytui.core.waiting.values import STARTING, Demand, Holder, Place, Waiting, WorkerKind

NAMES = ("CPU", "GPU", "memory", "my_res", "node:10.0.0.2", "object_store_memory")
STRATEGIES = ("PACK", "SPREAD", "STRICT_PACK", "STRICT_SPREAD")


# The other solver: single parts and single nodes, amounts as decimal numbers, every assignment.


class Machine(NamedTuple):
    amounts: dict[str, Decimal]
    labels: dict[str, str]


def machine(amounts, labels) -> Machine:
    return Machine({name: Decimal(str(amount)) for name, amount in amounts.items()}, labels)


def obeys(labels: dict[str, str], selector: dict[str, str]) -> bool:
    for key, wanted in selector.items():
        if wanted == "a":
            good = labels.get(key) == "a"
        elif wanted == "!a":
            good = labels.get(key) != "a"
        elif wanted == "in(a,b)":
            good = labels.get(key) in {"a", "b"}
        else:
            good = labels.get(key) not in {"a", "b"}
        if not good:
            return False
    return True


def is_possible(parts: Sequence[Part], strategy: str, machines: Sequence[Machine]) -> bool:
    """Whether some assignment of the parts to machines breaks no rule."""

    def assign(place: int, taken: list[int]) -> bool:
        if place == len(parts):
            return True
        for at, one in enumerate(machines):
            if strategy == "STRICT_PACK" and taken and taken[0] != at:
                continue
            if strategy == "STRICT_SPREAD" and at in taken:
                continue
            selectors = parts[place].selectors
            if selectors and not any(obeys(one.labels, selector) for selector in selectors):
                continue
            there = [parts[n] for n, other in enumerate(taken) if other == at] + [parts[place]]
            if all(
                sum(Decimal(str(part.needs.get(name, 0))) for part in there) <= one.amounts.get(name, Decimal(0))
                for name in NAMES
            ) and assign(place + 1, [*taken, at]):
                return True
        return False

    return assign(0, [])


def smallest(parts, strategy, present: list[Machine], kinds: list[WorkerKind]) -> int | None:
    for number in range(len(parts) + 1):
        for choice in combinations_with_replacement(range(len(kinds)), number):
            if any(kind.most is not None and choice.count(n) > kind.most for n, kind in enumerate(kinds)):
                continue
            if is_possible(parts, strategy, present + [machine(kinds[n].shape, kinds[n].labels) for n in choice]):
                return number
    return None


def tried_out(demand: Demand, places: list[Place], kinds: list[WorkerKind]) -> tuple[str, int, bool]:
    parts = [part for part in demand.parts for _ in range(part.count)]
    empty = [machine(place.total, place.labels) for place in places]
    free = [machine(place.free, place.labels) for place in places if place.free is not None]
    known = len(free) == len(empty)
    if not places and not kinds:
        return "unknown", 0, False
    if is_possible(parts, demand.strategy, empty):
        if is_possible(parts, demand.strategy, free):
            return "unknown", 0, False
        return "fits", (smallest(parts, demand.strategy, free, kinds) or 0) if known else 0, False
    if not all(place.total for place in places):
        return "unknown", 0, False
    at_last = smallest(parts, demand.strategy, empty, kinds)
    if at_last is None:
        free_hand = [WorkerKind(kind.group, kind.shape, kind.labels) for kind in kinds]
        return "never" if smallest(parts, demand.strategy, empty, free_hand) is None else "quota", 0, False
    at_once = smallest(parts, demand.strategy, free, kinds) if known else None
    return "scale", at_last if at_once is None else at_once, at_once is None


amounts = st.fixed_dictionaries(
    {},
    optional={
        "CPU": st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0]),
        "GPU": st.sampled_from([0.0, 0.5, 1.0, 2.0]),
        "memory": st.sampled_from([1e-4, 1e9, 2e9, 1e12]),
        "my_res": st.sampled_from([1e-4, 1.0]),
        "node:10.0.0.2": st.sampled_from([0.01, 1.0]),
    },
)
labels = st.sampled_from([{}, {"rack": "a"}, {"rack": "b"}, {"rack": "c"}])
selector = st.sampled_from([{"rack": "a"}, {"rack": "!a"}, {"rack": "in(a,b)"}, {"rack": "!in(a,b)"}])
selectors = st.sampled_from([(), (), ()]) | st.lists(selector, min_size=1, max_size=2).map(tuple)
part = st.builds(Part, amounts, st.integers(1, 2), selectors)


@st.composite
def demands(draw: st.DrawFn) -> Demand:
    if draw(st.booleans()):
        return Demand("task", (draw(st.builds(Part, amounts, st.just(1), selectors)),))
    return Demand(
        "placement group", tuple(draw(st.lists(part, min_size=1, max_size=2))), draw(st.sampled_from(STRATEGIES))
    )


@st.composite
def places(draw: st.DrawFn) -> Place:
    total = draw(amounts)
    shares = st.sampled_from([0.0, 0.0, 0.5, 1.0])
    free = draw(
        st.none()
        | st.just(total)
        | shares.map(lambda share: {name: round(have * share, 4) for name, have in total.items()})
    )
    return Place("n", total, free, draw(st.sampled_from(["head", "worker"])), draw(labels))


kind = st.builds(
    WorkerKind,
    st.sampled_from(["worker", "gpu"]),
    amounts.map(lambda shape: {name: have for name, have in shape.items() if not name.startswith("node:")}),
    labels,
    most=st.none() | st.integers(0, 2),
    is_seen=st.just(True),
)


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(demands(), st.lists(places(), max_size=4), st.lists(kind, max_size=2))
def test_class_and_number_are_those_of_trying_everything(demand, nodes, kinds) -> None:
    waiting = Round([demand], nodes, kinds).answer(demand)
    number = sum(more.number for more in waiting.scale)
    assert (waiting.kind, number, waiting.is_beside) == tried_out(demand, nodes, kinds)


def shapes_of_pools() -> Iterator[tuple[tuple[int, ...], int, bool]]:
    yield (6, 5, 5, 4, 4, 4, 2), 3, True
    yield (7, 7, 7, 7), 3, False
    yield (9, 9, 6, 3, 3), 3, False


@pytest.mark.parametrize(("bundles", "nodes", "fit"), shapes_of_pools())
def test_bundles_that_only_one_packing_holds_are_packed(bundles, nodes, fit) -> None:
    demand = Demand("placement group", tuple(Part({"CPU": float(cpus)}) for cpus in bundles), "PACK")
    pool = [Place(f"n{n}", {"CPU": 10.0}, {"CPU": 0.0}) for n in range(nodes)]
    assert (Round([demand], pool, []).answer(demand).kind == "fits") is fit


def test_a_packing_that_takes_too_long_to_find_is_not_known(monkeypatch) -> None:
    monkeypatch.setattr(packing, "MOST_WORK", 20)
    parts = tuple(Part({"CPU": 100.0 + 7 * n}) for n in range(9))
    demand = Demand("placement group", parts, "PACK")
    pool = [Place(f"n{n}", {"CPU": 388.0}) for n in range(3)]
    waiting = Round([demand], pool, []).answer(demand)
    assert (waiting.kind, waiting.because) == ("unknown", TOO_MANY)


@pytest.mark.parametrize("strategy", ["PACK", "STRICT_SPREAD"])
def test_twenty_kinds_of_bundles_over_a_thousand_different_nodes_are_given_up_in_time(strategy) -> None:
    parts = tuple(Part({"CPU": 1 + 0.37 * n, "memory": 1e8 + 3e7 * n}, 45) for n in range(20))
    demand = Demand("placement group", parts, strategy)
    totals = [{"CPU": 8 + n / 1000, "memory": 1e9 + n * 1e6} for n in range(1000)]
    pool = [Place(f"n{n}", whole, {name: have / 2 for name, have in whole.items()}) for n, whole in enumerate(totals)]
    spent: list[int] = []

    class Counted(packing.Budget):
        def spend(self, work: int) -> bool:
            spent.append(work)
            return super().spend(work)

    counted = Round([demand], pool, [WORKER])
    counted._budget = Counted()
    assert counted.answer(demand).kind in {"fits", "unknown"}
    assert sum(spent[:-1]) <= packing.MOST_WORK, "only the last asking is refused"
    assert spent[-1] <= packing.MOST_WORK


def test_a_matching_is_none_when_the_budget_is_spent() -> None:
    wants, rooms = [packing.Want((1,), 2)], [packing.Room((1,), 1, {}), packing.Room((1,), 1, {})]
    assert packing.matching(wants, rooms, packing.Budget()) == 2
    assert packing.matching(wants, rooms, packing.Budget(3)) is None
    assert packing.can_place(wants, "STRICT_SPREAD", rooms, packing.Budget(3)) is None
    assert packing.fewest(wants, "STRICT_SPREAD", rooms[:1], rooms[:1], packing.Budget(1)) == packing.Fewest(
        None, False
    )


# What there is beside the class.

SMALL = {"CPU": 1.0, "memory": 2e9}
WORKER = WorkerKind("worker", SMALL, count=2, last=2, is_seen=True)
GPUS = WorkerKind("gpu", {"CPU": 4.0, "GPU": 4.0}, count=1, last=3, is_seen=True)


def answer(
    *parts: Part, strategy: str = "", places: Sequence[Place] = (), kinds: Sequence[WorkerKind] = (), **more
) -> Waiting:
    demand = Demand("placement group" if strategy else "task", parts, strategy)
    return Round([demand], places, kinds, **more).answer(demand)


def test_the_number_to_scale_to_counts_those_that_are_there_and_lets_none_go() -> None:
    two = Part({"GPU": 4.0}, count=2)
    remedies = [more.remedy for more in answer(two, strategy="STRICT_SPREAD", kinds=[WORKER, GPUS]).scale]
    assert remedies == [Remedy("scale", "gpu=3")], "worker 3 is there, so 1 and 2 are what is missing"
    assert [more.remedy for more in answer(Part({"CPU": 1.0}), kinds=[WORKER]).scale] == [Remedy("scale", "3")]


def test_two_groups_are_scaled_where_neither_does_alone() -> None:
    both = answer(Part({"GPU": 4.0}), Part({"memory": 2e9}), strategy="PACK", kinds=[WORKER, GPUS])
    assert [(more.group, more.number) for more in both.scale] == [("worker", 1), ("gpu", 1)]


def test_a_group_that_the_platform_cannot_enlarge_is_no_remedy() -> None:
    full = WorkerKind("worker", SMALL, count=2, last=2, most=0, is_seen=True)
    waiting = answer(Part({"CPU": 1.0}), kinds=[full])
    assert (waiting.kind, waiting.scale, [more.number for more in waiting.later]) == ("quota", (), [1])


def test_what_a_worker_that_nobody_saw_would_hold_is_not_known() -> None:
    unseen = WorkerKind("worker", SMALL)
    for needs, selectors in (({"my_res": 1.0}, ()), ({"object_store_memory": 1.0}, ()), ({}, ({"rack": "a"},))):
        waiting = answer(Part(needs, selectors=selectors), kinds=[unseen])
        assert waiting.kind == "unknown"
        assert "no worker of group worker lives" in waiting.because
    assert answer(Part({"CPU": 2.0, "my_res": 1.0}), kinds=[unseen]).kind == "never"


def test_a_node_on_its_way_is_waited_for_and_not_scaled_for() -> None:
    coming = Place("worker-3", SMALL, SMALL, "worker", is_coming=True)
    busy = Place("worker-1", {"CPU": 0.5}, {"CPU": 0.5}, "worker")
    waiting = answer(Part({"CPU": 1.0}), places=[busy, coming], kinds=[WORKER])
    assert (waiting.kind, waiting.awaits, waiting.scale) == ("fits", ("worker-3",), ())


def test_who_holds_the_node_that_would_have_room_is_named() -> None:
    held = Place("worker-1", SMALL, {"CPU": 0.0, "memory": 2e9}, "worker", node_id="ab")
    holders = [
        Holder("actor", "Store", "ab", "worker-1", {"memory": 1.0}),
        Holder("task", "train", "ab", "worker-1", {"CPU": 1.0}),
    ]
    waiting = answer(Part({"CPU": 1.0}), places=[held], kinds=[WORKER], holders=holders)
    assert [holder.name for holder in waiting.holders] == ["train"]
    assert (waiting.largest_free and waiting.largest_free.amounts, waiting.largest[0].amounts) == (
        {"CPU": 0.0},
        {"CPU": 1.0},
    )


def test_without_a_shape_and_with_an_autoscaler_nothing_is_claimed() -> None:
    assert (answer().kind, answer().because) == ("unknown", NO_SHAPE)
    grows = answer(Part({"CPU": 9.0}), places=[Place("n", SMALL)], may_grow=True)
    assert (grows.kind, grows.because) == ("unknown", MAY_GROW)


def test_a_runtime_environment_that_is_being_set_up_is_the_cause() -> None:
    setup = EnvironmentSetup("02000000", "pip install", 5.0, "Collecting x")
    placed = Demand("task", (Part({"CPU": 1.0}),), environment=setup, why_unknown=STARTING)
    waiting = Round([placed], [], []).answer(placed)
    assert (waiting.kind, waiting.since, waiting.because) == ("environment", 5.0, "pip install")


def test_work_inside_a_group_without_a_place_waits_for_the_group() -> None:
    inside = Part({"CPU_group_0_846cc25af6bf2754bd20e2fcd1d603000000": 1.0})
    assert answer(inside, places=[Place("n", SMALL)], kinds=[WORKER]).kind == "unknown"


def test_five_thousand_demands_over_a_thousand_nodes_are_fifty_answers_over_few_kinds_of_nodes() -> None:
    demands = [Demand("task", (Part({"CPU": 1.0 + n, "memory": 1e9}),), count=100) for n in range(50)]
    nodes = [
        Place(
            f"n{n}",
            {"CPU": 8.0, "memory": 1e10, f"node:{n}": 1.0},
            {"CPU": float(n % 9), "memory": 1e9},
            node_id=str(n),
        )
        for n in range(1000)
    ]
    listed = Round(demands, nodes, [WORKER])
    assert len(listed._groups) == 9
    assert [listed.answer(demand).kind for demand in demands] == ["unknown"] * 8 + ["never"] * 42


# GPUs in parts.


def gpus(total: float, free: float, node: str = "a") -> Place:
    return Place(node, {"GPU": total}, {"GPU": free}, node_id=node)


def of_gpus(*amounts: float, places: Sequence[Place], holders: Sequence[Holder] = (), **more: object) -> Waiting:
    parts = tuple(Part({"GPU": amount}) for amount in amounts)
    demand = Demand("task" if len(parts) == 1 else "placement group", parts, "PACK" if len(parts) > 1 else "")
    return Round([demand], places, (), holders, **more).answer(demand)


@pytest.mark.parametrize(
    ("asked", "place", "because"),
    [
        ((0.5,), gpus(2, 0.5), IN_PARTS),  # 0.25 of each
        ((0.5,), gpus(2, 1.0), HAS_ROOM),  # at worst half of each
        ((0.5,), gpus(1, 0.5), HAS_ROOM),
        ((0.5,), gpus(4, 4.0), HAS_ROOM),
        ((0.5, 0.5), gpus(2, 1.0), IN_PARTS),  # 0.9 and 0.1
        ((0.5, 0.5), gpus(2, 1.5), HAS_ROOM),  # one device is free to more than a half, and so is the other
        ((1.0,), gpus(2, 1.0), HAS_ROOM),
        ((1.0,), gpus(2, 1.5), IN_PARTS),
        ((2.0,), gpus(4, 2.0), HAS_ROOM),
        ((0.3, 0.6), gpus(2, 1.2), IN_PARTS),
        ((0.3, 0.6), gpus(2, 2.0), HAS_ROOM),
        ((0.3, 0.6), gpus(1, 0.9), HAS_ROOM),
        ((0.6, 0.6), gpus(2, 2.0), HAS_ROOM),
        ((0.6, 0.6), gpus(1, 1.2), None),
    ],
)
def test_parts_of_a_gpu_have_room_only_where_one_device_has_it_for_certain(asked, place, because) -> None:
    if because is None:
        assert of_gpus(*asked, places=[place]).kind == "never"
        return
    waiting = of_gpus(*asked, places=[place])
    assert (waiting.kind, waiting.because) == ("unknown", because)


def test_whole_gpus_are_not_certain_where_somebody_uses_parts() -> None:
    halves = [Holder("task", f"t{n}", "a", resources={"GPU": 0.5}) for n in range(2)]
    assert of_gpus(1.0, places=[gpus(2, 1.0)], holders=halves).because == IN_PARTS
    assert of_gpus(1.0, places=[gpus(2, 1.0)], holders=[Holder("task", "t", "a", resources={"GPU": 1.0})]).because == (
        HAS_ROOM
    )
    elsewhere = [msgspec.structs.replace(one, node_id="b") for one in halves]
    assert of_gpus(1.0, places=[gpus(2, 1.0)], holders=elsewhere).because == HAS_ROOM


def test_no_device_holds_two_parts_of_more_than_half() -> None:
    three = (0.6, 0.6, 0.6)
    assert of_gpus(*three, places=[gpus(2, 2)]).kind == "never"
    assert of_gpus(*three, places=[gpus(3, 0)]).kind == "fits"
    worker = WorkerKind("gpu", {"GPU": 1.0}, is_seen=True)
    demand = Demand("placement group", (Part({"GPU": 0.6}, 3),), "PACK")
    (more,) = Round([demand], [], [worker]).answer(demand).scale
    assert more.number == 3
    five = Demand("placement group", (Part({"GPU": 0.3}, 5),), "PACK")
    (more,) = Round([five], [], [worker]).answer(five).scale
    assert more.number == 2
