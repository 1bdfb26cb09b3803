from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from raytui_node.process import Output, find_ray, left_behind, read_process, signal_child, spawn, still_runs, sweep

from tests.unit.launchers.world import ROOT, clean_environment, wait_until

SLEEP = ["/bin/sh", "-c", "while :; do sleep 0.2; done"]


@pytest.fixture
def pipe():
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def shell(text: str, **env: str) -> subprocess.Popen[bytes]:
    return spawn(["/bin/sh", "-c", text], {"PATH": os.defpath, **env})


def end(child: subprocess.Popen[bytes]) -> None:
    sweep(child.pid, "none")
    child.wait()
    child.stdout.close()


def test_a_child_has_its_own_group_in_our_session():
    child = spawn(SLEEP, {})
    process = read_process(child.pid)
    assert (process.group, process.session) == (child.pid, os.getsid(0))
    end(child)
    assert not still_runs(process)


def test_a_child_is_told_when_its_launcher_is_killed(tmp_path: Path):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'launchers')!r})\n"
        "from raytui_node.process import spawn\n"
        f"child = spawn(['/bin/sh', '-c', 'trap \"echo told > {tmp_path}/word; exit\" TERM; echo ready; while :; do sleep 0.05; done'], {{'PATH': '/bin:/usr/bin'}})\n"
        "print(child.stdout.readline(), flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    launcher = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=clean_environment())
    assert b"ready" in launcher.stdout.readline()
    launcher.kill()
    launcher.wait()
    launcher.stdout.close()
    wait_until("the child's word", (tmp_path / "word").exists)


def test_ray_is_found_by_name_below_its_parent_even_through_a_wrapper(tmp_path: Path):
    fake = f"import subprocess, time; p = subprocess.Popen(['/x/raylet', '-c', 'while :; do sleep 0.2; done', 'raylet', '--node_id=ab12', '--node-ip-address=10.0.0.7', '--log_dir={tmp_path}'], executable='/bin/sh'); p.wait()"
    child = spawn(["/bin/sh", "-c", f'{sys.executable} -c "$CODE"; true'], {"CODE": fake})
    parts = wait_until("the raylet", lambda: (found := find_ray(child.pid)).raylet and found)
    assert (parts.node_id, parts.node_ip, parts.gcs) == ("ab12", "10.0.0.7", None)
    assert parts.log_files == (("raylet.err", f"{tmp_path}/raylet.err"), ("raylet.out", f"{tmp_path}/raylet.out"))
    os.kill(parts.raylet.pid, signal.SIGKILL)
    wait_until("the raylet's end", lambda: not still_runs(parts.raylet))
    end(child)


def test_sweeping_ends_orphans_of_the_group_and_marked_runaways_but_no_stranger():
    stranger = subprocess.Popen(SLEEP)
    child = shell(
        "trap '' TERM; (trap '' TERM; while :; do sleep 0.2; done) & setsid sh -c 'while :; do sleep 0.2; done' & echo ready; wait",
        RAYTUI_RUN="marked",
    )
    assert child.stdout.readline() == b"ready\n"
    wait_until("the runaway", lambda: len(left_behind(child.pid, "RAYTUI_RUN=marked")) >= 3)
    child.kill()
    child.wait()
    assert sweep(child.pid, "RAYTUI_RUN=marked") >= 2
    assert left_behind(child.pid, "RAYTUI_RUN=marked") == []
    assert stranger.poll() is None
    child.stdout.close()
    stranger.kill()
    stranger.wait()


def test_output_is_passed_on_as_it_comes_and_cut_into_lines(pipe: tuple[int, int]):
    heard: list[bytes] = []
    child = shell("printf 'one\\ntw'; sleep 0.05; printf 'o\\n\\377bad\\nrest'")
    output = Output(child, heard.append)
    wait_until("the end", lambda: output.wait(0.05, pipe[0]) is not None and child.poll() is not None)
    output.drain()
    child.wait()
    assert b"".join(heard) == b"one\ntwo\n\xffbad\nrest"
    assert list(output.lines) == ["one", "two", "\ufffdbad", "rest"]


def test_a_megabyte_without_a_newline_is_not_collected(pipe: tuple[int, int]):
    size = 0

    def count(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)

    child = shell("head -c 1000000 /dev/zero | tr '\\0' x; echo; echo last")
    output = Output(child, count)
    wait_until("the end", lambda: output.wait(0.05, pipe[0]) is not None and child.poll() is not None)
    output.drain()
    assert size == 1_000_006
    assert sum(len(line) for line in output.lines) < 20_000
    assert output.lines[-1] == "last"


def test_reading_ends_although_a_grandchild_holds_the_pipe(pipe: tuple[int, int]):
    child = shell("(while :; do sleep 0.2; done) & echo said")
    output = Output(child, lambda _chunk: None)
    wait_until("the end", lambda: output.wait(0.05, pipe[0]) is not None and child.poll() is not None)
    output.drain()
    assert list(output.lines) == ["said"]
    sweep(child.pid, "none")


def test_a_child_that_was_reaped_is_never_signalled():
    child = shell("exit 3")
    child.wait()
    child.stdout.close()
    signal_child(child, signal.SIGKILL)
    assert child.returncode == 3


def test_waiting_ends_with_a_wake(pipe: tuple[int, int]):
    child = spawn(SLEEP, {})
    output = Output(child, lambda _chunk: None)
    os.write(pipe[1], b"!")
    assert output.wait(60, pipe[0]) is False
    sweep(child.pid, "none")
    child.wait()
    output.drain()
