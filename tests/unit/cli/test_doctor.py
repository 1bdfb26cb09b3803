"""`doctor`: its rows, their order and form, and the exit code that follows from them."""

from __future__ import annotations

import sys

import pytest

from raytui.core.errors import Failure, NotAllowed, Unreachable
from raytui.core.protocols.platform import Check
from raytui.core.spec import ClusterSpec, WorkersSpec
from tests.fakes.platform import FakePlatform
from tests.unit.core.values import application, snapshot

REFUSED = Failure(
    "dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", "raytui restart head", conclusive=True
)
NO_ROUTE = Failure("platform", "NoRoute", "could not list the applications: no route", "check the VPN")
HIDDEN = Failure("network", "DashboardNotExposed", "the dashboard is not exposed", "expose_dashboard = true exposes it")


@pytest.fixture
def platform():
    return FakePlatform()


def rows(document):
    return {item["name"]: item for item in document["items"]}


def test_the_document_is_a_list_of_checks_with_raytui_s_own(show, call, platform):
    platform.checks = (Check("ray", "ok", "Ray 2.60.0"), Check("gpu", "skip", "no GPU is asked for"))
    show(snapshot(), platform)
    code, document, err = call("doctor")
    assert (code, err, document["schema_version"], document["truncated"]) == (0, "", 1, False)
    assert document["total"] == len(document["items"])
    assert [item["name"] for item in document["items"]] == [
        "python",
        "configuration",
        "spec",
        "ray",
        "gpu",
        "state-dir",
        "dashboard",
        "security",
    ]
    assert all({"name", "status", "message", "hint"} <= set(item) for item in document["items"])
    assert sys.executable in rows(document)["python"]["message"]
    assert platform.count("preflight") == 1


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("skip", 0), ("warn", 0), ("fail", 1)])
def test_only_a_failing_check_makes_the_exit_code_1(show, call, text, platform, status, code):
    platform.checks = (Check("thing", status, "a message", "a hint"),)
    show(snapshot(), platform)
    assert call("doctor")[0] == code
    got, out, err = text("doctor")
    assert (got, err) == (code, "")
    assert ("thing: a hint" in out) is (status in {"warn", "fail"})
    *_, counted, last = out.splitlines()
    assert f"1 {status}" in counted or status == "ok"
    assert last == ("no start would work: thing: a message" if status == "fail" else "raytui start")


def test_a_hint_that_several_rows_share_is_said_once(show, text, platform):
    platform.checks = (Check("spec", "fail", "head", "the same"), Check("spec", "fail", "workers", "the same"))
    show(snapshot(), platform)
    assert text("doctor")[1].count("spec: the same") == 1


def test_the_configuration_file_that_was_read_is_named(show, call, tmp_path):
    show(snapshot())
    assert "no file" in rows(call("doctor")[1])["configuration"]["message"]
    (tmp_path / "mine.toml").write_text("[profiles.local.cluster.workers]\ncount = 2\n")
    reported = rows(call("doctor", "--config", "mine.toml")[1])
    assert str(tmp_path / "mine.toml") in reported["configuration"]["message"]
    assert reported["spec"]["message"].endswith("2 workers")


def test_a_spec_that_cannot_work_is_a_failing_row(show, call, monkeypatch):
    show(snapshot())
    monkeypatch.setenv("RAYTUI_WORKERS", "-1")
    code, document, _ = call("doctor")
    assert (code, rows(document)["spec"]["status"], rows(document)["spec"]["field"]) == (1, "fail", "workers.count")


def test_a_configuration_that_cannot_be_read_is_refused_with_its_place(show, call, tmp_path):
    show(snapshot())
    (tmp_path / "raytui.toml").write_text("[profiles.local\n")
    code, document, _ = call("doctor")
    assert (code, "line 1" in document["error"]["message"]) == (2, True)


@pytest.mark.parametrize(
    ("seen", "status", "code"),
    [
        (snapshot(), "ok", 0),
        (snapshot(applications=(), nodes=()), "skip", 0),
        (snapshot(nodes=REFUSED, gcs=REFUSED), "fail", 1),
        (snapshot(nodes=HIDDEN, gcs=HIDDEN, version=HIDDEN), "warn", 0),
        (snapshot(applications=(application(state="starting"),), nodes=REFUSED, gcs=REFUSED), "warn", 0),
        (snapshot(applications=NO_ROUTE), "fail", 1),
    ],
)
def test_the_dashboard_is_looked_at_when_a_cluster_exists(show, call, seen, status, code):
    show(seen)
    got, document, _ = call("doctor")
    assert (got, rows(document)["dashboard"]["status"]) == (code, status)


@pytest.mark.parametrize("error", [NotAllowed("the key was refused", hint="make a new key"), Unreachable(NO_ROUTE)])
def test_a_platform_that_cannot_be_asked_is_one_failing_row_beside_the_others(show, call, platform, error):
    platform.errors["preflight"] = [error]
    show(snapshot(applications=NO_ROUTE), platform)
    code, document, _ = call("doctor")
    reported = rows(document)
    assert (code, reported["platform"]["message"], reported["platform"]["hint"]) == (1, error.message, error.hint)
    assert (reported["dashboard"]["status"], reported["security"]["status"]) == ("skip", "ok")
    assert [item["status"] for item in document["items"]].count("fail") == 1


def test_a_platform_that_let_a_question_s_whole_time_pass_is_not_asked_again(show, call, platform):
    silent = Failure("platform", "Timeout", "could not list the applications: no answer in time", "check the VPN")
    show(snapshot(applications=silent), platform)
    code, document, _ = call("doctor")
    found = rows(document)
    assert (code, found["platform"]["message"], found["platform"]["hint"]) == (1, silent.message, silent.hint)
    assert (found["preflight"]["status"], found["dashboard"]["status"]) == ("skip", "skip")
    assert platform.count("preflight") == 0
    assert document["start"] is None


def test_the_posture_is_one_row_and_a_platform_that_knows_it_better_is_believed(show, call, platform, tmp_path):
    show(snapshot(), platform)
    assert "asks for a token" in rows(call("doctor")[1])["security"]["message"]
    (tmp_path / "raytui.toml").write_text('[profiles.local.cluster]\nauth = "disabled"\n')
    code, document, _ = call("doctor")
    assert (code, rows(document)["security"]["status"]) == (0, "warn")
    platform.checks = (Check("security", "ok", "told by the platform"),)
    items = [item for item in call("doctor")[1]["items"] if item["name"] == "security"]
    assert [item["message"] for item in items] == ["told by the platform"]


def test_a_state_directory_that_cannot_be_made_fails_and_none_is_made_to_find_out(
    show, call, monkeypatch, tmp_path, platform
):
    show(snapshot(), platform)
    assert rows(call("doctor")[1])["state-dir"]["status"] == "ok"
    assert not (tmp_path / "state").exists()
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "file" / "state"))
    code, document, _ = call("doctor")
    assert (code, rows(document)["state-dir"]["status"]) == (1, "fail")
    assert "RAYTUI_STATE_DIR" in rows(document)["state-dir"]["hint"]
    platform.checks = (Check("state-dir", "ok", "told by the platform"),)
    assert rows(call("doctor")[1])["state-dir"]["message"] == "told by the platform"


def test_the_table_has_no_colour_without_a_terminal_and_states_in_colour_when_asked(show, text):
    show(snapshot())
    assert "\x1b" not in text("doctor")[1]
    assert "\x1b[32mok" in text("doctor", "--color", "always")[1]


def test_of_a_cluster_that_exists_the_rows_are_about_what_start_would_complete(show, call, platform):
    seen = snapshot(asked=ClusterSpec(ray_port=20079, workers=WorkersSpec(count=3)))
    asked: list[ClusterSpec] = []

    async def preflight(spec):
        asked.append(spec)
        return ()

    platform.preflight = preflight
    show(seen, platform)
    assert (
        rows(call("doctor")[1])["spec"]["message"]
        == "cluster ray-cluster, 3 workers as last asked for; the profile says 1 worker"
    )
    assert rows(call("doctor", "--workers", "5")[1])["spec"]["message"] == "cluster ray-cluster, 5 workers"
    assert [(spec.ray_port, spec.workers.count) for spec in asked] == [(20079, 3), (20079, 5)]
    show(snapshot(applications=(), nodes=(), asked=ClusterSpec(workers=WorkersSpec(count=3))), platform)
    assert rows(call("doctor")[1])["spec"]["message"] == "cluster ray-cluster, 1 worker"
