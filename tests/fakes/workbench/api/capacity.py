"""What there is and who may use how much of it: accelerators, quotas, resource groups, sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.model import OWNER
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import FORBIDDEN, Call, Refused, operation
from tests.fakes.workbench.site import USER, Accelerator, Size
from tests.fakes.workbench.sitedata import CREATED

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

LABEL_KEY = "nvidia.com/gpu.product"
FIRST_TEAM = 101
"""The id of the first team; users have lower ones."""


@operation("ListAllAcceleratorNodeLabels", "GET", "/api/v2/nodelabels")
async def list_node_labels(bench: Workbench, call: Call) -> dict[str, Any]:
    """GPU labels, with how many GPUs there are of each and how many are in use."""
    rows = []
    for number, entry in _labels(bench):
        used = sum(row.size.gpu for row in bench.scheduler.holdings() if row.label == entry.label)
        current = entry.count if bench.faults.current_gpus == "present" else used
        group = next((group for group in bench.site.groups if group.name == entry.group), None)
        rows.append({
            "id": str(number), "label_key": LABEL_KEY, "label_value": entry.label, "availability": True, "max_gpu_count": str(entry.count),
            "current_gpu_count": f"{current:g}", "max_gpu_per_workload": str(entry.per_workload), "created_at": CREATED, "updated_at": CREATED,
            "default_quota": str(entry.quota), "resource_group_id": str(bench.site.group_id(entry.group)),
            "cpu": float(group.cpu if group else 16), "memory": float(group.memory if group else 64), "gpu_memory": entry.memory,
        })  # fmt: skip
    return page(bench, call, "accelerator_node_label", rows)


@operation("ListAcceleratorBasedUserQuota", "GET", "/api/v2/nodelabels/quota")
async def list_label_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """GPU quota of users by label."""
    rows = [
        {"user_id": str(user), "accelerator_id": str(number), "gpu_quota": str(entry.quota), "accelerator_key": LABEL_KEY, "accelerator_value": entry.label}
        for user, _ in _users(bench)
        for number, entry in _labels(bench)
    ]  # fmt: skip
    return page(bench, call, "accelerator_based_user_quota", rows)


@operation("GetDefaultQuotas", "GET", "/api/v2/default-quota/all")
async def get_default_quotas(bench: Workbench, call: Call) -> dict[str, Any]:
    """The default quotas of users and teams."""
    return {"request_quotas": [_default(bench, 1, "USER"), _default(bench, 2, "GROUP")], "success": True}


@operation("GetDefaultQuota", "GET", "/api/v2/default-quota/user")
async def get_default_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """The default quota of a user."""
    return {"quota": _default(bench, 1, "USER"), "success": True}


@operation("SetDefaultQuota", "POST", "/api/v2/default-quota/user")
async def set_default_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """Only an administrator may."""
    if not bench.faults.admin_key:
        raise Refused(FORBIDDEN, "only an administrator can change quotas")
    return {"success": True, "message": ""}


@operation("ListUsersQuota", "GET", "/api/v2/usersquota")
async def list_users_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """What users may use and use: the caller, or everybody for an administrator."""
    rows = [{"user": user_info(bench, name), **_quota(bench, f"user/{name}")} for _, name in _users(bench)]
    return {**page(bench, call, "user_quota", rows), "total_count": str(len(rows))}


@operation("ListGroupsQuota", "GET", "/api/v2/groupsquota")
async def list_groups_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """What teams may use and use. One without a quota of its own has no limit."""
    rows = []
    for name in teams(bench):
        row = {"group": team_info(bench, name), **_quota(bench, f"group/{name}")}
        if bench.site.limit_of(f"group/{name}") is None:
            row["quota_configured"] = {"cpu": "", "memory": "", "nvidia_gpu": ""}
        rows.append(row)
    return {**page(bench, call, "group_quota", rows), "total_count": str(len(rows))}


@operation("ListUsersAcceleratorQuota", "GET", "/api/v2/userslabels/quota")
async def list_users_accelerator_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """What users may use and use of each accelerator: the caller, or everybody for an administrator."""
    rows = []
    for number, name in _users(bench):
        for label_id, entry in _labels(bench):
            same = [row.size for row in bench.scheduler.holdings() if row.user == name and row.label == entry.label]
            rows.append({
                "user_id": str(number), "username": name, "accelerator_id": str(label_id), "quota_usage": sum(same, Size()).to_json(),
                "quota_configured": {"cpu": "", "memory": "", "nvidia_gpu": str(entry.quota)},
            })  # fmt: skip
    everything = {"page_size": str(len(rows) or 1), "search_filter": call.query.get("search_filter", "")}
    asked = Call(call.request, call.names, everything, call.body)
    return {**page(bench, asked, "user_accelerator_quota", rows), "total_count": str(len(rows))}


@operation("ListAllResourceGroups", "GET", "/api/v2/resourcegroups")
async def list_resource_groups(bench: Workbench, call: Call) -> dict[str, Any]:
    """Groups of machines."""
    rows = []
    for number, group in enumerate(bench.site.groups, 1):
        model = (
            next((entry for entry in bench.site.accelerators if entry.group == group.name), None) if group.gpu else None
        )
        rows.append({
            "id": number, "name": group.name, "instance_group_name": group.name, "instance_type": group.machine, "cpu_count": group.cpu,
            "gpu_count": str(group.gpu), "memory_in_gib": group.memory, "gpumemory_in_gib": f"{model.memory:g}" if model else "0",
            "gpu_model": model.label if model else "", "gpu_type": "nvidia.com/gpu" if group.gpu else "", "allow_jobs": True, "allow_sessions": True,
            "allow_models": True, "allow_applications": True, "autoscale_min": 0, "autoscale_max": group.nodes, "rg_updated_at": CREATED,
        })  # fmt: skip
    return page(bench, call, "resource_group", rows)


@operation("ListCPUProfiles", "GET", "/api/v2/cpuprofiles")
async def list_cpu_profiles(bench: Workbench, call: Call) -> dict[str, Any]:
    """Sizes of workloads."""
    rows = [
        {"id": number, "cpu": entry.cpu, "memory": entry.memory, "resource_group_id": bench.site.group_id(entry.group) or 1}
        for number, entry in enumerate(bench.site.profiles, 1)
    ]  # fmt: skip
    return page(bench, call, "cpu_resource_profiles", rows)


def teams(bench: Workbench) -> list[str]:
    """Teams that have a quota, a workload or a project."""
    of_projects = (use.project.team for use in bench.workloads)
    owners = (project.team for project in bench.projects.values())
    return list(dict.fromkeys(filter(None, [*bench.site.teams(), *owners, *of_projects])))


def user_info(bench: Workbench, name: str) -> dict[str, Any]:
    """The answer's UserOrGroupInfo of a user."""
    number = (bench.site.users().index(name) + 1) if name in bench.site.users() else 0
    shown = OWNER["name"] if name == USER else name
    return {"id": number, "html_url": "", "url": "", "name": shown, "user_name": name}


def team_info(bench: Workbench, name: str) -> dict[str, Any]:
    """The answer's UserOrGroupInfo of a team."""
    number = FIRST_TEAM + teams(bench).index(name)
    return {"id": number, "html_url": "", "url": "", "name": name, "user_name": name}


def _users(bench: Workbench) -> list[tuple[int, str]]:
    everybody = list(enumerate(bench.site.users(), 1))
    return everybody if bench.faults.admin_key else everybody[:1]


def _labels(bench: Workbench) -> list[tuple[int, Accelerator]]:
    return [] if bench.faults.no_gpu else list(enumerate(bench.site.accelerators, 1))


def _default(bench: Workbench, number: int, owner: str) -> dict[str, Any]:
    quota = bench.site.quota_of("user" if owner == "USER" else "group/")
    sizes = {"requests_memory": f"{quota.memory:g}", "requests_cpu": f"{quota.cpu:g}", "requests_gpu": f"{quota.gpu:g}"}
    return {"id": number, **sizes, "created_at": CREATED, "active": True, "owner_type": owner}


def _quota(bench: Workbench, owner: str) -> dict[str, Any]:
    used = sum((row.size for row in bench.scheduler.holdings() if row.owner == owner), Size())
    configured = bench.site.quota_of(owner).to_json()
    if owner == f"user/{USER}" and bench.faults.quota_cpu:
        configured["cpu"] = f"{bench.faults.quota_cpu:g}"
    return {"quota_usage": used.to_json(), "quota_configured": configured}
