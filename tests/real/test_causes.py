"""What went wrong on a real Ray is reported with its cause: on one cluster, in the order in which it is done to it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.real.test_commands import CLUSTER, Shell, get, until

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

WAITS = """
import ray
from ray.util.placement_group import placement_group
ray.init()
@ray.remote(num_cpus=64)
def huge(): pass
task = huge.remote()
group = placement_group([{"CPU": 1}] * 5, strategy="STRICT_SPREAD", name="wide")
ray.get(task)
"""
HOARDS = """
import sys, threading, ray
ray.init(log_to_driver=False)
@ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)
class Hoarder:
    def hoard(self, most):
        held = []
        while sum(map(len, held)) < most:
            held.append(bytearray(b"x") * 2**27)
        threading.Event().wait()
actor = Hoarder.remote()
try:
    ray.get(actor.hoard.remote(int(sys.argv[1])))
except ray.exceptions.RayError as error:
    print(type(error).__name__)
"""
WORKS = """
import os, sys, time, ray
ray.init(log_to_driver=False)
@ray.remote(num_cpus=1, max_retries=0)
def work(begun):
    open(begun + ray.get_runtime_context().get_node_id(), "w").close()
    while not os.path.exists(begun + "may-end"):
        time.sleep(0.05)
ray.get([work.remote(sys.argv[1]) for _ in range(2)])
"""
FREE = psutil.virtual_memory().available


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """One cluster for all: a head and a worker of 1 CPU, on which Ray takes 40 % of what is free for too much."""
    folder = tmp_path_factory.mktemp("causes")
    made = Shell(folder / "state")
    memory = psutil.virtual_memory()
    threshold = f"{(memory.total - FREE * 0.6) / memory.total:.3f}"
    made("render", "--to", str(folder))
    scripts = {role: folder / f"ray_{role}_launcher.py" for role in ("head", "worker")}
    for script in scripts.values():
        # What the caller's environment says of Ray reaches no node.
        setting = f"import sys\n\nos.environ['RAY_memory_usage_threshold'] = '{threshold}'\n"
        script.write_text(script.read_text().replace("import sys\n", setting, 1))
    own = [word for role, script in scripts.items() for word in (f"--{role}-script", str(script))]
    try:
        made("start", "--ray-port", "auto", "--dashboard-port", "auto", "--workers", "1", "--cpu", "1", *own)
        yield made
    finally:
        made("stop", "--yes")
    assert made.processes() == []


def submit(shell: Shell, name: str, entrypoint: str, environment: dict[str, Any] | None = None) -> None:
    status = shell("status")
    token = Path(status["auth"]["token_file"]).read_text().strip()
    asked = {"submission_id": name, "entrypoint": entrypoint, "runtime_env": environment or {}}
    get(f"{status['head']['dashboard_url']}/api/jobs/", token, asked)


def condition(shell: Shell, reason: str, subject: str) -> dict[str, Any]:
    """The condition of this reason about that subject, once it is said."""

    def said() -> dict[str, Any] | None:
        found = shell("conditions")["items"]
        return next((one for one in found if (one["reason"], one["subject"]) == (reason, subject)), None)

    return until(said, f"{reason} of {subject}", 90)


def explained(shell: Shell, thing: str, words: str) -> dict[str, Any]:
    """The story of a thing, once it says so."""
    return until(
        lambda: (story := shell("explain", thing)) and words in story["sentence"] and story,
        f"{thing} to be explained with: {words}",
        90,
    )


def test_a_job_that_raises_fails_with_its_exception(shell: Shell) -> None:
    submit(shell, "raises", """python -c "raise ValueError('no such column: price')" """)
    said = condition(shell, "JobFailed", "job/raises")
    assert (said["severity"], said["about"]) == ("warning", "work")
    assert "ValueError: no such column: price" in said["message"]
    assert "ValueError: no such column: price" in explained(shell, "job/raises", "ValueError")["sentence"]


def test_an_environment_with_a_wrong_package_is_waited_for_and_then_the_cause(shell: Shell) -> None:
    submit(shell, "packaged", "python -c 'print(1)'", {"pip": ["no-such-package-of-anybody==9.9"]})
    waiting = explained(shell, "job/packaged", "job packaged is PENDING")
    waits = until(
        lambda: (
            [one for one in shell("explain", "job/packaged")["waits"] if one["class"] == "environment"]
            or shell("explain", "job/packaged")["cause"]
        ),
        "the set-up",
        90,
    )
    if isinstance(waits, list):
        assert "waits for its runtime environment to be set up (" in waits[0]["message"]
    assert waiting["cause"] is None
    story = explained(shell, "job/packaged", "its runtime environment failed")
    assert "No matching distribution found for no-such-package-of-anybody" in story["sentence"]
    assert "JobFailed" in condition(shell, "JobFailed", "job/packaged")["reason"]


def test_what_can_never_run_says_so_and_is_no_fault_of_the_cluster(shell: Shell) -> None:
    folder = shell.folder.parent
    (folder / "waits.py").write_text(WAITS)
    submit(shell, "waits", f"{sys.executable} {folder / 'waits.py'}")
    never = condition(shell, "InfeasibleDemand", "task huge")
    assert (never["severity"], never["about"]) == ("error", "work")
    assert "no node can ever run it: the nearest" in never["message"]
    assert "has CPU 1 of 64" in never["message"]
    assert "raytui scale" not in never["hint"]
    wide = condition(shell, "PendingDemand", "placement group wide")
    assert "5 bundles of CPU 1 on 5 different nodes (STRICT_SPREAD)" in wide["message"]
    assert "3 more workers would do" in wide["message"]
    assert "has CPU 1 of 64" in explained(shell, "huge", "no node can ever run it")["sentence"]
    assert explained(shell, "wide", "3 more workers would do")["waits"][0]["scale"] == [
        {"group": "worker", "number": 3, "to": 4, "command": "raytui scale 4"}
    ]
    assert shell("status", "--exit-code")["verdict"] == "ok"
    assert shell("job", "stop", "waits")


def test_a_task_that_runs_while_its_worker_is_restarted_ends_first(shell: Shell) -> None:
    folder = shell.folder.parent
    (folder / "works.py").write_text(WORKS)
    submit(shell, "works", f"{sys.executable} {folder / 'works.py'} {folder / 'begun-'}")
    until(lambda: len(list(folder.glob("begun-*"))) == 2, "a task on each node")
    assert "running tasks get up to 30 s" in str(shell("restart", "worker-1", "--dry-run"))
    with ThreadPoolExecutor(1) as aside:
        restarting = aside.submit(shell, "restart", "worker-1", "--yes")
        until(lambda: shell("status")["workers"][0]["state"] != "running", "the node to be ended under its task", 30)
        (folder / "begun-may-end").touch()
        assert restarting.result()["changed"]
    ended = until(
        lambda: [one for one in shell("jobs")["items"] if one["id"] == "works" and one["status"] != "RUNNING"],
        "the job's end",
    )
    assert ended[0]["status"] == "SUCCEEDED", ended


def test_rays_own_tools_speak_to_the_cluster(shell: Shell) -> None:
    command = [sys.executable, "-m", "raytui", "--cluster", CLUSTER, "env"]
    lines = subprocess.run(command, env=shell.env, capture_output=True, text=True, timeout=60, check=True).stdout
    ray = Path(sys.executable).with_name("ray")
    done = subprocess.run(
        ["bash", "-c", f'eval "$1"; "{ray}" list nodes --format json', "bash", lines],
        env=shell.env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert {node["node_name"] for node in json.loads(done.stdout)} == {f"{CLUSTER}-head", f"{CLUSTER}-worker-1"}


def test_an_actor_that_takes_too_much_memory_is_said_to_be_killed_for_it(shell: Shell) -> None:
    driver = shell.folder.parent / "hoards.py"
    driver.write_text(HOARDS)
    words = ["--cluster", CLUSTER, "exec", "--", sys.executable, str(driver), str(int(FREE * 0.6))]
    done = subprocess.run(
        [sys.executable, "-m", "raytui", *words],
        env=shell.env,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert "Error" in done.stdout, done.stderr
    (actor,) = [one for one in shell("actors")["items"] if one["class_name"] == "Hoarder"]
    story = explained(shell, actor["actor_id"], "memory")
    assert (story["cause"]["kind"], story["cause"]["certain"]) == ("out_of_memory", True)
    killed = until(
        lambda: [one for one in shell("conditions")["items"] if one["reason"] == "KilledForMemory"],
        "the kill to be a condition",
    )
    assert {one["about"] for one in killed} == {"work"}


def test_a_raylet_that_is_killed_is_the_cause_of_its_node_s_death(shell: Shell) -> None:
    report = json.loads((shell.folder / "local" / CLUSTER / "nodes" / f"{CLUSTER}-worker-1.json").read_text())
    (raylet,) = [
        child for child in psutil.Process(report["ray_pid"]).children(recursive=True) if child.name() == "raylet"
    ]
    raylet.kill()
    until(lambda: shell("status")["verdict"] == "degraded", "the verdict degraded")
    story = until(
        lambda: (found := shell("explain", "worker-1"))["cause"] and "killed by signal 9" in str(found) and found,
        "worker-1 to be explained",
        60,
    )
    assert story["cause"]["is_death"], story
    (said,) = [one for one in shell("conditions")["items"] if one["about"] == "cluster"]
    assert (said["severity"], said["subject"]) == ("error", f"{CLUSTER}-worker-1")
