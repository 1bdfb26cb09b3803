"""What the site gives: workloads wait for quotas, GPUs and nodes without an error, and the API tells who holds what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.workbench.site import BadSite, Site

from .conftest import Api, connected, reaches, until

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = "train-1:user=alice,project=train,cpu=4,memory=16,gpu=3,label=NVIDIA-A10G"


async def site(api: Api, **changes: list[str]) -> dict[str, Any]:
    """Change what the site gives while it runs."""
    answer = await api.call("POST", "/_test/site", changes)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def waiting(api: Api, name: str) -> str:
    """Why an application is not scheduled, once it is not."""
    return str(await until(lambda: api.row(name)["waits_for"], f"{name} to wait"))


async def test_what_is_over_quota_waits_without_an_error_and_begins_when_something_ends(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["cpu=3,memory=64"]}) as api:
        first = await api.created("one", cpu=2)
        await reaches(lambda: api.status(first), "APPLICATION_RUNNING")
        second, third = await api.created("two", cpu=2), await api.created("three", cpu=1)
        await reaches(lambda: api.status(third), "APPLICATION_RUNNING")
        assert await waiting(api, "two") == "quota of user engineer: CPU: 2 asked, 3 of 3 in use"
        assert (await api.status(second), api.row("one")["waits_for"]) == ("APPLICATION_STARTING", "")
        row = (await api.get("/api/v2/usersquota"))["user_quota"][0]
        assert row["quota_usage"] == {"cpu": "3", "memory": "4", "nvidia_gpu": "0"}
        assert row["quota_configured"] == {"cpu": "3", "memory": "64", "nvidia_gpu": "2"}
        await api.call("POST", f"applications/{first}:stop")
        await reaches(lambda: api.status(second), "APPLICATION_RUNNING")
        assert api.bench.violations == []


async def test_a_workload_that_is_stopped_while_it_waits_holds_nothing(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["cpu=1"]}) as api:
        first, second = await api.created("one"), await api.created("two")
        await waiting(api, "two")
        await api.call("DELETE", f"applications/{second}")
        await until(lambda: len(api.bench.applications) == 1, "the second to be gone")
        await api.call("POST", f"applications/{first}:restart")
        await reaches(lambda: api.status(first), "APPLICATION_RUNNING")
        assert [row.name for row in api.bench.scheduler.holdings()] == ["one"]


async def test_a_larger_quota_counts_at_once(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["memory=3"]}) as api:
        await api.created("one")
        second = await api.created("two")
        assert (await waiting(api, "two")).endswith("GB: 2 asked, 2 of 3 in use")
        assert (await site(api, quota=["memory=4"]))["quota"] == ["memory=4"]
        await reaches(lambda: api.status(second), "APPLICATION_RUNNING")


async def test_in_a_team_s_project_the_quota_of_the_team_counts(tmp_path: Path) -> None:
    words = ["cpu=1", "group/ml:cpu=3"]
    held = ["notebook:user=bob,project=other,team=ml,cpu=2,memory=8"]
    async with connected(tmp_path, site={"quota": words, "held": held}, team="ml") as api:
        await api.created("one")
        await api.created("two")
        assert (await waiting(api, "two")).startswith("quota of group ml: CPU: 1 asked, 3 of 3")
        row = (await api.get("/api/v2/groupsquota"))["group_quota"][0]
        assert (row["group"]["name"], row["quota_usage"]["cpu"], row["quota_configured"]["cpu"]) == ("ml", "3", "3")
        assert (await api.get("/api/v2/usersquota"))["user_quota"][0]["quota_usage"]["cpu"] == "0"
        assert (await api.get(api.project))["owner"]["username"] == "ml"
        assert api.bench.violations == []


async def test_a_project_s_quota_holds_though_no_list_tells_it(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["project/workbench:cpu=1"]}) as api:
        await api.created("one")
        await api.created("two")
        assert (await waiting(api, "two")).startswith("quota of project workbench")
        assert (await api.get("/api/v2/usersquota"))["user_quota"][0]["quota_configured"]["cpu"] == "64"


async def test_gpus_that_are_taken_are_waited_for_and_the_lists_tell_by_whom(tmp_path: Path) -> None:
    given = {"accelerator": ["NVIDIA-A10G:count=4,per_workload=2", "NVIDIA-H100:count=8,quota=1"], "held": [TAKEN]}
    async with connected(tmp_path, site=given) as api:
        mine = await api.created("one", nvidia_gpu=1)
        await reaches(lambda: api.status(mine), "APPLICATION_RUNNING")
        second = await api.created("two", nvidia_gpu=1, accelerator_label_id="1")
        assert await waiting(api, "two") == "accelerator NVIDIA-A10G: GPU: 1 asked, 4 of 4 in use"
        labels = (await api.get("/api/v2/nodelabels"))["accelerator_node_label"]
        assert [(row["id"], row["label_value"], row["max_gpu_count"], row["current_gpu_count"]) for row in labels] == [
            ("1", "NVIDIA-A10G", "4", "4"),
            ("2", "NVIDIA-H100", "8", "0"),
        ]
        usage = (await api.get("/api/v2/usage", search_filter='{"status": "running"}'))["usage_response"]
        held = [(row["creator"], row["project_name"], row["nvidia_gpu"], row["workload_type"]) for row in usage]
        assert held == [("engineer", "workbench", 1.0, "application"), ("alice", "train", 3.0, "session")]
        api.bench.faults.update({"admin_key": 1})
        rows = (await api.get("/api/v2/userslabels/quota"))["user_accelerator_quota"]
        used = {(row["username"], row["accelerator_id"]): row["quota_usage"]["nvidia_gpu"] for row in rows}
        assert used == {("engineer", "1"): "1", ("engineer", "2"): "0", ("alice", "1"): "3", ("alice", "2"): "0"}
        await site(api, held=[])
        await reaches(lambda: api.status(second), "APPLICATION_RUNNING")
        assert api.bench.violations == []


async def test_the_accelerator_quota_of_a_user_is_waited_for(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"accelerator": ["H100:count=8,quota=1"]}) as api:
        await api.created("one", nvidia_gpu=1)
        await api.created("two", nvidia_gpu=1)
        assert (await waiting(api, "two")).startswith(
            "accelerator quota of user engineer for H100: GPU: 1 asked, 1 of 1"
        )


async def test_a_resource_group_has_so_many_nodes(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"resource_group": ["small:cpu=2,memory=8,nodes=1", "large"]}) as api:
        await api.created("one", cpu=2)
        await api.created("two")
        assert await waiting(api, "two") == "resource group small: CPU: 1 asked, 2 of 2 in use"
        other = await api.created("three", resource_group_id=2)
        await reaches(lambda: api.status(other), "APPLICATION_RUNNING")
        groups = (await api.get("/api/v2/resourcegroups"))["resource_group"]
        assert [(row["id"], row["name"], row["cpu_count"], row["autoscale_max"]) for row in groups] == [
            (1, "small", 2, 1),
            (2, "large", 16, 10),
        ]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"accelerator_label_id": "7"}, "accelerator_label_id 7 does not exist"),
        ({"resource_group_id": 9}, "resource_group_id 9 does not exist"),
        ({"resource_profile_id": 9}, "resource_profile_id 9 does not exist"),
        ({"resource_profile_id": 2, "cpu": 3}, "resource profile 2 is 4 CPU and 16 GB"),
        ({"cpu": 3}, "no resource profile has 3 CPU and 2 GB"),
        ({"nvidia_gpu": 2}, "2 GPUs were asked for, a workload may have 1 at most"),
    ],
)
async def test_what_the_site_does_not_have_is_refused(tmp_path: Path, fields: dict[str, Any], words: str) -> None:
    given = {"cpu_profile": ["1x2", "4x16"], "accelerator": ["A10G:count=4,per_workload=1"]}
    async with connected(tmp_path, site=given) as api:
        answer = await api.create("one", **fields)
        assert (answer.status_code, answer.json()["message"]) == (400, words)
        assert api.bench.applications == {}


async def test_a_profile_gives_the_size(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"cpu_profile": ["1x2", "4x16"]}) as api:
        body = {"name": "one", "subdomain": "one", "script": "x.py", "resource_profile_id": 2}
        runtime = (await api.get("/api/v2/runtimes"))["runtimes"][0]["image_identifier"]
        made = (await api.call("POST", "applications", {**body, "runtime_identifier": runtime})).json()
        assert (made["cpu"], made["memory"], made["resource_profile_id"]) == (4.0, 16.0, 2)


async def test_usage_counts_stub_applications_by_filter_page_and_time(api: Api) -> None:
    for name in ("ray-head", "ray-worker-1", "ray-worker-2", "other"):
        identity = await api.created(name)
    await reaches(lambda: api.status(identity), "APPLICATION_RUNNING")
    await site(api, held=["old:user=alice,project=train"])
    api.bench.site.held_since["old"] = "2026-01-05T12:00:00Z"

    async def names(**query: object) -> list[str]:
        answer = await api.get(
            "/api/v2/usage",
            **{key: json.dumps(value) if isinstance(value, dict) else value for key, value in query.items()},
        )
        assert answer["total_count"] == str(len(answer["usage_response"]))
        return [row["name"] for row in answer["usage_response"]]

    assert await names(sort="created_at") == ["old", "ray-head", "ray-worker-1", "ray-worker-2", "other"]
    assert await names(search_filter={"name": "worker", "workload_type": "application"}) == [
        "ray-worker-2",
        "ray-worker-1",
    ]
    assert await names(multi_column_search_filter={"name": "head", "creator": "alice"}) == ["ray-head", "old"]
    whole = {"created_time": {"min": "2026-01-05", "max": "2026-01-06 00:00:00"}}
    assert await names(time_range_search_filter=whole) == ["old"]
    first = await api.get("/api/v2/usage", page_size=2, search_filter='{"name": "ray"}')
    assert (len(first["usage_response"]), first["total_count"]) == (2, "3")
    rest = await api.get(
        "/api/v2/usage", page_size=2, search_filter='{"name": "ray"}', page_token=first["next_page_token"]
    )
    assert [row["name"] for row in rest["usage_response"]] == ["ray-head"]
    assert (await api.call("GET", "/api/v2/usage", params={"time_range_search_filter": "today"})).status_code == 400
    api.bench.faults.update({"usage_own": 1})
    assert "old" not in await names()


async def test_usage_tells_what_waits_and_what_ended(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["cpu=1"]}) as api:
        first, _ = await api.created("one"), await api.created("two")
        await reaches(lambda: api.status(first), "APPLICATION_RUNNING")

        async def words() -> dict[str, str]:
            rows = (await api.get("/api/v2/usage"))["usage_response"]
            return {row["name"]: row["status"] for row in rows}

        assert await words() == {"one": "running", "two": "scheduling"}
        await api.call("POST", f"applications/{first}:stop")
        await reaches(lambda: api.status(first), "APPLICATION_STOPPED")
        assert (await words())["one"] == "stopped"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/v2/runtimerepos", "runtimerepos"),
        ("/api/v2/dockercredentials", "docker_credentials"),
        ("/api/v2/models", "models"),
        ("/api/v2/newsfeeds/news", "feeds"),
        ("/api/v2/users/engineer/v2_keys", "keys"),
        ("/api/v2/teams/ml/group_members", "members"),
        ("/api/v2/userslabels/team-quota", "team_accelerator_quota"),
        ("collaborators", "collaborators"),
        ("models", "models"),
        ("experiments", "experiments"),
    ],
)
async def test_lists_that_only_others_ask_for_are_empty(api: Api, path: str, field: str) -> None:
    assert (await api.get(path))[field] == []


@pytest.mark.parametrize(
    "change",
    [
        {"quota": ["cpus=1"]},
        {"quota": ["team/ml:cpu=1"]},
        {"cpu_profile": ["large"]},
        {"quotas": ["cpu=1"]},
        {"held": ["a:gpu=many"]},
    ],
)
def test_a_wrong_word_about_the_site_changes_nothing(change: dict[str, list[str]]) -> None:
    made = Site()
    made.update({"quota": ["cpu=3"]})
    with pytest.raises(BadSite):
        made.update({"accelerator": ["H100:count=1"], **change})
    assert (made.quota_of("user/engineer").cpu, made.accelerators[0].label) == (3.0, "NVIDIA-A10G")


async def test_an_orphan_engine_goes_on_holding_what_it_was_given(tmp_path: Path) -> None:
    async with connected(tmp_path, site={"quota": ["cpu=2"]}, start_seconds=600, orphan_on_restart=1) as api:
        identity = await api.created("one")
        await until(lambda: api.bench.scheduler.holdings(), "the first engine")
        await api.call("POST", f"applications/{identity}:restart")
        await until(lambda: len(api.bench.scheduler.holdings()) == 2, "the second engine")
