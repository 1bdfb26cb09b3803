"""Reports, rendezvous, logs and tokens are read back from the project folder, and what belongs to an earlier start is not believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from raytui.core.observed.snapshot import UNREAD, Application
from raytui.core.units import rfc3339
from raytui.platforms.cai.project.files import DirectFiles
from raytui.platforms.cai.project.folder import CLOCK_SLACK, SharedFolder

CREATED = 1_790_000_000.0
APP = Application("id", "c-worker-1", "c", "worker", 1, "running", created_at=CREATED)


@pytest.fixture
def folder(tmp_path: Path) -> SharedFolder:
    return SharedFolder(DirectFiles(tmp_path))


def put(tmp_path: Path, path: str, content: Any) -> None:
    file = tmp_path / ".raytui/c" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def node(at: float = CREATED + 5, **fields: Any) -> dict[str, Any]:
    known = {
        "schema_version": 1,
        "application": "c-worker-1",
        "cluster": "c",
        "role": "worker",
        "engine_id": "e1",
        "state": "alive",
        "pid": 5,
    }
    return {**known, "node_id": "n1", "message": "", "hint": "", "at": rfc3339(at), **fields}


async def test_a_report_is_read_with_its_time(tmp_path: Path, folder: SharedFolder) -> None:
    put(tmp_path, "nodes/c-worker-1.json", node(message="joined", exit_code=None, shm_bytes=64, new_field={"x": 1}))
    report = await folder.report(APP)
    assert report is not None
    assert (report.state, report.node_id, report.message, report.shm_bytes, report.at) == (
        "alive",
        "n1",
        "joined",
        64,
        CREATED + 5,
    )


@pytest.mark.parametrize(
    "content",
    [node(CREATED - CLOCK_SLACK - 1), node(application="c-worker-2"), node(state=5), b"{half", b"", [1], node(at=0.0)],
    ids=["earlier start", "another's", "wrong type", "half", "empty", "no object", "no time"],
)
async def test_what_cannot_be_this_starts_report_is_none(tmp_path: Path, folder: SharedFolder, content: Any) -> None:
    put(tmp_path, "nodes/c-worker-1.json", content)
    assert await folder.report(APP) is None


async def test_reports_of_several_leave_out_what_is_missing(tmp_path: Path, folder: SharedFolder) -> None:
    put(tmp_path, "nodes/c-worker-1.json", node())
    other = Application("id2", "c-worker-2", "c", "worker", 2, "running", created_at=CREATED)
    assert set(await folder.reports([APP, other])) == {"c-worker-1"}


async def test_a_report_that_cannot_be_read_is_unread_not_missing(tmp_path: Path, folder: SharedFolder) -> None:
    (tmp_path / ".raytui/c/nodes/c-worker-1.json").mkdir(parents=True)
    assert await folder.reports([APP]) == {"c-worker-1": UNREAD}


async def test_the_rendezvous_of_another_cluster_or_half_of_one_is_none(tmp_path: Path, folder: SharedFolder) -> None:
    assert await folder.rendezvous("c") is None
    put(
        tmp_path,
        "rendezvous.json",
        {"cluster": "c", "address": "10.0.0.5:6379", "dashboard_url": "http://10.0.0.5:8265"},
    )
    found = await folder.rendezvous("c")
    assert found is not None
    assert found.dashboard_url == "http://10.0.0.5:8265"
    put(tmp_path, "rendezvous.json", {"cluster": "d", "address": "10.0.0.5:6379"})
    assert await folder.rendezvous("c") is None
    put(tmp_path, "rendezvous.json", b"{half")
    assert await folder.rendezvous("c") is None


async def test_the_token_is_made_once_and_kept_private(tmp_path: Path, folder: SharedFolder) -> None:
    await folder.ensure_token("c")
    token = await folder.token("c")
    await folder.ensure_token("c", "another-token")
    assert len(token) == 64
    assert await folder.token("c") == token
    assert (tmp_path / ".raytui/c/auth_token").stat().st_mode & 0o777 == 0o600
    await folder.ensure_token("d", "a-persons-own")
    assert await folder.token("d") == "a-persons-own"
    assert await folder.token("e") == ""


async def test_the_log_is_read_from_its_end_and_then_on_from_there(tmp_path: Path, folder: SharedFolder) -> None:
    put(tmp_path, "logs/worker-1-e1.log", b"0123456789")
    put(tmp_path, "logs/worker-10-e9.log", b"another worker's")
    put(tmp_path, "logs/worker-1-e1.raylet.out.tail", b"kept for later")
    chunk = await folder.tail(APP, None, 4)
    assert (chunk.data, chunk.offset, chunk.end) == (b"6789", 6, 10)
    put(tmp_path, "logs/worker-1-e1.log", b"0123456789ab")
    chunk = await folder.tail(APP, chunk.end, 4)
    assert (chunk.data, chunk.offset, chunk.end) == (b"ab", 10, 12)
    put(tmp_path, "logs/worker-1-e1.log", b"new")
    chunk = await folder.tail(APP, chunk.end, 100)
    assert (chunk.data, chunk.offset, chunk.end) == (b"new", 0, 3)


async def test_the_log_of_the_start_that_reports_is_taken(tmp_path: Path, folder: SharedFolder) -> None:
    put(tmp_path, "logs/worker-1-e2.log", b"this start")
    put(tmp_path, "logs/worker-1-e1.log", b"an earlier start, written last")
    put(tmp_path, "nodes/c-worker-1.json", node(engine_id="e2"))
    assert (await folder.tail(APP, None, 100)).data == b"this start"


async def test_without_a_log_there_is_an_empty_part(folder: SharedFolder) -> None:
    chunk = await folder.tail(APP, None, 100)
    assert (chunk.data, chunk.offset, chunk.end) == (b"", 0, 0)


async def test_a_node_has_left_when_its_launcher_says_so(tmp_path: Path, folder: SharedFolder) -> None:
    assert not await folder.has_left(APP)
    for state, left in (("draining", False), ("ended", True), ("failed", True)):
        put(tmp_path, "nodes/c-worker-1.json", node(state=state))
        assert await folder.has_left(APP) is left


async def test_forgetting_a_run_keeps_logs_and_launchers(tmp_path: Path, folder: SharedFolder) -> None:
    for path in (
        "auth_token",
        "rendezvous.json",
        "nodes/c-head.json",
        "drain/c-worker-1",
        "logs/head-e1.log",
        "launchers/x.py",
    ):
        put(tmp_path, path, b"x")
    await folder.forget_run("c")
    assert sorted(path.name for path in (tmp_path / ".raytui/c").iterdir()) == ["launchers", "logs"]
    await folder.forget("c")
    assert not (tmp_path / ".raytui/c").exists()


async def test_the_ends_of_rays_logs_are_those_that_this_start_kept(tmp_path: Path, folder: SharedFolder) -> None:
    assert await folder.kept_logs(APP) == {}
    put(tmp_path, "nodes/c-worker-1.json", node(state="failed"))
    put(tmp_path, "logs/worker-1-e1.raylet.out.tail", b"last\n")
    put(tmp_path, "logs/worker-1-e1.raylet.err.tail", b"")
    put(tmp_path, "logs/worker-1-e0.gcs_server.out.tail", b"of an earlier start\n")
    assert await folder.kept_logs(APP) == {"raylet.out": ".raytui/c/logs/worker-1-e1.raylet.out.tail"}
    put(tmp_path, "nodes/c-worker-1.json", node(CREATED - CLOCK_SLACK - 1))
    assert await folder.kept_logs(APP) == {}
