"""Reports read from outside the project: seldom, but never those of an earlier life for longer than one look."""

from __future__ import annotations

import json

import msgspec

from raytui.core.observed.snapshot import Application
from raytui.core.units import rfc3339
from raytui.platforms.cai.api.transport import Answer
from raytui.platforms.cai.project.remote_reports import RemoteReports

from .scripted import Scripted, client_over

CREATED = 1_790_000_000.0
HEAD = Application("h", "c-head", "c", "head", 0, "running", created_at=CREATED, started_at=CREATED + 10, exposed=True)


def report(node_id: str) -> Answer:
    node = {
        "schema_version": 1,
        "application": "c-head",
        "cluster": "c",
        "role": "head",
        "engine_id": "e1",
        "state": "alive",
        "pid": 5,
    }
    return Answer(
        200,
        {},
        json.dumps({**node, "node_id": node_id, "message": "", "hint": "", "at": rfc3339(CREATED + 20)}).encode(),
    )


async def test_an_alive_report_is_read_again_at_once_when_its_application_was_restarted() -> None:
    scripted = Scripted(DownloadProjectFile=[report("old"), report("new")])
    reports = RemoteReports(client_over(scripted))
    present = frozenset({"c-head"})
    assert (await reports.of([HEAD], present))["c-head"].node_id == "old"
    assert (await reports.of([HEAD], present))["c-head"].node_id == "old"
    assert scripted.count("DownloadProjectFile") == 1
    again = msgspec.structs.replace(HEAD, started_at=CREATED + 100)
    assert (await reports.of([again], present))["c-head"].node_id == "new"
    assert (await reports.of([again], present))["c-head"].node_id == "new"
    assert scripted.count("DownloadProjectFile") == 2
