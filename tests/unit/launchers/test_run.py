"""Launchers as processes, with a fake `ray`: what is run, what is reported, and what is left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from raytui_node.node import WorkerNode
from raytui_node.settings import read_settings

from tests.unit.launchers.gcs import fake_gcs
from tests.unit.launchers.world import ROOT, Run, World, wait_until

RECORDED = Path(__file__).with_name("recorded")


def rendezvous(world: World, address: str, generation: str, **more: str) -> None:
    world.shared.mkdir(exist_ok=True)
    temporary = world.shared / ".r"
    temporary.write_text(json.dumps({"cluster": "c", "address": address, "generation": generation, **more}))
    temporary.replace(world.shared / "rendezvous.json")


def test_a_head_runs_ray_start_and_ends_it_on_sigterm(world: World):
    run = world.start("head", RAYTUI_SHARED_DIR=world.shared, RAYTUI_RAY_PORT=None)
    (call,) = run.wait_for_calls(1)
    assert call["argv"][:7] == ["start", "--head", "--port", "6379", "--dashboard-port", "8265", "--block"]
    assert call["env"]["PATH"].startswith(f"{world.venv}/bin:")
    assert (call["group"], call["session"]) == (call["pid"], run.process.pid)
    run.wait_for_text("fake ray runs")
    assert run.node["ray_pid"] in (0, call["pid"])
    assert run.stop() == 0
    assert (run.node["state"], run.node["exit_code"], run.node["ray_pid"]) == ("ended", 1, 0)
    assert world.processes() == []


def test_the_checkout_s_own_files_run_as_well(world: World):
    run = world.start(
        "worker",
        script=ROOT / "launchers" / "ray_worker_launcher.py",
        RAY_HEAD_ADDRESS="127.0.0.1:1",
        FAKE_RAY="exit:5",
    )
    assert run.wait() == 5
    assert run.calls[0]["argv"][:4] == ["start", "--address", "127.0.0.1:1", "--block"]


def test_a_node_is_the_venv_s_python_on_the_folder_beside_the_script(world: World):
    run = world.start(
        "head",
    )
    ray = run.wait_for_calls(1)[0]["pid"]
    node = int(Path(f"/proc/{ray}/stat").read_text().rpartition(")")[2].split()[1])
    words = Path(f"/proc/{node}/cmdline").read_text().split("\0")
    assert words[1:-1] == ["-u", "-E", f"{world.folder}/scripts/raytui_node", "head", str(run.process.pid)]
    assert run.stop() == 0


def test_a_script_in_a_folder_of_the_user_s_own_runs_what_stands_beside_it(world: World):
    own = world.folder / "my project"
    shutil.copytree(world.folder / "scripts", own)
    for name in ("html", "socket", "json"):
        (own / f"{name}.py").write_text("raise SystemExit('a file of the project was imported')\n")
    stranger = world.folder / "elsewhere/raytui_node"
    stranger.mkdir(parents=True)
    (stranger / "__init__.py").write_text("raise SystemExit('another raytui_node was imported')\n")
    script = own / "ray_head_launcher.py"
    run = world.start("head", script=script, PYTHONPATH=stranger.parent, CDSW_APP_PORT=free_port(), FAKE_RAY="exit:7")
    assert run.wait() == 7
    assert "was imported" not in run.output


def test_a_script_without_its_folder_says_where_it_looked(world: World):
    lonely = world.folder / "lonely" / "ray_head_launcher.py"
    lonely.parent.mkdir()
    shutil.copy(world.folder / "scripts" / "ray_head_launcher.py", lonely)
    run = world.start("head", script=lonely)
    assert run.wait() == 1
    places = [
        lonely.parent / "raytui_node",
        world.folder / "raytui_node",
        world.folder / ".raytui/c/launchers/raytui_node",
    ]
    assert (
        run.output
        == f"no node program at {', '.join(map(str, places))}; `raytui render --to DIR` writes all that is needed\n"
    )


def test_a_node_program_that_is_killed_takes_ray_with_it(world: World):
    run = world.start("head", FAKE_RAY="raylet", RAYTUI_SHARED_DIR=world.shared)
    wait_until("the node id", lambda: run.node.get("node_id"))
    ray = run.calls[0]["pid"]
    os.kill(int(Path(f"/proc/{ray}/stat").read_text().rpartition(")")[2].split()[1]), signal.SIGKILL)
    assert run.wait() == 137
    assert run.last_line == "the node program was ended by signal 9"
    wait_until("everything to end", lambda: world.processes() == [])


def test_a_stop_that_comes_before_the_node_program_listens_is_a_clean_end(world: World):
    world.program("python", "#!/bin/sh\necho began; exec sleep 60\n")
    run = world.start("head")
    run.wait_for_text("began")
    assert run.stop() == 0
    assert world.processes() == []


def test_the_node_program_runs_by_hand(world: World):
    def by_hand(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(world.folder / "scripts/raytui_node"), *words]
        environment = world.environment("c-head", FAKE_RAY="exit:0")
        return subprocess.run(
            command, env=environment, cwd=world.folder, capture_output=True, text=True, check=False, timeout=60
        )

    assert by_hand("head").returncode == 0
    reported = by_hand("tail")
    assert (reported.returncode, reported.stderr.partition(":")[0]) == (2, "name the role of the node")


@pytest.mark.parametrize(("behaviour", "code"), [("exit:7", 7), ("exit:0", 0)])
def test_ray_s_exit_code_is_passed_on(world: World, behaviour: str, code: int):
    run = world.start("head", FAKE_RAY=behaviour)
    assert run.wait() == code
    assert f"exit code {code}" in run.last_line


def test_ray_killed_by_a_signal_reads_as_a_shell_would_say_it(world: World):
    run = world.start("head")
    os.kill(run.wait_for_calls(1)[0]["pid"], signal.SIGKILL)
    assert run.wait() == 137
    assert "ended by signal 9" in run.last_line


def test_the_reason_in_ray_s_output_is_the_last_line(world: World):
    run = world.start("head", RAYTUI_SHARED_DIR=world.shared, FAKE_RAY=f"say:{RECORDED}/port_in_range.txt:1")
    assert run.wait() == 1
    assert run.last_line == (
        "c-head: port 16379 lies in a range that Ray uses itself (worker_ports); choose a port outside 10002-19999"
    )
    assert (run.node["state"], run.node["hint"]) == ("failed", "choose a port outside 10002-19999")
    assert "Ray component worker_ports" in run.output


def test_a_missing_venv_is_one_sentence(world: World):
    shutil.rmtree(world.venv)
    run = world.start("head")
    assert run.wait() == 1
    assert run.output.startswith(f"no virtual environment at {world.venv}: ")
    assert len(run.output.splitlines()) == 1


def test_a_missing_ray_is_one_sentence(world: World):
    (world.venv / "bin/ray").unlink()
    run = world.start("worker")
    assert run.wait() == 1
    assert run.output.startswith(f"Ray is not installed in the virtual environment: there is no {world.venv}/bin/ray")
    assert len(run.output.splitlines()) == 1


def test_nonsense_in_the_environment_is_one_sentence(world: World):
    run = world.start("head", RAYTUI_RAY_PORT="lots")
    assert run.wait() == 1
    assert run.output == "RAYTUI_RAY_PORT=lots is not a number from 1 to 65535\n"


def test_a_ray_that_does_not_end_is_killed_with_all_it_started(world: World):
    run = world.start("head", FAKE_RAY="deaf", RAYTUI_STOP_GRACE_S="0.3")
    run.wait_for_text("fake ray runs")
    assert run.stop() == 1
    assert "did not end within 0.3 s of SIGTERM and was killed" in run.last_line
    assert world.processes() == []


def test_a_second_ctrl_c_does_not_wait(world: World):
    run = world.start("head", FAKE_RAY="deaf")
    run.wait_for_text("fake ray runs")
    run.process.send_signal(signal.SIGINT)
    run.wait_for_text("ending Ray")
    assert run.stop(signal.SIGINT) == 1
    assert run.last_line == "c-head: Ray was killed at the second Ctrl-C"
    assert world.processes() == []


def test_what_outlives_ray_is_ended(world: World):
    run = world.start("head", FAKE_RAY="orphan", RAYTUI_SHARED_DIR=world.shared)
    wait_until("the node id", lambda: run.node.get("node_id"))
    assert run.node["node_id"] == "ab" * 28
    assert run.stop() == 0
    assert world.processes() == []
    tails = {path.name.partition(".")[2]: path.read_text() for path in (world.shared / "logs").glob("*.tail")}
    assert sorted(tails) == ["raylet.err.tail", "raylet.out.tail"]
    assert tails["raylet.out.tail"].endswith("last words out\n")


def test_nothing_is_left_when_the_launcher_itself_is_killed(world: World):
    run = world.start("head", FAKE_RAY="raylet")
    run.wait_for_text("fake ray runs")
    run.process.kill()
    run.wait()
    wait_until("everything to end", lambda: world.processes() == [])


def test_a_lost_raylet_ends_a_ray_that_lives_on(world: World):
    run = world.start("head", FAKE_RAY="raylet", RAYTUI_SHARED_DIR=world.shared)
    wait_until("the node id", lambda: run.node.get("node_id"))
    (raylet,) = [
        pid for pid in world.processes() if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/fake/raylet")
    ]
    os.kill(raylet, signal.SIGKILL)
    assert run.wait() == 1
    assert run.last_line.startswith("c-head: the raylet is gone although ray start still runs")
    assert (run.node["state"], run.node["exit_code"]) == ("failed", 1)


def announced(world: World) -> dict[str, str]:
    path = world.shared / "rendezvous.json"
    return json.loads(wait_until("the rendezvous", lambda: path.exists() and path.read_text()))


def test_a_head_announces_itself_when_its_own_gcs_answers(world: World):
    port = free_port()
    run = world.start(
        "head", FAKE_RAY="head", RAYTUI_RAY_PORT=port, RAYTUI_DASHBOARD_PORT=8299, RAYTUI_SHARED_DIR=world.shared
    )
    run.wait_for_text("fake ray runs")
    assert not (world.shared / "rendezvous.json").exists()
    (world.folder / "gcs-may-start").touch()
    written = announced(world)
    assert written["address"] == f"127.0.0.1:{port}"
    assert (written["cluster_id"], written["ray_version"], written["python_version"]) == ("e0" * 28, "2.60.0", "3.11.7")
    assert written["dashboard_url"] == "http://127.0.0.1:8299"
    assert written["generation"] == run.node["generation"]
    assert run.stop() == 0
    assert not (world.shared / "rendezvous.json").exists()


def test_somebody_else_s_head_on_the_port_is_neither_announced_nor_given_the_token(world: World):
    (world.folder / "gcs-may-start").touch()
    with fake_gcs() as gcs:
        gcs.cluster_id = b"\xe1" * 28
        port = int(gcs.address.rpartition(":")[2])
        secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "not-for-strangers"}
        run = world.start("head", FAKE_RAY="head", RAYTUI_RAY_PORT=port, RAYTUI_SHARED_DIR=world.shared, **secret)
        run.wait_for_text("fake ray runs")
        wait_until("the launcher to see its own GCS", lambda: run.node.get("node_id"))
        assert not (world.shared / "rendezvous.json").exists()
    assert announced(world)["cluster_id"] == "e0" * 28
    assert gcs.seen
    assert not any(b"not-for-strangers" in request for request in gcs.seen)


@pytest.mark.parametrize(
    ("refuse", "known"),
    [(False, f"its cluster id is {'e1' * 28}"), (True, "it asks for a token, so its cluster is unknown")],
)
def test_a_head_whose_port_another_head_holds_says_so_and_not_that_a_head_refused_it(
    world: World, refuse: bool, known: str
):
    with fake_gcs() as gcs:
        gcs.cluster_id, gcs.refuse = b"\xe1" * 28, refuse
        port = int(gcs.address.rpartition(":")[2])
        run = world.start(
            "head", FAKE_RAY=f"say:{RECORDED}/token_wrong.txt:1", RAYTUI_RAY_PORT=port, RAYTUI_SHARED_DIR=world.shared
        )
        assert run.wait() == 1
    assert run.last_line.startswith(
        f"c-head: port {port} of this node is held by another Ray head, not by this one ({known}); stop that Ray"
    )
    assert run.node["message"].startswith(f"port {port} of this node is held")


def test_a_worker_joins_only_the_head_that_was_announced(world: World):
    with fake_gcs() as stranger, fake_gcs() as ours:
        stranger.cluster_id = b"\xe1" * 28
        rendezvous(world, stranger.address, "g1", cluster_id="e0" * 28)
        run = world.start("worker", "c-worker-1", RAYTUI_SHARED_DIR=world.shared)
        run.wait_for_text(f"is not the announced one (cluster id {'e1' * 28}, announced is {'e0' * 28})")
        asked = len(stranger.seen)
        wait_until("looks for longer than the stable window", lambda: len(stranger.seen) > asked + 4)
        assert run.calls == []
        rendezvous(world, ours.address, "g2", cluster_id="e0" * 28)
        assert run.wait_for_calls(1)[0]["argv"][2] == ours.address
        assert run.stop() == 0


def test_a_named_address_does_not_make_a_stranger_the_announced_head(world: World):
    rendezvous(world, "10.0.0.5:6379", "g1", cluster_id="e0" * 28)
    with fake_gcs() as stranger:
        stranger.cluster_id = b"\xe1" * 28
        run = world.start(
            "worker", RAYTUI_SHARED_DIR=world.shared, RAY_HEAD_ADDRESS=stranger.address, RAYTUI_HEAD_TIMEOUT_S="2"
        )
        assert run.wait() == 1
    assert "for 2 s, so this worker ended itself: the Ray head that answers is not the announced one" in run.last_line
    assert run.calls == []


def test_a_stranger_that_comes_up_while_ray_waits_for_its_head_is_left(world: World):
    port = free_port()
    rendezvous(world, f"127.0.0.1:{port}", "g1", cluster_id="e0" * 28)
    run = world.start("worker", RAYTUI_SHARED_DIR=world.shared, RAY_HEAD_ADDRESS=f"127.0.0.1:{port}")
    run.wait_for_calls(1)
    with fake_gcs(port) as stranger:
        stranger.cluster_id = b"\xe1" * 28
        run.wait_for_text("is not the announced one")
        assert run.stop() == 0


def test_a_worker_joins_at_once_when_its_head_is_healthy(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, RAYTUI_STABLE_WINDOW_S=None)
        (call,) = run.wait_for_calls(1)
    assert call["argv"][:4] == ["start", "--address", gcs.address, "--block"]


def test_a_worker_does_not_start_ray_before_its_head_starts_a_raylet(world: World):
    with fake_gcs() as gcs:
        gcs.stage = "starting"
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, RAYTUI_STABLE_WINDOW_S="3600")
        run.wait_for_text("its node is not up yet")
        assert run.calls == []
        gcs.stage = "ready"
        run.wait_for_calls(1)


def held(world: World, address: str) -> tuple[Run, int]:
    """A worker whose `ray start` is held before its first look for the head's node, and the pid of that."""
    run = world.start("worker", RAY_HEAD_ADDRESS=address, FAKE_PAUSE="1")
    pid = run.wait_for_calls(1)[0]["pid"]
    wait_until(
        "ray start to be held", lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    )
    return run, pid


def test_ray_is_held_until_the_head_s_node_is_registered(world: World):
    with fake_gcs() as gcs:
        gcs.stage = "ready"
        run, _ = held(world, gcs.address)
        assert "fake ray runs" not in run.output
        gcs.stage = "registered"
        run.wait_for_text("fake ray runs")
        assert run.stop() == 0


def test_a_held_ray_is_let_go_when_the_head_is_lost(world: World):
    with fake_gcs() as gcs:
        gcs.stage = "ready"
        run, _ = held(world, gcs.address)
    run.wait_for_text("fake ray runs")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_held_ray_ends_with_its_launcher(world: World, number: int):
    with fake_gcs() as gcs:
        gcs.stage = "ready"
        run, _ = held(world, gcs.address)
        assert run.stop(number) == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        wait_until("everything to end", lambda: world.processes() == [])


def test_a_worker_without_any_address_takes_the_default(tmp_path: Path):
    """Asked of the worker itself: a process would meet whatever listens on this machine's 6379."""
    shared = {"RAYTUI_SHARED_DIR": str(tmp_path), "RAYTUI_CLUSTER": "c", "RAYTUI_NUM_GPUS": "0"}
    for env, source in (({"RAYTUI_NUM_GPUS": "0"}, "default"), (shared, "guess")):
        worker = WorkerNode(read_settings("worker", env), env)
        worker.open()
        worker._first_generation = ""
        assert worker._target()[:2] == ("localhost:6379", source)
        worker.close()


def test_a_worker_waits_for_the_rendezvous_and_follows_the_head(world: World):
    with fake_gcs() as first, fake_gcs() as second:
        second.cluster_id = b"\xe2" * 28
        run = world.start("worker", "c-worker-1", RAYTUI_SHARED_DIR=world.shared, RAYTUI_STABLE_WINDOW_S="3600")
        wait_until("the waiting state", lambda: run.node.get("state") == "waiting")
        assert run.node["message"] == f"no head yet: no head has written {world.shared}/rendezvous.json"
        rendezvous(world, first.address, "g1", cluster_id="e0" * 28)
        assert run.wait_for_calls(1)[0]["argv"][2] == first.address
        wait_until("the joining state", lambda: run.node["state"] == "joining")
        assert (run.node["address"], run.node["generation"]) == (first.address, "g1")
        rendezvous(world, second.address, "g2", cluster_id="e2" * 28)
        assert run.wait_for_calls(2)[1]["argv"][2] == second.address
        assert run.stop() == 0
    assert world.processes() == []


def test_a_rendezvous_that_names_the_head_already_joined_changes_nothing(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", "c-worker-1", RAYTUI_SHARED_DIR=world.shared, RAY_HEAD_ADDRESS=gcs.address)
        run.wait_for_calls(1)
        rendezvous(world, gcs.address, "g1", cluster_id="e0" * 28)
        wait_until("the generation", lambda: run.node["generation"] == "g1")
        assert len(run.calls) == 1


def test_a_new_head_at_the_same_address_is_joined_again(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address)
        run.wait_for_calls(1)
        wait_until("a look at GCS", lambda: len(gcs.seen) > 2)
        gcs.cluster_id = b"\xe3" * 28
        run.wait_for_calls(2)
        run.wait_for_text("the head came back as another one")


def test_without_rejoin_the_worker_stays_with_its_head(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, RAYTUI_REJOIN=0)
        run.wait_for_calls(1)
        gcs.cluster_id = b"\xe3" * 28
        asked = len(gcs.seen)
        wait_until("more looks at GCS", lambda: len(gcs.seen) > asked + 2)
        assert len(run.calls) == 1


def test_a_worker_whose_raylet_lost_gcs_waits_for_the_head_again(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, FAKE_RAY=f"say:{RECORDED}/gcs_lost.txt:1 sleep")
        run.wait_for_calls(2)
        run.wait_for_text("waits for it to come back")
        assert run.stop() == 0


def test_a_worker_that_loses_every_head_gives_up(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, FAKE_RAY=f"say:{RECORDED}/gcs_lost.txt:1")
        assert run.wait() == 1
        assert "lost the connection to GCS" in run.last_line
        assert len(run.calls) == 6


def test_a_killed_raylet_is_no_reason_to_rejoin(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address, FAKE_RAY=f"say:{RECORDED}/raylet_killed.txt:1 sleep")
        assert run.wait() == 1
        assert "raylet ended (killed by signal 9)" in run.last_line
        assert len(run.calls) == 1


def test_a_worker_of_another_version_refuses_before_it_runs_ray(world: World):
    with fake_gcs() as gcs:
        gcs.version = b"2.59.0"
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address)
        assert run.wait() == 1
    assert "the head runs Ray 2.59.0 and Python unknown, this node Ray 2.60.0 and Python 3.11.7" in run.last_line
    assert run.calls == []


def test_a_worker_of_another_python_refuses_by_the_rendezvous(world: World):
    with fake_gcs() as gcs:
        rendezvous(world, gcs.address, "g1", cluster_id="e0" * 28, ray_version="2.60.0", python_version="3.12.1")
        run = world.start("worker", RAYTUI_SHARED_DIR=world.shared)
        assert run.wait() == 1
    assert "Ray 2.60.0 and Python 3.12.1, this node Ray 2.60.0 and Python 3.11.7" in run.last_line
    assert run.node["state"] == "failed"
    assert run.calls == []


def test_a_refused_token_ends_the_worker_at_once(world: World):
    with fake_gcs() as gcs:
        gcs.refuse = True
        run = world.start("worker", RAY_HEAD_ADDRESS=gcs.address)
        assert run.wait() == 1
    assert "refuses the token" in run.last_line
    assert run.calls == []


def test_an_announced_head_that_refuses_the_token_may_be_another_s_for_a_while(world: World):
    with fake_gcs() as other, fake_gcs() as ours:
        other.refuse = True
        rendezvous(world, other.address, "g1")
        run = world.start("worker", RAYTUI_SHARED_DIR=world.shared, RAYTUI_STABLE_WINDOW_S="3600")
        run.wait_for_text("refuses the token")
        rendezvous(world, ours.address, "g2")
        assert run.wait_for_calls(1)[0]["argv"][2] == ours.address
    assert run.stop() == 0
    with fake_gcs() as other:
        other.refuse = True
        rendezvous(world, other.address, "g3")
        late = world.start("worker", "c-worker-2", RAYTUI_SHARED_DIR=world.shared)
        assert late.wait() == 1
        assert "refuses the token" in late.last_line


def test_a_worker_without_a_head_ends_itself_and_says_why(world: World):
    rendezvous(world, f"127.0.0.1:{free_port()}", "g1")
    run = world.start("worker", RAYTUI_SHARED_DIR=world.shared, RAYTUI_HEAD_TIMEOUT_S="0.5")
    assert run.wait() == 1
    assert "for 0.5 s, so this worker ended itself; start the head" in run.last_line
    assert run.calls == []


def test_a_ray_that_never_reaches_its_head_is_ended_too(world: World):
    run = world.start("worker", RAY_HEAD_ADDRESS=f"127.0.0.1:{free_port()}", RAYTUI_HEAD_TIMEOUT_S="1")
    run.wait_for_calls(1)
    assert run.wait() == 1
    assert "this worker ended itself" in run.last_line
    assert world.processes() == []


def test_an_address_without_a_port_is_one_sentence(world: World):
    run = world.start("worker", RAY_HEAD_ADDRESS="10.0.0.5")
    assert run.wait() == 1
    assert (
        run.last_line
        == "c-worker: the head address '10.0.0.5' is not HOST:PORT; give it as HOST:PORT in RAY_HEAD_ADDRESS"
    )


def test_a_worker_that_waits_ends_at_once_on_sigterm(world: World):
    rendezvous(world, f"127.0.0.1:{free_port()}", "g1")
    run = world.start("worker", RAYTUI_SHARED_DIR=world.shared)
    run.wait_for_text("no head yet")
    assert run.stop() == 0
    assert run.calls == []


def test_a_drain_request_ends_the_worker_cleanly(world: World):
    with fake_gcs() as gcs:
        run = world.start("worker", "c-worker-1", RAY_HEAD_ADDRESS=gcs.address, RAYTUI_SHARED_DIR=world.shared)
        run.wait_for_text("fake ray runs")
        (world.shared / "drain").mkdir(parents=True, exist_ok=True)
        (world.shared / "drain/c-worker-1").write_text("")
        assert run.wait() == 0
    assert (run.node["state"], run.node["message"]) == ("ended", "drained on request")


def test_the_status_page_answers_before_ray_does_anything(world: World):
    port = free_port()
    run = world.start(
        "worker", CDSW_APP_PORT=port, CDSW_ENGINE_ID="e1", RAY_AUTH_TOKEN="not-shown", RAYTUI_SHARED_DIR=world.shared
    )
    wait_until("the waiting state", lambda: run.node.get("state") == "waiting")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
        body = answer.read()
    assert answer.status == 200
    assert b"waiting" in body
    assert b"not-shown" not in body
    assert run.stop() == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)


def test_in_a_pod_the_output_is_kept_in_the_shared_folder(world: World):
    run = world.start("head", "c-head", CDSW_ENGINE_ID="e1", FAKE_RAY="exit:7")
    assert run.wait() == 7
    kept = (world.folder / ".raytui/c/logs/head-e1.log").read_text()
    assert "fake ray runs" in kept
    assert kept.rstrip().endswith("Ray ended with exit code 7; its last words: fake ray runs")
    assert run.calls[0]["env"]["RAY_AUTH_MODE"] == "disabled"
    node = json.loads((world.folder / ".raytui/c/nodes/c-head.json").read_text())
    assert {key: node[key] for key in ("schema_version", "role", "engine_id", "state", "exit_code", "cpus", "envoy_sidecar")} == {
        "schema_version": 1, "role": "head", "engine_id": "e1", "state": "failed", "exit_code": 7, "cpus": 2, "envoy_sidecar": False,
    }  # fmt: skip


def test_a_reader_that_goes_away_does_not_end_the_node(world: World):
    process = subprocess.Popen(
        [sys.executable, str(world.folder / "scripts/ray_head_launcher.py")],
        env=world.environment("c-head", RAYTUI_SHARED_DIR=world.shared, FAKE_RAY="raylet"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    process.stdout.close()
    node = world.shared / "nodes/c-head.json"
    wait_until("the node id", lambda: node.exists() and json.loads(node.read_text())["node_id"])
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
