"""From a snapshot to why work waits: whose nodes count, who waits, who holds, since when, and what of it is a condition."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from raytui.core.causes.things import things_of
from raytui.core.causes.values import Evidence
from raytui.core.conditions import assess
from raytui.core.observed.holdings import Amounts as QuotaAmounts
from raytui.core.observed.holdings import Holdings, Quota
from raytui.core.observed.joined import join
from raytui.core.observed.needs import Part, Pending
from raytui.core.observed.snapshot import Actor, Amount, Job, Operation, Reading, Snapshot, Usage
from raytui.core.observed.workload import Bundle, EnvironmentSetup, PlacementGroup, Task
from raytui.core.remedy import as_commands
from raytui.core.report import status_document
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.core.stories import story_document, story_of
from raytui.core.waiting.demands import PARTLY_PLACED, demands_of
from raytui.core.waiting.outcome import HAS_ROOM, NO_FREE
from raytui.core.waiting.sentences import message
from raytui.core.waiting.values import NO_REPORT, STARTING, Waiting
from raytui.core.waiting.why import why_waits
from raytui.platforms.attached import applications_of
from tests.unit.core.values import NOW, application, node, report, snapshot

HEAD = {"CPU": 0.5, "memory": 2e9, "node:10.0.0.1": 1.0, "node:__internal_head__": 1.0}
WORKER = {"CPU": 1.0, "memory": 2e9, "node:10.0.0.2": 1.0}
GROUP_ID = "846cc25af6bf2754bd20e2fcd1d603000000"


def amounts(total: dict[str, float], used: dict[str, float]) -> dict[str, Amount]:
    return {name: Amount(have, used.get(name, 0.0)) for name, have in total.items()}


def usage(*demands: Pending, busy: bool = True, **more: Any) -> Usage:
    per_node = {
        "n0" * 8: amounts(HEAD, {"CPU": 0.5}),
        "n1" * 8: amounts(WORKER, {"CPU": 1.0} if busy else {}),
    }
    fields = {"per_node": per_node, "written_at": NOW - 2, **more}
    return Usage({"CPU": Amount(1.5, 1.5)}, tuple("demand" for _ in demands), demands, **fields)


def cpus(number: float, count: int = 1) -> Pending:
    return Pending((Part({"CPU": number}),), count=count)


def seen(*demands: Pending, busy: bool = True, **more: Any) -> Snapshot:
    reported = more.pop("reported", {})
    nodes = more.pop("nodes", (node(0, resources=HEAD, ip="10.0.0.1"), node(1, resources=WORKER, ip="10.0.0.2")))
    return snapshot(nodes=nodes, usage=usage(*demands, busy=busy, **reported), **more)


def why(*demands: Pending, **more: Any) -> Waiting:
    (waiting,) = why_waits(join(seen(*demands, **more)))
    return waiting


def task(identity: int, name: str = "train", state: str = "PENDING_NODE_ASSIGNMENT", **more: Any) -> Task:
    return Task(f"t{identity}", name, state, **{"type": "NORMAL_TASK", "resources": {"CPU": 1.0}, **more})


# Which nodes count.


def test_a_demand_that_fits_a_worker_when_it_is_empty_waits_for_it() -> None:
    waiting = why(cpus(1))
    assert (waiting.kind, [more.to for more in waiting.scale]) == ("fits", [2])
    assert [(offer.kind, offer.node, offer.amounts) for offer in waiting.largest] == [
        ("head", "head", {"CPU": 0.5}),
        ("worker", "worker-1", {"CPU": 1.0}),
    ]


@pytest.mark.parametrize(
    "gone",
    [
        {"nodes": (node(0, resources=HEAD), node(1, "DEAD", resources=WORKER))},
        {"applications": (application(0), application(1, "stopping"))},
        {"applications": (application(0), application(1, launcher=report("draining", node_id="n1" * 8)))},
        {"operation": Operation("scale", ends=("ray-cluster-worker-1",))},
    ],
    ids=["dead", "stopping", "draining", "planned"],
)
def test_a_node_that_ends_takes_nothing(gone) -> None:
    asked = ClusterSpec(workers=WorkersSpec(count=1, cpu=1, memory=2))
    assert why(cpus(1), busy=False, asked=asked, **gone).kind == "scale"


def test_a_worker_that_starts_or_is_about_to_be_made_is_waited_for() -> None:
    both = Pending((Part({"CPU": 1.0}, 2),), "STRICT_SPREAD")
    apps = (application(0), application(1), application(2, "starting", started_at=0.0))
    assert why(both, busy=False, applications=apps).awaits == ("worker-2",)
    waiting = why(both, busy=False, operation=Operation("scale", creates=("ray-cluster-worker-2",)))
    assert (waiting.kind, waiting.awaits) == ("fits", ("worker-2",))


def test_what_waits_is_taken_over_from_the_snapshot_before_until_something_it_depends_on_changes() -> None:
    first = seen(cpus(1))
    known = why_waits(join(first))
    later = msgspec.structs.replace(first, observed_at=NOW + 2)
    assert why_waits(join(later, first)) is known
    freed = msgspec.structs.replace(later, usage=Reading(usage(cpus(1), busy=False)), observed_at=NOW + 4)
    assert why_waits(join(freed, later)) == why_waits(join(seen(cpus(1), busy=False)))
    assert why_waits(join(freed)) != known


def test_a_worker_that_is_late_is_waited_for_no_longer_though_nothing_but_the_clock_moved() -> None:
    both = Pending((Part({"CPU": 1.0}, 2),), "STRICT_SPREAD")
    apps = (application(0), application(1), application(2, started_at=NOW - 100))
    first = seen(both, busy=False, applications=apps)
    assert [one.awaits for one in why_waits(join(first))] == [("worker-2",)]
    later = msgspec.structs.replace(first, observed_at=NOW + 100)
    assert [one.awaits for one in why_waits(join(later, first))] == [()]


def test_without_figures_of_each_node_that_is_said_and_no_number_is_promised() -> None:
    waiting = why(cpus(1), reported={"per_node": {}})
    assert (waiting.kind, waiting.because, waiting.largest_free, waiting.scale) == ("fits", NO_FREE, None, ())


def test_figures_that_go_by_address_count_where_the_address_is_of_one_node() -> None:
    by_address = {"10.0.0.1": amounts(HEAD, {}), "10.0.0.2": amounts(WORKER, {"CPU": 0.25})}
    free = why(cpus(1), reported={"per_node": by_address}).largest_free
    assert free is not None
    assert free.amounts == {"CPU": 0.75}
    twins = (node(0, resources=HEAD, ip="10.0.0.1"), node(1, resources=WORKER, ip="10.0.0.1"))
    assert why(cpus(1), reported={"per_node": by_address}, nodes=twins).because == NO_FREE


def test_a_further_group_is_asked_for_by_its_name() -> None:
    spec = ClusterSpec(
        workers=WorkersSpec(cpu=1, memory=2), groups={"gpu": WorkersSpec(count=0, cpu=4, memory=16, gpus=1)}
    )
    waiting = why(Pending((Part({"GPU": 1.0}),)), asked=spec)
    assert (waiting.kind, [more.remedy.target for more in waiting.scale]) == ("scale", ["gpu=1"])


def test_a_size_that_was_asked_for_anew_is_what_more_workers_would_have() -> None:
    spec = ClusterSpec(workers=WorkersSpec(cpu=8, memory=2))
    assert why(cpus(8), asked=spec).kind == "scale"
    assert why(cpus(8), asked=ClusterSpec(workers=WorkersSpec(cpu=1, memory=2))).kind == "never"


def test_the_quota_limits_how_many_more_workers_are_a_remedy() -> None:
    def reported(limit: float, used: float, *running: str) -> Waiting:
        quota = Quota("user", "alice", QuotaAmounts(cpu=limit), QuotaAmounts(cpu=used, memory=4.0))
        holdings = Holdings(quotas=(quota,), running=frozenset(running))
        apps = (application(0, cpu=0.5), application(1, cpu=1.0))
        two = Pending((Part({"CPU": 1.0}, 2),), "STRICT_SPREAD")
        return why(two, applications=apps, holdings=holdings, busy=False)

    both = ("ray-cluster-head", "ray-cluster-worker-1")
    assert [more.number for more in reported(2.5, 1.5, *both).scale] == [1]
    assert reported(2.0, 1.5, *both).kind == "quota"
    assert reported(2.5, 1.5).kind == "quota", "what runs only since then counts on top"


def test_a_watched_cluster_is_not_scaled() -> None:
    nodes = (node(0, resources=HEAD), node(1, resources=WORKER))
    there = {"applications": applications_of("there", nodes), "nodes": nodes, "platform": "attached"}
    assert (why(cpus(1), **there).kind, why(cpus(1), **there).scale) == ("fits", ())
    assert why(cpus(8), **there).kind == "never"
    assert why(cpus(8), reported={"may_grow": True}, **there).kind == "unknown"


# Who waits.


def test_tasks_give_names_to_the_shapes_of_the_scheduler_and_no_more_than_it_counts() -> None:
    tasks = (*(task(n, job_id="02000000", since=NOW - n) for n in range(5)), task(9, "other", "RUNNING"))
    found = demands_of(seen(cpus(1, 7), cpus(4, 2), tasks=tasks))
    reported = [(one.what, one.name, one.count, one.jobs, one.since) for one in found]
    assert reported == [
        ("task", "train", 5, ("02000000",), NOW - 4),
        ("task or actor", "", 2, (), 0.0),
        ("task or actor", "", 2, (), 0.0),
    ]
    assert [one.count for one in demands_of(seen(cpus(1, 3), tasks=tasks))] == [3]


def test_labels_and_their_fallbacks_come_from_the_task() -> None:
    (found,) = demands_of(seen(cpus(1), tasks=(task(1, label_selector={"rack": "a"}, fallbacks=({"rack": "b"},)),)))
    assert found.parts[0].selectors == ({"rack": "a"}, {"rack": "b"})


def test_actors_and_jobs_are_named_and_dated_by_the_task_that_makes_them() -> None:
    creation = task(1, "Trainer.__init__", type="ACTOR_CREATION_TASK", actor_id="a1", since=NOW - 90)
    actors = (
        Actor("a1", "Trainer", "PENDING_CREATION", resources={"CPU": 1.0}, job_id="02000000"),
        Actor("a2", "JobSupervisor", "PENDING_CREATION", "_ray_internal_job_actor_night", resources={"CPU": 2.0}),
    )
    jobs = (Job("night", "PENDING", started_at=NOW - 70),)
    found = demands_of(seen(cpus(1), cpus(2), tasks=(creation,), actors=actors, jobs=jobs))
    assert [(one.what, one.name, one.since) for one in found] == [
        ("actor", "Trainer", NOW - 90),
        ("job", "night", NOW - 70),
    ]
    (alone,) = demands_of(seen(cpus(1), tasks=(creation,)))
    assert (alone.what, alone.name) == ("actor", "Trainer")


def test_placement_groups_are_found_by_their_bundles() -> None:
    bundles = tuple(Bundle(n, {"CPU": 1.0}) for n in range(5))
    group = PlacementGroup(GROUP_ID, "wide", "PENDING", bundles=bundles, created_at=NOW - 80)
    wide = Pending((Part({"CPU": 1.0}, 5),), "STRICT_SPREAD")
    (found,) = demands_of(seen(wide, placement_groups=(group,)))
    assert (found.name, found.strategy, found.since) == ("wide", "STRICT_SPREAD", NOW - 80)
    assert found.parts == wide.parts
    packed = msgspec.structs.replace(wide, strategy="PACK")
    assert [one.name for one in demands_of(seen(wide, packed, placement_groups=(group,)))] == ["", ""]
    half = msgspec.structs.replace(
        group, bundles=(Bundle(0, {"CPU": 1.0}, "n1" * 8), *bundles[1:]), state="RESCHEDULING"
    )
    assert why(wide, placement_groups=(half,)).because == PARTLY_PLACED


def test_work_inside_a_placement_group_is_found_by_its_group() -> None:
    inside = Pending((Part({f"CPU_group_{GROUP_ID}": 1.0, f"bundle_group_{GROUP_ID}": 0.001}),))
    tasks = (task(1, "outside"), task(2, "inside", placement_group_id=GROUP_ID))
    (found,) = demands_of(seen(inside, tasks=tasks))
    assert found.name == "inside"


def test_what_the_scheduler_does_not_list_may_be_starting() -> None:
    waits = task(1, has_runtime_env=True, since=NOW - 60, job_id="02000000")
    reported = seen(tasks=(waits, task(2, since=NOW - 60)))
    (found,) = why_waits(join(reported))
    assert (found.kind, found.because) == ("unknown", STARTING)
    setup = EnvironmentSetup("02000000", "pip install", NOW - 50, "Collecting x")
    (found,) = why_waits(join(msgspec.structs.replace(reported, environments=Reading((setup,)))))
    assert (found.kind, found.demand.environment) == ("environment", setup)
    assert why_waits(join(seen(tasks=(msgspec.structs.replace(waits, since=NOW - 3),)))) == []


def test_what_has_no_place_waits_for_that_and_not_for_its_environment() -> None:
    setup = EnvironmentSetup("02000000", "pip install", 0.0, "Collecting x")
    there = {"tasks": (task(1, has_runtime_env=True, job_id="02000000"),), "environments": (setup,)}
    assert why(cpus(1), busy=True, **there).kind == "fits"
    assert why(cpus(1), busy=False, **there).kind == "environment"
    other = (EnvironmentSetup("09000000"),)
    assert why(cpus(1), busy=False, **{**there, "environments": other}).because == HAS_ROOM


def test_a_set_up_that_takes_long_is_a_condition_with_its_step_and_last_line() -> None:
    setup = EnvironmentSetup("02000000", "pip install", 0.0, "Collecting x")
    reported = seen(tasks=(task(1, has_runtime_env=True, since=NOW - 90, job_id="02000000"),), environments=(setup,))
    (condition,) = assess(reported, {}, {}).conditions
    assert (condition.severity, condition.since) == ("warning", NOW - 90)
    assert condition.message.endswith(
        "waits for its runtime environment to be set up (pip install); the last line of its log: Collecting x"
    )
    (story,) = [story_of(Evidence(join(reported)), thing) for thing in things_of(reported) if thing.kind == "task"]
    assert "(pip install)" in story.sentence


def test_without_a_report_of_the_scheduler_the_lists_alone_tell_who_waits() -> None:
    group = PlacementGroup(GROUP_ID, "wide", "PENDING", bundles=(Bundle(0, {"CPU": 1.0}), Bundle(1, {"CPU": 1.0})))
    reported = seen(tasks=(task(1, resources={"CPU": 64.0}), task(2)), placement_groups=(group,))
    blind = msgspec.structs.replace(reported, usage=Reading(Usage()))
    found = {one.demand.name + str(one.demand.parts[0].needs["CPU"]): one for one in why_waits(join(blind))}
    assert [(name, one.kind, one.because) for name, one in found.items()][1:] == [
        ("train1.0", "fits", NO_FREE),
        ("wide1.0", "unknown", NO_REPORT),
    ]
    assert found["train64.0"].kind == "never"


def test_without_a_report_a_group_that_no_strategy_lets_run_is_said_never_to_run() -> None:
    def why_of(group: PlacementGroup) -> Waiting:
        (waiting,) = why_waits(join(msgspec.structs.replace(seen(placement_groups=(group,)), usage=Reading(Usage()))))
        return waiting

    bundles = (Bundle(0, {"CPU": 1.0}), Bundle(1, {"CPU": 64.0}))
    never = why_of(PlacementGroup(GROUP_ID, "wide", "PENDING", bundles=bundles))
    assert (never.kind, never.because) == ("never", "the nearest, worker-1, has CPU 1 of 64")
    assert "waits for 1 bundle of CPU 1 and 1 bundle of CPU 64: no node" in message(never)
    twice = tuple(Bundle(n, {"CPU": 1.0}) for n in range(2))
    reported = why_of(PlacementGroup(GROUP_ID, "wide", "PENDING", strategy="STRICT_SPREAD", bundles=twice))
    assert (reported.kind, reported.demand.strategy) == ("scale", "STRICT_SPREAD"), "earlier versions tell the strategy"


def test_one_snapshot_is_worked_out_once() -> None:
    joined = join(seen(cpus(1)))
    assert why_waits(joined) is why_waits(joined)


# Who holds.


def test_tasks_actors_and_groups_hold_what_they_asked_for() -> None:
    there = {"node_id": "n1" * 8, "job_id": "02000000"}
    tasks = (task(1), task(2, "hold", "RUNNING", started_at=NOW - 300, **there))
    waiting = why(cpus(1), tasks=tasks)
    assert [(one.what, one.name, one.node, one.since) for one in waiting.holders] == [
        ("task", "hold", "worker-1", NOW - 300)
    ]
    actor = Actor("a", "Store", "ALIVE", resources={"CPU": 1.0}, **there)
    assert [one.what for one in why(cpus(1), actors=(actor,)).holders] == ["actor"]
    inside = msgspec.structs.replace(actor, placement_group_id=GROUP_ID)
    group = PlacementGroup(GROUP_ID, "g", "CREATED", bundles=(Bundle(0, {"CPU": 1.0}, "n1" * 8),))
    assert [one.what for one in why(cpus(1), actors=(inside,), placement_groups=(group,)).holders] == [
        "placement group"
    ]


# What of it is a condition.


def conditions(*demands: Pending, waited: dict[str, float] | None = None, **more: Any) -> list[tuple[str, str, str]]:
    judged = assess(seen(*demands, **more), {}, waited)
    return [(one.severity, one.reason, one.subject) for one in judged.conditions]


def test_what_can_never_run_is_an_error_at_once() -> None:
    never = [("error", "InfeasibleDemand", "task or actor needing CPU 64")]
    assert conditions(cpus(64)) == conditions(cpus(64), waited={}) == never


def test_work_that_can_never_run_is_no_fault_of_the_cluster() -> None:
    judged = assess(seen(cpus(64)))
    assert (judged.phase, judged.verdict) == ("running", "ok")
    nodes = (node(0, resources=HEAD), node(1, resources=WORKER))
    watched = {"applications": applications_of("there", nodes), "nodes": nodes, "platform": "attached"}
    watched_judged = assess(seen(cpus(64), **watched))
    assert (watched_judged.phase, watched_judged.verdict) == ("running", "ok")
    assert [one.reason for one in watched_judged.conditions] == ["InfeasibleDemand"]
    many = assess(seen(*(cpus(64 + n) for n in range(8))))
    assert (many.verdict, {one.severity for one in many.conditions}) == ("ok", {"error"})
    reported = status_document(seen(cpus(64)), judged, NOW)
    assert (reported["verdict"], [one["about"] for one in reported["conditions"]]) == ("ok", ["work"])


def test_a_fault_of_the_cluster_stands_before_work_that_can_never_run_and_decides() -> None:
    gone = {"nodes": (node(0, resources=HEAD, ip="10.0.0.1"), node(1, "DEAD", resources=WORKER, ip="10.0.0.2"))}
    asked = ClusterSpec(workers=WorkersSpec(count=1, cpu=1, memory=2))
    judged = assess(seen(cpus(64), asked=asked, **gone))
    assert judged.verdict == "degraded"
    assert [(one.severity, one.is_of_work) for one in judged.conditions] == [("error", False), ("error", True)]


def test_what_waits_for_an_end_is_told_after_ten_seconds_and_a_warning_after_a_minute() -> None:
    def waiting_since(moment: float) -> list[tuple[str, str, str]]:
        return conditions(cpus(1), tasks=(task(1, since=moment),), waited={})

    assert waiting_since(NOW - 9) == []
    assert waiting_since(NOW - 11) == [("info", "PendingDemand", "task train")]
    assert waiting_since(NOW - 59) == [("info", "PendingDemand", "task train")]
    assert waiting_since(NOW - 61) == [("warning", "PendingDemand", "task train")]


def test_without_a_time_of_rays_whoever_watches_counts() -> None:
    (waiting,) = assess(seen(cpus(1)), {}, {}).waiting
    assert waiting.since == NOW
    assert conditions(cpus(1), waited={}) == []
    assert conditions(cpus(1), waited={waiting.key: NOW - 61}) == [
        ("warning", "PendingDemand", "task or actor needing CPU 1")
    ]
    assert len(conditions(cpus(1))) == 1, "at the first look nobody knows for how long"


def test_a_clock_of_rays_that_differs_is_not_believed() -> None:
    ahead = {"written_at": NOW + 300}
    fresh = (task(1, since=NOW + 295),)
    assert conditions(cpus(1), tasks=fresh, reported=ahead, waited={}) == []
    assert conditions(cpus(1), tasks=fresh, reported=ahead) == []
    old = (task(1, since=NOW + 200),)
    (condition,) = assess(seen(cpus(1), tasks=old, reported=ahead)).conditions
    assert condition.since == NOW - 100


def test_a_time_that_has_not_come_yet_tells_nothing() -> None:
    for reported, task_since in (({"written_at": 0.0}, NOW + 300), ({"written_at": NOW - 600}, NOW - 20)):
        late = {"tasks": (task(1, since=task_since),), "reported": reported}
        (waiting,) = assess(seen(cpus(1), **late), {}, {}).waiting
        assert waiting.since == NOW
        assert conditions(cpus(1), waited={waiting.key: NOW - 61}, **late) == [
            ("warning", "PendingDemand", "task train")
        ]


def test_what_needs_more_workers_says_how_many_at_once() -> None:
    five = Pending((Part({"CPU": 1.0}, 5),), "STRICT_SPREAD")
    (condition,) = assess(seen(five, busy=False)).conditions
    assert (condition.severity, as_commands(condition.hint)) == ("warning", "raytui scale 5 adds what it needs")


def test_many_demands_are_summed_up() -> None:
    judged = assess(seen(*(cpus(64 + n, 10) for n in range(8))))
    assert len(judged.conditions) == 6
    assert judged.conditions[-1].message == "30 more tasks, actors and placement groups of 3 shapes wait"
    assert len(judged.waiting) == 8


def test_the_status_of_programs_has_the_whole_answer() -> None:
    reported = seen(cpus(1), tasks=(task(1, since=NOW - 61), task(2, "hold", "RUNNING", node_id="n1" * 8)))
    (waiting,) = msgspec.json.decode(msgspec.json.encode(status_document(reported, assess(reported), NOW)["waiting"]))
    assert (waiting["class"], waiting["name"], waiting["parts"][0]["needs"]) == ("fits", "train", {"CPU": 1.0})
    assert waiting["largest_free"] == {"node": "head", "kind": "head", "amounts": {"CPU": 0.0}, "of": {"CPU": 0.5}}
    assert (waiting["holders"][0]["name"], waiting["holders"][0]["since"], waiting["jobs"]) == ("hold", None, [])
    assert waiting["scale"] == [{"group": "worker", "number": 1, "to": 2, "command": "raytui scale 2"}]
    unasked = msgspec.structs.replace(reported, usage=Reading())
    assert status_document(unasked, assess(unasked), NOW)["waiting"] is None


def test_the_story_of_what_waits_says_why() -> None:
    reported = seen(cpus(64), tasks=(task(1, resources={"CPU": 64.0}), task(2, "hold", "RUNNING")))
    stories = [story_of(Evidence(join(reported)), thing) for thing in things_of(reported) if thing.kind == "task"]
    assert stories[0].sentence.startswith("task train waits for CPU 64: no node can ever run it: the nearest,")
    assert story_document(stories[0])["waits"][0]["class"] == "never"
    assert (stories[1].waits, stories[1].sentence) == ((), "task hold is RUNNING")


def test_nothing_waits_where_nobody_was_asked() -> None:
    unasked = seen(cpus(1))
    for blind in ("usage", "nodes"):
        nothing = msgspec.structs.replace(getattr(unasked, blind), value=None)
        assert why_waits(join(msgspec.structs.replace(unasked, **{blind: nothing}))) == []
