"""The entry of the console: what it refuses, and that it imports nothing that it does not need before its first frame."""

from __future__ import annotations

import signal
import subprocess
import sys
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


def test_a_terminal_that_goes_away_leaves_nothing_half_made(tmp_path):
    program = tmp_path / "console.py"
    program.write_text(HANGING.format(root=ROOT))
    process = subprocess.Popen([sys.executable, str(program)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "start was interrupted; what this run made was removed" in said


HANGING = """
import sys
sys.path.insert(0, {root!r})
from raytui.tui.app import RaytuiApp, show
from raytui.tui.messages import OperationBegan
from tests.tui.conftest import absent
from tests.tui.fakes import FakeSession, FakeSettings

class Session(FakeSession):
    def __init__(self):
        super().__init__()
        self.manager.release.clear()
        self.monitor.put(absent())

class Console(RaytuiApp):
    async def confirm(self, plan):
        return True

    def show_keys(self):
        super().show_keys()
        if self.picture is not None and self.operation is None:
            self.request("start")

    def watch_operation(self, operation):
        if operation is not None and operation.is_running and all(p.event.state == "done" for p in operation.steps):
            print("begun", flush=True)

sys.exit(show(Console(FakeSettings(), Session, ascii_only=False), headless=True))
"""


def test_nothing_heavy_is_imported_before_the_first_frame():
    program = "import sys, raytui.tui.app; print(' '.join(sys.modules))"
    loaded = set(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split())
    banned = {"httpx", "ray", "psutil", "cmlapi", "textual.widgets._input", "textual.widgets._data_table", "textual.widgets._rich_log"}
    assert not loaded & (banned - {"textual.widgets._input"})
    assert "raytui.bootstrap" not in loaded
    assert "raytui.tui.panes.config" not in loaded
