"""What is said without touching a platform: validate, render, config, completion."""

from __future__ import annotations

import errno
import stat
import tomllib
from pathlib import Path

import pytest

from raytui.cli import specs
from raytui.manager.launchers import render as rendered
from raytui.startup import main

SOURCES = Path(__file__).resolve().parents[3] / "launchers"


def test_validate_lists_every_problem_and_exits_2(call):
    code, document, _ = call("validate", "--workers", "-1", "--cpu", "0", "--cluster", "Bad Name")
    assert (code, document["valid"]) == (2, False)
    assert [problem["field"] for problem in document["problems"]] == ["name", "workers.count", "workers.cpu"]
    assert call("validate")[1] == {"schema_version": 1, "valid": True, "problems": []}


def test_validate_of_a_file_names_the_keys_it_does_not_know(call, tmp_path):
    (tmp_path / "raytui.toml").write_text(
        '[profiles.local]\nplatfrm = "local"\n[profiles.local.cluster.workers]\ncount = "two"\n'
    )
    code, document, _ = call("validate")
    assert code == 2
    reported = {problem["field"]: problem["message"] + problem["hint"] for problem in document["problems"]}
    assert "platform" in reported["profiles.local.platfrm"]
    assert "whole number" in reported["profiles.local.cluster.workers.count"]


def test_cai_without_its_required_parameters_is_refused_before_anything(call, tmp_path):
    (tmp_path / "raytui.toml").write_text(
        '[profiles.prod]\nplatform = "cai"\nhost = "https://ml.example.com"\nproject_id = "abcd-efgh-ijkl-mnop"\n'
    )
    code, document, _ = call("validate", "-p", "prod")
    assert code == 2
    assert [problem["field"] for problem in document["problems"]] == [
        "head.runtime_identifier",
        "workers.runtime_identifier",
    ]


def test_render_prints_and_writes_the_very_bytes_that_start_writes(text, call, tmp_path):
    assert text("render", "head")[1].encode() == rendered()["ray_head_launcher.py"]
    _, out, err = text("render", "worker")
    assert out.encode() == rendered()["ray_worker_launcher.py"]
    assert "raytui_node" in err
    code, document, _ = call("render", "--to", str(tmp_path / "out"))
    assert code == 0
    assert [item["name"] for item in document["items"]] == list(rendered())
    for item in document["items"]:
        path = Path(item["path"])
        assert path == tmp_path / "out" / item["name"]
        assert path.read_bytes() == rendered()[item["name"]] == (SOURCES / item["name"]).read_bytes()
        assert stat.S_IMODE(path.stat().st_mode) == int(item["mode"], 8) == (0o644 if "/" in item["name"] else 0o755)
    whole = text("render")[1]
    assert all(
        data.decode() in whole if "/" not in name else f"# {name}\n" in whole for name, data in rendered().items()
    )
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
    reported = {item["field"]: (item["value"], item["origin"]) for item in document["items"]}
    assert reported["cluster.name"] == ("mine", "flag --cluster")
    assert reported["cluster.workers.count"] == (3, "RAYTUI_WORKERS")
    assert reported["host"] == ("https://ml.example.com", "CML_HOST")
    assert reported["api_key"][0] == "***"
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
    for name, value in (
        ("CML_HOST", "ml.example.com"),
        ("CML_PROJECT_ID", "abcd-efgh-ijkl-mnop"),
        ("CML_API_KEY", "k" * 20),
    ):
        monkeypatch.setenv(name, value)
    words = [
        "validate",
        "-p",
        "cai",
        "--runtime-identifier",
        "image",
        "--head-script-path",
        "h.py",
        "--worker-script-path",
        "w.py",
    ]
    assert call(*words)[1]["valid"] is True


def test_render_writes_only_the_launcher_that_was_named_and_what_it_runs(call, tmp_path):
    code, document, _ = call("render", "worker", "--to", str(tmp_path / "out"))
    assert (code, [item["name"] for item in document["items"] if "/" not in item["name"]]) == (
        0,
        ["ray_worker_launcher.py"],
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ray_worker_launcher.py", "raytui_node"]
    assert (tmp_path / "out/raytui_node/__main__.py").exists()


def test_render_to_an_empty_name_writes_nothing(call, tmp_path):
    code, document, _ = call("render", "--to", "")
    assert (code, "--to" in document["error"]["message"]) == (2, True)
    assert not list(tmp_path.glob("ray_*"))


def test_an_installation_without_its_launchers_says_so(call, monkeypatch, tmp_path):
    monkeypatch.setattr("raytui.manager.launchers._PACKAGE", tmp_path / "nowhere" / "raytui")
    code, document, _ = call("render")
    assert (code, document["error"]["reason"]) == (1, "Incomplete")
    assert "launcher sources are missing" in document["error"]["message"]


@pytest.mark.parametrize(
    "words", [["completion"], ["config"], ["config", "shwo"], ["completion", "tcsh"], ["validate", "extra"]]
)
def test_what_is_missing_or_unknown_is_said_in_one_line_and_where_to_look_in_another(text, words):
    code, out, err = text(*words)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2, err


def test_every_flag_of_a_spec_is_checked_and_all_problems_come_at_once(call):
    words = [
        "--workers",
        "two",
        "--cpu",
        "",
        "--memory",
        "nan",
        "--gpus",
        "1.5",
        "--head-cpu",
        "x",
        "--head-memory",
        "y",
    ]
    code, document, _ = call("validate", *words, "--ray-port", "abc", "--dashboard-port", "-")
    assert (code, set(document)) == (2, {"schema_version", "valid", "problems"})
    assert {problem["field"] for problem in document["problems"]} == {
        "workers.count",
        "workers.cpu",
        "workers.memory",
        "workers.gpus",
        "head.cpu",
        "head.memory",
        "ray_port",
        "dashboard_port",
    }
    assert all(set(problem) == {"field", "message", "hint"} and problem["message"] for problem in document["problems"])


@pytest.mark.parametrize(
    ("ray", "dashboard", "wrong"), [("auto", "auto", []), ("10500", "70000", ["ray_port", "dashboard_port"])]
)
def test_ports_of_the_flags_are_checked(call, ray, dashboard, wrong):
    document = call("validate", "--ray-port", ray, "--dashboard-port", dashboard)[1]
    assert [problem["field"] for problem in document["problems"]] == wrong


def test_problems_as_text_go_to_stderr_and_leave_stdout_empty(text):
    code, out, err = text("validate", "--cpu", "0", "--workers", "-1")
    assert (code, out) == (2, "")
    assert err.startswith("error: 2 problems")


def test_config_path_answers_even_for_a_file_that_is_broken(call, tmp_path):
    broken = tmp_path / "raytui.toml"
    broken.write_text("[profiles.local\n")
    assert call("config", "path") == (0, {"schema_version": 1, "path": str(broken), "exists": True}, "")
    assert call("config", "path", "--config", "absent.toml")[0] == 2


def test_config_path_without_a_file_says_where_one_would_be_and_how_to_get_it(text, tmp_path):
    code, out, err = text("config", "path")
    assert (code, out) == (0, f"{tmp_path / 'config' / 'raytui' / 'config.toml'}\n")
    assert "raytui config init" in err


def test_config_init_writes_where_the_environment_says_unless_a_flag_does(call, monkeypatch, tmp_path):
    monkeypatch.setenv("RAYTUI_CONFIG", "from-environment.toml")
    assert call("config", "init")[1]["path"] == str(tmp_path / "from-environment.toml")
    assert call("config", "init", "--config", "deep/flag.toml")[1]["path"] == str(tmp_path / "deep" / "flag.toml")
    assert "local" in tomllib.loads((tmp_path / "deep" / "flag.toml").read_text())["profiles"]


def test_a_file_that_could_not_be_written_whole_is_taken_back(tmp_path):
    target = tmp_path / "half.toml"

    class Full:
        def write(self, text: str) -> int:
            target.write_text(text[:5])
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        specs._fill(Full(), target, "whole text")
    assert not target.exists()


def test_config_show_answers_the_sizes_that_a_start_would_use(call, text):
    reported = {item["field"]: item["value"] for item in call("config", "show")[1]["items"]}
    assert (reported["cluster.workers.cpu"], reported["cluster.head.memory"]) == (1.0, 2.0)
    assert "origin" not in call("config", "show")[1]["items"][0]
    assert text("config", "show", "--origin")[1].splitlines()[0].split() == ["FIELD", "VALUE", "ORIGIN"]


@pytest.mark.parametrize(
    ("words", "offered"),
    [("raytui val", "validate"), ("raytui config ", "init"), ("raytui validate --wo", "--workers")],
)
def test_completion_offers_what_exists(monkeypatch, capsys, words, offered):
    monkeypatch.setenv("_RAYTUI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    with pytest.raises(SystemExit):
        main([])
    assert f"plain,{offered}" in capsys.readouterr().out.splitlines()


def test_config_show_has_the_keys_that_a_file_sets_with_their_origin(call, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('[keys]\nstart = "f2"\n')
    _, document, _ = call("config", "show", "--origin", "--config", str(file))
    assert [item for item in document["items"] if item["field"].startswith("keys.")] == [
        {"field": "keys.start", "value": "f2", "origin": str(file)}
    ]
    file.write_text('[keys]\nstart = "x"\nbar = "y"\n')
    code, document, _ = call("validate", "--config", str(file))
    assert code == 2
    assert [problem["field"] for problem in document["problems"]] == ["keys.bar", "keys.start"]
