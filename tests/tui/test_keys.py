"""Keys of one's own: laid over the usual ones by id, and shown wherever a key is named."""

from __future__ import annotations

import pytest

from raytui.config.keys import FIXED, KEY_SETTINGS, normal_key, written
from raytui.tui.keys import KEYS, table, verb_keys
from raytui.tui.screens.confirm import ConfirmScreen
from raytui.tui.widgets.log_view import LogView
from raytui.tui.widgets.table import RowTable
from tests.tui.conftest import absent, healthy, run_console, with_dead_worker
from tests.tui.fakes import FakeSession, FakeSettings

OWN = {"start": "f2", "stop": "s", "dismiss": "f10", "scale-up": "u", "jobs": "J", "logs": "L,enter"}


def with_own():
    return FakeSession(FakeSettings(keys=OWN))


async def test_a_key_of_ones_own_does_it_and_the_usual_one_no_more():
    async def body(console):
        await console.show(healthy())
        await console.press("x", "f2")
        await console.until(lambda: "start has nothing to do" in console.screen(), "the start")
        assert not isinstance(console.app.screen, ConfirmScreen)
        await console.press("s")
        await console.until(
            lambda: isinstance(console.app.screen, ConfirmScreen) and console.app.focused is not None, "the plan"
        )
        assert console.app.screen.plan.verb == "stop"
        await console.press("escape")
        await console.press("f10")
        assert "nothing to do" not in console.screen()
        await console.press("J")
        await console.until(lambda: "Jobs" in console.screen().splitlines()[3], "the jobs")
        await console.press("f10")
        await console.until(lambda: console.app.screen is console.cluster, "the cluster")

    await run_console(body, with_own())


async def test_bar_help_hints_and_sentences_name_keys_of_ones_own():
    async def body(console):
        await console.show(with_dead_worker())
        assert console.screen().splitlines()[-1].startswith(" f2 start s stop u - scale r restart L logs")
        assert "L shows its last lines" in console.screen()
        assert console.screen().splitlines()[2].startswith(" 1 Cluster J Jobs 3 Actors")
        await console.press("question_mark")
        await console.until(lambda: "f2    Start the cluster" in console.screen(), "help")
        await console.press("escape")
        await console.show(absent())
        await console.until(lambda: "f2 starts it" in console.screen(), "the sentence")

    await run_console(body, with_own())


async def test_keys_of_lists_are_shown_where_they_work():
    async def body(console):
        await console.show(healthy())
        assert "9 Nodes" in console.screen().splitlines()[2]
        await console.press("e")
        await console.until(lambda: "^s plan" in console.screen(), "the form")
        assert "9 Nodes" not in console.screen()
        await console.press("escape")
        await console.until(lambda: "9 Nodes" in console.screen(), "the way to the lists")

    await run_console(body)


async def test_two_keys_can_change_places():
    async def body(console):
        await console.show(healthy())
        await console.press("x")
        await console.until(lambda: "start has nothing to do" in console.screen(), "the start")
        await console.press("s")
        await console.until(lambda: isinstance(console.app.screen, ConfirmScreen), "the stop")

    await run_console(body, FakeSession(FakeSettings(keys={"start": "x", "stop": "s"})))


def test_every_usual_key_has_the_name_under_which_the_console_hears_it():
    for setting in KEY_SETTINGS:
        assert [normal_key(name) for name in setting.keys.split(",")] == setting.keys.split(",")


def test_no_key_is_one_that_moves():
    moving = {name for kind in (RowTable, LogView) for binding in kind.BINDINGS for name in binding.key.split(",")}
    assert moving <= FIXED
    assert not FIXED & {name for key in KEYS for name in key.keys.split(",")}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("plus", "+"), ("ctrl+s", "^s"), ("escape", "esc"), ("f5", "f5"), ("alt+x", "alt+x"), ("A", "A")],
)
def test_keys_are_written_as_people_write_them(name, shown):
    assert written(name) == shown


def test_verbs_have_the_keys_of_ones_own():
    assert verb_keys(table({"restart": "f8"}))["restart"] == "f8"
