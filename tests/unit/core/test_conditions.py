"""The verdict never says more than was observed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from raytui.core.conditions import assess, node_state
from raytui.core.errors import Failure
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Amount, Reading, Usage
from raytui.core.remedy import as_commands
from raytui.core.report import status_document
from raytui.core.spec import ClusterSpec, WorkersSpec

from .values import NOW, application, node, report, snapshot

REFUSED = Failure("dashboard", "ConnectionRefused", "nothing listens", conclusive=True)
SILENT = Failure("dashboard", "NoAnswer", "no answer in 5 s")


def reasons(judged) -> list[str]:
    return [condition.reason for condition in judged.conditions]


def test_all_alive_is_ok_and_every_link_answers():
    judged = assess(snapshot())
    assert (judged.phase, judged.verdict, judged.conditions, judged.broken) == ("running", "ok", (), None)
    assert {state for _, state in judged.links()} == {"ok"}


def test_nothing_exists_is_down_and_absent():
    judged = assess(snapshot(applications=(), nodes=()))
    assert (judged.phase, judged.verdict, judged.broken.layer) == ("absent", "down", "application")


def test_platform_that_cannot_be_asked_is_unknown_never_down():
    judged = assess(snapshot(applications=Failure("platform", "NoRoute", "no route to host")))
    assert (judged.phase, judged.verdict, judged.broken.layer) == ("unknown", "unknown", "platform")
    assert judged.links()[0] == ("platform", "broken")
    assert judged.links()[1] == ("application", "unchecked")


def test_kept_stopped_applications_are_absent():
    judged = assess(snapshot(applications=(application(0, "stopped"), application(1, "stopped")), nodes=()))
    assert (judged.phase, judged.verdict, reasons(judged)) == ("absent", "down", ["ClusterStopped"])


@pytest.mark.parametrize(
    ("state", "phase", "verdict"),
    [
        ("failed", "failed", "down"),
        ("starting", "starting", "down"),
        ("stopping", "stopping", "down"),
        ("stopped", "failed", "down"),
        ("unknown", "unknown", "unknown"),
    ],
)
def test_head_application_decides_before_ray_is_asked(state, phase, verdict):
    judged = assess(snapshot(applications=(application(0, state), application(1))))
    assert (judged.phase, judged.verdict, judged.broken.layer) == (phase, verdict, "application")


def test_failed_head_tells_the_reason_its_launcher_found():
    head = application(0, "failed", launcher=report("failed", message="port 6379 is taken", hint="use --ray-port auto"))
    judged = assess(snapshot(applications=(head,)))
    assert "port 6379 is taken" in judged.broken.message
    assert judged.broken.hint == "use --ray-port auto"


def test_refused_dashboard_of_an_old_head_is_down_and_names_the_link():
    judged = assess(snapshot(nodes=REFUSED, gcs=REFUSED, version=REFUSED))
    assert (judged.phase, judged.verdict, judged.broken) == ("failed", "down", REFUSED)


def test_silent_dashboard_leaves_us_blind():
    judged = assess(snapshot(nodes=SILENT))
    assert (judged.phase, judged.verdict) == ("unknown", "unknown")


def test_refused_dashboard_of_a_young_head_is_starting():
    judged = assess(snapshot(applications=(application(0, created_at=NOW - 5, started_at=NOW - 5),), nodes=REFUSED))
    assert (judged.phase, judged.verdict) == ("starting", "down")


def test_refused_dashboard_of_a_head_that_was_alive_is_not_starting():
    head = application(0, created_at=NOW - 30, started_at=NOW - 30, launcher=report("alive", node_id="n0" * 8))
    assert assess(snapshot(applications=(head,), nodes=REFUSED)).phase == "failed"


def test_first_failed_link_wins():
    gcs = Failure("gcs", "GcsHung", "GCS does not answer", conclusive=True)
    login = Failure("login", "Unauthorized", "the token was refused")
    assert assess(snapshot(gcs=gcs, nodes=login)).broken == login


def test_another_ray_on_the_port_is_recognised():
    head = application(0, launcher=report("alive", node_id="feed" * 8))
    judged = assess(snapshot(applications=(head,), nodes=(node(0, name="someone-else"),)))
    assert (judged.verdict, judged.broken.reason) == ("down", "AnotherRay")


def test_dead_worker_node_degrades_and_says_what_to_do():
    dead = node(1, "DEAD", message="health check failed", ended_at=NOW - 14)
    judged = assess(snapshot(nodes=(node(0), dead)))
    assert (judged.phase, judged.verdict) == ("degraded", "degraded")
    (condition,) = judged.conditions
    assert (condition.subject, condition.reason, condition.since) == ("ray-cluster-worker-1", "NodeDead", NOW - 14)
    assert "restart worker-1" in as_commands(condition.hint)


def test_failed_worker_application_degrades():
    judged = assess(
        snapshot(
            applications=(application(0), application(1, "failed", message="killed", ended_at=NOW - 3)),
            nodes=(node(0),),
        )
    )
    assert (judged.verdict, reasons(judged)) == ("degraded", ["ApplicationFailed"])
    assert "killed" in judged.conditions[0].message


def test_running_worker_that_ray_never_listed_is_missing_only_after_the_grace():
    old = snapshot(nodes=(node(0),))
    young = snapshot(
        applications=(application(0), application(1, created_at=NOW - 20, started_at=NOW - 20)), nodes=(node(0),)
    )
    assert (assess(old).verdict, reasons(assess(old))) == ("degraded", ["NodeMissing"])
    assert (assess(young).phase, assess(young).verdict, reasons(assess(young))) == ("starting", "degraded", [])


def test_gap_in_the_worker_numbers_is_a_missing_worker():
    judged = assess(snapshot(applications=(application(0), application(2)), nodes=(node(0), node(2))))
    assert [(c.subject, c.reason) for c in judged.conditions] == [("ray-cluster-worker-1", "WorkerMissing")]


def test_workers_without_a_head_application_are_down():
    judged = assess(snapshot(applications=(application(1),), nodes=()))
    assert (judged.phase, judged.verdict, judged.broken.reason) == ("failed", "down", "HeadMissing")


def test_foreign_node_is_a_warning_and_leaves_the_verdict():
    judged = assess(snapshot(nodes=(node(0), node(1), node(7, name="by-hand"))))
    assert (judged.verdict, reasons(judged)) == ("ok", ["UnmanagedNode"])


def test_dead_head_node_is_down():
    judged = assess(snapshot(nodes=(node(0, "DEAD"), node(1))))
    assert (judged.verdict, judged.broken.layer) == ("down", "gcs")


def test_unreadable_jobs_are_a_warning_not_a_zero():
    judged = assess(snapshot(jobs=SILENT))
    assert (judged.verdict, reasons(judged)) == ("ok", ["JobsUnreadable"])


def test_envoy_sidecar_is_named_where_a_worker_was_dropped():
    worker = application(1, launcher=report("joining", envoy_sidecar=True))
    judged = assess(snapshot(applications=(application(0), worker), nodes=(node(0), node(1, "DEAD"))))
    assert "mTLS" in as_commands(judged.conditions[0].hint)


def test_without_a_way_to_the_dashboard_the_launchers_reports_are_the_evidence():
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    apps = tuple(application(n, launcher=report("alive", node_id=f"n{n}" * 8)) for n in (0, 1))
    seen = msgspec.structs.replace(snapshot(applications=apps), nodes=type(snapshot().nodes)(), dashboard=hidden)
    judged = assess(seen)
    assert (judged.verdict, judged.broken, node_state(seen, apps[1])) == ("ok", None, ("n1" * 8, "ALIVE"))
    assert judged.unchecked == hidden
    stale = tuple(msgspec.structs.replace(app, launcher=report("alive", node_id="x", at=NOW - 500)) for app in apps)
    blind = msgspec.structs.replace(seen, applications=type(snapshot().applications)(stale, None, NOW))
    assert assess(blind).verdict == "unknown"


def test_frozen_figures_and_full_disks_are_told():
    judged = assess(snapshot(nodes=(node(0, sampled_at=NOW - 100), node(1, disk_used=99, disk_total=100))))
    assert sorted(reasons(judged)) == ["DiskPressure", "FiguresFrozen"]


def test_since_comes_from_the_watcher_when_nobody_else_knows():
    judged = assess(snapshot(jobs=SILENT), {("ray-cluster", "JobsUnreadable"): NOW - 77})
    assert judged.conditions[0].since == NOW - 77
    assert assess(snapshot(jobs=SILENT)).conditions[0].since == NOW


def test_a_launcher_that_was_killed_is_not_quoted_with_what_it_said_while_it_lived():
    head = application(
        0, "failed", message="small object store", launcher=report("alive", message="small object store")
    )
    judged = assess(snapshot(applications=(head,)))
    assert "killed" in judged.broken.message
    assert "small object store" not in judged.broken.message


def test_what_a_living_launcher_warns_of_is_a_warning():
    head = application(
        0, launcher=report("alive", node_id="n0" * 8, message="the object store is small", hint="raise it")
    )
    judged = assess(snapshot(applications=(head, application(1))))
    assert (judged.verdict, reasons(judged), judged.conditions[0].hint) == ("ok", ["LauncherWarning"], "raise it")


def test_a_head_that_just_came_back_is_starting_although_its_old_report_is_stale():
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    head = application(
        0, created_at=NOW - 900, started_at=NOW - 2, launcher=report("alive", node_id="old", at=NOW - 300)
    )
    seen = msgspec.structs.replace(snapshot(applications=(head,)), nodes=type(snapshot().nodes)(), dashboard=hidden)
    assert (assess(seen).phase, assess(seen).verdict) == ("starting", "down")


def test_a_report_from_before_a_restart_proves_no_life():
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    apps = (
        application(0, launcher=report("alive", node_id="n0" * 8)),
        application(1, started_at=NOW - 2, launcher=report("alive", node_id="old", at=NOW - 8)),
    )
    seen = msgspec.structs.replace(snapshot(applications=apps), nodes=type(snapshot().nodes)(), dashboard=hidden)
    assert node_state(seen, apps[1]) == ("old", "UNKNOWN")
    assert (assess(seen).phase, assess(seen).verdict) == ("starting", "degraded")


def test_rows_that_could_not_be_read_are_a_condition_and_no_fault():
    seen = snapshot()
    odd = msgspec.structs.replace(seen.jobs, unreadable=2, first_unreadable="Expected `int`, got `str` - at `$.pid`")
    judged = assess(msgspec.structs.replace(seen, jobs=odd))
    assert (judged.verdict, reasons(judged)) == ("ok", ["JobsPartlyUnreadable"])
    assert (
        judged.conditions[0].message
        == "2 of Ray's rows about jobs could not be read: Expected `int`, got `str` - at `$.pid`"
    )


# What was asked for.


def asked(count: int) -> ClusterSpec:
    return ClusterSpec(workers=WorkersSpec(count=count, cpu=1, memory=2))


def test_the_highest_workers_that_vanished_are_missing_where_a_count_is_recorded():
    seen = snapshot(asked=asked(3))
    judged = assess(seen)
    assert (judged.phase, judged.verdict) == ("degraded", "degraded")
    assert [(c.subject, c.reason) for c in judged.conditions] == [
        ("ray-cluster-worker-2", "WorkerMissing"),
        ("ray-cluster-worker-3", "WorkerMissing"),
    ]
    assert "3 workers were asked for" in judged.conditions[0].message
    assert assess(snapshot(asked=asked(1))).verdict == assess(snapshot()).verdict == "ok"


def test_a_gap_that_nobody_asked_to_be_filled_is_not_missing():
    assert reasons(assess(snapshot((application(0), application(2)), (node(0), node(2)), asked=asked(0)))) == []


# Figures.


def test_figures_that_cannot_be_read_are_a_condition_with_since_when():
    big = Failure("dashboard", "TooLarge", "the answer is over 64 MB and was not read")
    judged = assess(snapshot(figures=big), {("ray-cluster", "FiguresUnreadable"): NOW - 60})
    assert (judged.verdict, reasons(judged), judged.conditions[0].since) == ("ok", ["FiguresUnreadable"], NOW - 60)
    assert "over 64 MB" in judged.conditions[0].message


# One judgement for text and JSON.


def test_a_link_that_nobody_looked_at_is_unchecked_and_no_fault():
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    apps = tuple(application(n, launcher=report("alive", node_id=f"n{n}" * 8)) for n in (0, 1))
    unasked: Any = Reading()
    seen = msgspec.structs.replace(
        snapshot(apps), nodes=unasked, version=unasked, gcs=unasked, usage=unasked, jobs=unasked, dashboard=hidden
    )
    judged = assess(seen)
    assert dict(judged.links()) == {
        "platform": "ok", "application": "ok", "network": "unchecked", "login": "unchecked", "dashboard": "unchecked", "gcs": "unchecked",
    }  # fmt: skip
    document = status_document(seen, judged, NOW)
    assert (document["verdict"], document["broken_link"], document["nodes"]) == ("ok", None, {"alive": 2, "dead": 0})
    assert (document["resources"], document["jobs"], document["auth"]) == (None, None, None)
    assert document["unchecked"]["reason"] == "DashboardNotExposed"


def test_the_links_before_a_refused_connection_are_ok_only_where_something_went_through():
    assert dict(assess(snapshot(nodes=REFUSED, gcs=REFUSED, version=REFUSED, jobs=REFUSED, usage=REFUSED)).links()) == {
        "platform": "ok", "application": "ok", "network": "ok", "login": "unchecked", "dashboard": "broken", "gcs": "unchecked",
    }  # fmt: skip


def test_what_was_not_observed_is_none_and_what_was_observed_is_a_number():
    hung = snapshot(nodes=SILENT, jobs=SILENT, usage=SILENT)
    document = status_document(hung, assess(hung), NOW)
    assert (document["nodes"]["alive"], document["resources"], document["jobs"]) == (None, None, None)
    reported = snapshot(usage=Usage({"CPU": Amount(2.0, 1.0)}), token_file="/t")
    document = status_document(reported, assess(reported), NOW)
    assert (document["nodes"]["alive"], document["resources"]["cpu"], document["jobs"]["running"]) == (
        2,
        {"total": 2.0, "used": 1.0},
        0,
    )
    assert document["auth"] == {"mode": "token", "token_file": "/t"}


def test_without_knowing_how_many_workers_were_asked_for_nothing_is_called_ok():
    failure = Failure("platform", "HTTP500", "the platform answered 500")
    seen = msgspec.structs.replace(snapshot(), asked=Reading(failure=failure, at=NOW))
    judged = assess(seen)
    assert (judged.phase, judged.verdict, judged.broken) == ("unknown", "unknown", None)
    assert [condition.reason for condition in judged.conditions] == ["RecordUnreadable"]


def test_the_node_of_an_application_that_is_being_ended_is_unknown_though_ray_calls_it_alive():
    seen = snapshot((application(0), application(1, "stopping")), (node(0), node(1)))
    assert join(seen).state_of(seen.workers[0])[1] == "UNKNOWN"
    running = snapshot((application(0), application(1)), (node(0), node(1)))
    assert join(running).state_of(running.workers[0])[1] == "ALIVE"


def test_the_node_of_an_application_that_is_stopping_is_meant_to_end():
    seen = snapshot((application(0), application(1, "stopping")), (node(0), node(1, "DEAD")))
    judged = assess(seen)
    assert (judged.phase, judged.verdict, reasons(judged)) == ("stopping", "degraded", [])


# The end of a head, and its way back.


def test_the_hint_of_an_older_warning_is_not_attached_to_an_end():
    small = report("alive", message="the shared memory is small", hint="raise the project's shared_memory_limit")
    for index in (0, 1):
        apps = [application(0), application(1)]
        apps[index] = application(index, "failed", launcher=small, ended_at=NOW - 5)
        judged = assess(snapshot(tuple(apps), (node(0), node(1))))
        (condition,) = [c for c in judged.conditions if c.subject == apps[index].name]
        assert "shared_memory_limit" not in as_commands(condition.hint) + condition.message
        assert "raytui restart" in as_commands(condition.hint)


@pytest.mark.parametrize(("platform", "ended", "said"), [("cai", 5, True), ("cai", 900, False), ("local", 5, False)])
def test_a_failed_head_says_that_the_platform_restarts_it_and_when(platform, ended, said):
    head = application(0, "failed", ended_at=NOW - ended, launcher=report("alive"))
    judged = assess(snapshot((head, application(1)), platform=platform))
    assert "its launcher was killed" in judged.broken.message
    assert ("restarts it by itself in about 5 minutes, up to 3 times" in as_commands(judged.broken.hint)) is said


@pytest.mark.parametrize(
    "failure",
    [
        Failure(
            "network",
            "DashboardNotExposed",
            "ray-cluster-head does not serve it to the outside",
            "run raytui inside the project",
        ),
        Failure("dashboard", "Garbage", "the answer is a web page", "another program may hold the dashboard's port"),
    ],
)
@pytest.mark.parametrize(
    "launcher", [None, report("waiting", message="looks for the venv", at=NOW - 1), report("alive", at=NOW - 300)]
)
def test_a_head_that_starts_again_is_starting_whatever_answers_on_its_way(failure, launcher):
    head = application(0, created_at=NOW - 900, started_at=NOW - 2, launcher=launcher)
    unasked: Any = Reading()
    seen = msgspec.structs.replace(snapshot((head,)), nodes=unasked, version=unasked, gcs=unasked, dashboard=failure)
    judged = assess(seen)
    assert (judged.phase, judged.verdict, as_commands(judged.broken.hint)) == (
        "starting",
        "down",
        "raytui watch follows it",
    )
    assert judged.broken.message.startswith("the head is starting again")
    assert "another program" not in str(judged)
    assert "outside" not in judged.broken.message


def test_what_another_life_reported_is_not_taken_for_another_ray():
    head = application(0, started_at=NOW - 5, launcher=report("alive", node_id="old" * 8, at=NOW - 60))
    assert assess(snapshot((head,), (node(0, name="x", started_at=NOW - 2),))).broken.reason == "HeadNotListed"
