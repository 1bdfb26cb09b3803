"""Commands against a dashboard address: what looks works, what would change a node is refused before any request."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.dashboard import DATA, FILES, FakeDashboard

OLD = Path(DATA).parent / "ray-2.9.3"


@pytest.fixture(autouse=True)
def no_token(tmp_path, monkeypatch):
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAYTUI_ADDRESS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def ray() -> Iterator[FakeDashboard]:
    """A dashboard on a loop of its own: each command has another."""
    dashboard, ready, loop = FakeDashboard(), threading.Event(), asyncio.new_event_loop()
    over = asyncio.Event()

    async def serve() -> None:
        async with dashboard.serving():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    ready.wait(10)
    yield dashboard
    loop.call_soon_threadsafe(over.set)
    thread.join(10)
    loop.close()


@pytest.fixture
def old_ray(ray: FakeDashboard) -> FakeDashboard:
    """Ray 2.9.3 without Serve: a head, and a worker that was killed."""
    for path, name in FILES.items():
        recorded = OLD / name.replace("v0_nodes", "v0_nodes_dead").replace("nodes_summary", "nodes_summary_dead")
        if recorded.exists():
            ray.bodies[path] = recorded.read_bytes()
    ray.statuses["/api/authentication_mode"] = (404, b"404: Not Found")
    ray.statuses["/api/serve/applications/"] = (
        501,
        b'Serve dependencies are not installed. Please run `pip install "ray[serve]"`.',
    )
    return ray


def test_status_says_what_ray_says_and_asks_each_question_once(ray, call):
    code, document, _ = call("--address", ray.url, "status")
    assert code == 0
    assert (document["platform"], document["profile"], document["cluster"]) == (
        "attached",
        "attached",
        ray.url.partition("//")[2],
    )
    assert document["head"]["dashboard_url"] == ray.url
    assert document["links"]["platform"] == document["links"]["application"] == "unchecked"
    assert document["nodes"] == {"alive": 2, "dead": 1}
    assert set(ray.requests.values()) == {1}
    assert "/api/authentication_mode" not in ray.requests


def test_the_address_may_stand_behind_the_verb_or_in_the_environment(ray, call, monkeypatch):
    assert call("nodes", "--address", ray.url)[0] == 0
    monkeypatch.setenv("RAYTUI_ADDRESS", ray.url)
    assert call("nodes")[1]["total"] == 3


def test_an_empty_address_leads_to_no_look_at_something_else(call):
    for words in (("nodes", "--address", ""), ("status", "--address", "")):
        code, document, _ = call(*words)
        assert code == 2
        assert "address of the Ray dashboard is missing" in document["error"]["message"]


@pytest.mark.parametrize(
    "kind", ["nodes", "apps", "jobs", "actors", "serve", "events", "logs --list", "doctor", "orphans"]
)
def test_every_verb_that_looks_works(ray, call, kind):
    code, document, _ = call("--address", ray.url, *kind.split())
    assert code == 0, document
    assert "items" in document


@pytest.mark.parametrize(
    "words",
    [
        "start",
        "start --dry-run",
        "stop --yes",
        "scale 3",
        "restart",
        "verify",
        "deploy --github-repo a/b",
        "orphans --reap --yes",
    ],
)
def test_every_verb_that_changes_nodes_is_refused_before_any_request(ray, call, words):
    code, document, _ = call("--address", ray.url, *words.split())
    assert (code, document["error"]["reason"]) == (8, "OnlyWatched")
    assert not ray.requests


def test_an_old_ray_is_read_whole_and_what_it_does_not_tell_is_unknown(old_ray, call, text):
    code, document, _ = call("--address", old_ray.url, "status")
    assert (code, document["verdict"], document["ray_version"]) == (0, "ok", "2.9.3")
    assert document["nodes"] == {"alive": 1, "dead": 1}
    assert document["auth"] is None
    for kind in ("nodes", "apps", "jobs", "actors", "serve", "events"):
        assert call("--address", old_ray.url, kind)[0] == 0, kind
    dead = next(node for node in call("--address", old_ray.url, "nodes")[1]["items"] if node["state"] == "DEAD")
    assert (dead["reason"], dead["message"]) == ("UNEXPECTED_TERMINATION", "")
    code, out, _ = text("--address", old_ray.url, "doctor")
    assert code == 0
    assert "Ray 2.9.3; it does not tell more than a word of why a node ended, whether it asks for a token" in out
    assert "RAY_AUTH_MODE" not in call("--address", old_ray.url, "env")[1]["variables"]


def test_an_old_ray_with_a_token_at_hand_is_not_sent_it(old_ray, call, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t0ken")
    assert call("--address", old_ray.url, "status")[1]["verdict"] == "ok"
    assert not [headers for headers in old_ray.headers if "authorization" in headers]


def test_a_ray_that_asks_for_its_token_gets_it_and_says_so_without_one(ray, call, monkeypatch, tmp_path):
    ray.token = "t0ken"
    code, document, _ = call("--address", ray.url, "status", "--exit-code")
    assert (code, document["broken_link"]["layer"], document["links"]["login"]) == (6, "login", "broken")
    (tmp_path / "token").write_text("t0ken\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    code, document, _ = call("--address", ray.url, "status")
    assert document["auth"] == {"mode": "token", "token_file": str(tmp_path / "token")}


@pytest.mark.parametrize(
    ("fault", "layer", "reported"),
    [
        ("login_page", "login", "login page"),
        ("redirect", "login", "redirect"),
        ("html", "dashboard", "a web page"),
        ("404", "dashboard", "not Ray's dashboard"),
        ("not_http", "dashboard", "does not speak HTTP"),
        ("gcs_hung", "gcs", "GCS does not"),
    ],
)
def test_whatever_answers_in_the_place_of_ray_is_named(ray, call, fault, layer, reported):
    ray.fail(fault)
    broken = call("--address", ray.url, "status")[1]["broken_link"]
    assert broken["layer"] == layer
    assert reported in broken["message"]
    assert "raytui logs" not in broken["hint"]
    assert "raytui restart" not in broken["hint"]


def test_nobody_at_the_address_is_the_first_broken_link_and_no_verdict(call):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    code, document, _ = call("--address", f"http://127.0.0.1:{port}", "status", "--exit-code")
    assert (code, document["verdict"], document["broken_link"]["layer"]) == (6, "unknown", "dashboard")
    assert "port-forward" in document["broken_link"]["hint"]
    assert document["nodes"] == {"alive": None, "dead": None}
    assert call("--address", f"http://127.0.0.1:{port}", "nodes")[0] == 6
    code, document, _ = call("--address", f"http://127.0.0.1:{port}", "doctor")
    rows = {row["name"]: row for row in document["items"]}
    assert (code, rows["network"]["status"], rows["dashboard"]["status"]) == (1, "ok", "fail")
    assert rows["network"]["message"] == f"http://127.0.0.1:{port} is reached: it refuses the connection"


@pytest.mark.parametrize(
    "words", ["logs", "logs head/raylet.out -f", "logs --grep (", "jobs --watch --limit none", "watch --timeout none"]
)
def test_an_error_before_the_first_line_of_a_stream_is_a_line(ray, text, words):
    ray.fail("not_http")
    code, out, _ = text("--address", ray.url, *words.split(), "-o", "json")
    assert code in {2, 6}
    (line,) = out.splitlines()
    assert json.loads(line)["error"]["message"]


def test_rays_own_port_is_told_from_its_dashboards(ray, text):
    ray.fail("not_http")
    _, out, _ = text("--address", ray.url, "status")
    assert "GCS" in out
    assert "port 8265" in out


def test_logs_of_a_node_are_rays_files(ray, text):
    code, out, _ = text("--address", ray.url, "logs")
    assert (code, bool(out)) == (0, True)
    assert "filename=raylet.out" in next(query for query in ray.queries if query.startswith("/api/v0/logs/file"))


def test_env_prints_lines_for_a_shell_and_never_the_token(ray, text, monkeypatch, tmp_path):
    ray.token = "t0ken"
    token = tmp_path / "a token"
    token.write_text("t0ken\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    code, out, err = text("--address", ray.url, "env")
    assert (code, out.splitlines()) == (
        0,
        [
            f"export RAY_ADDRESS={ray.url}",
            f"export RAY_API_SERVER_ADDRESS={ray.url}",
            "export RAY_AUTH_MODE=token",
            f"export RAY_AUTH_TOKEN_PATH='{token}'",
            "unset RAY_AUTH_TOKEN",
        ],
    )
    assert "t0ken" not in err


def test_env_prints_nothing_of_a_cluster_that_does_not_answer(ray, text):
    ray.fail("gcs_hung")
    code, out, _ = text("--address", ray.url, "env")
    assert (code, out) == (6, "")


def program(ray: FakeDashboard, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "raytui", "--address", ray.url, "exec", *words]
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_exec_runs_a_command_in_that_environment_and_its_exit_code_is_its_own(ray):
    show = "import json, os, sys; print(json.dumps([os.environ['RAY_ADDRESS'], sys.argv[1:]])); sys.exit(7)"
    done = program(ray, sys.executable, "-c", show, "--output", "-v")
    out, _ = done.communicate(timeout=60)
    assert json.loads(out) == [ray.url, ["--output", "-v"]]
    assert done.returncode == 7


def test_exec_passes_signals_on(ray):
    wait = "import signal, sys; signal.signal(15, lambda *_: sys.exit(9)); print('ready', flush=True); signal.pause()"
    with program(ray, "--", sys.executable, "-c", wait) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "ready\n"
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=60) == 9


def test_exec_of_a_command_that_does_not_exist_is_one_sentence(ray):
    done = program(ray, "--", "no-such-command-here")
    _, err = done.communicate(timeout=60)
    assert (done.returncode, err.splitlines()[0]) == (5, "error: there is no command no-such-command-here")


def test_a_watch_tells_the_verdict_that_it_ends_on(ray, text, tmp_path):
    ray.statuses["/api/gcs_healthz"] = (503, b"no")
    there = tmp_path / "reported"

    def heal() -> None:
        while ray.requests["/api/gcs_healthz"] < 2:  # the first was answered
            time.sleep(0.01)
        del ray.statuses["/api/gcs_healthz"]

    healing = threading.Thread(target=heal)
    healing.start()
    program = tmp_path / "tell"
    program.write_text(f'#!/bin/sh\necho "$RAYTUI_PREVIOUS_VERDICT $RAYTUI_VERDICT" > {there}\n')
    program.chmod(0o755)
    done = text("--address", ray.url, "--notify", str(program), "watch", "--until", "ok", "--timeout", "60")
    healing.join()
    assert done[0] == 0
    assert there.read_text().split()[1] == "ok"


def test_a_watch_asks_the_node_list_once_a_round_whatever_the_number_of_nodes(ray, text):
    ray.bodies["/api/v0/nodes"] = json.dumps(
        {
            "result": True,
            "msg": "",
            "data": {
                "result": {
                    "total": 700,
                    "result": [
                        {
                            "node_id": f"{n:056x}",
                            "node_ip": "10.0.0.1",
                            "node_name": "10.0.0.1",
                            "is_head_node": n == 0,
                            "state": "ALIVE",
                        }
                        for n in range(700)
                    ],
                }
            },
        }
    ).encode()
    assert text("--address", ray.url, "watch", "--until", "ok", "--timeout", "30")[0] == 0
    assert ray.requests["/api/v0/nodes"] == ray.requests["/api/gcs_healthz"]
    assert text("--address", ray.url, "nodes", "--limit", "1")[0] == 0
    assert ray.requests["/api/v0/nodes"] == ray.requests["/api/gcs_healthz"]
