"""Markers, units, documents and changes."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.changes.snapshots import changes
from raytui.core.conditions import assess
from raytui.core.errors import ConfigurationError, Failure, Problem
from raytui.core.marker import Marker, describe, read
from raytui.core.observed.snapshot import Amount, Usage
from raytui.core.report import error_document, list_document, status_document
from raytui.core.units import duration, parse_time, rfc3339, sanitize

from .values import NOW, application, job, node, snapshot


def test_marker_survives_the_description_and_a_person_s_own_words():
    marker = Marker("ray-cluster", "worker", 3, "abc", 6379, 8265, exposed=True, run="r1")
    assert read(describe(marker)) == marker
    assert read("see the wiki. " + describe(marker) + " (do not delete)") == marker


def test_foreign_and_damaged_descriptions_carry_no_marker():
    for text in (
        "",
        "a dashboard",
        "raytui/1 ",
        "raytui/1 {",
        'raytui/1 {"cluster":1}',
        'raytui/1 {"role":"head"}',
        "raytui/1 [1]",
    ):
        assert read(text) is None


@given(st.text())
def test_any_description_is_read_without_a_crash(text):
    assert read(text) is None or "raytui/1" in text


def test_times_and_spans():
    assert rfc3339(1_790_000_000.123) == "2026-09-21T14:13:20.123Z"
    assert parse_time("2026-09-21T14:13:20.123Z") == 1_790_000_000.123
    assert [parse_time(text) for text in ("", "0001-01-01T00:00:00Z", "yesterday")] == [0.0, 0.0, 0.0]
    assert [duration(s) for s in (-1, 8.9, 245, 8040, 266400)] == ["0 s", "8 s", "4m05", "2h14", "3d02"]


def test_escape_sequences_and_control_characters_are_made_harmless():
    hostile = "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1bPq\x1b\\ a\x00b\rc\x7f \u202egpj.exe [bold]x[/]"
    assert sanitize(hostile) == "red   abc gpj.exe [bold]x[/]"


def test_an_unterminated_sequence_hides_nothing_behind_it():
    assert sanitize("\x1bPsecret failure") == "secret failure"
    assert "failure" in sanitize("\x1b]0;failure")


@given(st.text())
def test_nothing_that_moves_a_cursor_survives(text):
    assert not any(ord(char) < 32 and char != "\n" for char in sanitize(text))


def test_status_document_has_every_field_of_the_contract():
    usage = Usage({"CPU": Amount(2.0, 1.0), "memory": Amount(4e9, 0.0)})
    seen = snapshot(usage=usage, jobs=(job("RUNNING"), job("FAILED", "j2")), dashboard_url="http://127.0.0.1:8265")
    document = status_document(seen, assess(seen), NOW + 0.1)
    assert {
        "schema_version",
        "cluster",
        "profile",
        "platform",
        "phase",
        "verdict",
        "observed_at",
        "age_s",
        "stale",
        "broken_link",
        "head",
        "workers",
        "nodes",
        "resources",
        "jobs",
        "conditions",
        "ray_version",
    } <= document.keys()
    assert document["head"] == {
        "application_id": "id-0",
        "name": "ray-cluster-head",
        "state": "running",
        "address": "127.0.0.1:6379",
        "dashboard_url": "http://127.0.0.1:8265",
        "node_id": "n0" * 8,
        "node_state": "ALIVE",
    }
    assert document["workers"][0]["index"] == 1
    assert document["resources"]["cpu"] == {"total": 2.0, "used": 1.0}
    assert document["resources"]["memory_bytes"] == {"total": 4_000_000_000, "used": 0}
    assert (document["jobs"]["running"], document["jobs"]["failed"], document["age_s"], document["ray_version"]) == (
        1,
        1,
        0.1,
        "2.60.0",
    )


def test_broken_link_and_error_documents():
    seen = snapshot(applications=Failure("platform", "NoRoute", "no route", "check the VPN"))
    assert status_document(seen, assess(seen), NOW)["broken_link"]["layer"] == "platform"
    error = ConfigurationError.from_problems([Problem("name", "bad"), Problem("ray_port", "taken", "auto")], "the spec")
    document = error_document(error)["error"]
    assert [problem["field"] for problem in document["problems"]] == ["name", "ray_port"]
    assert isinstance(error, RuntimeError)
    assert "name: bad" in str(error)
    assert list_document([{}], 5) == {"schema_version": 1, "items": [{}], "truncated": True, "total": 5}


def judged(seen):
    return seen, assess(seen)


def test_a_round_without_change_gives_no_event():
    assert changes(judged(snapshot()), judged(snapshot(observed_at=NOW + 5))) == ()


def test_a_dead_worker_tells_its_story_once():
    found = changes(
        judged(snapshot()), judged(snapshot(nodes=(node(0), node(1, "DEAD", message="heartbeats missing"))))
    )
    assert [(event.author, event.reason) for event in found] == [
        ("ray", "NodeDied"),
        ("raytui", "NodeDead"),
        ("raytui", "VerdictChanged"),
    ]


def test_applications_and_jobs_that_come_change_and_go():
    before = snapshot(applications=(application(0), application(1)), jobs=(job("RUNNING"),))
    after = snapshot(
        applications=(application(0, id="new"), application(2)), nodes=(node(0), node(2)), jobs=(job("FAILED"),)
    )
    found = {(event.subject, event.reason) for event in changes(judged(before), judged(after))}
    assert {
        ("ray-cluster-head", "ApplicationReplaced"),
        ("ray-cluster-worker-2", "ApplicationCreated"),
        ("ray-cluster-worker-1", "ApplicationGone"),
        ("job-1", "JobStatus"),
        ("ray-cluster-worker-1", "WorkerMissing"),
    } <= found


def test_equal_content_does_not_depend_on_the_clock():
    later = snapshot(observed_at=NOW + 9)
    assert snapshot().content() == later.content()
    assert snapshot().content() != snapshot(nodes=(node(0),)).content()
    assert msgspec.structs.replace(later, dashboard_url="x").content() != later.content()
