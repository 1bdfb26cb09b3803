"""Any list as a screen: every kind is shown, filtered, ordered and looked into, and left the way one came."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.errors import Failure
from raytui.core.observed.holdings import Held, Holdings
from raytui.core.observed.snapshot import Actor, Job, RayEvent, Reading
from raytui.core.observed.workload import (
    Bundle,
    PlacementGroup,
    RayWorker,
    ServeDeployment,
    ServeReplica,
    Task,
    TaskCount,
)
from raytui.tui.keys import verb_keys
from raytui.tui.panes.details import DetailsPane
from raytui.tui.panes.listing import ListPane
from raytui.tui.render.attention import with_keys
from raytui.tui.screens.table import TableScreen
from raytui.tui.watch import COUNTED
from raytui.tui.widgets.lines import LineView
from raytui.tui.widgets.rule import PaneRule
from raytui.tui.widgets.table import RowTable
from raytui.view.tables.registry import TABLES
from tests.tui.conftest import absent, healthy, run_console, with_dead_worker
from tests.unit.core.values import NOW

JOBS = (
    Job("raysubmit_1", "RUNNING", "python train.py", started_at=NOW - 90),
    Job(
        "raysubmit_2",
        "FAILED",
        "python broken.py",
        started_at=NOW - 500,
        ended_at=NOW - 400,
        message="exit 1\nTraceback: all of it",
    ),
    Job("raysubmit_3", "SUCCEEDED", "python done.py", started_at=NOW - 900, ended_at=NOW - 800),
)
ACTORS = tuple(
    Actor(f"act-{n:05}", "Trainer" if n % 2 else "Server", "DEAD" if n % 50 == 0 else "ALIVE", pid=n)
    for n in range(5_000)
)
REPLICA = ServeReplica("shop", "Ranker", "r1", "RUNNING", pid=7)
SERVE = (ServeDeployment("shop", "RUNNING", "Ranker", "HEALTHY", replicas=2, route="/rank", all_replicas=(REPLICA,)),)
HELD = (
    Held("e1", "alice", "train", "train-1", cpu=8.0, memory=32.0, gpus=3.0, label="A10G", since=NOW - 7200),
    Held("e2", "engineer", "workbench", "ray-cluster-head", cpu=2.0, memory=8.0, gpus=0.0, since=NOW - 600),
    Held(
        "e3", "engineer", "workbench", "ray-cluster-worker-1", state="scheduling", cpu=2.0, memory=8.0, since=NOW - 90
    ),
)
EVENTS = (
    RayEvent(NOW - 400, "INFO", "GCS", "node joined"),
    RayEvent(NOW - 40, "ERROR", "RAYLET", "worker killed by the memory monitor"),
)
TASKS = (
    Task("task-1", "step", "RUNNING", since=NOW - 40, started_at=NOW - 40),
    Task("task-2", "step", "FAILED", error_type="TASK_EXECUTION_EXCEPTION", message="ValueError: wrong"),
)
COUNTS = (TaskCount("step", "NORMAL_TASK", {"RUNNING": 1, "FAILED": 1}),)
GROUPS = (PlacementGroup("group-1", "train", "PENDING", bundles=(Bundle(0, {"CPU": 64.0}),), scheduling="INFEASIBLE"),)
PROCESSES = (RayWorker("process-1", is_alive=False, exit_type="NODE_OUT_OF_MEMORY", ended_at=NOW - 9),)


def full(**more):
    """A cluster with a dead worker and rows for every list."""
    return msgspec.structs.replace(
        with_dead_worker(**more),
        jobs=Reading(JOBS, at=NOW, total=3),
        actors=Reading(ACTORS, at=NOW, total=53_572),
        serve=Reading(SERVE, at=NOW, total=1),
        events=Reading(EVENTS, at=NOW),
        holdings=Reading(Holdings(held=HELD), at=NOW),
        tasks=Reading(TASKS, at=NOW, total=2),
        task_counts=Reading(COUNTS, at=NOW, total=1),
        placement_groups=Reading(GROUPS, at=NOW, total=1),
        ray_workers=Reading(PROCESSES, at=NOW, total=1),
    )


async def opened(console, kind):
    """Go to a list, and answer its screen once its rows have the focus."""
    console.cluster.go(kind)
    await console.until(lambda: is_at(console, kind), f"the list of {kind}")
    return console.app.screen


def is_at(console, kind):
    screen = console.app.screen
    return (
        isinstance(screen, TableScreen)
        and screen.kind.name == kind
        and screen.query(RowTable)
        and screen.focused is not None
    )


def keys_of(screen):
    return [row.key for row in screen.list.table.rows[:10]]


def asked_of_lists(console):
    """What is asked besides what the screen of the cluster counts."""
    return [questions for questions in console.session.monitor.asked if questions != COUNTED]


def title_of(screen):
    return screen.list.query_one(PaneRule).text


async def typed(console, text):
    await console.press("slash")
    await console.until(
        lambda: console.app.screen.query("#prompt") and console.app.focused.parent.id == "prompt", "the prompt"
    )
    console.app.screen.query_one("#prompt").field.value = text
    await console.pilot.pause()


@pytest.mark.parametrize("kind", [name for name, kind in TABLES.items() if not kind.of_profiles])
@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
async def test_every_list_is_a_screen_that_names_its_command(kind, size):
    async def body(console):
        await console.show(full())
        screen = await opened(console, kind)
        await console.until(lambda: console.screen().startswith(" ▲ DEGRADED"), "the verdict above it")
        assert f"─ {TABLES[kind].title} · " in console.screen()
        assert f"raytui {kind}" in title_of(screen)
        assert screen.list.table.cursor
        await console.press("o", "o", "O", "enter")
        await console.until(lambda: "Details · " in console.screen(), "the details")
        await console.press("escape", "escape")
        await console.until(lambda: console.app.screen is console.cluster, "the way back")

    await run_console(body, size=size)


@pytest.mark.parametrize(
    ("key", "kind"),
    [("2", "jobs"), ("3", "actors"), ("4", "serve"), ("7", "events"), ("9", "nodes"), ("0", "conditions")],
)
async def test_a_digit_goes_to_its_list_and_one_back_to_the_cluster(key, kind):
    async def body(console):
        await console.show(full())
        await console.press(key)
        await console.until(lambda: is_at(console, kind), kind)
        await console.press("1")
        await console.until(lambda: console.app.screen is console.cluster, "the cluster")

    await run_console(body)


async def test_the_palette_goes_to_a_list_by_its_name():
    async def body(console):
        await console.show(full())
        await console.press("colon")
        await console.until(lambda: console.app.screen.is_modal, "the palette")
        await console.press(*"apps")
        await console.until(lambda: "Applications" in console.screen() and "apps" in console.screen(), "the command")
        await console.press("enter")
        await console.until(lambda: is_at(console, "apps"), "the list")

    await run_console(body)


async def test_a_filter_speaks_the_language_of_the_command_line_and_its_command_is_named():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        await typed(console, "status!=succeeded took>95s")
        assert keys_of(screen) == ["raysubmit_2"]
        await console.press("enter")
        assert "1 of 3" in title_of(screen)
        assert "raytui jobs --filter 'status!=succeeded took>95s'" in title_of(screen)
        await console.press("escape")
        assert len(screen.list.table.rows) == 3

    await run_console(body, size=(140, 24))


async def test_what_is_no_filter_is_looked_for_as_it_stands_and_says_so():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        await typed(console, "colour=red")
        await console.until(lambda: "there is no column colour" in console.screen(), "the reason")
        assert "none of the 3 jobs passes the filter" in " ".join(console.screen().split())
        assert keys_of(screen) == []
        await console.press("escape")
        assert len(screen.list.table.rows) == 3

    await run_console(body)


async def test_any_column_orders_numbers_with_the_largest_first_and_reverses():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        assert keys_of(screen) == ["raysubmit_1", "raysubmit_2", "raysubmit_3"]
        await console.press("o", "o", "o")
        assert "by TOOK ▾" in title_of(screen)
        # By the spans, of which the second and third are equal, and not by how they read.
        assert keys_of(screen) == ["raysubmit_2", "raysubmit_3", "raysubmit_1"]
        await console.press("O")
        assert keys_of(screen)[0] == "raysubmit_1"
        assert "--sort took" in title_of(screen)

    await run_console(body, size=(140, 24))


async def test_a_new_order_keeps_the_cursor_s_row_and_brings_it_into_view():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "actors")
        await console.press("end")
        await console.until(lambda: "▸ act-04999" in console.screen(), "the last row")
        await console.press("O")
        await console.until(lambda: "▸ act-04999" in console.screen(), "the row in its new place")
        assert screen.list.table.scroll_offset.y == 0
        await console.press("pagedown", "pagedown", "pagedown")
        cursor = screen.list.table.cursor
        await console.press("O")
        await console.until(lambda: f"▸ {cursor}" in console.screen(), "the row again")

    await run_console(body)


async def test_a_list_is_as_it_was_when_one_comes_back_from_another_and_later():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        await typed(console, "python")
        await console.press("enter", "o", "o", "O")
        await console.press("end")
        before = (screen.list.state, title_of(screen), screen.list.table.cursor)
        await console.press("3")
        await console.until(lambda: is_at(console, "actors"), "actors")
        await console.press("escape")
        await console.until(lambda: is_at(console, "jobs"), "jobs again")
        assert (screen.list.state, title_of(screen), screen.list.table.cursor) == before
        await console.press("1")
        await console.until(lambda: console.app.screen is console.cluster, "the cluster")
        again = await opened(console, "jobs")
        assert again is not screen
        assert (again.list.state, title_of(again), again.list.table.cursor) == before

    await run_console(body)


async def test_going_to_a_list_that_is_open_below_goes_back_to_it():
    async def body(console):
        await console.show(full())
        first = await opened(console, "jobs")
        await opened(console, "actors")
        await opened(console, "serve")
        console.cluster.go("jobs")
        await console.until(lambda: console.app.screen is first, "the first list")
        assert len(console.app.screen_stack) == 2

    await run_console(body)


async def test_details_show_every_field_of_the_document_and_stay_when_the_row_is_gone():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        await console.press("down", "enter")
        details = screen.query_one(DetailsPane)
        await console.until(lambda: console.app.focused is details.body, "the details")
        shown = "\n".join("".join(part for part, _ in line) for line in details.body.lines)
        for field in TABLES["jobs"].document(JOBS[1], console.cluster.picture):
            assert f"   {field}" in shown
        assert "Traceback: all of it" in shown
        gone = msgspec.structs.replace(full(), jobs=Reading(JOBS[:1], at=NOW + 2, total=1), observed_at=NOW + 2)
        await console.show(gone)
        await console.until(lambda: "no longer listed" in details.query_one(PaneRule).text, "the row to be gone")
        assert "raysubmit_2" in "".join(part for line in details.body.lines for part, _ in line)
        await console.press("escape")
        assert console.app.focused is screen.list.table

    await run_console(body)


async def test_the_title_says_how_many_are_shown_of_how_many_there_are():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "actors")
        assert "5,000 of 53,572 shown" in title_of(screen)
        await typed(console, "state=dead")
        await console.until(lambda: "100 of the first 5,000 of 53,572" in title_of(screen), "the count")

    await run_console(body, size=(120, 24))


async def test_of_thousands_of_rows_only_those_in_view_are_made(monkeypatch):
    made = []
    from raytui.tui.panes import listing

    original = listing.screen_row
    monkeypatch.setattr(listing, "screen_row", lambda *arguments: made.append(1) or original(*arguments))

    async def body(console):
        await console.show(full())
        await opened(console, "actors")
        assert len(made) <= 80
        await console.press("end")
        await console.until(lambda: "act-04999" in console.screen(), "the last row")
        assert len(made) <= 200

    await run_console(body)


async def test_the_cursor_keeps_its_row_and_equal_pictures_paint_no_row(monkeypatch):
    async def body(console):
        await console.show(full())
        screen = await opened(console, "nodes")
        await console.press("down", "down")
        cursor = screen.list.table.cursor
        painted = []

        def counting(original):
            def render_line(self, y):
                painted.append(self.id)
                return original(self, y)

            return render_line

        for kind in (LineView, RowTable):
            monkeypatch.setattr(kind, "render_line", counting(kind.render_line))
        console.clock.now += 2
        await console.show(full(observed_at=NOW + 2))
        assert screen.list.table.cursor == cursor
        assert set(painted) <= {"verdict"}

    await run_console(body)


@pytest.mark.parametrize("kind", ["jobs", "serve", "actors"])
@pytest.mark.parametrize("width", [24, 40, 80])
async def test_an_empty_list_teaches_with_its_whole_sentence(kind, width):
    async def body(console):
        await console.show(msgspec.structs.replace(healthy(), **{kind: Reading((), at=NOW, total=0)}))
        screen = await opened_message(console, kind)
        said = "".join("".join(part for part, _ in line) for line in screen.list.query_one("#message").lines)
        assert "".join(with_keys(TABLES[kind].empty, verb_keys(elsewhere=True)).split()) in "".join(said.split())
        assert "…" not in said

    await run_console(body, size=(width, 24))


async def opened_message(console, kind):
    console.cluster.go(kind)
    await console.until(
        lambda: isinstance(console.app.screen, TableScreen) and console.app.screen.query(ListPane), "the list"
    )
    await console.until(lambda: console.app.screen.list.query_one("#message").lines, "a sentence")
    return console.app.screen


async def test_a_list_that_was_not_asked_for_yet_says_so_and_is_asked_for():
    async def body(console):
        await console.show(healthy())
        await opened_message(console, "actors")
        assert "asking for actors" in console.screen()
        assert asked_of_lists(console) == [TABLES["actors"].needs]
        await console.press("escape")
        await console.until(lambda: asked_of_lists(console) == [], "the question to be dropped")

    await run_console(body)


async def test_only_the_list_on_top_is_asked_for():
    async def body(console):
        await console.show(full())
        await opened(console, "jobs")
        await opened(console, "actors")
        assert asked_of_lists(console) == [TABLES["actors"].needs]
        await console.press("escape")
        await console.until(lambda: asked_of_lists(console) == [TABLES["jobs"].needs], "the list below")

    await run_console(body)


async def test_rows_stay_muted_with_the_reason_when_they_cannot_be_read_any_more():
    failed = Failure("dashboard", "NoAnswer", "the dashboard did not answer within 10 s", "try again")

    async def body(console):
        await console.show(full())
        screen = await opened(console, "jobs")
        await console.show(msgspec.structs.replace(full(), jobs=Reading(failure=failed), observed_at=NOW + 2))
        await console.until(
            lambda: "the dashboard did not answer within 10 s" in " ".join(console.screen().split()), "the reason"
        )
        assert "these are the rows of 14:13:20" in " ".join(console.screen().split())
        assert len(screen.list.table.rows) == 3
        assert {role for _, role in screen.list.table.rows[1].cells} == {"muted"}

    await run_console(body)


async def test_no_cluster_says_so_in_every_list_with_the_key_that_starts_it():
    async def body(console):
        await console.show(absent())
        await opened_message(console, "apps")
        assert "no application of this cluster exists" in console.screen()
        assert "1, then s creates it" in console.screen()

    await run_console(body)


async def test_events_begin_with_the_newest():
    async def body(console):
        await console.show(full())
        screen = await opened(console, "events")
        assert "worker killed" in "".join(text for text, _ in screen.list.table.rows[0].cells)
        assert "newest first" in title_of(screen)

    await run_console(body, size=(140, 24))


async def test_a_running_operation_is_asked_about_when_one_leaves_from_a_list():
    from tests.tui.fakes import FakeSession

    session = FakeSession()
    session.manager.release.clear()

    async def body(console):
        from raytui.tui.operation import Request
        from raytui.tui.screens.confirm import ConfirmScreen
        from raytui.tui.screens.leave import LeaveScreen

        await console.show(absent())
        console.cluster.request(Request("start"))
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan"
        )
        await console.press("right", "enter")
        await console.until(lambda: session.manager.executed, "the start")
        await opened_message(console, "jobs")
        await console.press("q")
        await console.until(
            lambda: isinstance(console.app.screen, LeaveScreen) and console.app.focused is not None, "the question"
        )
        await console.press("right", "enter")
        await console.until(lambda: session.closed, "the end")

    app = await run_console(body, session)
    assert app.return_value.startswith("start was interrupted")


async def test_the_details_of_what_failed_begin_with_its_story():
    async def body(console):
        await console.show(full())
        await opened(console, "tasks")
        await console.press("down", "enter")
        await console.until(lambda: "Details · " in console.screen(), "the details")
        text = console.screen()
        assert "task step failed: ValueError: wrong" in text
        assert text.index("task step failed") < text.index("task_id")

    await run_console(body)
