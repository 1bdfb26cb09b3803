"""Matches in logs that have to be fetched, while they come; and many logs of one folder with few of them open."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest

from raytui.core.errors import Failure, OperationFailed, Unreachable
from raytui.core.logline import LogLine, Missed, Query
from raytui.core.patterns import compile_pattern
from raytui.core.session import LogSource
from raytui.logs import many
from raytui.logs.many import Many
from raytui.logs.reading.ranges import FileBlob
from raytui.logs.search import remote
from raytui.logs.search.stream import Arriving
from raytui.logs.sources import spool
from raytui.logs.sources.folder import Folder
from tests.unit.logs.test_many import logs, look, platform, ray, stamped  # noqa: F401  # fixtures

NEEDLE = Query(compile_pattern("needle", "grep"), zone=UTC)


def source(name: str) -> LogSource:
    return LogSource(name, "ray", None, "c", name, name)


def lines(name: str, *times: int) -> list[LogLine]:
    return [LogLine(name, f"needle {at}", float(at)) for at in times]


async def test_matches_of_many_are_in_order_of_time_while_little_came():
    async def search(each: LogSource, take: remote.Found) -> None:
        await asyncio.sleep(0)
        take(lines(each.name, 1, 4) if each.name == "a" else lines(each.name, 2, 3), 10)

    sources = [source("a"), source("b")]
    got = [line.at async for batch in remote.as_found(sources, search, lambda _: None) for line in batch]
    assert got == [1, 2, 3, 4]


async def test_when_much_came_matches_are_given_before_the_last_log_is_searched():
    go_on = asyncio.Event()

    async def search(each: LogSource, take: remote.Found) -> None:
        if each.name == "slow":
            await go_on.wait()
            take(lines("slow", 1), 0)
        else:
            take(lines(each.name, 5), remote.HELD_BYTES)
            take(lines(each.name, 7), 1)

    missed: list[Missed] = []
    async with aclosing(remote.as_found([source("slow"), source("quick")], search, missed.append)) as batches:
        first = [line.at for line in await anext(batches)]
        go_on.set()
        rest = [line.at async for batch in batches for line in batch]
    assert sorted(first + rest) == [1, 5, 7]
    assert 1 not in first
    assert missed == []


async def test_who_stops_listening_ends_the_search():
    ended: list[str] = []

    async def search(each: LogSource, take: remote.Found) -> None:
        try:
            take(lines(each.name, 1), remote.HELD_BYTES + 1)
            await asyncio.Event().wait()
        finally:
            ended.append(each.name)

    async with aclosing(remote.as_found([source("a"), source("b")], search, lambda _: None)) as batches:
        await anext(batches)
    assert sorted(ended) == ["a", "b"]


async def test_a_search_does_not_run_ahead_of_whoever_reads_its_matches():
    given = 0

    async def search(each: LogSource, take: remote.Found) -> None:
        nonlocal given
        for n in range(100):
            await take.room()
            take(lines(each.name, n), 0 if n else remote.HELD_BYTES + 1)
            given += 1

    for sources in ([source("a")], [source(f"{n}") for n in range(20)]):
        given = 0
        async with aclosing(remote.as_found(sources, search, lambda _: None)) as batches:
            await anext(batches)
            for _ in range(1000):
                await asyncio.sleep(0)
            assert given <= remote.WAITING + 2 * remote.AT_ONCE
            number = 1 + len([line async for batch in batches for line in batch])
        assert number == given == 100 * len(sources)


async def test_who_stops_reading_ends_a_search_that_waits_for_room():
    ended: list[str] = []

    async def search(each: LogSource, take: remote.Found) -> None:
        try:
            for n in range(100):
                await take.room()
                take(lines(each.name, n), remote.HELD_BYTES + 1)
        finally:
            ended.append(each.name)

    async with (
        asyncio.timeout(20),
        aclosing(remote.as_found([source("a"), source("b")], search, lambda _: None)) as got,
    ):
        await anext(got)
        for _ in range(100):
            await asyncio.sleep(0)
        assert ended == []
    assert sorted(ended) == ["a", "b"]


async def test_a_log_that_comes_while_nobody_reads_is_left_to_whoever_reads_it_whole(tmp_path):
    path, got, is_full = tmp_path / "part", [], False
    path.write_bytes(b"needle 1\nneedle 2\n")
    arriving = Arriving("x", NEEDLE, lambda batch, came: got.extend(batch), lambda: is_full)
    await arriving.look(path, 9)
    is_full = True
    await arriving.look(path, 18)
    is_full = False
    await arriving.look(path, 18)
    assert ([line.text for line in got], arriving.searched) == (["needle 1"], 9)


async def test_each_part_of_a_log_is_searched_once_and_only_in_whole_lines(tmp_path):
    rows = [
        f"[2026-11-24 10:00:{n % 60:02d},000 I 1 1] (raylet) a.cc:1: {'needle' if n % 7 == 0 else 'hay'} {n}\n"
        for n in range(400)
    ]
    data = "".join(rows).encode()
    path, got = tmp_path / "part", []
    arriving = Arriving("x", NEEDLE, lambda batch, came: got.extend(batch))
    for end in [*range(0, len(data), 777), len(data)]:
        path.write_bytes(data[:end])
        await arriving.look(path, end)
        assert data[:end].rfind(b"\n") + 1 == arriving.searched
    assert [line.text for line in got] == [row.rstrip("\n") for row in rows if "needle" in row]
    assert all(line.at is not None and line.level == "INFO" for line in got)


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(spool, "FLUSH", 10_000)


async def test_a_log_that_is_fetched_is_searched_while_it_comes_and_every_match_is_given_once(
    ray,  # noqa: F811
    look,  # noqa: F811
    logs,  # noqa: F811
    small_parts,
    monkeypatch,
):
    whole = b"".join(stamped(n % 60, f"{'needle' if n % 10 == 0 else 'hay'} {n}") for n in range(9000))
    ray.files["a", "raylet.out"] = ray.files["b", "raylet.out"] = whole
    sources = [await logs.find(await look(), name) for name in ("head/raylet.out", "worker-1/raylet.out")]
    looks: list[int] = []
    real = Arriving.look

    async def noted(self: Arriving, file: Path, size: int) -> None:
        looks.append(size)
        await real(self, file, size)

    monkeypatch.setattr(Arriving, "look", noted)
    for again in (False, True):
        looks.clear()
        got = [line async for batch in logs.lines(sources, NEEDLE, lambda _: None, early=True) for line in batch]
        assert sorted((line.source, line.offset) for line in got) == sorted(
            (each.name, offset) for each in sources for offset in _offsets(whole)
        )
        assert bool(looks) is not again


def _offsets(data: bytes) -> list[int]:
    at, offsets = 0, []
    for row in data.splitlines(keepends=True):
        if b"needle" in row:
            offsets.append(at)
        at += len(row)
    return offsets


async def test_a_node_that_dies_in_the_middle_of_a_search_is_named_with_what_was_searched(
    ray,  # noqa: F811
    look,  # noqa: F811
    logs,  # noqa: F811
    monkeypatch,
):
    snapshot = await look()
    sources = [await logs.find(snapshot, name) for name in ("head/raylet.out", "worker-1/raylet.out")]
    client = await logs._dashboard("ray-cluster")

    async def breaks(node_id: str, filename: str, lines: int, *, follow: bool = True) -> AsyncIterator[bytes]:
        yield stamped(1, "needle") * 20_000
        if node_id.startswith("b"):
            raise Unreachable(Failure("dashboard", "Closed", "the dashboard ended the answer"))

    monkeypatch.setattr(client, "log_stream", breaks)
    missed: list[Missed] = []
    got = [line.source async for batch in logs.lines(sources, NEEDLE, missed.append, early=True) for line in batch]
    assert (got.count("head/raylet.out"), got.count("worker-1/raylet.out")) == (20_000, 20_000)
    assert [each.source for each in missed] == ["worker-1/raylet.out"]
    assert "only its first 1,120,000 bytes came and were searched: the dashboard ended" in missed[0].reason
    with pytest.raises(OperationFailed, match="only its first"):
        _ = [batch async for batch in logs.lines(sources[1:], NEEDLE, missed.append, early=True)]


async def test_times_of_two_zones_are_one_order(tmp_path):
    (tmp_path / "launcher.out").write_text(
        "2026-11-24T12:00:01.000+02:00 raytui: one\n2026-11-24T12:00:03.000+02:00 raytui: three\n"
    )
    (tmp_path / "raylet.out").write_bytes(stamped(2, "two") + stamped(4, "four"))
    folder = Folder(tmp_path)
    sources, _ = await folder.matching(None, [])
    got = [
        line.text.rpartition(": ")[2]
        async for batch in folder.lines(sources, Query(zone=UTC), lambda _: None)
        for line in batch
    ]
    assert got == ["one", "two", "three", "four"]


@pytest.mark.parametrize("query", [Query(lines=7, zone=UTC), NEEDLE], ids=["last lines", "search"])
async def test_of_many_logs_few_are_open_at_once(tmp_path, monkeypatch, query):
    monkeypatch.setattr(many, "MANY", 16)
    now = most = 0

    @asynccontextmanager
    async def opened(each: LogSource, count: int):
        nonlocal now, most
        blob = FileBlob(Path(each.filename))
        now += 1
        most = max(most, now)
        try:
            yield blob
        finally:
            now -= 1
            blob.close()

    sources = []
    for n in range(500):
        path = tmp_path / f"{n}.out"
        path.write_bytes(stamped(n % 60, "needle" if n % 100 == 59 else f"hay {n}"))
        sources.append(LogSource(f"{n}", "file", filename=str(path)))
    missed: list[Missed] = []
    logs = Many(opened, lambda each, count: None)  # type: ignore[arg-type,return-value]  # noqa: F811
    got = [line.source async for batch in logs.lines(sources, query, missed.append) for line in batch]
    assert missed == []
    assert most <= 16
    if query.lines < 0:
        assert sorted(got) == ["159", "259", "359", "459", "59"]
    else:
        assert got == ["119", "179", "239", "299", "359", "419", "479"]


def test_more_files_may_be_open_than_a_shell_allows_at_first():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lower = min(soft, 900) if soft > 0 else 900
    resource.setrlimit(resource.RLIMIT_NOFILE, (lower, hard))
    try:
        many.more_files(2_000)
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert allowed >= (2_000 if hard == resource.RLIM_INFINITY else min(hard, 2_000))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
