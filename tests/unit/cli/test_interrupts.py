"""Ctrl-C at awkward moments, pressed in a real terminal against the real command line: at the prompt, at the lock, in a step."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import sys
from raytui import bootstrap
from raytui.manager.cluster import ClusterManager
from raytui.manager.launchers import render
from raytui.manager.monitor import Monitor
from tests.fakes.platform import FakePlatform, application

class Session:
    def __init__(self, settings):
        self.platform = FakePlatform([application(), application("worker-1")] if sys.argv[1] == "there" else [])
        self.platform.delays["create"] = 1.0
        self.monitor = Monitor(self.platform, lambda target: None, cluster=settings.cluster.name, profile="local")
        self.manager = ClusterManager(
            self.platform, self.monitor, settings.cluster, launchers=render, state_dir=settings.state_dir
        )
    async def __aenter__(self):
        return self
    async def __aexit__(self, *_):
        return None

bootstrap.open_session = lambda settings, long_lived=False: Session(settings)
from raytui.cli.root import main
sys.exit(main(sys.argv[2:]))
"""
DEADLINE_S = 30.0


def press(state: Path, world: str, verb: str, keys: list[tuple[str, bytes]]) -> tuple[int, str]:
    """Exit code and all that the terminal showed; each key is pressed once its text has appeared behind the last one."""
    master, slave = pty.openpty()
    env = {**os.environ, "RAYTUI_STATE_DIR": str(state), "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-c", CHILD, world, verb]
    child = subprocess.Popen(command, cwd=ROOT, env=env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, preexec_fn=_own)
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
    assert "before its first step; no application of ray-cluster exists now" in shown


def test_a_second_ctrl_c_does_not_lose_the_undo(tmp_path):
    got, shown = press(tmp_path, "empty", "start", [("head application created", b"\x03"), ("^C", b"\x03")])
    assert got == 130, shown
    assert "what this run made was removed; no application of ray-cluster exists now" in shown
    assert "Traceback" not in shown
