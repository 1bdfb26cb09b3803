"""From a key to applications with nothing guessed: what start, stop and doctor put in, find again and leave, on a stub workbench."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raytui.platforms.cai.deploy.pipeline import FOLDER, JOB_SCRIPT, SETUP_JOB, settings_file
from raytui.startup import main

from .conftest import RUNTIME, Bench, spec

SHORT = ("--no-wait",)


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


def limit(bench: Bench, project: str) -> int:
    return int(bench.ask("GET", f"/api/v2/projects/{project}")["shared_memory_limit"] or 0)


def deployed(bench: Bench, project: str) -> None:
    """What a deploy of two workers left in the project."""
    folder = bench.folder(project) / FOLDER
    folder.mkdir(parents=True)
    (folder / "raytui.toml").write_text(settings_file(spec(2, "ray-cluster")))
    (folder / "raytui_job.py").write_text("print(1)\n")
    for name in ("head.py", "worker.py"):
        (bench.folder(project) / name).write_text("print(1)\n")
    body = {"name": SETUP_JOB, "script": JOB_SCRIPT, "runtime_identifier": RUNTIME}
    bench.ask("POST", f"/api/v2/projects/{project}/jobs", body)


def test_start_writes_and_names_its_launchers_and_takes_the_newest_image_that_fits(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", "--runtime-identifier", "auto", *SHORT]) == 0
    reported = capsys.readouterr().err
    listed = bench.ask("GET", f"/api/v2/projects/{project}/applications")["applications"]
    apps = {app["name"]: app for app in listed}
    scripts = {name: app["script"] for name, app in apps.items()}
    assert scripts == {
        "ray-cluster-head": ".raytui/ray-cluster/launchers/ray_head_launcher.py",
        "ray-cluster-worker-1": ".raytui/ray-cluster/launchers/ray_worker_launcher.py",
    }
    assert (bench.folder(project) / scripts["ray-cluster-head"]).is_file()
    image = apps["ray-cluster-head"]["runtime_identifier"]
    assert "python3.11-standard:2026.06.1-b2" in image
    assert f"auto takes the image {image} for the head and the workers" in reported
    # Of a cluster that exists auto is content with the image that there is.
    assert main(["start", "--runtime-identifier", "auto", "--dry-run", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["changed"], document["differences"]) == (False, [])


def test_an_image_that_is_missing_is_answered_with_one_that_fits(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start"]) == 2
    reported = capsys.readouterr().err
    assert "head.runtime_identifier" in reported
    assert "head.script" not in reported
    assert "python3.11-standard:2026.06.1-b2, and auto takes it" in reported
    assert bench.applications(project) == []


def test_an_image_of_another_python_than_the_venv_is_refused_before_anything_is_made(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["start", "--runtime-identifier", RUNTIME.replace("3.11", "3.13")]) == 2
    assert "has Python 3.13, and the project's .venv was made with Python 3.11" in capsys.readouterr().err
    assert bench.applications(project) == []


def test_what_a_deploy_made_is_made_again_without_a_question(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(bench, project)
    assert main(["start", *SHORT]) == 0
    assert "is made as it was last deployed" in capsys.readouterr().err
    assert len(bench.applications(project)) == 3
    assert main(["stop", "--yes"]) == 0
    assert main(["start", "--workers", "1", *SHORT]) == 0
    assert len(bench.applications(project)) == 2


def test_a_stop_says_what_stays_and_a_purge_removes_it(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deployed(bench, project)
    logs = bench.folder(project) / ".raytui" / "ray-cluster" / "logs"
    logs.mkdir(parents=True)
    (logs / "head-1.log").write_text("old\n")
    assert main(["start", "--runtime-identifier", "auto", "--workers", "0", *SHORT]) == 0
    assert main(["stop", "--yes"]) == 0
    assert "raytui stop --purge removes it" in capsys.readouterr().err
    assert (logs / "head-1.log").is_file()
    assert main(["stop", "--purge"]) == 8
    assert main(["stop", "--purge", "--yes", "-o", "json"]) == 0
    (step,) = json.loads(capsys.readouterr().out)["steps"]
    assert f"job {SETUP_JOB}" in step["message"]
    assert list((bench.folder(project) / ".raytui").iterdir()) == []
    assert bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"] == []


def test_a_purge_leaves_the_deploy_of_another_cluster(bench: Bench, project: str) -> None:
    deployed(bench, project)
    assert main(["stop", "--purge", "--yes", "--cluster", "other"]) == 0
    assert (bench.folder(project) / FOLDER / "raytui.toml").is_file()
    assert len(bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"]) == 1


@pytest.mark.parametrize("flag", ["--keep", "--no-wait"])
def test_a_purge_of_what_is_left_in_use_is_refused(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stop", "--purge", flag, "--yes"]) == 2
    assert "removes what applications use" in capsys.readouterr().err


def test_shared_memory_is_raised_where_asked_and_its_number_is_told_where_not(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["start", "--runtime-identifier", "auto", "--workers", "0"]
    assert main([*words, "--dry-run"]) == 0
    assert "a pod has 64 MB of shared memory" in capsys.readouterr().err
    assert main([*words, "--shared-memory", "2", "--dry-run"]) == 0
    assert "shared memory raised: to 2 GB" in capsys.readouterr().out
    assert limit(bench, project) == 0
    assert main([*words, "--shared-memory", "2", *SHORT]) == 0
    assert limit(bench, project) == 2048
    assert main(["stop", "--yes"]) == 0
    # It is never lowered.
    assert main([*words, "--shared-memory", "1", *SHORT]) == 0
    assert limit(bench, project) == 2048


def test_doctor_ends_with_the_start_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--workers", "2"]) == 1
    line = capsys.readouterr().out.splitlines()[-1]
    assert line.startswith("raytui start --runtime-identifier docker")
    assert main([*line.split()[1:], *SHORT]) == 0


def test_doctor_says_why_no_start_would_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--runtime-identifier", "auto", "--cpu", "500", "-o", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["start"] is None
    assert any(obstacle.startswith("sizes: each worker asks for 500 CPU") for obstacle in document["obstacles"])
    choices = next(item["choices"] for item in document["items"] if item["name"] == "worker runtime")
    assert len(choices) == 20
    assert all("python3.11-standard" in choice for choice in choices)


def test_a_deploy_says_what_it_would_do_and_which_variable_it_does_not_use(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["deploy", "--dry-run", "-o", "json"]) == 0
    said = capsys.readouterr()
    steps = [step["message"] for step in json.loads(said.out)["steps"]]
    assert project in steps[0]
    assert "python3.11-standard" in steps[3]
    assert "not used" not in said.err
    assert main(["deploy", "--github-repo", "acme/train", "--dry-run"]) == 0
    said = capsys.readouterr()
    assert f"CML_PROJECT_ID names the project {project} and is not used" in said.err
    assert "train would be created from https://github.com/acme/train.git" in said.out
    assert bench.ask("GET", f"/api/v2/projects/{project}/jobs")["jobs"] == []
    assert main(["deploy", "--github-repo", "acme/train", "--project", "x", "--dry-run"]) == 2


def test_a_deploy_that_fails_says_how_to_go_on_and_goes_on(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.faults(stub_jobs=1, job_fails=1)
    assert main(["deploy", "--shared-memory", "3"]) == 1
    assert "raytui deploy with the same words goes on from here" in capsys.readouterr().err
    bench.faults(stub_jobs=1, job_fails=0)
    assert main(["deploy", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [step["state"] for step in document["steps"]] == ["done"] * 4
    assert document["steps"][1]["message"].startswith("0 of")
    assert (document["project_id"], limit(bench, project)) == (project, 3072)
    assert any(line.startswith("raytui stop") for line in document["next"])


def test_a_key_that_may_only_view_the_project_deploys_nothing(
    bench: Bench, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.faults(read_only=1)
    assert main(["deploy"]) == 4
    assert "may not" in capsys.readouterr().err
    assert not (bench.folder(project) / FOLDER).exists()
