from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from raytui.platforms.local import processes
from raytui.platforms.local.ending import is_ray_start
from raytui.platforms.local.processes import Marked, Process, belonging

SHARED = Path("/state/local/c")


def table(*rows: tuple[int, int, int]) -> dict[int, Process]:
    """Processes as (pid, parent, session)."""
    return {pid: Process(pid, 1000 + pid, parent, session, "p", ended=False) for pid, parent, session in rows}


def mark(process: Process, application: str = "c-head") -> Marked:
    return Marked(process, "id", application, SHARED, {})


def chosen(one: Marked) -> bool:
    return one.application == "c-head"


def test_children_that_wrote_over_their_environment_belong_to_their_parent() -> None:
    rows = table(
        (10_000_001, 1, 10_000_001), (10_000_002, 10_000_001, 10_000_001), (10_000_003, 10_000_002, 10_000_003)
    )
    assert belonging(rows, [mark(rows[10_000_001])], chosen).keys() == rows.keys()


def test_an_orphan_in_the_session_that_the_launcher_leads_belongs() -> None:
    rows = table((10_000_001, 1, 10_000_001), (10_000_002, 1, 10_000_001), (10_000_003, 1, 10_000_009))
    assert belonging(rows, [mark(rows[10_000_001])], chosen).keys() == {10_000_001, 10_000_002}


def test_a_marked_process_does_not_claim_the_session_of_a_shell() -> None:
    rows = table(
        (10_000_001, 1, 10_000_001), (10_000_002, 10_000_001, 10_000_001), (10_000_003, 10_000_001, 10_000_001)
    )
    assert belonging(rows, [mark(rows[10_000_002])], chosen).keys() == {10_000_002}


def test_another_application_started_from_within_keeps_its_own() -> None:
    rows = table(
        (10_000_001, 1, 10_000_001), (10_000_002, 10_000_001, 10_000_002), (10_000_003, 10_000_002, 10_000_002)
    )
    marks = [mark(rows[10_000_001]), mark(rows[10_000_002], "d-head")]
    assert belonging(rows, marks, chosen).keys() == {10_000_001}


def test_we_and_our_ancestors_never_belong() -> None:
    rows = processes.own()
    me, parent = rows[os.getpid()], processes.read(os.getppid())
    assert parent is not None
    assert (
        belonging(rows | {parent.pid: parent}, [mark(me), mark(parent)], chosen).keys().isdisjoint({me.pid, parent.pid})
    )


def test_a_signal_needs_the_start_time_as_well() -> None:
    with subprocess.Popen(["sleep", "600"]) as child:
        process = processes.read(child.pid)
        assert process is not None
        assert not processes.send(process._replace(start=process.start + 1), signal.SIGKILL)
        assert child.poll() is None
        assert processes.send(process, signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    assert not processes.send(process, signal.SIGKILL)


def test_without_pidfd_the_identity_still_decides(monkeypatch: object) -> None:
    import pytest

    with pytest.MonkeyPatch.context() as patch, subprocess.Popen(["sleep", "600"]) as child:
        patch.delattr(os, "pidfd_open", raising=False)
        process = processes.read(child.pid)
        assert process is not None
        assert not processes.send(process._replace(start=1), signal.SIGKILL)
        assert processes.send(process, signal.SIGTERM)
    assert child.returncode == -signal.SIGTERM


def test_a_zombie_does_not_live() -> None:
    child = subprocess.Popen(["true"])
    try:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        process = processes.read(child.pid)
        assert process is not None
        assert process.ended
        assert not processes.lives(process.pid, process.start)
    finally:
        child.wait()


def test_a_name_with_brackets_and_blanks_is_read_whole(tmp_path: Path) -> None:
    odd = tmp_path / "a) S (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([str(odd), "600"]) as child:
        process = processes.read(child.pid)
        child.kill()
    assert process is not None
    assert process.parent == os.getpid()


def test_ray_start_is_recognised_with_and_without_an_interpreter() -> None:
    assert is_ray_start(["/venv/bin/python3.11", "/venv/bin/ray", "start", "--head"])
    assert is_ray_start(["ray", "start"])
    assert not is_ray_start(["/venv/bin/ray", "status"])
    assert not is_ray_start(["vim", "ray", "start.py"])
