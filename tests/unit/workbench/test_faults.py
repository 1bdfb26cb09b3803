"""Every other fault: what it changes for a client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from .conftest import Api, connected, reaches, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("fault", "read", "write", "validate"),
    [
        ("key_invalid", 401, 401, 401),
        ("wrong_audience", 403, 403, 403),
        ("read_only", 200, 403, 200),
        ("admin_key", 200, 200, 200),
    ],
)
async def test_keys(api: Api, fault: str, read: int, write: int, validate: int) -> None:
    api.bench.faults.update({fault: 1})
    assert (await api.call("GET", "applications")).status_code == read
    assert (await api.create("one")).status_code == write
    assert (await api.call("POST", "/api/v2/auth/validate_key", {"audience": "API"})).status_code == validate
    assert (await api.call("GET", "/api/v2/workloads/executions")).status_code == {
        "admin_key": 200,
        "read_only": 403,
    }.get(fault, read)


@pytest.mark.parametrize(
    ("suffix", "read", "write"),
    [("", 200, 200), ("-api", 200, 200), ("-application", 403, 403), ("-readonly", 200, 403), ("x", 401, 401)],
)
async def test_narrower_keys(api: Api, suffix: str, read: int, write: int) -> None:
    api.http.headers["authorization"] = f"Bearer {api.bench.api_key}{suffix}"
    assert ((await api.call("GET", "applications")).status_code, (await api.create("one")).status_code) == (read, write)


async def test_no_key(api: Api) -> None:
    del api.http.headers["authorization"]
    assert (await api.call("GET", "applications")).status_code == 401


async def test_slow_stop_and_slow_delete(api: Api) -> None:
    identity = await api.created("one")
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    api.bench.faults.update({"slow_stop": 0.2, "slow_delete": 0.2})
    await api.call("POST", f"applications/{identity}:stop")
    assert await api.status(identity) == "APPLICATION_STOPPING"
    await reaches(lambda: api.status(identity), "APPLICATION_STOPPED")
    await api.call("DELETE", f"applications/{identity}")
    assert await api.names() == ["one"]
    assert (await api.create("one")).status_code == 409
    await until(lambda: not api.bench.applications, "the application to be gone")


async def test_lists_and_gets_lag_behind_creates_and_deletes_while_calls_by_id_do_not(api: Api) -> None:
    now = 0.0
    api.bench.listing._now = lambda: now  # type: ignore[method-assign]
    api.bench.faults.update({"list_lag": 5})
    identity = await api.created("one")
    assert await api.names() == []
    assert (await api.call("GET", f"applications/{identity}")).status_code == 404
    assert (await api.create("one")).status_code == 409
    now = 5.0
    assert await api.names() == ["one"]
    assert (await api.call("DELETE", f"applications/{identity}")).status_code == 200
    await until(lambda: not api.bench.applications, "the application to be gone")
    assert (await api.call("DELETE", f"applications/{identity}")).status_code == 404
    now = 9.9
    assert await api.names() == ["one"]
    assert (await api.call("GET", f"applications/{identity}")).status_code == 200
    now = 10.0
    assert await api.names() == []
    assert (await api.call("GET", f"applications/{identity}")).status_code == 404


async def test_what_is_made_and_deleted_within_the_lag_still_shows_in_between(api: Api) -> None:
    now = 0.0
    api.bench.listing._now = lambda: now  # type: ignore[method-assign]
    api.bench.faults.update({"list_lag": 5})
    identity = await api.created("one")
    now = 2.0
    await api.call("DELETE", f"applications/{identity}")
    await until(lambda: not api.bench.applications, "the application to be gone")
    for now, names in ((4.9, []), (5.0, ["one"]), (6.9, ["one"]), (7.0, [])):  # noqa: B007  # the clock of the lists
        assert await api.names() == names


async def test_a_stuck_stop_stays_stopping_until_a_delete_or_the_end_of_the_switch_frees_it(api: Api) -> None:
    first, second, other = [await api.created(name) for name in ("ray-worker-1", "ray-worker-2", "ray-head")]
    api.bench.faults.update({"stuck_stop": "*-worker-*"})
    for identity in (first, second, other):
        await api.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: api.status(other), "APPLICATION_STOPPED")
    assert [await api.status(first), await api.status(second)] == ["APPLICATION_STOPPING"] * 2
    await api.call("DELETE", f"applications/{first}")
    await until(lambda: first not in api.bench.applications, "the deleted application to be gone")
    assert await api.status(second) == "APPLICATION_STOPPING"
    api.bench.faults.update({"stuck_stop": ""})
    await reaches(lambda: api.status(second), "APPLICATION_STOPPED")


async def test_a_stuck_delete_stays_listed_while_the_switch_holds(api: Api) -> None:
    one, two = await api.created("one"), await api.created("two")
    api.bench.faults.update({"stuck_stop": "one", "stuck_delete": "one"})
    await api.call("POST", f"applications/{one}:stop")
    for identity in (one, two):
        await api.call("DELETE", f"applications/{identity}")
    await until(lambda: two not in api.bench.applications, "the other application to be gone")
    assert await api.names() == ["one"]
    assert await api.status(one) == "APPLICATION_STOPPING"
    api.bench.faults.update({"stuck_delete": None})
    await until(lambda: not api.bench.applications, "the stuck application to be gone")


@pytest.mark.parametrize(
    ("onto", "status", "held"), [("refuse", 409, "old"), ("replace", 200, "new"), ("absent", 404, "old")]
)
async def test_moving_a_file_onto_another(api: Api, onto: str, status: int, held: str) -> None:
    await api.upload("a", "old")
    await api.upload("b", "new")
    api.bench.faults.update({"rename_onto": onto})
    assert (await api.call("PATCH", "files/b", {"path": "a"})).status_code == status
    assert (await api.call("POST", "files/a:download")).text == held


async def test_the_size_of_pages(api: Api) -> None:
    for number in range(7):
        await api.created(f"app-{number}")
    api.bench.faults.update({"page_size": 2})
    assert len((await api.get("applications"))["applications"]) == 2
    api.bench.faults.update({"page_limit": 3})
    assert len((await api.get("applications", page_size=100))["applications"]) == 3


async def test_a_token_that_repeats(api: Api) -> None:
    await api.created("one")
    api.bench.faults.update({"repeat_token": 1})
    token = (await api.get("applications"))["next_page_token"]
    assert token
    assert (await api.get("applications", page_token=token))["next_page_token"] == token


async def test_an_endless_start_ends_with_the_fault(api: Api) -> None:
    api.bench.faults.update({"endless_start": "*-worker-2"})
    stuck, other = await api.created("ray-worker-2"), await api.created("ray-worker-1")
    await reaches(lambda: api.status(other), "APPLICATION_RUNNING")
    assert await api.status(stuck) == "APPLICATION_STARTING"
    api.bench.faults.update({"endless_start": "0"})
    await reaches(lambda: api.status(stuck), "APPLICATION_RUNNING")


async def test_all_applications_start_endlessly(api: Api) -> None:
    api.bench.faults.update({"endless_start": 1})
    identity = await api.created("one")
    await api.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: api.status(identity), "APPLICATION_STOPPED")
    assert "running_at" not in await api.get(f"applications/{identity}")


async def test_workloads_over_quota_wait_without_an_error(api: Api) -> None:
    api.bench.faults.update({"quota_cpu": 3})
    first = await api.created("one", cpu=2)
    await reaches(lambda: api.status(first), "APPLICATION_RUNNING")
    second = await api.created("two", cpu=2)
    assert (await api.get("/api/v2/usersquota"))["user_quota"][0]["quota_configured"]["cpu"] == "3"
    await api.call("DELETE", f"applications/{first}")
    await reaches(lambda: api.status(second), "APPLICATION_RUNNING")
    assert api.row("two")["status"] == "APPLICATION_RUNNING"
    assert api.bench.applications[second].running_at > api.bench.applications[second].created_at  # type: ignore[operator]


async def test_without_quota_nothing_starts(api: Api) -> None:
    api.bench.faults.update({"quota": 1, "stub_jobs": 1})
    identity = await api.created("one")
    job = await api.job("job.py", "")
    run = await api.run(job)
    assert (await api.status(identity), await api.run_status(job, run)) == ("APPLICATION_STARTING", "ENGINE_SCHEDULING")
    api.bench.faults.update({"quota": 0})
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    await reaches(lambda: api.run_status(job, run), "ENGINE_SUCCEEDED")


async def test_a_stopped_run_that_never_began(api: Api) -> None:
    api.bench.faults.update({"quota": 1})
    job = await api.job("job.py", "")
    run = await api.run(job)
    await api.call("POST", f"jobs/{job}/runs/{run}:stop")
    await reaches(lambda: api.run_status(job, run), "ENGINE_STOPPED")


async def test_a_refused_restart(api: Api) -> None:
    identity = await api.created("one")
    await api.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: api.status(identity), "APPLICATION_STOPPED")
    api.bench.faults.update({"restart_refused": 1})
    assert (await api.call("POST", f"applications/{identity}:restart")).status_code == 400


async def test_a_restart_during_starting_leaves_an_orphan(api: Api) -> None:
    api.bench.faults.update({"orphan_on_restart": 1, "start_seconds": 0.2})
    identity = await api.created("one")
    await api.call("POST", f"applications/{identity}:restart")
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    assert [row["status"] for row in api.bench.truth()["applications"]] == ["APPLICATION_RUNNING", "ORPHAN"]
    await api.call("DELETE", f"applications/{identity}")
    await until(lambda: not api.bench.applications, "the application to be gone")
    assert [row["status"] for row in api.bench.truth()["applications"]] == ["ORPHAN"]


async def test_duplicate_names(api: Api) -> None:
    api.bench.faults.update({"duplicate": 1})
    await api.created("one")
    await api.created("one")
    assert await api.names() == ["one", "one"]


@pytest.mark.parametrize(("policy", "status"), [("refuse", 400), ("fail", 200), ("ignore", 200)])
async def test_a_missing_script(api: Api, policy: str, status: int) -> None:
    api.bench.faults.update({"missing_script": policy})
    assert (await api.create("one", script="no.py")).status_code == status


async def test_older_status_words(tmp_path: Path) -> None:
    async with connected(tmp_path, older_status=1, clone_fails=1, clone_seconds=0, stub_jobs=1) as api:
        identity = await api.created("one")
        await reaches(lambda: api.status(identity), "running")
        project = (
            await api.call("POST", "/api/v2/projects", {"name": "p", "git_url": "https://example.com/a/b"})
        ).json()["id"]

        async def cloned() -> str:
            return str((await api.get(f"/api/v2/projects/{project}"))["creation_status"])

        assert await reaches(cloned, "failed", "success") == "failed"
        job = await api.job("job.py", "")
        run = await api.run(job)
        await reaches(lambda: api.run_status(job, run), "succeeded")
        assert (await api.get("applications", search_filter='{"status": "running"}'))["applications"]


async def test_any_git_address_is_the_given_repository(api: Api) -> None:
    api.bench.faults.update({"git_source": "/no/such/repository", "clone_seconds": 0})
    project = (await api.call("POST", "/api/v2/projects", {"name": "p", "git_url": "https://example.com/a/b"})).json()[
        "id"
    ]

    async def cloned() -> str:
        return str((await api.get(f"/api/v2/projects/{project}"))["creation_status"])

    assert await reaches(cloned, "failure", "success") == "failure"


async def test_files_become_visible_late(api: Api) -> None:
    api.bench.faults.update({"visibility": 0.3})
    await api.upload("late.txt", "1")
    assert [row["path"] for row in (await api.get("files/."))["files"]] == [".venv"]

    async def seen() -> bool:
        return (await api.call("POST", "files/late.txt:download")).content == b"1"

    await until(seen, "the upload")
    (api.bench.first_project.folder / "late.txt").write_text("2")
    assert await seen()

    async def changed() -> bool:
        return (await api.call("POST", "files/late.txt:download")).content == b"2"

    await until(changed, "the change that a workload made")


async def test_uploads_that_are_lost(api: Api) -> None:
    api.bench.faults.update({"upload_fails": 1})
    await api.upload("lost.txt", "1")
    assert (await api.call("POST", "files/lost.txt:download")).status_code == 404


async def test_no_runtimes_and_no_gpu(api: Api) -> None:
    api.bench.faults.update({"no_runtimes": 1, "no_gpu": 1})
    assert (await api.get("/api/v2/runtimes"))["runtimes"] == []
    assert (await api.create("one")).status_code == 400
    assert (await api.get("/api/v2/nodelabels"))["accelerator_node_label"] == []


@pytest.mark.parametrize(("fails", "status"), [(0, "ENGINE_SUCCEEDED"), (1, "ENGINE_FAILED")])
async def test_stub_jobs(api: Api, fails: int, status: str) -> None:
    api.bench.faults.update({"stub_jobs": 1, "job_fails": fails})
    job = await api.job("job.py", "raise RuntimeError")
    run = await api.run(job)
    assert await reaches(lambda: api.run_status(job, run), "ENGINE_SUCCEEDED", "ENGINE_FAILED") == status


async def test_a_dependent_job_runs_after_its_parent(api: Api) -> None:
    api.bench.faults.update({"stub_jobs": 1})
    parent = await api.job("one.py", "")
    child = await api.job("two.py", "", parent_id=parent)
    assert (await api.get(f"jobs/{child}"))["type"] == "dependent"
    await api.run(parent)

    async def ran() -> bool:
        return bool((await api.get(f"jobs/{child}/runs"))["job_runs"])

    await until(ran, "the dependent run")


async def test_the_ingress_of_stub_applications(api: Api) -> None:
    api.bench.faults.update({"start_seconds": 0.3})
    identity = await api.created("one")
    host = {"host": f"one.{api.bench.domain}"}
    assert (await api.call("GET", "/", headers=host)).status_code == 502
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    assert (await api.call("GET", "/", headers=host)).status_code == 200
    assert (await api.call("GET", "/", headers={"host": f"two.{api.bench.domain}"})).status_code == 404
    assert (
        await api.call("GET", "/", headers={**host, "authorization": f"Bearer {api.bench.api_key}-api"})
    ).status_code == 403
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as stranger:
        page = await stranger.get(f"{api.bench.url}/some/page", headers=host)
    assert (page.status_code, page.url.path, "login" in page.text) == (200, "/login", True)
    await api.created("open", bypass_authentication=True)
    await until(lambda: api.row("open")["status"] == "APPLICATION_RUNNING", "the open application")
    async with httpx.AsyncClient(trust_env=False) as stranger:
        assert (await stranger.get(api.bench.url, headers={"host": f"open.{api.bench.domain}"})).text.count(
            "stub application"
        ) == 2


async def test_a_project_in_which_the_user_may_only_look(api: Api) -> None:
    api.bench.faults.update({"view_only": "work*"})
    assert (await api.create("one")).status_code == 403
    assert (await api.call("GET", "applications")).status_code == 200
    permissions = (await api.get(api.project))["permissions"]
    assert (permissions["read"], permissions["write"], permissions["admin"]) == (True, False, False)
    assert (await api.call("POST", "/api/v2/projects", {"name": "mine"})).status_code == 200


async def test_a_full_folder_refuses_uploads(api: Api) -> None:
    api.bench.faults.update({"folder_full": 1})
    answer = await api.http.post(f"{api.project}/files", files={"one.py": ("f", b"1")})
    assert (answer.status_code, answer.json()["message"]) == (500, "write /home/cdsw/one.py: no space left on device")
    assert [row["path"] for row in (await api.get("files/."))["files"]] == [".venv"]


async def test_a_key_expires_in_the_middle_of_something(api: Api) -> None:
    api.bench.faults.update({"fail_request": 2, "fail_how": "expires"})
    assert [(await api.call("GET", "applications")).status_code for _ in range(3)] == [200, 401, 401]
