"""Files of the project from outside and from inside: launchers, reports, logs, the drain, the dashboard, and what is cleared away."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from raytui.core.desired.launchers import own_folder
from raytui.core.errors import DeadlineExceeded, NotFound, OperationFailed, RefusedForSafety, Unreachable
from raytui.core.units import rfc3339
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.api.transport import ClientName

from .conftest import HEAD, PATIENT, WORKER, Bench, open_platform, patient, request_for, spec, until_running

FILES = {
    "ray_head_launcher.py": b"print('head')  # runs raytui_node\n",
    "ray_worker_launcher.py": b"print('worker')  # runs raytui_node\n",
    "raytui_node/node.py": b"print('node')\n",
}
FOLDER = ".raytui/c"


def put(bench: Bench, project: str, path: str, content: Any) -> None:
    file = bench.folder(project) / FOLDER / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


def held(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def reported(bench: Bench, project: str) -> dict[str, str]:
    """Where each application is told to find the node program."""
    listed = bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    return {app["name"]: json.loads(app["environment"])["RAYTUI_NODE_DIR"] for app in listed}


def node(application: str, state: str = "alive", **fields: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "application": application,
        "engine_id": "e1",
        "state": state,
        "at": rfc3339(time.time()),
        **fields,
    }


@patient
async def test_launchers_are_stored_once_and_only_again_when_they_differ(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    paths = await platform.store.write_launchers("c", FILES)
    assert paths == {name: f"{FOLDER}/launchers/{name}" for name in FILES}
    stored = bench.folder(project) / FOLDER / "launchers"
    assert held(stored) == FILES
    before = bench.requests()
    await platform.store.write_launchers("c", FILES)
    assert bench.requests() - before == len(FILES)
    changed = {**FILES, "ray_head_launcher.py": b"print('newer')\n"}
    await platform.store.write_launchers("c", changed)
    assert held(stored) == changed


@pytest.mark.parametrize("inside", [False, True])
async def test_files_that_applications_run_from_never_change_and_new_applications_name_others(
    bench: Bench, project: str, client: ClientName, inside: bool
) -> None:
    folder = bench.folder(project) / FOLDER
    inside_of = bench.folder(project) if inside else None
    platform = open_platform(bench, project, client, project_dir=inside_of, timing=PATIENT)
    wanted = spec(auth="disabled")
    managed = [f"{FOLDER}/launchers/ray_{role}_launcher.py" for role in ("head", "worker")]
    wanted = msgspec.structs.replace(
        wanted,
        head=msgspec.structs.replace(wanted.head, script=managed[0]),
        workers=msgspec.structs.replace(wanted.workers, script=managed[1]),
    )
    await platform.store.write_launchers("c", FILES)
    head = await platform.create(request_for(HEAD, wanted=wanted))
    assert head.script == managed[0]

    newer = {**FILES, "raytui_node/node.py": b"print('newer')\n"}
    paths = await platform.store.write_launchers("c", newer)
    assert held(folder / "launchers") == FILES
    own = own_folder(newer)
    assert paths == {name: f"{FOLDER}/{own}/{name}" for name in newer}
    assert held(folder / own) == newer
    worker = await platform.create(request_for(WORKER, wanted=wanted))
    assert worker.script == f"{FOLDER}/{own}/ray_worker_launcher.py"
    assert reported(bench, project) == {HEAD: f"{FOLDER}/launchers/raytui_node", WORKER: f"{FOLDER}/{own}/raytui_node"}

    before = bench.requests()
    assert await platform.store.write_launchers("c", newer) == paths
    if inside:
        assert bench.requests() - before == 1

    (folder / own / "raytui_node/node.py").write_bytes(b"by hand")
    with pytest.raises(
        OperationFailed, match=rf"{own}/raytui_node/node.py was changed by hand, and applications of c run from it"
    ):
        await platform.store.write_launchers("c", newer)

    for app in (worker, head):
        await platform.delete(app)
    assert sorted(file.name for file in folder.iterdir()) == ["launchers"]
    assert held(folder / "launchers") == FILES
    assert set((await platform.store.write_launchers("c", newer)).values()) == {
        f"{FOLDER}/launchers/{name}" for name in newer
    }
    assert held(folder / "launchers") == newer
    await platform.close()


async def test_a_set_that_was_not_written_whole_is_completed_where_it_is(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    await platform.store.write_launchers("c", {name: data for name, data in FILES.items() if "/" not in name})
    await platform.create(request_for(HEAD))
    assert set((await platform.store.write_launchers("c", FILES)).values()) == {
        f"{FOLDER}/launchers/{name}" for name in FILES
    }
    assert held(bench.folder(project) / FOLDER / "launchers") == FILES


async def test_a_script_of_the_user_s_own_is_told_the_folder_beside_it(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    await platform.store.write_launchers("c", FILES)
    head = await platform.create(request_for(HEAD))
    assert head.script == "head.py"
    assert reported(bench, project) == {HEAD: "raytui_node"}


@pytest.mark.parametrize("onto", ["refuse", "replace", "absent"])
@pytest.mark.parametrize("visibility", [0.0, 0.3])
async def test_a_launcher_is_replaced_whatever_moving_a_file_onto_another_does(
    platform: CaiPlatform, bench: Bench, project: str, onto: str, visibility: float
) -> None:
    await platform.files.write("a/b.py", b"old")
    bench.faults(rename_onto=onto, visibility=visibility)
    await platform.files.write("a/b.py", b"new")
    assert await platform.store.read_file("a/b.py") == b"new"
    folder = bench.folder(project) / "a"
    async with asyncio.timeout(10):
        while {file.name for file in folder.iterdir()} != {"b.py"}:  # noqa: ASYNC110  # the workbench is another process
            await asyncio.sleep(0.01)
    assert (folder / "b.py").read_bytes() == b"new"


async def test_files_that_become_visible_late_are_waited_for(platform: CaiPlatform, bench: Bench, project: str) -> None:
    bench.faults(visibility=0.5)
    await platform.store.write_launchers("c", FILES)
    assert await platform.store.read_file(f"{FOLDER}/launchers/ray_head_launcher.py") == FILES["ray_head_launcher.py"]
    await platform.files.write("a.py", b"one")
    await platform.files.write("a.py", b"two")
    assert await platform.store.read_file("a.py") == b"two"


async def test_uploads_that_store_nothing_are_found_out(bench: Bench, project: str, client: ClientName) -> None:
    bench.faults(upload_fails=1)
    platform = open_platform(bench, project, client, timing=Timing(files=0.5, poll=0.05, slowest_poll=0.1))
    with pytest.raises(DeadlineExceeded, match=r"launchers/[\w/]+\.py was uploaded"):
        await platform.store.write_launchers("c", FILES)
    await platform.close()


async def test_a_file_of_any_bytes_comes_back_the_same(platform: CaiPlatform) -> None:
    data = bytes(range(256)) * 300
    await platform.files.write("deep/er/odd name (x).bin", data)
    assert await platform.store.read_file("deep/er/odd name (x).bin") == data
    with pytest.raises(NotFound, match="download nothing from the project"):
        await platform.store.read_file("nothing")


@patient
async def test_reports_come_with_the_list_of_a_cluster_from_outside_and_with_every_list_from_inside(
    platform: CaiPlatform, bench: Bench, project: str, client: ClientName
) -> None:
    await asyncio.gather(*(platform.create(request_for(name)) for name in (HEAD, WORKER)))
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER, message="joined the head"))
    head, worker = await platform.list("c")
    assert head.launcher is None
    assert worker.launcher is not None
    assert worker.launcher.message == "joined the head"
    assert [app.launcher for app in await platform.list()] == [None, None]
    inside = open_platform(bench, project, client, project_dir=bench.folder(project))
    before = bench.requests()
    assert [app.launcher is not None for app in await inside.list()] == [False, True]
    assert bench.requests() - before == 1
    await inside.close()


@patient
async def test_reports_from_outside_are_all_read_at_the_first_look_up_to_a_limit_and_what_was_not_read_is_said(
    platform: CaiPlatform, bench: Bench, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("raytui.platforms.cai.project.remote_reports.FIRST_MOST", 30)
    # However slow the machine is, no report of a living node comes to be read again meanwhile.
    monkeypatch.setattr("raytui.platforms.cai.project.remote_reports.ALIVE_S", 3600.0)
    workers = [f"c-worker-{number}" for number in range(1, 41)]
    await asyncio.gather(*(platform.create(request_for(name)) for name in workers))
    # What begins to run meanwhile is another life, whose report is read anew.
    for name in workers:
        await until_running(platform, name)
    before = bench.requests()
    assert [app.launcher for app in await platform.list("c")] == [None] * 40
    assert bench.requests() - before == 2
    for name in workers:
        put(bench, project, f"nodes/{name}.json", node(name))
    for known, downloads in ((30, 30), (40, 10), (40, 0)):
        before = bench.requests()
        listed = await platform.list("c")
        assert bench.requests() - before == 2 + downloads
        states = [app.launcher.state if app.launcher else None for app in listed]
        assert (states.count("alive"), states.count("unread")) == (known, 40 - known)


@patient
@pytest.mark.parametrize(("state", "downloads"), [("alive", 0), ("waiting", 1), ("failed", 1)])
async def test_only_a_node_that_is_not_alive_is_read_again_at_once(
    platform: CaiPlatform,
    bench: Bench,
    project: str,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    downloads: int,
) -> None:
    monkeypatch.setattr("raytui.platforms.cai.project.remote_reports.ALIVE_S", 3600.0)
    await platform.create(request_for(WORKER))
    await until_running(platform, WORKER)
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER, state))
    await platform.list("c")
    before = bench.requests()
    assert [app.launcher.state for app in await platform.list("c") if app.launcher] == [state]
    assert bench.requests() - before == 2 + downloads


@pytest.mark.parametrize("way", ["500_before", "withheld_before", "reset_before", "html", "truncated"])
async def test_a_report_that_cannot_be_read_now_is_as_it_was(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    await platform.create(request_for(WORKER))
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER, "waiting", message="first"))
    await platform.list("c")
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER, "waiting", message="second"))
    bench.faults(fail_request=1, fail_how=way, fail_operation="DownloadProjectFile")
    messages = [[app.launcher.message for app in await platform.list("c") if app.launcher] for _ in range(2)]
    assert messages == [["first"], ["second"]]


@patient
async def test_the_launchers_output_is_followed_from_outside(platform: CaiPlatform, bench: Bench, project: str) -> None:
    app = await platform.create(request_for(WORKER))
    assert (await platform.store.tail(app)).data == b""
    put(bench, project, "logs/worker-1-e1.log", b"first line\n")
    chunk = await platform.store.tail(app)
    assert chunk.data == b"first line\n"
    before = bench.requests()
    assert (await platform.store.tail(app, chunk.end)).data == b""
    assert bench.requests() - before == 1
    put(bench, project, "logs/worker-1-e1.log", b"first line\nsecond line\n")
    assert (await platform.store.tail(app, chunk.end)).data == b"second line\n"


async def test_a_drain_is_asked_for_waited_for_and_withdrawn(platform: CaiPlatform, bench: Bench, project: str) -> None:
    app = await platform.create(request_for(WORKER))
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER))
    asked = bench.folder(project) / FOLDER / "drain" / WORKER
    draining = asyncio.create_task(platform.drain(app, 10.0))
    async with asyncio.timeout(10):
        while not asked.exists():  # noqa: ASYNC110  # the file may come from any process
            await asyncio.sleep(0.02)
    put(bench, project, f"nodes/{WORKER}.json", node(WORKER, "ended"))
    assert await draining is True
    assert not asked.exists()


async def test_a_drain_that_nobody_answers_ends_at_its_deadline(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    app = await platform.create(request_for(WORKER))
    assert await platform.drain(app, 0.3) is False
    assert not (bench.folder(project) / FOLDER / "drain" / WORKER).exists()


async def test_the_end_of_a_cluster_clears_its_token_and_reports_but_keeps_its_logs(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    requests = [request_for(name, wanted=spec()) for name in (HEAD, WORKER)]
    await platform.prepare(requests)
    apps = await asyncio.gather(*(platform.create(request) for request in requests))
    await platform.store.write_launchers("c", FILES)
    for name in (HEAD, WORKER):
        put(bench, project, f"nodes/{name}.json", node(name))
    put(bench, project, "logs/head-e1.log", b"words")
    await platform.delete(apps[1])
    folder = bench.folder(project) / FOLDER
    assert [file.name for file in (folder / "nodes").iterdir()] == [f"{HEAD}.json"]
    assert (folder / "auth_token").exists()
    with pytest.raises(RefusedForSafety, match="in use"):
        await platform.forget("c")
    await platform.delete(apps[0])
    assert sorted(file.name for file in folder.iterdir()) == ["launchers", "logs"]
    await platform.forget("c")
    assert not folder.exists()


async def test_from_outside_an_unexposed_dashboard_is_named_as_such(platform: CaiPlatform) -> None:
    head = await platform.create(request_for(HEAD))
    with pytest.raises(Unreachable) as caught:
        await platform.dashboard(head)
    assert (caught.value.failure.layer, caught.value.reason) == ("network", "DashboardNotExposed")
    assert "expose_dashboard" in caught.value.hint


async def test_from_outside_an_exposed_dashboard_is_asked_with_both_keys(
    platform: CaiPlatform, bench: Bench, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.delenv("RAY_AUTH_TOKEN_PATH", raising=False)
    request = request_for(HEAD, wanted=spec(expose_dashboard=True))
    await platform.prepare([request])
    head = await platform.create(request)
    token = (bench.folder(project) / FOLDER / "auth_token").read_text().strip()
    target = await platform.dashboard(head)
    assert head.url.endswith(f".{bench.domain}")
    assert target.url == bench.url
    assert target.headers == {"Authorization": f"Bearer {bench.api_key}", "Host": head.url.removeprefix("http://")}
    assert target.ray_headers == {"X-Ray-Authorization": f"Bearer {token}"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "a-persons-own")
    assert (await platform.dashboard(head)).ray_headers["X-Ray-Authorization"] == "Bearer a-persons-own"


async def test_from_inside_the_dashboard_is_where_the_head_says(bench: Bench, project: str, client: ClientName) -> None:
    folder: Path = bench.folder(project)
    platform = open_platform(bench, project, client, project_dir=folder)
    request = request_for(HEAD, wanted=spec())
    await platform.prepare([request])
    head = await platform.create(request)
    with pytest.raises(Unreachable) as caught:
        await platform.dashboard(head)
    assert (caught.value.failure.layer, caught.value.reason) == ("application", "HeadNotReady")
    put(
        bench,
        project,
        "rendezvous.json",
        {"cluster": "c", "address": "10.0.0.5:6379", "dashboard_url": "http://10.0.0.5:8265"},
    )
    token = (folder / FOLDER / "auth_token").read_text().strip()
    target = await platform.dashboard(head)
    assert (target.url, target.token_file) == ("http://10.0.0.5:8265", str(folder / FOLDER / "auth_token"))
    assert target.ray_headers == {"Authorization": f"Bearer {token}", "X-Ray-Authorization": f"Bearer {token}"}
    assert target.headers == {}
    await platform.close()


async def test_inside_the_project_launchers_are_written_without_the_api(
    bench: Bench, project: str, client: ClientName
) -> None:
    platform = open_platform(bench, project, client, project_dir=bench.folder(project))
    before = bench.requests()
    await platform.store.write_launchers("c", FILES)
    assert bench.requests() == before
    modes = {name: (bench.folder(project) / FOLDER / "launchers" / name).stat().st_mode & 0o777 for name in FILES}
    assert modes == {"ray_head_launcher.py": 0o755, "ray_worker_launcher.py": 0o755, "raytui_node/node.py": 0o644}
    await platform.close()
