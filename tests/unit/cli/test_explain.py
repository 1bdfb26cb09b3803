"""`raytui explain`: the chain, the witnesses, times, logs that are read for it alone, and words that name nothing."""

from __future__ import annotations

from tests.unit.core.causes.test_deaths import LOST, said
from tests.unit.core.causes.test_stories import FAILED, REFUSED, seen
from tests.unit.core.values import application, node, snapshot


def test_a_failed_job_with_its_witnesses(show, call, text):
    show(seen())
    code, document, _ = call("explain", "raysubmit_abc")
    assert (code, document["kind"], document["cause"]["kind"]) == (0, "job", "exception")
    assert [moment["message"] for moment in document["moments"]][:2] == ["submitted", "FAILED"]
    lines = text("explain", "raysubmit_abc")[1].splitlines()
    assert lines[0].startswith("FAILED  job raysubmit_abc   ended ")
    assert lines[1] == "  job raysubmit_abc failed: ValueError: wrong"
    assert "Who said what" in lines
    assert "What happened when" in lines


def test_a_chain_is_told_from_its_end_to_its_beginning(show, text):
    gone = "the head is gone: this node lost the connection to GCS"
    apps = (
        application(0, "failed", **said("GCS ended (killed by signal 9)")),
        application(1, "failed", **said(gone)),
    )
    show(snapshot(apps, (node(0, **LOST), node(1, **LOST))))
    lines = text("explain", "worker-1")[1].splitlines()
    assert lines[1].strip() == "node worker-1 ended because it lost its head"
    assert lines[2].strip().startswith("because node head was killed by signal 9 (GCS ended)")


def test_a_word_that_names_nothing_is_not_found(show, call):
    show(seen())
    code, document, _ = call("explain", "worker-9")
    assert (code, document["error"]["reason"]) == (5, "NotFound")
    assert "worker-1" in document["error"]["hint"]


def test_a_word_that_cannot_be_looked_for_is_unreachable_and_not_missing(show, call):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, jobs=REFUSED, actors=REFUSED))
    code, document, _ = call("explain", "raysubmit_abc")
    assert (code, document["error"]["reason"]) == (6, "ConnectionRefused")


def test_what_was_not_asked_is_said(show, call):
    show(snapshot(jobs=(FAILED,), actors=REFUSED))
    code, document, err = call("explain", "raysubmit_abc")
    assert (code, document["missing"]) == (0, ["actors could not be read: nothing listens at 127.0.0.1:8265"])
    assert "actors could not be read" in err
