"""What the workbench tells of who holds what: a constant number of requests, and what it does not tell stays unknown."""

from __future__ import annotations

from typing import Any

from raytui.core.observed.holdings import Amounts
from raytui.platforms.cai.applications.records import parse
from raytui.platforms.cai.site.holdings import HoldingsReader
from tests.unit.platforms.cai.scripted import Scripted, bad, client_over, ok


def who(name: str) -> dict[str, Any]:
    return {"id": 1, "html_url": "", "url": "", "name": name.title(), "user_name": name}


def amounts(cpu: str, memory: str, gpus: str) -> dict[str, str]:
    return {"cpu": cpu, "memory": memory, "nvidia_gpu": gpus}


def user_row(name: str, used: dict[str, str], limit: dict[str, str]) -> dict[str, Any]:
    return {"user": who(name), "quota_usage": used, "quota_configured": limit}


def workload(name: str, user: str, project: str, status: str = "running", **more: Any) -> dict[str, Any]:
    plain = {"id": f"id-{name}", "name": name, "creator": user, "project_name": project, "status": status, "group": ""}
    sizes = {"cpu": 2.0, "memory": 8.0, "nvidia_gpu": 0.0, "created_at": "2026-11-24T21:00:00Z"}
    return {**plain, **sizes, "workload_type": "application", **more}


MINE = user_row("engineer", amounts("6", "24", "1"), amounts("6", "64", "4"))
LABEL = {"id": "1", "label_value": "NVIDIA-A10G", "availability": True, "max_gpu_count": "4", "current_gpu_count": "4"}


def label_use(user: str, gpus: str, limit: str = "2", label: str = "1") -> dict[str, Any]:
    return {
        "user_id": "1", "username": user, "accelerator_id": label, "quota_usage": amounts("4", "16", gpus),
        "quota_configured": amounts("", "", limit),
    }  # fmt: skip


def transport(**other: Any) -> Scripted:
    script: dict[str, Any] = {
        "ValidateAPIKey": ok({"valid": True, "username": "engineer"}),
        "GetProject": ok({"id": "p", "name": "workbench"}),
        "ListUsersQuota": ok({"user_quota": [MINE], "total_count": "1"}),
        "ListGroupsQuota": ok({"group_quota": []}),
        "ListAllAcceleratorNodeLabels": ok({"accelerator_node_label": [LABEL]}),
        "ListUsersAcceleratorQuota": ok(
            {"user_accelerator_quota": [label_use("engineer", "1"), label_use("alice", "3")]}
        ),
        "ListUsage": ok({"usage_response": [workload("ray-1", "engineer", "workbench")], "total_count": "1"}),
    }
    return Scripted(**{**script, **other})


async def read(scripted: Scripted, applications: tuple[Any, ...] = ()):
    return await HoldingsReader(client_over(scripted)).read(applications)


async def test_quota_kinds_of_gpu_and_workloads_come_by_a_constant_number_of_requests():
    rows = [workload(f"ray-{n}", "engineer", "workbench") for n in range(400)]
    scripted = transport(ListUsage=ok({"usage_response": rows, "total_count": "400"}))
    reader = HoldingsReader(client_over(scripted))
    first = await reader.read(())
    assert len(scripted.calls) == 7
    again = await reader.read(())
    assert len(scripted.calls) == 12  # whose key it is and the project's name stay what they are
    assert first == again
    assert (len(first.held), first.total) == (400, 400)
    (quota,) = first.quotas
    assert (quota.kind, quota.owner) == ("user", "engineer")
    assert (quota.limit, quota.used) == (Amounts(6.0, 64.0, 4.0), Amounts(6.0, 24.0, 1.0))
    (label,) = first.labels
    assert (label.name, label.total, label.limit) == ("A10G", 4.0, 2.0)
    assert dict(label.used) == {"engineer": 1.0, "alice": 3.0}
    assert first.unknown == ()


async def test_what_ended_holds_nothing_and_what_waits_says_so():
    rows = [
        workload("a", "engineer", "workbench", "ENGINE_SCHEDULING"),
        workload("b", "engineer", "workbench", "stopped"),
        workload("c", "engineer", "workbench", "running"),
    ]
    reported = await read(transport(ListUsage=ok({"usage_response": rows, "total_count": "3"})))
    assert [(row.name, row.state) for row in reported.held] == [("a", "scheduling"), ("c", "running")]
    assert reported.total == 2


async def test_more_workloads_than_one_page_are_counted():
    rows = [workload("a", "engineer", "workbench")]
    reported = await read(transport(ListUsage=ok({"usage_response": rows, "total_count": "4000"})))
    assert reported.total == 4000


async def test_of_the_quotas_of_all_users_the_one_of_the_key_counts():
    others = [user_row("alice", amounts("1", "1", "0"), amounts("9", "9", "9")), MINE]
    reported = await read(transport(ListUsersQuota=ok({"user_quota": others})))
    assert [quota.owner for quota in reported.quotas] == ["engineer"]


async def test_without_a_name_only_a_single_row_is_taken_for_the_own():
    nameless = ok({"valid": True})
    reported = await read(transport(ValidateAPIKey=nameless))
    assert (reported.user, [quota.owner for quota in reported.quotas]) == ("engineer", ["engineer"])
    several = ok({"user_quota": [MINE, user_row("alice", amounts("1", "1", "0"), amounts("9", "9", "9"))]})
    reported = await read(transport(ValidateAPIKey=nameless, ListUsersQuota=several))
    assert reported.quotas == ()
    assert reported.unknown == ("which of the quotas counts for this project is not reported",)


async def test_a_project_of_a_team_has_the_quota_of_the_team():
    group = {"group": who("ml"), "quota_usage": amounts("8", "9", "0"), "quota_configured": amounts("12", "", "")}
    rows = [workload("ray-1", "engineer", "workbench", group="ml")]
    reported = await read(
        transport(ListUsage=ok({"usage_response": rows}), ListGroupsQuota=ok({"group_quota": [group]}))
    )
    (quota,) = reported.quotas
    assert (quota.kind, quota.owner, quota.limit) == ("group", "ml", Amounts(12.0, None, None))
    # Before anything runs there, its owner tells.
    owned = ok({"id": "p", "name": "workbench", "owner": {"username": "ml"}})
    none = transport(
        ListUsage=ok({"usage_response": []}), ListGroupsQuota=ok({"group_quota": [group]}), GetProject=owned
    )
    assert (await read(none)).quotas == (quota,)


async def test_the_kind_of_a_workloads_gpus_is_told_only_where_it_is_certain():
    labels = [LABEL, {**LABEL, "id": "2", "label_value": "NVIDIA-H100"}]
    use = [label_use("alice", "3"), label_use("bob", "1"), label_use("bob", "1", label="2"), label_use("engineer", "1")]
    rows = [
        workload("train", "alice", "train", nvidia_gpu=3.0),
        workload("both", "bob", "train", nvidia_gpu=1.0),
        workload("ray-1", "engineer", "workbench", nvidia_gpu=1.0),
        workload("plain", "alice", "train"),
    ]
    mine = parse({"id": "1", "name": "ray-1", "accelerator_label_id": "2"})
    reported = await read(
        transport(
            ListAllAcceleratorNodeLabels=ok({"accelerator_node_label": labels}),
            ListUsersAcceleratorQuota=ok({"user_accelerator_quota": use}),
            ListUsage=ok({"usage_response": rows}),
        ),
        (mine,),
    )
    assert [row.label for row in reported.held] == ["A10G", "", "H100", ""]


async def test_a_question_that_is_refused_is_named_and_takes_no_other_with_it():
    reported = await read(transport(ListUsersQuota=bad(403, "for administrators only")))
    assert reported.quotas == ()
    assert len(reported.held) == 1
    (sentence,) = reported.unknown
    assert sentence.startswith("the quota of the users could not be read: ")
    assert reported.failure is None


async def test_workloads_that_cannot_be_read_are_a_failure_of_the_list():
    reported = await read(transport(ListUsage=bad(403, "no")))
    assert reported.held == ()
    assert reported.failure is not None
    assert len(reported.quotas) == 1


async def test_damaged_rows_are_unknown_and_never_zero():
    rows = [{"name": 7, "status": "running", "cpu": None, "nvidia_gpu": "", "project_name": {}}, "no row", None]
    odd = {"user": None, "quota_usage": "x", "quota_configured": None}
    reported = await read(transport(ListUsage=ok({"usage_response": rows}), ListUsersQuota=ok({"user_quota": [odd]})))
    (held,) = reported.held
    assert (held.cpu, held.gpus, held.name) == (None, None, "")
    assert reported.quotas == ()


def test_the_id_0_stands_for_no_kind():
    assert parse({"id": "1", "name": "a", "accelerator_label_id": "0"}).accelerator == ""
    assert parse({"id": "1", "name": "a", "accelerator_label_id": "10"}).accelerator == "10"
    assert parse({"id": "1", "name": "a"}).accelerator == ""
