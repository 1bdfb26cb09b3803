"""What programs read: the status document to the letter, and the answers of a refused key, a full disk and a closed stdout."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from raytui.cli import plain_status
from raytui.core.errors import Failure
from tests.unit.core.values import NOW, node, snapshot

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "cli"
REFUSED = Failure(
    "dashboard", "ConnectionRefused", "nothing listens at 127.0.0.1:8265", "raytui restart head", conclusive=True
)


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("status-ok", snapshot()),
        ("status-degraded", snapshot(nodes=(node(0), node(1, "DEAD", message="health check failed")))),
        ("status-down", snapshot(nodes=REFUSED, gcs=REFUSED)),
        ("status-absent", snapshot(applications=(), nodes=())),
    ],
)
def test_the_status_document_is_what_scripts_know(show, text, monkeypatch, name, seen):
    monkeypatch.setattr(plain_status.time, "time", lambda: NOW + 0.5)
    show(seen)
    golden = GOLDEN / f"{name}.json"
    assert text("status", "-o", "json")[1] == golden.read_text()


@pytest.mark.parametrize("verb", ["nodes", "apps", "jobs", "logs"])
def test_a_refused_key_is_no_broken_line(show, call, verb):
    show(snapshot(applications=Failure("platform", "KeyRefused", "the workbench refused the key", "set CML_API_KEY")))
    code, document, _ = call(verb)
    assert (code, document["error"]["reason"]) == (4, "KeyRefused")


def test_a_bad_limit_is_refused_before_anything_is_asked(call):
    code, document, _ = call("nodes", "--limit", "0")
    assert (code, document["error"]["problems"][0]["field"]) == (2, "limit")


@pytest.mark.parametrize(
    ("redirect", "code", "reported"), [("> /dev/full", 1, "stdout cannot be written"), (">&-", 0, "")]
)
def test_a_stdout_that_takes_nothing(redirect, code, reported):
    command = f"{sys.executable} -m raytui config path {redirect}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert reported in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["--help", "--version", "nodes --help", "config --help"])
def test_help_for_a_stdout_without_room_names_stdout(words, tmp_path):
    command = f"{sys.executable} -m raytui {words} > /dev/full"
    environ = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environ)
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout cannot be written: No space left on device")
    assert list(tmp_path.iterdir()) == []
