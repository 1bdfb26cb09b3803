"""Ctrl-C at awkward moments, pressed in a real terminal against the real command line: at the prompt, at the lock, in a step."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raytui.cli.progress import on_interrupt

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import asyncio, sys
from raytui import bootstrap
from raytui.core.events import StepEvent
from raytui.manager import orphans
from raytui.manager.cluster import ClusterManager
from raytui.manager.launchers import render
from raytui.manager.monitor import Monitor
from tests.fakes.platform import FakePlatform, application

WORLD = sys.argv[1]

class Platform(FakePlatform):
    async def delete(self, app):
        if WORLD == "orphans" and app.short == "worker-2":
            print("asked to end", flush=True)
            await asyncio.sleep(60)
        await super().delete(app)

class Hanging:
    changed = True
    async def run(self):
        yield StepEvent("project found or created", "running")
        yield StepEvent("project found or created", "done")
        yield StepEvent("files uploaded", "running")
        await asyncio.sleep(60)
    async def close(self):
        return None

async def open_deployment(*_, **__):
    return Hanging()

bootstrap.open_deployment = open_deployment
orphans.PAUSE_S = 0.1
APPLICATIONS = {
    "there": [application(), application("worker-1")],
    "orphans": [application("worker-1"), application("worker-2")],
}

class Session:
    def __init__(self, settings):
        self.platform = Platform(APPLICATIONS.get(WORLD, []))
        self.platform.delays["create"] = 1.0
        self.monitor = Monitor(self.platform, lambda target: None, cluster=settings.cluster.name, profile="local")
        if WORLD == "slow":
            self.monitor.observe = self.look
        self.manager = ClusterManager(
            self.platform, self.monitor, settings.cluster, launchers=render, state_dir=settings.state_dir
        )
    async def look(self, questions=()):
        print("looking", flush=True)
        await asyncio.sleep(60)
    async def __aenter__(self):
        return self
    async def __aexit__(self, *_):
        return None

bootstrap.open_session = lambda settings, long_lived=False: Session(settings)
from raytui.startup import main
sys.exit(main(sys.argv[2:]))
"""
DEADLINE_S = 30.0


def press(state: Path, world: str, verb: str, keys: list[tuple[str, bytes]]) -> tuple[int, str]:
    """Exit code and all that the terminal showed; each key is pressed once its text has appeared behind the last one."""
    master, slave = pty.openpty()
    env = {**os.environ, "RAYTUI_STATE_DIR": str(state), "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-c", CHILD, world, *verb.split()]
    child = subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=_own
    )
    os.close(slave)
    shown, looked, waiting, deadline = "", 0, list(keys), time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            if waiting and (at := shown.find(waiting[0][0], looked)) >= 0:
                looked = at + len(waiting[0][0])
                os.write(master, waiting.pop(0)[1])
            if select.select([master], [], [], 0.05)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                shown += data.decode()
        assert time.monotonic() < deadline, f"no end within {DEADLINE_S:g} s: {shown}"
        return child.wait(DEADLINE_S), shown
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()
        os.close(master)


def _own() -> None:
    fcntl.ioctl(0, 0x540E, 0)  # TIOCSCTTY: Ctrl-C is a signal only in a controlling terminal


@pytest.mark.parametrize(("key", "code"), [(b"\x03", 130), (b"\x04", 130), (b"n\n", 8)])
def test_the_prompt_can_be_left_and_changes_nothing(tmp_path, key, code):
    got, shown = press(tmp_path, "there", "stop", [("[y/N]", key)])
    assert got == code, shown
    assert "nothing was" in shown


def test_a_start_that_waits_for_another_raytui_can_be_ended(tmp_path):
    (tmp_path / "locks").mkdir()
    with (tmp_path / "locks" / "local-ray-cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        got, shown = press(tmp_path, "empty", "start", [("Starting", b"\x03")])
    assert got == 130, shown
    assert "before its first step; no application of ray-cluster is listed now" in shown


def test_a_second_ctrl_c_does_not_lose_the_undo(tmp_path):
    got, shown = press(tmp_path, "empty", "start", [("✓ head application created", b"\x03"), ("^C", b"\x03")])
    assert got == 130, shown
    assert "what this run made was removed; no application of ray-cluster is listed now" in shown
    assert "Traceback" not in shown


def test_an_interrupted_reaping_names_who_ended_and_who_was_only_asked(tmp_path):
    got, shown = press(tmp_path, "orphans", "orphans --reap", [("[y/N]", b"y\n"), ("asked to end", b"\x03")])
    assert got == 130, shown
    reported = "interrupted; ray-cluster-worker-1 ended; ray-cluster-worker-2 asked to end, not seen to be gone"
    assert reported in shown
    assert "raytui orphans lists what is left" in shown
    assert "nothing was" not in shown


def test_an_interrupted_deploy_says_how_far_it_came(tmp_path):
    key = tmp_path / "key"
    key.write_text("k")
    key.chmod(0o600)
    verb = f"deploy --cml-host https://ml.example.com --cml-api-key-file {key} --project-name p"
    got, shown = press(tmp_path, "empty", verb, [("files uploaded", b"\x03")])
    assert got == 130, shown
    assert "interrupted; the deploy had begun: project found or created, files uploaded (under way" in shown
    assert "nothing of it was undone" in shown


def test_a_start_that_has_finished_is_not_said_to_have_changed_nothing(tmp_path):
    got, shown = press(tmp_path, "slow", "start --no-wait --workers 0", [("looking", b"\x03")])
    assert got == 130, shown
    assert "start of ray-cluster had finished; its last look was interrupted" in shown
    assert "raytui status shows what exists" in shown
    assert "nothing was" not in shown


def begun_while_ignoring(number: signal.Signals, tmp_path, *options: str) -> subprocess.Popen[bytes]:
    """A start whose parent ignores a signal, once it has begun to change something."""
    env = {**os.environ, "RAYTUI_STATE_DIR": str(tmp_path), "NO_COLOR": "1"}
    command = [sys.executable, "-c", CHILD, "empty", "start", "--workers", "0", *options]
    ignoring = lambda: signal.signal(number, signal.SIG_IGN)  # noqa: E731
    child = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=ignoring
    )
    seen = b""
    while b"head application created" not in seen:
        line = child.stderr.readline()
        assert line, seen
        seen += line
    child.send_signal(number)
    return child


def test_a_lost_terminal_that_nohup_ignores_stays_ignored(tmp_path):
    child = begun_while_ignoring(signal.SIGHUP, tmp_path, "--no-wait")
    out, err = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 0, (out, err)


def test_an_interrupt_sent_to_the_background_job_of_a_script_is_heard(tmp_path):
    child = begun_while_ignoring(signal.SIGINT, tmp_path)
    out, err = child.communicate(timeout=DEADLINE_S)
    assert child.returncode == 130, (out, err)


async def test_afterwards_every_signal_has_the_handler_that_it_had():
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with on_interrupt(lambda: None):
        assert signal.getsignal(signal.SIGTERM) != handlers[1]
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


def test_an_interrupt_while_modules_are_still_read_is_a_sentence():
    code = """
import os, signal, sys
class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "raytui.cli.flags":
            os.kill(os.getpid(), signal.SIGINT)
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupted())
from raytui.__main__ import main
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "error: interrupted; nothing was being changed\n"
