"""What is said between the lines of merged logs: rotations, times that go back, silences; never in a search."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from raytui.core.logline import LogLine, Query
from raytui.core.patterns import compile_pattern
from raytui.logs.merge import marks
from raytui.logs.sources.folder import Folder

EVERYTHING = Query(zone=UTC)


def line(clock: str, text: str) -> bytes:
    return f"[2026-11-24 {clock},000 I 4 4] (raylet) a.cc:9: {text}\n".encode()


async def read(root: Path, query: Query = EVERYTHING) -> list[LogLine]:
    folder = Folder(root)
    sources, _ = await folder.matching(None, ())

    def never(missed) -> None:
        raise AssertionError(missed)

    return [each async for batch in folder.lines(sources, query, never) for each in batch]


def short(lines: list[LogLine]) -> list[str]:
    return [each.text if each.mark else each.text.rpartition(": ")[2] for each in lines]


async def test_rotations_restarts_and_silences_are_said_where_they_are(tmp_path):
    (tmp_path / "raylet.out.1").write_bytes(line("08:00:00", "one") + line("08:00:10", "two"))
    (tmp_path / "raylet.out").write_bytes(line("08:00:20", "three") + line("08:30:00", "four"))
    (tmp_path / "other.log").write_bytes(line("08:00:05", "x") + line("07:50:00", "y") + line("08:30:01", "z"))
    found = await read(tmp_path)
    assert short(found) == [
        "one",
        "x",
        "-- other.log: times go back by 10m05: it was started again, or a clock was set",
        "y",
        "two",
        "-- raylet.out goes on from raylet.out.1",
        "three",
        "-- nothing was written for 29m40",
        "four",
        "z",
    ]
    assert [each.at for each in found if each.mark] == [found[3].at, found[6].at, found[8].at]


@pytest.mark.parametrize(
    "query",
    [Query(compile_pattern("o", "grep"), zone=UTC), Query(level="INFO", zone=UTC), Query(since=1.0, zone=UTC)],
)
async def test_a_search_has_no_marks_and_one_log_alone_is_as_it_stands(tmp_path, query):
    (tmp_path / "a").write_bytes(line("08:00:00", "one") + line("07:00:00", "two") + line("09:00:00", "four"))
    assert short(await read(tmp_path)) == ["one", "two", "four"]
    (tmp_path / "b").write_bytes(line("08:00:00", "other"))
    assert not any(each.mark for each in await read(tmp_path, query))


async def test_the_end_of_a_log_does_not_claim_to_go_on_from_an_older_one(tmp_path):
    (tmp_path / "a.1").write_bytes(line("08:00:00", "one"))
    (tmp_path / "a").write_bytes(line("08:00:01", "two") + line("08:00:02", "three"))
    assert short(await read(tmp_path, Query(lines=1, zone=UTC))) == ["three"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("raylet.out", "raylet.out.1"), ("raylet.out.1", "raylet.out.2.gz"), ("raylet.out.2.gz", ""), ("x", "")],
)
def test_the_older_part_of_a_log_is_known_by_its_name(name, expected):
    assert marks.older(name, {"raylet.out", "raylet.out.1", "raylet.out.2.gz", "x"}) == expected
