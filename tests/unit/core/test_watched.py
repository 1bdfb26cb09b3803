"""The verdict on a cluster that raytui only watches: Ray's words, and no word about applications."""

from __future__ import annotations

import msgspec

from raytui.core.changes.snapshots import changes
from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.observed.joined import join
from raytui.core.observed.needs import Part, Pending
from raytui.core.remedy import as_commands
from raytui.core.report import status_document
from raytui.platforms.attached import applications_of
from tests.unit.core.values import NOW, node, snapshot


def watched(*nodes, **more):
    return snapshot(applications_of("there", nodes), nodes, platform="attached", **more)


def dead(index, **more):
    return node(
        index,
        "DEAD",
        **{"ended_at": NOW - 60, "reason": "UNEXPECTED_TERMINATION", "message": "missing heartbeats", **more},
    )


def test_living_nodes_are_ok_and_platform_and_application_were_not_looked_at():
    judged = assess(watched(node(0), node(1)))
    assert (judged.verdict, judged.phase, judged.conditions) == ("ok", "running", ())
    assert dict(judged.links()) == {
        "platform": "unchecked",
        "application": "unchecked",
        "network": "ok",
        "login": "ok",
        "dashboard": "ok",
        "gcs": "ok",
    }


def test_nodes_are_counted_by_rays_word_alone_and_nobody_expects_a_number():
    seen = watched(node(0), node(1), dead(2), node(3, "UNKNOWN"))
    assert join(seen).counts == (None, 2, 1, 1, 0)
    document = status_document(seen, assess(seen), NOW)
    assert document["nodes"] == {"alive": 2, "dead": 1}
    assert document["head"]["node_state"] == "ALIVE"
    assert document["head"]["address"] is None
    assert {worker["index"] for worker in document["workers"]} == {None}


def test_what_ended_a_node_is_what_ray_says_and_only_a_late_end_is_a_fault():
    judged = assess(watched(node(0), dead(1), dead(2, ended_at=NOW - 86400)))
    assert judged.verdict == "degraded"
    (condition,) = judged.conditions
    assert (condition.reason, condition.severity, condition.since) == ("NodeDead", "error", NOW - 60)
    assert "missing heartbeats" in condition.message


def test_an_unexpected_end_is_a_fault_also_where_this_clock_is_behind():
    judged = assess(watched(node(0), dead(1, ended_at=NOW + 3600)))
    assert (judged.verdict, [condition.severity for condition in judged.conditions]) == ("degraded", ["error"])


def test_a_node_that_the_autoscaler_ended_is_a_row_and_no_fault():
    assert assess(watched(node(0), dead(1, reason="AUTOSCALER_DRAIN_IDLE"))).verdict == "ok"


def test_an_end_of_which_no_reason_is_known_is_a_warning_and_no_verdict():
    judged = assess(watched(node(0), dead(1, reason="", message="")))
    assert judged.verdict == "ok"
    assert [(c.severity, "no reason is known" in c.message) for c in judged.conditions] == [("warning", True)]


def test_many_ends_are_bounded():
    judged = assess(watched(node(0), *(dead(n) for n in range(1, 40))))
    assert len(judged.conditions) == 6


def test_nothing_says_how_to_make_or_restart_what_raytui_did_not_make():
    failure = Failure("dashboard", "ConnectionRefused", "nothing listens", "check the address")
    for seen in (
        watched(node(0), dead(1)),
        watched(dead(0)),
        watched(
            node(0),
            usage=msgspec.structs.replace(
                snapshot([], []).usage.value, pending=("{CPU: 9}",), demands=(Pending((Part({"CPU": 9.0}),)),)
            ),
        ),
        snapshot(failure, failure, platform="attached", version=failure, gcs=failure),
    ):
        judged = assess(seen)
        reported = [as_commands(c.hint) + c.message for c in judged.conditions] + [
            as_commands(judged.broken.hint) if judged.broken else ""
        ]
        assert not [
            line for line in reported for verb in ("start", "restart", "scale", "stop") if f"raytui {verb}" in line
        ]


def test_an_address_where_nobody_answers_proves_nothing_of_the_cluster():
    failure = Failure("dashboard", "ConnectionRefused", "nothing listens", "check the address")
    judged = assess(snapshot(failure, failure, platform="attached", version=failure, gcs=failure))
    assert (judged.verdict, judged.broken.layer) == ("unknown", "dashboard")


def test_no_living_node_is_down():
    assert assess(watched(dead(0))).verdict == "down"


def test_a_change_of_a_node_is_told_once_and_by_ray():
    old, new = watched(node(0), node(1)), watched(node(0), dead(1))
    reported = [event for event in changes((old, assess(old)), (new, assess(new))) if event.author != "raytui"]
    assert [(event.author, event.reason, event.severity) for event in reported] == [("ray", "NodeDied", "error")]
    new = watched(node(0), dead(1, reason="AUTOSCALER_DRAIN_IDLE"))
    reported = [event for event in changes((old, assess(old)), (new, assess(new))) if event.author != "raytui"]
    assert [(event.reason, event.severity) for event in reported] == [("NodeEnded", "info")]


def test_figures_that_are_old_everywhere_are_one_finding():
    judged = assess(watched(*(node(n, sampled_at=NOW - 4000) for n in range(200))))
    assert [condition.reason for condition in judged.conditions] == ["FiguresFrozen"]
