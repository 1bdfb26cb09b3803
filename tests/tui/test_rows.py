"""From a row of a list deeper and back, and what can be done with rows: look, copy, mark, stop, restart, scale."""

from __future__ import annotations

import json

import msgspec
import pytest
from textual import events

from raytui.core.errors import ConfigurationError, DeadlineExceeded, Failure
from raytui.core.observed.snapshot import Actor, Job, Reading
from raytui.core.observed.workload import Bundle, PlacementGroup, RayWorker, ServeDeployment, Task
from raytui.core.serve import ServeApplication, ServeState
from raytui.core.session import JobRequest
from raytui.tui.panes.details import DetailsPane
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.delete_serve import DeleteServeScreen
from raytui.tui.screens.job_form import JobFormScreen
from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.stop_jobs import StopJobsScreen
from raytui.tui.screens.table import TableScreen
from raytui.tui.theme import THEMES
from raytui.tui.widgets.table import RowTable
from raytui.view.tables.registry import TABLES
from tests.tui.conftest import healthy, run_console
from tests.tui.fakes import FakeSession, FakeSettings
from tests.tui.test_tables import full, is_at, keys_of, opened, title_of, typed
from tests.unit.core import values
from tests.unit.core.values import NOW

JOBS = (
    Job("train-7", "RUNNING", "python train.py", started_at=NOW - 3 * 3600, type="SUBMISSION", job_id="01000000",
        driver_node_id=values.node(0).node_id),
    Job("serve-3", "RUNNING", "python serve.py", started_at=NOW - 60, type="SUBMISSION", job_id="02000000"),
    Job("old-1", "SUCCEEDED", "python done.py", started_at=NOW - 900, ended_at=NOW - 800, job_id="03000000"),
)  # fmt: skip
ACTORS = tuple(
    Actor(f"act-{n:02}", "Trainer", "DEAD" if n == 9 else "ALIVE", pid=100 + n, job_id="01000000" if n < 10 else "02000000",
          node_id=values.node(n % 3).node_id)
    for n in range(15)
)  # fmt: skip
TASKS = (Task("task-1", "step", "RUNNING", job_id="01000000", actor_id="act-01", since=NOW - 40),)
GROUPS = (
    PlacementGroup("group-1", "train", "PENDING", bundles=(Bundle(0, {"CPU": 64.0}), Bundle(1, {"GPU": 1.0}))),
    PlacementGroup("group-2", "other", "CREATED", bundles=(Bundle(0, {"CPU": 1.0}, values.node(1).node_id),)),
)
PROCESSES = (RayWorker("process-1", is_alive=True, node_id=values.node(1).node_id, pid=101),)


def world(**more):
    return msgspec.structs.replace(
        healthy(),
        jobs=Reading(more.pop("jobs", JOBS), at=NOW, total=3),
        actors=Reading(more.pop("actors", ACTORS), at=NOW, total=15),
        tasks=Reading(TASKS, at=NOW, total=1),
        placement_groups=Reading(GROUPS, at=NOW, total=2),
        ray_workers=Reading(PROCESSES, at=NOW, total=1),
        **more,
    )


async def deeper(console, key, kind):
    """Press a key that leads to a list, and answer its screen."""
    before = console.app.screen
    await console.press(key)
    await console.until(lambda: console.app.screen is not before and is_at(console, kind), f"the list of {kind}")
    return console.app.screen


def said(console):
    """The console's last word, on one line."""
    return " ".join(" ".join("".join(text for text, _ in line) for line in console.app.screen.said.lines).split())


def bar_of(console):
    return console.screen().splitlines()[-1]


@pytest.mark.parametrize(
    ("kind", "key", "target", "title", "rows"),
    [
        ("jobs", "a", "actors", "Actors of job train-7", [f"act-{n:02}" for n in range(10)]),
        ("jobs", "t", "tasks", "Tasks of job train-7", ["task-1/0"]),
        ("nodes", "a", "actors", "Actors of node", ["act-00", "act-03", "act-06", "act-09", "act-12"]),
        ("apps", "p", "workers", "Worker processes of node", []),
        ("placement-groups", "b", "bundles", "Bundles of placement group train", ["group-1/0", "group-1/1"]),
        ("actors", "t", "tasks", "Tasks of actor act-00", []),
    ],
)
async def test_what_belongs_to_a_row_is_a_list_that_one_leaves_where_one_came_from(kind, key, target, title, rows):
    async def body(console):
        await console.show(world())
        screen = await opened(console, kind)
        below = await deeper(console, key, target)
        assert title_of(below).startswith(title)
        assert keys_of(below) == rows
        assert f"raytui {target}" in title_of(below)
        await console.press("escape")
        await console.until(lambda: console.app.screen is screen, "the way back")

    await run_console(body, size=(160, 40))


async def test_cursor_filter_and_order_are_as_they_were_when_one_comes_back_from_deeper():
    async def body(console):
        await console.show(world())
        screen = await opened(console, "jobs")
        await typed(console, "status=running")
        await console.press("enter", "o", "o", "O", "end")
        before = (screen.list.state, screen.list.table.cursor)
        await console.press("enter")
        await console.until(lambda: screen.details.body.has_focus, "the details")
        below = await deeper(console, "enter", "actors")
        await console.press("end", "enter")
        await console.until(lambda: below.details.body.has_focus, "the actor's details")
        await console.press("escape", "escape")
        await console.until(lambda: console.app.screen is screen, "the way back")
        assert screen.details.display
        await console.press("escape")
        assert (screen.list.state, screen.list.table.cursor) == before
        # What was gone through deeper is nothing that the list of all actors remembers.
        everyone = await opened(console, "actors")
        assert title_of(everyone).startswith("Actors · 15")

    await run_console(body)


async def test_a_filter_within_what_belongs_to_a_row_is_dropped_before_one_leaves():
    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        below = await deeper(console, "a", "actors")
        await typed(console, "job=01000000 state=dead")
        await console.press("enter")
        assert keys_of(below) == ["act-09"]
        await console.press("escape")
        assert console.app.screen is below
        assert len(keys_of(below)) == 10

    await run_console(body)


async def test_keys_are_shown_where_they_lead_somewhere_and_nowhere_else():
    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        assert "a actors  t tasks  x stop" in bar_of(console)
        assert "restart" not in bar_of(console)
        await opened(console, "placement-groups")
        assert "b bundles" in bar_of(console)
        assert "l log" not in bar_of(console)
        await opened(console, "nodes")
        assert "p processes  r restart  + - scale" in bar_of(console)
        await console.press("x")
        assert isinstance(console.app.screen, TableScreen)

    await run_console(body, size=(160, 40))


async def test_the_log_of_a_job_is_shown_at_its_end_and_one_comes_back_to_the_job():
    session = FakeSession()
    session.logs.batches["job/train-7"] = [[f"step {n}" for n in range(200)]]

    async def body(console):
        await console.show(world())
        screen = await opened(console, "jobs")
        await console.press("l")
        await console.until(lambda: "step 199" in console.screen(), "the end of the log")
        assert isinstance(console.app.screen, LogScreen)
        assert "Logs · job · train-7" in console.screen()
        await console.press("escape")
        await console.until(lambda: console.app.screen is screen, "the jobs")

    await run_console(body, session)


async def test_the_log_of_an_actor_is_the_file_of_its_process():
    session = FakeSession()
    session.logs.batches |= {
        "worker-1/worker-abc-01000000-101.err": [["a traceback"]],
        "worker-1/worker-abc-01000000-101.out": [["what it printed"]],
        "worker-1/worker-abc-01000000-1011.out": [["another one's"]],
    }

    async def body(console):
        await console.show(world())
        await opened(console, "actors")
        await console.press("down", "l")
        await console.until(lambda: "what it printed" in console.screen(), "the log")
        assert session.logs.opened[-1] == "worker-1/worker-abc-01000000-101.out"
        await console.press("escape")
        await console.until(lambda: is_at(console, "actors"), "the actors")
        await console.press("down", "l")
        await console.until(lambda: "there is no log of process 102 on worker-2" in said(console), "why there is none")
        await console.press("escape")
        await console.until(lambda: is_at(console, "actors"), "the actors again")

    await run_console(body, session)


async def test_a_job_without_a_log_says_why():
    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("down", "l")
        await console.until(lambda: "job serve-3 has no log: its driver never started" in said(console), "the reason")
        assert is_at(console, "jobs")
        await console.press("escape")
        assert is_at(console, "jobs")
        assert said(console) == ""

    await run_console(body)


async def test_y_shows_the_row_as_json_in_the_frame_of_its_details_and_c_copies_what_is_shown(monkeypatch):
    copied = []

    async def body(console):
        monkeypatch.setattr(console.app, "copy_to_clipboard", copied.append)
        await console.show(world())
        screen = await opened(console, "jobs")
        await console.press("c")
        assert copied == ["train-7"]
        await console.press("y")
        details = screen.query_one(DetailsPane)
        await console.until(lambda: "JSON · train-7" in console.screen(), "the JSON")
        assert '"entrypoint": "python train.py"' in console.screen()
        await console.press("c")
        whole = TABLES["jobs"].document(JOBS[0], console.cluster.latest)
        assert json.loads(copied[-1]) == json.loads(json.dumps(whole))
        await console.press("y")
        await console.until(lambda: "Details · train-7" in console.screen(), "the fields")
        await console.press("c")
        assert "entrypoint" in copied[-1]
        assert not details.is_raw

    await run_console(body, size=(120, 40))


async def test_marks_are_shown_counted_copied_and_taken_away_first(monkeypatch):
    copied = []

    async def body(console):
        monkeypatch.setattr(console.app, "copy_to_clipboard", copied.append)
        await console.show(world())
        screen = await opened(console, "jobs")
        await console.press("space", "space")
        assert "2 marked" in title_of(screen)
        assert "*  train-7" in console.screen()
        assert " ▸ old-1" in console.screen()
        await console.press("c")
        assert copied == ["train-7\nserve-3"]
        await console.press("up", "space")
        assert screen.list.table.marked == {"train-7"}
        await console.press("escape")
        assert not screen.list.table.marked
        assert console.app.screen is screen
        assert "*" not in console.screen()

    await run_console(body)


async def asked(console, kind):
    await console.until(
        lambda: isinstance(console.app.screen, kind) and console.app.focused is not None, "the question"
    )
    return console.app.screen


async def test_a_job_is_stopped_after_a_question_that_counts_what_ends_with_cancel_focused():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("x")
        await asked(console, StopJobsScreen)
        assert "ends job train-7 after 3h00, 9 actors" in " ".join(console.screen().split())
        assert console.app.focused.id == "cancel"
        # The actors are asked for while one reads, whatever the list itself needs.
        assert any("actors" in questions for questions in session.monitor.asked)
        await console.show(world(actors=ACTORS[:3]))
        await console.until(lambda: "3 actors" in console.screen(), "the new count")
        await console.press("enter")
        await console.until(lambda: is_at(console, "jobs"), "the jobs")
        assert session.jobs.stopped == []
        await console.press("x")
        await asked(console, StopJobsScreen)
        await console.press("right", "enter")
        await console.until(lambda: "job train-7 has ended: STOPPED" in said(console), "the end")
        assert session.jobs.stopped == ["train-7"]
        assert not any("actors" in questions for questions in session.monitor.asked)

    await run_console(body, session)


async def test_marked_jobs_are_stopped_together_and_what_failed_is_told():
    session = FakeSession()
    session.jobs.failures["serve-3"] = DeadlineExceeded("job serve-3 was asked to stop and has not ended after 60 s")

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("space", "space", "space", "x")
        await asked(console, StopJobsScreen)
        assert "Stop 2 jobs?" in console.screen()
        await console.press("right", "enter")
        await console.until(lambda: "has not ended after 60 s" in said(console), "the end")
        assert session.jobs.stopped == ["train-7", "serve-3"]
        assert "job train-7 has ended: STOPPED" in said(console)

    await run_console(body, session)


async def test_a_job_that_has_ended_is_not_asked_about():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("end", "x")
        await console.until(lambda: "job old-1 has ended already" in said(console), "the sentence")
        assert session.jobs.stopped == []

    await run_console(body, session)


async def test_a_job_is_submitted_from_a_form_that_says_everything_that_is_wrong_first():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("n")
        await asked(console, JobFormScreen)
        await console.press("tab", "tab", *"1BATCH", "enter")
        await console.until(lambda: "no command is named" in console.screen(), "the problems")
        assert "'1BATCH' is no NAME=VALUE" in console.screen()
        assert session.jobs.submitted == []
        form = console.app.screen
        form.query_one("#command").value = "python train.py --lr 0.1"
        form.query_one("#folder").value = "/work/train"
        form.query_one("#env").value = "BATCH=64 NAME='two words'"
        await console.press("enter")
        await console.until(lambda: "job raysubmit_new is submitted" in said(console), "the submission")
        variables = {"BATCH": "64", "NAME": "two words"}
        assert session.jobs.submitted == [JobRequest("python train.py --lr 0.1", "", "/work/train", variables)]

    await run_console(body, session)


async def test_a_job_that_was_not_submitted_says_why():
    session = FakeSession()
    session.jobs.refuses = ConfigurationError("/nowhere is no folder")

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("n")
        await asked(console, JobFormScreen)
        await console.press(*"true", "enter")
        await console.until(lambda: "not submitted: /nowhere is no folder" in said(console), "the reason")
        await console.press("n")
        await asked(console, JobFormScreen)
        await console.press("escape")
        await console.until(lambda: is_at(console, "jobs"), "the jobs")

    await run_console(body, session)


async def test_marked_nodes_are_restarted_in_one_plan_whose_steps_are_told_in_the_list():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await opened(console, "nodes")
        await console.press("down", "space", "space", "r")
        screen = await asked(console, ConfirmScreen)
        assert [app.short for app in screen.plan.ends] == ["worker-1", "worker-2"]
        await console.press("right", "enter")
        await console.until(lambda: "restart of ray-cluster finished" in said(console), "its end")
        assert is_at(console, "nodes")

    await run_console(body, session)


async def test_the_group_of_a_node_is_scaled_from_its_list():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await opened(console, "apps")
        await console.press("down", "minus")
        screen = await asked(console, ConfirmScreen)
        assert screen.plan.verb == "scale"
        assert screen.plan.counts == {"worker": 1}

    await run_console(body, session)


@pytest.mark.parametrize("key", ["x", "n", "r", "minus"])
async def test_a_read_only_profile_refuses_with_the_sentence_and_shows_no_such_key(key):
    session = FakeSession(FakeSettings(read_only=True, read_only_asked=True))
    kind = "jobs" if key in "xn" else "nodes"

    async def body(console):
        await console.show(world())
        await opened(console, kind)
        assert not {"x stop", "r restart", "+ - scale"} & set(bar_of(console).split("  "))
        await console.press("down", key)
        await console.until(lambda: "was refused: the profile is read-only" in said(console), "the refusal")
        assert not session.jobs.stopped
        assert not session.manager.executed

    await run_console(body, session, size=(160, 40))


async def test_a_job_of_a_cluster_that_is_only_watched_can_be_stopped():
    session = FakeSession(FakeSettings(platform="attached", read_only=True))

    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press("x")
        await asked(console, StopJobsScreen)

    await run_console(body, session)


async def test_in_production_the_cluster_s_name_is_typed_before_anything_ends():
    session = FakeSession(FakeSettings(production=True))

    async def body(console):
        await console.show(world())
        await opened(console, "nodes")
        await console.press("end", "r")
        screen = await asked(console, ConfirmScreen)
        assert "production: type ray-cluster to go on" in console.screen()
        assert screen.query_one("#carry-out").disabled
        await console.press("shift+tab", *"ray-clus")
        assert screen.query_one("#carry-out").disabled
        await console.press(*"ter", "enter")
        assert console.app.focused.id == "carry-out"
        await console.press("enter")
        await console.until(lambda: session.manager.executed, "the restart")

    await run_console(body, session)


async def test_the_palette_finds_a_thing_by_its_name_and_shows_its_row():
    async def body(console):
        await console.show(world())
        await console.press("colon")
        await console.until(lambda: console.app.screen.is_modal and console.app.focused is not None, "the palette")
        await console.press(*"act-07")
        await console.until(lambda: "actor Trainer act-07" in console.screen(), "the actor")
        await console.press("enter")
        await console.until(lambda: is_at(console, "actors"), "the actors")
        await console.until(lambda: "Details · act-07" in console.screen(), "its details")
        assert console.app.screen.list.table.cursor == "act-07"
        await console.press("escape")
        assert len(console.app.screen.list.table.rows) == 15

    await run_console(body)


@pytest.mark.parametrize("name", list(THEMES))
async def test_every_theme_is_a_setting_and_a_command(name):
    async def body(console):
        assert console.app.theme == f"raytui-{name}"
        assert f"Theme {name}" in {command.name for command in console.app.commands()}
        await console.show(world())
        await opened(console, "jobs")
        assert "RUNNING" in console.screen()

    await run_console(body, FakeSession(FakeSettings(theme=name)))


UGLY = (
    "x" * 300,
    "שלום " * 20,
    "\u202e\u2066reversed",
    "\N{FAMILY}\N{WOMAN}\u200d\N{WOMAN}\u200d\N{GIRL}",
    "\x1b[31mred\x1b[0m\x1b]52;c;aGk=\x07",
    "[bold red]markup[/] $background {x}",
    "line\nbreak\ttab\r",
    "\ud800half",
)


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (400, 120)], ids=["20x5", "80x24", "400x120"])
async def test_names_of_any_kind_move_nothing_and_fit(size):
    jobs = tuple(Job(name, "RUNNING", name, type="SUBMISSION", job_id="01000000") for name in UGLY)

    async def body(console):
        await console.show(world(jobs=jobs))
        screen = await opened(console, "jobs")
        for _ in jobs:
            await console.press("enter", "y", "y", "c", "escape", "space", "down")
        for strip in screen._compositor.render_strips():
            assert strip.cell_length == size[0]
            assert {c for c in strip.text if not c.isprintable()} <= {"\u200d"}
        await console.press("x")
        await asked(console, StopJobsScreen)
        for strip in console.app.screen._compositor.render_strips():
            assert {c for c in strip.text if not c.isprintable()} <= {"\u200d"}

    await run_console(body, size=size)


async def test_a_paste_of_many_lines_into_the_filter_is_one_filter():
    async def body(console):
        await console.show(world())
        screen = await opened(console, "jobs")
        await console.press("slash")
        await console.until(lambda: console.app.focused.parent.id == "prompt", "the prompt")
        console.app.focused.post_message(events.Paste("train\x1b[31m\nsecond line\n" + "y" * 10_000))
        await console.pilot.pause()
        assert keys_of(screen) == [] or keys_of(screen) == ["train-7"]
        await console.press("escape")
        assert len(screen.list.table.rows) == 3

    await run_console(body)


@pytest.mark.parametrize("key", ["enter", "escape", "l", "a", "t", "y", "c", "space", "o", "x", "slash", "down"])
async def test_a_key_held_down_leaves_the_console_usable(key):
    async def body(console):
        await console.show(world())
        await opened(console, "jobs")
        await console.press(*[key] * 40)
        for _ in range(60):
            if console.app.screen is console.cluster:
                break
            await console.press("escape")
        await console.until(lambda: console.app.screen is console.cluster, "the way back")
        await opened(console, "actors")
        assert console.app.screen.query_one(RowTable).cursor == "act-00"

    await run_console(body)


async def test_a_command_may_be_typed_and_entered_at_once():
    async def body(console):
        await console.show(world())
        # All keys before the first is handled, as quick fingers or a slow line send them.
        for character in ":placement":
            console.app.post_message(events.Key("colon" if character == ":" else character, character))
        console.app.post_message(events.Key("enter", None))
        await console.until(lambda: is_at(console, "placement-groups"), "the list")

    await run_console(body)


FAULTS = (
    ("Timeout", "the dashboard accepts connections and does not answer"),
    ("TokenRefused", "Ray refused the token"),
    ("Truncated", "the answer was cut off after 1,024 bytes"),
)


@pytest.mark.parametrize(
    ("kind", "reason", "sentence"), [(kind, *FAULTS[n % len(FAULTS)]) for n, kind in enumerate(TABLES)]
)
async def test_a_list_that_cannot_be_read_says_why_keeps_its_rows_muted_and_all_keys_work(kind, reason, sentence):
    failure = Failure("dashboard", reason, sentence, hint="raytui doctor checks it")
    names = ("jobs", "actors", "serve", "events", "nodes", "tasks", "task_counts", "placement_groups", "ray_workers")

    async def body(console):
        await console.show(full())
        screen = await opened(console, kind)
        rows = len(screen.list.table.rows)
        blind = {name: Reading(failure=failure) for name in names}
        await console.show(msgspec.structs.replace(full(), **blind, holdings=Reading(failure=failure)))
        await console.press("enter", "y", "c", "escape", "o", "O", "space", "l", "escape", "escape", "escape")
        if kind not in {"apps", "events", "conditions"}:
            again = await opened(console, kind)
            assert len(again.list.table.rows) in {0, rows}
            await console.until(lambda: sentence in " ".join(console.screen().split()), "the reason")

    await run_console(body, size=(120, 40))


SERVE = (
    ServeDeployment("shop", "RUNNING", "Api", "HEALTHY", "", 2, "/"),
    ServeDeployment("shop", "RUNNING", "Model", "HEALTHY", "", 1, "/"),
    ServeDeployment("chat", "RUNNING", "Chat", "HEALTHY", "", 1, "/chat"),
    ServeDeployment("notes", "RUNNING", "Notes", "HEALTHY", "", 1, "/notes"),
)


def serving(session):
    """A Serve whose first two applications a config deployed, and the third `serve.run`."""
    session.serve.state = ServeState(
        (
            ServeApplication(
                "shop", "RUNNING", "declarative", {"name": "shop"}, deployments=(("Api", 2), ("Model", 1))
            ),
            ServeApplication("chat", "RUNNING", "declarative", {"name": "chat"}, deployments=(("Chat", 1),)),
            ServeApplication("notes", "RUNNING", "imperative", deployments=(("Notes", 1),)),
        )
    )
    return world(serve=Reading(SERVE, at=NOW, total=4))


async def test_marked_serve_applications_are_deleted_in_one_action_after_saying_what_ends():
    session = FakeSession()

    async def body(console):
        await console.show(serving(session))
        await opened(console, "serve")
        assert "d delete" in bar_of(console)
        await console.press("space", "space", "space", "d")
        await asked(console, DeleteServeScreen)
        assert console.app.focused.id == "cancel"
        assert "ends Serve application shop: Api (2 replicas), Model (1 replica)" in console.screen()
        assert "stays: notes" in console.screen()
        await console.press("enter")
        await console.until(lambda: is_at(console, "serve"), "the list")
        assert session.serve.deleted == []
        await console.press("d")
        await asked(console, DeleteServeScreen)
        await console.press("right", "enter")
        await console.until(lambda: "shop, chat is gone" in said(console), "the end")
        assert session.serve.deleted == [("shop", "chat")]

    await run_console(body, session)


async def test_a_serve_application_that_cannot_be_deleted_says_why():
    session = FakeSession()

    async def body(console):
        await console.show(serving(session))
        await opened(console, "serve")
        await console.press("end", "d")
        await console.until(lambda: "deployed by serve.run" in said(console), "the reason")
        assert is_at(console, "serve")

    await run_console(body, session)


async def test_what_ends_with_a_node_stands_at_the_top_of_the_question_and_is_asked_for_meanwhile():
    session = FakeSession()

    async def body(console):
        await console.show(world(serve=Reading(SERVE, at=NOW, total=4)))
        await opened(console, "nodes")
        await console.press("end", "r")
        await asked(console, ConfirmScreen)
        assert any({"actors", "serve", "jobs"} <= questions for questions in session.monitor.asked)
        reported = " ".join(console.screen().split())
        assert "ends 5 actors" in reported
        assert "not known: where the driver of job serve-3 runs; where replicas of shop/Api" in reported
        assert console.app.focused.id == "cancel"

    await run_console(body, session, size=(120, 40))


async def test_a_purge_is_a_plan_and_a_question_of_its_own():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        await console.press("x")
        first = await asked(console, ConfirmScreen)
        await console.press("right", "right", "enter")
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.screen is not first, "it"
        )
        await console.until(lambda: console.app.focused is not None and console.app.focused.id == "cancel", "Cancel")
        assert "Stop ray-cluster and remove all that is kept of it?" in console.screen()
        assert "Removes for good" in console.screen()
        await console.press("right", "enter")
        await console.until(lambda: session.manager.executed, "the stop")
        assert session.manager.executed[0].purge

    await run_console(body, session, size=(120, 40))


@pytest.mark.parametrize("production", [False, True])
async def test_however_much_ends_the_choices_of_a_question_stay_in_sight_at_80x24(production):
    session = FakeSession(FakeSettings(production=production))

    async def body(console):
        await console.show(world())
        await console.press("x")
        await asked(console, ConfirmScreen)
        await console.until(lambda: "Cancel" in console.screen(), "the choices")
        assert "Stop and purge..." in console.screen()
        assert ("type ray-cluster to go on" in console.screen()) is production

    await run_console(body, session)


async def test_the_nodes_of_marked_actors_are_restarted_in_one_plan_and_the_key_says_that_it_is_nodes():
    session = FakeSession()

    async def body(console):
        await console.show(world())
        screen = await opened(console, "actors")
        assert "r restart node" in bar_of(console)
        wanted = [actor.actor_id for actor in ACTORS if actor.node_id == values.node(1).node_id][:2]
        for identity in wanted:
            screen.list.table.put_cursor(identity)
            await console.press("space")
        await console.press("r")
        dialog = await asked(console, ConfirmScreen)
        assert [app.short for app in dialog.plan.ends] == ["worker-1"]

    await run_console(body, session, size=(160, 40))
