"""The lists in the cases that hurt: nothing answers, half answers, many rows, hostile text."""

from __future__ import annotations

import sys

import msgspec
import pytest

from raytui.core.errors import Failure
from raytui.core.events import Event
from raytui.core.observed.snapshot import Actor, Job, RayEvent
from raytui.manager.journal import Journal
from tests.unit.core.values import NOW, application, node, snapshot

REFUSED = Failure(
    "dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", "raytui restart head", conclusive=True
)
SILENT = {"nodes": REFUSED, "gcs": REFUSED, "jobs": REFUSED, "actors": REFUSED, "serve": REFUSED, "events": REFUSED}
LISTS = ["nodes", "jobs", "actors", "serve", "events"]


def of_ray(at: float, message: str, severity: str = "INFO") -> RayEvent:
    return RayEvent(at, severity, "GCS", message)


@pytest.mark.parametrize("verb", LISTS)
def test_what_ray_did_not_answer_is_never_an_empty_list(show, call, verb):
    show(snapshot(**SILENT))
    code, document, _ = call(verb)
    assert (code, document["error"]["reason"]) == (6, "ConnectionRefused")
    assert document["error"]["broken_link"]["layer"] == "dashboard"


@pytest.mark.parametrize("verb", LISTS)
def test_a_head_that_is_not_up_yet_is_said_as_the_broken_link(show, call, verb):
    plain = snapshot(applications=(application(0, "starting", started_at=0.0),))
    nothing = {name: msgspec.structs.replace(plain.nodes, value=None) for name in LISTS}
    show(msgspec.structs.replace(plain, **nothing))
    code, document, _ = call(verb)
    assert (code, document["error"]["broken_link"]["layer"]) == (6, "application")
    assert "starting" in document["error"]["message"]


def test_applications_are_listed_although_ray_does_not_answer(show, call):
    show(snapshot(**SILENT))
    code, document, _ = call("apps")
    assert (code, [item["name"] for item in document["items"]]) == (0, ["ray-cluster-head", "ray-cluster-worker-1"])
    assert [item["node_state"] for item in document["items"]] == [None, None]


@pytest.mark.parametrize("verb", [*LISTS, "apps"])
def test_a_platform_that_does_not_answer_is_named(show, call, verb):
    show(snapshot(applications=Failure("platform", "NoRoute", "ml.example.site cannot be reached from here")))
    code, document, _ = call(verb)
    assert (code, document["error"]["broken_link"]["layer"]) == (6, "platform")


@pytest.mark.parametrize("verb", [verb for verb in LISTS if verb != "serve"])
@pytest.mark.parametrize("limit", ["many", "0", "-3", "1.5"])
def test_a_limit_that_is_no_number_is_a_usage_error_before_anything_is_asked(show, call, verb, limit):
    show(snapshot(applications=(), nodes=()))
    code, document, _ = call(verb, "--limit", limit)
    assert (code, [problem["field"] for problem in document["error"]["problems"]]) == (2, ["limit"])


def test_events_without_ray_are_those_of_raytui_and_it_is_said(show, call, tmp_path):
    Journal(tmp_path / "state").add("ray-cluster", Event(NOW - 50, "raytui", "ray-cluster", "Start", "start finished"))
    show(snapshot(**SILENT))
    code, document, err = call("events")
    assert (code, [item["author"] for item in document["items"]]) == (0, ["raytui"])
    assert "nothing listens at 127.0.0.1:8265" in err


def test_a_limit_keeps_the_newest_events_in_their_order(show, call, text):
    show(snapshot(events=tuple(of_ray(NOW + n, f"event {n}") for n in range(5))))
    _, document, _ = call("events", "--limit", "2")
    assert [item["message"] for item in document["items"]] == ["event 3", "event 4"]
    assert (document["total"], document["truncated"]) == (5, True)
    lines = text("events", "--limit", "1")[1].splitlines()
    assert [line.endswith(" event 4") for line in lines] == [False, True]


def test_severities_and_times_of_ray_become_ours(show, call):
    words = ["INFO", "WARNING", "ERROR", "FATAL", "CRITICAL-OF-TOMORROW"]
    show(snapshot(events=tuple(of_ray(NOW + n, word, word) for n, word in enumerate(words))))
    items = call("events")[1]["items"]
    assert [item["severity"] for item in items] == ["info", "warning", "error", "error", "info"]
    assert items[0]["time"] == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize("verb", LISTS)
def test_an_empty_table_is_said_on_stderr_only(show, text, verb):
    show(snapshot(nodes=(), jobs=(), actors=(), serve=(), events=()))
    code, out, err = text(verb)
    assert (code, out, err) == (0, "", "none in ray-cluster\n")


def test_rows_left_out_are_said_on_stderr_with_the_way_to_see_them(show, text):
    show(snapshot(jobs=tuple(Job(f"j{n}", "SUCCEEDED") for n in range(3))))
    _, out, err = text("jobs", "--limit", "2")
    assert [line.split()[0] for line in out.splitlines()] == ["ID", "j0", "j1"]
    assert "2 of 3 shown; --limit 3 shows all" in err


def test_the_node_of_an_earlier_life_is_not_taken_for_the_one_of_now(show, call, text):
    before = node(1, "DEAD", node_id="old" * 8, started_at=NOW - 4000, ended_at=NOW - 3000, message="drained")
    show(snapshot(nodes=(node(0), before, node(1))))
    items = call("nodes")[1]["items"]
    assert [(item["node_id"], item["application"]) for item in items[1:]] == [("old" * 8, None), ("n1" * 8, "worker-1")]
    assert items[1]["ended_at"] == "2026-09-21T13:23:20.000Z"
    assert "ray-cluster-worker-1  DEAD" in text("nodes")[1]


def test_frozen_figures_of_a_dead_node_are_not_shown_as_use(show, text):
    figures = {"cpu_percent": 97.0, "memory_used": 3_000_000_000, "memory_total": 8_000_000_000}
    show(snapshot(nodes=(node(0, **figures), node(1, "DEAD", **figures))))
    alive, dead = text("nodes")[1].splitlines()[1:]
    assert ("97 %" in alive, "97 %" in dead, "3.0" in dead) == (True, False, False)


def test_sizes_are_bytes_and_ids_whole_in_json(show, call):
    show(snapshot(nodes=(node(0, node_id="f" * 56, memory_used=3_000_000_001, resources={"memory": 2e9}),)))
    item = call("nodes")[1]["items"][0]
    assert (item["node_id"], item["memory_used"], item["resources"]) == ("f" * 56, 3_000_000_001, {"memory": 2e9})


def test_words_of_others_stay_one_harmless_line(show, text):
    show(
        snapshot(
            jobs=(Job("j1", "FAILED", "python\n\x1b[2Jx.py", "first\nsecond", started_at=NOW - 60, ended_at=NOW - 50),)
        )
    )
    _, out, _ = text("jobs")
    assert len(out.splitlines()) == 2
    assert "\x1b" not in out
    assert "second" not in out


def test_only_states_are_coloured_and_only_when_asked(show, text):
    show(snapshot(nodes=(node(0), node(1, "DEAD"))))
    assert "\x1b" not in text("nodes")[1]
    alive, dead = text("nodes", "--color", "always")[1].splitlines()[1:]
    assert "\x1b[32mALIVE" in alive
    assert "\x1b[31mDEAD" in dead
    assert alive.count("\x1b") == 2


def test_global_options_are_taken_after_the_verb(show, text):
    show(snapshot(nodes=(node(0),)))
    before, after = text("-o", "json", "nodes"), text("nodes", "-o", "json")
    assert before == after
    assert before[1].startswith("{")


def reading(seen, name, **more):
    """The snapshot with one reading that says more about its answer."""
    return msgspec.structs.replace(seen, **{name: msgspec.structs.replace(getattr(seen, name), **more)})


ROWS = {
    "nodes": (node(0), node(1)),
    "jobs": (Job("j1", "RUNNING"), Job("j2", "FAILED")),
    "actors": (Actor("a1", "A", "ALIVE"), Actor("a2", "A", "ALIVE")),
    "serve": (),
    "events": (of_ray(NOW, "one"), of_ray(NOW, "two")),
}


@pytest.mark.parametrize("verb", [verb for verb in LISTS if verb != "serve"])
def test_a_list_that_ray_cut_says_so_and_how_many_there_are(show, call, text, verb):
    show(reading(snapshot(**ROWS), verb, total=53_572))
    document = call(verb)[1]
    assert (len(document["items"]), document["total"], document["truncated"], document["unreadable"]) == (
        2,
        53_572,
        True,
        0,
    )
    assert "2 of 53,572 shown; Ray tells no more at once" in text(verb)[2]


def test_a_limit_names_what_more_can_be_shown(show, text):
    show(reading(snapshot(**ROWS), "actors", total=53_572))
    assert "1 of 53,572 shown; --limit 2 shows 2\n" in text("actors", "--limit", "1")[2]


@pytest.mark.parametrize("verb", LISTS)
def test_rows_that_could_not_be_read_are_counted_and_said(show, call, text, verb):
    show(
        reading(
            snapshot(**ROWS), verb, total=3, unreadable=1, first_unreadable="Expected `int`, got `str` - at `$.pid`"
        )
    )
    code, document, err = call(verb)
    assert (code, document["unreadable"]) == (0, 1)
    for reported in (err, text(verb)[2]):
        assert "could not be read" in reported
        assert "Expected `int`, got `str` - at `$.pid`" in reported


@pytest.mark.parametrize("verb", ["nodes", "apps", "actors", "events"])
def test_the_work_of_a_list_grows_with_its_rows_and_no_faster(show, text, verb):
    def steps(count):
        """Lines executed, rounds of comprehensions included."""
        numbers = range(count)
        show(
            snapshot(
                tuple(application(n) for n in numbers),
                tuple(node(n, node_id=f"id-{n}") for n in numbers),
                actors=tuple(Actor(f"a{n}", "A", "ALIVE", node_id=f"id-{n}") for n in numbers),
                events=tuple(msgspec.structs.replace(of_ray(NOW, f"event {n}"), node_id=f"id-{n}") for n in numbers),
            )
        )
        done = 0

        def trace(_frame, event, _argument):
            nonlocal done
            done += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            code, out, _ = text(verb)
        finally:
            sys.settrace(before)
        assert (code, len(out.splitlines())) == (0, count + 1)
        return done

    steps(2)  # what is imported is not counted
    small, twice, four = steps(40), steps(80), steps(160)
    assert four - twice < 2.2 * (twice - small)
