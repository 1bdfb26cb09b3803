"""A workbench without a project is an error that lists what there is, for every verb, and never a look at this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from raytui import bootstrap
from raytui.startup import main

from .conftest import Bench, stub_workbench

VERBS = (("verify",), ("status",), ("nodes",), ("doctor",), ("start", "--dry-run"), ("stop",), ())


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One with few projects, since the error names the first few."""
    yield from stub_workbench(tmp_path_factory)


@pytest.fixture
def named(bench: Bench, project: str, monkeypatch: pytest.MonkeyPatch, tmp_path) -> str:
    """The workbench and the key in the environment, and a project that the key sees."""
    for name in ("RAYTUI_CONFIG", "RAYTUI_PROFILE", "CML_PROJECT_ID", "CDSW_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CML_HOST", bench.url)
    monkeypatch.setenv("CML_API_KEY", bench.api_key)
    monkeypatch.setenv("RAYTUI_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return project


@pytest.mark.parametrize("words", VERBS)
def test_a_missing_project_is_an_error_that_lists_the_projects_of_the_key(named, capsys, tmp_path, words):
    code = main([*words, "-o", "json"]) if words else main(["-o", "json"])
    out, err = capsys.readouterr()
    assert code == 2
    (problem,) = json.loads(out)["error"]["problems"]
    assert (problem["field"], named in problem["hint"]) == ("project_id", True)
    assert "passed" not in out + err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("key", ["wrong-key-0123456789", ""])
def test_without_a_key_that_works_the_sentence_stands_alone(named, capsys, monkeypatch, key):
    monkeypatch.setenv("CML_API_KEY", key)
    assert main(["status", "-o", "json"]) == 2
    problems = json.loads(capsys.readouterr().out)["error"]["problems"]
    assert problems[0]["field"] == "project_id"
    assert "sees" not in problems[0]["hint"]
    assert ("api_key" in [problem["field"] for problem in problems]) is (key == "")


def test_a_workbench_that_does_not_answer_is_not_waited_for_long(named, capsys, monkeypatch):
    monkeypatch.setenv("CML_HOST", "http://127.0.0.1:1")
    monkeypatch.setattr(bootstrap, "PROJECTS_S", 0.3)
    assert main(["status", "-o", "json"]) == 2
    assert "sees" not in capsys.readouterr().out
