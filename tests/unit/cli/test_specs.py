"""What is said without touching a platform: validate, render, config, completion."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from raytui.manager.launchers import render as rendered

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "launchers"


def test_validate_lists_every_problem_and_exits_2(call):
    code, document, _ = call("validate", "--workers", "-1", "--cpu", "0", "--cluster", "Bad Name")
    assert (code, document["valid"]) == (2, False)
    assert [problem["field"] for problem in document["problems"]] == ["name", "workers.count", "workers.cpu"]
    assert call("validate")[1] == {"schema_version": 1, "valid": True, "problems": []}


def test_validate_of_a_file_names_the_keys_it_does_not_know(call, tmp_path):
    (tmp_path / "raytui.toml").write_text('[profiles.local]\nplatfrm = "local"\n[profiles.local.cluster.workers]\ncount = "two"\n')
    code, document, _ = call("validate")
    assert code == 2
    told = {problem["field"]: problem["message"] + problem["hint"] for problem in document["problems"]}
    assert "platform" in told["profiles.local.platfrm"]
    assert "whole number" in told["profiles.local.cluster.workers.count"]


def test_cai_without_its_required_parameters_is_refused_before_anything(call, tmp_path):
    (tmp_path / "raytui.toml").write_text(
        '[profiles.prod]\nplatform = "cai"\nhost = "https://ml.example.com"\nproject_id = "abcd-efgh-ijkl-mnop"\n'
    )
    code, document, _ = call("validate", "-p", "prod")
    assert code == 2
    assert [problem["field"] for problem in document["problems"]] == [
        "head.runtime_identifier",
        "workers.runtime_identifier",
        "head.script",
        "workers.script",
    ]


def test_render_prints_and_writes_the_very_bytes_that_start_writes(text, call, tmp_path):
    assert text("render", "head")[1].encode() == rendered()["ray_head_launcher.py"]
    assert text("render", "worker")[1].encode() == rendered()["ray_worker_launcher.py"]
    code, document, _ = call("render", "--to", str(tmp_path / "out"))
    assert code == 0
    for item in document["items"]:
        path = Path(item["path"])
        assert path.read_bytes() == rendered()[path.name] == (GOLDEN / path.name).read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == 0o755
    assert {item["name"]: item["content"].encode() for item in call("render")[1]["items"]} == rendered()


def test_render_to_a_place_that_cannot_be_written(call, tmp_path):
    (tmp_path / "file").write_text("")
    code, document, _ = call("render", "--to", str(tmp_path / "file" / "x"))
    assert (code, document["error"]["reason"]) == (1, "Unwritable")
    assert call("render", "tail")[0] == 5


def test_config_init_writes_a_file_that_is_valid_and_never_replaces_one(call, tmp_path):
    code, document, _ = call("config", "init")
    assert code == 0
    target = Path(document["path"])
    assert target == tmp_path / "config" / "raytui" / "config.toml"
    assert call("validate")[0] == 0
    assert call("config", "path")[1] == {"schema_version": 1, "path": str(target), "exists": True}
    before = target.read_text()
    assert call("config", "init")[0] == 1
    assert target.read_text() == before


def test_config_show_says_where_each_value_came_from_and_never_a_secret(call, monkeypatch, capsys):
    monkeypatch.setenv("CML_API_KEY", "very-secret-key")
    monkeypatch.setenv("CML_HOST", "ml.example.com")
    monkeypatch.setenv("CML_PROJECT_ID", "abcd-efgh-ijkl-mnop")
    monkeypatch.setenv("RAYTUI_WORKERS", "3")
    _, document, err = call("config", "show", "--origin", "-p", "cai", "--cluster", "mine")
    told = {item["field"]: (item["value"], item["origin"]) for item in document["items"]}
    assert told["cluster.name"] == ("mine", "flag --cluster")
    assert told["cluster.workers.count"] == (3, "RAYTUI_WORKERS")
    assert told["host"] == ("https://ml.example.com", "CML_HOST")
    assert told["api_key"][0] == "***"
    assert "very-secret-key" not in str(document) + err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(text, shell):
    code, out, _ = text("completion", shell)
    assert code == 0
    assert "_RAYTUI_COMPLETE" in out


def test_unknown_profiles_files_and_shells_are_refused(call, tmp_path):
    assert call("validate", "-p", "nope")[0] == 2
    assert call("validate", "--config", str(tmp_path / "nope.toml"))[0] == 2
    assert call("completion", "tcsh")[0] == 2
    (tmp_path / "raytui.toml").write_text("[profiles.local\n")
    code, document, _ = call("validate")
    assert code == 2
    assert "line 1" in document["problems"][0]["message"]


def test_scripts_can_be_named_like_the_library_s_parameters(call, monkeypatch):
    for name, value in (("CML_HOST", "ml.example.com"), ("CML_PROJECT_ID", "abcd-efgh-ijkl-mnop"), ("CML_API_KEY", "k" * 20)):
        monkeypatch.setenv(name, value)
    words = ["validate", "-p", "cai", "--runtime-identifier", "image", "--head-script-path", "h.py", "--worker-script-path", "w.py"]
    assert call(*words)[1]["valid"] is True
