"""Applications over both transports: created, listed to the last page, stopped, restarted, deleted, and nothing foreign touched."""

from __future__ import annotations

import asyncio

import pytest

from raytui.core.errors import OperationFailed
from raytui.core.findings.orphans import orphans
from raytui.core.marker import describe
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.transport import ClientName

from .conftest import (
    HEAD,
    HEAD_MARKER,
    WORKER,
    Bench,
    foreign,
    open_platform,
    patient,
    request_for,
    spec,
    until_running,
)


async def test_the_transport_in_use_is_the_one_that_was_asked_for(platform: CaiPlatform, client: ClientName) -> None:
    assert platform.client.transport == client


async def test_a_cluster_is_created_together_and_listed_head_first(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    names = ["c-worker-2", WORKER, HEAD]
    made = await asyncio.gather(*(platform.create(request_for(name)) for name in names))
    assert [app.name for app in made] == names
    listed = await platform.list("c")
    assert [app.name for app in listed] == [HEAD, WORKER, "c-worker-2"]
    assert bench.names(project) == sorted(names)
    head = listed[0]
    assert (head.cluster, head.role, head.index, head.cpu, head.memory, head.script, head.run) == (
        "c",
        "head",
        0,
        1.0,
        2.0,
        "head.py",
        "run1",
    )
    assert head.spec_digest == spec(auth="disabled").digest()
    assert head.ray_port == 6379
    assert '"name":"c"' in head.spec_json
    assert head.url.startswith("http://c-head-")
    assert {app.cluster for app in await platform.list()} == {"c"}


async def test_any_machine_with_the_key_finds_the_cluster(
    platform: CaiPlatform, bench: Bench, project: str, client: ClientName
) -> None:
    await platform.create(request_for(HEAD))
    other = open_platform(bench, project, client)
    assert [app.name for app in await other.list("c")] == [HEAD]
    await other.close()


async def test_what_a_workload_is_given(platform: CaiPlatform, bench: Bench, project: str) -> None:
    request = request_for(HEAD, wanted=spec())
    await platform.prepare([request])
    await platform.create(request)
    (entry,) = bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    environment = entry["environment"]
    assert entry["bypass_authentication"] is False
    for part in (
        '"RAYTUI_SHARED_DIR": ".raytui/c"',
        '"RAY_AUTH_MODE": "token"',
        '"RAYTUI_APPLICATION": "c-head"',
        '"RAYTUI_VENV": "~/.venv"',
    ):
        assert part in environment
    token = (bench.folder(project) / ".raytui/c/auth_token").read_text().strip()
    assert len(token) == 64
    assert token not in environment
    assert bench.api_key not in environment


@patient
async def test_a_list_of_many_is_read_to_its_end_in_few_requests(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    for number in range(230):
        foreign(bench, project, f"app-{number}")
    await platform.create(request_for(HEAD))
    before = bench.requests()
    assert [app.name for app in await platform.list()] == [HEAD]
    assert bench.requests() - before == 1
    assert await platform.conflicts(("app-229", HEAD, "nothing")) == ("app-229",)


@pytest.mark.parametrize("limit", [1, 3])
async def test_a_server_that_gives_smaller_pages_is_read_to_its_end(
    platform: CaiPlatform, bench: Bench, project: str, limit: int
) -> None:
    names = [HEAD, *(f"c-worker-{n}" for n in range(1, 5))]
    await asyncio.gather(*(platform.create(request_for(name)) for name in names))
    bench.faults(page_limit=limit)
    assert [app.name for app in await platform.list()] == names


async def test_stop_leaves_it_stopped_and_delete_leaves_nothing(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    bench.faults(slow_stop=0.2, slow_delete=0.3)
    app = await platform.create(request_for(HEAD))
    await until_running(platform, HEAD)
    await platform.stop(app)
    assert [app["status"] for app in bench.applications(project)] == ["APPLICATION_STOPPED"]
    await platform.stop(app)
    await platform.delete(app)
    assert bench.applications(project) == []
    await platform.delete(app)
    assert await platform.list() == ()


@patient
async def test_deletes_run_together_and_share_their_looks(platform: CaiPlatform, bench: Bench, project: str) -> None:
    apps = await asyncio.gather(
        *(platform.create(request_for(name)) for name in [HEAD, *(f"c-worker-{n}" for n in range(1, 9))])
    )
    bench.faults(slow_delete=0.5)
    before = bench.requests()
    await platform.lifecycle.delete(apps[0])
    alone = bench.requests() - before
    await asyncio.gather(*(platform.lifecycle.delete(app) for app in apps[1:]))
    # One delete each and looks that are shared: not eight times what one delete takes.
    assert bench.requests() - before - alone < 8 + 3 * alone
    assert bench.applications(project) == []


async def test_restart_is_a_new_engine_of_the_same_application(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    app = await platform.create(request_for(WORKER))
    before = bench.applications(project)[0]
    await until_running(platform, WORKER)
    await platform.restart(app)
    await until_running(platform, WORKER)
    (after,) = bench.applications(project)
    assert after["id"] == before["id"]
    assert after["engine_id"] != before["engine_id"]


async def test_restart_during_starting_leaves_no_orphan_engine(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    bench.faults(orphan_on_restart=1, start_seconds=0.5)
    app = await platform.create(request_for(WORKER))
    await platform.restart(app)
    assert [row["status"] for row in bench.applications(project)] == ["APPLICATION_STARTING"]


async def test_where_restart_is_refused_it_is_made_again_as_it_was(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    app = await platform.create(request_for(WORKER))
    await until_running(platform, WORKER)
    bench.faults(restart_refused=1)
    await platform.restart(app)
    again = await until_running(platform, WORKER)
    assert again.id != app.id
    assert (again.spec_json, again.spec_digest, again.cpu, again.script) == (
        app.spec_json,
        app.spec_digest,
        app.cpu,
        app.script,
    )
    assert bench.names(project) == [WORKER]


@pytest.mark.parametrize("description", ["somebody's", "", describe(HEAD_MARKER).replace("head", "hand")])
async def test_a_foreign_application_of_the_same_name_is_a_conflict_and_never_touched(
    platform: CaiPlatform, bench: Bench, project: str, description: str
) -> None:
    identity = foreign(bench, project, HEAD, description)
    assert await platform.list() == ()
    assert await platform.conflicts((HEAD, WORKER)) == (HEAD,)
    with pytest.raises(OperationFailed, match="exists and is not ours"):
        await platform.create(request_for(HEAD))
    assert [app["id"] for app in bench.applications(project)] == [identity]


async def test_a_copy_of_ours_under_another_name_is_somebodys_own(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    foreign(bench, project, "my-copy", describe(HEAD_MARKER))
    assert await platform.list() == ()


async def test_a_second_create_of_what_lives_adopts_it(platform: CaiPlatform, bench: Bench, project: str) -> None:
    first = await platform.create(request_for(HEAD))
    second = await platform.create(request_for(HEAD, run="run2"))
    assert second.id == first.id
    assert bench.names(project) == [HEAD]


async def test_older_status_words_are_understood(platform: CaiPlatform, bench: Bench) -> None:
    bench.faults(older_status=1)
    app = await platform.create(request_for(HEAD))
    assert (await until_running(platform, HEAD)).raw_state == "running"
    await platform.stop(app)
    assert [app.state for app in await platform.list()] == ["stopped"]


async def test_an_endless_start_is_starting_and_can_be_ended(platform: CaiPlatform, bench: Bench, project: str) -> None:
    bench.faults(endless_start="1")
    app = await platform.create(request_for(HEAD))
    assert [app.state for app in await platform.list()] == ["starting"]
    await platform.delete(app)
    assert bench.applications(project) == []


async def test_workers_without_a_head_are_orphans(platform: CaiPlatform) -> None:
    await asyncio.gather(*(platform.create(request_for(name)) for name in (HEAD, WORKER)))
    assert orphans(await platform.list()) == ()
    await platform.delete((await platform.list("c"))[0])
    assert [app.name for app in orphans(await platform.list())] == [WORKER]


async def test_a_cancelled_create_leaves_nothing(platform: CaiPlatform, bench: Bench, project: str) -> None:
    bench.faults(slow=0.2)
    before = bench.requests()
    task = asyncio.create_task(platform.create(request_for(HEAD)))
    async with asyncio.timeout(10):
        while bench.requests() == before:  # noqa: ASYNC110  # the workbench is another process
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while bench.applications(project):  # noqa: ASYNC110  # the workbench is another process
            await asyncio.sleep(0.02)
