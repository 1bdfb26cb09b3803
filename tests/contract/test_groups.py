"""Worker groups over both transports: made with what their group asks for, listed, and reported from other clusters."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from raytui.core.desired.application_request import create_request
from raytui.core.errors import ConfigurationError
from raytui.core.spec import WorkersSpec
from raytui.platforms.cai import CaiPlatform

from .conftest import HEAD, RUNTIME, WORKER, Bench, request_for, spec

GPU = WorkersSpec(2, 1.0, 2.0, 1, RUNTIME, accelerator="A10G")
MIXED = spec(workers=1, auth="disabled").with_group("gpu", GPU)


async def test_a_cluster_of_two_groups_is_listed_head_first_and_group_by_group(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    names = ["c-gpu-2", "c-gpu-1", WORKER, HEAD]
    await asyncio.gather(*(platform.create(request_for(name, wanted=MIXED)) for name in names))
    listed = await platform.list("c")
    assert [(app.short, app.group) for app in listed] == [
        ("head", ""),
        ("worker-1", "worker"),
        ("gpu-1", "gpu"),
        ("gpu-2", "gpu"),
    ]
    assert [app.script for app in listed] == ["head.py", "worker.py", "worker.py", "worker.py"]
    entries = bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    labels = {entry["name"]: entry.get("accelerator_label_id") or "0" for entry in entries}
    known = {row["id"] for row in bench.ask("GET", "/api/v2/nodelabels")["accelerator_node_label"]}
    assert labels["c-gpu-1"] in known
    assert labels[WORKER] == "0"


async def test_an_accelerator_that_nobody_knows_is_refused_before_anything_is_made(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    wrong = MIXED.with_group("gpu", msgspec.structs.replace(GPU, accelerator="Q9000"))
    requests = [create_request(wrong, name) for name in (HEAD, "c-gpu-1")]
    with pytest.raises(ConfigurationError) as caught:
        await platform.prepare(requests)
    assert "has no accelerator Q9000" in caught.value.problems[0].message
    assert bench.names(project) == []


async def test_the_name_of_a_group_that_makes_that_of_another_cluster_s_application_is_a_conflict(
    platform: CaiPlatform,
) -> None:
    other = spec(name="c-big", auth="disabled").with_group("gpu", GPU)
    await platform.create(create_request(other, "c-big-gpu-1"))
    assert await platform.conflicts(("c-big-gpu-1",), "c") == ("c-big-gpu-1",)
    assert await platform.conflicts(("c-big-gpu-1",), "c-big") == ()
    failed = [
        check
        for check in await platform.specs.preflight(MIXED.with_group("big-gpu", msgspec.structs.replace(GPU, count=1)))
        if check.name == "subdomain"
    ]
    assert [check.status for check in failed] == ["fail"]
    assert "c-big-gpu-1" in failed[0].message


async def test_restart_of_a_group_s_worker_keeps_its_accelerator(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    app = await platform.create(request_for("c-gpu-1", wanted=MIXED))
    again = await platform.restart(app)
    assert (again.name, again.group) == ("c-gpu-1", "gpu")
    (entry,) = bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    assert int(entry["accelerator_label_id"]) > 0
