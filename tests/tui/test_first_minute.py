"""The first minute on call: which lists fail, why, the log that tells of it, how full it is, and what is new."""

from __future__ import annotations

import msgspec

from raytui.core.observed.node_metrics import NodeMetrics
from raytui.core.observed.snapshot import Gpu, Job, Reading
from raytui.tui.keys import KEYS
from raytui.tui.render.capacity import bars, capacity_lines
from raytui.tui.render.heat import HeatCells
from raytui.tui.render.places import places_line, short_count
from raytui.tui.render.story import story_lines
from raytui.tui.render.text import line_cells
from raytui.tui.render.verdict import Names, Times, title
from raytui.tui.screens.story import StoryScreen
from raytui.tui.stories import read_story
from raytui.tui.widgets.heat_map import HeatMap
from raytui.view.failing import Failing
from raytui.view.picture import picture_of
from tests.tui.conftest import healthy, node, run_console, with_dead_worker
from tests.tui.fakes import FakeSession, as_session
from tests.unit.core import values
from tests.unit.core.values import NOW

FAILED = Job(
    "raysubmit_7",
    "FAILED",
    "python train.py",
    type="SUBMISSION",
    driver_exit_code=1,
    started_at=NOW - 90,
    ended_at=NOW - 30,
    message="Job failed with exit code 1\nValueError: no such column: price",
)
GREETING = [
    "2026-11-24 08:38:17,706\tINFO scripts.py:1043 -- Local node IP: 192.0.2.2",
    "2026-11-24 08:38:19,706\tSUCC scripts.py:1081 -- Ray runtime started.",
]


def text_of(line):
    return "".join(part for part, _ in line)


def with_logs(**batches):
    session = FakeSession()
    session.logs.batches |= {name.replace("_", "-"): [lines] for name, lines in batches.items()}
    session.logs.batches["job/raysubmit_7"] = [["step 1", "ValueError: no such column: price"]]
    return session


# the line of lists


def test_lists_that_fail_say_how_many_and_stay_where_there_is_little_room():
    failing = {"jobs": Failing(1, "✗", "error"), "placement-groups": Failing(12_345, "▲", "warn")}
    assert text_of(places_line(KEYS, "cluster", 200, failing)).startswith(" 1 Cluster 2 Jobs ✗1 3 Actors 4 Serve")
    narrow = places_line(KEYS, "cluster", 60, failing)
    assert line_cells(narrow) <= 60
    assert "2 Jobs ✗1" in text_of(narrow)
    assert "6 PGs ▲12k" in text_of(narrow)
    assert "Conds" not in text_of(narrow)
    of_80 = text_of(places_line(KEYS, "cluster", 80, failing))
    assert all(name in of_80 for name in ("6 PGs ▲12k", "7 Events", "8 Logs"))
    assert short_count(999) == "999"


async def test_the_keys_of_lists_lead_to_tasks_placement_groups_and_the_log():
    async def body(console):
        await console.show(healthy())
        await console.press("5")
        await console.until(lambda: "raytui tasks" in console.screen(), "the tasks")
        await console.press("6")
        await console.until(lambda: "raytui placement-groups" in console.screen(), "the placement groups")
        await console.press("8")
        await console.until(lambda: "Logs of this cluster" in console.screen(), "the logs there are")

    await run_console(body)


# attention, its story and its log


async def test_enter_tells_the_story_of_the_condition_under_the_cursor_and_l_shows_its_log():
    session = with_logs(worker_2=["[2026-11-24 17:02:11,456 E 12 34] (raylet) raylet.cc:88: SIGKILL"])

    async def body(console):
        await console.show(with_dead_worker(jobs=(FAILED,)))
        console.cluster.body.attention.body.focus()
        await console.until(lambda: "▸✗" in console.screen(), "the cursor")
        await console.press("down")
        await console.until(lambda: "▸▲ job/raysubmit_7" in console.screen(), "the second condition")
        await console.press("l")
        await console.until(lambda: console.cluster.body.logs.source == "job/raysubmit_7", "its log")
        await console.until(lambda: console.cluster.body.place == "logs", "the focus")
        await console.press("escape")
        await console.until(lambda: console.cluster.body.place == "attention", "the way back from the log")
        assert "▸▲ job/raysubmit_7" in console.screen()
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, StoryScreen), "the story")
        session.monitor.put(with_dead_worker(jobs=(FAILED,)))
        await console.until(lambda: "Who said what" in console.screen(), "the whole story")
        assert "ValueError: no such column: price" in console.screen()
        await console.press("escape")
        await console.until(lambda: console.cluster.is_current, "the way back")

    await run_console(body, session, size=(100, 40))


async def test_the_story_of_a_node_that_lives_holds_what_it_measures_of_itself():
    session = FakeSession()
    name = node(1).name
    session.measured[name] = NodeMetrics("10.0.0.7:39401", loop_lag=1.24, loop="raylet_main_io_context")
    session.monitor.put(healthy())
    story = await read_story(as_session(session), picture_of(healthy()), "worker-1")
    shown = "\n".join(text_of(line) for line in story_lines(story, 100, NOW, {}))
    assert "its event loop raylet_main_io_context lagged by 1.2 s" in shown
    assert "What the node measures now\n  event loop lag  1.2 s (raylet_main_io_context)" in shown
    session.measured.clear()
    session.monitor.put(healthy())
    story = await read_story(as_session(session), picture_of(healthy()), "worker-1")
    assert f"Ray reported no address of the metrics of {name}" in "\n".join(
        text_of(line) for line in story_lines(story, 100, NOW, {})
    )


async def test_the_log_opens_by_itself_on_what_fails_and_counts_its_errors():
    async def body(console):
        await console.show(healthy())
        assert console.cluster.body.logs.source == "head"
        await console.show(healthy(jobs=(FAILED,)))
        await console.until(lambda: "no such column" in console.screen(), "the log of the job")
        await console.until(lambda: "· 1 error" in console.screen(), "the count")
        # What the operator chose stays.
        console.cluster.body.logs.open("head")
        await console.show(with_dead_worker(jobs=(FAILED,)))
        assert console.cluster.body.logs.source == "head"

    await run_console(body, with_logs())


async def test_what_ray_greets_with_is_left_out_of_a_launchers_log():
    async def body(console):
        await console.show(healthy())
        await console.until(lambda: "what came after" in console.screen(), "the log")
        assert "Local node IP" not in console.screen()
        assert "Ray's greeting is left out here" in console.screen()

    await run_console(body, with_logs(head=[*GREETING, "what came after"]))


# rows of what ended


async def test_a_planned_end_looks_different_from_a_death():
    def ended(reason):
        dead = node(2, "DEAD", reason=reason, message="reported", ended_at=NOW - 14)
        before = healthy()
        return msgspec.structs.replace(before, nodes=Reading((*before.nodes.value[:2], dead), at=NOW))

    async def body(console):
        for reason, word, said in (
            ("UNEXPECTED_TERMINATION", "DEAD", "reported, since"),
            ("EXPECTED_TERMINATION", "ended", "ended on purpose: reported"),
        ):
            await console.show(healthy())
            await console.show(ended(reason))
            row = next(line for line in console.screen().splitlines() if line.startswith("   worker-2"))
            assert row.split()[2] == word
            assert said in row

    await run_console(body, size=(110, 30))


# capacity and the map


def test_a_curve_is_blank_where_nobody_knows():
    assert bars([None, 0.0, 50.0, 100.0]) == " ▁▅█"


def test_each_gpu_has_a_line_with_its_use_and_its_memory_and_what_nobody_told_is_no_zero():
    gpus = (Gpu(0, "A100", 91.0, 60_000_000_000, 80_000_000_000), Gpu(1, "A100", None, 0, 0))
    nodes = (values.node(0), values.node(1, cpu_percent=3.0, gpus=gpus, sampled_at=NOW))
    shown = picture_of(values.snapshot((values.application(0), values.application(1)), nodes))
    lines = [text_of(line).rstrip() for line in capacity_lines(shown, 60)]
    assert lines[-2:] == [
        "   GPU worker-1:0 ▇  91 %  60.0 / 80 GB  A100",
        "   GPU worker-1:1       -  memory not known  A100",
    ]
    assert any(line.startswith(" GPU") and "91 %" in line for line in lines)


def many(count=100, **more):
    apps = tuple(values.application(n) for n in range(count))
    nodes = [values.node(n, cpu_percent=10.0, memory_used=1, memory_total=100, sampled_at=NOW) for n in range(count)]
    nodes[7] = values.node(7, "DEAD", reason="UNEXPECTED_TERMINATION", ended_at=NOW - 5)
    nodes[8] = values.node(8, cpu_percent=97.0, sampled_at=NOW)
    return values.snapshot(apps, tuple(nodes), **more)


def test_the_map_shows_the_worst_of_the_nodes_of_a_cell():
    cells = HeatCells()
    cells.show(picture_of(many()))
    whole = cells.draw(50, 2)
    assert [len(text_of(line)) for line in whole.lines] == [50, 50]
    assert text_of(whole.lines[0])[6:10] == "·✗█·"
    few = cells.draw(10, 1)
    assert (few.per_cell, text_of(few.lines[0])) == (10, "✗" + "·" * 9)
    assert cells.worst_of(0, 10).application.short == "worker-7"


async def test_the_cursor_of_the_map_names_a_node_and_enter_goes_to_its_row():
    async def body(console):
        await console.show(many())
        await console.until(lambda: console.cluster.query(HeatMap) and "✗ dead" in console.screen(), "the map")
        console.cluster.query_one(HeatMap).focus()
        await console.press(*["right"] * 8)
        await console.until(lambda: "worker-8 · alive · CPU 97 %" in console.screen(), "the name")
        await console.press("enter")
        await console.until(lambda: console.cluster.body.nodes.target == "worker-8", "the row")

    await run_console(body, size=(120, 40))


# who looks


async def test_what_is_new_since_somebody_last_looked_is_told():
    async def body(console):
        await console.show(healthy())
        await console.press("tab")
        console.clock.now = NOW + 700
        await console.show(with_dead_worker(observed_at=NOW + 700))
        await console.until(lambda: "when you last looked" in console.screen(), "what is new")
        assert "new since 14:13:21" in console.screen()

    await run_console(body, size=(120, 40))


def test_the_terminals_title_carries_the_verdict_and_says_when_the_console_is_blind():
    names = Names("ray-cluster", "local", "local")
    assert title(picture_of(healthy()), Times(NOW, NOW + 1), names) == "● OK ray-cluster · raytui"
    assert title(picture_of(with_dead_worker()), Times(NOW, NOW + 1), names) == "▲ DEGRADED ray-cluster · raytui"
    assert title(picture_of(healthy()), Times(NOW, NOW + 90), names) == "? UNKNOWN ray-cluster · raytui"
