"""What `deploy` stands on: projects found or made once, jobs brought up to date, runs begun once and watched to their end."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import pytest

from raytui.core.errors import ConfigurationError, DeadlineExceeded, OperationFailed
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.api.connect import open_client
from raytui.platforms.cai.api.transport import ClientName
from raytui.platforms.cai.deploy import jobs, projects
from raytui.platforms.cai.deploy.jobs import JobSpec
from raytui.platforms.cai.site.projects import set_shared_memory
from tests.fakes.workbench.faults import LATE, WAYS

from .conftest import RUNTIME, TIMING, Bench

EVERY_WAY = (*WAYS, LATE)
SPEC = JobSpec("setup_environment", "setup.py", RUNTIME, environment={"A": "1"})


@pytest.fixture
async def api(bench: Bench, project: str, client: ClientName) -> AsyncIterator[ApiClient]:
    (bench.folder(project) / "setup.py").write_text("print(1)\n")
    made = open_client(bench.url, lambda: bench.api_key, project_id=project, client=client, timing=TIMING)
    yield made
    await made.close()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A git URL that the workbench can clone."""
    folder = tmp_path_factory.mktemp("repository")
    (folder / "launch.py").write_text("print(1)\n")
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
    return folder.as_uri()


def name_for(request: pytest.FixtureRequest) -> str:
    return f"project {request.node.name}"


async def test_a_project_is_made_once_and_then_found(
    api: ApiClient, bench: Bench, repository: str, request: pytest.FixtureRequest
) -> None:
    bench.faults(clone_seconds=0.3)
    said: list[str] = []
    name = name_for(request)
    made, new = await projects.ensure(api, name, repository, shared_memory_mb=2048, progress=said.append)
    assert new
    assert (made.name, made.creation_status.lower(), made.shared_memory_limit) == (name, "success", 2048)
    assert any("creating" in line for line in said)
    assert await projects.ensure(api, name, repository) == (made, False)
    assert (bench.folder(made.id) / "launch.py").exists()
    await set_shared_memory(api, made.id, 4096)
    assert (await projects.read(api, made.id)).shared_memory_limit == 4096


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_a_project_whose_create_fails_once_is_one_project(
    api: ApiClient, bench: Bench, repository: str, request: pytest.FixtureRequest, way: str
) -> None:
    bench.faults(fail_request=1, fail_how=way, fail_operation="CreateProject")
    name = name_for(request)
    made, _ = await projects.ensure(api, name, repository)
    listed = await api.pages("ListProjects", "projects")
    assert [entry["id"] for entry in listed if entry["name"] == name] == [made.id]


@pytest.mark.parametrize("older", [0, 1])
async def test_a_failed_clone_is_told(
    api: ApiClient, bench: Bench, repository: str, request: pytest.FixtureRequest, older: int
) -> None:
    bench.faults(clone_fails=1, older_status=older)
    with pytest.raises(OperationFailed, match="the clone failed"):
        await projects.ensure(api, name_for(request), repository)


async def test_a_clone_that_does_not_end_is_named(
    api: ApiClient, bench: Bench, repository: str, request: pytest.FixtureRequest
) -> None:
    bench.faults(clone_seconds=600)
    with pytest.raises(DeadlineExceeded, match=r"waited 0\.3 s for the clone of project"):
        await projects.ensure(api, name_for(request), repository, timeout=0.3)


async def test_a_project_of_a_similar_name_is_not_taken(
    api: ApiClient, repository: str, request: pytest.FixtureRequest
) -> None:
    name = name_for(request)
    await projects.ensure(api, f"{name} two", repository)
    assert await projects.find(api, name) is None


async def test_two_projects_of_one_name_are_not_chosen_from(
    api: ApiClient, bench: Bench, request: pytest.FixtureRequest
) -> None:
    bench.faults(duplicate=1)
    name = name_for(request)
    for _ in range(2):
        bench.ask("POST", "/api/v2/projects", {"name": name})
    with pytest.raises(OperationFailed, match="2 projects are named"):
        await projects.find(api, name)


async def test_a_git_url_with_a_token_is_refused_before_anything_is_sent(
    api: ApiClient, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(ConfigurationError, match="token") as caught:
        await projects.ensure(api, name_for(request), "https://someone:ghp_sekrit@github.com/a/b")
    assert "ghp_sekrit" not in f"{caught.value} {caught.value.problems}"


async def test_a_job_is_made_once_and_then_brought_up_to_date(api: ApiClient, bench: Bench, project: str) -> None:
    job_id, new = await jobs.ensure(api, SPEC)
    assert new
    changed = JobSpec("setup_environment", "setup.py", RUNTIME, cpu=2.0, environment={"A": "2"}, timeout_minutes=30)
    assert await jobs.ensure(api, changed) == (job_id, False)
    (job,) = bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]
    assert (job["cpu"], job["environment"], job["timeout"]) == (2.0, '{"A": "2"}', "30")


@pytest.mark.parametrize("way", EVERY_WAY)
@pytest.mark.parametrize("operation", ["CreateJob", "CreateJobRun"])
async def test_a_job_or_run_whose_create_fails_once_is_one(
    api: ApiClient, bench: Bench, project: str, operation: str, way: str
) -> None:
    if way == "twice":
        # Neither jobs nor runs have unique names: what a server makes twice for one request, no client can know.
        way = "500_after"
    bench.faults(fail_request=1, fail_how=way, fail_operation=operation)
    job_id, _ = await jobs.ensure(api, SPEC)
    run = await jobs.start(api, job_id, SPEC.name)
    assert [job["id"] for job in bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]] == [job_id]
    runs = bench.ask("GET", f"/api/v2/projects/{project}/jobs/{job_id}/runs")["job_runs"]
    assert [one["id"] for one in runs] == [run.id]


async def test_a_run_is_watched_to_its_end(api: ApiClient, bench: Bench) -> None:
    bench.faults(start_seconds=0.3)
    job_id, _ = await jobs.ensure(api, SPEC)
    said: list[str] = []
    run = await jobs.start(api, job_id, SPEC.name)
    assert (await jobs.start(api, job_id, SPEC.name)).id == run.id
    ended = await jobs.watch(api, job_id, run, SPEC.name, timeout=20, progress=said.append)
    assert (ended.id, ended.state) == (run.id, "succeeded")
    assert said[-1] == "job setup_environment succeeded"
    assert await jobs.active(api, job_id, SPEC.name) is None
    assert [one.id for one in await jobs.history(api, job_id, SPEC.name)] == [run.id]


async def test_a_run_that_fails_has_a_reason(api: ApiClient, bench: Bench) -> None:
    bench.faults(job_fails=1)
    job_id, _ = await jobs.ensure(api, SPEC)
    ended = await jobs.watch(api, job_id, await jobs.start(api, job_id, SPEC.name), SPEC.name, timeout=20)
    assert ended.state == "failed"
    assert await jobs.failure_reason(api, SPEC.name, ended)


async def test_a_run_that_waits_for_quota_ends_the_watch_and_can_be_taken_up_and_stopped(
    api: ApiClient, bench: Bench
) -> None:
    bench.faults(quota=1)
    job_id, _ = await jobs.ensure(api, SPEC)
    run = await jobs.start(api, job_id, SPEC.name)
    with pytest.raises(DeadlineExceeded, match=r"waited 0\.3 s for the job setup_environment") as caught:
        await jobs.watch(api, job_id, run, SPEC.name, timeout=0.3)
    assert "quota" in caught.value.hint
    again = await jobs.start(api, job_id, SPEC.name)
    assert again.id == run.id
    await jobs.stop(api, job_id, run.id, SPEC.name)
    ended = await jobs.watch(api, job_id, again, SPEC.name, timeout=20)
    assert ended.state == "stopped"
    assert await jobs.failure_reason(api, SPEC.name, ended) == "it was stopped"


async def test_a_job_whose_script_is_missing_is_refused_in_the_workbenchs_words(api: ApiClient) -> None:
    with pytest.raises(
        OperationFailed, match=r"refused to create the job setup_environment: script 'nowhere\.py' not found"
    ):
        await jobs.ensure(api, JobSpec("setup_environment", "nowhere.py", RUNTIME))


async def test_another_project_is_worked_on_over_the_same_connection(
    api: ApiClient, bench: Bench, repository: str, request: pytest.FixtureRequest
) -> None:
    made, _ = await projects.ensure(api, name_for(request), repository)
    other = api.for_project(made.id)
    job_id, _ = await jobs.ensure(other, JobSpec("launch", "launch.py", RUNTIME))
    (job,) = bench.ask("GET", f"/api/v2/projects/{made.id}/jobs")["jobs"]
    assert job["id"] == job_id
    async with asyncio.timeout(5):
        await asyncio.gather(*(projects.read(api, made.id) for _ in range(20)))
