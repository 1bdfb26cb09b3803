"""Worker groups in the console: keys that mean the group under the cursor, and a form with the fields of each."""

from __future__ import annotations

import msgspec

from raytui.core.plan import plan_scale
from raytui.core.spec import WorkersSpec
from raytui.tui.render.spec_form import differences, spec_of, texts_of
from raytui.tui.render.steps import headline, plan_question
from raytui.tui.screens.confirm import ConfirmScreen
from tests.tui.conftest import absent, run_console
from tests.tui.fakes import SPEC, FakeSession
from tests.tui.test_config import opened, replace
from tests.unit.core.test_groups import living
from tests.unit.core.values import node, snapshot

MIXED = msgspec.structs.replace(SPEC, groups={"cpu": WorkersSpec(count=2, cpu=1.0, memory=2.0)}).resolved("local")


def mixed():
    apps = living(MIXED)
    return snapshot(apps, tuple(node(n, name=app.name) for n, app in enumerate(apps)), asked=MIXED)


def session() -> FakeSession:
    made = FakeSession()
    made.settings.cluster = MIXED
    return made


async def test_plus_and_minus_mean_the_group_under_the_cursor():
    async def body(console):
        await console.show(mixed())
        assert "cpu-2" in console.screen()
        for keys, counts in ((("plus",), {"worker": 3}), (("G", "minus"), {"cpu": 1})):
            await console.press(*keys)
            await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
            assert console.app.screen.plan.counts == counts
            await console.press("escape")
            await console.until(lambda: not isinstance(console.app.screen, ConfirmScreen), "the cluster")

    await run_console(body, session())


async def test_the_form_has_the_fields_of_each_group_and_a_changed_number_is_a_scale():
    async def body(console):
        await console.show(mixed())
        form = await opened(console)
        await replace(console, form, "groups.cpu.cpu", "many")
        assert "is not a number" in form.row("groups.cpu.cpu").problem
        await replace(console, form, "groups.cpu.cpu", "1")
        await replace(console, form, "groups.cpu.count", "1")
        assert form.row("groups.cpu.count").beside == "asked 2"
        await console.press("ctrl+s")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
        plan = console.app.screen.plan
        assert (plan.verb, plan.counts) == ("scale", {"cpu": 1})
        assert "Scale ray-cluster to 1 of cpu?" in console.screen()

    await run_console(body, session())


async def test_the_name_of_a_group_is_read_whole_in_the_form():
    long = "gpu-with-a-long-name"
    made = FakeSession()
    made.settings.cluster = msgspec.structs.replace(SPEC, groups={long: WorkersSpec(count=1)}).resolved("local")

    async def body(console):
        await console.show(absent())
        form = await opened(console)
        form.row(f"groups.{long}.memory").input.focus()
        await console.pilot.pause()
        assert f" {long} memory (GB)" in console.screen()

    await run_console(body, made)


async def test_a_start_from_the_form_makes_every_group():
    async def body(console):
        await console.show(absent())
        form = await opened(console)
        await replace(console, form, "groups.cpu.count", "3")
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the plan")
        shorts = [request.name.removeprefix("ray-cluster-") for request in console.app.screen.plan.creates]
        assert shorts == ["head", "worker-1", "worker-2", "cpu-1", "cpu-2", "cpu-3"]

    await run_console(body, session())


def test_a_group_that_is_not_there_yet_differs_in_its_number_alone():
    assert differences(MIXED, SPEC, "local") == {"groups.cpu.count": "0"}


def test_what_is_typed_into_a_group_becomes_part_of_the_spec():
    spec, problems = spec_of({**texts_of(MIXED, "local"), "groups.cpu.memory": "3"}, MIXED, "local")
    assert problems == []
    assert spec.groups["cpu"].memory == 3.0
    accelerated = {**texts_of(MIXED, "cai"), "groups.cpu.accelerator": "A10G", "groups.cpu.resource_group_id": ""}
    spec, problems = spec_of(accelerated, MIXED, "cai")
    assert spec.groups["cpu"].accelerator == "A10G"
    assert "groups.cpu.accelerator" in {problem.field for problem in problems}


def test_a_scale_says_its_groups():
    plan = plan_scale(MIXED, living(MIXED), {"worker": 1, "cpu": 3})
    assert headline(plan) == "Scaling ray-cluster to 1 worker, 3 of cpu"
    assert plan_question(plan) == "Scale ray-cluster to 1 worker, 3 of cpu?"
