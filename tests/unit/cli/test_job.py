"""`raytui job submit` and `job stop` against a scripted dashboard: one job, its output, its exit code."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import Any

import pytest

from raytui.startup import main
from tests.fakes.dashboard import FakeDashboard, many_nodes

NODE = f"{0:056x}"
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3\nValueError: wrong\n'


class Jobs(FakeDashboard):
    """A dashboard that takes jobs; `ends` is what becomes of each."""

    def __init__(self, ends: dict[str, Any]) -> None:
        super().__init__()
        self.ends = ends
        self.submitted: dict[str, dict[str, Any]] = {}
        self.packages: set[str] = set()
        self.bodies["/api/v0/nodes"], self.bodies["/nodes"] = many_nodes(1)
        self.bodies["/api/v0/logs/file"] = b"first line\nlast line\n"

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        method, sent_to, body = self.sent[-1] if self.sent else ("", "", b"")
        if path == "/api/jobs/" and sent_to == path and method == "POST" and len(self.sent) > len(self.submitted):
            asked = json.loads(body)
            self.submitted[asked["submission_id"]] = asked
            return json.dumps({"job_id": asked["submission_id"]}).encode()
        if path.startswith("/api/packages/"):
            if self.sent and sent_to == path and method == "PUT":
                self.packages.add(path)
            return b"{}" if path in self.packages else None
        if path.endswith("/stop"):
            self.ends["status"] = "STOPPED"
            return b'{"stopped": true}'
        if path.startswith("/api/jobs/") and path != "/api/jobs/":
            identity = path.rpartition("/")[2]
            row = {"submission_id": identity, "type": "SUBMISSION", "driver_node_id": NODE, **self.ends}
            return json.dumps(row).encode() if identity in {*self.submitted, "known"} else None
        if path == "/api/jobs/":
            return b"[]"
        return super()._body(path, query)


@contextmanager
def running(dashboard: FakeDashboard):
    """The dashboard on a loop of its own, as another process would be."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with dashboard.serving():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield dashboard
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(10)
        loop.close()


@pytest.fixture
def call(capsys):
    def run(dashboard: FakeDashboard, *words: str) -> tuple[int, str, str]:
        code = main(["--address", dashboard.url, *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.mark.parametrize(
    ("ends", "code"),
    [
        ({"status": "SUCCEEDED", "driver_exit_code": 0}, 0),
        ({"status": "FAILED", "driver_exit_code": 3, "message": "failed with exit code 3"}, 3),
        ({"status": "FAILED", "driver_exit_code": -9, "message": "m"}, 137),
        ({"status": "FAILED", "message": "no driver"}, 1),
        ({"status": "STOPPED"}, 1),
    ],
)
def test_the_exit_code_and_the_output_are_those_of_the_job(call, ends: dict[str, Any], code: int) -> None:
    with running(Jobs(ends)) as dashboard:
        found, out, err = call(dashboard, "job", "submit", "--id", "train", "--", "python", "a b.py")
        assert (found, out) == (code, "first line\nlast line\n")
        assert dashboard.submitted["train"]["entrypoint"] == "python 'a b.py'"
        assert "job train is submitted; raytui job stop train ends it" in err


def test_a_failed_job_is_told_with_its_cause(call) -> None:
    ends = {"status": "FAILED", "driver_exit_code": 1, "message": f"failed with exit code 1\n{TRACE}"}
    with running(Jobs(ends)) as dashboard:
        _, _, err = call(dashboard, "job", "submit", "--id", "train", "--", "true")
        assert "job train failed: ValueError: wrong" in err
        assert "raytui explain job/train" in err


def test_without_waiting_the_id_is_all_there_is(call) -> None:
    with running(Jobs({"status": "RUNNING"})) as dashboard:
        code, out, _ = call(dashboard, "job", "submit", "--no-wait", "--env", "A=1=2", "--", "echo $A | cat")
        (identity,) = dashboard.submitted
        assert (code, out) == (0, f"{identity}\n")
        assert identity.startswith("raysubmit_")
        assert dashboard.submitted[identity]["runtime_env"] == {"env_vars": {"A": "1=2"}}
        assert dashboard.submitted[identity]["entrypoint"] == "echo $A | cat"


def test_a_working_directory_is_sent_once(call, tmp_path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("print(1)")
    with running(Jobs({"status": "SUCCEEDED", "driver_exit_code": 0})) as dashboard:
        words = ("job", "submit", "--working-dir", str(tmp_path / "code"), "--no-wait", "--", "python main.py")
        assert call(dashboard, *words)[2].startswith("sending the working directory")
        (package,) = dashboard.packages
        (asked,) = dashboard.submitted.values()
        assert asked["runtime_env"]["working_dir"] == f"gcs://{package.rpartition('/')[2]}"
        assert call(dashboard, *words)[2].startswith("the working directory is there already")
        assert [method for method, *_ in dashboard.sent].count("PUT") == 1


def test_what_is_wrong_is_said_all_at_once_and_nothing_is_asked(call) -> None:
    with running(Jobs({})) as dashboard:
        code, out, _ = call(dashboard, "-o", "json", "job", "submit", "--env", "x", "--id", "a b")
        problems = [problem["field"] for problem in json.loads(out)["error"]["problems"]]
        assert (code, problems, dashboard.sent) == (2, ["command", "env", "id"], [])


def test_the_words_of_ray_that_refuses_a_job(call) -> None:
    with running(Jobs({})) as dashboard:
        dashboard.statuses["/api/jobs/"] = (
            500,
            b"Traceback\nValueError: Job with submission_id train already exists.\n",
        )
        code, _, err = call(dashboard, "job", "submit", "--id", "train", "--", "true")
        assert code == 1
        assert "Ray did not take the job train: ValueError: Job with submission_id train already exists." in err


def test_an_answer_that_was_lost_is_settled_by_looking(call) -> None:
    with running(Jobs({"status": "SUCCEEDED", "driver_exit_code": 0})) as dashboard:
        dashboard.fail("hangup", "/api/jobs/", once=True)
        code, out, _ = call(dashboard, "job", "submit", "--id", "known", "--no-wait", "--", "true")
        assert (code, out) == (0, "known\n")
        assert [method for method, *_ in dashboard.sent] == ["POST"]


def test_an_answer_that_is_not_rays_proves_no_job(call, monkeypatch) -> None:
    class Foreign(Jobs):
        def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
            return b"[1, 2]" if path.startswith("/api/jobs/") else super()._body(path, query)

    monkeypatch.setattr("raytui.manager.jobs.CONFIRM_S", 0.1)
    with running(Foreign({"status": "RUNNING"})) as dashboard:
        code, out, _ = call(dashboard, "-o", "json", "job", "submit", "--id", "odd", "--no-wait", "--", "true")
        assert (code, json.loads(out)["error"]["reason"]) == (7, "OutcomeUnknown")
        assert "it is not known whether job odd was submitted" in out
        code, out, _ = call(dashboard, "-o", "json", "job", "stop", "odd")
        assert (code, json.loads(out)["error"]["reason"]) == (6, "Garbage")


def test_a_job_is_stopped_and_one_that_ended_is_left(call) -> None:
    with running(Jobs({"status": "RUNNING"})) as dashboard:
        code, out, _ = call(dashboard, "-o", "json", "job", "stop", "job/known")
        assert (code, json.loads(out)["changed"], json.loads(out)["status"]) == (0, True, "STOPPED")
        code, out, _ = call(dashboard, "-o", "json", "job", "stop", "known")
        assert (code, json.loads(out)["changed"]) == (0, False)
        code, _, err = call(dashboard, "job", "stop", "nobody")
        assert code == 5
        assert "has no submitted job nobody" in err


def test_a_read_only_profile_refuses_jobs(call, tmp_path) -> None:
    (tmp_path / "raytui.toml").write_text('[profiles.p]\nplatform = "local"\nread_only = true\n')
    assert main(["-p", "p", "job", "submit", "--", "true"]) == 8
    assert main(["-p", "p", "job", "stop", "x"]) == 8
    # A cluster that is only watched takes jobs, but not from somebody who asked for nothing to be changed.
    assert main(["--address", "http://127.0.0.1:1", "--read-only", "job", "stop", "x"]) == 8


def test_after_ctrl_c_the_job_goes_on_and_the_way_to_end_it_is_said() -> None:
    with running(Jobs({"status": "RUNNING"})) as dashboard:
        command = [
            sys.executable,
            "-m",
            "raytui",
            "--address",
            dashboard.url,
            "job",
            "submit",
            "--id",
            "known",
            "--",
            "x",
        ]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stderr is not None
        assert "job known is submitted" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert "interrupted; job known goes on" in err
        assert "raytui job stop known ends it" in err
        assert not [path for _, path, _ in dashboard.sent if path.endswith("/stop")]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, b"Thread 0x1 (active): step (a.py:3)"), "step (a.py:3)"),
        ((403, b"Profiling is disabled by default for security reasons."), "RAY_DASHBOARD_ENABLE_PROFILING=1"),
        ((500, b"Failed to execute py-spy:\nError: Permission denied: ptrace"), "allowed to use ptrace"),
    ],
)
def test_stacks_are_read_on_demand_and_a_refusal_says_whose_it_is(call, answer: tuple[int, bytes], words: str) -> None:
    with running(Jobs({})) as dashboard:
        row = {"worker_id": "ab" * 28, "is_alive": True, "node_id": NODE, "pid": 77, "worker_type": "WORKER"}
        dashboard.bodies["/api/v0/workers"] = json.dumps({"data": {"result": {"result": [row]}}}).encode()
        dashboard.statuses["/worker/traceback"] = answer
        code, out, err = call(dashboard, "explain", "abab", "--stack")
        assert code == 0
        assert words in out + err
        assert any(f"pid=77&ip=127.0.0.1&node_id={NODE}" in query for query in dashboard.queries)
        assert "/worker/traceback" not in str(call(dashboard, "explain", "abab"))
