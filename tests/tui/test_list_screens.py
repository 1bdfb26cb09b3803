"""Lists as pictures: rows, details, JSON, what belongs to a row, and every theme."""

from __future__ import annotations

import pytest

from raytui.tui.app import RaytuiApp
from raytui.tui.theme import THEMES
from tests.tui.conftest import Console
from tests.tui.fakes import Clock, FakeSession, FakeSettings
from tests.tui.test_rows import world
from tests.tui.test_tables import full
from tests.unit.core.values import NOW

SIZES = [(80, 24), (120, 40)]
IDS = ["80x24", "120x40"]


def list_at(size, kind, keys=(), wait_for="", snapshot=None, theme="dark"):
    """An app on a list, and what is to be done with it before its picture is taken."""
    session = FakeSession(FakeSettings(theme=theme))
    session.logs.batches["job/train-7"] = [
        [f"2026-11-24 17:02:{n:02},000 INFO train.py:12 -- step {n}" for n in range(60)]
    ]
    clock = Clock(NOW + 1)
    app = RaytuiApp(session.settings, lambda: session, clock=clock, ascii_only=False)

    async def before(pilot):
        console = Console(session, clock, app, pilot)
        await console.show(world() if snapshot is None else snapshot)
        console.cluster.go(kind)
        await console.until(lambda: app.screen is not console.cluster and app.focused is not None, "the list")
        for key in keys:
            await console.press(key)
        await console.until(lambda: wait_for in console.screen(), wait_for)
        await pilot.pause()

    return {"app": app, "terminal_size": size, "run_before": before}


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_jobs_with_details(snap_compare, size):
    assert snap_compare(**list_at(size, "jobs", ("space", "space", "up", "enter"), "Details · serve-3"))


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_the_actors_of_a_job_as_json(snap_compare, size):
    assert snap_compare(**list_at(size, "jobs", ("a", "y"), "JSON · act-00"))


@pytest.mark.parametrize("size", SIZES, ids=IDS)
def test_the_question_before_a_job_is_stopped(snap_compare, size):
    assert snap_compare(**list_at(size, "jobs", ("x",), "9 actors"))


def test_the_log_of_a_job(snap_compare):
    assert snap_compare(**list_at((80, 24), "jobs", ("l",), "step 59"))


@pytest.mark.parametrize("theme", list(THEMES))
def test_every_theme(snap_compare, theme):
    assert snap_compare(**list_at((80, 24), "nodes", ("end", "enter"), "story", full(), theme))
