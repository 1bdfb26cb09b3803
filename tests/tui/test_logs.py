"""The log pane: follow, filter, search, choose; hostile lines stay text; an ended log says so and begins anew with its application."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest

from raytui.core.errors import Failure, OperationFailed
from raytui.core.observed.snapshot import Reading
from raytui.core.patterns import Pattern, lenient_pattern
from raytui.tui.screens.sources import SourcesScreen
from raytui.tui.widgets.examine import LONG
from raytui.tui.widgets.log_view import CAPACITY, LogView
from tests.tui.conftest import application, healthy, node, run_console, with_dead_worker
from tests.tui.fakes import FakeSession
from tests.unit.core.values import NOW, snapshot


def session_with(**batches):
    session = FakeSession()
    session.logs.batches = {name.replace("_", "-"): [lines] for name, lines in batches.items()}
    return session


def view(console):
    return console.app.screen.query_one("#log-view", LogView)


async def test_the_heads_log_is_followed_from_the_start():
    session = session_with(head=[f"line {n}" for n in range(200)])

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: "line 199" in console.screen(), "the last line")
        assert "Logs · head" in console.screen()
        assert "following" in console.screen()
        session.logs.more["head"].put_nowait(["one more"])
        await console.until(lambda: "one more" in console.screen(), "the new line")

    await run_console(body, session)


async def test_scrolling_up_stops_following_and_f_takes_it_up_again():
    session = session_with(head=[f"line {n}" for n in range(200)])

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: "line 199" in console.screen(), "the last line")
        await console.press("tab")
        await console.until(lambda: console.app.focused is view(console), "the focus")
        await console.press("up", "up")
        await console.until(lambda: "paused, f follows" in console.screen(), "the pause")
        session.logs.more["head"].put_nowait(["one more"])
        await console.until(lambda: view(console).total == 201, "the new line")
        assert "one more" not in console.screen()
        await console.press("f")
        await console.until(lambda: "one more" in console.screen(), "the end")

    await run_console(body, session)


async def test_hostile_lines_are_shown_as_text():
    hostile = ["\x1b[2Jcleared", "[red]markup[/red] [@click=app.quit]x[/]", "\x00\x07bell", "�" * 3, "x" * 1_000_000]

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 5, "the lines")
        text = console.screen()
        assert "cleared" in text
        assert "[red]markup[/red] [@click=app.quit]x[/]" in text
        assert "bell" in text
        assert not set(text) & {"\x1b", "\x00", "\x07"}

    await run_console(body, session_with(head=hostile))


async def test_the_filter_shows_matching_lines_and_their_number():
    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 100, "the lines")
        await console.press("tab")
        await console.until(lambda: console.app.focused is view(console), "the focus")
        await console.press("slash")
        await console.until(lambda: console.app.query("#prompt"), "the prompt")
        await console.press(*"line 1.")
        await console.until(lambda: "filter 'line 1.': 10 of 100" in console.screen(), "the count")
        assert "line 20" not in console.screen()
        await console.press("enter")
        await console.press("escape")
        await console.until(lambda: view(console).count == 100, "all lines")

    await run_console(body, session_with(head=[f"line {n}" for n in range(100)]))


async def test_the_search_goes_from_match_to_match():
    lines = [f"line {n}" + (" needle" if n in {10, 50, 90} else "") for n in range(100)]

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 100, "the lines")
        await console.press("tab")
        await console.until(lambda: console.app.focused is view(console), "the focus")
        await console.press("ctrl+f")
        await console.until(lambda: console.app.query("#prompt"), "the prompt")
        await console.press(*"needle")
        await console.press("enter")
        await console.until(lambda: "line 90 needle" in console.screen(), "the last match")
        await console.press("N")
        await console.until(lambda: "line 50 needle" in console.screen(), "the match before")
        await console.press("n", "n")
        await console.until(lambda: "line 10 needle" in console.screen(), "around the end")
        assert "n N next" in console.screen()

    await run_console(body, session_with(head=lines))


async def test_a_row_opens_its_log():
    async def body(console):
        await console.show(with_dead_worker())
        await console.press("down", "down", "l")
        await console.until(lambda: "last words" in console.screen(), "the worker's log")
        assert "Logs · worker-2" in console.screen()

    await run_console(body, session_with(head=["up"], worker_2=["last words"]))


async def test_an_ended_log_says_why_and_begins_anew_with_its_application():
    session = session_with(head=["first run"])
    session.logs.endings["head"] = OperationFailed("head has ended (failed)")

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: "── head has ended (failed)" in console.screen(), "the end")
        assert "ended ─" in console.screen()
        del session.logs.endings["head"]
        session.logs.batches["head"] = [["second run"]]
        restarted = snapshot((application(0, started_at=NOW), application(1)), (node(0), node(1)))
        await console.show(restarted)
        await console.until(lambda: "second run" in console.screen(), "the new log")
        assert "first run" not in console.screen()

    await run_console(body, session)


async def test_sources_are_chosen_by_typing():
    session = FakeSession()
    session.logs.batches = {
        "head": [["up"]],
        "head/raylet.out": [["the head's raylet"]],
        "worker-1/raylet.out": [["the worker's raylet"]],
    }

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 1, "the log")
        await console.press("tab")
        await console.until(lambda: console.app.focused is view(console), "the focus")
        await console.press("l")
        await console.until(
            lambda: isinstance(console.app.screen, SourcesScreen) and "3 logs" in console.screen(), "the list"
        )
        await console.press(*"wo raylet")
        assert [row.key for row in console.app.screen.table.rows] == ["worker-1/raylet.out"]
        await console.press("enter")
        await console.until(lambda: "the worker's raylet" in console.screen(), "the chosen log")
        assert "Logs · worker-1 · raylet.out" in console.screen()

    await run_console(body, session)


async def test_a_list_of_logs_that_nobody_can_make_is_not_an_empty_one():
    async def body(console):
        failure = Failure("dashboard", "DashboardHung", "took the request and did not answer")
        blind: Reading[Any] = Reading(failure=failure)
        await console.show(msgspec.structs.replace(healthy(), version=blind, gcs=blind, nodes=blind))
        await console.press("8")
        await console.until(lambda: "none can be listed: ✗ dashboard" in console.screen(), "why there are none")
        assert "0 logs" not in console.screen()

    session = FakeSession()
    session.logs.batches = {}
    await run_console(body, session)


async def test_the_log_is_bounded():
    async def body(console):
        await console.show(healthy())
        shown = view(console)
        for _ in range(12):
            shown.append([f"n {n}" for n in range(2000)])
        assert shown.total <= CAPACITY
        await console.pilot.pause()
        assert "n 1999" in console.screen()

    await run_console(body)


async def test_long_lines_are_read_by_panning():
    async def body(console):
        await console.show(healthy())
        await console.until(lambda: "begin" in console.screen(), "the line")
        await console.press("tab")
        await console.until(lambda: console.app.focused is view(console), "the focus")
        await console.press(*["right"] * 4)
        await console.until(lambda: "the end" in console.screen(), "the end of the line")
        await console.press(*["left"] * 4)
        await console.until(lambda: "begin" in console.screen(), "its beginning")

    await run_console(body, session_with(head=["begin" + "-" * 100 + "the end"]))


@pytest.mark.parametrize(
    ("typed", "line", "found"),
    [("a.c", "xabcx", True), ("[", "a[b", True), ("ERROR", "an error", True), ("x", "y", False)],
)
def test_what_is_typed_is_a_pattern_when_it_can_be_one(typed, line, found):
    assert bool(lenient_pattern(typed).search(line)) is found


async def typed_filter(console, text):
    await console.press("tab")
    await console.until(lambda: console.app.focused is view(console), "the focus")
    await console.press("slash")
    await console.until(lambda: console.app.query("#prompt"), "the prompt")
    console.app.screen.query_one("#prompt").field.value = text


async def test_a_costly_filter_is_matched_off_the_event_loop_and_shows_what_it_found(monkeypatch):
    here, seen = threading.get_ident(), []
    searched = Pattern.search

    def search(self, text):
        seen.append((threading.get_ident() == here, len(text)))
        return searched(self, text)

    monkeypatch.setattr(Pattern, "search", search)
    hostile = ["ab" * 15_000, "aaa", "a" * 40 + "b"] * 10

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 30, "the lines")
        await typed_filter(console, "(a+)+$")
        await console.until(lambda: "filter '(a+)+$': 10 of 30" in console.screen(), "the count")
        assert [view(console).text_at(n) for n in range(view(console).count)] == ["aaa"] * 10
        assert all(length <= LONG for on_loop, length in seen if on_loop)
        assert max(length for on_loop, length in seen if not on_loop) == 30_000
        session.logs.more["head"].put_nowait(["bab", "one more a"])
        await console.until(lambda: "11 of 32" in console.screen(), "the new line")

    session = session_with(head=hostile)
    await run_console(body, session)


async def test_a_search_that_goes_on_in_a_thread_finds_and_misses(monkeypatch):
    lines, reported = ["needle", *["ab" * 5_000] * 5], []

    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 6, "the lines")
        monkeypatch.setattr(console.app, "notify", lambda message, **_: reported.append(message))
        view(console).search("need+le")
        await console.until(lambda: not view(console).following, "the match")
        assert view(console).text_at(view(console).found) == "needle"
        view(console).search("(b+)+c")
        await console.until(lambda: reported, "the miss")
        assert reported == ["no line matches '(b+)+c'"]

    await run_console(body, session_with(head=lines))


async def test_a_filter_that_is_no_pattern_says_that_it_is_taken_as_text():
    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 2, "the lines")
        await typed_filter(console, "(?=b)")
        await console.until(lambda: "filter '(?=b)' as text: 1 of 2" in console.screen(), "the filter")

    await run_console(body, session_with(head=["a b", "(?=b)"]))


async def test_lines_that_were_dropped_while_a_filter_looks_are_not_counted():
    async def body(console):
        await console.show(healthy())
        await console.until(lambda: view(console).total == 1, "the line")
        log = view(console)
        log.set_filter("keep")
        log.append(["keep " + "x" * 3_000] * 100)
        log.append([f"keep {n}" for n in range(CAPACITY)])
        await console.until(lambda: log.sifted == log.total, "the filter")
        assert log.count == log.total
        assert log.text_at(log.count - 1) == f"keep {CAPACITY - 1}"

    await run_console(body, session_with(head=["keep"]))
