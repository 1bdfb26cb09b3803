"""Each kind of thing of API v2: the forms of answers and the refusals."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import Any

import pytest

from tests.fakes.workbench.state import PROJECT_SECRET

from .conftest import RUNTIME, Api, reaches, until


async def test_create_answers_the_environment_as_a_string_with_the_variables_of_the_project(api: Api) -> None:
    answer = await api.create("one", environment={"A": "1"})
    assert json.loads(answer.json()["environment"]) == {"PROJECT_SECRET": PROJECT_SECRET, "A": "1"}
    assert answer.json()["status"] == "APPLICATION_STARTING"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"name": "other", "subdomain": "one"}, 409, "subdomain"),
        ({"name": "one", "subdomain": "other"}, 409, "named"),
        ({"name": "new", "subdomain": "Bad_Name"}, 400, "subdomain"),
        ({"name": "new", "subdomain": "a--b"}, 400, "subdomain"),
        ({"name": " ", "subdomain": "new"}, 400, "name"),
        ({"name": "new", "subdomain": "new", "runtime_identifier": ""}, 400, "runtime_identifier"),
        ({"name": "new", "subdomain": "new", "runtime_identifier": "no/such:1"}, 400, "runtime"),
        ({"name": "new", "subdomain": "new", "cpu": 0}, 400, "cpu"),
        ({"name": "new", "subdomain": "new", "cpu": "4"}, 400, "cpu"),
        ({"name": "new", "subdomain": "new", "environment": "{}"}, 400, "environment"),
    ],
)
async def test_a_create_is_refused(api: Api, fields: dict[str, Any], status: int, words: str) -> None:
    await api.created("one")
    answer = await api.create(**{"name": "one", **fields})
    assert (answer.status_code, words in answer.json()["message"]) == (status, True), answer.text
    api.bench.violations.clear()  # some of the requests are of a wrong form on purpose


async def test_stop_restart_and_delete(api: Api) -> None:
    identity = await api.created("one")
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    assert (await api.call("POST", f"applications/{identity}:stop")).json()["status"] == "APPLICATION_STOPPING"
    await reaches(lambda: api.status(identity), "APPLICATION_STOPPED")
    engine = api.row("one")["engine_id"]
    assert (await api.call("POST", f"applications/{identity}:restart")).status_code == 200
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    assert api.row("one")["engine_id"] != engine
    assert (await api.call("DELETE", f"applications/{identity}")).json() == {}
    await until(lambda: not api.bench.applications, "the application to be gone")
    assert (await api.call("GET", f"applications/{identity}")).status_code == 404
    assert (await api.call("POST", f"applications/{identity}/restart")).status_code == 404


async def test_a_stop_during_a_restart_wins(api: Api) -> None:
    identity = await api.created("one")
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    api.bench.faults.update({"slow_stop": 0.2})
    await api.call("POST", f"applications/{identity}:restart")
    await api.call("POST", f"applications/{identity}:stop")
    await reaches(lambda: api.status(identity), "APPLICATION_STOPPED")


async def test_an_update_sends_the_environment_as_a_string(api: Api) -> None:
    identity = await api.created("one")
    answer = await api.call("PATCH", f"applications/{identity}", {"environment": '{"B": "2"}', "cpu": 4})
    assert (json.loads(answer.json()["environment"]), answer.json()["cpu"]) == ({"B": "2"}, 4)
    assert (await api.call("PATCH", f"applications/{identity}", {"environment": "[]"})).status_code == 400


async def test_pages_hold_ten_entries_and_a_token_belongs_to_its_page_size(api: Api) -> None:
    for number in range(23):
        await api.created(f"app-{number:02}")
    seen, token = [], ""
    while True:
        answer = await api.get("applications", **({"page_token": token} if token else {}))
        seen.append(len(answer["applications"]))
        token = answer["next_page_token"]
        if not token:
            break
    assert seen == [10, 10, 3]
    first = await api.get("applications", page_size=20)
    assert len(first["applications"]) == 20
    assert (
        await api.call("GET", "applications", params={"page_token": first["next_page_token"], "page_size": 5})
    ).status_code == 400


async def test_filters_are_substrings_and_status_words_lower_case(api: Api) -> None:
    for name in ("ray-1", "ray-10", "other"):
        identity = await api.created(name)
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    found = await api.get("applications", search_filter='{"name": "ray-1", "status": "running"}', sort="-name")
    assert [row["name"] for row in found["applications"]] == ["ray-10", "ray-1"]
    assert (await api.get("applications", search_filter='{"name": "RAY"}'))["applications"] == []
    assert (await api.call("GET", "applications", params={"search_filter": "ray"})).status_code == 400


async def test_an_upload_never_overwrites(api: Api) -> None:
    await api.upload("sub/one.py", "1")
    await api.upload("sub/one.py", "2")
    await api.upload("plain", "3")
    await api.upload("plain", "4")
    assert [row["path"] for row in (await api.get("files/sub"))["files"]] == ["one(1).py", "one.py"]
    assert [row["path"] for row in (await api.get("files/."))["files"]] == [".venv", "plain", "plain(1)", "sub"]
    assert (await api.call("POST", "files/sub%2Fone.py:download")).content == b"1"
    moved = await api.call("PATCH", "files/plain", {"path": "moved"})
    assert moved.json() == {"path": "moved", "is_dir": False, "file_size": "1"}
    assert (await api.call("DELETE", "files/sub")).status_code == 200
    assert (await api.call("POST", "files/sub/one.py:download")).status_code == 404
    assert (await api.call("DELETE", "files/sub")).status_code == 404


async def test_no_path_leads_out_of_the_project(api: Api) -> None:
    for path in ("..%2F..%2Fx", "a%2F..%2F..%2F..%2Fx"):
        assert (await api.call("POST", f"files/{path}:download")).status_code == 400
    assert (await api.http.post(f"{api.project}/files", files={"../x": ("f", b"")})).status_code == 400


async def test_a_project_is_cloned_from_a_local_repository(api: Api, tmp_path_factory: pytest.TempPathFactory) -> None:
    source = tmp_path_factory.mktemp("source")
    (source / "hello.txt").write_text("hello")
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "one"],
    ):
        await asyncio.to_thread(subprocess.run, ["git", *words], cwd=source, check=True)
    answer = await api.call(
        "POST", "/api/v2/projects", {"name": "cloned", "template": "git", "git_url": f"file://{source}"}
    )
    path = f"/api/v2/projects/{answer.json()['id']}"
    assert answer.json()["creation_status"] == "creating"

    async def status() -> str:
        return str((await api.get(path))["creation_status"])

    assert await reaches(status, "success", "failure") == "success"
    assert (await api.call("POST", f"{path}/files/hello.txt:download")).text == "hello"
    assert ".venv" in [row["path"] for row in (await api.get(f"{path}/files/."))["files"]]
    assert (await api.call("POST", "/api/v2/projects", {"name": "cloned"})).status_code == 409
    assert (await api.get("/api/v2/projectnames"))["project_names"] == ["workbench", "cloned"]
    assert (await api.call("PATCH", path, {"shared_memory_limit": 512})).json()["shared_memory_limit"] == 512
    assert len((await api.get("/api/v2/projects/batch", project_ids=answer.json()["id"]))["projects"]) == 1
    assert (await api.call("DELETE", path)).status_code == 200
    await until(lambda: len(api.bench.projects) == 1, "the project to be gone")


async def test_a_repository_that_does_not_exist_is_a_failure(api: Api) -> None:
    answer = await api.call("POST", "/api/v2/projects", {"name": "cloned", "git_url": "file:///no/such/place"})
    path = f"/api/v2/projects/{answer.json()['id']}"

    async def status() -> str:
        return str((await api.get(path))["creation_status"])

    assert await reaches(status, "success", "failure") == "failure"


async def test_a_job_needs_its_script_and_its_time_out_is_a_string(api: Api) -> None:
    body = {"name": "j", "script": "job.py", "runtime_identifier": RUNTIME, "timeout": 60}
    refused = await api.call("POST", "jobs", body)
    assert (refused.status_code, refused.json()["message"]) == (400, "script 'job.py' not found in project directory")
    await api.upload("job.py", "")
    made = (await api.call("POST", "jobs", body)).json()
    assert (made["timeout"], made["type"]) == ("60", "manual")
    assert (await api.call("PATCH", f"jobs/{made['id']}", {"timeout": "90"})).json()["timeout"] == "90"
    assert (
        [row["id"] for row in (await api.get("jobs"))["jobs"]]
        == [made["id"]]
        == [row["id"] for row in (await api.get("/api/v2/jobs"))["jobs"]]
    )
    assert (await api.call("DELETE", f"jobs/{made['id']}")).status_code == 200
    assert (await api.call("GET", f"jobs/{made['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("path", "field", "least"),
    [
        ("runtimes", "runtimes", 10),
        ("runtimeaddons", "runtime_addons", 2),
        ("nodelabels", "accelerator_node_label", 1),
        ("nodelabels/quota", "accelerator_based_user_quota", 1),
        ("default-quota/all", "request_quotas", 2),
        ("usersquota", "user_quota", 1),
        ("groupsquota", "group_quota", 0),
        ("userslabels/quota", "user_accelerator_quota", 1),
        ("resourcegroups", "resource_group", 2),
        ("cpuprofiles", "cpu_resource_profiles", 4),
        ("workloadstatus", "workload_status", 5),
        ("workloadtypes", "workload_type", 5),
        ("usage", "usage_response", 0),
    ],
)
async def test_what_the_site_offers(api: Api, path: str, field: str, least: int) -> None:
    assert len((await api.get(f"/api/v2/{path}"))[field]) >= least


async def test_the_rest_of_the_site(api: Api) -> None:
    assert (await api.get("/api/v2/default-quota/user"))["success"]
    assert (await api.get("/api/v2/users/1"))["username"] == "engineer"
    assert (await api.call("GET", "/api/v2/users/7")).status_code == 404
    assert (await api.call("GET", "/api/v2/workloads/executions")).status_code == 403
    assert (await api.call("POST", "/api/v2/default-quota/user", {"uuid": "x"})).status_code == 403
    assert (await api.get("/api/v2/ts_data"))["result"] == {"values": []}
    assert (await api.call("GET", "/api/v2/nothing")).status_code == 404


async def test_a_put_stores_a_file_as_a_post_does(api: Api) -> None:
    for text in (b"1", b"2"):
        answer = await api.http.put(f"{api.project}/files", files={"sub/one.py": ("ignored", text)})
        assert answer.status_code == 200
    assert [row["path"] for row in (await api.get("files/sub"))["files"]] == ["one(1).py", "one.py"]


async def test_metadata_that_is_not_kept_changes_nothing(api: Api) -> None:
    await api.upload("sub/one.py", "1")
    answer = await api.call("PATCH", "files/sub%2Fone.py", {"hidden": True})
    assert (answer.status_code, answer.json()) == (200, {"path": "sub/one.py", "is_dir": False, "file_size": "1"})
    assert (await api.call("PATCH", "files/sub", {})).json() == {"path": "sub", "is_dir": True}
    assert (await api.call("PATCH", "files/none", {})).status_code == 404
    api.bench.violations.clear()  # API v2 does not know the field `hidden`
