"""Lists that lag behind, and applications that hang in their end: what is said to be gone is gone, and what is left is named."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from raytui.core.errors import DeadlineExceeded
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.transport import ClientName
from tests.fakes.workbench.faults import LATE, WAYS

from .conftest import HEAD, TIMING, WORKER, Bench, open_platform, request_for

LAG = 0.25


async def test_what_no_list_shows_is_deleted_by_the_id_that_its_create_answered(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    bench.faults(list_lag=60)
    made = await asyncio.gather(*(platform.create(request_for(name)) for name in (HEAD, WORKER)))
    assert bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"] == []
    await asyncio.gather(*(platform.delete(app) for app in made))
    assert bench.applications(project) == []
    assert await platform.list() == ()


@pytest.mark.parametrize("way", [*WAYS, LATE])
async def test_a_create_that_fails_once_makes_exactly_one_though_the_list_lags(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    bench.faults(list_lag=LAG, fail_request=1, fail_how=way, fail_operation="CreateApplication")
    made = await platform.create(request_for(HEAD))
    assert [row["id"] for row in bench.applications(project)] == [made.id]


@pytest.mark.parametrize("way", ["500_after", "reset_after", "withheld_after", "truncated", "twice", LATE])
async def test_a_create_cancelled_on_its_way_leaves_nothing_though_its_answer_is_lost_and_the_list_lags(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    bench.faults(
        list_lag=LAG, late_seconds=0.2, fail_request=1, fail_how=way, fail_operation="CreateApplication", slow=0.1
    )
    before = bench.requests()
    task = asyncio.create_task(platform.create(request_for(HEAD)))
    async with asyncio.timeout(10):
        while bench.requests() == before:  # noqa: ASYNC110  # the workbench is another process
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert bench.applications(project) == []


async def test_one_stuck_in_stopping_is_freed_by_its_delete(platform: CaiPlatform, bench: Bench, project: str) -> None:
    app = await platform.create(request_for(WORKER))
    bench.faults(stuck_stop=WORKER)
    await platform.stop(app, wait=False)
    assert [row["status"] for row in bench.applications(project)] == ["APPLICATION_STOPPING"]
    await platform.delete(app)
    assert bench.applications(project) == []


async def test_one_whose_stop_and_delete_hang_is_named_and_keeps_no_other(
    bench: Bench, project: str, client: ClientName
) -> None:
    timing = msgspec.structs.replace(TIMING, stop=0.5, delete=0.5)
    platform = open_platform(bench, project, client, timing=timing)
    head, worker = await asyncio.gather(*(platform.create(request_for(name)) for name in (HEAD, WORKER)))
    bench.faults(stuck_stop=WORKER, stuck_delete=WORKER)
    with pytest.raises(DeadlineExceeded, match=rf"waited 0\.5 s for {WORKER} to be stopped; still listed: {WORKER}"):
        await platform.stop(worker)
    answers = await asyncio.gather(platform.delete(worker), platform.delete(head), return_exceptions=True)
    assert str(answers[0]).startswith(
        f"waited 0.5 s for {WORKER} to be deleted; still listed: {WORKER} (APPLICATION_STOPPING)"
    )
    assert answers[1] is None
    assert bench.names(project) == [WORKER]
    bench.faults(stuck_stop=None, stuck_delete=None)
    await platform.delete(worker)
    assert bench.names(project) == []
    await platform.close()


async def test_without_wait_a_delete_that_takes_for_ever_returns_when_it_is_accepted(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    app = await platform.create(request_for(WORKER))
    bench.faults(stuck_delete=WORKER)
    await platform.delete(app, wait=False)
    assert bench.names(project) == [WORKER]
    bench.faults(stuck_delete=None)
    async with asyncio.timeout(10):
        while bench.names(project):  # noqa: ASYNC110  # the workbench is another process
            await asyncio.sleep(0.01)


async def test_a_node_that_no_list_shows_yet_has_not_left(platform: CaiPlatform, bench: Bench) -> None:
    bench.faults(list_lag=5.0)
    app = await platform.create(request_for(WORKER))
    assert await platform.drain(app, 0.1) is False
