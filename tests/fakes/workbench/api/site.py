"""The site: keys, runtimes, words, users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench import sitedata
from tests.fakes.workbench.model import OWNER
from tests.fakes.workbench.paging import page
from tests.fakes.workbench.routing import FORBIDDEN, NOT_FOUND, UNAUTHENTICATED, Call, Refused, operation
from tests.fakes.workbench.state import API

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench


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
    names = dict(enumerate(bench.site.users(), 1))
    name = names.get(int(call.names["user_id"])) if call.names["user_id"].isdigit() else None
    if name is None:
        raise Refused(NOT_FOUND, f"user {call.names['user_id']} not found")
    return OWNER if name == OWNER["username"] else {"username": name, "name": name, "email": f"{name}@example.com"}
