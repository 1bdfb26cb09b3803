"""Each way of failing, at each kind of request, over both transports: it ends as asked or with one clear error, and nothing is left over."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from raytui.core.errors import DeadlineExceeded, RaytuiError, Unreachable
from raytui.platforms.cai import CaiPlatform
from tests.fakes.workbench.faults import LATE, WAYS

from .conftest import HEAD, WORKER, Bench, foreign, request_for

EVERY_WAY = (*WAYS, LATE)


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_a_create_that_fails_once_makes_exactly_one(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    bench.faults(fail_request=1, fail_how=way, fail_operation="CreateApplication")
    made = await platform.create(request_for(HEAD))
    rows = bench.applications(project)
    assert [row["id"] for row in rows] == [made.id]


@pytest.mark.parametrize("way", ["500_after", "502_after", "reset_after", "withheld_after", "truncated", "twice"])
async def test_of_a_create_that_was_carried_out_twice_one_is_left(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    bench.faults(duplicate=1, fail_request=1, fail_how=way, fail_operation="CreateApplication")
    made = await platform.create(request_for(HEAD))
    rows = bench.applications(project)
    assert [row["id"] for row in rows] == [made.id]


async def test_creates_that_all_come_late_behind_a_504_are_adopted(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    bench.faults(ambiguous_create=1, late_seconds=0.8)
    names = [HEAD, WORKER, "c-worker-2"]
    made = await asyncio.gather(*(platform.create(request_for(name)) for name in names))
    assert sorted(row["id"] for row in bench.applications(project)) == sorted(app.id for app in made)


@pytest.mark.parametrize("operation", ["StopApplication", "DeleteApplication", "ListApplications"])
@pytest.mark.parametrize("way", EVERY_WAY)
async def test_an_end_that_fails_once_is_reached_all_the_same(
    platform: CaiPlatform, bench: Bench, project: str, operation: str, way: str
) -> None:
    app = await platform.create(request_for(HEAD))
    bench.faults(fail_request=1, fail_how=way, fail_operation=operation)
    await platform.lifecycle.stop(app)
    await platform.lifecycle.delete(app)
    assert bench.applications(project) == []


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_a_list_that_fails_once_is_whole(platform: CaiPlatform, bench: Bench, way: str) -> None:
    await platform.create(request_for(HEAD))
    bench.faults(fail_request=1, fail_how=way, fail_operation="ListApplications")
    assert [app.name for app in await platform.list()] == [HEAD]


# `twice` is left out: a server that restarts twice for one request makes the orphan itself.
@pytest.mark.parametrize("way", [way for way in EVERY_WAY if way != "twice"])
async def test_a_restart_that_fails_once_is_one_running_engine(
    platform: CaiPlatform, bench: Bench, project: str, way: str
) -> None:
    app = await platform.create(request_for(HEAD))
    bench.faults(fail_request=1, fail_how=way, fail_operation="RestartApplication", orphan_on_restart=1)
    await platform.restart(app)
    rows = bench.applications(project)
    assert [row["id"] for row in rows] == [app.id]
    assert rows[0]["status"] in {"APPLICATION_STARTING", "APPLICATION_RUNNING"}


FILE_FAULTS = [("UploadFile", way) for way in EVERY_WAY if way != "twice"] + [
    (operation, way)
    for operation in ("DownloadProjectFile", "DeleteProjectFile", "ListProjectFiles", "UpdateProjectFileMetadata")
    for way in ("500_before", "502_after", "reset_after", "truncated", "login")
]


@pytest.mark.parametrize(("operation", "way"), FILE_FAULTS)
async def test_a_file_call_that_fails_once_leaves_the_file_right(
    platform: CaiPlatform, bench: Bench, project: str, operation: str, way: str
) -> None:
    await platform.files.write("a/b.py", b"old")
    bench.faults(fail_request=1, fail_how=way, fail_operation=operation)
    await platform.files.write("a/b.py", b"new")
    folder = bench.folder(project) / "a"
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == {"b.py": b"new"}


@pytest.mark.parametrize("errors", [0.2])
async def test_a_storm_of_errors_leaks_nothing_and_touches_nothing_foreign(
    platform: CaiPlatform, bench: Bench, project: str, errors: float
) -> None:
    foreign(bench, project, "theirs")
    for number in range(4):
        bench.faults(errors=errors, duplicate=number % 2)
        requests = [request_for(name, run=f"run{number}") for name in (HEAD, WORKER, "c-worker-2")]
        made = await asyncio.gather(*(platform.create(request) for request in requests), return_exceptions=True)
        assert all(isinstance(one, RaytuiError) for one in made if isinstance(one, BaseException))
        for attempt in range(5):
            try:
                await asyncio.gather(*(platform.delete(app) for app in await platform.list("c")))
                break
            except RaytuiError:
                assert attempt < 4
        assert bench.names(project) == ["theirs"]


SETTLED: tuple[tuple[dict[str, Any], type[RaytuiError], str], ...] = (
    ({"expired_login": 1}, Unreachable, "sent its login page"),
    ({"repeat_token": 1, "page_limit": 1}, Unreachable, "repeats the same page for ever"),
    (
        {"fail_request": 1, "fail_how": "withheld_before", "fail_operation": "ListApplications", "slow": 1.0},
        Unreachable,
        "did not answer in time",
    ),
)


@pytest.mark.parametrize(("faults", "error", "words"), SETTLED)
async def test_a_fault_that_stays_is_one_clear_sentence(
    platform: CaiPlatform, bench: Bench, project: str, faults: dict[str, Any], error: type[RaytuiError], words: str
) -> None:
    for number in range(3):
        foreign(bench, project, f"app-{number}")
    bench.faults(**faults)
    with pytest.raises(error, match=words) as caught:
        await platform.list()
    bench.reset()
    assert bench.api_key not in str(caught.value)
    assert caught.value.hint


async def test_a_create_under_a_fault_that_stays_says_what_may_exist(platform: CaiPlatform, bench: Bench) -> None:
    bench.faults(slow=1.0)
    with pytest.raises(DeadlineExceeded, match=f"not known whether {HEAD} was created"):
        await platform.create(request_for(HEAD))


async def test_a_slow_delete_beyond_the_deadline_is_named(platform: CaiPlatform, bench: Bench) -> None:
    app = await platform.create(request_for(HEAD))
    bench.faults(slow_delete=600)
    platform.lifecycle._timing = type(platform.client.timing)(delete=0.5, poll=0.05, slowest_poll=0.1)
    with pytest.raises(DeadlineExceeded, match=rf"waited 0\.5 s for {HEAD} to be deleted; still listed: {HEAD}"):
        await platform.delete(app)
