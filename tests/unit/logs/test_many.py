"""Many logs of a cluster at once: by pattern, all of them, through the dashboard, and what could not be read."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.errors import NotFound, OperationFailed
from raytui.core.logline import Missed, Query
from raytui.core.patterns import compile_pattern
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.protocols.platform import LogPlaces
from raytui.dashboard.client import connect
from raytui.logs.engine import Logs
from raytui.logs.sources.spool import STEPS
from raytui.manager.monitor import Monitor
from tests.fakes.dashboard import FakeDashboard
from tests.fakes.platform import FakePlatform, application
from tests.unit.logs.test_engine import named_nodes

HEAD = "ray-cluster-head"
FILES = {"gcs": ["raylet.out", "raylet.err"], "worker_out": ["worker-77-01000000-4242.out"]}


class Ray(FakeDashboard):
    """Ray with log files of its own: their last lines as they are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[tuple[str, str], bytes] = {}
        self.bodies["/api/v0/nodes"] = named_nodes()
        self.bodies["/api/v0/logs"] = msgspec.json.encode({"data": {"result": FILES}, "result": True, "msg": ""})

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        if path != "/api/v0/logs/file":
            return super()._body(path, query)
        data = self.files.get((query["node_id"][0][:1], query["filename"][0]), b"")
        lines = int(query["lines"][0])
        return data if lines < 0 else b"".join(data.splitlines(keepends=True)[-lines:])


@pytest.fixture
async def ray():
    async with Ray().serving() as running:
        yield running


@pytest.fixture
def platform(ray) -> FakePlatform:
    return FakePlatform([application("head"), application("worker-1")], ray.target)


@pytest.fixture
async def logs(platform, tmp_path):
    made = Logs(platform, dial, tmp_path / "spool")
    yield made
    await made.close()


@pytest.fixture
async def look(platform):
    monitor = Monitor(platform, dial, cluster="ray-cluster", profile="local")
    yield lambda: monitor.observe()
    await monitor.close()


def dial(target: DashboardTarget):
    return connect(target, long_lived=True, timeout=5, health_timeout=5)


def stamped(second: int, text: str, level: str = "I") -> bytes:
    return f"[2026-11-24 10:00:{second:02d},000 {level} 1 1] (raylet) a.cc:1: {text}\n".encode()


async def lines(logs, sources, query=None) -> tuple[list[tuple[str, str]], list[Missed]]:
    missed: list[Missed] = []
    found = [line async for batch in logs.lines(sources, query or Query(), missed.append) for line in batch]
    return [(line.source, line.text.rpartition(": ")[2]) for line in found], missed


async def test_a_pattern_names_the_logs_of_the_nodes_it_means_and_asks_no_other(ray, look, logs):
    found, missed = await logs.matching(await look(), ["worker-*/raylet.*"])
    assert ([source.name for source in found], missed) == (["worker-1/raylet.out", "worker-1/raylet.err"], [])
    assert ray.requests["/api/v0/logs"] == 1
    found, _ = await logs.matching(await look(), ["worker-*", "head"])
    assert [source.name for source in found] == ["worker-1", "head"]
    with pytest.raises(NotFound, match="has no log worker-9"):
        await logs.matching(await look(), ["worker-9*/x"])


async def test_all_names_every_log_once_and_the_nodes_that_could_not_be_asked(ray, look, logs):
    found, missed = await logs.matching(await look(), [], everything=True)
    names = [source.name for source in found]
    assert len(names) == len(set(names))
    assert {"head", "worker-1", "head/raylet.out", "worker-1/worker-77-01000000-4242.out", "job/lab-ok"} <= set(names)
    assert missed == []
    ray.bodies["/api/v0/nodes"] = named_nodes("DEAD")
    _, missed = await logs.matching(await look(), [], everything=True)
    assert [(each.source, "nothing of its files was kept" in each.reason) for each in missed] == [("worker-1/*", True)]
    snapshot = await look()
    ray.fail("500", "/api/v0/logs")
    _, missed = await logs.matching(snapshot, [], everything=True)
    assert {"head/*", "worker-1/*"} <= {each.source for each in missed}


async def test_an_actor_is_the_files_of_its_process(ray, look, logs):
    rows = [
        {
            "actor_id": "ac" * 16,
            "class_name": "C",
            "state": "ALIVE",
            "name": "counter",
            "node_id": "b" * 56,
            "pid": 4242,
        }
    ]
    ray.bodies["/api/v0/actors"] = msgspec.json.encode(
        {
            "data": {"result": {"total": 1, "num_after_truncation": 1, "num_filtered": 1, "result": rows}},
            "result": True,
            "msg": "",
        }
    )
    found, _ = await logs.matching(await look(), [f"actor/{'ac' * 16}"])
    assert [(source.name, source.node_id) for source in found] == [
        (f"actor/{'ac' * 16}/worker-77-01000000-4242.out", "b" * 56)
    ]
    with pytest.raises(NotFound, match="no actor nobody with a process"):
        await logs.matching(await look(), ["actor/nobody"])


async def test_logs_of_several_nodes_are_one_by_time(ray, platform, look, logs):
    ray.files["a", "raylet.out"] = stamped(1, "one") + stamped(4, "four") + b"  detail of four\n"
    ray.files["b", "raylet.out"] = stamped(2, "two") + stamped(3, "three") + stamped(5, "five")
    platform.output[HEAD] = b"2026-11-24T10:00:03.500Z raytui: between\n"
    found, _ = await logs.matching(await look(), ["head", "*/raylet.out"])
    shown, missed = await lines(logs, [source for source in found if not source.name.startswith("node-")])
    assert [text for _, text in shown] == ["one", "two", "three", "between", "four", "  detail of four", "five"]
    assert shown[3][0] == "head"
    assert missed == []


async def test_the_last_lines_of_several_are_the_last_of_all(ray, look, logs):
    ray.files["a", "raylet.out"] = b"".join(stamped(n, f"a{n}") for n in range(0, 40, 2))
    ray.files["b", "raylet.out"] = b"".join(stamped(n, f"b{n}") for n in range(1, 10, 2))
    found, _ = await logs.matching(await look(), ["head/raylet.out", "worker-1/raylet.out"])
    shown, _ = await lines(logs, found, Query(lines=3))
    assert [text for _, text in shown] == ["a34", "a36", "a38"]
    assert [query.rpartition("lines=")[2] for query in ray.queries if "/logs/file" in query] == ["3", "3"]


async def test_a_search_asks_a_node_the_second_time_only_for_what_is_new(ray, look, logs):
    ray.files["a", "raylet.out"] = b"".join(stamped(n % 60, f"line {n}") for n in range(9000))
    source = await logs.find(await look(), "head/raylet.out")
    query = Query(compile_pattern("line 8999$", "grep"))
    assert (await lines(logs, [source], query))[0] == [("head/raylet.out", "line 8999")]
    ray.files["a", "raylet.out"] += stamped(7, "another line 8999")
    assert len((await lines(logs, [source], query))[0]) == 2
    assert [text.rpartition("lines=")[2] for text in ray.queries if "/logs/file" in text] == ["-1", f"{STEPS[0]}"]


async def test_a_log_that_cannot_be_read_does_not_keep_the_others_from_being_searched(ray, platform, look, logs):
    ray.files["a", "raylet.out"] = stamped(1, "needle")
    platform.output[HEAD] = b"needle in the launcher's\n"
    found, _ = await logs.matching(await look(), ["head", "head/raylet.out", "worker-1"])
    ray.fail("500", "/api/v0/logs/file")
    query = Query(compile_pattern("needle", "grep"))
    shown, missed = await lines(logs, found, query)
    assert shown == [("head", "needle in the launcher's")]
    assert [each.source for each in missed] == ["head/raylet.out"]
    counted = [(source.name, number) async for source, number in logs.counts(found, query, missed.append)]
    assert counted == [("head", 1), ("worker-1", 0)]
    with pytest.raises(Exception, match="500"):
        await lines(logs, found[1:2], query)


async def test_a_file_of_this_machine_is_read_where_it_lies(ray, platform, look, logs, tmp_path):
    client = dial(ray.target)
    session = (await client.version()).session_name
    await client.close()
    folder = tmp_path / "ray" / session / "logs"
    folder.mkdir(parents=True)
    (folder / "raylet.out").write_bytes(stamped(1, "read directly"))
    platform.log_places[HEAD] = LogPlaces(sessions=str(tmp_path / "ray"))
    source = await logs.find(await look(), "head/raylet.out")
    assert (await lines(logs, [source]))[0] == [("head/raylet.out", "read directly")]
    assert ray.requests["/api/v0/logs/file"] == 0
    platform.log_places[HEAD] = LogPlaces(sessions=str(tmp_path / "another run"))
    ray.files["a", "raylet.out"] = stamped(1, "read through Ray")
    assert (await lines(logs, [source]))[0] == [("head/raylet.out", "read through Ray")]


async def test_a_launchers_output_is_read_by_ranges_whatever_its_size(platform, look, logs, monkeypatch):
    platform.output[HEAD] = b"needle first\n" + b"x" * 99 * 1000 + b"\n" + b"last\n"
    source = await logs.find(await look(), "head")
    monkeypatch.setattr("raytui.logs.search.one_log.PIECE", 1000)
    found = [line async for batch in logs.lines([source], Query(), None) for line in batch]
    assert [(line.text[:6], line.offset) for line in found] == [("needle", 0), ("xxxxxx", 13), ("last", 99_014)]


async def test_more_logs_than_ray_can_serve_are_not_followed(ray, look, logs):
    source = await logs.find(await look(), "head/raylet.out")
    many = [msgspec.structs.replace(source, name=f"head/{n}") for n in range(33)]
    with pytest.raises(OperationFailed, match="cannot be followed at once"):
        async for _ in logs.follow_all(many, Query(lines=1), lambda name, error: None):
            pass


async def test_several_logs_are_followed_as_one_to_the_end_of_the_last(platform, look, logs, monkeypatch):
    monkeypatch.setattr("raytui.logs.sources.following.CHECK_S", 0.02)
    monkeypatch.setattr("raytui.logs.sources.following.FASTEST_POLL_S", 0.01)
    platform.output = {HEAD: stamped(2, "two"), "ray-cluster-worker-1": stamped(1, "one") + stamped(3, "three", "E")}
    platform.set(HEAD, state="failed")
    platform.set("ray-cluster-worker-1", state="failed")
    found, _ = await logs.matching(await look(), ["head", "worker-1"])
    ended: dict[str, bool] = {}
    followed = logs.follow_all(found, Query(lines=10), lambda name, error: ended.update({name: error.over}))
    shown = [(line.source, line.text[-3:], line.level) async for batch in followed for line in batch]
    assert shown == [("worker-1", "one", "INFO"), ("head", "two", "INFO"), ("worker-1", "ree", "ERROR")]
    assert ended == {"head": True, "worker-1": True}


async def test_what_is_not_searched_of_a_followed_line_is_said_where_it_stands(platform, look, logs, monkeypatch):
    monkeypatch.setattr("raytui.logs.sources.following.CHECK_S", 0.02)
    monkeypatch.setattr("raytui.logs.sources.following.FASTEST_POLL_S", 0.01)
    long = "x" * 70_000 + " needle"
    lines = [stamped(1, long), stamped(2, "needle " + long), stamped(3, long, "E"), stamped(4, "needle")]
    platform.output = {HEAD: b"".join(lines)}
    platform.set(HEAD, state="failed")
    source = await logs.find(await look(), "head")
    needle = compile_pattern("needle", "grep")
    queries = [
        (Query(needle, lines=10), "2 lines longer than 64 KB were searched in their"),
        (Query(needle, level="ERROR"), "1 line longer than 64 KB was searched in its"),
    ]
    for query, said in queries:
        followed = logs.follow_all([source], query, lambda name, error: None)
        shown = [line async for batch in followed for line in batch]
        assert [line.text for line in shown if line.mark] == [f"-- head: {said} first 64 KB only"]
        assert len([line for line in shown if not line.mark]) == (2 if query.level is None else 0)
    followed = logs.follow_all([source], Query(lines=10), lambda name, error: None)
    assert not [line for batch in [batch async for batch in followed] for line in batch if line.mark]


async def test_last_lines_that_are_too_large_for_one_answer_are_read_in_parts(ray, look, logs, monkeypatch):
    monkeypatch.setattr("raytui.dashboard.pooled.BODY_CAP", 1000)
    ray.files["a", "raylet.out"] = b"".join(stamped(n % 60, f"line {n}") for n in range(500))
    source = await logs.find(await look(), "head/raylet.out")
    shown, _ = await lines(logs, [source], Query(lines=400))
    assert [text for _, text in shown] == [f"line {n}" for n in range(100, 500)]
