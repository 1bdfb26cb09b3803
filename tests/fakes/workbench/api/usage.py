"""Who used what: the list of workloads, with the way they ended."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.paging import filter_object, matches, page, selected
from tests.fakes.workbench.routing import INVALID, Call, Refused, operation
from tests.fakes.workbench.site import USER

from .capacity import team_info, user_info

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.fakes.workbench.model import Use
    from tests.fakes.workbench.site import Holding
    from tests.fakes.workbench.state import Workbench


@operation("ListUsage", "GET", "/api/v2/usage")
async def list_usage(bench: Workbench, call: Call) -> dict[str, Any]:
    """Workloads that ran, run or wait, the newest first; what other people hold is there too, unless `usage_own` is on."""
    rows = [_own(bench, use) for use in reversed(bench.workloads)]
    if not bench.faults.usage_own:
        rows += [_held(bench, number, row) for number, row in enumerate(bench.site.held, 1)]
    rows = _in_range(_any_column(rows, call), call)
    return {**page(bench, call, "usage_response", rows), "total_count": str(len(selected(call, rows)))}


def _any_column(rows: list[dict[str, Any]], call: Call) -> list[dict[str, Any]]:
    """`multi_column_search_filter`: rows in which any of the named columns holds its text, or one of its texts."""
    wanted = filter_object("multi_column_search_filter", call.query.get("multi_column_search_filter", ""))
    if not wanted:
        return rows
    texts = {name: value if isinstance(value, list) else [value] for name, value in wanted.items()}
    return [row for row in rows if any(matches(row, name, str(text)) for name, some in texts.items() for text in some)]


def _in_range(rows: Iterable[dict[str, Any]], call: Call) -> list[dict[str, Any]]:
    """`time_range_search_filter`: rows made from `min` to `max`, each with or without a time of day."""
    wanted = filter_object("time_range_search_filter", call.query.get("time_range_search_filter", ""))
    limits = wanted.get("created_time") or {}
    if not isinstance(limits, dict):
        raise Refused(INVALID, "created_time of time_range_search_filter is not a JSON object")
    first, last = (_moment(str(limits.get(name) or "")) for name in ("min", "max"))
    made = [(_moment(row["created_at"]), row) for row in rows]
    return [row for at, row in made if at and (first is None or at >= first) and (last is None or at <= last)]


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(INVALID, f"{text!r} is not a time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _own(bench: Workbench, use: Use) -> dict[str, Any]:
    fields, project, code = use.fields, use.project, use.exit_code
    sizes = {
        "cpu": float(fields.get("cpu", 1)),
        "memory": float(fields.get("memory", 2)),
        "nvidia_gpu": float(fields.get("nvidia_gpu", 0)),
    }
    number = list(bench.projects).index(project.id) + 1 if project.id in bench.projects else 0
    url = f"{bench.url}/{USER}/{project.slug}"
    row: dict[str, Any] = {
        "name": use.name, "creator": USER, "group": project.team, "project_name": project.name, **sizes, "workload_type": use.kind,
        "created_at": use.created_at, "duration": str(int((use.ended or time.time()) - use.began)), "status": use.status,
        "creator_info": user_info(bench, USER), "project_info": {"id": number, "slug": f"{USER}/{project.slug}", "html_url": url, "url": url},
        "id": use.id, "workload_url": "", "message": "" if not code else f"engine exited with code {code}",
        "oom_killed": code in (-9, 137) and bench.faults.oom,
    }  # fmt: skip
    if project.team:
        row["group_info"] = team_info(bench, project.team)
    if code is not None:
        reason = "OOMKilled" if row["oom_killed"] else "Completed" if code == 0 else "Error"
        row["k8s_info"] = {
            "k8s_exit_code": 128 - code if code < 0 else code,
            "k8s_signal": str(-code) if code < 0 else "",
            "k8s_reason": reason,
            "k8s_message": json.dumps(row["message"])[1:-1],
        }
    return row


def _held(bench: Workbench, number: int, row: Holding) -> dict[str, Any]:
    sizes = {"cpu": row.size.cpu, "memory": row.size.memory, "nvidia_gpu": row.size.gpu}
    made: dict[str, Any] = {
        "name": row.name, "creator": row.user, "group": row.team, "project_name": row.project, **sizes, "workload_type": row.kind,
        "created_at": bench.site.held_since[row.name], "duration": str(int(_seconds_since(bench.site.held_since[row.name]))), "status": "running",
        "creator_info": user_info(bench, row.user), "id": f"held{number:012}", "workload_url": "", "message": "", "oom_killed": False,
    }  # fmt: skip
    if row.team:
        made["group_info"] = team_info(bench, row.team)
    return made


def _seconds_since(text: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds()
