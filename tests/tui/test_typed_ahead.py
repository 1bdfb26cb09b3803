"""What is typed faster than a field can open stands in that field, whole and in its order, and nothing acts as a key."""

from __future__ import annotations

import asyncio

import pytest
from textual import events

from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.sources import SourcesScreen
from tests.tui.conftest import healthy, run_console
from tests.tui.test_log_screen import LINES, opened, session_with, title

CONTROL = {"ctrl+f": "\x06", "ctrl+g": "\x07", "enter": "\r", "escape": "\x1b"}


def keys(*parts):
    """Keys as the terminal reads them: one string is many keys, a named one is one."""
    for part in parts:
        if part in CONTROL:
            yield events.Key(part, CONTROL[part])
            continue
        for letter in part:
            yield events.Key({"/": "slash", " ": "space", "-": "minus"}.get(letter, letter), letter)


async def burst(console, *parts, turns=0):
    """Send keys without waiting for any of them to be handled, or with that many turns of the loop between them."""
    for key in keys(*parts):
        console.app.post_message(key)
        for _ in range(turns):
            await asyncio.sleep(0)
    await console.pilot.pause()


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 9, 20])
async def test_a_search_typed_at_once_is_searched_for_and_no_letter_acts_as_a_key(turns):
    async def body(console):
        screen = await opened(console, "head")
        await burst(console, "ctrl+f", "quiet loves w", "enter", turns=turns)
        await console.until(lambda: "'quiet loves w': no match" in title(console), "the search")
        assert console.app.screen is screen
        assert console.app.is_running

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_a_filter_typed_at_once_filters_and_goes_with_esc():
    async def body(console):
        await opened(console, "head")
        await burst(console, "/", "step 199", "enter")
        await console.until(lambda: "filter 'step 199': 1 line" in title(console), "the filter")
        await burst(console, "/", "qq", "escape")
        await console.until(lambda: "filter" not in title(console), "no filter")

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_a_log_is_chosen_by_what_was_typed_before_its_list_was_there():
    async def body(console):
        screen = await opened(console, "head")
        await burst(console, "l", "worker")
        await console.until(lambda: isinstance(console.app.screen, SourcesScreen), "the list")
        await console.until(lambda: console.app.screen._typed == "worker", "what was typed")
        await console.press("enter")
        await console.until(lambda: console.app.screen is screen and "worker-1" in title(console), "the log")

    await run_console(body, session_with(head=LINES, worker_1=LINES[:3]), size=(120, 40))


async def test_a_log_that_is_entered_before_it_is_known_is_shown_when_it_is():
    session = session_with(head=LINES, worker_1=LINES[:3])
    known, sources = asyncio.Event(), session.logs.sources

    async def later(snapshot, only=""):
        await known.wait()
        return await sources(snapshot, only)

    session.logs.batches["odd/aaa.log"] = [["the odd one"]]

    async def body(console):
        screen = await opened(console, "head")
        session.logs.sources = later
        await burst(console, "l", "aaa", "enter")
        assert isinstance(console.app.screen, SourcesScreen)
        known.set()
        await console.until(lambda: console.app.screen is screen and "aaa.log" in title(console), "the log")
        await burst(console, "l", "nothing", "enter")
        await console.until(lambda: "no log has 'nothing' in its name" in console.screen(), "that there is none")

    await run_console(body, session, size=(120, 40))


async def test_the_list_of_logs_has_its_cursor_on_the_name_that_was_typed():
    async def body(console):
        await opened(console, "head")
        await console.press("l", "down", *"worker", "minus", "1")
        shown = console.app.screen
        await console.until(lambda: shown._typed == "worker-1", "what was typed")
        assert shown.table.cursor == "worker-1"

    session = session_with(head=LINES)
    session.logs.batches |= {"worker-1.old": [["x"]], "worker-1": [["y"]]}
    await run_console(body, session, size=(120, 40))


async def test_a_filter_of_the_console_and_of_a_list_takes_what_is_typed_at_once():
    async def body(console):
        await console.show(healthy())
        await burst(console, "/", "qworker-1", "enter")
        assert console.app.screen is console.cluster
        await console.until(lambda: "qworker-1" in console.screen(), "the filter")
        await console.press("escape")
        await console.press("3")
        await console.until(lambda: console.app.screen is not console.cluster, "the list")
        shown = console.app.screen
        assert not isinstance(shown, LogScreen)
        await burst(console, "/", "quitter", "enter")
        await console.until(lambda: "quitter" in console.screen(), "the filter")
        assert console.app.screen is shown

    await run_console(body, session_with(head=LINES))
