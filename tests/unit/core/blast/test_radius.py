"""What a plan ends is said before it happens: golden sentences, and never less than what runs on the nodes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytui.core.blast.radius import Blast, blast_of
from raytui.core.blast.sentences import blast_lines, blast_sentence
from raytui.core.errors import Failure
from raytui.core.observed.snapshot import Actor, Job, RayVersion, Reading, Snapshot
from raytui.core.observed.workload import Bundle, PlacementGroup, ServeDeployment, Task
from raytui.core.plan import plan_restart, plan_scale, plan_stop
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from tests.unit.core.values import NOW, application, node, snapshot

SPEC = ClusterSpec(name="ray-cluster", head=HeadSpec(cpu=1, memory=2), workers=WorkersSpec(count=2, cpu=1, memory=2))
APPS = (application(0), application(1), application(2))
IDS = tuple(node(n).node_id for n in range(3))
SILENT = Failure("gcs", "NoAnswer", "GCS did not answer within 2 s", "")


def world(**more: Any) -> Snapshot:
    """A head and two workers; whatever is not given was asked and is empty."""
    reported = {"actors": (), "serve": (), "jobs": (), "placement_groups": (), "tasks": (), **more}
    readings = {
        name: reported.pop(name)
        for name in list(reported)
        if isinstance(reported[name], Reading) or name in {"actors", "serve", "placement_groups", "tasks"}
    }
    made = snapshot(APPS, tuple(reported.pop("nodes", (node(0), node(1), node(2)))), **reported)
    asked = {
        name: value
        if isinstance(value, Reading)
        else Reading(failure=value, at=NOW)
        if isinstance(value, Failure)
        else Reading(value, at=NOW, total=len(value))
        for name, value in readings.items()
    }
    return msgspec.structs.replace(made, **asked)


def actor(n: int, where: int, **more: Any) -> Actor:
    return Actor(
        f"actor-{n}", more.pop("class_name", "Trainer"), more.pop("state", "ALIVE"), node_id=IDS[where], **more
    )


BUSY = {
    "jobs": (
        Job("train-7", "RUNNING", started_at=NOW - 10_800, driver_node_id=IDS[2], job_id="07"),
        Job("old", "SUCCEEDED", started_at=NOW - 90, driver_node_id=IDS[2]),
    ),
    "actors": (
        *(actor(n, 2, job_id="07") for n in range(10)),
        actor(10, 1, job_id="07"),
        actor(11, 2, name="cache", is_detached=True, job_id="03"),
        actor(12, 1, name="other", is_detached=True, job_id="07"),
        actor(13, 2, state="DEAD"),
    ),
    "serve": (
        ServeDeployment("shop", "RUNNING", "Api", "HEALTHY", "", 3, "/", (IDS[0], IDS[2], IDS[2])),
        ServeDeployment("shop", "RUNNING", "Model", "HEALTHY", "", 1, "/", (IDS[2],)),
        ServeDeployment("shop", "RUNNING", "Elsewhere", "HEALTHY", "", 1, "/", (IDS[1],)),
    ),
    "placement_groups": (PlacementGroup("pg-1", "wide", "CREATED", bundles=(Bundle(0, {}, IDS[2]),)),),
    "tasks": (
        Task("t-1", "fetch", "RUNNING", "NORMAL_TASK", node_id=IDS[2]),
        Task("t-2", "fetch", "RUNNING", "NORMAL_TASK", node_id=IDS[2]),
        Task("t-3", "fetch", "FINISHED", "NORMAL_TASK", node_id=IDS[2]),
    ),
}
DRAINED = "drained first: no new work, running tasks get up to 30 s"


def test_a_scale_says_what_ends_with_the_worker_and_which_one_is_the_idlest():
    plan = plan_scale(SPEC, APPS, 1)
    assert [app.short for app in plan.ends] == ["worker-2"]
    assert blast_lines(blast_of(plan, world(**BUSY))) == (
        (
            "ends job train-7 after 3h00, 12 actors (detached: cache), 2 of 3 replicas of Serve shop/Api, "
            "the last replica of Serve shop/Model, bundles of placement group wide, 2 running tasks: fetch (2)"
        ),
        "the idlest worker is worker-1; scale ends those with the highest numbers",
        DRAINED,
    )


def test_with_the_head_everything_ends():
    sentence = blast_sentence(blast_of(plan_stop(SPEC, APPS), world(**BUSY)))
    assert "13 actors (detached: cache, other)" in sentence
    assert "all 3 replicas of Serve shop/Api" in sentence


def test_that_nothing_runs_there_is_said_only_when_all_of_it_was_looked_at():
    plan = plan_restart(SPEC, APPS, "worker-1")
    assert blast_lines(blast_of(plan, world())) == ("no job, actor or Serve replica runs there", DRAINED)
    assert blast_lines(blast_of(plan, world(serve=SILENT, actors=Reading()))) == (
        DRAINED,
        "not known: actors (no answer yet); Serve replicas (GCS did not answer within 2 s)",
    )


def test_a_driver_whose_place_ray_does_not_tell_is_found_by_its_supervisor_or_said_to_be_unknown():
    plan = plan_restart(SPEC, APPS, "worker-1")
    there = actor(1, 1, class_name="JobSupervisor", name="_ray_internal_job_actor_sub-1")
    running = Job("sub-1", "RUNNING", started_at=NOW - 60)
    found = blast_of(plan, world(jobs=(running,), actors=(there,)))
    assert [job.id for job in found.jobs or ()] == ["sub-1"]
    assert blast_lines(found)[0] == "ends job sub-1 after 1m00, 1 actor (1 of them Ray's own)"
    lost = blast_of(plan, world(jobs=(running,)))
    assert lost.unknown == ("where the driver of job sub-1 runs",)


def test_a_worker_whose_ray_node_nobody_knows_is_named():
    plan = plan_restart(SPEC, APPS, "worker-1")
    assert blast_of(plan, world(nodes=(node(0), node(2)))).unknown == (
        "what runs on worker-1 (no Ray node of it is known)",
    )


def test_of_what_has_ended_already_nothing_is_said():
    apps = (application(0), application(1, "failed"))
    assert blast_of(plan_restart(SPEC, apps, "worker-1"), world(**BUSY)) == Blast()


@pytest.mark.parametrize(
    ("version", "reported"),
    [
        ("2.60.0", DRAINED),
        ("2.9.3", "Ray 2.9.3 ends running tasks at once"),
        ("2.50.0", "not known: whether Ray 2.50.0 lets running tasks finish"),
    ],
)
def test_what_running_tasks_may_expect_depends_on_the_version(version, reported):
    plan = plan_restart(SPEC, APPS, "worker-1")
    assert reported in blast_lines(blast_of(plan, world(version=RayVersion(version, "s"))))


def test_on_a_workbench_only_what_a_step_drains_is_said_to_be_drained():
    cut = (
        "no new work; running tasks get up to 30 s, less where the workbench kills sooner",
        "not known: how long the workbench waits before it kills",
    )
    for plan in (plan_restart(SPEC, APPS, "worker-1"), plan_restart(SPEC, APPS, "head"), plan_stop(SPEC, APPS)):
        reported = blast_lines(blast_of(plan, world(platform="cai")))
        assert reported[-2:] == cut
        assert DRAINED in blast_lines(blast_of(plan, world()))
    assert blast_lines(blast_of(plan_scale(SPEC, APPS, 1), world(platform="cai")))[-1] == DRAINED


PLACES = st.integers(0, 2)


@settings(max_examples=80, deadline=None)
@given(
    living=st.lists(
        st.tuples(PLACES, st.sampled_from(["01", "02", ""]), st.sampled_from([True, False, None])), max_size=9
    ),
    replicas=st.lists(st.lists(PLACES, min_size=1, max_size=4), max_size=4),
    target=st.sampled_from(["worker-1", "worker-2", "workers", "head", "all"]),
)
def test_never_fewer_actors_or_replicas_than_live_on_the_nodes(living, replicas, target):
    plan = plan_restart(SPEC, APPS, target)
    actors = tuple(actor(n, at, job_id=job, is_detached=kept) for n, (at, job, kept) in enumerate(living))
    serve = tuple(
        ServeDeployment("app", "RUNNING", f"d{n}", "HEALTHY", "", len(places), "/", tuple(IDS[at] for at in places))
        for n, places in enumerate(replicas)
    )
    found = blast_of(plan, world(actors=actors, serve=serve))
    nodes = {IDS[app.index] for app in plan.ends}
    assert found.actors is not None
    assert found.actors >= sum(one.node_id in nodes for one in actors)
    assert sum(end.ends for end in found.replicas or ()) >= sum(at in nodes for row in serve for at in row.nodes)
