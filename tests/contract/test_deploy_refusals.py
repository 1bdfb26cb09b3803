"""What a deploy cannot lead to is said in one sentence before anything is made; what stops it in the middle is named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from raytui.platforms.cai.deploy.pipeline import FOLDER
from raytui.startup import main

from .conftest import RUNTIME, Bench, stub_workbench

A10G = ["NVIDIA-A10G:count=4,per_workload=2"]


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One of its own: accelerators and quotas count for every project."""
    yield from stub_workbench(tmp_path_factory)


@pytest.fixture(autouse=True)
def key(bench: Bench, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host, key and project, and no file."""
    monkeypatch.chdir(tmp_path)
    for name in ("CDSW_PROJECT_ID", "RAYTUI_PROFILE", "RAYTUI_CONFIG", "RAYTUI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CML_HOST", bench.url)
    monkeypatch.setenv("CML_API_KEY", bench.api_key)
    monkeypatch.setenv("CML_PROJECT_ID", project)
    bench.faults(stub_jobs=1)


def untouched(bench: Bench, project: str) -> bool:
    """Whether the project is as it was: no file, no job, no application, its shared memory not raised."""
    reported = bench.ask("GET", f"/api/v2/projects/{project}")
    made = bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]
    folder = bench.folder(project) / ".raytui"
    return not (made or folder.exists() or bench.applications(project) or int(reported["shared_memory_limit"] or 0))


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["deploy", "dry run"])
@pytest.mark.parametrize(
    ("flags", "reported"),
    [
        (("--gpus", "1", "--accelerator", "H100"), "the workbench has no accelerator H100"),
        (
            ("--cpu", "500"),
            "each worker asks for 500 CPU and 8 GB, and no profile or node of the workbench is so large",
        ),
        (
            ("--runtime-identifier", RUNTIME.replace("3.11", "3.13")),
            "and the project's .venv was made with Python 3.11",
        ),
        (("--runtime-identifier", "nowhere/image:1"), "the workbench has no runtime nowhere/image:1"),
        (("--workers", "-1"), "workers.count"),
    ],
    ids=["accelerator", "size", "python", "image", "count"],
)
def test_what_the_workbench_does_not_have_is_refused_before_anything_is_made(
    bench: Bench,
    project: str,
    flags: tuple[str, ...],
    reported: str,
    more: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench.ask("POST", "/_test/site", {"accelerator": A10G})
    assert main(["deploy", *flags, *more]) == 2
    err = capsys.readouterr().err
    assert reported in err
    assert "had begun" not in err
    assert untouched(bench, project)


def test_a_project_that_is_yet_to_be_made_is_not_made_for_what_cannot_run(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--project-name", "yet to come", "--cpu", "500"]) == 2
    assert "no profile or node of the workbench is so large" in capsys.readouterr().err
    assert "yet to come" not in [
        entry["name"] for entry in bench.ask("GET", "/api/v2/projects?page_size=100")["projects"]
    ]


@pytest.mark.parametrize("more", [(), ("--dry-run",)], ids=["deploy", "dry run"])
def test_a_project_that_one_may_only_view_is_left_alone(
    bench: Bench, project: str, more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.faults(view_only="1")
    assert main(["deploy", *more]) == 4
    assert "may view the project" in capsys.readouterr().err
    assert untouched(bench, project)


def test_a_key_without_the_audience_is_named(bench: Bench, project: str, capsys: pytest.CaptureFixture[str]) -> None:
    bench.faults(wrong_audience=1)
    assert main(["deploy"]) == 4
    assert "the key does not have the audience API" in capsys.readouterr().err
    bench.faults(wrong_audience=None)
    assert untouched(bench, project)


@pytest.mark.parametrize("operation", ["UploadFile", "CreateJob", "CreateJobRun", "GetJobRun"])
def test_a_key_that_expires_in_the_middle_is_named_and_a_new_one_goes_on(
    bench: Bench, project: str, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.faults(fail_request=1, fail_how="expires", fail_operation=operation, start_seconds=0.3)
    assert main(["deploy"]) == 4
    err = capsys.readouterr().err
    assert "refused the API key from CML_API_KEY" in err
    assert "make a new API v2 key" in err
    assert "raytui deploy with the same words goes on from here" in err
    bench.faults(key_invalid=None)
    assert main(["deploy"]) == 0
    listed = bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]
    assert [job["name"] for job in listed] == ["launch_ray_cluster"]
    runs = bench.ask("GET", f"/api/v2/projects/{project}/jobs/{listed[0]['id']}/runs")["job_runs"]
    assert {run["status"] for run in runs} == {"ENGINE_SUCCEEDED"}


@pytest.mark.parametrize("words", [("deploy",), ("start", "--runtime-identifier", "auto")])
def test_a_full_folder_is_called_full_and_not_waited_for(
    bench: Bench, project: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    bench.faults(folder_full=1)
    assert main([*words, "--timeout", "60"]) == 1
    err = capsys.readouterr().err
    assert "the folder of the project is full" in err
    assert "no space left on device" in err
    assert bench.applications(project) == []
    assert not (bench.folder(project) / FOLDER / "deploy.json").exists()


@pytest.mark.parametrize(
    ("flags", "reported"),
    [
        (("--gpus", "1", "--accelerator", "H100"), "the workbench has no accelerator H100"),
        (("--cpu", "500"), "no profile or node of the workbench is so large"),
        (("--runtime-identifier", RUNTIME.replace("3.11", "3.13")), "has Python 3.13"),
    ],
    ids=["accelerator", "size", "python"],
)
def test_of_a_complete_cluster_what_the_workbench_does_not_have_is_an_error_not_a_difference(
    bench: Bench, project: str, flags: tuple[str, ...], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.ask("POST", "/_test/site", {"accelerator": A10G})
    assert main(["start", "--runtime-identifier", "auto", "--no-wait"]) == 0
    before = bench.applications(project)
    capsys.readouterr()
    assert main(["start", *flags]) == 2
    assert reported in capsys.readouterr().err
    assert main(["start", "--gpus", "1", "--accelerator", "A10G", "--dry-run"]) == 0
    assert "raytui start --recreate" in capsys.readouterr().out
    assert [app["id"] for app in bench.applications(project)] == [app["id"] for app in before]
    assert main(["stop", "--yes"]) == 0


def test_a_group_that_the_profile_no_longer_has_is_kept_and_named(
    bench: Bench, project: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profile = tmp_path / "raytui.toml"
    group = '[profiles.p.cluster.groups.a]\ncount = 1\nruntime_identifier = "auto"\n'
    profile.write_text(f'[profiles.p]\nplatform = "cai"\n{group}')
    assert main(["start", "-p", "p", "--runtime-identifier", "auto", "--no-wait"]) == 0
    profile.write_text('[profiles.p]\nplatform = "cai"\n')
    capsys.readouterr()
    assert main(["start", "-p", "p", "--no-wait"]) == 0
    assert (
        "the group a is not in the profile and is kept as last asked for (1); raytui scale a=0 ends it"
        in capsys.readouterr().err
    )
    assert main(["scale", "a=0", "-p", "p", "--yes", "--no-wait"]) == 0
    assert main(["stop", "-p", "p", "--yes"]) == 0
    assert bench.applications(project) == []


def test_two_groups_of_one_name_are_refused_with_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = "[profiles.p.cluster.groups.a]\ncount = 1\n"
    (tmp_path / "raytui.toml").write_text(f'[profiles.p]\nplatform = "cai"\n{table}{table}')
    assert main(["start", "-p", "p"]) == 2
    assert "line 5" in capsys.readouterr().err
