"""What launchers shipped is found and read under one naming with what lives, with and without a cluster."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import msgspec
import pytest

from raytui.core.errors import NotFound, OperationFailed
from raytui.core.logline import Missed, Query
from raytui.core.observed.shipped_logs import LogPart, NodeLife, life_of
from raytui.core.patterns import compile_pattern
from raytui.logs.engine import Logs
from raytui.logs.sources import shipped
from raytui.logs.sources.shipped import unpacked
from raytui.manager.monitor import Monitor
from raytui.platforms.cai.project.files import DirectFiles, FileEntry
from raytui.platforms.cai.project.folder import folder_of
from raytui.platforms.cai.project.shipped_logs import lives_in
from raytui.platforms.local.store import LocalStore
from tests.fakes.dashboard import FakeDashboard
from tests.fakes.platform import FakePlatform, application
from tests.unit.logs.test_engine import dial, named_nodes

LOGS = f"{folder_of('c')}/logs"
PAST, LAST, LIVING = (f"20261125T00000{n}Z-00000{n}" for n in (1, 2, 3))


def life(
    platform: FakePlatform, node: str, name: str, *, ended: bool = True, node_id: str = "", **logs: bytes
) -> NodeLife:
    """A life whose parts stand in the platform's files."""
    files = {}
    for log, data in logs.items():
        path = f"c/logs/{node}/{name}/{log}.out.{0:015d}.gz"
        platform.files[path] = gzip.compress(data)
        files[path.rpartition("/")[2]] = len(platform.files[path])
    record = {"cluster": "ray-cluster", "application": f"ray-cluster-{node}", "node_id": node_id}
    record |= {"at": "2026-11-25T00:10:00.000Z", "ended": ended}
    return life_of(node, name, f"c/logs/{node}/{name}", msgspec.json.encode(record), files.items())


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        running.bodies["/api/v0/nodes"] = named_nodes(worker="DEAD")
        yield running


@pytest.fixture
def platform(server) -> FakePlatform:
    made = FakePlatform([application("head"), application("worker-1")], server.target)
    made.kept_lives = (
        life(made, "head", LIVING, ended=False, node_id="a" * 56, raylet=b"what Ray has too\n"),
        life(made, "worker-1", PAST, raylet=b"[2026-11-24 23:00:00,000 I 1 1] (raylet) a.cc:1: an earlier life\n"),
        life(made, "worker-1", LAST, ended=False, node_id="b" * 56, raylet=b"[2026-11-25 00:09:58,000 E 1 1] (raylet) a.cc:1: last words\n"),
        life(made, "worker-7", PAST, raylet=b"of a worker that is no more\n"),
    )  # fmt: skip
    return made


@pytest.fixture
async def snapshot(platform):
    monitor = Monitor(platform, dial, cluster="ray-cluster", profile="local")
    yield await monitor.observe()
    await monitor.close()


async def test_every_life_but_that_of_a_living_node_is_listed_once(logs, snapshot) -> None:
    found, _ = await logs.matching(snapshot, (), everything=True)
    names = [source.name for source in found if source.life is not None]
    assert names == ["worker-1/raylet.out", f"worker-1@{PAST}/raylet.out", "worker-7/raylet.out"]
    assert {source.name for source in await logs.sources(snapshot)} == {source.name for source in found}


async def test_the_last_words_of_a_dead_node_are_found_and_what_is_missing_is_said(logs, snapshot) -> None:
    source = await logs.find(snapshot, "worker-1/raylet.out")
    *lines, end = await logs.read(source)
    assert lines == ["[2026-11-25 00:09:58,000 E 1 1] (raylet) a.cc:1: last words"]
    assert "kept until 2026-11-25T00:10:00.000Z" in end
    query = Query(compile_pattern("last words", "grep"), lines=-1)
    found, _ = await logs.matching(snapshot, ["worker-*/raylet.*"])
    shown = [line async for batch in logs.lines(found, query, pytest.fail) for line in batch]
    assert [(line.source, line.level) for line in shown] == [("worker-1/raylet.out", "ERROR")]


async def test_an_earlier_life_is_named_and_lives_are_merged_by_time(logs, snapshot) -> None:
    found, missed = await logs.matching(snapshot, ["worker-1*/raylet.out", f"worker-1@{PAST}/raylet.out"])
    assert not missed
    read = [line async for batch in logs.lines(found, Query(lines=-1), pytest.fail) for line in batch]
    shown = [line.text for line in read if not line.mark]
    assert [text.rpartition(": ")[2] for text in shown[:2]] == ["an earlier life", "last words"]
    source = await logs.find(snapshot, f"worker-1@{PAST}/raylet.out")
    assert await logs.read(source) == ["[2026-11-24 23:00:00,000 I 1 1] (raylet) a.cc:1: an earlier life"]


async def test_a_worker_without_an_application_is_read_by_its_name(logs, snapshot) -> None:
    assert (await logs.find(snapshot, "worker-7")).name == "worker-7/raylet.out"
    with pytest.raises(NotFound, match="has no log"):
        await logs.find(snapshot, "worker-8")


async def test_without_a_cluster_all_is_found_under_the_names_of_the_nodes(platform) -> None:
    platform.applications.clear()
    monitor, logs = Monitor(platform, dial, cluster="ray-cluster", profile="local"), Logs(platform, dial)
    absent = await monitor.observe()
    names = [source.name for source in await logs.sources(absent)]
    assert names == ["head/raylet.out", f"worker-1@{PAST}/raylet.out", "worker-1/raylet.out", "worker-7/raylet.out"]
    assert (await logs.read(await logs.find(absent, "head")))[0] == "what Ray has too"
    await monitor.close()
    await logs.close()


async def test_a_node_that_dies_while_it_is_read_is_read_from_what_was_kept(server, platform, logs, snapshot) -> None:
    source = msgspec.structs.replace(
        await logs.find(snapshot, "worker-1/raylet.out"), kind="ray", life=None, filename="raylet.out"
    )
    server.fail("500", "/api/v0/logs/file")
    shown = [line.text async for batch in logs.lines([source], Query(lines=5), pytest.fail) for line in batch]
    assert "last words" in shown[0]


async def test_gaps_are_said_and_a_long_log_goes_through_a_file(platform, logs, monkeypatch) -> None:
    monkeypatch.setattr(shipped, "IN_MEMORY", 1000)
    long = b"x" * 999 + b"\n"
    parts = (LogPart("a", 100, 1), LogPart("b", 100 + 5 * 1000, 1), LogPart("c", 100 + 6 * 1000 + 7, 1))
    platform.files |= {"a": gzip.compress(long * 5), "b": gzip.compress(long), "c": gzip.compress(b"the end")}
    found = NodeLife("head", LAST, ended=True, logs={"a.out": parts})
    source = shipped.sources_of("ray-cluster", found, "head", None)[0]
    lines = await logs.read(source, -1)
    assert lines[0] == "raytui: the first 100 bytes of this log were not kept"
    assert lines[1:7] == [long.decode().strip()] * 6
    assert lines[7:] == ["raytui: 7 bytes of this log were not kept here", "the end"]
    del platform.files["b"]
    assert "raytui: 1,007 bytes of this log were not kept here" in await logs.read(source, -1)


def rows(*found: dict) -> bytes:
    result = {"total": len(found), "num_after_truncation": len(found), "num_filtered": len(found), "result": found}
    return msgspec.json.encode({"data": {"result": result}, "result": True, "msg": ""})


async def test_an_actor_is_read_in_all_its_processes_and_a_task_in_all_its_attempts(
    server, platform, logs, snapshot
) -> None:
    actor, task = "ac" * 16, "7a" * 24
    made = {"actor_id": actor, "class_name": "C", "state": "ALIVE", "name": "counter", "node_id": "a" * 56, "pid": 4242}
    server.bodies["/api/v0/actors"] = rows(made)
    first = {"task_id": "c1" * 24, "name": "C.__init__", "state": "FINISHED", "type": "ACTOR_CREATION_TASK"}
    first |= {"actor_id": actor, "node_id": "b" * 56, "worker_pid": 77, "start_time_ms": 1}
    tried = {"task_id": task, "name": "f", "state": "FAILED", "type": "NORMAL_TASK", "attempt_number": 0}
    tried |= {"node_id": "b" * 56, "worker_pid": 77}
    again = {**tried, "attempt_number": 1, "node_id": "a" * 56, "worker_pid": 4242, "state": "RUNNING"}
    server.bodies["/api/v0/tasks"] = rows(first, tried, again)
    server.bodies["/api/v0/logs"] = msgspec.json.encode(
        {
            "result": True,
            "msg": "",
            "data": {"result": {"worker_out": ["worker-ff-01000000-4242.out", "worker-ff-01000000-9.out"]}},
        }
    )
    path = "worker-ee-01000000-77"
    platform.kept_lives += (life(platform, "worker-1", LIVING, node_id="b" * 56, **{path: b"before the restart\n"}),)
    for name in (f"actor/{actor}", "actor/counter", f"task/{task}"):
        found, _ = await logs.matching(snapshot, [name])
        assert [(source.name, source.kind) for source in found] == [
            (f"{name}/{path}.out", "kept"),
            (f"{name}/worker-ff-01000000-4242.out", "ray"),
        ]
        assert await logs.read(found[0]) == ["before the restart"]
    for name in ("actor/nobody", "task/none"):
        with pytest.raises(NotFound, match="with a process"):
            await logs.matching(snapshot, [name])
    platform.kept_lives = ()
    logs._kept_lives._looked.clear()
    server.bodies["/api/v0/tasks"] = rows(tried)
    with pytest.raises(NotFound, match="nothing of its log was kept"):
        await logs.matching(snapshot, [f"task/{task}"])


@pytest.mark.parametrize("cut", range(0, 60, 7))
def test_of_a_member_that_was_cut_off_there_is_what_there_is(cut: int) -> None:
    whole, last = gzip.compress(b"whole\n"), gzip.compress(bytes(range(256)))
    pieces = list(unpacked(whole + last[:cut]))
    assert (pieces[-1] is None) == (cut > 0)
    found = b"".join(filter(None, pieces))
    assert found.startswith(b"whole\n")
    assert bytes(range(256)).startswith(found[6:])


async def test_the_project_folder_is_looked_through(tmp_path: Path) -> None:
    place = tmp_path / ".raytui" / "c" / "logs"
    (place / "worker-1" / PAST).mkdir(parents=True)
    (place / "worker-1" / "something else").mkdir()
    (place / "worker-1-e1.log").write_text("a launcher's output\n")
    (place / "worker-1" / PAST / "serve~1a.log.000000000000000.gz").write_bytes(gzip.compress(b"x\n"))
    (place / "worker-1" / PAST / "life.json").write_text('{"node_id": "n", "unknown": 1, "exit": null}')
    (found,) = await lives_in(DirectFiles(tmp_path))("c")
    assert (found.node, found.name, found.node_id, found.ended) == ("worker-1", PAST, "n", False)
    assert list(found.logs) == ["serve/a.log"]
    assert await lives_in(DirectFiles(tmp_path))("another") == ()
    (place / "worker-1" / PAST / "life.json").write_text("{")
    assert [each.node_id for each in await lives_in(DirectFiles(tmp_path))("c")] == [""]


async def test_what_cannot_be_looked_at_is_said_and_keeps_back_nothing_else(platform, logs, snapshot) -> None:
    platform.kept_lives += (NodeLife("worker-9", PAST, unreadable="it is on fire"),)
    found, missed = await logs.matching(snapshot, (), everything=True)
    assert "worker-7/raylet.out" in {source.name for source in found}
    assert Missed(f"worker-9@{PAST}/*", "it is on fire", is_kept=True) in missed
    _, missed = await logs.matching(snapshot, ["worker-9*/*"])
    assert [each.reason for each in missed] == ["it is on fire"]
    _, missed = await logs.matching(snapshot, ["worker-1*/*"])
    assert not any(each.is_kept for each in missed)


async def test_a_folder_of_logs_that_cannot_be_read_is_no_empty_one(tmp_path: Path, monkeypatch) -> None:
    logs_of = tmp_path / "c" / "logs"
    for node in ("worker-1", "worker-2"):
        place = logs_of / node / PAST
        place.mkdir(parents=True)
        (place / f"raylet.out.{0:015d}.gz").write_bytes(gzip.compress(b"one\n"))
    shut, real = {str(logs_of / "worker-1")}, os.scandir

    def scandir(place):
        if str(place) in shut:
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    found = await LocalStore(tmp_path).lives("c")
    assert [(life.node, bool(life.logs), bool(life.unreadable)) for life in found] == [
        ("worker-1", False, True),
        ("worker-2", True, False),
    ]
    shut.add(str(logs_of))
    with pytest.raises(OperationFailed, match="cannot be read: Permission denied"):
        await LocalStore(tmp_path).lives("c")


async def test_names_that_no_launcher_writes_lead_nowhere() -> None:
    asked = []

    class Files:
        async def entries(self, folder):
            asked.append(folder)
            names = {LOGS: ["..", "\x1b[2J", "worker-1"], f"{LOGS}/worker-1": ["..", PAST, "etc"]}
            if folder == f"{LOGS}/worker-1/{PAST}":
                return (FileEntry(f"a\x1b]0;x.out.{0:015d}.gz", is_dir=False, size=9),)
            return tuple(FileEntry(name, is_dir=True, size=0) for name in names.get(folder, []))

        async def read(self, path):
            asked.append(path)
            return b'{"cluster": "other"}'

    assert await lives_in(Files())("c") == ()
    assert sorted(asked) == [LOGS, f"{LOGS}/worker-1", f"{LOGS}/worker-1/{PAST}", f"{LOGS}/worker-1/{PAST}/life.json"]


async def test_one_node_whose_folder_cannot_be_listed_hides_no_other() -> None:
    class Files:
        async def entries(self, folder):
            if folder.endswith("worker-1"):
                raise OperationFailed("status 500")
            names = {LOGS: ["worker-1", "worker-2"], f"{LOGS}/worker-2": [PAST]}
            if folder == f"{LOGS}/worker-2/{PAST}":
                return (FileEntry(f"a.out.{0:015d}.gz", is_dir=False, size=9),)
            return tuple(FileEntry(name, is_dir=True, size=0) for name in names.get(folder, []))

        async def read(self, path):
            raise OperationFailed("status 500")

    assert [(life.node, life.unreadable) for life in await lives_in(Files())("c")] == [
        ("worker-1", "status 500"),
        ("worker-2", ""),
    ]


def test_what_a_record_says_is_words() -> None:
    record = b'{"at": "\\u001b[2Jnow\\n", "node": "other", "unreadable": "x"}'
    found = life_of("head", PAST, "f", record, [(f"a.out.{0:015d}.gz", 3)])
    assert (found.at.strip(), found.node, found.unreadable) == ("now", "head", "")
    assert life_of("head", PAST, "f", b"[" * 100_000, []).name == PAST


@pytest.mark.parametrize("log", ["..~1..~1etc~1passwd", "~1a.out", "a~1.~1b.out", "a\0b"])
def test_a_log_whose_name_leads_elsewhere_is_none(log) -> None:
    assert life_of("head", PAST, "f", b"", [(f"{log}.{0:015d}.gz", 3)]).logs == {}


@pytest.mark.parametrize(
    "last", [gzip.compress(b"the last words\n", mtime=0)[:20], b"no gzip at all", None], ids=["cut", "garbage", "lost"]
)
async def test_a_log_that_was_kept_to_its_end_and_is_damaged_says_so(platform, logs, last) -> None:
    platform.files["a"] = gzip.compress(b"one\n")
    if last is not None:
        platform.files["b"] = last
    found = NodeLife("head", LAST, ended=True, logs={"a.out": (LogPart("a", 0, 9), LogPart("b", 4, 9))})
    lines = await logs.read(shipped.sources_of("ray-cluster", found, "head", None)[0])
    assert lines[0] == "one"
    assert lines[-1] == "raytui: the rest of this log was kept, but is damaged or gone"
