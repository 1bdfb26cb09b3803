"""The entry of the console: what it refuses, and that it imports nothing that it does not need before its first frame."""

from __future__ import annotations

import subprocess
import sys

import pytest

from raytui.tui.app import run
from tests.tui.fakes import FakeSettings


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_show_it_is_refused_with_one_sentence(monkeypatch, capsys, term):
    monkeypatch.setenv("TERM", term)
    assert run(FakeSettings()) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "raytui status" in said


def test_nothing_heavy_is_imported_before_the_first_frame():
    program = "import sys, raytui.tui.app; print(' '.join(sys.modules))"
    loaded = set(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split())
    banned = {"httpx", "ray", "psutil", "cmlapi", "textual.widgets._input", "textual.widgets._data_table", "textual.widgets._rich_log"}
    assert not loaded & (banned - {"textual.widgets._input"})
    assert "raytui.bootstrap" not in loaded
    assert "raytui.tui.panes.config" not in loaded
