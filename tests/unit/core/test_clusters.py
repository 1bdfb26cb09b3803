"""Which of several clusters is worst, what one look tells of one, and when a verdict has changed for good."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.changes.verdicts import HOLD_S, LONGEST_S, VerdictChanges, change_document, change_variables
from raytui.core.clusters import ClusterSummary, Entry, summary_of, unseen, worst_first
from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.observed.snapshot import Reading
from tests.unit.core.values import NOW, application, node, snapshot

ENTRY = Entry("prod", "prod", lambda: None)


def look(name="prod", verdict="ok", at=NOW, **more):
    return ClusterSummary(name, "prod", verdict=verdict, observed_at=at, **more)


def test_the_worst_comes_first_and_equally_bad_ones_stay_as_they_were():
    given = [
        look("ok"),
        look("nobody started it", "down", is_fault=False),
        look("degraded", "degraded"),
        look("not yet", None),
        look("also ok"),
        look("silent", "unknown"),
        look("down", "down"),
    ]
    names = [one.name for one in worst_first(given, lambda one: one)]
    assert names == ["down", "silent", "degraded", "not yet", "ok", "also ok", "nobody started it"]


def test_a_look_at_a_healthy_cluster_counts_its_nodes_and_knows_no_since():
    seen = snapshot((application(0), application(1)), (node(0), node(1)))
    found = summary_of(ENTRY, seen, assess(seen))
    assert (found.verdict, found.alive, found.expected, found.since, found.why) == ("ok", 2, 2, 0.0, "")


def test_a_look_at_a_cluster_with_a_dead_node_says_which():
    seen = snapshot((application(0), application(1)), (node(0), node(1, "DEAD", ended_at=NOW - 60)))
    found = summary_of(ENTRY, seen, assess(seen))
    assert found.verdict == "degraded"
    assert "worker-1" in found.why


def test_how_many_nodes_should_be_is_not_known_where_the_platform_did_not_answer():
    silent = Reading(failure=Failure("platform", "NoAnswer", "x"))
    seen = msgspec.structs.replace(snapshot((), ()), applications=silent)
    found = summary_of(ENTRY, seen, assess(seen))
    assert (found.verdict, found.expected) == ("unknown", None)


def test_a_cluster_that_does_not_exist_is_down_and_no_fault():
    seen = snapshot((), ())
    found = summary_of(ENTRY, seen, assess(seen))
    assert (found.verdict, found.is_fault) == ("down", False)
    assert found.why


def test_since_when_a_verdict_is_so_is_known_to_whoever_saw_another_one_before():
    ok = snapshot((application(0),), (node(0),))
    first = summary_of(ENTRY, ok, assess(ok))
    blind = snapshot((application(0),), observed_at=NOW + 20, nodes=Failure("network", "NoAnswer", "x"))
    second = summary_of(ENTRY, blind, assess(blind), first)
    third = unseen(ENTRY, NOW + 40, "the key is missing", before=second)
    assert second.verdict != "ok"
    assert second.since == NOW + 20
    assert third.since == (second.since if second.verdict == "unknown" else NOW + 40)


def turns(*seen):
    """The changes that are reported of verdicts seen at these seconds."""
    reported, watch = [], VerdictChanges()
    for at, verdict in seen:
        turn = watch.observe(look(verdict=verdict, at=NOW + at))
        if turn is not None:
            reported.append((at, turn.previous, turn.summary.verdict))
    return reported


def test_nothing_is_told_of_the_first_verdict():
    assert turns((0, "down"), (10, "down"), (20, "down")) == []


def test_a_verdict_is_told_once_it_has_held():
    assert turns((0, "ok"), (2, "down"), (4, "down"), (2 + HOLD_S, "down"), (20, "down")) == [
        (2 + HOLD_S, "ok", "down")
    ]


def test_a_moment_is_not_told():
    assert turns((0, "ok"), (2, "unknown"), (4, "ok"), (6, "unknown"), (8, "ok"), (60, "ok")) == []


def test_what_changes_again_and_again_without_being_well_is_told_all_the_same():
    flapping = [(2 + 2 * n, "down" if n % 2 else "degraded") for n in range(20)]
    reported = turns((0, "ok"), *flapping)
    assert reported
    assert reported[0][0] == 2 + LONGEST_S
    assert reported[0][1] == "ok"


def test_what_did_not_answer_since_somebody_looks_has_no_verdict_that_could_change():
    assert turns((0, "unknown"), (2, "ok"), (4, "ok"), (20, "ok")) == []


def test_a_return_is_told_too():
    assert turns((0, "ok"), (1, "down"), (7, "down"), (8, "ok"), (14, "ok")) == [(7, "ok", "down"), (14, "down", "ok")]


def test_what_somebody_saw_last_is_told_when_nobody_looks_on():
    watch = VerdictChanges()
    assert watch.conclude() is None
    watch.observe(look(verdict="down", at=NOW))
    assert watch.conclude() is None
    watch.observe(look(verdict="ok", at=NOW + 1))
    turn = watch.conclude()
    assert turn is not None
    assert (turn.previous, turn.summary.verdict) == ("down", "ok")
    assert watch.conclude() is None


@pytest.mark.parametrize("message", ["node died\nrm -rf /", "$(reboot)", "zero\0byte", "x" * 500_000])
def test_what_is_told_is_data_and_fits_a_variable(message):
    watch = VerdictChanges()
    watch.observe(look(at=NOW))
    watch.observe(look(verdict="down", at=NOW + 1, why=message))
    turn = watch.observe(look(verdict="down", at=NOW + 1 + HOLD_S, why=message, cluster="train"))
    assert turn is not None
    variables = change_variables(turn)
    assert variables["RAYTUI_VERDICT"] == "down"
    assert variables["RAYTUI_PREVIOUS_VERDICT"] == "ok"
    assert variables["RAYTUI_CLUSTER"] == "train"
    assert "\0" not in variables["RAYTUI_MESSAGE"]
    assert len(variables["RAYTUI_MESSAGE"]) < 2**16
    assert change_document(turn)["message"] == message
