"""The verbs that change something, from words to exit code, in a world where applications really come and go."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Self

import msgspec
import pytest

from raytui import bootstrap
from raytui.core.errors import NotAllowed
from raytui.core.protocols.platform import Check
from raytui.manager import orphans, waits
from raytui.manager.cluster import ClusterManager
from raytui.startup import main
from tests.unit.manager.world import World


class Session:
    """What the commands are given instead of a real session."""

    def __init__(self, settings: Any, world: World) -> None:
        self.settings = settings
        self.platform = self.monitor = world
        self.manager = world.manager(settings.state_dir, spec=settings.cluster, read_only=settings.read_only)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The world behind every session of the test, with no settings from outside."""
    made = World()
    monkeypatch.setattr(waits, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waits, "SLOWEST_POLL_S", 0.002)
    monkeypatch.setattr(bootstrap, "open_session", lambda settings, long_lived=False: Session(settings, made))
    return made


def call(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, JSON document and stderr of one call."""
    code = main([*words, "-o", "json"])
    out, err = capsys.readouterr()
    return code, json.loads(out), err


def test_start_answers_the_contract_s_document(world, capsys):
    code, document, err = call(capsys, "start", "--workers", "2")
    assert (code, document["changed"], document["phase"], document["cluster"]) == (0, True, "running", "ray-cluster")
    assert document["steps"][-1] == {
        "step": "nodes alive",
        "state": "done",
        "seconds": document["steps"][-1]["seconds"],
        "message": "3/3",
    }
    assert "worker applications created" in err
    assert call(capsys, "start", "--workers", "2")[1]["changed"] is False


def test_dry_run_prints_the_plan_and_changes_nothing(world, capsys):
    code, document, _ = call(capsys, "start", "--dry-run")
    assert (code, document["changed"]) == (0, True)
    assert {step["state"] for step in document["steps"]} == {"planned"}
    assert world.apps == {}
    planned = [step["step"] for step in document["steps"]]
    assert [step["step"] for step in call(capsys, "start")[1]["steps"]] == planned


def test_global_options_stand_before_or_after_the_verb(world, capsys):
    assert main(["--cluster", "other", "-o", "json", "start", "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["cluster"] == "other"
    assert main(["start", "--dry-run", "--cluster", "other", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["cluster"] == "other"


def test_what_ends_work_is_refused_without_yes_where_nobody_can_be_asked(world, capsys):
    call(capsys, "start", "--workers", "2")
    for words in (("stop",), ("scale", "1"), ("restart",)):
        code, document, _ = call(capsys, *words)
        assert code == 8
        assert "--yes" in document["error"]["hint"]
    assert len(world.apps) == 3
    assert call(capsys, "scale", "3")[0] == 0


def test_stop_removes_all_and_stopping_nothing_is_done_already(world, capsys):
    call(capsys, "start")
    code, document, _ = call(capsys, "stop", "--yes")
    assert (code, document["changed"], document["phase"]) == (0, True, "absent")
    code, document, _ = call(capsys, "stop")
    assert (code, document["changed"]) == (0, False)


def test_scale_and_restart_of_nothing_are_not_found(world, capsys):
    assert call(capsys, "scale", "2")[0] == 5
    assert call(capsys, "restart", "--yes")[0] == 5


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (("start", "--workers", "-1"), ["workers.count"]),
        (("start", "--workers", "many", "--cpu", "x"), ["workers.count", "workers.cpu"]),
        (
            ("start", "--cpu", "0", "--memory", "1e9", "--ray-port", "80", "--dashboard-port", "80"),
            ["ray_port", "dashboard_port", "dashboard_port", "workers.cpu", "workers.memory"],
        ),
        (("start", "--cluster", "Bad_Name"), ["name"]),
        (("scale", "-1"), ["workers"]),
        (("scale", "9999999"), ["workers"]),
        (("start", "--timeout", "0"), ["timeout"]),
    ],
)
def test_bad_numbers_and_names_are_refused_all_at_once(world, capsys, words, fields):
    code, document, _ = call(capsys, *words)
    assert code == 2
    assert sorted({problem["field"] for problem in document["error"]["problems"]}) == sorted(set(fields))
    assert world.apps == {}


def test_a_failing_preflight_is_a_problem_with_its_remedy(world, capsys):
    world.checks = (Check("ray-port", "fail", "port 6379 is taken by pid 7 (redis)", "--ray-port auto", "ray_port"),)
    code, document, _ = call(capsys, "start")
    assert (code, document["error"]["problems"][0]["field"]) == (2, "ray_port")
    assert "pid 7" in document["error"]["message"]


def test_a_start_that_fails_tells_the_reason_and_exits_1(world, capsys):
    world.fail_after_create.add("ray-cluster-worker-1")
    code, document, err = call(capsys, "start")
    assert (code, document["error"]["reason"]) == (1, "ApplicationFailed")
    assert "ray start said no" in document["error"]["message"]
    assert "undone" in err
    assert world.apps == {}


def test_a_wait_that_runs_out_exits_7_and_names_what_exists(world, capsys):
    world.boot = 10**6
    code, document, _ = call(capsys, "start", "--timeout", "1")
    assert code == 7
    assert "ray-cluster-head (starting)" in document["error"]["message"]
    assert call(capsys, "stop", "--yes")[0] == 0


def test_a_stop_that_runs_out_of_time_exits_7_and_has_ended_all_else(world, capsys):
    call(capsys, "start", "--workers", "2")
    world.stuck_stop = world.stuck_delete = {"ray-cluster-worker-1"}
    code, document, _ = call(capsys, "stop", "--yes", "--timeout", "2")
    assert code == 7
    assert "ray-cluster-worker-1 (stopping)" in document["error"]["message"]
    assert list(world.apps) == ["ray-cluster-worker-1"]


def test_a_stop_that_is_refused_exits_1(world, capsys):
    call(capsys, "start")
    world.refuse_delete = {"ray-cluster-worker-1"}
    assert call(capsys, "stop", "--yes")[0] == 1


def test_making_the_plan_counts_as_time_of_the_call(world, capsys):
    world.stuck_list = True
    code, document, _ = call(capsys, "stop", "--yes", "--timeout", "0.05")
    assert code == 7
    assert "nothing was changed" in document["error"]["message"]


def test_changed_is_true_when_a_worker_was_made_again_during_the_wait(world, capsys, monkeypatch):
    call(capsys, "start", "--workers", "2")
    observe = world.observe

    async def once(questions=()):
        monkeypatch.setattr(world, "observe", observe)
        world.end("ray-cluster-worker-1")
        return await observe(questions)

    monkeypatch.setattr(world, "observe", once)
    code, document, _ = call(capsys, "start", "--workers", "2")
    assert (code, document["changed"], document["phase"]) == (0, True, "running")
    assert "worker-1 created again" in [step["step"] for step in document["steps"]]


def test_a_node_that_did_not_leave_is_no_done_step(world, capsys):
    call(capsys, "start", "--workers", "2")
    world.drains = False
    code, document, _ = call(capsys, "scale", "1", "--yes")
    assert code == 0
    assert {step["step"]: step["state"] for step in document["steps"]}["nodes drained"] == "failed"


def test_no_wait_returns_when_the_platform_has_accepted(world, capsys):
    call(capsys, "start", "--workers", "2")
    world.stuck_stop = world.stuck_delete = set(world.apps)
    code, document, _ = call(capsys, "stop", "--yes", "--no-wait")
    assert (code, document["changed"]) == (0, True)


@pytest.mark.parametrize("words", [("--read-only", "stop", "--yes"), ("stop", "--yes", "--read-only")])
def test_the_flag_read_only_refuses_before_and_after_the_verb(world, capsys, words):
    assert main(words) == 8
    assert "stop was refused: the profile is read-only" in capsys.readouterr().err


def test_a_read_only_profile_refuses(world, capsys, tmp_path):
    (tmp_path / "raytui.toml").write_text("[profiles.local]\nread_only = true\n")
    assert call(capsys, "start")[0] == 8


def test_restart_of_an_unknown_target_lists_what_there_is(world, capsys):
    call(capsys, "start")
    code, document, _ = call(capsys, "restart", "worker-7", "--yes")
    assert code == 5
    assert "worker-1" in document["error"]["hint"]


def test_verify_answers_five_checks(world, capsys):
    code, document, _ = call(
        capsys, "verify", "--workers", "1", "--cpu", "1", "--memory", "2", "--cluster", "ray-cluster"
    )
    assert (code, document["passed"]) == (0, True)
    assert [check["check"] for check in document["checks"]] == [
        "connection",
        "launchers",
        "creation",
        "status",
        "clean-up",
    ]
    assert world.apps == {}


def test_a_key_that_verify_meets_refused_is_said_by_its_exit_code(world, capsys):
    world.faults["list"] = [NotAllowed("the key was refused", hint="make another")]
    code, document, _ = call(capsys, "verify", "--cluster", "ray-cluster")
    assert (code, document["passed"]) == (4, False)
    assert document["checks"][0] | {"seconds": 0} == {
        "check": "connection",
        "state": "failed",
        "seconds": 0,
        "message": "the key was refused",
        "hint": "make another",
        "is_refused": True,
    }
    world.faults["list"] = [NotAllowed("the key was refused", hint="make another")]
    assert main(["verify", "--cluster", "ray-cluster"]) == 4
    assert "connection failed: the key was refused" in capsys.readouterr().err


def test_orphans_are_listed_and_reaped_only_when_told(world, capsys, monkeypatch):
    monkeypatch.setattr(orphans, "PAUSE_S", 0.001)
    call(capsys, "start")
    head = world.apps.pop("ray-cluster-head")
    code, document, _ = call(capsys, "orphans")
    assert (code, [item["name"] for item in document["items"]]) == (0, ["ray-cluster-worker-1"])
    assert call(capsys, "orphans", "--reap")[0] == 8
    assert call(capsys, "orphans", "--reap", "--yes")[1]["items"][0]["ended"] is True
    assert world.apps == {}
    world.apps["ray-cluster-head"] = head
    assert call(capsys, "orphans")[1]["items"] == []


def test_a_young_orphan_is_left_and_said_to_be(world, capsys, monkeypatch):
    monkeypatch.setattr(orphans, "PAUSE_S", 0.001)
    call(capsys, "start")
    del world.apps["ray-cluster-head"]
    name = "ray-cluster-worker-1"
    world.apps[name] = msgspec.structs.replace(world.apps[name], created_at=time.time())
    assert main(["orphans", "--reap", "--yes", "--older-than", "3600"]) == 1
    assert f"not ended: {name} (it is younger than 3600 s" in capsys.readouterr().err
    assert list(world.apps) == ["ray-cluster-worker-1"]


def test_deploy_lists_everything_that_is_missing(world, capsys):
    code, document, _ = call(capsys, "deploy")
    assert code == 2
    assert [problem["field"] for problem in document["error"]["problems"]] == ["host", "api_key", "github_repo"]


def test_unknown_verbs_and_flags_name_the_nearest(world, capsys):
    code, document, _ = call(capsys, "strat")
    assert (code, "start" in document["error"]["hint"]) == (2, True)
    code, document, _ = call(capsys, "start", "--wrokers", "2")
    assert (code, "--workers" in document["error"]["hint"]) == (2, True)


def test_changed_says_what_was_done_and_not_what_was_planned(world, capsys, monkeypatch):
    """Two starts at once: the one that comes second finds the work done."""
    plan = ClusterManager.plan

    async def overtaken(self, verb, **what):
        planned = await plan(self, verb, **what)
        if verb == "start" and planned.changed:
            monkeypatch.setattr(ClusterManager, "plan", plan)
            async for _ in self.execute(planned):
                pass
        return planned

    monkeypatch.setattr(ClusterManager, "plan", overtaken)
    code, document, _ = call(capsys, "start")
    assert (code, document["changed"], document["phase"]) == (0, False, "running")


def test_a_plain_start_mends_the_second_worker_and_says_what_the_profile_says(world, capsys):
    call(capsys, "start", "--workers", "2")
    world.end("ray-cluster-worker-2")
    code, document, err = call(capsys, "start")
    assert (code, document["changed"], document["steps"][-1]["message"]) == (0, True, "3/3")
    assert "last asked for with 2 workers" in err
    assert "the profile says 1 worker" in err
    assert world.states()["worker-2"] == "running"


def test_another_size_on_a_running_cluster_is_named_and_applied_only_by_recreate(world, capsys):
    call(capsys, "start")
    code, document, err = call(capsys, "start", "--cpu", "8")
    assert (code, document["changed"]) == (0, False)
    assert document["differences"] == [
        {"application": "ray-cluster-worker-1", "field": "workers.cpu", "is": 1.0, "asked": 8.0}
    ]
    assert "raytui start --recreate makes it again" in err
    assert main(["start", "--cpu", "8"]) == 0
    assert "nothing was changed, although something else is asked for of worker-1" in capsys.readouterr().out
    code, document, _ = call(capsys, "start", "--cpu", "8", "--recreate")
    assert (code, "--yes" in document["error"]["hint"]) == (8, True)
    assert world.apps["ray-cluster-worker-1"].cpu == 1.0
    code, document, _ = call(capsys, "start", "--cpu", "8", "--recreate", "--yes")
    assert (code, document["changed"], world.apps["ray-cluster-worker-1"].cpu) == (0, True, 8.0)
    assert call(capsys, "start")[1]["differences"] == []


def test_making_the_head_again_is_said_to_end_all_jobs(world, capsys):
    call(capsys, "start")
    code, document, err = call(capsys, "start", "--head-cpu", "2", "--recreate", "--dry-run")
    assert (code, document["changed"]) == (0, True)
    assert "all running jobs end with the head" in err
    assert world.apps["ray-cluster-head"].cpu == 1.0


@pytest.mark.parametrize("number", ["99999", "9" * 5000])
@pytest.mark.parametrize("flag", ["--ray-port", "--dashboard-port", "--workers"])
def test_a_number_out_of_range_is_a_problem_and_nothing_is_asked_of_it(world, capsys, flag, number):
    async def refuse(spec):
        raise OverflowError("bind(): port must be 0-65535.")

    world.preflight = refuse if len(number) > 10 else world.preflight
    code, document, _ = call(capsys, "start", flag, number)
    assert (code, document["error"]["reason"]) == (2, "Invalid")
    assert len(document["error"]["problems"]) == 1
    code, document, _ = call(capsys, "scale", number)
    assert (code, len(document["error"]["message"]) < 200) == (2, True)


def test_exposing_the_dashboard_of_a_running_head_is_a_difference(world, capsys):
    call(capsys, "start")
    code, document, err = call(capsys, "start", "--expose-dashboard")
    assert (code, document["changed"]) == (0, False)
    assert [(row["application"], row["field"], row["is"], row["asked"]) for row in document["differences"]] == [
        ("ray-cluster-head", "expose_dashboard", False, True)
    ]
    assert "its dashboard not served to the outside, asked for is its dashboard served to the outside" in err
    assert call(capsys, "start", "--expose-dashboard", "--dry-run", "--recreate")[1]["changed"] is True


def test_where_a_list_lags_nothing_is_called_absent_that_was_just_asked_for(world, capsys):
    world.list_lag = 10**6
    assert main(["start", "--no-wait"]) == 0
    assert capsys.readouterr().out.strip() == "ray-cluster was asked for; the platform does not list it yet"
    assert main(["stop", "--yes"]) == 0
    assert capsys.readouterr().out.strip() == "no application of ray-cluster is listed; nothing was changed"
