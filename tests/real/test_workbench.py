"""Cloudera AI with a real Ray behind the test workbench: the pipeline from a key to a cluster, and a head that comes back elsewhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from raytui.logs.sources.shipped import unpacked
from tests.contract.process import ROOT, Bench

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
SIZES = ["--cpu", "1", "--memory", "2", "--head-cpu", "1", "--head-memory", "2"]


class Deployed:
    """A workbench and raytui as a program outside of it."""

    def __init__(self, made: Bench, folder: Path) -> None:
        self.made = made
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAYTUI_", "RAY_", "CML_", "CDSW_"))
        }
        self.env = {
            **clean,
            "CML_HOST": made.info["url"],
            "CML_API_KEY": made.info["api_key"],
            "RAYTUI_STATE_DIR": str(folder),
        }

    def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        return json.loads(self.text(*words, code=code))

    def text(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "raytui", "-o", "json", *words],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert self.made.info["api_key"] not in done.stdout + done.stderr
        return done.stdout

    def until(self, ready: Callable[[dict[str, Any]], bool], what: str, seconds: float = 90.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not ready(found := self("status")):
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}: {found}"
            time.sleep(0.3)
        return found


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    made = Bench(tmp_path / "wb", "--venv", sys.prefix, "--fault", "restart_interval=2")
    try:
        yield Deployed(made, tmp_path / "state")
    finally:
        made.close()


def kill_with_last_words(app: dict[str, Any], project: Path) -> str:
    """Let a worker's pod say something new, and kill all that runs in it once its launcher has shipped that."""
    pod = [psutil.Process(app["pids"][0]), *psutil.Process(app["pids"][0]).children(recursive=True)]
    raylet = next(process for process in pod if process.name() == "raylet")
    path = next(word.partition("=")[2] for word in raylet.cmdline() if word.startswith("--stdout_filepath="))
    needle = f"the last words of {raylet.pid}"
    with Path(f"/proc/{raylet.pid}/root{path}").open("a") as file:
        file.write(f"{needle}\n")
    shipped = project / ".raytui" / "ray-cluster" / "logs" / "worker-1"
    deadline = time.monotonic() + 60.0
    while not any(needle.encode() in gunzip(part) for part in shipped.glob("*/raylet.out.*.gz")):
        assert time.monotonic() < deadline, f"the launcher did not ship what {path} says"
        time.sleep(0.2)
    for process in pod:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return needle


def gunzip(part: Path) -> bytes:
    return b"".join(unpacked(part.read_bytes()))


GROUP = """
[profiles.cai]
platform = "cai"

[profiles.cai.cluster.groups.small]
count = 1
cpu = 2
memory = 2
runtime_identifier = "auto"
"""


def test_from_a_key_to_a_cluster_of_two_groups_and_a_head_that_comes_back(deployed: Deployed, tmp_path: Path):
    (tmp_path / "raytui.toml").write_text(GROUP)
    deployed.env |= {"RAYTUI_CONFIG": str(tmp_path / "raytui.toml"), "RAYTUI_PROFILE": "cai"}
    words = ["deploy", "--cml-host", deployed.made.info["url"], "--github-repo", "acme/ray-project", *SIZES]
    first = deployed(*words)
    assert [(step["step"], step["state"]) for step in first["steps"]] == [
        (name, "done")
        for name in ("project found or created", "files uploaded", "environment set up", "cluster launched")
    ]
    again = deployed(*words)
    assert "found" in again["steps"][0]["message"]
    assert again["steps"][1]["message"].startswith("0 of")
    assert "succeeded before" in again["steps"][2]["message"]

    apps = {app["name"]: app for app in deployed.made.state()["applications"]}
    assert sorted(apps) == ["ray-cluster-head", "ray-cluster-small-1", "ray-cluster-worker-1"]
    project = apps["ray-cluster-head"]["project_id"]
    listed = deployed.made.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    sizes = {app["name"]: app["cpu"] for app in listed}
    assert (sizes["ray-cluster-small-1"], sizes["ray-cluster-worker-1"]) == (2, 1)
    for path in (tmp_path / "wb" / "projects" / project / ".raytui" / "deploy").iterdir():
        assert path.is_dir() or deployed.made.info["api_key"].encode() not in path.read_bytes(), (
            f"{path.name} holds the key"
        )
    deployed.env |= {"CML_PROJECT_ID": project}
    seen = deployed.until(lambda status: status["verdict"] == "ok", "the verdict ok")
    # From outside the dashboard is not reachable by design: what the nodes themselves report is the evidence.
    assert (seen["broken_link"], seen["unchecked"]["reason"], seen["links"]["gcs"]) == (
        None,
        "DashboardNotExposed",
        "unchecked",
    )
    assert {worker["name"]: worker["node_state"] for worker in (seen["head"], *seen["workers"])} == dict.fromkeys(
        sorted(apps), "ALIVE"
    )
    assert seen["nodes"]["alive"] == 3
    # The group ends as it was asked for, alone, by a drain; the other goes on.
    assert deployed("scale", "small=0", "--yes")["changed"]
    ended = {app["name"]: app for app in deployed.made.state()["applications"]}
    assert sorted(ended) == ["ray-cluster-head", "ray-cluster-worker-1"]
    assert ended["ray-cluster-worker-1"]["engine_id"] == apps["ray-cluster-worker-1"]["engine_id"]

    needle = kill_with_last_words(apps["ray-cluster-worker-1"], tmp_path / "wb" / "projects" / project)
    rows = [json.loads(row) for row in deployed.text("logs", "--all", "--grep", needle).splitlines()]
    found = [row["source"].partition("/") for row in rows if needle in row.get("line", "")]
    assert [(node.partition("@")[0], file) for node, _, file in found] == [("worker-1", "raylet.out")], rows
    deployed.until(lambda status: status["verdict"] == "ok", "the worker to come back")
    apps = {app["name"]: app for app in deployed.made.state()["applications"]}

    os.kill(apps["ray-cluster-head"]["pids"][0], signal.SIGKILL)
    deployed.until(lambda status: status["verdict"] == "down", "the head's death")
    back = deployed.until(lambda status: status["verdict"] == "ok", "head and worker to come back")
    now = {app["name"]: app for app in deployed.made.state()["applications"]}
    assert now["ray-cluster-head"]["address"] != apps["ray-cluster-head"]["address"]
    assert now["ray-cluster-worker-1"]["engine_id"] == apps["ray-cluster-worker-1"]["engine_id"]
    assert back["head"]["node_id"] != seen["head"]["node_id"]

    assert deployed("stop", "--yes")["phase"] == "absent"
    assert deployed.made.state()["applications"] == []


def test_a_pipeline_that_fails_says_why_and_goes_on_from_there(deployed: Deployed):
    deployed.made.faults(clone_fails=1)
    words = ["deploy", "--cml-host", deployed.made.info["url"], "--github-repo", "acme/broken", *SIZES]
    assert "clone failed" in deployed(*words, code=1)["error"]["message"]
    deployed.made.faults(clone_fails=None)
    document = deployed(
        "deploy",
        "--cml-host",
        deployed.made.info["url"],
        "--github-repo",
        "acme/other",
        *SIZES,
        "--head-cpu",
        "0",
        code=2,
    )
    assert "head.cpu" in document["error"]["message"]
    assert deployed.made.state()["applications"] == []
