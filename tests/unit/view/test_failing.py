"""The counts in the line of lists: only what was observed, the worst mark, and nothing that somebody wanted."""

from __future__ import annotations

from raytui.core.observed.snapshot import Actor, Job
from raytui.core.observed.workload import PlacementGroup, ServeDeployment, TaskCount
from raytui.view.failing import FailingCounts
from raytui.view.picture import picture_of
from tests.unit.core.values import NOW, snapshot


def counted(**more):
    return FailingCounts().of(picture_of(snapshot(**more)))


def test_what_nobody_asked_for_is_not_counted():
    assert counted() == {}


def test_a_failed_job_counts_for_an_hour_and_no_longer():
    jobs = (Job("a", "FAILED", ended_at=NOW - 60), Job("b", "FAILED", ended_at=NOW - 7200), Job("c", "RUNNING"))
    assert counted(jobs=jobs)["jobs"] == (1, "✗", "error")


def test_actors_count_that_died_or_restart_and_not_those_that_were_ended():
    actors = (
        Actor("a", "A", "RESTARTING"),
        Actor("b", "A", "ALIVE"),
        Actor("c", "A", "DEAD", death="RAY_KILL"),
        Actor("d", "A", "DEAD", death="OWNER_DIED"),
    )
    assert counted(actors=actors)["actors"] == (1, "▲", "warn")
    assert counted(actors=(*actors, Actor("e", "A", "DEAD", death="WORKER_DIED")))["actors"] == (2, "✗", "error")


def test_serve_tasks_and_placement_groups_count_by_their_states():
    found = counted(
        serve=(ServeDeployment("app", "RUNNING", "d", "UNHEALTHY"), ServeDeployment("app", "RUNNING", "e", "UPDATING")),
        task_counts=(TaskCount("f", states={"FAILED": 3, "RUNNING": 1}),),
        placement_groups=(PlacementGroup("p", "", "PENDING"), PlacementGroup("q", "", "CREATED")),
    )
    assert {name: (one.number, one.mark) for name, one in found.items()} == {
        "serve": (1, "✗"),
        "tasks": (3, "✗"),
        "placement-groups": (1, "▲"),
    }


def test_an_answer_that_is_the_same_object_is_not_counted_again():
    counts, picture = FailingCounts(), picture_of(snapshot(actors=(Actor("a", "A", "RESTARTING"),)))
    before = counts.of(picture)["actors"]
    assert counts.of(picture)["actors"] is before
