"""The screen of logs: each key does what it says, on one log and on several merged, and nothing is lost on the way."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from textual.screen import Screen

from raytui.core.errors import Failure, OperationFailed, Unreachable
from raytui.core.logline import Missed
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.session import LogSource
from raytui.tui.app import RaytuiApp
from raytui.tui.render.log_state import short_names
from raytui.tui.screens.hits import HitsScreen
from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.sources import SourcesScreen, kept_by
from raytui.tui.theme import source_style
from tests.tui.conftest import Console, healthy, run_console
from tests.tui.fakes import Clock, FakeSession, as_session
from tests.unit.core.values import NOW


def dated(n: int, text: str, letter: str = "I") -> str:
    return (
        f"[2026-11-24 {8 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d},000 {letter} 7 7] (raylet) a.cc:{n}: {text}"
    )


LINES = [dated(n * 20, f"step {n}", "E" if n in {30, 120} else "W" if n % 50 == 0 else "I") for n in range(200)]


def session_with(**logs):
    session = FakeSession()
    session.logs.batches = {name.replace("_", "-"): [lines] for name, lines in logs.items()}
    return session


def session_is_far(console):
    return bool(console.session.logs.far)


async def opened(console, *names):
    """Show logs by the key of logs and the list of them."""
    await console.show(healthy())
    await console.press("8")
    await console.until(lambda: isinstance(console.app.screen, SourcesScreen), "the list of logs")
    await console.until(lambda: f"{len(console.session.logs.batches)} logs" in console.screen(), "the logs there are")
    for name in names:
        await typed(console, name)
        if len(names) > 1:
            await console.press("tab")
            await console.press("ctrl+u")
    await console.press("enter")
    await console.until(lambda: isinstance(console.app.screen, LogScreen), "the screen")
    screen = console.app.screen
    await console.until(
        lambda: len(screen.page.shown) and (screen.page.levels.counted or session_is_far(console)),
        "the lines and their levels",
    )
    return screen


async def typed(console, text):
    for letter in text:
        await console.press(
            {"/": "slash", "-": "minus", ".": "full_stop", ":": "colon", " ": "space"}.get(letter, letter)
        )


async def asked(console, key, text):
    """Press a key that asks for a text, and enter one."""
    await console.press(key)
    await console.until(lambda: console.app.screen.query("#prompt Input:focus"), "the question")
    await typed(console, text)
    await console.press("enter")
    await console.pilot.pause()


def at(console):
    return console.app.screen.active.view.line.text.rpartition(": ")[2]


def title(console):
    return console.app.screen.active.rule.text


async def test_a_log_is_followed_from_its_end_with_its_levels_and_its_command():
    session = session_with(head=["up"], worker_1=LINES)

    async def body(console):
        await opened(console, "worker")
        assert at(console) == "step 199"
        assert "2 error lines · 4 warnings · 200 lines" in console.screen()
        assert "following · raytui logs worker-1 -f" in title(console)
        session.logs.more["worker-1"].put_nowait([dated(4000, "one more", "E")])
        await console.until(lambda: at(console) == "one more", "the new line")
        session.logs.batches["worker-1"].append([dated(4000, "one more", "E")])
        await console.until(lambda: "3 error lines" in console.screen(), "its level")
        await console.press("up")
        await console.until(lambda: "paused, f follows" in title(console), "the pause")
        await console.press("f")
        await console.until(lambda: "following" in title(console), "following")
        await console.press("escape")
        await console.until(lambda: console.app.screen is console.cluster, "the cluster")

    await run_console(body, session, size=(120, 40))


async def test_the_levels_of_a_log_elsewhere_are_counted_only_when_asked_for():
    session = session_with(worker_1=LINES)
    session.logs.far = {"worker-1"}

    async def body(console):
        screen = await opened(console, "worker")
        await console.until(lambda: "levels not counted: [ or ] counts them" in console.screen(), "what is not known")
        session.logs.more["worker-1"].put_nowait([dated(4000, "one more", "E")])
        await console.until(lambda: at(console) == "one more", "the new line")
        assert session.logs.fetched == []
        session.logs.batches["worker-1"].append([dated(4000, "one more", "E")])
        await console.press("right_square_bracket")
        await console.until(lambda: "3 error lines · 4 warnings · 201 lines" in console.screen(), "the levels")
        assert session.logs.fetched == ["worker-1"]
        session.logs.more["worker-1"].put_nowait([dated(4001, "another")])
        await console.until(lambda: "201+ lines" in console.screen(), "that there is more")
        await console.press("left_square_bracket")
        assert at(console) != "another"
        assert session.logs.fetched == ["worker-1"]
        await console.press("end", "right_square_bracket")
        await console.until(lambda: screen.page.levels.counted, "the levels of what was added")
        assert "201 lines" in console.screen()

    await run_console(body, session, size=(120, 40))


async def test_the_end_of_a_log_says_why():
    session = session_with(head=LINES)
    session.logs.endings["head"] = OperationFailed("head has ended (failed): out of memory")

    async def body(console):
        await opened(console, "head")
        await console.until(lambda: "── head has ended (failed): out of memory" in console.screen(), "why")
        assert "ended" in title(console)

    await run_console(body, session)


async def test_the_filter_counts_while_one_types_and_esc_shows_everything_as_it_was():
    async def body(console):
        screen = await opened(console, "head")
        await console.press("pageup", "pageup")
        before = at(console)
        await console.press("slash")
        await console.until(lambda: screen.query("#prompt Input:focus"), "the question")
        await typed(console, "step 1")
        await console.until(lambda: "filter 'step 1': 111 lines" in title(console), "the number of lines")
        await typed(console, "2")
        await console.until(lambda: "filter 'step 12': 11 lines" in title(console), "fewer lines")
        await console.press("enter")
        assert [line.text.rpartition(" ")[2] for line in screen.page.shown.lines] == [
            "12",
            *(str(n) for n in range(120, 130)),
        ]
        assert "raytui logs head -i --grep 'step 12'" in title(console)
        await console.press("escape")
        await console.until(lambda: "filter" not in title(console), "all lines")
        assert at(console) == before
        await asked(console, "slash", "step 77")
        await console.until(lambda: "1 line" in title(console), "the line")
        await console.press("enter")
        await console.until(lambda: "filter" not in title(console), "its context")
        assert at(console) == "step 77"
        assert len(screen.page.shown) == 200

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_a_search_goes_from_match_to_match_and_says_which():
    async def body(console):
        await opened(console, "head")
        await asked(console, "ctrl+f", "step 1.9")
        await console.until(lambda: "'step 1.9': 10 of 10 " in title(console), "all matches")
        assert at(console) == "step 199"
        await console.press("N", "N")
        assert at(console) == "step 179"
        assert "8 of 10" in title(console)
        await console.press("n", "n", "n")
        assert "1 of 10" in title(console)
        assert at(console) == "step 109"
        assert "n N next" in console.screen().splitlines()[-1]
        await console.press("escape")
        await console.until(lambda: "1 of 10" not in title(console), "the end of the search")

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_errors_times_and_columns_move_the_view():
    async def body(console):
        screen = await opened(console, "head")
        await console.press("E")
        assert at(console) == "step 120"
        await console.press("E")
        assert at(console) == "step 30"
        await console.press("e")
        assert at(console) == "step 120"
        await asked(console, "t", "08:10")
        assert at(console) == "step 30"
        await console.press("right_square_bracket")
        later = at(console)
        assert int(later.split()[1]) > 30
        await console.press("left_square_bracket", "left_square_bracket")
        assert int(at(console).split()[1]) < int(later.split()[1])
        await asked(console, "t", "25:99")
        await console.until(lambda: any("25:99" in note.message for note in console.app._notifications), "the refusal")
        assert screen.page.state.ended == ""

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_minutes_ago_are_counted_from_the_time_that_the_console_shows():
    def minutes_ago(n):
        return f"{datetime.fromtimestamp(NOW - 60 * n, UTC):%Y-%m-%d %H:%M:%S},000 INFO x.py:1 -- {n}: ago {n}"

    async def body(console):
        await opened(console, "head")
        await asked(console, "t", "-5m")
        await console.until(lambda: at(console) == "ago 4", "the first line since then")

    await run_console(body, session_with(head=[minutes_ago(n) for n in range(60, -1, -1)]), size=(120, 40))


async def test_lines_above_those_that_are_followed_come_in_when_one_goes_there():
    session = session_with(head=LINES[100:])
    session.logs.older["head"] = LINES[:100]

    async def body(console):
        screen = await opened(console, "head")
        assert len(screen.page.shown) == 100
        for _ in range(12):
            await console.press("pageup")
        await console.until(lambda: len(screen.page.shown) == 200, "the older lines")
        assert [line.text for line in screen.page.shown.lines] == LINES
        assert int(at(console).split()[1]) < 150
        await console.press("home")
        await console.until(lambda: at(console) == "step 0", "the beginning")
        await console.press("end")
        await console.until(lambda: at(console) == "step 199" and "following" in title(console), "the end")

    await run_console(body, session)


async def test_a_short_log_after_a_long_one_is_shown_once():
    session = session_with(head=LINES, worker_1=[])
    session.logs.batches["worker-1"] = []
    session.logs.older["worker-1"] = LINES[:3]
    queue = session.logs.more["worker-1"] = asyncio.Queue()

    async def body(console):
        screen = await opened(console, "head")
        await console.press("l", *"worker", "enter")
        await console.until(lambda: console.app.screen is screen and screen.page.levels.counted, "the other log")
        await console.until(lambda: "worker-1" in title(console), "its name")
        await console.pilot.pause()
        queue.put_nowait(LINES[:3])
        await console.until(lambda: len(screen.page.shown), "its lines")
        assert [line.text for line in screen.page.shown.lines] == LINES[:3]

    await run_console(body, session)


async def test_wrapped_lines_are_shown_whole():
    async def body(console):
        await opened(console, "head")
        assert "the end" not in console.screen()
        await console.press("w")
        await console.until(lambda: "the end" in console.screen(), "the whole line")
        await console.press("w")
        await console.until(lambda: "the end" not in console.screen(), "the cut line")

    await run_console(body, session_with(head=[f"{'word ' * 60}the end", "short"]))


async def test_a_line_is_copied_and_marked_lines_are_gone_back_to():
    async def body(console):
        await opened(console, "head")
        await console.press("c")
        assert console.app.clipboard == LINES[-1]
        await console.press("B")
        await console.press("b", "up", "up", "up", "b", "end")
        await console.until(lambda: at(console) == "step 199", "the end")
        assert console.screen().count("*") >= 2
        await console.press("B")
        assert at(console) == "step 196"
        await console.press("B")
        assert at(console) == "step 199"

    await run_console(body, session_with(head=LINES))


async def test_a_log_is_saved_to_a_new_file_that_nobody_else_reads(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def body(console):
        await opened(console, "head")
        await asked(console, "slash", "step 5")
        await asked(console, "S", "mine")
        await console.until(lambda: (tmp_path / "mine").exists(), "the file")
        await console.until(lambda: any("saved" in note.message for note in console.app._notifications), "the word")
        await asked(console, "S", "mine")
        await console.until(lambda: any("already" in note.message for note in console.app._notifications), "no")

    await run_console(body, session_with(head=LINES))
    assert (tmp_path / "mine").read_text().splitlines() == [line for line in LINES if "step 5" in line]
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o600


async def test_of_a_log_that_is_saved_it_is_said_that_it_was_not_searched_whole(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def body(console):
        await opened(console, "head")
        await asked(console, "slash", "step 5")
        await asked(console, "S", "mine")
        notes = console.app._notifications
        await console.until(lambda: any("mine; not searched whole: head" in note.message for note in notes), "the word")

    await run_console(body, session_with(head=[*LINES, dated(4200, "x" * 1_500_000)]))


async def test_several_logs_are_merged_by_time_each_line_with_its_log():
    session = session_with(head=LINES[::2], worker_1=LINES[1::2])

    async def body(console):
        screen = await opened(console, "head", "worker-1")
        assert [line.text for line in screen.page.shown.lines] == LINES
        assert "2 logs merged" in title(console)
        await console.until(
            lambda: "2 error lines · 4 warnings · 200 lines" in console.screen(), "each line counted once"
        )
        lines = console.screen().splitlines()
        assert any("head " in line and "step 198" in line for line in lines)
        assert any("worker-1 " in line and "step 199" in line for line in lines)
        parts = [part for strip in console.app.screen._compositor.render_strips() for part in strip]
        colours = {part.style.color for part in parts if part.text.strip() == "worker-1"}
        assert colours == {source_style(console.app.theme_variables, 1).color}

    await run_console(body, session, size=(120, 40))


async def test_a_second_log_stands_beside_and_goes_again():
    session = session_with(head=LINES, worker_1=[dated(9, "another log")])

    async def body(console):
        screen = await opened(console, "head")
        await console.press("v")
        await console.until(lambda: isinstance(console.app.screen, SourcesScreen), "the list of logs")
        await typed(console, "worker")
        await console.press("enter")
        await console.until(lambda: "another log" in console.screen(), "the second log")
        assert "step 199" in console.screen()
        assert screen.active is not screen.page
        await console.press("v")
        await console.until(lambda: "another log" not in console.screen(), "one log")

    await run_console(body, session, size=(200, 50))


async def test_two_logs_do_not_stand_beside_each_other_where_there_is_no_room():
    async def body(console):
        screen = await opened(console, "head")
        await console.press("v")
        said = "two logs stand side by side from 200 columns on; here are 120"
        await console.until(lambda: any(said in note.message for note in console.app._notifications), "why not")
        assert console.app.screen is screen

    await run_console(body, session_with(head=LINES), size=(120, 40))


async def test_a_log_that_nobody_sees_is_followed_no_longer_and_again_when_somebody_does():
    session = session_with(head=LINES)

    async def body(console):
        screen = await opened(console, "head")
        following = [worker for worker in screen.page.workers if worker.group == "follow"]
        mode = console.app.current_mode
        console.app.add_mode(mode, console.app.get_default_screen)
        console.app.add_mode("another", Screen)
        await console.app.switch_mode("another")
        await console.until(lambda: all(worker.is_finished for worker in following), "the end of following")
        session.logs.batches["head"].append([dated(4000, "meanwhile")])
        await console.app.switch_mode(mode)
        await console.until(lambda: at(console) == "meanwhile", "what came meanwhile")
        await console.press("pageup")
        before = at(console)
        await console.app.switch_mode("another")
        await console.until(lambda: screen.page._rests, "that nobody sees it")
        await console.app.switch_mode(mode)
        await console.until(lambda: "an earlier part, f follows" in title(console), "the place")
        assert at(console) == before
        await console.press("question_mark", "escape")
        assert at(console) == before

    await run_console(body, session, size=(120, 40))


def test_the_list_says_of_a_kept_log_which_life_it_is_of_and_until_when():
    life = NodeLife("worker-1", "20261124T080000Z-0a1b2c", at="2026-11-24T09:00:00Z")
    source = LogSource("worker-1/raylet.out", "kept", life=life)
    assert kept_by(source) == "life 20261124T080000Z-0a1b2c, until 2026-11-24T09:00:00Z"
    assert kept_by(LogSource("worker-1/raylet.out", "kept")) == "its launcher: the last lines of a node that has ended"


def test_names_of_an_actors_files_are_told_apart_by_process():
    ends = ("4000.out", "4000.err", "17.out")
    names = [f"actor/a1/worker-{'0f' * 28}-01000000-{end}" for end in ends]
    assert list(short_names(names).values()) == list(ends)


async def test_a_log_with_a_line_too_long_to_be_searched_whole_is_named_beside_the_matches():
    session = session_with(head=[*LINES, dated(4100, "needle")], worker_1=[dated(4200, "x" * 1_500_000)])

    async def body(console):
        await opened(console, "head")
        await asked(console, "ctrl+g", "needle")
        await console.until(lambda: "1 not searched whole" in console.screen(), "what was not searched whole")
        (row,) = [line for line in console.screen().splitlines() if "worker-1" in line and "in part" in line]
        assert "1 line longer than 1 MB was searched in its first 64 KB only" in row

    await run_console(body, session, size=(160, 40))


async def test_every_log_is_searched_and_one_goes_to_a_match_and_back():
    session = session_with(
        head=[*LINES, dated(4100, "needle one")], worker_1=[dated(4200, "needle two")], worker_2=["x"]
    )
    session.logs.unreadable["worker-2"] = Unreachable(Failure("network", "NoRoute", "worker-2 does not answer"))
    session.logs.missed = [Missed("worker-3/*", "its node has ended and nothing of its files was kept")]

    async def body(console):
        first = await opened(console, "head")
        await asked(console, "ctrl+g", "needle")
        await console.until(lambda: "2 lines in 2 of 3 logs" in console.screen(), "the numbers")
        await console.until(lambda: "2 not searched" in console.screen(), "what could not be searched")
        rows = [line for line in console.screen().splitlines() if "needle" in line or "not searched " in line]
        assert ["two" in rows[1], "one" in rows[2]] == [True, True]
        assert any("worker-2" in line and "does not answer" in line for line in rows)
        assert any("worker-3/*" in line and "nothing of its files" in line for line in rows)
        hits = console.app.screen
        assert isinstance(hits, HitsScreen)
        await console.press("home", "enter")
        await console.until(lambda: console.app.screen is not hits and isinstance(console.app.screen, LogScreen), "it")
        await console.until(lambda: len(console.app.screen.page.shown) and "1 of 1" in title(console), "the match")
        assert at(console) == "needle two"
        await console.press("escape", "escape")
        await console.until(lambda: console.app.screen is hits, "the matches again")
        await console.press("escape")
        await console.until(lambda: console.app.screen is first, "the log from which one came")
        assert at(console) == "needle one"

    await run_console(body, session, size=(120, 40))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"])
def test_two_logs_merged_with_a_filter_and_an_error(snap_compare, size):
    session = session_with(head=LINES[::2], worker_1=[*LINES[1::2], dated(9000, "after a while", "W")])
    app = RaytuiApp(session.settings, lambda: as_session(session), clock=Clock(NOW + 1), ascii_only=False)

    async def before(pilot):
        console = Console(session, Clock(NOW + 1), app, pilot)
        await opened(console, "head", "worker-1")
        await asked(console, "ctrl+f", "step 1.0")
        await console.until(lambda: "of 10 " in title(console), "the matches")
        await console.press("E")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)
