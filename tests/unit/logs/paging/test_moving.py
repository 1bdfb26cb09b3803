"""Moving in logs: every line once and in order, both ways, however long the log and its lines are."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytui.core.errors import Failure, Unreachable
from raytui.core.patterns import compile_pattern, lenient_pattern
from raytui.core.session import LogSource
from raytui.logs.paging import around
from raytui.logs.paging.around import Wanted, blocks_before
from raytui.logs.paging.moving import Moves
from raytui.logs.reading.ranges import BytesBlob
from raytui.logs.reading.text import LINE_CAP, shown
from raytui.logs.timeline import Count, Timeline, parts


class Memory:
    """Logs that are held in memory."""

    def __init__(self, logs: dict[str, bytes]) -> None:
        self.logs = logs
        self.unreachable: set[str] = set()

    @asynccontextmanager
    async def open(self, source, lines=-1):
        if source.name in self.unreachable:
            raise Unreachable(Failure("network", "NoRoute", f"{source.name} does not answer"))
        yield BytesBlob(self.logs[source.name])


def moves(**logs: bytes) -> Moves:
    return Moves(Memory(logs), [LogSource(name, "file") for name in logs])


def dated(second: int, text: str, level: str = "INFO") -> bytes:
    return f"2026-11-24 08:{second // 60:02d}:{second % 60:02d},000 {level} a.py:1 -- {text}\n".encode()


async def all_of(move) -> list:
    return [line async for found in move for line in found.lines]


def whole(data: bytes) -> list[tuple[int, str]]:
    """The lines by definition: what stands between newlines."""
    found, offset = [], 0
    for raw in data.split(b"\n"):
        found.append((offset, shown(raw)))
        offset += len(raw) + 1
    return found if data and not data.endswith(b"\n") else found[:-1]


RAW = st.lists(st.sampled_from([b"a", b"\n", b"\r\n", b"\x1b[1mb", b"\xff\x00", "ä".encode(), b"error", b"x" * 70]))


@settings(max_examples=60, deadline=None)
@given(RAW.map(b"".join), st.integers(1, 90))
def test_blocks_read_backwards_hold_every_byte_once(data, size):
    blob = BytesBlob(data)
    read = list(blocks_before(blob, blob.size, size))
    assert b"".join(block.data for block in reversed(read)) == data
    assert all(block.offset == 0 or data[block.offset - 1 : block.offset] == b"\n" for block in read)


@settings(max_examples=60, deadline=None)
@given(RAW.map(b"".join), st.data())
async def test_both_ways_from_any_line_give_every_line_once_in_order(data, drawn):
    expected = whole(data)
    place = drawn.draw(st.sampled_from([offset for offset, _ in expected] or [0]))
    one = moves(log=data)
    above = await all_of(one.back({"log": place}, Wanted()))
    below = await all_of(one.on({"log": place}, Wanted()))
    assert [(line.offset, line.text) for line in [*reversed(above), *below]] == expected


@settings(max_examples=60, deadline=None)
@given(RAW.map(b"".join), st.sampled_from(["a", "b$", "err.*x", "^error", "(a+)+$", "ä", "["]))
async def test_a_search_finds_exactly_the_lines_that_match_newest_first(data, text):
    pattern = lenient_pattern(text)
    plain = re.compile(re.escape(text) if pattern.literal else text, re.IGNORECASE)
    expected = [(offset, line) for offset, line in whole(data) if plain.search(line)]
    found = await all_of(moves(log=data).back(None, Wanted(pattern)))
    assert [(line.offset, line.text) for line in reversed(found)] == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 40), max_size=12).map(sorted), min_size=1, max_size=4))
async def test_several_logs_are_merged_by_time_each_in_its_own_order(times):
    logs = {
        f"log{n}": b"".join(dated(second, f"{n}/{place}") for place, second in enumerate(seconds))
        for n, seconds in enumerate(times)
    }
    several = moves(**logs)
    down = await all_of(several.on(dict.fromkeys(logs, 0), Wanted()))
    up = await all_of(several.back(None, Wanted()))
    assert [line.at for line in down] == sorted(line.at for line in down)
    assert list(reversed(up)) == down
    for n, seconds in enumerate(times):
        own = [line.text.rpartition("-- ")[2] for line in down if line.source == f"log{n}"]
        assert own == [f"{n}/{place}" for place in range(len(seconds))]


async def test_pages_go_on_where_the_last_one_ended():
    data = b"".join(dated(n, f"line {n}") for n in range(3000))
    one, lines, place = moves(log=data), [], None
    while True:
        more, is_end = await one.page(place, 500, -1)
        lines = more + lines
        place = {"log": more[0].offset if more else 0}
        if is_end:
            break
    assert [line.text for line in lines] == [text for _, text in whole(data)]


async def test_a_line_of_megabytes_is_cut_and_the_lines_around_it_are_whole():
    data = b"before\n" + b"x" * 3_000_000 + b"\nbehind\n"
    for found in (
        [*reversed(await all_of(moves(log=data).back(None, Wanted())))],
        await all_of(moves(log=data).on({"log": 0}, Wanted())),
    ):
        assert [found[0].text, found[2].text] == ["before", "behind"]
        assert LINE_CAP < len(found[1].text) < LINE_CAP + 100


async def test_the_nearest_error_is_that_with_which_an_error_begins():
    data = (
        dated(1, "fine") + dated(2, "bad", "ERROR") + b"Traceback (most recent call last)\n  File x\nValueError: y\n"
    ) + dated(3, "fine")
    found = await moves(log=data).first(None, Wanted(errors=True), -1)
    assert found is not None
    assert found.text.endswith("bad")
    assert await moves(log=data).first({"log": found.offset}, Wanted(errors=True), -1) is None


async def test_a_place_is_found_by_its_time_in_every_log():
    logs = {name: b"".join(dated(n, "x" * 100) for n in range(begin, 3000)) for name, begin in (("a", 0), ("b", 500))}
    several = moves(**logs)
    lines, _ = await several.page(await several.place_at(await _time_of(several, 1000)), 2, 1)
    assert {line.text[:19] for line in lines[:2]} == {"2026-11-24 08:16:40"}


async def _time_of(several: Moves, second: int) -> float:
    lines = await all_of(several.on(dict.fromkeys(("a", "b"), 0), Wanted()))
    return next(line.at for line in lines if line.text.startswith(f"2026-11-24 08:{second // 60}:{second % 60}"))


async def test_lines_that_were_followed_are_found_again_in_the_log():
    data = b"".join(dated(n, "again") for n in range(100))
    texts = [text for _, text in whole(data)]
    places, ends = await moves(log=data + dated(200, "new")).places_of({"log": texts[40:]})
    assert places["log"] == [offset for offset, _ in whole(data)][40:]
    assert ends["log"] > len(data)
    places, _ = await moves(log=b"another log\n").places_of({"log": texts[40:]})
    assert set(places["log"]) == {None}


async def test_a_log_that_cannot_be_opened_is_named_and_the_others_are_read():
    several = moves(a=b"one\n", b=b"two\n")
    several._logs.unreachable.add("b")  # type: ignore[attr-defined]
    lines, _ = await several.page(None, 10, -1)
    assert [line.text for line in lines] == ["one"]
    assert [each.source for each in several.missed] == ["b"]


@pytest.mark.parametrize("size", [50, 40_000])
def test_levels_are_counted_line_by_line_or_by_blocks_to_the_same_numbers(size):
    rows = [dated(n % 3600, "x" * 80, "ERROR" if n % 7000 == 5 else "INFO") for n in range(size)]
    timeline = Timeline()
    for part in parts("log", BytesBlob(b"".join(rows)), None):
        timeline.add(part.first, part.of)
    assert timeline.total.lines == size
    assert timeline.total.errors == len([n for n in range(size) if n % 7000 == 5])


@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=50), st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_columns_hold_every_line_and_are_as_many_as_fit(times, width):
    timeline = Timeline()
    for at in times:
        timeline.add(at, Count(1))
    columns = timeline.columns(width)
    assert 1 <= len(columns) <= width
    assert sum(column.of.lines for column in columns) == len(times)
    assert all(columns[0].begin <= at < columns[-1].end for at in times)


async def test_a_pattern_that_others_never_finish_is_counted_at_once():
    pattern = compile_pattern("(a+)+$", "find")
    step = next(
        around.before("log", BytesBlob(b"a" * 50_000 + b"!\n" + b"aaa\n"), 50_006, Wanted(pattern, counted=True))
    )
    assert (step.lines, step.found) == ([], 1)
