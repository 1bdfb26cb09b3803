"""The configuration form: problems under their fields while one types, what runs beside them, and the plan before anything happens."""

from __future__ import annotations

from raytui.core.errors import ConfigurationError, Problem
from raytui.tui.panes.config import ConfigPane
from raytui.tui.screens.confirm import ConfirmScreen
from tests.tui.conftest import absent, healthy, run_console
from tests.tui.fakes import FakeSession, FakeSettings


async def opened(console):
    await console.press("e")
    await console.until(lambda: console.cluster.query(ConfigPane) and console.cluster.body.place == "config", "the form")
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
        assert "raytui render" in form.row("workers.script").problem
        assert len(form.problems) == 4

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
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan")
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
