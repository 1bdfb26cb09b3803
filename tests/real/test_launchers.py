"""The launchers with a real Ray: they come up, tell the truth about their node, and leave nothing behind however they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raytui.manager.launchers import write
from tests.unit.launchers.world import ROOT, Run, clean_environment, wait_until

pytestmark = pytest.mark.real
VENV = Path(sys.prefix)
TOKEN = "real-launcher-test-token-0123456789abcdef"
KERNEL = ROOT / "tests" / "unit" / "launchers" / "kernel.py"
# A shared machine starts a node in up to a minute; a lost head is noticed by a raylet after 61 s.
START_S, LOST_S, END_S = 120.0, 120.0, 60.0


def free_port() -> int:
    """A port outside the ranges from which Ray and the kernel pick theirs."""
    for port in range(20200, 30000, 7):
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            if port not in _given:
                _given.add(port)
                return port
    pytest.fail("no free port from 20200 to 30000")


_given: set[int] = set()


class Nodes:
    """Launchers of one cluster in a short folder of their own, so that Ray's socket paths fit."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rtl", dir="/tmp"))
        self.shared = self.folder / "shared"
        self.token = self.folder / "token"
        self.token.write_text(TOKEN)
        self.token.chmod(0o600)
        write(self.folder)
        self.runs: list[Run] = []

    def start(self, role: str, application: str, interpreter: tuple[str, ...] = (), **more: object) -> Run:
        own = {
            "RAYTUI_VENV": VENV, "RAYTUI_CLUSTER": "real", "RAYTUI_APPLICATION": application, "RAYTUI_SHARED_DIR": self.shared,
            "RAYTUI_TEMP_DIR": self.folder / "r", "RAYTUI_NUM_CPUS": 1, "RAYTUI_MEMORY_BYTES": 10**9, "RAYTUI_OBJECT_STORE_BYTES": 80_000_000,
            "RAYTUI_AGENT_PORT": free_port(), "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": self.token, **more,
        }  # fmt: skip
        env = clean_environment() | {key: str(value) for key, value in own.items()}
        with (self.folder / f"{application}.out").open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *interpreter, str(self.folder / f"ray_{role}_launcher.py")],
                env=env, cwd=self.folder, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        self.runs.append(Run(process, self.folder, application))
        return self.runs[-1]

    def head(self, application: str = "real-head", **more: object) -> Run:
        ports = {
            "RAYTUI_RAY_PORT": free_port(),
            "RAYTUI_DASHBOARD_PORT": free_port(),
            "RAYTUI_CLIENT_PORT": free_port(),
        }
        return self.start("head", application, **{**ports, **more})

    def rendezvous(self) -> dict[str, Any]:
        path = self.shared / "rendezvous.json"
        return json.loads(path.read_text()) if path.exists() else {}

    def close(self) -> None:
        for run in reversed(self.runs):
            run.process.terminate()
        for run in self.runs:
            try:
                run.process.wait(END_S)
            except subprocess.TimeoutExpired:
                run.process.kill()
                run.process.wait()
        for pid in of_session({run.process.pid for run in self.runs}):
            os.kill(pid, signal.SIGKILL)
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)


def table() -> dict[int, tuple[str, int, str]]:
    """State, session and command line of every process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_bytes().rpartition(b")")[2].split()
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found[int(entry.name)] = (words[0].decode(), int(words[3]), command)
    return found


def of_session(sessions: set[int]) -> list[int]:
    return [pid for pid, (state, session, _) in table().items() if session in sessions and state != "Z"]


def part(run: Run, name: str) -> int:
    """The pid of one of the node's processes, by a word of its command line."""
    return next(pid for pid, (_, session, command) in table().items() if session == run.process.pid and name in command)


def alive(run: Run) -> Run:
    def settled() -> bool:
        assert run.process.poll() is None, run.output[-3000:]
        return run.node.get("pid") == run.process.pid and run.node["state"] == "alive"

    wait_until(f"{run.application} to be alive", settled, START_S)
    return run


def gone(run: Run) -> None:
    wait_until(f"every process of {run.application} to end", lambda: not of_session({run.process.pid}), END_S)


def asked(port: int, path: str, token: str = "") -> int:
    """The status of a GET through the application port; 0 while nothing listens, 0 for the page of a head whose dashboard is not up."""
    # As some workbenches do, the way in hands the caller's API key on.
    headers = {"Authorization": "Bearer the-platform-s-key"} | (
        {"X-Ray-Authorization": f"Bearer {token}"} if token else {}
    )
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status if path == "/" or answer.headers["Content-Type"].startswith("application/json") else 0
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.close()


@pytest.fixture(scope="module")
def head(nodes: Nodes) -> Run:
    return alive(nodes.head())


def test_head_and_worker_come_up_side_by_side_and_say_who_they_are(nodes: Nodes):
    worker = nodes.start("worker", "real-worker-1")
    app_port = free_port()
    first = nodes.head("real-head", CDSW_APP_PORT=app_port, RAYTUI_EXPOSE_DASHBOARD=1)
    wait_until("the status page", lambda: asked(app_port, "/") == 200)
    alive(worker)
    alive(first)
    meeting = nodes.rendezvous()
    for run in (first, worker):
        assert run.node["address"] == meeting["address"]
        assert run.node["generation"] == meeting["generation"]
        assert (run.node["ray_version"], run.node["message"]) == (meeting["ray_version"], "")
    assert len({run.node["node_id"] for run in (first, worker)}) == 2
    wait_until("the dashboard behind the page", lambda: asked(app_port, "/api/version", TOKEN) == 200, START_S)
    assert asked(app_port, "/api/version") == 401
    assert worker.stop() == 0
    assert (worker.node["state"], worker.node["exit_code"]) == ("ended", 1)
    assert of_session({worker.process.pid}) == []
    assert list((nodes.shared / "logs").glob("worker-1-*.raylet.out.tail"))
    assert first.stop() == 0
    assert of_session({first.process.pid}) == []
    assert nodes.rendezvous() == {}


def test_a_wrong_token_is_refused_before_ray_starts(nodes: Nodes, head: Run):
    wrong = nodes.folder / "wrong"
    wrong.write_text("not-the-token")
    worker = nodes.start("worker", "real-worker-2", RAY_AUTH_TOKEN_PATH=wrong, RAY_HEAD_ADDRESS=head.node["address"])
    assert worker.wait() == 1
    assert "refuses the token" in worker.last_line
    assert "ray start" not in worker.output


def test_a_killed_launcher_leaves_nothing_and_a_killed_agent_or_raylet_ends_its_launcher(nodes: Nodes, head: Run):
    launcher, agent, raylet = (nodes.start("worker", f"real-worker-{number}") for number in (3, 4, 5))
    for run in (launcher, agent, raylet):
        alive(run)
    launcher.process.kill()
    os.kill(part(agent, "DashboardAgent"), signal.SIGKILL)
    os.kill(part(raylet, "raylet/raylet"), signal.SIGKILL)
    assert raylet.process.wait(END_S) == 1
    assert "the raylet ended (killed by signal 9)" in raylet.last_line
    assert agent.process.wait(END_S) == 1
    assert "the raylet is gone although ray start still runs" in agent.last_line
    launcher.process.wait()
    for run in (launcher, agent, raylet):
        gone(run)


def test_ctrl_c_in_a_kernel_ends_the_node_and_falls_off_the_end(nodes: Nodes, head: Run):
    worker = alive(nodes.start("worker", "real-worker-6", (str(KERNEL),)))
    os.killpg(worker.process.pid, signal.SIGINT)
    assert worker.process.wait(END_S) == 0, worker.output[-2000:]
    gone(worker)


def test_a_worker_follows_its_head_to_another_port_and_outlives_a_killed_one(nodes: Nodes, head: Run):
    worker = alive(nodes.start("worker", "real-worker-7"))
    first = worker.node["node_id"]
    head.process.kill()
    head.process.wait()
    gone(head)
    second = alive(nodes.head("real-head"))
    wait_until(
        "the worker at the new head",
        lambda: worker.node["generation"] == second.node["generation"] and worker.node["state"] == "alive",
        START_S,
    )
    assert worker.node["node_id"] not in ("", first)
    assert worker.node["address"] == second.node["address"]
    assert worker.process.poll() is None
    os.kill(part(second, "gcs_server"), signal.SIGKILL)
    assert second.process.wait(END_S) == 1
    assert "GCS ended (killed by signal 9)" in second.last_line
    gone(second)
    wait_until(
        "the worker to notice",
        lambda: worker.node["message"].startswith(("the head does not answer", "no head yet")),
        LOST_S,
    )
    assert worker.stop() == 0
    gone(worker)
