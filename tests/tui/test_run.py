"""The entry of the console: what it refuses, and that it imports nothing that it does not need before its first frame."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from raytui.tui.app import RaytuiApp, run, show
from raytui.tui.panes.nodes import NodesPane
from tests.tui.fakes import FakeSession, FakeSettings

ROOT = str(Path(__file__).resolve().parents[2])


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_show_it_is_refused_with_one_sentence(monkeypatch, capsys, term):
    monkeypatch.setenv("TERM", term)
    assert run(FakeSettings()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "raytui status" in said


def test_a_fault_of_its_own_ends_without_a_traceback_on_the_screen(monkeypatch, capsys):
    def broken(self):
        secret = "key-0123456789"
        raise ValueError(f"odd, {len(secret)}")

    monkeypatch.setattr(NodesPane, "draw", broken)
    app = RaytuiApp(FakeSettings(), FakeSession, ascii_only=False)
    with pytest.raises(ValueError, match="odd, 14"):
        show(app, headless=True)
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    assert "key-0123456789" not in said.out + said.err


def hanging(folder):
    """The command of a console with a start that does not end, and the file that it makes once the start has begun."""
    program, begun = folder / "console.py", folder / "begun"
    program.write_text(HANGING)
    return [sys.executable, str(program), ROOT, str(begun)], begun


def wait_until(condition, what):
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited 30 s for {what}"
        select.select([], [], [], 0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_console_that_is_ended_leaves_nothing_half_made(tmp_path, number):
    command, begun = hanging(tmp_path)
    process = subprocess.Popen(
        [*command, "headless"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    wait_until(begun.exists, "the start to begin")
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "start was interrupted; what this run made was removed" in said


def test_a_console_that_loses_its_terminal_ends(tmp_path):
    command, begun = hanging(tmp_path)
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, "TERM": "xterm-256color"})
    ended = []
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        wait_until(
            lambda: begun.exists() or (select.select([master], [], [], 0)[0] and not os.read(master, 65536)),
            "the start to begin",
        )
        os.close(master)
        wait_until(
            lambda: ended or ended.extend(n for n in os.waitpid(pid, os.WNOHANG)[:1] if n) or ended,
            "the console to end",
        )
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def test_a_console_that_was_stopped_goes_on_with_its_whole_screen_and_one_reader_of_keys(tmp_path):
    program = tmp_path / "console.py"
    program.write_text(CALM)
    pid, master = pty.fork()
    if pid == 0:
        os.execvpe(sys.executable, [sys.executable, str(program), ROOT], {**os.environ, "TERM": "xterm-256color"})
    seen, ended = bytearray(), []

    def painted(*texts):
        while select.select([master], [], [], 0)[0]:
            seen.extend(os.read(master, 65536))
        return all(text in seen for text in texts)

    def is_stopped():
        return os.WIFSTOPPED(os.waitpid(pid, os.WUNTRACED | os.WNOHANG)[1])

    def is_over():
        with contextlib.suppress(OSError):  # the terminal of a process that is gone
            painted()
        found, status = os.waitpid(pid, os.WNOHANG)
        ended.extend([os.waitstatus_to_exitcode(status)] if found else [])
        return ended

    whole = (b"\x1b[?1049h", b"ray-cluster", b"worker-2", b"filter")

    def lines_are_the_shells():
        return bool(termios.tcgetattr(master)[3] & termios.ICANON)

    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        wait_until(lambda: painted(*whole), "the first screen")
        assert not lines_are_the_shells()
        for ask in (lambda: os.kill(pid, signal.SIGSTOP), lambda: os.write(master, b"\x1a")):
            ask()
            wait_until(is_stopped, "the console to stop")
            painted()
            seen.clear()
            os.kill(pid, signal.SIGCONT)
            wait_until(lambda: painted(*whole), "the whole screen")
            assert not lines_are_the_shells()
        os.write(master, b"q")
        wait_until(is_over, "the console to end")
        assert ended == [0]
    finally:
        if not ended:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        os.close(master)


CALM = """
import sys

sys.path.insert(0, sys.argv[1])

from raytui.tui.app import RaytuiApp, show
from tests.tui.conftest import healthy
from tests.tui.fakes import FakeSession, FakeSettings

session = FakeSession()
session.monitor.put(healthy())
sys.exit(show(RaytuiApp(FakeSettings(), lambda: session, ascii_only=False)))
"""

HANGING = """
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])

from raytui.tui.app import RaytuiApp, show
from raytui.tui.operation import Request
from raytui.tui.screens.cluster import ClusterScreen
from tests.tui.conftest import absent
from tests.tui.fakes import FakeSession, FakeSettings


class Session(FakeSession):
    def __init__(self):
        super().__init__()
        self.manager.release.clear()
        self.monitor.put(absent())


class Cluster(ClusterScreen):
    async def confirm(self, plan):
        return "carry-out"

    def watch_picture(self, picture):
        if picture is not None and self.operation is None:
            self.request(Request("start"))

    def watch_operation(self, operation):
        if operation is not None and operation.is_running and all(step.event.state == "done" for step in operation.steps):
            Path(sys.argv[2]).touch()


class Console(RaytuiApp):
    def new_cluster(self, tab, settings):
        return Cluster(settings, tab.place.session, clock=self._clock)


sys.exit(show(Console(FakeSettings(), Session, ascii_only=False), headless="headless" in sys.argv))
"""


def test_nothing_heavy_is_imported_before_the_first_frame():
    program = "import sys, raytui.tui.app; print(' '.join(sys.modules))"
    loaded = set(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    )
    banned = {
        "httpx",
        "ray",
        "psutil",
        "cmlapi",
        "textual.widgets._input",
        "textual.widgets._data_table",
        "textual.widgets._rich_log",
    }
    assert not loaded & (banned - {"textual.widgets._input"})
    assert "raytui.bootstrap" not in loaded
    assert "raytui.tui.panes.config" not in loaded
