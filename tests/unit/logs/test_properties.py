"""Any bytes in: every line out once and in order by every reader, and a search finds what looking at each line finds."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytui.core.logline import LEVELS, LogLine, Query
from raytui.core.patterns import compile_pattern
from raytui.core.session import LogSource
from raytui.logs.formats import Reader
from raytui.logs.many import Many
from raytui.logs.merge.by_time import JUMP_S, merged
from raytui.logs.reading import ranges, window
from raytui.logs.reading.candidates import Candidates
from raytui.logs.reading.ranges import Block, BytesBlob, FileBlob
from raytui.logs.reading.text import CUT_MARK, LINE_CAP, LineSplitter, clean, shown, shown_together, whole_lines
from raytui.logs.search import one_log, pieces, programs
from raytui.logs.search.selection import Selection
from raytui.logs.sources import following

STAMPS = [
    b"[2026-11-24 22:36:52,968 I 4 4] (raylet) a.cc:9: ",
    b"2026-11-24 22:36:53,852\tERROR a.py:1 -- ",
    b"1999-01-01T00:00:00Z ",
]
PARTS = [
    b"a",
    b"ab",
    b"\xff\xfe",
    "grüß €".encode(),
    b"\n",
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b"\x1b[31m",
    b"\x1b]0;t\x07",
    b"\t",
    b" ",
    b"x" * 70,
    b"Traceback (most recent call last):",
    b'{"a": 1}',
    *STAMPS,
]
logs = st.lists(st.one_of(st.sampled_from(PARTS), st.binary(max_size=4)), max_size=40).map(b"".join)
PATTERNS = [
    "a",
    "ab",
    "x*",
    "^a$",
    "b.",
    "^$",
    "\\s",
    "a b",
    "ERROR.*a\\.py",
    "(a|x)+",
    "[^a]b",
    "\\Aa",
    "a\\tb",
    "ü",
    "\\bab\\b",
    "(?i)AB",
    "a  a",
    "\\d+ I",
]


def flat(batches) -> list[LogLine]:
    return [line for batch in batches for line in batch]


@given(logs, st.integers(1, 40))
def test_forwards_and_backwards_are_the_same_lines_with_their_offsets(data, size):
    blob = BytesBlob(data)
    forwards = [raw for block in ranges.blocks(blob, 0, size) for raw in block.lines()]
    assert list(ranges.backwards(blob, size))[::-1] == forwards
    assert [shown(raw.data) for raw in forwards] == whole_lines(data, -1)
    assert all(data[raw.offset :].startswith(raw.data) for raw in forwards)


@given(st.binary(max_size=300) | st.text("ab\t\n \x1b\r\xe9", max_size=300).map(str.encode))
def test_the_lines_of_a_block_shown_together_are_each_as_shown_alone(data):
    raws = [raw.data for raw in Block(0, data).lines()]
    assert shown_together(data, raws) == [shown(raw) for raw in raws]
    query, blob = Query(), BytesBlob(data)
    reader = Reader("x", query.zone)
    assert flat(one_log.read("x", blob, query)) == [
        reader.read(shown(raw.data), raw.offset) for raw in Block(0, data).lines()
    ]


def test_a_line_longer_than_is_shown_is_cut_in_a_block_too():
    data = b"a" * (LINE_CAP + 1) + b"\nb\n"
    raws = [raw.data for raw in Block(0, data).lines()]
    assert shown_together(data, raws) == [shown(raw) for raw in raws]
    assert CUT_MARK in shown_together(data, raws)[0]


@given(logs, st.integers(0, 12))
def test_the_last_lines_are_the_end_of_all_lines_with_the_same_times_and_levels(data, count):
    everything = flat(one_log.read("s", BytesBlob(data), Query()))
    assert [line.text for line in everything] == whole_lines(data, -1)
    assert flat(one_log.read("s", BytesBlob(data), Query(lines=count))) == (everything[-count:] if count else [])


@given(logs, st.sampled_from(PATTERNS), st.booleans(), st.integers(0, 3))
def test_a_search_finds_what_looking_at_each_line_finds(data, text, ignore_case, context):
    query = Query(compile_pattern(text, "grep", ignore_case=ignore_case), context=context)
    selection = Selection(query)
    expected = [line for batch in one_log.read("s", BytesBlob(data), Query()) for line in selection.feed(batch)]
    assert flat(one_log.read("s", BytesBlob(data), query)) == expected
    number = sum(query.pattern.search(line) for line in whole_lines(data, -1))
    assert sum(one_log.count("s", BytesBlob(data), query)) == number
    assert (
        sum(one_log.count("s", BytesBlob(data), msgspec.structs.replace(query, invert=True)))
        == len(whole_lines(data, -1)) - number
    )


LINES = [
    *STAMPS, b"[2026-11-24 22:36:52,968 W 4 4] (raylet) a.cc:9: x", b"[2026-11-24 22:36:52,968 \x1b[31mE\x1b[0m 4 4] a.cc:9: x",
    b"E1124 08:00:00.1 2 a.cc:1] x", b'{"level": "critical", "msg": "x", "ts": "2026-11-24T08:00:00Z"}', b"Traceback (most recent call last):",
    b"ValueError: x", b"killed by sigkill", b"INFO 2026-11-24 08:00:00 x", b"ERROR 2026-11-24 08:00:00 x", b"plain", b"\xff", b"(a pid=1) W1124 08:00:00.1 2 a.cc:1] x",
]  # fmt: skip


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("line", LINES)
def test_a_block_of_one_line_is_left_out_only_without_the_level(line, level):
    found = flat(one_log.read("s", BytesBlob(line), Query()))
    assert flat(one_log.read("s", BytesBlob(line), Query(level=level))) == Selection(Query(level=level)).feed(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=30).map(b"\n".join), st.sampled_from(LEVELS), st.integers(20, 200))
def test_blocks_that_are_left_out_hold_no_line_of_the_level(monkeypatch, data, level, size):
    monkeypatch.setattr(one_log, "PIECE", size)
    query = Query(level=level)
    expected = Selection(query).feed(flat(one_log.read("s", BytesBlob(data), Query())))
    assert flat(one_log.read("s", BytesBlob(data), query)) == expected


@pytest.fixture(params=[name for name in ("rg", "grep") if programs._program(name)])
def program(request, monkeypatch):
    """The program that searches files, however small they are."""
    real = programs._program
    monkeypatch.setattr(programs, "PROGRAM_FROM", 1)
    monkeypatch.setattr(programs, "_program", lambda name: real(name) if name == request.param else b"")
    return request.param


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80, deadline=None)
@given(logs, st.sampled_from(PATTERNS), st.booleans())
def test_a_program_names_every_line_that_a_search_without_it_finds(tmp_path, program, data, text, ignore_case):
    path = tmp_path / "log"
    path.write_bytes(data)
    query = Query(compile_pattern(text, "grep", ignore_case=ignore_case))
    blob = FileBlob(path)
    assert flat(one_log.read("s", blob, query)) == flat(one_log.read("s", BytesBlob(data), query))
    blob.close()


HIDDEN = [*(bytes([n]) for n in range(32) if n != 10), b"\x7f", b"\x80", b"\xff", *(
    chr(n).encode() for n in (0x80, 0x9B, 0x9F, 0xAD, 0x200B, 0x200E, 0x202A, 0x202E, 0x2066, 0x2069, 0x212A, 0x17F)
), b"\x1b[0m"]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["need", "need les", "^need", "need$", "need.*s", "n[e]+dk", "(?i)NEEDK", "\\bneed\\b"]
)
def test_signs_that_are_not_shown_hide_no_match_from_a_program(tmp_path, program, text):
    words = [b"need", b"need les", b"needk", b"xneedx"]
    data = b"\n".join(
        word[:at] + sign * times + word[at:]
        for word in words
        for sign in HIDDEN
        for at in range(len(word) + 1)
        for times in (1, 2)
    )
    path = tmp_path / "log"
    path.write_bytes(data)
    for ignore_case in (False, True):
        query = Query(compile_pattern(text, "grep", ignore_case=ignore_case))
        blob = FileBlob(path)
        found = [line.text for line in flat(one_log.read("s", blob, query))]
        blob.close()
        assert found == [line for line in whole_lines(data, -1) if query.pattern.search(line)]


@pytest.mark.parametrize(
    "strange",
    [b"", b"\x1b[31mline\x1b[0m 1\n", b"li\0ne\r\n", b"x" * 90_000 + b"line 10\n", b"a\rline\n"],
    ids=["plain", "escape", "nul", "long", "return"],
)
@pytest.mark.parametrize("text", ["line", "line$", "^line", "li.*e", "in.+", "LINE", "1$", "[0-9]+0"])
def test_matches_that_are_only_counted_are_as_many_as_those_looked_at(tmp_path, monkeypatch, program, text, strange):
    monkeypatch.setattr(one_log, "OFTEN", 1)
    path = tmp_path / "log"
    data = b"line\r\n\tline\nl\x01ine\ngr\xc3\xbc\xc3\x9f line\n\xff\n" * 3_000
    path.write_bytes(data[: len(data) // 2] + strange + data[len(data) // 2 :])
    blob = FileBlob(path)
    query = Query(compile_pattern(text, "grep", ignore_case=text.isupper()))
    counting = programs.count(Candidates(query.pattern), blob)
    reported = ended(counting).value
    # Thousands of equal lines: each is looked at once, and counts as often as it is there.
    raws = Counter(path.read_bytes().removesuffix(b"\n").split(b"\n"))
    number = sum(
        times for raw, times in raws.items() if query.pattern.search(shown(raw)) or query.pattern.search(clean(raw))
    )
    assert reported in {None, number}
    assert (reported is None) is (strange != b"")
    assert sum(one_log.count("s", blob, query)) == number
    blob.close()


def ended(steps) -> StopIteration:
    while True:
        try:
            next(steps)
        except StopIteration as stopped:
            return stopped


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), max_size=300),
    st.integers(0, 12_000),
    st.integers(0, 3_000),
)
def test_a_window_of_time_finds_every_line_in_it(monkeypatch, steps, since, span):
    monkeypatch.setattr(window, "BLOCK", 64)
    monkeypatch.setattr(window, "PIECE", 400)
    monkeypatch.setattr(window, "SLACK_S", 10.0)
    at, lines = 0, []
    for step, back in steps:
        at += step
        written = datetime.fromtimestamp(1_800_000_000 + max(0, at - 3 * back), UTC)
        lines.append(f"[{written:%Y-%m-%d %H:%M:%S},000 I 4 4] (raylet) a.cc:9: x\n" + "more\n" * back)
    blob = BytesBlob("".join(lines).encode())
    query = Query(since=1_800_000_000.0 + since, until=1_800_000_000.0 + since + span, zone=UTC)
    expected = Selection(query).feed(flat(one_log.read("s", blob, Query(zone=UTC))))
    assert flat(one_log.read("s", blob, query)) == expected


def test_a_program_is_asked_for_what_it_can_be_told(tmp_path, monkeypatch, program):
    asked = []
    begun = programs.subprocess.Popen
    monkeypatch.setattr(
        programs.subprocess, "Popen", lambda command, **more: asked.append(command) or begun(command, **more)
    )
    path = tmp_path / "log"
    path.write_bytes(b"one needle\ntwo\n")
    for text, used in [
        ("needle", True),
        ("one needle", True),
        ("n[ae]+dle$", True),
        ("(one|x).*needle", True),
        ("(e+)+$", True),
        ("one\\sneedle", False),
        ("ü", False),
    ]:
        asked.clear()
        blob = FileBlob(path)
        assert [line.text for line in flat(one_log.read("s", blob, Query(compile_pattern(text, "grep"))))] == [
            "one needle"
        ] * (text != "ü")
        blob.close()
        assert bool(asked) is used, text


def test_a_program_that_breaks_off_leaves_the_rest_to_be_searched_without_it(tmp_path, monkeypatch):
    script = tmp_path / "rg"
    script.write_text("#!/bin/sh\nprintf '0:needle 0\\n9:needle 1\\n'\nexit 2\n")
    script.chmod(0o755)
    monkeypatch.setattr(programs, "PROGRAM_FROM", 1)
    monkeypatch.setattr(programs, "_program", lambda name: str(script).encode())
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"needle %d\n" % n for n in range(10)))
    blob = FileBlob(path)
    found = flat(one_log.read("s", blob, Query(compile_pattern("needle", "grep"))))
    blob.close()
    assert [line.text for line in found] == [f"needle {n}" for n in range(10)]


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_line_of_many_megabytes_is_one_line_in_bounded_memory(tmp_path, newline):
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"y" * 5_000_000 + b"\nneedle\n" + b"z" * 3_000_000 + newline)
    blob = FileBlob(path)
    forwards = [raw for block in ranges.blocks(blob) for raw in block.lines()]
    assert list(ranges.backwards(blob))[::-1] == forwards
    assert [len(raw.data) for raw in forwards] == [5, LINE_CAP + 1, 6, LINE_CAP + 1]
    found = flat(one_log.read("s", blob, Query(compile_pattern("needle", "grep"), context=1)))
    assert [line.text[:6] for line in found] == ["yyyyyy", "needle", "zzzzzz"]
    blob.close()


def test_a_file_that_shrinks_while_it_is_read_ends_where_it_ends(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 1000)
    blob = FileBlob(path)
    os.truncate(path, 50)
    assert len(flat(one_log.read("s", blob, Query()))) == 10
    assert len(list(ranges.backwards(blob, 64))) == 10
    blob.close()


def opened(files: dict[str, bytes]):
    @asynccontextmanager
    async def opener(source: LogSource, lines: int):
        yield BytesBlob(files[source.name])

    return Many(opener, None)


def never(missed) -> None:
    raise AssertionError(missed)


@settings(deadline=None)
@given(st.lists(logs, min_size=1, max_size=5))
def test_merged_every_line_is_there_once_and_each_log_keeps_its_order(data):
    files = {f"log{n}": each for n, each in enumerate(data)}

    async def read():
        return [
            line
            async for batch in opened(files).lines([LogSource(name) for name in files], Query(), never)
            for line in batch
        ]

    found = asyncio.run(read())
    for name, each in files.items():
        assert [line for line in found if line.source == name and not line.mark] == flat(
            one_log.read(name, BytesBlob(each), Query())
        )


times = st.lists(st.integers(0, 1000), max_size=30)


@settings(deadline=None)
@given(st.lists(times, min_size=1, max_size=4), st.integers(1, 7))
def test_logs_whose_times_ascend_are_merged_by_time_and_equal_times_by_source(all_times, size):
    sources = [[LogLine(str(n), "x", float(at)) for at in sorted(each)] for n, each in enumerate(all_times)]

    async def parts(lines):
        for begin in range(0, len(lines), size):
            yield lines[begin : begin + size]

    async def read():
        return [line async for batch in merged([parts(lines) for lines in sources]) for line in batch]

    expected = sorted((line for lines in sources for line in lines), key=lambda line: (line.at, line.source))
    assert asyncio.run(read()) == expected


async def test_a_time_that_jumps_back_far_is_believed_and_one_that_jumps_little_is_a_late_line():
    async def parts(*lines):
        yield list(lines)

    early, late = LogLine("a", "late", 95.0), LogLine("a", "restarted", 100.0 - JUMP_S - 1)
    one = [LogLine("a", "x", 100.0), early, late]
    other = [LogLine("b", "y", 99.0), LogLine("b", "z", 101.0)]
    found = [line.text async for batch in merged([parts(*one), parts(*other)]) for line in batch]
    assert found == ["y", "x", "late", "restarted", "z"]


async def followed_to_its_end(path: Path, steps) -> list[str]:
    """The lines of a file that is followed while it is changed; each step waits until the one before was seen."""
    lines: list[str] = []
    follow = following.follow_file(path, "log", -1)

    async def read() -> None:
        async for batch in follow:
            lines.extend(batch)

    reading = asyncio.create_task(read())
    for change, seen in steps:
        change()
        async with asyncio.timeout(10):
            while len(lines) < seen and not reading.done():  # noqa: ASYNC110 - it is read in a thread
                await asyncio.sleep(0.01)
    with pytest.raises(following.SourceEnded) as caught:
        await reading
    assert caught.value.over
    return lines


async def test_a_file_is_followed_over_rotation_truncation_and_to_its_removal(tmp_path, monkeypatch):
    monkeypatch.setattr(following, "FASTEST_POLL_S", 0.01)
    monkeypatch.setattr(following, "SLOWEST_POLL_S", 0.01)
    path = tmp_path / "log"
    path.write_bytes(b"one\n")

    def rotate() -> None:
        with path.open("ab") as file:
            file.write(b"last of the old")
        path.rename(tmp_path / "log.1")
        path.write_bytes(b"first of the new\n")

    lines = await followed_to_its_end(
        path,
        [
            (lambda: None, 1),
            (rotate, 4),
            (lambda: path.write_bytes(b"short\n"), 6),
            (path.unlink, 6),
        ],
    )
    again = following.AGAIN_MARK
    assert lines == ["one", "last of the old", again, "first of the new", again, "short"]


@pytest.mark.parametrize("ends", ["rotated", "removed"])
async def test_what_is_written_just_before_a_file_is_rotated_or_removed_is_read(tmp_path, monkeypatch, ends):
    monkeypatch.setattr(following, "FASTEST_POLL_S", 0.01)
    path, fate = tmp_path / "log", following._fate
    path.write_bytes(b"one\n")

    def changed_meanwhile(*asked):
        monkeypatch.setattr(following, "_fate", fate)
        with path.open("ab") as file:
            file.write(b"last\n")
        path.rename(tmp_path / "log.1")
        if ends == "rotated":
            path.write_bytes(b"new\n")
        return fate(*asked)

    monkeypatch.setattr(following, "_fate", changed_meanwhile)
    new = [following.AGAIN_MARK, "new"] if ends == "rotated" else []
    steps = [(lambda: None, 2 + len(new)), (lambda: path.unlink(missing_ok=True), 2 + len(new))]
    assert await followed_to_its_end(path, steps) == ["one", "last", *new]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(logs, st.integers(0, 5))
def test_following_a_file_begins_with_its_last_whole_lines(tmp_path, data, count):
    path = tmp_path / "log"
    path.write_bytes(data)
    blob = FileBlob(path)
    end, first = following._last_whole(blob, count)
    blob.close()
    splitter = LineSplitter()
    whole = splitter.feed(data)
    assert first == (whole[-count:] if count else [])
    assert splitter.flush() == whole_lines(data[end:], -1)


async def test_an_interrupt_closes_a_log_only_when_nobody_reads_it_any_more():
    held = asyncio.Event()
    loop = asyncio.get_running_loop()
    reading = []

    class Slow(BytesBlob):
        def read(self, offset: int, length: int) -> bytes:
            reading.append("begun")
            loop.call_soon_threadsafe(held.set)
            for _ in range(100_000):
                pass
            reading.append("done")
            return super().read(offset, length)

    async def read() -> None:
        try:
            async for _ in pieces.lines("s", Slow(b"x\n"), Query()):
                pass
        finally:
            reading.append("closed")

    task = asyncio.create_task(read())
    await held.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert reading == ["begun", "done", "closed"]
