"""Small terminals: what gives way to what, and what is written shorter."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.observed.snapshot import RayEvent, Reading
from raytui.core.remedy import Remedy
from raytui.tui.keys import verb_keys
from raytui.tui.render.attention import attention_lines
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.help import HelpScreen
from raytui.view.picture import picture_of
from tests.tui.conftest import absent, application, healthy, run_console, with_dead_worker
from tests.tui.fakes import FakeSession
from tests.tui.test_tables import full, opened
from tests.unit.core.values import NOW

DAY_S = 86_400


def seen(widget):
    """How many of its lines stand on the screen, and not below what holds it."""
    return widget.region.intersection(widget.screen.query_one("#body").region).height


def lines_of(session, *lines):
    """A log that speaks, whichever node's is shown."""
    for name in ("head", "worker-1", "worker-2"):
        session.logs.batches[name] = [list(lines)]


@pytest.mark.parametrize("size", [(60, 14), (60, 15), (80, 16), (80, 19)])
async def test_what_needs_attention_is_read_before_a_log_that_speaks(size):
    session = FakeSession()
    lines_of(session, *(f"step {n}" for n in range(60)))

    async def body(console):
        await console.show(msgspec.structs.replace(with_dead_worker(), observed_at=NOW))
        await console.until(lambda: console.cluster.body.logs.view.count, "the log")
        assert seen(console.cluster.body.attention.body) >= 2
        assert "Ray lists the node as dead" in console.screen()

    await run_console(body, session, size=size)


@pytest.mark.parametrize("size", [(60, 14), (60, 15), (80, 16), (80, 19)])
async def test_what_needs_attention_is_read_before_a_log_that_is_silent(size):
    async def body(console):
        await console.show(with_dead_worker())
        console.cluster.body.add_class("-silent")
        await console.pilot.pause()
        assert seen(console.cluster.body.attention.body) >= 2
        assert "Ray lists the node as dead" in console.screen()

    await run_console(body, size=size)


async def test_the_log_has_the_room_while_somebody_reads_it_there():
    session = FakeSession()
    lines_of(session, *(f"step {n}" for n in range(60)))

    async def body(console):
        await console.show(with_dead_worker())
        await console.until(lambda: console.cluster.body.logs.view.count, "the log")
        room = seen(console.cluster.body.attention.body)
        await console.press("l")
        assert console.cluster.body.place == "logs"
        assert seen(console.cluster.body.logs.view) >= 3
        assert "step 59" in console.screen()
        await console.press("escape")
        assert seen(console.cluster.body.attention.body) == room

    await run_console(body, session, size=(60, 15))


def waits_for(target, snapshot):
    """The lines of one finding that names a number of workers."""
    picture = picture_of(snapshot)
    finding = msgspec.structs.replace(
        picture_of(with_dead_worker()).assessment.conditions[0],
        subject="work/cpu",
        hint=Remedy("scale", target, "lets one run at once"),
    )
    judged = msgspec.structs.replace(picture.assessment, conditions=(finding,))
    lines = attention_lines(msgspec.structs.replace(picture, assessment=judged), None, 79, verb_keys())
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_number_of_workers_is_a_key_where_the_key_scales_to_just_that():
    assert "+ lets one run at once" in waits_for("3", healthy(workers=2))
    assert "raytui scale 4 lets one run at once" in waits_for("4", healthy(workers=2))
    assert "raytui scale gpu=1 lets one run at once" in waits_for("gpu=1", healthy(workers=2))


def test_where_the_key_depends_on_the_row_of_the_cursor_the_command_stays():
    apps = (application(0), application(1), msgspec.structs.replace(application(2), group="gpu"))
    two_groups = msgspec.structs.replace(healthy(workers=2), applications=Reading(apps, at=NOW))
    assert "raytui scale 2 lets one run at once" in waits_for("2", two_groups)
    assert "raytui scale 1 lets one run at once" in waits_for("1", absent())


@pytest.mark.parametrize("key", ["x", "question_mark"])
async def test_a_dialog_on_a_narrow_screen_leaves_no_strip_of_what_is_below(key):
    async def body(console):
        await console.show(healthy())
        await console.press(key)
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen | HelpScreen), "the dialog")
        assert console.app.screen.query_one("#dialog").region.width == 80
        await console.pilot.resize_terminal(120, 40)
        await console.until(lambda: console.app.screen.query_one("#dialog").region.width == 76, "the room beside it")

    await run_console(body)


@pytest.mark.parametrize(
    ("back", "reported", "in_2026"),
    [(40, "14:12:40", 2), (DAY_S, "09-20 14:13:20", 2), (400 * DAY_S, "2025-08-17 14:13:20", 1)],
)
async def test_an_event_is_told_with_as_much_of_its_date_as_is_not_todays(back, reported, in_2026):
    events = (RayEvent(NOW - back, "INFO", "GCS", "node joined"), RayEvent(NOW - 20, "ERROR", "GCS", "gone"))

    async def body(console):
        await console.show(msgspec.structs.replace(full(), events=Reading(events, at=NOW)))
        screen = await opened(console, "events")
        newest, oldest = (screen.list.table.rows[n].cells[0][0] for n in (0, 1))
        assert (newest, oldest) == ("14:13:00", reported)
        row = next(line for line in console.screen().splitlines() if "node joined" in line)
        assert row.startswith(f"   {reported} ")
        await console.press("slash")
        await console.until(lambda: screen.query("#prompt"), "the prompt")
        screen.query_one("#prompt").field.value = "time~2026-09"
        await console.until(lambda: len(screen.list.table.rows) == in_2026, "the filter on the whole date")

    await run_console(body)
