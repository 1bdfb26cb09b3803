"""Whoever does not look is reported: the command is a real process here."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from raytui.core.clusters import ClusterSummary
from raytui.manager.alarm import Alarm
from raytui.system.commands import run_command

WRITES = (
    "import json, os, sys; from pathlib import Path; "
    "told = {n: v for n, v in os.environ.items() if n.startswith('RAYTUI_')}; "
    "Path(sys.argv[1]).write_text(json.dumps([sys.argv[2:], told, json.load(sys.stdin)]))"
)


def look(verdict, at, why=""):
    return ClusterSummary("train", "train", cluster="train", verdict=verdict, observed_at=at, why=why)


async def until(condition):
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


def alarm():
    rung, said = [], []
    return Alarm(lambda: rung.append(1), said.append), rung, said


async def test_a_change_runs_the_command_once_with_the_facts_and_nothing_of_it_is_a_shells(tmp_path):
    made, rung, said = alarm()
    there = tmp_path / "told.json"
    program = tmp_path / "tell.py"
    program.write_text(WRITES)
    command = f"{sys.executable} {program} {there} 'two words' $(touch {tmp_path}/injected) ; true"
    for verdict, at in (("ok", 1.0), ("down", 2.0), ("down", 8.0), ("down", 20.0)):
        made.observe(look(verdict, at, "`reboot` $(reboot)"), command=command, bell=True)
    await until(there.exists)
    await until(lambda: there.read_text().endswith("]"))
    words, variables, document = json.loads(there.read_text())
    await made.close()
    assert words[0] == "two words"
    assert not (tmp_path / "injected").exists()
    assert variables["RAYTUI_VERDICT"] == document["verdict"] == "down"
    assert variables["RAYTUI_PREVIOUS_VERDICT"] == document["previous_verdict"] == "ok"
    assert variables["RAYTUI_MESSAGE"] == document["message"] == "`reboot` $(reboot)"
    assert rung == [1]
    assert said == []


async def test_a_command_that_fails_is_said_once_until_one_ends_well():
    made, _, said = alarm()
    times = iter(range(1, 1000, 10))
    made.observe(look("ok", next(times)), command="false", bell=False)
    for verdict in ("down", "ok", "down"):
        made.observe(look(verdict, next(times)), command="false", bell=False)
        assert made.is_changing("train")
        made.observe(look(verdict, next(times)), command="false", bell=False)
    await until(lambda: said and not made._running)
    assert len(said) == 1
    assert said[0] == "nobody was told that train is down: the command false ended with exit code 1"


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["/nowhere/at-all"], "cannot be run: No such file or directory"),
        (["false"], "ended with exit code 1"),
        (["sleep", "600"], "did not end within 0.2 s and was ended"),
        (["sh", "-c", "kill -TERM $$"], "was ended by signal 15"),
    ],
)
async def test_why_a_command_failed_is_one_sentence(argv, why):
    assert why in await run_command(argv, {}, b"{}\n", timeout=0.2 if argv[0] == "sleep" else 20)


async def test_a_command_that_reads_nothing_and_prints_much_is_fine(capfd):
    assert await run_command(["sh", "-c", "seq 1 100000; seq 1 100000 >&2"], {}, b"x" * 10_000_000, timeout=20) == ""
    assert capfd.readouterr() == ("", "")


async def test_at_the_end_of_a_watch_its_last_change_is_told_and_the_command_awaited(tmp_path):
    made, rung, said = alarm()
    there = tmp_path / "there"
    for verdict, at in (("down", 1.0), ("ok", 2.0)):
        made.observe(look(verdict, at), command="false", bell=True)
    await made.conclude(
        command=f"sh -c 'sleep 0.1; echo $RAYTUI_PREVIOUS_VERDICT $RAYTUI_VERDICT > {there}'", bell=True
    )
    assert there.read_text() == "down ok\n"
    assert (rung, said) == ([1], [])


async def test_a_command_is_ended_with_what_it_started_when_the_console_closes(tmp_path):
    made, _, _ = alarm()
    pid = tmp_path / "pid"
    command = f"sh -c 'sleep 600 & echo $! > {pid}; wait'"
    for verdict, at in (("ok", 1.0), ("down", 2.0), ("down", 8.0)):
        made.observe(look(verdict, at), command=command, bell=False)
    await until(lambda: pid.exists() and pid.read_text().strip())
    await made.close()
    child = int(pid.read_text())

    def is_gone() -> bool:
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return True
        # Nobody may have taken its exit code yet.
        return Path(f"/proc/{child}/stat").read_text().split(") ")[1].startswith("Z")

    await until(is_gone)
