"""Logs of both kinds under one naming, followed to their end, and harmless whatever is in them."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.core.errors import ConfigurationError, Failure, NotFound, Unreachable
from raytui.core.logline import Query
from raytui.core.patterns import compile_pattern
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.remedy import as_commands
from raytui.core.session import LogSource
from raytui.dashboard.client import connect
from raytui.logs.engine import SourceEnded
from raytui.logs.formats import Reader
from raytui.logs.moments import parse_moment
from raytui.logs.reading.text import CUT_MARK, LINE_CAP, LineSplitter, clean, whole_lines
from raytui.logs.search.selection import Selection
from raytui.logs.sources import following
from raytui.manager.monitor import Monitor
from tests.fakes.dashboard import FakeDashboard, recorded
from tests.fakes.platform import FakePlatform, application

HEAD = "ray-cluster-head"


def named_nodes(worker: str = "ALIVE") -> bytes:
    rows = [
        {"node_id": "a" * 56, "node_name": HEAD, "is_head_node": True, "state": "ALIVE"},
        {
            "node_id": "b" * 56,
            "node_name": "ray-cluster-worker-1",
            "state": worker,
            "state_message": "Unexpected termination: no heartbeat",
        },
        {"node_id": "c" * 56, "node_name": "somebody-else", "state": "ALIVE"},
    ]
    return msgspec.json.encode({"data": {"result": {"result": rows}}})


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    monkeypatch.setattr(following, "CHECK_S", 0.05)
    monkeypatch.setattr(following, "FASTEST_POLL_S", 0.01)
    monkeypatch.setattr(following, "SLOWEST_POLL_S", 0.02)


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        running.bodies["/api/v0/nodes"] = named_nodes()
        yield running


@pytest.fixture
def platform(server) -> FakePlatform:
    return FakePlatform([application("head"), application("worker-1")], server.target)


@pytest.fixture
async def look(platform):
    monitor = Monitor(platform, dial, cluster="ray-cluster", profile="local")
    yield lambda: monitor.observe()
    await monitor.close()


class LineFilter:
    """A selection of texts."""

    def __init__(self, pattern=None, *, zone=UTC, **more) -> None:
        self._reader, self._selection = Reader("head", zone), Selection(Query(pattern, **more))

    def feed(self, texts) -> list[str]:
        return [line.text for line in self._selection.feed(self._reader.read_all(texts))]


def dial(target: DashboardTarget):
    return connect(target, long_lived=True, timeout=3.0, health_timeout=3.0)


async def everything(follow) -> tuple[list[str], SourceEnded]:
    lines: list[str] = []
    try:
        async for batch in follow:
            assert 0 < len(batch) <= 500
            lines += batch
    except SourceEnded as end:
        return lines, end
    raise AssertionError("the log ended without a word")


async def test_one_naming_for_both_kinds(platform, look, logs) -> None:
    snapshot, listed = await look(), platform.count("list")
    names = [source.name for source in await logs.sources(snapshot)]
    assert platform.count("list") == listed + 1
    assert names[:2] == ["head", "worker-1"]
    assert {"head/raylet.out", "worker-1/raylet.out", "node-cccccccc/raylet.out", "job/lab-ok"} <= set(names)
    assert (
        names.index("head/raylet.out")
        < names.index("head/dashboard.log")
        < next(n for n, name in enumerate(names) if "head/worker-" in name)
    )
    assert "job/lab-renv" not in names, "its driver never started"


async def test_only_one_node_is_asked_for_one_log(server, look, logs) -> None:
    snapshot = await look()
    source = await logs.find(snapshot, "worker-1/raylet.out")
    assert (source.kind, source.node_id, source.filename) == ("ray", "b" * 56, "raylet.out")
    assert server.requests["/api/v0/logs"] == 1
    assert (await logs.find(snapshot, "head")).kind == "launcher"
    assert (await logs.find(snapshot, "job/lab-ok")).filename == "job-driver-lab-ok.log"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("heed", "did you mean head?"),
        ("head/raylet.ou", "did you mean head/raylet.out"),
        ("job/lab-okk", "job/lab-ok"),
        ("worker-9/raylet.out", "--list"),
    ],
)
async def test_unknown_log_names_the_nearest(look, logs, name, hint) -> None:
    with pytest.raises(NotFound, match="has no log") as caught:
        await logs.find(await look(), name)
    assert hint in as_commands(caught.value.hint)


async def test_what_cannot_be_asked_is_left_out(server, look, logs) -> None:
    snapshot = await look()
    server.fail("500", "/api/v0/logs")
    assert [source.name for source in await logs.sources(snapshot) if "/" not in source.name] == ["head", "worker-1"]
    server.heal()
    assert {source.name.partition("/")[0] for source in await logs.sources(snapshot, only="head")} == {"head"}


async def test_last_lines_of_a_launcher(platform, look, logs) -> None:
    platform.output[HEAD] = b"".join(b"line %d\n" % n for n in range(100_000))
    source = await logs.find(await look(), "head")
    assert await logs.read(source, 3) == ["line 99997", "line 99998", "line 99999"]
    assert len(await logs.read(source, 50_000)) == 50_000
    everything_there = await logs.read(source, -1)
    assert (everything_there[0], len(everything_there)) == ("line 0", 100_000)
    assert await logs.read(source, 0) == []


async def test_last_lines_of_a_ray_log(server, look, logs) -> None:
    source = await logs.find(await look(), "head/raylet.out")
    lines = await logs.read(source, 20)
    assert lines == recorded("logs_file.txt").decode().splitlines()[-20:]
    assert f"/api/v0/logs/file?node_id={'a' * 56}&filename=raylet.out&lines=20" in server.queries


async def test_a_log_of_another_machine_is_near_once_it_was_fetched(server, look, logs) -> None:
    source = await logs.find(await look(), "head/raylet.out")
    assert not await logs.is_near(source)
    assert not any("raylet.out" in query for query in server.queries)
    async with logs.open(source) as blob:
        assert blob.size
    assert await logs.is_near(source)
    assert await logs.is_near(LogSource("a.log", "file", filename="/a.log"))


async def test_kept_tail_of_a_node_that_is_gone(server, platform, look, logs) -> None:
    server.bodies["/api/v0/nodes"] = named_nodes("DEAD")
    platform.files["ray-cluster/nodes/ray-cluster-worker-1.json"] = b'{"schema_version": 1, "engine_id": "e7"}'
    platform.files["ray-cluster/logs/worker-1-e7.raylet.out.tail"] = b"a\nSIGKILL\n"
    snapshot = await look()
    source = await logs.find(snapshot, "worker-1/raylet.out")
    assert source.kind == "kept"
    assert await logs.read(source, 1) == ["SIGKILL"]
    lines, end = await everything(logs.follow(source, 10))
    assert (lines, end.over) == (["a", "SIGKILL"], True)
    with pytest.raises(NotFound):
        await logs.find(snapshot, "worker-1/gcs_server.out")


async def test_node_that_dies_between_listing_and_reading_falls_back_to_its_tail(server, platform, look, logs) -> None:
    source = await logs.find(await look(), "worker-1/raylet.out")
    server.statuses["/api/v0/logs/file"] = (500, recorded("log_dead.txt"))
    with pytest.raises(NotFound):
        await logs.read(source, 5)
    platform.files["ray-cluster/nodes/ray-cluster-worker-1.json"] = b'{"engine_id": "e7"}'
    platform.files["ray-cluster/logs/worker-1-e7.raylet.out.tail"] = b"last\n"
    assert await logs.read(source, 5) == ["last"]


async def test_launcher_is_followed_until_its_application_ends(platform, look, logs) -> None:
    platform.output[HEAD] = b"one\ntwo\n"
    follow = logs.follow(await logs.find(await look(), "head"), 1)
    assert await anext(follow) == ["two"]
    platform.output[HEAD] += b"three\npart"
    assert await anext(follow) == ["three"]
    platform.output[HEAD] += b"ial\nlast words"
    platform.set(HEAD, state="failed", message="ray start ended with 1")
    lines, end = await everything(follow)
    assert lines == ["partial", "last words"]
    assert end.over
    assert str(end) == "head has ended (failed): ray start ended with 1"
    assert end.exit_code == 1


async def test_rotated_and_restarted_output_begins_again(platform, look, logs) -> None:
    platform.set(HEAD, started_at=100.0)
    platform.output[HEAD] = b"old 1\nold 2\n"
    follow = logs.follow(await logs.find(await look(), "head"), 10)
    assert await anext(follow) == ["old 1", "old 2"]
    platform.output[HEAD] = b"new\n"
    lines: list[str] = []
    while "new" not in lines:
        lines += await anext(follow)
    assert lines == [following.AGAIN_MARK, "new"]
    platform.output[HEAD] = b"a much longer file of the next process\n"
    platform.set(HEAD, started_at=200.0)
    platform.applications.pop("ray-cluster-worker-1")
    lines = []
    while not any("next process" in line for line in lines):
        lines += await anext(follow)
    await follow.aclose()


async def test_application_that_is_gone_and_platform_that_fails(platform, look, logs) -> None:
    source = await logs.find(await look(), "head")
    platform.errors["list"] = [Unreachable(Failure("platform", "NoAnswer", "no answer"))]
    platform.applications.pop(HEAD)
    _, end = await everything(logs.follow(source, 10))
    assert end.over
    assert "no longer lists it" in str(end)
    platform.errors["tail"] = [OSError("never seen")]
    with pytest.raises(OSError, match="never seen"):
        await anext(logs.follow(source, 10))


async def test_log_that_breaks_off_is_not_a_source_that_ended(platform, look, logs) -> None:
    source = await logs.find(await look(), "head")
    platform.output[HEAD] = b"x\n"
    follow = logs.follow(source, 10)
    assert await anext(follow) == ["x"]
    platform.errors["tail"] = [Unreachable(Failure("platform", "NoAnswer", "the folder does not answer"))]
    _, end = await everything(follow)
    assert (end.over, end.reason) == (False, "LogBrokeOff")
    assert "the folder does not answer" in str(end)


async def test_ray_log_is_followed_until_its_node_dies(server, look, logs) -> None:
    follow = logs.follow(await logs.find(await look(), "worker-1/raylet.out"), 10)
    await server.stream.put(b"first\nsecond\npart")
    assert await anext(follow) == ["first", "second"]
    server.bodies["/api/v0/nodes"] = named_nodes("DEAD")
    lines, end = await everything(follow)
    assert (lines, end.over) == (["part"], True)
    assert "no heartbeat" in str(end)


async def test_stream_that_ends_while_its_node_lives_broke_off(server, look, logs) -> None:
    follow = logs.follow(await logs.find(await look(), "head/raylet.out"), 10)
    await server.stream.put(b"first\n")
    await server.stream.put(None)
    lines, end = await everything(follow)
    assert (lines, end.over) == (["first"], False)


async def test_hung_gcs_ends_no_stream_but_a_silent_host_does(server, look, logs) -> None:
    follow = logs.follow(await logs.find(await look(), "head/raylet.out"), 10)
    await server.stream.put(b"first\n")
    assert await anext(follow) == ["first"]
    server.fail("500", "/api/v0/nodes")
    asked = server.requests["/api/v0/nodes"]
    waiting = asyncio.create_task(anext(follow))
    await until(lambda: server.requests["/api/v0/nodes"] >= asked + 2)
    server.heal()
    await server.stream.put(b"second\n")
    assert await waiting == ["second"]
    server.fail("500", "/api/v0/nodes")
    _, end = await everything(follow)
    assert not end.over


async def test_job_log_ends_with_its_job(server, look, logs) -> None:
    follow = logs.follow(await logs.find(await look(), "job/lab-ok"), 10)
    await server.stream.put(b"1\n")
    lines, end = await everything(follow)
    assert (lines, end.over) == (["1"], True)
    assert str(end) == "job lab-ok has ended: SUCCEEDED"


async def test_the_last_lines_of_a_job_may_come_while_its_end_is_asked_for(monkeypatch) -> None:
    asked = asyncio.Event()

    async def stream() -> AsyncIterator[bytes]:
        await asked.wait()
        yield b"its last line\n"
        yield b"and one without an end"
        await asyncio.Event().wait()

    async def ended() -> str:
        asked.set()
        return "job x has ended"

    monkeypatch.setattr(following, "REST_S", 0.1)
    lines, end = await everything(following.batches(following.follow_stream(stream(), "job/x", ended)))
    assert (lines, str(end)) == (["its last line", "and one without an end"], "job x has ended")


async def test_what_an_ended_job_left_running_is_not_followed_for_ever(monkeypatch) -> None:
    async def stream() -> AsyncIterator[bytes]:
        await asyncio.sleep(0.1)
        while True:
            await asyncio.sleep(0.01)
            yield b"still here\n"

    async def ended() -> str:
        return "job x has ended"

    monkeypatch.setattr(following, "MOST_REST_S", 0.3)
    lines, end = await everything(following.batches(following.follow_stream(stream(), "job/x", ended)))
    assert (set(lines), end.over) == ({"still here"}, True)


async def test_a_job_whose_row_cannot_be_read_has_not_ended(server, look, logs) -> None:
    snapshot = await look()
    living = next(node.node_id for node in snapshot.nodes.value if node.state == "ALIVE")
    source = msgspec.structs.replace(await logs.find(snapshot, "job/lab-work2"), node_id=living)
    rows = msgspec.json.decode(recorded("jobs.json"))
    next(row for row in rows if row["submission_id"] == "lab-work2")["start_time"] = "soon"
    server.bodies["/api/jobs/"] = msgspec.json.encode(rows)
    ended = logs._ending(await logs._dashboard("ray-cluster"), source)
    assert await ended() == ""
    rows = [row for row in rows if row["submission_id"] != "lab-work2"]
    server.bodies["/api/jobs/"] = msgspec.json.encode(rows)
    assert await ended() == "job lab-work2 has ended"


async def test_flood_comes_in_batches_and_cancelling_ends_it(server, look, logs) -> None:
    follow = logs.follow(await logs.find(await look(), "head/raylet.out"), 10)
    await server.stream.put(b"x\n" * 1200)
    sizes = [len(await anext(follow)) for _ in range(3)]
    assert sizes == [500, 500, 200]
    waiting = asyncio.create_task(anext(follow))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await follow.aclose()
    await until(
        lambda: (
            server.requests["/api/v0/logs/stream"] == 1
            and not [t for t in asyncio.all_tasks() if t.get_name() in {"follow a log", "read a log"}]
        )
    )


async def test_slow_reader_makes_the_log_wait() -> None:
    given_out = 0

    async def endless():
        nonlocal given_out
        while True:
            given_out += 100
            yield ["x"] * 100
            await asyncio.sleep(0)

    parts = following.batches(endless())
    await anext(parts)
    for _ in range(500):
        await asyncio.sleep(0)
    assert given_out <= following.HELD_LINES + 600
    await parts.aclose()


def test_lines_are_put_together_and_cleaned() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"a\nb") == ["a"]
    assert splitter.feed(b"c\r\n\n\xff\xfe ok\n") == ["bc", "", "\ufffd\ufffd ok"]
    assert splitter.feed("grüß".encode()[:3]) == []
    assert splitter.feed("grüß".encode()[3:]) == []
    assert splitter.flush() == ["grüß"]
    assert splitter.flush() == []


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"10%\r20%\r30%", "30%"),
        (b"done\r", "done"),
        (b"\x1b]0;title\x07text", "text"),
        (b"[bold]markup[/bold]", "[bold]markup[/bold]"),
        (b"a\x00\x08b", "ab"),
        ("a\u202eb".encode(), "ab"),
    ],
)
def test_nothing_in_a_line_can_move_the_cursor(raw, shown) -> None:
    assert clean(raw) == shown


def test_a_megabyte_without_newline_is_cut_once_and_not_kept() -> None:
    splitter = LineSplitter()
    tracemalloc.start()
    lines = [line for _ in range(64) for line in splitter.feed(b"x" * 65536)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert lines == ["x" * LINE_CAP + CUT_MARK]
    assert peak < 1_500_000
    assert splitter.feed(b"tail\nnext\n") == ["next"]


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5), st.integers(4, 40))
def test_cutting_the_bytes_anywhere_gives_the_same_lines(data, cuts, cap) -> None:
    whole = LineSplitter(cap)
    expected = whole.feed(data) + whole.flush()
    parts = LineSplitter(cap)
    found, begin = [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += parts.feed(data[begin:cut])
        begin = max(begin, cut)
    assert found + parts.flush() == expected


@pytest.mark.parametrize(("limit", "lines"), [(2, ["b", "c"]), (-1, ["a", "b", "c"]), (0, []), (9, ["a", "b", "c"])])
def test_whole_lines(limit, lines) -> None:
    assert whole_lines(b"a\nb\nc", limit) == lines


def test_matches_with_their_surroundings_like_grep() -> None:
    lines = [f"{n} {'ERR' if n in {3, 5, 20} else 'ok'}" for n in range(30)]
    shown = LineFilter(compile_pattern("ERR", "grep"), context=1).feed(lines)
    assert [line.split()[0] for line in shown] == ["2", "3", "4", "5", "6", "--", "19", "20", "21"]
    assert LineFilter(compile_pattern("ERR", "grep")).feed(lines) == ["3 ERR", "5 ERR", "20 ERR"]


def test_surroundings_reach_over_batches() -> None:
    lines = [f"{n} {'ERR' if n in {3, 5, 20} else 'ok'}" for n in range(30)]
    whole = LineFilter(compile_pattern("ERR", "grep"), context=2).feed(lines)
    stepwise = LineFilter(compile_pattern("ERR", "grep"), context=2)
    assert [shown for line in lines for shown in stepwise.feed([line])] == whole


def test_no_gap_between_groups_that_touch() -> None:
    assert LineFilter(compile_pattern("x", "grep"), context=1).feed(["x", "a", "b", "x"]) == ["x", "a", "b", "x"]


def test_bad_pattern_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"'\(' is not a regular expression") as caught:
        compile_pattern("(", "grep")
    assert caught.value.problems[0].field == "grep"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("2h", 7200), ("1d", 86400), ("1h30m", 5400)],
)
def test_since_a_span(text, seconds) -> None:
    assert parse_moment(text, 1_000_000.0) == 1_000_000.0 - seconds


def test_since_a_time_and_nonsense() -> None:
    assert parse_moment("2026-11-23T17:00:00Z", 0.0) == 1795453200.0
    for text in ("", "soon", "10x", "m", "99999-01-01"):
        with pytest.raises(ConfigurationError, match="neither a span nor a time"):
            parse_moment(text, 0.0)


@pytest.mark.parametrize(
    ("line", "moment"),
    [
        ("[2026-11-23 16:53:12,081 I 16763 16763] (raylet) node_manager.cc:3647: x", 1795452792.081),
        ("2026-11-23 16:53:12,081\tINFO job_manager.py:581 -- x", 1795452792.081),
        ("2026-11-23T16:53:12.500Z x", 1795452792.5),
        ("2026-11-23T18:53:12+02:00 x", 1795452792.0),
        ("Traceback (most recent call last):", None),
        ("9999-99-99 99:99:99 x", None),
        ("", None),
    ],
)
def test_time_of_a_line(line, moment) -> None:
    found = Reader("head", UTC).read(line).at
    assert found == (None if moment is None else pytest.approx(moment))


def test_lines_without_a_time_go_with_the_one_before() -> None:
    lines = ["begin", "2026-11-23 16:00:00,000 old", "  old detail", "2026-11-23 17:30:00,000 new", "  new detail"]
    kept = LineFilter(since=1795453200.0).feed(lines)
    assert kept == ["begin", "2026-11-23 17:30:00,000 new", "  new detail"]


async def until(condition, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on the other side of a socket
            await asyncio.sleep(0.005)
