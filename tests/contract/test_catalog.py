"""What a key alone shows of a workbench: its projects and images as lists, and a project that is named instead of numbered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raytui.startup import main

from .conftest import Bench


@pytest.fixture(autouse=True)
def key(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Host and key, and no project."""
    monkeypatch.chdir(tmp_path)
    for name in ("CML_PROJECT_ID", "CDSW_PROJECT_ID", "RAYTUI_PROFILE", "RAYTUI_CONFIG", "RAYTUI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("CML_HOST", bench.url)
    monkeypatch.setenv("CML_API_KEY", bench.api_key)


def named(bench: Bench, name: str) -> str:
    return str(bench.ask("POST", "/api/v2/projects", {"name": name})["id"])


def test_the_projects_that_a_key_sees_are_a_list_like_any_other(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = named(bench, "train listed")
    assert main(["projects", "--filter", "name='train listed'", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (item,) = document["items"]
    assert (item["id"], item["name"], item["may_write"], item["shared_memory_limit"]) == (
        identity, "train listed", True, 64,
    )  # fmt: skip
    assert main(["projects", "--columns", "id", "--filter", "name='train listed'"]) == 0
    assert capsys.readouterr().out.split() == ["ID", identity]


def test_the_images_of_a_workbench_are_a_list_the_newest_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runtimes", "--filter", "python=3.11 cuda=yes", "--limit", "1", "-o", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "python3.11-cuda:2026.06.1-b2" in document["items"][0]["identifier"]
    assert (document["total"], document["truncated"]) == (20, True)


def test_a_project_is_named_as_well_as_numbered(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    named(bench, "train by name")
    assert main(["status", "--project", "train by name", "-o", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["phase"] == "absent"


@pytest.mark.parametrize("words", [("status",), ("nodes",), ("start",), ("doctor",), ("stop", "--yes")])
def test_without_a_project_every_verb_says_which_there_are(
    bench: Bench, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    named(bench, f"aaa {words[0]}")
    assert main([*words]) == 2
    reported = capsys.readouterr().err
    assert "no project is named" in reported
    assert f"aaa {words[0]} (" in reported
    assert "raytui projects lists them" in reported


def test_a_name_that_no_project_has_is_answered_with_the_nearest(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    named(bench, "forecasting")
    monkeypatch.setenv("CML_PROJECT_ID", "forcasting")
    assert main(["status"]) == 5
    reported = capsys.readouterr().err
    assert "the key sees no project forcasting (CML_PROJECT_ID)" in reported
    assert "forecasting (" in reported


def test_a_name_that_several_projects_have_is_not_chosen_from(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.faults(duplicate=1)
    both = {named(bench, "twice there"), named(bench, "twice there")}
    assert main(["status", "--project", "twice there"]) == 2
    reported = capsys.readouterr().err
    assert "2 projects are named twice there" in reported
    assert all(identity in reported for identity in both)


def test_a_project_is_of_a_workbench_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "-p", "local", "--project", "train"]) == 2
    assert "names a project of a workbench" in capsys.readouterr().err
    assert main(["projects", "-p", "local"]) == 2
    assert "projects are of a workbench" in capsys.readouterr().err
