"""Evidence of another life proves nothing: nodes and reports count only for the present run of their application."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from raytui.core.conditions import assess, node_state
from raytui.core.errors import Failure
from raytui.core.observed import joined as module
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import UNREAD, Reading, Snapshot
from raytui.core.report import status_document
from tests.unit.core.values import NOW, application, node, report, snapshot

HIDDEN = Failure("network", "DashboardNotExposed", "the dashboard is not exposed", "expose_dashboard = true exposes it")


def outside(*applications: Any, **more: Any) -> Snapshot:
    """A snapshot from outside the project: Ray was not asked, the launchers' reports are all there is."""
    seen = snapshot(applications=applications, **more)
    unasked: Reading[Any] = Reading()
    return msgspec.structs.replace(
        seen, nodes=unasked, version=unasked, gcs=unasked, usage=unasked, jobs=unasked, dashboard=HIDDEN
    )


def alive(index: int, **more: Any) -> Any:
    """A fresh report of a living node of the head run g1."""
    return report(**{"state": "alive", "node_id": f"n{index}" * 8, "generation": "g1", **more})


# A worker belongs to one run of the head.


def test_a_worker_whose_report_speaks_of_another_head_run_is_not_alive():
    head = application(0, launcher=alive(0, generation="g2"))
    seen = outside(head, application(1, launcher=alive(1, message="the head does not answer")))
    assert node_state(seen, seen.workers[0]) == ("n1" * 8, "UNKNOWN")
    judged = assess(seen)
    assert (judged.verdict, [(c.reason, c.severity) for c in judged.conditions if c.severity == "error"]) == (
        "degraded",
        [("NodeMissing", "error")],
    )
    assert join(seen).counts.alive == 1


@pytest.mark.parametrize(
    "head", [application(0, "failed", launcher=alive(0)), application(0, launcher=alive(0, at=NOW - 500))]
)
def test_a_worker_of_a_head_that_does_not_live_is_not_alive(head):
    seen = outside(head, application(1, launcher=alive(1)))
    assert node_state(seen, seen.workers[0])[1] == "UNKNOWN"


# Clocks of others.


def test_one_report_from_the_future_proves_nothing():
    seen = outside(application(0, launcher=alive(0, at=NOW + 7200)), application(1, launcher=alive(1, at=NOW + 7200)))
    assert [state for _, state in map(join(seen).state_of, seen.applications.value)] == ["UNKNOWN", "UNKNOWN"]
    # None alive would be a claim too.
    assert status_document(seen, assess(seen), NOW)["nodes"] == {"alive": None, "dead": None}
    assert (assess(seen).verdict, assess(seen).broken.reason) == ("unknown", "HeadSilent")


def test_a_clock_of_ours_that_is_behind_refutes_nobody():
    seen = snapshot(applications=(application(0), application(1)), nodes=(node(0), node(1)))
    assert assess(msgspec.structs.replace(seen, observed_at=NOW - 48 * 3600)).verdict == "ok"


@pytest.mark.parametrize(("changed_at", "state"), [(NOW - 5, "ALIVE"), (NOW - 200, "UNKNOWN")])
@pytest.mark.parametrize("ahead", [7200, -7200])
def test_a_report_that_was_seen_to_change_is_as_fresh_as_our_own_clock_says(ahead, changed_at, state):
    head = application(0, launcher=alive(0, at=NOW + ahead, changed_at=changed_at))
    assert node_state(outside(head), head)[1] == state


# A corpse of the same name.


def test_the_node_of_an_earlier_life_that_ray_still_lists_is_not_the_new_one():
    again = application(1, started_at=NOW - 2, launcher=report("waiting", at=NOW - 1))
    seen = snapshot((application(0), again), (node(0), node(1, started_at=NOW - 500)))
    assert (join(seen).node_of(again), node_state(seen, again)) == (None, ("", None))
    judged = assess(seen)
    assert (judged.phase, judged.verdict, judged.conditions) == ("starting", "degraded", ())
    assert join(seen).counts.alive == 1
    assert join(seen).namesake(seen.nodes.value[1]) == again


def test_a_node_counts_when_this_runs_report_names_it_or_it_began_after_its_application():
    young = application(1, started_at=NOW - 20)
    by_time = snapshot((application(0), young), (node(0), node(1, started_at=NOW - 10)))
    assert node_state(by_time, young)[1] == "ALIVE"
    named = application(1, started_at=NOW - 20, launcher=report("alive", node_id="n1" * 8))
    odd_clock = snapshot((application(0), named), (node(0), node(1, started_at=NOW - 9000)))
    assert node_state(odd_clock, named)[1] == "ALIVE"


def test_a_node_that_began_in_the_future_proves_nothing_while_a_corpse_may_still_be_listed():
    young, old = application(1, started_at=NOW - 20), application(1, started_at=NOW - 200)
    for app, state in ((young, None), (old, "ALIVE")):
        seen = snapshot((application(0), app), (node(0), node(1, started_at=NOW + 7200)))
        assert node_state(seen, app)[1] == state


def test_a_dead_node_of_an_earlier_life_is_no_fault_of_this_one():
    again = application(1, started_at=NOW - 2)
    judged = assess(snapshot((application(0), again), (node(0), node(1, "DEAD", started_at=NOW - 500))))
    assert (judged.phase, judged.conditions) == ("starting", ())


def test_an_application_that_starts_again_is_not_running_by_the_node_it_had():
    starting = application(1, "starting", started_at=NOW - 400, began_at=NOW - 2)
    judged = assess(snapshot((application(0), starting), (node(0), node(1))))
    assert (judged.phase, judged.verdict) == ("starting", "degraded")


# The worse witness.


@pytest.mark.parametrize(
    ("app", "state"),
    [
        (application(1, "failed", launcher=report("failed", node_id="n1" * 8, message="the raylet is gone")), "DEAD"),
        (application(1, "failed", launcher=report("alive", node_id="n1" * 8)), "UNKNOWN"),
        (application(1, "stopped"), "UNKNOWN"),
        (application(1, launcher=report("ended", node_id="n1" * 8)), "DEAD"),
        (application(1, "unknown"), "UNKNOWN"),
    ],
)
def test_the_worse_witness_counts_everywhere(app, state):
    seen = snapshot((application(0), app, application(2)), (node(0), node(1), node(2)))
    judged = assess(seen)
    assert node_state(seen, app)[1] == state
    assert join(seen).counts.alive == 2
    document = status_document(seen, judged, NOW)
    assert (document["nodes"]["alive"], document["workers"][0]["node_state"]) == (2, state)
    assert judged.verdict == "degraded"


# What was not read is unknown.


def test_unread_reports_are_unknown_and_their_number_is_said():
    workers = [application(n, launcher=alive(n) if n <= 16 else UNREAD) for n in range(1, 21)]
    seen = outside(application(0, launcher=alive(0)), *workers)
    judged = assess(seen)
    assert (judged.phase, judged.verdict) == ("unknown", "unknown")
    assert [(c.reason, c.severity) for c in judged.conditions] == [("ReportsUnread", "warning")]
    assert judged.conditions[0].message.startswith("4 of the 21 launchers' reports were not read")
    counts = join(seen).counts
    assert (counts.alive, counts.dead, counts.unknown, counts.unread) == (17, 0, 4, 4)


def test_twenty_healthy_workers_that_were_read_are_ok():
    seen = outside(application(0, launcher=alive(0)), *(application(n, launcher=alive(n)) for n in range(1, 21)))
    assert (assess(seen).phase, assess(seen).verdict, join(seen).counts.alive) == ("running", "ok", 21)


def test_an_unread_head_leaves_us_blind_not_down():
    seen = outside(application(0, launcher=UNREAD), application(1, launcher=alive(1)))
    assert (assess(seen).verdict, assess(seen).broken.message) == ("unknown", "the head's report was not read")


# The join.


@pytest.mark.parametrize("count", [100, 400])
def test_each_node_is_looked_at_once_whatever_the_size(monkeypatch, count):
    seen = snapshot(tuple(application(n) for n in range(count)), tuple(node(n) for n in range(count)))
    looked = []
    original = module.is_node_of
    monkeypatch.setattr(
        module, "is_node_of", lambda app, one, now: looked.append(one.node_id) or original(app, one, now)
    )
    assess(seen)
    status_document(seen, assess(seen), NOW)
    assert len(looked) == count


def test_the_join_finds_by_id_and_by_name():
    old = node(1, "DEAD", node_id="old" * 8, started_at=NOW - 4000)
    seen = snapshot(nodes=(node(0), old, node(1), node(9, name="by-hand")))
    both = join(seen)
    assert join(seen) is both
    assert [owner.short if (owner := both.application_of(one)) else None for one in seen.nodes.value] == [
        "head",
        None,
        "worker-1",
        None,
    ]
    assert [both.node_name(name) for name in ("n1" * 8, "old" * 8, "n9" * 8, "f" * 32)] == [
        "worker-1", "ray-cluster-worker-1", "by-hand", "f" * 12,
    ]  # fmt: skip
    assert both.namesake(old) == seen.workers[0]
    assert both.node("n0" * 8) == seen.nodes.value[0]


# Where Ray was asked and did not answer, a report alone proves no life.


@pytest.mark.parametrize("failed", [None, Failure("dashboard", "Proxy502", "a proxy answered in its place")])
def test_a_dashboard_that_does_not_answer_leaves_no_report_to_prove_a_node(failed):
    apps = (application(0, launcher=alive(0)), application(1, launcher=alive(1)))
    asked = msgspec.structs.replace(
        outside(*apps), dashboard=failed, gcs=Reading(failure=failed, at=NOW), nodes=Reading(failure=failed, at=NOW)
    )
    assert [node_state(asked, app) for app in apps] == [("n0" * 8, "UNKNOWN"), ("n1" * 8, "UNKNOWN")]
    assert (join(asked).counts.alive, join(asked).counts.unknown) == (None, 2)
    assert [node_state(outside(*apps), app)[1] for app in apps] == ["ALIVE", "ALIVE"]


def test_a_dead_node_that_a_report_names_never_beats_a_living_one_of_the_same_run():
    worker = application(1, launcher=report("alive", node_id="old" * 8), started_at=NOW - 30)
    old, new = node(1, "DEAD", node_id="old" * 8, started_at=NOW - 25), node(1, node_id="new" * 8, started_at=NOW - 10)
    seen = snapshot((application(0), worker), (node(0), old, new))
    assert join(seen).state_of(worker) == ("new" * 8, "ALIVE")
