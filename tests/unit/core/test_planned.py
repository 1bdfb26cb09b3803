"""What raytui itself is doing has its author and is no fault while it runs; afterwards the old node's death is none either."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from raytui.core.changes.snapshots import changes
from raytui.core.conditions import assess
from raytui.core.observed.snapshot import Operation

from .values import NOW, application, node, snapshot

WORKER = "ray-cluster-worker-1"
RESTART = Operation("restart", ends=(WORKER,), since=NOW - 5, holder="raytui restart, process 7")


def story(*seen: Any) -> list[tuple[str, str, str]]:
    """Author, reason and severity of every event of a watch."""
    judged = [(one, assess(one)) for one in seen]
    return [(e.author, e.reason, e.severity) for before, after in pairwise(judged) for e in changes(before, after)]


@pytest.mark.parametrize(
    ("app", "ray"),
    [
        (application(1, "failed"), (node(0), node(1, "DEAD"))),
        (application(1, "stopped"), (node(0), node(1, "DEAD"))),
        (application(1), (node(0), node(1, "DEAD"))),
        (application(1, "stopping"), (node(0), node(1))),
    ],
)
def test_a_planned_end_is_no_fault_while_the_plan_runs(app, ray):
    seen = snapshot((application(0), app), ray)
    assert assess(seen).verdict == "degraded"
    judged = assess(msgspec.structs.replace(seen, operation=RESTART))
    assert (judged.phase in {"starting", "stopping"}, judged.verdict) == (True, "ok")
    assert {(c.severity, c.reason) for c in judged.conditions} <= {("info", "PlannedEnd")}


def test_what_the_plan_does_not_touch_is_a_fault_all_the_same():
    seen = snapshot(
        (application(0), application(1), application(2)), (node(0), node(1, "DEAD"), node(2, "DEAD")), operation=RESTART
    )
    judged = assess(seen)
    assert (judged.verdict, [(c.subject, c.severity) for c in judged.conditions]) == (
        "degraded",
        [("ray-cluster-worker-2", "error"), (WORKER, "info")],
    )


@pytest.mark.parametrize(("verb", "phase"), [("restart", "starting"), ("stop", "stopping")])
@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_head_that_the_plan_ends_is_down_without_a_fault(verb, phase, state):
    operation = Operation(verb, ends=("ray-cluster-head",), since=NOW - 5)
    judged = assess(snapshot((application(0, state), application(1)), operation=operation))
    assert (judged.phase, judged.verdict, judged.broken.reason) == (phase, "down", "PlannedEnd")
    assert not [c for c in judged.conditions if c.severity == "error"]
    assert f"raytui {verb} is at work" in judged.broken.message


def test_a_failure_of_what_the_plan_makes_is_a_fault():
    making = Operation("scale", creates=(WORKER,), since=NOW - 5)
    judged = assess(snapshot((application(0), application(1, "failed")), (node(0),), operation=making))
    assert [(c.reason, c.severity) for c in judged.conditions] == [("ApplicationFailed", "error")]


def test_the_story_of_a_restart_names_raytui_and_has_no_error():
    before = snapshot()
    young = application(1, started_at=NOW + 10)
    ended = snapshot(
        (application(0), application(1, "stopped")), (node(0), node(1, "DEAD")), operation=RESTART, observed_at=NOW + 4
    )
    coming = snapshot(
        (application(0), application(1, "starting")), (node(0), node(1, "DEAD")), operation=RESTART, observed_at=NOW + 8
    )
    back = node(1, node_id="new" * 8, started_at=NOW + 12)
    after = snapshot((application(0), young), (node(0), node(1, "DEAD"), back), observed_at=NOW + 15)
    reported = story(before, ended, coming, after)
    assert {severity for _, _, severity in reported} == {"info"}
    assert ("operator", "OperationBegan", "info") in reported
    assert ("raytui", "NodeEnded", "info") in reported
    assert ("raytui", "ApplicationState", "info") in reported
    assert not {reason for _, reason, _ in reported} & {"NodeDied", "NodeDead"}


def test_an_old_node_that_dies_after_the_plan_ended_is_no_error():
    young = application(1, started_at=NOW - 30)
    old, new = node(1, started_at=NOW - 500), node(1, node_id="new" * 8, started_at=NOW - 20)
    before = snapshot((application(0), young), (node(0), old, new))
    after = snapshot(
        (application(0), young), (node(0), msgspec.structs.replace(old, state="DEAD"), new), observed_at=NOW + 2
    )
    assert story(before, after) == [("ray", "NodeEnded", "info")]


def test_a_node_that_dies_by_itself_is_an_error():
    assert ("ray", "NodeDied", "error") in story(snapshot(), snapshot(nodes=(node(0), node(1, "DEAD"))))


def test_a_restart_by_the_platform_is_told_as_its_own():
    failed = snapshot((application(0, "failed"), application(1)))
    again = snapshot((application(0, "starting"), application(1)), observed_at=NOW + 300)
    events = changes((failed, assess(failed)), (again, assess(again)))
    (reported,) = [event for event in events if event.reason == "ApplicationState"]
    assert (reported.author, reported.message) == (
        "platform",
        "failed -> starting: the platform starts it again by itself",
    )
