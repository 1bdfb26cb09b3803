"""Requests of the operator: the plan is shown first, Cancel has the focus, steps appear in place, and leaving is safe."""

from __future__ import annotations

import pytest

from raytui.core.errors import OperationFailed, RefusedForSafety
from raytui.core.events import StepEvent
from raytui.core.remedy import Remedy
from raytui.manager import operations
from raytui.tui.keys import KEYS
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.screens.leave import LeaveScreen
from tests.tui.conftest import absent, healthy, run_console
from tests.tui.fakes import SPEC, FakeSession, FakeSettings
from tests.unit.manager.world import World


async def confirm_opened(console):
    await console.until(
        lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan"
    )


async def test_start_shows_its_plan_with_cancel_focused_and_cancel_changes_nothing():
    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        text = console.screen()
        assert "Start ray-cluster?" in text
        assert "worker-2     1 CPU  2 GB" in text
        assert "head answers" in text
        assert console.app.focused.id == "cancel"
        await console.press("enter")
        await console.until(lambda: not isinstance(console.app.screen, ConfirmScreen), "the plan to close")
        assert console.session.manager.executed == []

    await run_console(body)


async def test_a_confirmed_start_shows_its_steps_in_place_while_the_rest_stays_usable():
    session = FakeSession()
    session.manager.release.clear()
    session.manager.script = [
        StepEvent("launchers written", "done", 0.0),
        StepEvent("head answers", "running", 0.0, "GCS up, dashboard loading"),
    ]

    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: "GCS up, dashboard loading" in console.screen(), "the running step")
        console.clock.now += 12
        console.cluster._tick()
        await console.pilot.pause()
        text = console.screen()
        assert " ▸ Starting ray-cluster: 1 head, 2 workers" in text
        assert "00:12" in text
        assert "✓ launchers written" in text
        assert "… head answers" in text
        assert "12 s  GCS up" in text
        assert "nodes alive" in text
        await console.show(healthy())
        await console.press("down")
        assert " ▸ worker-1" in console.screen()
        session.manager.release.set()
        await console.until(lambda: "start of ray-cluster finished" in console.screen(), "the end")
        await console.press("escape")
        assert "finished" not in console.screen()

    await run_console(body, session)


async def test_a_second_request_is_refused_with_a_sentence():
    session = FakeSession()
    session.manager.release.clear()

    async def body(console):
        await console.show(healthy(1))
        await console.press("plus")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: session.manager.executed, "the scale to begin")
        await console.press("x")
        await console.until(lambda: "scale is still under way; stop was not begun" in console.screen(), "the refusal")
        assert len(session.manager.executed) == 1
        session.manager.release.set()
        await console.until(lambda: not console.cluster.operation.is_running, "the end")

    await run_console(body, session)


async def test_a_failure_says_what_failed_and_what_to_do():
    session = FakeSession()
    session.manager.script = [
        StepEvent("launchers written", "done"),
        StepEvent("head answers", "failed", 3.0, "port 6379 is taken"),
    ]
    session.manager.ends_with = OperationFailed(
        "the head did not come up: port 6379 is held by pid 12", hint=Remedy("logs", "head", "shows its output")
    )

    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: "port 6379 is held by pid 12" in console.screen(), "the failure")
        text = console.screen()
        assert "✗ head answers" in text
        assert "l shows its output" in text

    await run_console(body, session)


@pytest.mark.parametrize(
    ("keys", "verb", "check"),
    [
        (["x"], "stop", lambda plan: len(plan.ends) == 3),
        (["plus"], "scale", lambda plan: plan.spec.workers.count == 3),
        (["minus"], "scale", lambda plan: [app.short for app in plan.ends] == ["worker-2"]),
        (["down", "r"], "restart", lambda plan: plan.target == "worker-1"),
    ],
)
async def test_each_key_carries_out_its_verb(keys, verb, check):
    async def body(console):
        await console.show(healthy())
        await console.press(*keys)
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: console.session.manager.executed, "the operation")
        (plan,) = console.session.manager.executed
        assert plan.verb == verb
        assert check(plan)

    await run_console(body)


async def test_nothing_to_do_is_said_without_a_question():
    async def body(console):
        await console.show(healthy())
        await console.press("s")
        await console.until(lambda: "start has nothing to do" in console.screen(), "the sentence")
        await console.press("escape")
        assert "nothing to do" not in console.screen()

    await run_console(body)


async def test_a_refused_plan_shows_its_reason_and_hint():
    session = FakeSession()
    session.manager.refuses = RefusedForSafety(
        "stop was refused: the profile is read-only", hint="set read_only = false in the profile"
    )

    async def body(console):
        await console.show(healthy())
        await console.press("x")
        await console.until(lambda: "the profile is read-only" in console.screen(), "the reason")
        assert "set read_only = false in the profile" in console.screen()

    await run_console(body, session)


async def test_leaving_changes_nothing_and_closes_the_session():
    async def body(console):
        await console.show(healthy())
        await console.press("q")
        await console.until(lambda: console.session.closed, "the session to close")

    app = await run_console(body)
    assert app.return_value == ""


async def test_leaving_while_an_operation_runs_asks_first_and_stays_by_default():
    session = FakeSession()
    session.manager.release.clear()

    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: session.manager.executed, "the start")
        await console.press("q")
        await console.until(
            lambda: isinstance(console.app.screen, LeaveScreen) and console.app.focused is not None, "the question"
        )
        assert "is removed again" in " ".join(console.screen().split())
        assert console.app.focused.id == "stay"
        await console.press("enter")
        await console.until(lambda: not isinstance(console.app.screen, LeaveScreen), "the question to close")
        assert not session.manager.interrupted.is_set()
        assert console.cluster.operation.is_running
        session.manager.release.set()
        await console.until(lambda: not console.cluster.operation.is_running, "the end")

    await run_console(body, session)


async def test_leaving_for_good_waits_for_the_undo_and_says_what_exists():
    session = FakeSession()
    session.manager.release.clear()

    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: session.manager.executed, "the start")
        await console.press("ctrl+c")
        await console.until(
            lambda: isinstance(console.app.screen, LeaveScreen) and console.app.focused is not None, "the question"
        )
        await console.press("right", "enter")
        await console.until(lambda: session.closed, "the undo and the end")

    app = await run_console(body, session)
    assert (
        app.return_value
        == "start was interrupted; what this run made was removed; no application of ray-cluster is listed now"
    )


async def test_leaving_while_start_waits_for_another_process_does_not_wait_with_it(tmp_path):
    """The manager is the real one, and somebody else holds the cluster's lock for good."""
    session = FakeSession()
    world = World()
    session.manager = world.manager(tmp_path, spec=SPEC)

    async def body(console):
        await console.show(absent())
        await console.press("s")
        await confirm_opened(console)
        await console.press("right", "enter")
        await console.until(lambda: session.manager.busy, "the start to wait for the lock")
        await console.until(
            lambda: console.cluster.operation is not None and console.cluster.operation.is_running,
            "the operation to be shown",
        )
        await console.press("ctrl+c")
        await console.until(
            lambda: isinstance(console.app.screen, LeaveScreen) and console.app.focused is not None, "the question"
        )
        await console.press("right", "enter")
        await console.until(lambda: session.closed, "the end")

    async with operations.hold(tmp_path, "local", "ray-cluster", "scale", 0.0):
        app = await run_console(body, session)
    assert (
        app.return_value == "start was interrupted before its first step; no application of ray-cluster is listed now"
    )
    assert world.states() == {}


async def test_the_palette_knows_what_has_no_key():
    async def body(console):
        await console.show(healthy())
        await console.press("colon")
        await console.until(lambda: "Search for commands" in console.screen(), "the palette")
        await console.press(*"restart workers")
        await console.until(lambda: "shows the plan first" in console.screen(), "the command")
        await console.pilot.pause()
        await console.press("down", "enter")
        await confirm_opened(console)
        assert "Restart workers of ray-cluster?" in console.screen()
        await console.press("escape")

    await run_console(body)


async def test_help_lists_every_key():
    from raytui.tui.screens.help import help_lines

    text = "\n".join("".join(part for part, _ in line) for line in help_lines(72, KEYS))
    for key in KEYS:
        assert key.tooltip[:50] in text

    async def body(console):
        await console.show(healthy())
        await console.press("question_mark")
        await console.until(lambda: "In the list of applications" in console.screen(), "help")
        await console.press("escape")
        await console.until(lambda: "In the list of applications" not in console.screen(), "help to close")

    await run_console(body)


async def test_help_names_no_key_that_a_read_only_profile_refuses():
    async def body(console):
        await console.show(healthy())
        await console.press("question_mark")
        await console.until(lambda: "In the list of applications" in console.screen(), "help")
        assert "Start the cluster" not in console.screen()
        assert "Show only the rows" in console.screen()

    await run_console(body, FakeSession(FakeSettings(read_only=True)))
