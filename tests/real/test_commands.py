"""The commands as a person types them, on a real Ray, beside a Ray that is not ours: one life of a cluster from start to nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from raytui.platforms.local.ports import pick

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
CLUSTER = "real-commands"


class Shell:
    """raytui as a program with a state directory of its own."""

    def __init__(self, folder: Path) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RAYTUI_", "RAY_", "CML_", "CDSW_"))
        }
        self.env = {**clean, "RAYTUI_STATE_DIR": str(folder)}
        self.folder = folder

    def __call__(self, *words: str, code: int = 0) -> dict[str, Any]:
        (document,) = self.documents(self.run(*words, code=code))
        return document

    @staticmethod
    def documents(text: str) -> list[dict[str, Any]]:
        """What was printed: one document, or one for each line of a stream."""
        return [json.loads(text)] if text.startswith("{\n") else [json.loads(line) for line in text.splitlines()]

    def run(self, *words: str, code: int = 0) -> str:
        """What a verb prints as JSON."""
        command = [sys.executable, "-m", "raytui", "--cluster", CLUSTER, "-o", "json", *words]
        done = subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """Every process that carries our state directory."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("RAYTUI_SHARED_DIR", "").startswith(str(self.folder)):
                    found.append(process)
            except psutil.Error:
                continue
        return found


def until(ready: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := ready()):
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.2)
    return found


def get(url: str, token: str = "", body: dict[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        # The reason stands in the body only.
        error.msg = f"{error.msg}: {error.read().decode(errors='replace')[-2000:]}"
        raise


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path / "state")
    yield made
    made("stop", "--yes")
    assert made.processes() == []


@pytest.fixture
def foreign(tmp_path: Path) -> Iterator[str]:
    """A Ray that somebody else started on this machine; its dashboard's address."""
    port, dashboard = pick(0, ()), pick(0, ())
    words = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--num-cpus", "1", "--port", str(port), "--dashboard-port", str(dashboard),
        "--object-store-memory", "100000000", "--disable-usage-stats", "--temp-dir", f"/tmp/raytui-foreign-{os.getpid()}", "--ray-client-server-port", str(pick(0, ())),
    ]  # fmt: skip
    env = {**os.environ, "RAY_AUTH_MODE": "disabled"}
    process = subprocess.Popen(
        words, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{dashboard}"

    def answers() -> bool:
        try:
            return bool(get(f"{url}/api/version"))
        except (urllib.error.URLError, OSError):
            return False

    try:
        until(answers, "the foreign Ray", 90)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_life_from_start_to_nothing_left(shell: Shell, foreign: str):
    started = shell("start", "--ray-port", "auto", "--dashboard-port", "auto")
    assert (started["changed"], started["phase"]) == (True, "running")
    status = shell("status", "--exit-code")
    assert (status["phase"], status["verdict"], status["nodes"]) == ("running", "ok", {"alive": 2, "dead": 0})
    assert {status["head"]["node_state"], *(worker["node_state"] for worker in status["workers"])} == {"ALIVE"}
    assert shell("start", "--ray-port", "auto", "--dashboard-port", "auto")["changed"] is False

    url, token_file = status["head"]["dashboard_url"], Path(status["auth"]["token_file"])
    assert token_file.stat().st_mode & 0o777 == 0o600
    token = token_file.read_text().strip()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        get(f"{url}/api/version")
    job = get(
        f"{url}/api/jobs/",
        token,
        {"entrypoint": "python -c 'import ray; ray.init(); print(ray.get(ray.remote(lambda: 41).remote()) + 1)'"},
    )
    done = until(
        lambda: (
            (found := get(f"{url}/api/jobs/{job['submission_id']}", token))["status"] in {"SUCCEEDED", "FAILED"}
            and found
        ),
        "the job",
    )
    assert done["status"] == "SUCCEEDED", done
    lines = shell.documents(shell.run("logs", f"job/{job['submission_id']}"))
    assert any("42" in line["line"] for line in lines)

    report = json.loads((shell.folder / "local" / CLUSTER / "nodes" / f"{CLUSTER}-worker-1.json").read_text())
    (raylet,) = [
        child for child in psutil.Process(report["ray_pid"]).children(recursive=True) if child.name() == "raylet"
    ]
    raylet.kill()
    seen = until(lambda: (found := shell("status"))["verdict"] == "degraded" and found, "the verdict degraded")
    assert [condition["subject"] for condition in seen["conditions"]] == [f"{CLUSTER}-worker-1"]
    shell("status", "--exit-code", code=3)

    assert shell("scale", "2")["phase"] == "running"
    assert len(shell("status", "--exit-code")["workers"]) == 2
    assert shell("stop", "--yes")["phase"] == "absent"
    assert shell.processes() == []
    assert get(f"{foreign}/api/version")["ray_version"]
    shell("status", "--exit-code", code=5)


def test_the_head_s_death_is_named_within_one_look_and_start_mends_it(shell: Shell):
    shell("start", "--workers", "0", "--ray-port", "auto", "--dashboard-port", "auto")
    record = json.loads((shell.folder / "local" / CLUSTER / "applications" / f"{CLUSTER}-head.json").read_text())
    os.kill(record["pid"], signal.SIGKILL)
    status = until(lambda: (found := shell("status"))["broken_link"] and found, "the broken link")
    assert (status["verdict"], status["broken_link"]["layer"]) == ("down", "application")
    assert shell("start", "--workers", "0", "--ray-port", "auto", "--dashboard-port", "auto")["phase"] == "running"


def test_an_interrupted_start_leaves_nothing(shell: Shell):
    command = [
        sys.executable,
        "-m",
        "raytui",
        "--cluster",
        CLUSTER,
        "start",
        "--ray-port",
        "auto",
        "--dashboard-port",
        "auto",
    ]
    process = subprocess.Popen(command, env=shell.env, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "head answers" in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    assert process.wait(60) == 130
    assert f"no application of {CLUSTER} is listed now" in rest
    process.stderr.close()
    assert shell.processes() == []
