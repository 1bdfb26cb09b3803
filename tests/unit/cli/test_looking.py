"""The verbs that only look: status, lists, logs, doctor."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import msgspec
import pytest

from raytui.cli import plain_status
from raytui.cli.flags import read
from raytui.cli.status import is_so
from raytui.core.conditions import assess
from raytui.core.errors import Failure
from raytui.core.events import Event
from raytui.core.observed.needs import Part, Pending
from raytui.core.observed.snapshot import UNREAD, Actor, Amount, Job, Operation, RayEvent, Reading, Usage
from raytui.core.observed.workload import ServeDeployment
from raytui.core.protocols.platform import Check
from raytui.manager.journal import Journal
from tests.fakes.platform import FakePlatform
from tests.unit.core.values import NOW, application, node, report, snapshot

REFUSED = Failure(
    "dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", "raytui restart head", conclusive=True
)
DEAD = node(1, "DEAD", message="health check failed")


@pytest.mark.parametrize(
    ("seen", "code", "verdict"),
    [
        (snapshot(), 0, "ok"),
        (snapshot(nodes=(node(0), DEAD)), 3, "degraded"),
        (snapshot(nodes=REFUSED, gcs=REFUSED), 1, "down"),
        (snapshot(applications=(), nodes=()), 5, "down"),
        (snapshot(applications=Failure("platform", "NoRoute", "no route")), 6, "unknown"),
    ],
)
def test_status_and_its_exit_codes(show, call, seen, code, verdict):
    show(seen)
    assert call("status")[0] == 0
    got, document, _ = call("status", "--exit-code")
    assert (got, document["verdict"]) == (code, verdict)


def test_text_and_json_of_an_unexposed_healthy_cluster_say_the_same(show, call, text, monkeypatch):
    monkeypatch.setattr(plain_status.time, "time", lambda: NOW + 0.5)
    hidden = Failure(
        "network", "DashboardNotExposed", "the dashboard is not exposed", "expose_dashboard = true exposes it"
    )
    apps = tuple(application(n, launcher=report("alive", node_id=f"n{n}" * 8)) for n in range(3))
    unasked = Reading()
    show(
        msgspec.structs.replace(
            snapshot(apps), nodes=unasked, version=unasked, gcs=unasked, usage=unasked, jobs=unasked, dashboard=hidden
        )
    )
    lines = text("status")[1].splitlines()
    assert lines[0].startswith("● OK")
    assert "3/3 nodes" in lines[0]
    assert lines[1].endswith("network, login, dashboard, gcs not looked at")
    assert (lines[2].strip(), "✗" in "".join(lines)) == ("the dashboard is not exposed", False)
    _, document, _ = call("status")
    assert (document["verdict"], document["nodes"]["alive"], document["broken_link"], document["auth"]) == (
        "ok",
        3,
        None,
        None,
    )


def test_nodes_of_which_nobody_told_are_a_dash_and_those_not_read_are_counted(show, text):
    show(snapshot(nodes=REFUSED, gcs=REFUSED))
    assert "-/2 nodes" in text("status")[1]
    hidden = Failure("network", "DashboardNotExposed", "the dashboard is not exposed")
    apps = (application(0, launcher=report("alive", node_id="n0" * 8)), application(1, launcher=UNREAD))
    show(msgspec.structs.replace(snapshot(apps), nodes=Reading(), dashboard=hidden))
    out = text("status")[1]
    assert "1/2 nodes, 1 unknown" in out
    assert "1 of the 2 launchers' reports were not read" in out


@pytest.mark.parametrize(
    ("words", "verb", "given", "exit_code"),
    [
        ("", "", {}, False),
        ("-p prod", "", {"profile": "prod"}, False),
        ("status", "status", {}, False),
        ("-o json status --exit-code", "status", {"form": "json"}, True),
        (
            "status --cluster c -p p -o text --color never",
            "status",
            {"cluster": "c", "profile": "p", "form": "text", "color": "never"},
            False,
        ),
        ("status -o json -o text", "status", {"form": "text"}, False),
    ],
)
def test_a_plain_call_is_understood_without_click(words, verb, given, exit_code):
    asked = read(words.split())
    assert asked.plain
    assert (asked.verb, asked.given, asked.exit_code) == (verb, given, exit_code)


@pytest.mark.parametrize(
    "words",
    [
        "status --help",
        "status -o xml",
        "status status",
        "status --cluster",
        "--exit-code status",
        "status -v",
        "status x",
        "start",
        "--",
        "-p",
    ],
)
def test_whatever_is_not_plain_is_left_to_click(words):
    assert not read(words.split()).plain


@pytest.mark.parametrize(
    "words", ["-o json start --what", "start -ojson", "--output=json", "-p -o json x", "--output json --"]
)
def test_json_is_asked_for_even_where_the_rest_cannot_be_parsed(words):
    assert read(words.split()).json
    assert not read(["--", *words.split()]).json


def test_work_that_can_never_run_is_shown_and_changes_no_exit_code(show, call, text):
    demand = Pending((Part({"CPU": 64.0}),))
    nodes = (node(0, resources={"CPU": 1.0}), node(1, resources={"CPU": 1.0}))
    usage = Usage({"CPU": Amount(2.0, 0.0)}, ("1 task or actor needing CPU 64",), (demand,))
    seen = snapshot(nodes=nodes, usage=usage, observed_at=time.time())
    show(seen)
    code, document, _ = call("status", "--exit-code")
    assert (code, document["verdict"], document["conditions"][0]["severity"]) == (0, "ok", "error")
    lines = text("status")[1].splitlines()
    assert lines[0].startswith("● OK  ray-cluster")
    assert lines[lines.index("Needs attention (1)") + 1].startswith(
        "  ✗ task or actor needing CPU 64  waits for CPU 64:"
    )
    assert is_so("ok", seen, assess(seen))


def test_status_as_text_leads_with_the_verdict_and_ends_with_what_to_do(show, text):
    show(snapshot(nodes=(node(0), DEAD), observed_at=time.time()))
    _, out, _ = text("status")
    lines = out.splitlines()
    assert lines[0].startswith("▲ DEGRADED  ray-cluster")
    assert "Needs attention (1)" in lines
    assert "raytui restart worker-1" in out
    assert "\x1b" not in out


def test_stale_evidence_is_no_verdict(show, text):
    show(snapshot(observed_at=time.time() - 3600))
    assert text("status")[1].startswith("? UNKNOWN")


def test_colour_is_asked_for_or_refused(show, text):
    show(snapshot(observed_at=time.time()))
    assert "\x1b[32m" in text("status", "--color", "always")[1]
    assert "\x1b" not in text("status", "--color", "never")[1]


def test_no_verb_and_no_terminal_prints_the_status(show, text):
    show(snapshot())
    assert text()[1] == text("status")[1]


def test_nodes_join_their_application(show, call, text):
    show(snapshot(nodes=(node(0), DEAD, node(7, name="by-hand"))))
    code, document, _ = call("nodes")
    assert (code, document["total"], document["truncated"]) == (0, 3, False)
    assert [item["application"] for item in document["items"]] == ["head", "worker-1", None]
    assert document["items"][0]["node_id"] == "n0" * 8
    out = text("nodes")[1]
    assert "health check failed" in out
    code, document, _ = call("nodes", "--limit", "1")
    assert (len(document["items"]), document["truncated"], document["total"]) == (1, True, 3)


def test_apps_show_both_truths_and_no_spec(show, call):
    show(snapshot(applications=(application(0, spec_json="{}"), application(1)), nodes=(node(0), DEAD)))
    _, document, _ = call("apps")
    assert [(item["state"], item["node_state"]) for item in document["items"]] == [
        ("running", "ALIVE"),
        ("running", "DEAD"),
    ]
    assert "spec_json" not in document["items"][0]


def test_jobs_actors_and_serve(show, call, text):
    seen = snapshot(
        jobs=(Job("j1", "FAILED", "python x.py", "it broke\nmore", started_at=NOW - 60, ended_at=NOW - 50),),
        actors=(Actor("a" * 32, "Counter", "ALIVE", node_id="n1" * 8, pid=7),),
        serve=(ServeDeployment("app", "RUNNING", "model", "UNHEALTHY", "\x1b[31mbad"),),
    )
    show(seen)
    assert call("jobs")[1]["items"][0]["id"] == "j1"
    assert "it broke" in text("jobs")[1]
    assert "worker-1" in text("actors")[1]
    assert "\x1b" not in text("serve")[1]


def test_an_empty_list_is_a_list(show, call, text):
    show(snapshot(actors=()))
    assert call("actors")[1] == {"schema_version": 1, "items": [], "truncated": False, "total": 0}
    assert text("actors")[1] == ""


@pytest.mark.parametrize("verb", ["nodes", "jobs", "actors", "serve"])
def test_lists_of_a_cluster_that_does_not_answer_name_the_broken_link(show, call, verb):
    show(snapshot(nodes=REFUSED, gcs=REFUSED, jobs=REFUSED, actors=REFUSED, serve=REFUSED))
    code, document, _ = call(verb)
    assert (code, document["error"]["broken_link"]["layer"]) == (6, "dashboard")


@pytest.mark.parametrize("verb", ["nodes", "apps", "jobs", "actors", "serve", "events", "logs"])
def test_lists_of_nothing_are_not_found(show, call, verb):
    show(snapshot(applications=(), nodes=()))
    assert call(verb)[0] == 5


def test_events_join_what_raytui_did_with_what_ray_reports(show, call, tmp_path):
    Journal(tmp_path / "state").add("ray-cluster", Event(NOW - 50, "raytui", "ray-cluster", "Start", "start finished"))
    show(snapshot(events=(RayEvent(NOW - 10, "ERROR", "RAYLET", "out of memory", "Out of Memory", "n1" * 8),)))
    items = call("events")[1]["items"]
    assert [(item["author"], item["subject"], item["severity"]) for item in items] == [
        ("raytui", "ray-cluster", "info"),
        ("ray", "ray-cluster-worker-1", "error"),
    ] or [item["author"] for item in items] == ["raytui", "ray"]
    show(snapshot(applications=(), nodes=()))
    code, document, err = call("events")
    assert (code, len(document["items"])) == (0, 1)
    assert "only what raytui did" in err


@pytest.fixture
def speaking() -> FakePlatform:
    apps = (application(0), application(1))
    platform = FakePlatform(apps)
    platform.output["ray-cluster-head"] = b"one\ntwo \x1b[31mred\x1b[0m\nthree [bold]\n\xff\xfe\n"
    platform.output["ray-cluster-worker-1"] = b"worker\n"
    return platform


def test_logs_are_harmless_and_filtered(show, text, speaking):
    show(snapshot(), speaking)
    code, out, _ = text("logs")
    assert (code, out.splitlines()[:3]) == (0, ["one", "two red", "three [bold]"])
    assert text("logs", "-n", "1", "worker-1")[1] == "worker\n"
    assert text("logs", "--grep", "t[wh]", "-n", "10")[1].splitlines() == ["two red", "three [bold]"]
    rows = [json.loads(line) for line in text("logs", "-n", "2", "-o", "json")[1].splitlines()]
    assert [row["source"] for row in rows] == ["head", "head"]


def test_unknown_logs_and_bad_patterns_are_refused(show, call, speaking):
    show(snapshot(), speaking)
    code, document, _ = call("logs", "hed")
    assert (code, "head" in document["error"]["hint"]) == (5, True)
    assert call("logs", "--grep", "(")[0] == 2
    assert call("logs", "-n", "many")[0] == 2


def test_doctor_answers_a_row_for_each_check_and_exits_1_when_one_fails(show, call, text):
    platform = FakePlatform()
    platform.checks = (
        Check("ray", "ok", "Ray 2.60.0"),
        Check("ray-port", "fail", "6379 is taken by pid 7", "--ray-port auto", "ray_port"),
    )
    show(snapshot(), platform)
    code, document, _ = call("doctor")
    rows = {item["name"]: item["status"] for item in document["items"]}
    assert (code, rows["ray"], rows["ray-port"], rows["dashboard"], rows["security"]) == (1, "ok", "fail", "ok", "ok")
    assert "ray-port: --ray-port auto" in text("doctor")[1]
    platform.checks = ()
    assert call("doctor")[0] == 0


def test_a_reader_that_leaves_ends_the_command_quietly(tmp_path):
    command = f"{sys.executable} -m raytui render | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_unforeseen_fault_is_one_sentence_and_a_file(show, call, monkeypatch, tmp_path):
    show(snapshot())
    monkeypatch.setattr("raytui.cli.plain_status.status_document", lambda *_: 1 / 0)
    code, document, err = call("status")
    assert (code, document["error"]["reason"]) == (1, "Unforeseen")
    assert "Traceback" not in err
    assert "ZeroDivisionError" in (tmp_path / "state" / "last-failure.txt").read_text()
    assert json.dumps(document)


def test_words_that_are_no_text_are_refused_without_a_crash(call):
    code, document, _ = call("st\udcff")
    assert (code, document["error"]["reason"]) == (2, "UnknownVerb")


def test_a_refused_key_is_not_allowed_for_lists_too(show, call):
    show(snapshot(applications=Failure("platform", "KeyRefused", "the key was refused", "make a new one")))
    assert call("apps")[0] == 4
    assert call("logs")[0] == 4


def test_a_watch_until_ok_does_not_end_while_raytui_changes_the_cluster():
    well = snapshot()
    assert is_so("ok", well, assess(well))
    assert is_so("running", well, assess(well))
    at_work = msgspec.structs.replace(well, operation=Operation("restart", ("ray-cluster-worker-1",)))
    assert assess(at_work).verdict == "ok"
    assert not is_so("ok", at_work, assess(at_work))
