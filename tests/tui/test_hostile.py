"""Names, sizes, clocks and keys that nobody means well with: the console stays whole, and says what it knows."""

from __future__ import annotations

import msgspec
import pytest
from rich.cells import cell_len
from textual import events

from raytui.config.keys import KEY_SETTINGS
from raytui.core.observed.snapshot import Actor, Job, RayEvent, Reading
from raytui.view.tables.registry import TABLES
from tests.tui.conftest import healthy, node, run_console, with_dead_worker
from tests.tui.test_rows import world
from tests.tui.test_tables import opened, typed
from tests.unit.core.values import NOW

NAMES = (
    "x" * 300,
    "[bold red]markup[/] [link='http://a']",
    "\x1b[2J\x1b]0;title\x07\x9b31m\r\n\ttab",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u202edlrow\u202c",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466\U0001f680" * 20,
    "e" + "\u0301" * 40,
    "\u200b\u2060\ufeff",
    "\u65e5\u672c\u8a9e" * 60,
)


def odd():
    """Every name and sentence of the cluster is one of these."""
    jobs = [
        Job(f"{n}{name}", "FAILED", name, message=name, started_at=NOW - 60, ended_at=NOW - 50, job_id=f"0{n}000000",
            driver_exit_code=1)
        for n, name in enumerate(NAMES)
    ]  # fmt: skip
    actors = [Actor(f"{n}{name}", name, "DEAD", name=name, message=name, death=name) for n, name in enumerate(NAMES)]
    reported = [RayEvent(NOW - n, "ERROR", name, name) for n, name in enumerate(NAMES)]
    nodes = (node(0, name=NAMES[1]), node(1, name=NAMES[3]), node(2, "DEAD", name=NAMES[2], message=NAMES[2]))
    return msgspec.structs.replace(
        with_dead_worker(),
        jobs=Reading(tuple(jobs), at=NOW, total=len(jobs)),
        actors=Reading(tuple(actors), at=NOW, total=len(actors)),
        events=Reading(tuple(reported), at=NOW),
        nodes=Reading(nodes, at=NOW, total=3),
    )


def is_whole(console, size):
    """Nothing that is painted moves the cursor or is wider than the terminal."""
    assert console.app.screen._compositor.size == size
    strips = console.app.screen._compositor.render_strips()
    text = "".join(strip.text for strip in strips)
    assert not [sign for sign in text if ord(sign) < 32 or 127 <= ord(sign) < 160 or sign in "\u202e\u202d\u2066"]
    assert all(cell_len(strip.text) <= size[0] for strip in strips)
    assert len(strips) <= size[1]
    return text


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (400, 120)], ids=["20x5", "80x24", "400x120"])
async def test_names_of_any_kind_in_every_list(size):
    async def body(console):
        await console.show(odd())
        is_whole(console, size)
        for kind in TABLES:
            screen = await opened(console, kind)
            is_whole(console, size)
            if screen.list.table.cursor:
                await console.press("enter")
                is_whole(console, size)
                await console.press("y")
                is_whole(console, size)
                await console.press("escape")
        if size[0] == 80:
            await opened(console, "jobs")
            assert "[bold red]markup" in console.screen()

    await run_console(body, size=size)


@pytest.mark.parametrize("place", ["cluster", "jobs"])
async def test_every_key_held_down_leaves_a_console_that_can_be_left(place):
    async def body(console):
        await console.show(world())
        if place != "cluster":
            await opened(console, place)
        for setting in KEY_SETTINGS:
            if setting.id not in {"quit", "suspend", "next-pane"} and (place == "cluster" or "list" in setting.where):
                await console.pilot.press(*[setting.keys.partition(",")[0]] * 4)
        await console.pilot.pause()
        for _ in range(60):
            if console.app.screen is console.cluster:
                break
            await console.press("escape")
        assert console.app.screen is console.cluster
        is_whole(console, (80, 24))

    await run_console(body)


async def test_a_paste_into_a_filter_is_one_line_of_text_and_runs_nothing():
    async def body(console):
        await console.show(world())
        screen = await opened(console, "jobs")
        await typed(console, "")
        console.app.post_message(events.Paste("train-7\nq\n\x1b[2Jx"))
        await console.until(lambda: screen.list.state.wish.filter.startswith("train-7"), "the filter")
        assert console.app.screen is screen
        assert "\n" not in screen.list.state.wish.filter
        is_whole(console, (80, 24))
        await console.press("escape")
        console.app.post_message(events.Paste("qx\nss"))
        await console.pilot.pause()
        assert console.app.screen is screen

    await run_console(body)


@pytest.mark.parametrize("hours", [-48, 48])
async def test_a_clock_that_jumps_is_set_right_by_the_next_answer(hours):
    async def body(console):
        await console.show(healthy())
        console.clock.now += 3600 * hours
        console.cluster._tick()
        await console.pilot.pause()
        first = console.screen().splitlines()[0]
        assert "data -" not in first
        # Ahead it looks as if nothing had been heard for hours, which is said; back it looks new.
        assert ("UNKNOWN" in first) is (hours > 0)
        later = msgspec.structs.replace(healthy(), observed_at=console.clock.now)
        await console.show(later)
        await console.until(lambda: "● OK" in console.screen().splitlines()[0], "the verdict")

    await run_console(body)


async def test_a_thousand_conditions_at_once_are_counted_and_can_be_scrolled():
    async def body(console):
        nodes = tuple(node(n, "DEAD" if n else "ALIVE", name=f"n{n}", message="killed") for n in range(1001))
        await console.show(msgspec.structs.replace(with_dead_worker(), nodes=Reading(nodes, at=NOW, total=1001)))
        count = len(console.cluster.latest.assessment.conditions)
        assert f"Needs attention ({count:,})" in console.screen().replace(f"({count})", f"({count:,})")
        console.cluster.body.attention.body.focus()
        await console.press("end")
        is_whole(console, (80, 24))
        screen = await opened(console, "conditions")
        await console.press("end")
        assert len(screen.list.table.rows) == count
        is_whole(console, (80, 24))

    await run_console(body)


async def test_a_storm_of_sizes_ends_in_a_screen_of_the_last_size():
    async def body(console):
        await console.show(with_dead_worker())
        for size in [(20, 5), (400, 120), (1, 1), (119, 33), (120, 34), (60, 80), (200, 2), (33, 200)] * 2:
            await console.pilot.resize_terminal(*size)
            await console.until(lambda size=size: console.app.screen._compositor.size == size, f"the size {size}")
            is_whole(console, size)
        await console.pilot.resize_terminal(80, 24)
        bar = console.app.screen.query_one("#key-bar")
        await console.until(lambda: bar.region.y == 23 and bar.size.width == 80, "the last size")
        await console.until(lambda: "▲ DEGRADED" in console.screen(), "the verdict")
        is_whole(console, (80, 24))

    await run_console(body)
