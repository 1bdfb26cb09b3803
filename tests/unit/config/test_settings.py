"""Precedence, origins and every problem at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from raytui.config import files
from raytui.config.fields import FIELDS
from raytui.config.sample import sample
from raytui.config.settings import load, missing_access
from raytui.core.errors import ConfigurationError
from raytui.core.remedy import as_commands

ROOT = Path(__file__).resolve().parents[3]
PROD = """
default_profile = "prod"
[profiles.prod]
platform = "cai"
host = "ml.example.com"
project_id = "abcd-efgh-ijkl-mnop"
[profiles.prod.cluster]
name = "from-file"
[profiles.prod.cluster.workers]
count = 2
"""


def settings(tmp_path: Path, text: str = "", flags: dict | None = None, **environ: str):
    if text:
        (tmp_path / "raytui.toml").write_text(text)
    return load(flags or {}, {"HOME": str(tmp_path), **environ}, tmp_path)


def problems(tmp_path: Path, text: str = "", flags: dict | None = None, **environ: str) -> dict[str, str]:
    with pytest.raises(ConfigurationError) as caught:
        settings(tmp_path, text, flags, **environ)
    return {problem.field: f"{problem.message} {as_commands(problem.hint)}" for problem in caught.value.problems}


def test_with_nothing_at_all_there_is_a_local_profile(tmp_path):
    found = settings(tmp_path)
    assert (found.profile_name, found.platform, found.config_path, found.cluster.workers.count) == (
        "local",
        "local",
        None,
        1,
    )
    assert found.state_dir == tmp_path / ".local" / "state" / "raytui"


def test_the_example_of_the_readme_is_valid(tmp_path):
    text = re.findall(r"```toml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[0]
    found = settings(tmp_path, text.replace("api_key_file", "# api_key_file"))
    assert (found.platform, found.cluster.head.cpu, found.cluster.workers.gpus) == ("cai", 8, 1)


def test_the_sample_file_is_valid_and_names_every_setting(tmp_path):
    text = sample()
    assert settings(tmp_path, text).platform == "local"
    assert not [field.path for field in FIELDS if f"{field.path.rpartition('.')[2]} = " not in text]


def test_flag_then_raytui_variable_then_platform_variable_then_profile_then_default(tmp_path):
    found = settings(tmp_path, PROD, CML_HOST="https://other.example.com")
    assert (found.host, found.origins["host"]) == ("https://other.example.com", "CML_HOST")
    assert (found.cluster.workers.count, found.cluster.name) == (2, "from-file")
    found = settings(
        tmp_path, PROD, CML_HOST="https://other.example.com", RAYTUI_HOST="http://third:8080", RAYTUI_WORKERS="5"
    )
    assert (found.host, found.cluster.workers.count, found.origins["cluster.workers.count"]) == (
        "http://third:8080",
        5,
        "RAYTUI_WORKERS",
    )
    found = settings(tmp_path, PROD, {"cluster.workers.count": "7", "cluster.name": "mine"}, RAYTUI_WORKERS="5")
    assert (found.cluster.workers.count, found.cluster.name) == (7, "mine")


def test_files_are_looked_for_where_the_contract_says(tmp_path):
    home = tmp_path / ".config" / "raytui"
    home.mkdir(parents=True)
    (home / "config.toml").write_text('default_profile = "local"\n[profiles.local.cluster]\nname = "home"\n')
    assert settings(tmp_path).cluster.name == "home"
    assert settings(tmp_path, '[profiles.local.cluster]\nname = "here"\n').cluster.name == "here"
    named = tmp_path / "named.toml"
    named.write_text('[profiles.local.cluster]\nname = "named"\n')
    assert settings(tmp_path, RAYTUI_CONFIG=str(named)).cluster.name == "named"
    other = tmp_path / "other.toml"
    other.write_text('[profiles.local.cluster]\nname = "flag"\n')
    assert settings(tmp_path, flags={"config": str(other)}, RAYTUI_CONFIG=str(named)).cluster.name == "flag"


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    text = PROD.replace("count = 2", 'count = "two"\ncppu = 1') + '[profiles.x]\nplatform = "k8s"\n'
    found = problems(tmp_path, text, {"cluster.head.cpu": "many"})
    assert "did you mean cpu" in found["profiles.prod.cluster.workers.cppu"]
    assert "whole number" in found["profiles.prod.cluster.workers.count"]
    assert "head.cpu" in found
    assert "local, cai" in found["profiles.x.platform"]


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "[profiles",
        '[profiles.local]\nread_only = "maybe"',
        "[profiles]\nlocal = 3",
        '[profiles.local]\ncluster = "x"',
        "\xff",
    ],
)
def test_bad_files_end_in_problems_never_in_a_crash(tmp_path, text):
    (tmp_path / "raytui.toml").write_bytes(text.encode("latin-1"))
    assert problems(tmp_path)


def test_unknown_profiles_name_the_nearest(tmp_path):
    assert "prod" in next(iter(problems(tmp_path, PROD, {"profile": "prdo"}).values()))


def test_a_workbench_in_the_environment_offers_the_profile_cai(tmp_path):
    environ = {"CML_HOST": "ml.example.com", "CML_PROJECT_ID": "abcd-efgh-ijkl-mnop", "CML_API_KEY": "k" * 20}
    found = settings(tmp_path, flags={"profile": "cai"}, **environ)
    assert (found.platform, found.host, found.project_id) == ("cai", "https://ml.example.com", "abcd-efgh-ijkl-mnop")
    assert missing_access(found) == []
    assert problems(tmp_path, flags={"profile": "cai"})


def test_inside_a_workload_the_scheme_comes_from_the_project_s_address(tmp_path):
    environ = {
        "CDSW_DOMAIN": "wb.example.com",
        "CDSW_PROJECT_URL": "http://wb.example.com/api/v1/projects/me/p",
        "CDSW_PROJECT_ID": "abcd-efgh-ijkl-mnop",
        "CDSW_APIV2_KEY": "k" * 20,
        "CDSW_ENGINE_ID": "e1",
    }
    found = settings(tmp_path, flags={"profile": "cai"}, **environ)
    assert (found.host, found.project_dir) == ("http://wb.example.com", tmp_path)


def test_keys_come_from_private_files_and_are_never_shown(tmp_path):
    key = tmp_path / "prod.key"
    key.write_text("very-secret-key\n")
    key.chmod(0o644)
    text = PROD.replace("project_id", f'api_key_file = "{key}"\nproject_id')
    assert "600" in " ".join(problems(tmp_path, text).values())
    key.chmod(0o600)
    found = settings(tmp_path, text)
    assert found.api_key.reveal() == "very-secret-key"
    assert "very-secret-key" not in repr(found)
    assert settings(tmp_path, text, CML_API_KEY="from-the-environment").api_key.reveal() == "from-the-environment"
    key.unlink()
    assert problems(tmp_path, text)


def test_one_image_for_both_and_the_specific_one_wins(tmp_path):
    found = settings(
        tmp_path, flags={"cluster.runtime_identifier": "both", "cluster.workers.runtime_identifier": "gpu"}
    )
    assert (found.cluster.head.runtime_identifier, found.cluster.workers.runtime_identifier) == ("both", "gpu")


@pytest.mark.parametrize("number", ["9" * 5000, "9" * 400, "0x" + "f" * 5000, "-" + "9" * 5000])
@pytest.mark.parametrize("field", ["ray_port", "workers.count", "workers.gpus", "workers.cpu", "name"])
def test_a_number_of_any_length_is_a_problem_and_never_a_crash(tmp_path, field, number):
    table, _, key = field.rpartition(".")
    text = f"[profiles.local.cluster{'.' + table if table else ''}]\n{key} = {number}\n"
    reported = problems(tmp_path, text)
    assert max(len(message) for message in reported.values()) < 400
    (tmp_path / "raytui.toml").unlink()
    if field != "name":
        reported = problems(tmp_path, flags={f"cluster.{field}": number})
        assert list(reported) == [field]
        assert len(reported[field]) < 400


SECRET = "v3ry-s3cret"
UNSENDABLE = {
    "BOM": f"\ufeff{SECRET}",
    "quote": f"\u201c{SECRET}\u201d",
    "line": f"{SECRET}\n{SECRET}",
    "control": f"{SECRET}\x07",
    "ASCII": f"{SECRET}\u200b",
}


@pytest.mark.parametrize("kind", UNSENDABLE)
def test_a_key_or_token_that_no_header_can_carry_is_refused_with_its_source_and_never_shown(tmp_path, kind):
    key, token = tmp_path / "prod.key", tmp_path / "ray.token"
    for file in (key, token):
        file.write_text(UNSENDABLE[kind], encoding="utf-8")
        file.chmod(0o600)
    found = {
        str(key): problems(tmp_path, PROD.replace("project_id", f'api_key_file = "{key}"\nproject_id'))["api_key_file"],
        "CML_API_KEY": problems(tmp_path, PROD, CML_API_KEY=UNSENDABLE[kind])["api_key"],
        "RAY_AUTH_TOKEN": problems(tmp_path, PROD, RAY_AUTH_TOKEN=UNSENDABLE[kind])["auth"],
        str(token): problems(tmp_path, PROD, RAY_AUTH_TOKEN_PATH="~/ray.token")["auth"],
    }
    for source, reported in found.items():
        assert source in reported
        assert kind in reported
        assert SECRET not in reported


def test_a_key_in_another_encoding_is_refused(tmp_path):
    key = tmp_path / "prod.key"
    key.write_bytes(SECRET.encode("utf-16"))
    key.chmod(0o600)
    assert (
        "no text in UTF-8"
        in problems(tmp_path, PROD.replace("project_id", f'api_key_file = "{key}"\nproject_id'))["api_key_file"]
    )


def test_a_key_file_that_is_replaced_by_one_that_cannot_be_sent_is_refused_when_it_is_read(tmp_path):
    key = tmp_path / "prod.key"
    key.write_text("fine-key")
    key.chmod(0o600)
    found = settings(tmp_path, PROD.replace("project_id", f'api_key_file = "{key}"\nproject_id'))
    assert found.api_key.reveal() == "fine-key"
    key.write_text(UNSENDABLE["BOM"], encoding="utf-8")
    with pytest.raises(ConfigurationError, match="can no longer be sent"):
        found.api_key.reveal()


def test_a_ray_token_that_no_cluster_asks_for_is_not_looked_at(tmp_path):
    text = '[profiles.local.cluster]\nauth = "disabled"\n'
    assert settings(tmp_path, text, RAY_AUTH_TOKEN=UNSENDABLE["quote"]).cluster.auth == "disabled"


BENCH = {"CML_HOST": "ml.example.com", "CML_API_KEY": "k" * 20}
INSIDE = {"CDSW_DOMAIN": "wb.example.com", "CDSW_PROJECT_ID": "abcd-efgh-ijkl-mnop", "CDSW_APIV2_KEY": "k" * 20}


@pytest.mark.parametrize("environ", [BENCH, {"CML_HOST": "ml.example.com"}, INSIDE, {"RAYTUI_HOST": "ml.example.com"}])
def test_whoever_names_a_workbench_is_never_answered_from_this_machine(tmp_path, environ):
    found = settings(tmp_path, **environ)
    assert (found.profile_name, found.platform) == ("cai", "cai")
    assert found.origins["profile"] in environ
    assert settings(tmp_path, PROD.replace('default_profile = "prod"', ""), **environ).profile_name == "cai"
    unsaid = "[profiles.other]\nread_only = true\n"
    assert settings(tmp_path, unsaid, {"profile": "other"}, **environ).platform == "cai"


def test_a_profile_that_says_otherwise_is_believed(tmp_path):
    assert settings(tmp_path, flags={"profile": "local"}, **BENCH).platform == "local"
    assert settings(tmp_path, RAYTUI_PLATFORM="local", **BENCH).platform == "local"
    assert settings(tmp_path, RAYTUI_PROFILE="local", **BENCH).platform == "local"
    assert settings(tmp_path, '[profiles.local]\nplatform = "local"\n', **BENCH).platform == "local"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_variable_counts_as_unset(tmp_path, empty):
    assert settings(tmp_path, CML_HOST=empty, CML_API_KEY="k" * 20, CDSW_DOMAIN=empty).platform == "local"


def test_what_is_missing_of_a_workbench_is_said(tmp_path):
    assert [problem.field for problem in missing_access(settings(tmp_path, **BENCH))] == ["project_id"]
    assert [problem.field for problem in missing_access(settings(tmp_path, CML_HOST="x.example.com"))] == [
        "project_id",
        "api_key",
    ]


def test_a_pipe_that_nobody_writes_into_is_refused_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIPE_SECONDS", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigurationError) as error:
        files.read(tmp_path / "pipe")
    assert "pipe cannot be read: nothing more came out of it in 0.05 s" in str(error.value)


def test_a_device_without_end_is_read_no_further_than_a_configuration_may_be_long() -> None:
    with pytest.raises(ConfigurationError) as error:
        files.read(Path("/dev/zero"))
    assert "/dev/zero cannot be read: it is longer than 1000000 bytes" in str(error.value)


def test_a_pipe_with_a_configuration_in_it_is_read() -> None:
    reader, writer = os.pipe()
    try:
        os.write(writer, b'default_profile = "local"\n')
        os.close(writer)
        assert files.read(Path(f"/dev/fd/{reader}")).default_profile == "local"
    finally:
        os.close(reader)
