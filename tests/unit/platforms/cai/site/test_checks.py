"""The rows of doctor that need no workbench: what was reported, and what it means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from raytui.core.protocols.platform import Check
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.platforms.cai.project.files import DirectFiles
from raytui.platforms.cai.project.venv import Venv, venv_of
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.checks import (
    gpu_row,
    gpu_total_rows,
    quota_row,
    runtime_row,
    security_row,
    shared_memory_row,
    venv_row,
)
from raytui.platforms.cai.site.usage import reason
from tests.unit.platforms.cai.project.test_files import Drive, remote

BASE = "docker.repository.cloudera.com/cloudera/cdsw/ml-runtime-pbj-jupyterlab-python"


def entry(
    python: str, version: str, edition: str = "Standard", status: str = "ENABLED", editor: str = "JupyterLab"
) -> dict[str, Any]:
    kind = "cuda" if "GPU" in edition else "standard"
    identifier = f"{BASE}{python}-{kind}:{version}"
    return {
        "image_identifier": identifier,
        "kernel": f"Python {python}",
        "edition": edition,
        "full_version": version,
        "status": status,
        "editor": editor,
    }


KNOWN = images.parse([
    entry("3.11", "2025.09.1-b5"),
    entry("3.11", "2025.10.1-b1"),
    entry("3.12", "2025.10.1-b1"),
    entry("3.11", "2025.10.1-b1", "Nvidia GPU"),
    entry("3.13", "2027.01.1-b1", status="DISABLED"),
    {"image_identifier": "r", "kernel": "R 4.4", "edition": "Standard", "full_version": "2028.01.1", "status": "ENABLED"},
    {},
])  # fmt: skip
SPEC = ClusterSpec("c", head=HeadSpec(2.0, 8.0), workers=WorkersSpec(3, 4.0, 16.0, 1))


def row(identifier: str, gpus: int = 0, venv: Venv = Venv()) -> Check:  # noqa: B008  # a value that nobody can change
    return runtime_row("worker", "workers.runtime_identifier", identifier, KNOWN, gpus=gpus, venv=venv)


def test_a_runtime_that_exists_is_ok() -> None:
    assert row(f"{BASE}3.11-standard:2025.09.1-b5").status == "ok"


def test_a_runtime_that_does_not_exist_offers_the_nearest() -> None:
    check = row(f"{BASE}3.11-standard:2025.09.1-b6")
    assert (check.status, check.field) == ("fail", "workers.runtime_identifier")
    assert f"{BASE}3.11-standard:2025.09.1-b5" in as_commands(check.hint)


def test_a_disabled_runtime_and_an_empty_list_fail_and_a_gpu_without_cuda_warns() -> None:
    assert row(f"{BASE}3.13-standard:2027.01.1-b1").status == "fail"
    assert runtime_row("head", "head.runtime_identifier", "x", (), gpus=0, venv=Venv()).status == "fail"
    assert row(f"{BASE}3.11-standard:2025.10.1-b1", gpus=1).status == "warn"
    assert row(f"{BASE}3.11-cuda:2025.10.1-b1", gpus=1).status == "ok"
    assert row("").status == "fail"


def test_an_image_of_another_python_than_the_venv_s_never_fits() -> None:
    venv = Venv(exists=True, has_ray=True, python="3.11")
    wrong = row(f"{BASE}3.12-standard:2025.10.1-b1", venv=venv)
    assert (wrong.status, "Python 3.12" in wrong.message, "Python 3.11" in wrong.message) == ("fail", True, True)
    assert wrong.choices
    assert all("3.11" in choice for choice in wrong.choices)
    own = Venv(exists=True, has_ray=True, python="3.11", own_python=True)
    assert row(f"{BASE}3.12-standard:2025.10.1-b1", venv=own).status == "ok"


@pytest.mark.parametrize(
    ("gpu", "python", "chosen"),
    [
        (False, "3.11", f"{BASE}3.11-standard:2025.10.1-b1"),
        (False, "", f"{BASE}3.12-standard:2025.10.1-b1"),
        (True, "3.11", f"{BASE}3.11-cuda:2025.10.1-b1"),
        (True, "3.12", ""),
    ],
)
def test_the_newest_fitting_runtime_is_enabled_and_of_the_venvs_python(gpu: bool, python: str, chosen: str) -> None:
    found = images.fitting(KNOWN, gpu=gpu, python=python)
    assert [runtime.identifier for runtime in found[:1]] == ([chosen] if chosen else [])
    assert images.fitting((), gpu=gpu) == ()


@pytest.mark.parametrize(
    ("wanted", "workers", "labels", "status"),
    [
        (1, 1, [], "fail"),
        (1, 1, [{"availability": False, "max_gpu_per_workload": "4"}], "fail"),
        (3, 1, [{"max_gpu_per_workload": "2", "max_gpu_count": "8"}], "fail"),
        (2, 5, [{"max_gpu_per_workload": "2", "max_gpu_count": "8"}], "warn"),
        (2, 4, [{"max_gpu_per_workload": "2", "max_gpu_count": "8"}], "ok"),
        (2, 4, [{"label_value": "A10"}], "ok"),
    ],
)
def test_gpus_are_compared_with_what_the_workbench_offers(
    wanted: int, workers: int, labels: list[dict[str, Any]], status: str
) -> None:
    assert gpu_row(wanted, workers, labels).status == status


def test_a_group_s_gpus_are_those_of_the_kind_that_it_names() -> None:
    labels = [
        {"id": "1", "label_value": "NVIDIA-A10G", "max_gpu_per_workload": "1", "max_gpu_count": "8"},
        {"id": "2", "label_value": "NVIDIA-H100", "max_gpu_per_workload": "8", "max_gpu_count": "8"},
    ]
    assert gpu_row(4, 1, labels).status == "ok"
    too_many = gpu_row(4, 1, labels, group="gpu", accelerator="A10G")
    assert (too_many.status, too_many.field) == ("fail", "groups.gpu.gpus")
    unknown = gpu_row(1, 1, labels, group="gpu", accelerator="V100")
    assert (unknown.status, unknown.field) == ("fail", "groups.gpu.accelerator")
    assert "NVIDIA-A10G, NVIDIA-H100" in str(unknown.hint)


@pytest.mark.parametrize(
    ("kinds", "counts", "reported"),
    [
        (("A10G", "A10G"), (2, 3), ["the groups worker, gpu ask for 10 GPUs, the workbench has 8 (NVIDIA-A10G)"]),
        (("A10G", "H100"), (4, 4), []),
        (("A10G", ""), (4, 5), ["the groups worker, gpu ask for 18 GPUs, the workbench has 16 (NVIDIA-A10G, NVIDIA-H100)"]),
        (("A10G", "A10G"), (2, 2), []),
    ],
)  # fmt: skip
def test_the_gpus_of_all_groups_count_together(
    kinds: tuple[str, str], counts: tuple[int, int], reported: list[str]
) -> None:
    labels = [
        {"id": "1", "label_value": "NVIDIA-A10G", "max_gpu_per_workload": "4", "max_gpu_count": "8"},
        {"id": "2", "label_value": "NVIDIA-H100", "max_gpu_per_workload": "4", "max_gpu_count": "8"},
    ]
    one, two = (WorkersSpec(count=count, gpus=2, accelerator=kind) for kind, count in zip(kinds, counts, strict=True))
    rows = gpu_total_rows(ClusterSpec(workers=one).with_group("gpu", two), labels)
    assert [row.message for row in rows if row.status == "warn"] == reported


def test_the_quota_of_a_team_is_named_as_the_teams() -> None:
    quota = {"quota_configured": {"cpu": "2"}, "quota_usage": {"cpu": "0"}}
    wanted = ClusterSpec(head=HeadSpec(cpu=2), workers=WorkersSpec(count=1, cpu=2))
    assert "more than the quota of the team ml allows" in quota_row(wanted, quota, team="ml").message


def test_the_quota_counts_every_group() -> None:
    quota = {"quota_configured": {"cpu": "10"}, "quota_usage": {"cpu": "0"}}
    small = ClusterSpec(head=HeadSpec(cpu=2), workers=WorkersSpec(count=1, cpu=2))
    assert quota_row(small, quota).status == "ok"
    mixed = small.with_group("cpu", WorkersSpec(count=2, cpu=4))
    assert "12 of at most 10 CPU" in quota_row(mixed, quota).message


@pytest.mark.parametrize(
    ("configured", "used", "status"),
    [
        ({"cpu": "64", "memory": "256", "nvidia_gpu": "4"}, {"cpu": "0"}, "ok"),
        ({"cpu": "10", "memory": "256", "nvidia_gpu": "4"}, {}, "warn"),
        ({"cpu": "1", "memory": "256", "nvidia_gpu": "4"}, {}, "fail"),
        ({"cpu": "64", "memory": "256", "nvidia_gpu": "2"}, {}, "warn"),
        ({"cpu": "64", "memory": "256", "nvidia_gpu": "4"}, {"memory": "220.5"}, "warn"),
        ({"cpu": "", "memory": None}, None, "ok"),
        (None, None, "skip"),
    ],
)
def test_the_quota_is_compared_with_the_whole_cluster(configured: Any, used: Any, status: str) -> None:
    assert quota_row(SPEC, {"quota_configured": configured, "quota_usage": used}).status == status


@pytest.mark.parametrize(
    ("venv", "status", "words"),
    [
        (Venv(), "skip", "does not show"),
        (Venv(exists=False), "fail", "no virtual environment"),
        (Venv(exists=True), "skip", "does not show"),
        (Venv(exists=True, has_ray=False), "fail", "no ray program"),
        (Venv(exists=True, has_ray=True, python="3.11", ray="2.60.0"), "ok", "Ray 2.60.0 on Python 3.11"),
        (Venv(exists=True, has_ray=True, python="3.11", ray="2.53.0"), "warn", "CVE-2026-27482"),
        (Venv(exists=True, has_ray=True, python="3.11", ray="2.9.3"), "fail", "needs Ray 2.52"),
        (Venv(exists=True, has_ray=True), "ok", "unknown version"),
        (
            Venv(exists=True, has_ray=True, ray="2.60.0", broken=".venv/bin/python is a link to /x"),
            "warn",
            "is a link to /x",
        ),
        (
            Venv(exists=True, has_ray=False, broken=".venv/bin/python is a link to /x"),
            "fail",
            "no ray program, and .venv/bin/python is a link",
        ),
    ],
)
def test_the_venv_row(venv: Venv, status: str, words: str) -> None:
    check = venv_row(SPEC, venv)
    assert check.status == status
    assert words in check.message


async def test_the_venv_is_known_by_its_names_alone() -> None:
    files = {
        ".venv/bin/ray": b"",
        ".venv/lib/python3.11": b"",
        ".venv/lib/python3.11/site-packages/ray-2.60.0.dist-info": b"",
        ".venv": b"",
    }
    drive = Drive()
    drive.held = files
    found = await venv_of(remote(drive))
    assert (found.exists, found.has_ray, found.python, found.ray, found.ray_release) == (
        True,
        True,
        "3.11",
        "2.60.0",
        (2, 60, 0),
    )
    drive.held = {"README.md": b""}
    assert await venv_of(remote(drive)) == Venv(exists=False)
    drive.held = {}
    assert await venv_of(remote(drive)) == Venv(exists=None)


@pytest.mark.parametrize(
    ("limit", "memory", "status"), [(64, 8.0, "warn"), (4096, 8.0, "ok"), (64, 0.2, "ok"), (2048, 64.0, "ok")]
)
def test_shared_memory_below_a_gigabyte_is_warned_of(limit: int, memory: float, status: str) -> None:
    spec = ClusterSpec("c", head=HeadSpec(1.0, memory), workers=WorkersSpec(0))
    check = shared_memory_row(spec, limit)
    assert check.status == status
    assert ("--shared-memory" in as_commands(check.hint)) == (status == "warn")


@pytest.mark.parametrize(
    ("auth", "exposed", "status"),
    [("token", False, "ok"), ("token", True, "ok"), ("disabled", False, "warn"), ("disabled", True, "fail")],
)
def test_the_posture_is_one_line(auth: Any, exposed: bool, status: str) -> None:
    assert security_row(ClusterSpec("c", auth=auth, expose_dashboard=exposed)).status == status


ROW = {"name": "c-head", "workload_type": "application", "created_at": "2026-11-24T00:00:10Z"}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], ""),
        ([{**ROW, "oom_killed": True}], "more memory"),
        ([{**ROW, "message": "engine exited with\n code 1"}], "engine exited with code 1"),
        ([{**ROW, "k8s_info": {"k8s_exit_code": 3}}], "exit code 3"),
        ([{**ROW, "k8s_info": {"k8s_reason": "Evicted"}}], "Evicted"),
        ([{**ROW, "k8s_info": "?"}], ""),
        ([{**ROW, "name": "other", "message": "x"}], ""),
        ([{**ROW, "workload_type": "job", "message": "x"}], ""),
        ([{**ROW, "created_at": "2026-11-23T00:00:00Z", "message": "an earlier life"}], ""),
        ([{**ROW, "created_at": "2026-11-24T00:00:20Z", "message": "newest"}, {**ROW, "message": "older"}], "newest"),
    ],
)
def test_why_a_workload_ended_is_the_newest_use_of_its_name(rows: list[dict[str, Any]], words: str) -> None:
    text = reason("c-head", "application", 1_795_478_400.0, rows)
    assert words in text
    assert bool(text) == bool(words)


async def test_a_venv_made_in_another_image_is_read_and_its_dangling_interpreter_told(tmp_path: Path) -> None:
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name in ("activate", "ray", "zsh-completion"):
        (programs / name).touch()
    (programs / "python").symlink_to("/usr/local/bin/python-of-another-image")
    (tmp_path / ".venv/lib/python3.11/site-packages/ray-2.60.0.dist-info").mkdir(parents=True)
    venv = await venv_of(DirectFiles(tmp_path))
    assert (venv.has_ray, venv.python, venv.ray) == (True, "3.11", "2.60.0")
    assert (
        venv.broken == ".venv/bin/python is a link to /usr/local/bin/python-of-another-image, which does not exist here"
    )
