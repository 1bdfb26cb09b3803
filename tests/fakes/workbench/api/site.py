"""The site: keys, runtimes, accelerators, quotas, usage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.workbench import sitedata
from tests.fakes.workbench.model import OWNER
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, Call, Refused, operation
from tests.fakes.workbench.state import API

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench, Workload

USER = {"id": 1, "html_url": "", "url": "", "name": OWNER["name"], "user_name": OWNER["username"]}


@operation("ValidateAPIKey", "POST", "/api/v2/auth/validate_key")
async def validate_key(bench: Workbench, call: Call) -> dict[str, Any]:
    """Whether the key is good for an audience; 403 when it is a key for something else."""
    from tests.fakes.workbench.ingress import key_of

    audiences = bench.audiences(key_of(call.request) or "")
    if not audiences:
        raise Refused(UNAUTHENTICATED, "the key is invalid or has expired")
    if call.body.get("audience", API) not in audiences:
        raise Refused(FORBIDDEN, f"the key does not have the audience {call.body.get('audience', API)}")
    return {"valid": True, "username": OWNER["username"], "message": ""}


@operation("ListRuntimes", "GET", "/api/v2/runtimes")
async def list_runtimes(bench: Workbench, call: Call) -> dict[str, Any]:
    """The images that workloads can run."""
    return page(bench, call, "runtimes", [] if bench.faults.no_runtimes else sitedata.RUNTIMES)


@operation("ListRuntimeAddons", "GET", "/api/v2/runtimeaddons")
async def list_runtime_addons(bench: Workbench, call: Call) -> dict[str, Any]:
    """Add-ons of runtimes."""
    return page(bench, call, "runtime_addons", sitedata.ADDONS)


@operation("ListAllAcceleratorNodeLabels", "GET", "/api/v2/nodelabels")
async def list_node_labels(bench: Workbench, call: Call) -> dict[str, Any]:
    """GPU labels."""
    return page(bench, call, "accelerator_node_label", [] if bench.faults.no_gpu else sitedata.LABELS)


@operation("ListAcceleratorBasedUserQuota", "GET", "/api/v2/nodelabels/quota")
async def list_label_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """GPU quota of users by label."""
    return page(bench, call, "accelerator_based_user_quota", [] if bench.faults.no_gpu else sitedata.LABEL_QUOTA)


@operation("GetDefaultQuotas", "GET", "/api/v2/default-quota/all")
async def get_default_quotas(bench: Workbench, call: Call) -> dict[str, Any]:
    """The default quotas of users and groups."""
    return {"request_quotas": sitedata.DEFAULT_QUOTAS, "success": True}


@operation("GetDefaultQuota", "GET", "/api/v2/default-quota/user")
async def get_default_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """The default quota of a user."""
    return {"quota": sitedata.DEFAULT_QUOTAS[0], "success": True}


@operation("SetDefaultQuota", "POST", "/api/v2/default-quota/user")
async def set_default_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """Only an administrator may."""
    if not bench.faults.admin_key:
        raise Refused(FORBIDDEN, "only an administrator can change quotas")
    return {"success": True, "message": ""}


@operation("ListUsersQuota", "GET", "/api/v2/usersquota")
async def list_users_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """What the user may use and uses."""
    return {**page(bench, call, "user_quota", [{"user": USER, **_quota(bench)}]), "total_count": "1"}


@operation("ListGroupsQuota", "GET", "/api/v2/groupsquota")
async def list_groups_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """No groups exist."""
    return {**page(bench, call, "group_quota", []), "total_count": "0"}


@operation("ListUsersAcceleratorQuota", "GET", "/api/v2/userslabels/quota")
async def list_users_accelerator_quota(bench: Workbench, call: Call) -> dict[str, Any]:
    """What the user may use and uses of each accelerator."""
    row = {"user_id": "1", "username": OWNER["username"], "accelerator_id": "1", **_quota(bench)}
    return {
        "user_accelerator_quota": [] if bench.faults.no_gpu else [row],
        "next_page_token": "",
        "total_count": str(int(not bench.faults.no_gpu)),
    }


@operation("ListAllResourceGroups", "GET", "/api/v2/resourcegroups")
async def list_resource_groups(bench: Workbench, call: Call) -> dict[str, Any]:
    """Groups of machines."""
    return page(bench, call, "resource_group", sitedata.GROUPS)


@operation("ListCPUProfiles", "GET", "/api/v2/cpuprofiles")
async def list_cpu_profiles(bench: Workbench, call: Call) -> dict[str, Any]:
    """Sizes of workloads offered in the user interface."""
    return page(bench, call, "cpu_resource_profiles", sitedata.CPU_PROFILES)


@operation("ListUsage", "GET", "/api/v2/usage")
async def list_usage(bench: Workbench, call: Call) -> dict[str, Any]:
    """Workloads that ran or run, with the way they ended, the newest first."""
    rows = [_usage(bench, workload) for workload in reversed(bench.workloads)]
    return {**page(bench, call, "usage_response", rows), "total_count": str(len(rows))}


@operation("GetTimeSeries", "GET", "/api/v2/ts_data")
async def get_time_series(bench: Workbench, call: Call) -> dict[str, Any]:
    """An empty series."""
    return {"series_type": call.query.get("series_type", ""), "result": {"values": []}, "next_page_token": ""}


@operation("ListWorkloadExecutions", "GET", "/api/v2/workloads/executions")
async def list_workload_executions(bench: Workbench, call: Call) -> dict[str, Any]:
    """For administrators only."""
    if not bench.faults.admin_key:
        raise Refused(FORBIDDEN, "only an administrator can list workload executions")
    executions = [
        {
            "workload_execution_crn": f"crn:cdp:ml:execution:{workload.id}",
            "pod_name": workload.id,
            "start_time": workload.created_at,
            "status": workload.status,
        }
        for workload in bench.workloads
    ]
    return {"workloads": [], "executions": executions, "next_page_token": ""}


@operation("ListWorkloadStatus", "GET", "/api/v2/workloadstatus")
async def list_workload_status(bench: Workbench, call: Call) -> dict[str, Any]:
    """Status words of usage."""
    return {"workload_status": sitedata.WORKLOAD_STATUS}


@operation("ListWorkloadTypes", "GET", "/api/v2/workloadtypes")
async def list_workload_types(bench: Workbench, call: Call) -> dict[str, Any]:
    """Type words of usage."""
    return {"workload_type": sitedata.WORKLOAD_TYPES}


@operation("GetShortUserByID", "GET", "/api/v2/users/{user_id}")
async def get_user(bench: Workbench, call: Call) -> dict[str, Any]:
    """One user."""
    user = sitedata.USERS.get(int(call.names["user_id"])) if call.names["user_id"].isdigit() else None
    if user is None:
        raise Refused(NOT_FOUND, f"user {call.names['user_id']} not found")
    return user


def _quota(bench: Workbench) -> dict[str, Any]:
    living = [app for app in bench.applications.values() if app.status == "APPLICATION_RUNNING"]
    memory = sum(float(app.fields.get("memory", 0)) for app in living)
    gpus = sum(int(app.fields.get("nvidia_gpu", 0)) for app in living)
    used = {"cpu": f"{sum(app.cpu for app in living):g}", "memory": f"{memory:g}", "nvidia_gpu": str(gpus)}
    return {
        "quota_usage": used,
        "quota_configured": {"cpu": f"{bench.faults.quota_cpu or 64:g}", "memory": "256", "nvidia_gpu": "2"},
    }


def _usage(bench: Workbench, workload: Workload) -> dict[str, Any]:
    project = bench.projects.get(workload.project_id)
    code = workload.exit_code
    killed = code in (-9, 137)
    sizes = {name: float(workload.fields.get(name, 0)) for name in ("cpu", "memory", "nvidia_gpu")}
    row: dict[str, Any] = {
        "name": workload.name, "creator": OWNER["username"], "group": "", "project_name": project.name if project else "", **sizes,
        "workload_type": workload.kind, "created_at": workload.created_at, "duration": "0", "status": workload.status, "creator_info": USER, "id": workload.id,
        "workload_url": "", "message": "" if not code else f"engine exited with code {code}", "oom_killed": killed and bench.faults.oom,
    }  # fmt: skip
    if code is not None:
        number = 128 - code if code < 0 else code
        reason = "OOMKilled" if row["oom_killed"] else "Completed" if code == 0 else "Error"
        row["k8s_info"] = {
            "k8s_exit_code": number,
            "k8s_signal": str(-code) if code < 0 else "",
            "k8s_reason": reason,
            "k8s_message": json.dumps(row["message"])[1:-1],
        }
    return row
