"""`raytui clusters`: every profile is a row, and what cannot be asked fails nothing."""

from __future__ import annotations

import json
from pathlib import Path

from raytui.startup import main

FILE = """
default_profile = "dev"
[profiles.dev]
platform = "local"
[profiles.gone]
platform = "attached"
address = "http://127.0.0.1:1"
[profiles.prod]
platform = "cai"
host = "https://ml.example.com"
project_id = "abcd-efgh-ijkl-mnop"
[profiles.slip]
platform = "cai"
api_key_file = "nowhere.key"
"""


def clusters(capsys, *more):
    code = main(["clusters", "-o", "json", *more])
    printed = capsys.readouterr()
    return code, json.loads(printed.out)["items"]


def test_every_profile_is_a_row_the_worst_first_and_the_exit_code_is_0(tmp_path, capsys):
    Path("raytui.toml").write_text(FILE)
    code, rows = clusters(capsys)
    assert code == 0
    reported = {row["name"]: (row["verdict"], row["why"]) for row in rows}
    assert rows[-1]["name"] == "dev"
    assert rows[-1]["phase"] == "absent"
    assert reported["gone"][0] == reported["prod"][0] == reported["slip"][0] == "unknown"
    assert "nothing listens on 127.0.0.1:1" in reported["gone"][1]
    assert "the API key is missing" in reported["prod"][1]
    assert "nowhere.key" in reported["slip"][1]


def test_without_a_file_there_is_the_one_that_is_asked_for(capsys):
    code, rows = clusters(capsys)
    assert (code, [row["name"] for row in rows]) == (0, ["local"])


def test_whoever_names_an_address_means_that_one(capsys):
    Path("raytui.toml").write_text(FILE)
    _, rows = clusters(capsys, "--address", "http://127.0.0.1:1")
    assert [row["platform"] for row in rows] == ["attached"]
