"""Why a workload ended, as far as the platform tells: in API v2 only the list of used resources knows.

Asked once for each failure, never again while it lasts, and never in the way of a status: without an answer there is no
reason shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping

from raytui.core.observed.snapshot import Application
from raytui.core.units import parse_time, sanitize
from raytui.platforms.cai.api.client import PAGE_SIZE, ApiClient

_PATIENCE = 3.0
"""Seconds that a listing may be held up by this."""


class Reasons:
    """Reasons of failures by application id."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._known: dict[tuple[str, float], str] = {}

    async def of(self, failed: Iterable[Application]) -> dict[str, str]:
        """One sentence for each failed application that the platform gives a reason for."""
        asked = [app for app in failed if app.launcher is None or not app.launcher.message]
        new = [app for app in asked if (app.id, app.ended_at) not in self._known]
        if new:
            rows = await _rows(self._client)
            for app in new:
                self._known[app.id, app.ended_at] = reason(app.name, "application", app.created_at, rows)
        return {app.id: self._known[app.id, app.ended_at] for app in asked}


async def why_ended(client: ApiClient, name: str, kind: str, since: float) -> str:
    """What the platform says about the newest end of one workload; empty when it says nothing."""
    return reason(name, kind, since, await _rows(client))


def reason(name: str, kind: str, since: float, rows: Iterable[Mapping[str, object]]) -> str:
    """The same from the rows; `since` is when the workload was made, in seconds since 1970."""
    mine = [
        (parse_time(str(row.get("created_at") or "")), row)
        for row in rows
        if row.get("name") == name and str(row.get("workload_type") or kind).lower() == kind
    ]
    newest = max((pair for pair in mine if pair[0] >= since - 1.0), key=lambda pair: pair[0], default=None)
    if newest is None:
        return ""
    row = newest[1]
    details = row.get("k8s_info")
    kubernetes: Mapping[str, object] = details if isinstance(details, dict) else {}
    if row.get("oom_killed"):
        return "it was killed because it used more memory than it was given"
    said = row.get("message") or kubernetes.get("k8s_message") or kubernetes.get("k8s_reason") or ""
    text = " ".join(sanitize(str(said)).split())[:200]
    code = kubernetes.get("k8s_exit_code")
    return text or (f"its script ended with exit code {code}" if isinstance(code, int) and code else "")


async def _rows(client: ApiClient) -> list[Mapping[str, object]]:
    query: dict[str, str | int] = {"page_size": PAGE_SIZE, "sort": "-created_at"}
    try:
        async with asyncio.timeout(_PATIENCE):
            outcome = await client.once("ListUsage", query=query, timeout=_PATIENCE)
    except TimeoutError:
        return []
    rows = outcome.payload.get("usage_response") if outcome.kind == "ok" else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
