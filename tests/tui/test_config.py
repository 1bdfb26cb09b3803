"""The configuration form: problems under their fields while one types, what runs beside them, and the plan before anything happens."""

from __future__ import annotations

import msgspec
import pytest

from raytui.config.fields import FIELDS as SETTINGS
from raytui.core.desired.asked import value_of
from raytui.core.errors import ConfigurationError, Problem
from raytui.core.observed.snapshot import Reading
from raytui.tui.panes.config import ConfigPane
from raytui.tui.render.spec_form import fields_of, spec_of, texts_of
from raytui.tui.screens.confirm import ConfirmScreen
from tests.tui.conftest import absent, healthy, run_console
from tests.tui.fakes import SPEC, FakeSession, FakeSettings
from tests.unit.core.values import NOW


async def opened(console):
    await console.press("e")
    await console.until(
        lambda: console.cluster.query(ConfigPane) and console.cluster.body.place == "config", "the form"
    )
    return console.app.screen.query_one(ConfigPane)


async def replace(console, form, path, text):
    form.row(path).input.focus()
    await console.pilot.pause()
    form.row(path).input.value = ""
    await console.press(*text)


async def test_the_form_opens_over_the_lower_panes_and_closes_again():
    async def body(console):
        await console.show(healthy())
        await opened(console)
        text = console.screen()
        assert "Cluster configuration" in text
        assert "as it runs" in text
        assert "Logs" not in text
        assert "worker-2" in text
        assert "^s plan" in text.splitlines()[-1]
        await console.press("escape")
        assert "Logs · head" in console.screen()

    await run_console(body)


async def test_each_problem_stands_under_its_field_while_one_types():
    async def body(console):
        await console.show(absent())
        form = await opened(console)
        await replace(console, form, "name", "Bad_Name")
        await replace(console, form, "workers.cpu", "many")
        lines = console.screen().splitlines()
        name = next(n for n, line in enumerate(lines) if line.startswith(" Name"))
        assert "makes no valid subdomain" in lines[name + 1]
        cpu = next(n for n, line in enumerate(lines) if line.startswith(" Worker CPU"))
        assert "'many' is not a number" in lines[cpu + 1]
        assert "2 problems" in console.screen()
        await replace(console, form, "workers.cpu", "2")
        assert form.row("workers.cpu").problem == ""
        assert "1 problem ─" in console.screen()
        await console.press("ctrl+s")
        await console.pilot.pause()
        assert not isinstance(console.app.screen, ConfirmScreen)
        assert console.app.focused is form.row("name").input

    await run_console(body)


async def test_what_runs_stands_beside_what_was_typed():
    async def body(console):
        await console.show(healthy())
        form = await opened(console)
        await replace(console, form, "head.cpu", "4")
        assert form.row("head.cpu").beside == "runs 1"
        assert "runs 1" in console.screen()
        assert "1 differ from what runs" in console.screen()
        await console.press("ctrl+r")
        assert form.row("head.cpu").beside == ""

    await run_console(body)


async def test_a_changed_number_of_workers_is_planned_as_a_scale():
    async def body(console):
        await console.show(healthy())
        form = await opened(console)
        await replace(console, form, "workers.count", "1")
        await console.press("ctrl+s")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
        assert console.app.screen.plan.verb == "scale"
        assert [app.short for app in console.app.screen.plan.ends] == ["worker-2"]
        await console.press("escape")

    await run_console(body)


async def test_the_draft_is_what_start_asks_for():
    async def body(console):
        await console.show(absent())
        form = await opened(console)
        await replace(console, form, "workers.count", "5")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
        assert len(console.app.screen.plan.creates) == 6
        await console.press("escape")

    await run_console(body)


async def test_missing_parameters_on_cloudera_ai_are_problems_of_their_fields():
    async def body(console):
        await console.show(absent())
        form = await opened(console)
        assert "runtime image is missing" in form.row("head.runtime_identifier").problem
        assert "auto takes the newest that fits" in form.row("head.runtime_identifier").problem
        # A start writes the launchers and names them.
        assert not form.row("workers.script").problem
        assert len(form.problems) == 2

    await run_console(body, FakeSession(FakeSettings(platform="cai", profile_name="prod")))


async def test_what_the_platform_finds_wrong_stands_at_its_field_until_it_is_edited():
    session = FakeSession()
    taken = Problem("ray_port", "port 6379 is taken by pid 12 (redis-server)", "--ray-port auto picks a free one")
    session.manager.refuses = ConfigurationError.from_problems([taken])

    async def body(console):
        await console.show(absent())
        form = await opened(console)
        await console.press("ctrl+s")
        await console.until(lambda: form.row("ray_port").problem.startswith("port 6379 is taken"), "the problem")
        assert "start was not begun" in console.screen()
        await replace(console, form, "ray_port", "auto")
        assert form.row("ray_port").problem == ""

    await run_console(body, session)


async def test_the_form_makes_room_for_the_steps():
    session = FakeSession()
    session.manager.release.clear()

    async def body(console):
        await console.show(absent())
        await opened(console)
        await console.press("ctrl+s")
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan"
        )
        await console.press("right", "enter")
        await console.until(lambda: "Starting ray-cluster" in console.screen(), "the steps")
        assert "Cluster configuration" not in console.screen()
        session.manager.release.set()
        await console.until(lambda: not console.cluster.operation.is_running, "the end")

    await run_console(body, session)


async def test_a_read_only_profile_shows_the_form_without_letting_one_type():
    async def body(console):
        await console.show(healthy())
        await console.press("e")
        await console.until(lambda: console.cluster.query(ConfigPane) and "Worker GPUs" in console.screen(), "the form")
        assert all(row.input.disabled for row in console.app.screen.query_one(ConfigPane).query("FieldRow"))
        await console.press("escape")
        assert "Logs · head" in console.screen()

    await run_console(body, FakeSession(FakeSettings(read_only=True)))


def asked_for(**workers):
    """A healthy cluster for which this was asked last."""
    wanted = msgspec.structs.replace(SPEC, workers=msgspec.structs.replace(SPEC.workers, **workers))
    return msgspec.structs.replace(healthy(), asked=Reading(wanted, at=NOW))


async def test_the_form_stands_beside_what_was_last_asked_for_and_not_beside_what_it_became():
    async def body(console):
        await console.show(asked_for(cpu=4.0))
        form = await opened(console)
        assert form.row("workers.cpu").beside == "asked 4"
        assert "1 differ from what was asked for" in console.screen()
        await replace(console, form, "workers.cpu", "4")
        assert "as it was asked for" in console.screen()

    await run_console(body)


async def test_what_differs_in_the_form_counts_whatever_was_asked_for_before():
    async def body(console):
        await console.show(asked_for(cpu=4.0))
        form = await opened(console)
        await replace(console, form, "workers.memory", "8")
        await console.press("ctrl+s")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
        assert console.session.manager.flags == {"workers.cpu", "workers.memory"}
        await console.press("escape")

    await run_console(body)


async def test_what_differs_is_offered_to_be_made_again_with_a_plan_and_a_question_of_its_own():
    async def body(console):
        await console.show(healthy())
        form = await opened(console)
        await replace(console, form, "workers.cpu", "2")
        await console.press("ctrl+s")
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan"
        )
        first = console.app.screen
        assert not first.plan.changed
        assert console.app.focused.id == "cancel"
        assert "ray-cluster is not as asked for" in console.screen()
        assert [button.id for button in first.query("Button")] == ["cancel", "recreate"]
        await console.press("right", "enter")
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.screen is not first, "the second plan"
        )
        await console.until(
            lambda: console.app.focused is not None and console.app.focused.id == "cancel", "its safe answer"
        )
        assert console.app.screen.plan.recreate
        assert [app.short for app in console.app.screen.plan.ends] == ["worker-1", "worker-2"]
        assert console.session.manager.executed == []
        await console.press("right", "enter")
        await console.until(lambda: console.session.manager.executed, "the operation")
        (plan,) = console.session.manager.executed
        assert plan.recreate

    await run_console(body)


def test_the_form_has_every_setting_of_a_cluster():
    for platform in ("local", "cai"):
        of_cluster = {
            field.spec_field for field in SETTINGS if field.path.startswith("cluster.") and field.is_of(platform)
        }
        assert {field.spec_field for field in fields_of(platform)} == of_cluster
    assert {"name", "auth", "expose_dashboard"} < {field.spec_field for field in fields_of("local")}
    assert not fields_of("attached")


@pytest.mark.parametrize(
    ("path", "typed", "value"),
    [
        ("auth", "disabled", "disabled"),
        ("expose_dashboard", "yes", True),
        ("ray_port", "auto", "auto"),
        ("head.cpu", "", None),
    ],
)
def test_what_is_typed_is_read_as_the_table_of_settings_reads_it(path, typed, value):
    spec, problems = spec_of({**texts_of(SPEC, "local"), path: typed}, SPEC, "local")
    assert problems == []
    assert value_of(spec, path) == value


@pytest.mark.parametrize(
    ("path", "typed"), [("auth", "password"), ("expose_dashboard", "maybe"), ("workers.count", ""), ("auth", "")]
)
def test_what_cannot_be_read_is_a_problem_of_its_field(path, typed):
    _, problems = spec_of({**texts_of(SPEC, "local"), path: typed}, SPEC, "local")
    assert [problem.field for problem in problems] == [path]
