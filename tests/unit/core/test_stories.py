"""What a person means by a word, and the story that is reported of it."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.causes.things import find
from raytui.core.causes.values import Evidence
from raytui.core.conditions import assess
from raytui.core.errors import ConfigurationError, Failure, NotFound
from raytui.core.events import Event
from raytui.core.observed.joined import join
from raytui.core.observed.needs import Part, Pending
from raytui.core.observed.node_metrics import NodeMetrics, measured
from raytui.core.observed.snapshot import Actor, Job, RayEvent, Reading, Usage
from raytui.core.observed.workload import Bundle, PlacementGroup, RayWorker, ServeDeployment, Task
from raytui.core.remedy import as_commands
from raytui.core.stories import logs_of, node_to_measure, story_document, story_of, with_metrics
from tests.unit.core.causes.test_deaths import LOST, said
from tests.unit.core.values import NOW, application, node, snapshot

TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3\nValueError: wrong\n'
REFUSED = Failure("dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", conclusive=True)
FAILED = Job(
    "raysubmit_abc",
    "FAILED",
    message=f"Job entrypoint command failed with exit code 1, last available logs (truncated to 20,000 chars):\n{TRACE}",
    error_type="JOB_ENTRYPOINT_COMMAND_ERROR",
    started_at=NOW - 100,
    ended_at=NOW - 40,
    driver_node_id="n0" * 8,
    type="SUBMISSION",
    driver_exit_code=1,
    job_id="03000000",
)


def seen():
    apps = (application(0), application(1, **said("the raylet ended (killed by signal 9)")))
    return snapshot(
        apps,
        (node(0), node(1, **LOST), node(7, name="stray", node_id="5558400f" * 7)),
        jobs=(FAILED,),
        actors=(Actor("a1" * 16, "Trainer", "ALIVE", name="boss"), Actor("a2" * 16, "Trainer", "ALIVE")),
        tasks=(Task("t1" * 8, "step", "FAILED", attempt=0), Task("t1" * 8, "step", "RUNNING", attempt=1)),
        placement_groups=(PlacementGroup("g1" * 8, "pg", "PENDING"),),
        ray_workers=(RayWorker("w1" * 8, is_alive=True, pid=7),),
        serve=(
            ServeDeployment("shop", "RUNNING", "Good", "HEALTHY"),
            ServeDeployment("shop", "RUNNING", "Bad", "UNHEALTHY", message="ValueError: no weights"),
        ),
        events=(RayEvent(NOW - 39, "INFO", "JOBS", "Completed a ray job raysubmit_abc with a status FAILED."),),
    )


@pytest.mark.parametrize(
    ("wanted", "kind", "title"),
    [
        ("worker-1", "application", "application worker-1"),
        ("ray-cluster-head", "application", "application head"),
        ("stray", "node", "node stray"),
        ("5558", "node", "node stray"),
        ("raysubmit_abc", "job", "job raysubmit_abc"),
        ("job/raysubmit_abc", "job", "job raysubmit_abc"),
        ("raysub", "job", "job raysubmit_abc"),
        ("03000000", "job", "job raysubmit_abc"),
        ("boss", "actor", "actor boss (a1a1a1a1)"),
        ("a2a2a2", "actor", "actor Trainer (a2a2a2a2)"),
        ("step", "task", "task step"),
        ("pg", "placement group", "placement group pg"),
        ("w1w1", "worker process", "process 7"),
        ("shop", "deployment", "deployment shop/Bad"),
        ("shop/Good", "deployment", "deployment shop/Good"),
    ],
)
def test_a_word_names(wanted: str, kind: str, title: str) -> None:
    found = find(seen(), wanted)
    assert (found.kind, found.title) == (kind, title)


def test_of_the_attempts_of_a_task_the_last_one_is_meant() -> None:
    assert find(seen(), "t1t1t1").state == "RUNNING"


def test_an_unknown_word_is_answered_with_the_nearest() -> None:
    with pytest.raises(NotFound, match="no node, job, actor") as caught:
        find(seen(), "worker-2")
    assert "did you mean worker-1" in as_commands(caught.value.hint)


@pytest.mark.parametrize("wanted", ["a", "5"])
def test_too_little_of_an_id_names_nothing(wanted: str) -> None:
    with pytest.raises(NotFound):
        find(seen(), wanted)


def test_a_word_for_several_things_lists_their_ids() -> None:
    with pytest.raises(ConfigurationError, match="Trainer names 2 things: actor a1a1") as caught:
        find(seen(), "Trainer")
    assert caught.value.exit_code == 2


def test_several_that_wait_for_the_same_are_told_of_as_one_by_the_name_that_a_condition_gives() -> None:
    one = Task("a" * 48, "after", "PENDING_NODE_ASSIGNMENT", job_id="05", resources={"CPU": 1.0})
    alike = [msgspec.structs.replace(one, task_id=letter * 48) for letter in "abc"]
    waiting = msgspec.structs.replace(seen(), tasks=Reading(tuple(alike), at=NOW))
    assert find(waiting, "task after").id == "a" * 48
    other = msgspec.structs.replace(alike[2], resources={"CPU": 2.0})
    mixed = msgspec.structs.replace(waiting, tasks=Reading((*alike[:2], other), at=NOW))
    with pytest.raises(ConfigurationError, match="after names 3 things"):
        find(mixed, "task after")


def reported(wanted: str, tails=None, journal=()):
    snapshot_ = seen()
    evidence = Evidence(join(snapshot_))
    thing = find(snapshot_, wanted)
    return story_of(evidence, thing, journal, tails), logs_of(snapshot_, evidence, thing)


def test_the_story_of_a_failed_job() -> None:
    story, logs = reported("raysubmit_abc", {"job/raysubmit_abc": ("one", "two")})
    assert story.sentence == "job raysubmit_abc failed: ValueError: wrong"
    assert [(moment.at, moment.said) for moment in story.moments] == [
        (NOW - 100, "submitted"),
        (NOW - 40, "FAILED"),
        (NOW - 39, "Completed a ray job raysubmit_abc with a status FAILED."),
    ]
    assert logs == ("job/raysubmit_abc",)
    document = story_document(story)
    assert document["cause"]["kind"] == "exception"
    assert document["cause"]["witnesses"][0]["said"] == (
        "JOB_ENTRYPOINT_COMMAND_ERROR: Job entrypoint command failed with exit code 1"
    )
    assert document["logs"] == [{"log": "job/raysubmit_abc", "lines": ["one", "two"]}]
    assert document["hint"] == "raytui logs job/raysubmit_abc shows what it printed"


def test_the_story_of_a_dead_worker_names_the_logs_that_may_tell_more() -> None:
    journal = (Event(NOW - 300, "raytui", "ray-cluster", "Start", "start finished"),)
    story, logs = reported("worker-1", {"worker-1/raylet.err": ("",)}, journal)
    assert story.sentence.startswith("node worker-1 was killed by signal 9 (the raylet ended)")
    assert logs == ("worker-1", "worker-1/raylet.err", "worker-1/raylet.out")
    assert ("start finished", "raytui") in {(moment.said, moment.source) for moment in story.moments}


def test_what_lives_has_a_story_without_a_cause() -> None:
    story, logs = reported("boss")
    assert (story.sentence, story.cause, logs) == ("actor boss (a1a1a1a1) is ALIVE", None, ())
    assert story_document(story)["cause"] is None


def test_a_failed_job_is_a_condition_for_an_hour_and_no_fault_of_the_cluster() -> None:
    healthy = snapshot(jobs=(FAILED, Job("old", "FAILED", ended_at=NOW - 3700), Job("ok", "SUCCEEDED")))
    assessment = assess(healthy)
    (condition,) = assessment.conditions
    assert (assessment.verdict, condition.severity, condition.reason) == ("ok", "warning", "JobFailed")
    assert (condition.subject, condition.since) == ("job/raysubmit_abc", NOW - 40)
    assert condition.message == "the job failed: ValueError: wrong"
    assert "raytui explain job/raysubmit_abc" in as_commands(condition.hint)


def test_of_many_failed_jobs_the_last_ones_are_named_and_the_rest_counted() -> None:
    jobs = tuple(Job(f"j{n:02}", "FAILED", message="m", ended_at=NOW - n) for n in range(1, 9))
    conditions = assess(snapshot(jobs=jobs)).conditions
    assert [c.subject for c in conditions] == [*(f"job/j0{n}" for n in range(1, 6)), "ray-cluster"]
    assert conditions[-1].message == "3 more jobs failed within the last hour"


def test_processes_killed_for_memory_are_counted_by_node() -> None:
    message = "2 worker(s) were killed due to the node running low on memory. Memory on the node"
    events = tuple(
        RayEvent(NOW - age, "ERROR", "RAYLET", message, "Out of Memory", "n1" * 8) for age in (5_000.0, 60.0, 30.0)
    )
    (condition,) = assess(snapshot(events=events)).conditions
    assert (condition.reason, condition.subject, condition.since) == (
        "KilledForMemory",
        "ray-cluster-worker-1",
        NOW - 30,
    )
    assert "killed 4 worker processes here" in condition.message


def test_a_dead_node_carries_the_cause_that_its_launcher_knows() -> None:
    (condition,) = [c for c in assess(seen()).conditions if c.reason == "NodeDead"]
    assert condition.message.endswith(
        "; it was killed by signal 9 (the raylet ended): by somebody, or by the kernel because memory ran out"
    )


def test_the_story_of_what_waits_is_why_it_waits() -> None:
    group = PlacementGroup("g1" * 8, "pg", "PENDING", bundles=(Bundle(0, {"CPU": 64.0}),), scheduling="INFEASIBLE")
    pending = Pending((Part({"CPU": 64.0}),), "PACK")
    waiting = snapshot(
        (application(0),),
        (node(0, resources={"CPU": 4.0}),),
        placement_groups=(group,),
        usage=Usage(demands=(pending,)),
    )
    evidence = Evidence(join(waiting))
    story = story_of(evidence, find(waiting, "pg"))
    assert story.cause is None
    assert [one.kind for one in story.waits] == ["never"]
    assert story_document(story)["waits"][0]["class"] == "never"


def test_a_deployment_is_a_condition_with_the_error_of_its_replicas() -> None:
    trace = 'The deployment failed to start 3 times in a row. Error:\n  File "a.py", line 3\nValueError: no weights\n'
    rows = (ServeDeployment("shop", "DEPLOY_FAILED", "Bad", "DEPLOY_FAILED", message=trace),)
    (condition,) = assess(snapshot(serve=rows)).conditions
    assert condition.message == "Serve deployment is DEPLOY_FAILED: ValueError: no weights"


@pytest.mark.parametrize(
    ("wanted", "measured_node"),
    [("head", "ray-cluster-head"), ("stray", "stray"), ("worker-1", None), ("raysubmit_abc", None)],
)
def test_only_of_a_node_that_lives_its_own_figures_are_asked(wanted: str, measured_node: str | None) -> None:
    snapshot_ = seen()
    asked = node_to_measure(Evidence(join(snapshot_)), find(snapshot_, wanted))
    assert (asked.name if asked is not None else None) == measured_node


def test_a_story_names_what_strains_its_node() -> None:
    figures = NodeMetrics(
        "10.0.0.7:39401",
        loop_lag=1.24,
        loop="raylet_main_io_context",
        health_checks=200,
        health_checks_late=3,
        health_check_mean=0.004,
        memory_used=15_500_000_000,
        memory_total=16_000_000_000,
        objects_on_disk=2_000_000_000,
    )
    story = with_metrics(reported("head")[0], figures)
    assert story.sentence == (
        "application head is ALIVE; its event loop raylet_main_io_context lagged by 1.2 s; "
        "3 of 200 health checks of nodes took longer than 1 s; 97 % of its memory is in use; "
        "objects of 2.0 GB lie on disk because shared memory had no room for them"
    )
    document = story_document(story)["metrics"]
    assert (document["event_loop_lag_seconds"], document["shared_memory_bytes"]) == (1.24, None)
    assert len(document["strains"]) == 4
    assert ("health checks", "200 of nodes, 4 ms on average, 3 longer than 1 s") in list(measured(figures))


def test_a_node_at_ease_is_told_as_it_is_and_one_that_was_not_asked_has_no_figures() -> None:
    story = reported("head")[0]
    assert story_document(story)["metrics"] is None
    at_ease = NodeMetrics("a", loop_lag=0.003, loop="x", memory_used=1_000_000_000, memory_total=16_000_000_000)
    assert with_metrics(story, at_ease).sentence == story.sentence
    assert list(measured(at_ease)) == [("event loop lag", "3 ms (x)"), ("memory", "1.0 GB of 16.0 GB")]
