"""The preflight against a workbench: each thing that is wrong is one failing row with its field."""

from __future__ import annotations

import json
import shutil
from typing import Any

import msgspec
import pytest

from raytui.core.errors import ConfigurationError
from raytui.core.protocols.platform import Check
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.platforms.cai import CaiPlatform
from raytui.platforms.cai.api.transport import ClientName

from .conftest import HEAD, REGISTRY, RUNTIME, Bench, foreign, open_platform, spec

CUDA = RUNTIME.replace("standard", "cuda")


def workers(**fields: Any) -> ClusterSpec:
    wanted = spec()
    return msgspec.structs.replace(wanted, workers=msgspec.structs.replace(wanted.workers, **fields))


async def rows(platform: CaiPlatform, wanted: ClusterSpec | None = None) -> dict[str, Check]:
    return {check.name: check for check in await platform.specs.preflight(wanted or spec())}


@pytest.fixture
def ready(bench: Bench, project: str) -> None:
    """A project with both scripts."""
    for name in ("head.py", "worker.py"):
        (bench.folder(project) / name).write_text("print(1)\n")


@pytest.mark.usefixtures("ready")
async def test_a_sound_spec_has_no_failing_row(platform: CaiPlatform, client: ClientName) -> None:
    found = await rows(platform)
    assert [check for check in found.values() if check.status == "fail"] == []
    names = [
        "key",
        "project",
        "shared memory",
        "head runtime",
        "worker runtime",
        "sizes",
        "GPU",
        "quota",
        "subdomain",
        "head script",
        "worker script",
        "venv",
        "security",
    ]
    assert list(found) == names
    assert found["key"].message.endswith(f"through {client}")
    assert "Ray 2." in found["venv"].message


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("wanted", "name", "status", "field"),
    [
        (workers(runtime_identifier=f"{REGISTRY}/ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b4"), "worker runtime", "fail", "workers.runtime_identifier"),
        (workers(gpus=1), "worker runtime", "warn", "workers.runtime_identifier"),
        (workers(runtime_identifier=RUNTIME.replace("3.11", "3.13")), "worker runtime", "fail", "workers.runtime_identifier"),
        (workers(cpu=500.0), "sizes", "fail", "workers.cpu"),
        (workers(cpu=3.0), "sizes", "warn", ""),
        (workers(gpus=8, runtime_identifier=CUDA), "GPU", "fail", "workers.gpus"),
        (workers(gpus=2, count=5, runtime_identifier=CUDA), "GPU", "warn", "workers.count"),
        (workers(cpu=500.0), "quota", "fail", "workers.cpu"),
        (workers(script="nowhere.py"), "worker script", "fail", "workers.script"),
    ],
)  # fmt: skip
async def test_each_thing_that_is_wrong_is_one_row(
    platform: CaiPlatform, wanted: ClusterSpec, name: str, status: str, field: str
) -> None:
    check = (await rows(platform, wanted))[name]
    assert (check.status, check.field) == (status, field)
    assert check.hint


@pytest.mark.usefixtures("ready")
@pytest.mark.parametrize(
    ("faults", "name", "words"),
    [
        ({"no_runtimes": 1}, "head runtime", "lists no runtimes"),
        ({"key_invalid": 1}, "key", "refused the API key from CML_API_KEY"),
        ({"wrong_audience": 1}, "key", "does not have the audience API"),
        ({"expired_login": 1}, "platform", "login page"),
    ],
)
async def test_each_fault_of_the_workbench_is_one_failing_row(
    platform: CaiPlatform, bench: Bench, faults: dict[str, Any], name: str, words: str
) -> None:
    bench.faults(**faults)
    check = (await rows(platform))[name]
    assert check.status == "fail"
    assert words in check.message


async def test_a_missing_script_is_named_with_what_renders_it(platform: CaiPlatform) -> None:
    check = (await rows(platform))["head script"]
    assert (check.status, check.field) == ("fail", "head.script")
    assert "raytui render" in as_commands(check.hint)


async def test_launchers_that_differ_from_what_is_rendered_have_drifted(
    bench: Bench, project: str, client: ClientName
) -> None:
    rendered = {"ray_head_launcher.py": b"current", "ray_worker_launcher.py": b"current"}
    (bench.folder(project) / "head.py").write_bytes(b"current")
    (bench.folder(project) / "worker.py").write_bytes(b"older")
    platform = open_platform(bench, project, client, launchers=lambda: rendered)
    found = await rows(platform)
    assert (found["head script"].status, found["worker script"].status) == ("ok", "warn")
    assert "differs" in found["worker script"].message
    await platform.close()


@pytest.mark.parametrize(
    ("held", "head", "words"),
    [
        ({}, "fail", "head.py runs the folder raytui_node beside it, which lacks raytui_node/health.py and 1 more"),
        ({"health.py": b"health"}, "fail", "which lacks raytui_node/node.py"),
        (
            {"health.py": b"health", "node.py": b"older"},
            "warn",
            "raytui_node/node.py differs from what this version of raytui renders",
        ),
        ({"health.py": b"health", "node.py": b"node"}, "ok", "head.py is there, with 2 files of raytui_node"),
    ],
)
async def test_the_folder_beside_a_script_is_looked_at_whole(
    bench: Bench, project: str, client: ClientName, held: dict[str, bytes], head: str, words: str
) -> None:
    script = b"# runs raytui_node\n"
    rendered = {
        "ray_head_launcher.py": script,
        "ray_worker_launcher.py": script,
        "raytui_node/health.py": b"health",
        "raytui_node/node.py": b"node",
    }
    folder = bench.folder(project)
    (folder / "head.py").write_bytes(script)
    (folder / "worker.py").write_bytes(b"print('a script of my own')\n")
    (folder / "raytui_node").mkdir()
    for name, data in held.items():
        (folder / "raytui_node" / name).write_bytes(data)
    platform = open_platform(bench, project, client, launchers=lambda: rendered)
    found = await rows(platform)
    assert found["head script"].status == head
    assert words in found["head script"].message
    # A script that needs no folder is judged by itself.
    assert found["worker script"].message == "worker.py differs from what this version of raytui renders"
    await platform.close()


async def test_a_launcher_that_start_writes_need_not_be_there(platform: CaiPlatform) -> None:
    wanted = workers(script=".raytui/c/launchers/ray_worker_launcher.py")
    assert (await rows(platform, wanted))["worker script"].status == "ok"


async def test_a_foreign_application_that_has_the_name_fails_the_subdomain(
    platform: CaiPlatform, bench: Bench, project: str
) -> None:
    foreign(bench, project, HEAD)
    check = (await rows(platform))["subdomain"]
    assert (check.status, check.field) == ("fail", "name")
    assert HEAD in check.message


async def test_a_project_without_its_venv_fails(platform: CaiPlatform, bench: Bench, project: str) -> None:
    (bench.folder(project) / "README.md").write_text("x")
    link = bench.folder(project) / ".venv"
    if link.is_symlink():
        link.unlink()
    else:
        shutil.rmtree(link, ignore_errors=True)
    assert (await rows(platform))["venv"].status == "fail"


async def test_a_raised_shared_memory_limit_is_seen(platform: CaiPlatform, bench: Bench, project: str) -> None:
    assert (await rows(platform))["shared memory"].status == "warn"
    bench.ask("PATCH", f"/api/v2/projects/{project}", {"shared_memory_limit": 4096})
    assert (await rows(platform))["shared memory"].status == "ok"


async def test_a_project_that_is_not_there_is_a_failing_row(bench: Bench, client: ClientName) -> None:
    platform = open_platform(bench, "aaaa-bbbb-cccc-dddd", client)
    check = (await rows(platform))["project"]
    assert (check.status, check.field) == ("fail", "project_id")
    await platform.close()


async def test_runtimes_left_out_are_the_newest_that_fit(platform: CaiPlatform, bench: Bench) -> None:
    wanted = ClusterSpec("c", workers=WorkersSpec(1, gpus=1))
    done = await platform.specs.complete(wanted)
    assert "cuda" not in (done.head.runtime_identifier or "cuda")
    assert "cuda" in (done.workers.runtime_identifier or "")
    head, worker = (
        (one or "").split("python")[1].split("-")[0]
        for one in (done.head.runtime_identifier, done.workers.runtime_identifier)
    )
    assert head == worker
    assert await platform.specs.complete(spec()) == spec()
    bench.faults(no_runtimes=1)
    with pytest.raises(ConfigurationError, match="lists no enabled"):
        await platform.specs.complete(wanted)


async def test_the_preflight_changes_nothing(platform: CaiPlatform, bench: Bench, project: str) -> None:
    before = json.dumps(sorted(str(path) for path in bench.folder(project).glob("*")))
    await platform.specs.preflight(spec())
    assert bench.applications(project) == []
    assert json.dumps(sorted(str(path) for path in bench.folder(project).glob("*"))) == before
