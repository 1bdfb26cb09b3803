"""What an operator sees, kept as pictures at both sizes; `pytest --snapshot-update` renews them after a change was looked at."""

from __future__ import annotations

import pytest

from raytui.core.events import StepEvent
from raytui.core.observed.snapshot import RayEvent
from raytui.tui.app import RaytuiApp
from tests.tui.conftest import Console, absent, healthy, with_dead_worker
from tests.tui.fakes import Clock, FakeSession
from tests.unit.core.values import NOW

LINES = [
    "[2026-11-24 17:02:10,123 I 12 34] (raylet) node_manager.cc:512: heartbeat sent",
    "[2026-11-24 17:02:11,456 E 12 34] (raylet) raylet.cc:88: SIGKILL",
    "plain output of a launcher",
]


def console_at(size, *snapshots, keys=(), wait_for="", running=False):
    """An app, and what is to be done with it before its picture is taken."""
    session = FakeSession()
    session.logs.batches = {"head": [LINES * 6], "worker-2": [LINES * 6]}
    if running:
        session.manager.release.clear()
        session.manager.script = [
            StepEvent("launchers written", "done", 0.0),
            StepEvent("head application created", "done", 0.4, "head"),
        ]
    clock = Clock(NOW + 1)
    app = RaytuiApp(session.settings, lambda: session, clock=clock, ascii_only=False)

    async def before(pilot):
        console = Console(session, clock, app, pilot)
        for snapshot in snapshots:
            await console.show(snapshot)
        if snapshots[-1].applications.value:
            await console.until(lambda: "plain output" in console.screen(), "the log")
        for key in keys:
            await console.press(key)
            await pilot.pause()
        if wait_for:
            await console.until(lambda: wait_for in console.screen(), wait_for)
        await pilot.pause()

    return {"app": app, "terminal_size": size, "run_before": before}


EVENTS = (
    RayEvent(NOW - 400, "INFO", "GCS", "node joined"),
    RayEvent(NOW - 40, "ERROR", "RAYLET", "worker killed by the memory monitor"),
)
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x60"])
def test_healthy(snap_compare, size):
    assert snap_compare(**console_at(size, healthy()))


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x60"])
def test_a_dead_worker(snap_compare, size):
    assert snap_compare(**console_at(size, healthy(), with_dead_worker(events=EVENTS)))


def test_absent(snap_compare):
    assert snap_compare(**console_at((80, 24), absent()))


def test_the_plan_of_a_stop(snap_compare):
    assert snap_compare(**console_at((80, 24), healthy(), keys=("x",), wait_for="Stop and purge"))


def test_a_start_as_it_runs(snap_compare):
    arguments = console_at((80, 24), absent(), keys=("s",), wait_for="Cancel", running=True)
    prepare, app = arguments["run_before"], arguments["app"]

    async def before(pilot):
        await prepare(pilot)
        await pilot.press("right", "enter")
        console = Console(None, None, app, pilot)
        await console.until(lambda: "✓ head application created" in console.screen(), "the second step")
        await pilot.pause()

    assert snap_compare(**{**arguments, "run_before": before})


def test_the_form_over_the_lower_panes(snap_compare):
    assert snap_compare(**console_at((80, 24), healthy(), keys=("e",), wait_for="Worker GPUs"))
