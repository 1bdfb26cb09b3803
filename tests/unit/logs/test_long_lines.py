"""A search of lines that are longer than what is shown of one: all of a line is searched, or it is said that not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from raytui.core.logline import Missed, Query
from raytui.core.patterns import compile_pattern
from raytui.core.session import LogSource
from raytui.logs import many
from raytui.logs.many import Many
from raytui.logs.paging.around import Wanted
from raytui.logs.paging.moving import Moves
from raytui.logs.reading.ranges import LONGEST, FileBlob
from raytui.logs.search import one_log, programs, remote
from raytui.logs.search.stream import Arriving
from raytui.logs.search_all import everywhere
from raytui.tui.screens.hits import rows_of

NEEDLE = compile_pattern("needle", "grep")
LONG = b"x" * 90_000 + b" needle " + b"y" * 90_000
TOO_LONG = b"z" * (2 * LONGEST) + b" needle"
SAID = "1 line longer than 1 MB was searched in its first 64 KB only"


@pytest.fixture(params=["", *(name for name in ("rg", "grep") if programs._program(name))])
def program(request, monkeypatch):
    """The program that searches files, or none; however small they are."""
    real = programs._program
    monkeypatch.setattr(programs, "PROGRAM_FROM", 1)
    monkeypatch.setattr(programs, "_program", lambda name: real(name) if name == request.param else b"")


def log(tmp_path: Path, name: str, *lines: bytes) -> LogSource:
    path = tmp_path / name
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return LogSource(name, "ray", None, "c", name, str(path))


@asynccontextmanager
async def opened(source: LogSource, lines: int = -1):
    blob = FileBlob(Path(source.filename))
    try:
        yield blob
    finally:
        blob.close()


def logs() -> Many:
    return Many(opened, lambda source, lines: None)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("more", "begins"),
    [
        ({}, "x"),
        ({"context": 1}, "axb"),
        ({"context": 300}, "axb"),
        ({"invert": True}, "ab"),
        ({"lines": 2}, "x"),
        ({"lines": 2, "invert": True}, "b"),
    ],
)
async def test_a_match_beyond_what_is_shown_of_a_line_is_found(tmp_path, program, more, begins):
    source, missed = log(tmp_path, "head.out", b"a", LONG, b"b"), list[Missed]()
    query = Query(NEEDLE, **more)
    got = [line.text[0] async for batch in logs().lines([source], query, missed.append) for line in batch]
    assert "".join(got) == begins
    if not query.context:
        assert [number async for _, number in logs().counts([source], query, missed.append)] == [len(begins)]
    assert missed == []


@pytest.mark.parametrize("step", [1, -1])
async def test_whoever_moves_in_a_log_finds_it_too(tmp_path, step):
    source = log(tmp_path, "head.out", b"a", LONG, b"b")
    line = await Moves(logs(), [source]).first({"head.out": 0} if step > 0 else None, Wanted(NEEDLE), step)
    assert line is not None
    assert line.offset == 2


@pytest.mark.parametrize("more", [{}, {"context": 1}, {"context": 300}, {"lines": 3}, {"invert": True}])
async def test_a_line_that_is_too_long_to_be_searched_whole_is_said_once(tmp_path, program, more):
    sources = [log(tmp_path, name, b"a needle", TOO_LONG, b"b needle") for name in ("one", "two")]
    for few in (sources[:1], sources):
        for find in (logs().lines, logs().counts):
            missed: list[Missed] = []
            async for _ in find(few, Query(NEEDLE, **more), missed.append):
                pass
            assert sorted(missed, key=str) == [Missed(each.name, SAID, is_part=True) for each in few]
    assert [each async for each in logs().lines(sources, Query(), missed.append)]
    assert len(missed) == 2


async def test_of_very_many_logs_it_is_said_once_of_each(tmp_path, monkeypatch):
    monkeypatch.setattr(many, "MANY", 2)
    sources = [log(tmp_path, f"{n}", b"a needle", TOO_LONG) for n in range(2)]
    sources += [log(tmp_path, f"{n}", TOO_LONG, b"b") for n in range(2, 4)]
    missed: list[Missed] = []
    got = [line.source async for batch in logs().lines(sources, Query(NEEDLE), missed.append) for line in batch]
    assert got == ["0", "1"]
    assert sorted(each.source for each in missed) == ["0", "1", "2", "3"]


async def test_it_is_said_of_logs_that_are_searched_while_they_come(tmp_path):
    source, missed = log(tmp_path, "one", b"a needle", TOO_LONG, TOO_LONG, b"b needle"), list[Missed]()

    async def look(each: LogSource, take: remote.Found) -> int:
        arriving = Arriving(each.name, Query(NEEDLE), take, lambda: take.is_full)
        await arriving.look(Path(each.filename), 2 * len(TOO_LONG) + 20)
        return len(arriving.cut)

    got = [line.text async for batch in remote.as_found([source], look, missed.append) for line in batch]
    assert got == ["a needle", "b needle"]
    assert [each.reason for each in missed] == ["2 lines longer than 1 MB were searched in their first 64 KB only"]


async def test_a_search_of_every_log_names_those_that_were_not_searched_whole(tmp_path):
    sources = [log(tmp_path, "with", b"a needle", TOO_LONG), log(tmp_path, "without", TOO_LONG)]
    reported = [each async for each in everywhere(logs(), sources, NEEDLE, None)]
    assert {(each.source.name, each.missed) for each in reported if each.missed} == {("with", SAID), ("without", SAID)}
    assert all(each.is_part for each in reported if each.missed)
    assert [(each.source.name, each.lines) for each in reported if each.lines] == [("with", 1)]
    (row,) = rows_of((), [Missed("with", SAID, is_part=True)], 0.0)
    assert [cell[0] for cell in row.cells] == ["with", "", "in part", SAID]


def test_in_memory_no_more_of_a_line_is_kept_than_is_shown(tmp_path, program):
    source = log(tmp_path, "head.out", LONG)
    blob = FileBlob(Path(source.filename))
    (line,) = [line for batch in one_log.read("s", blob, Query(NEEDLE)) for line in batch]
    blob.close()
    assert len(line.text) < 66_000
