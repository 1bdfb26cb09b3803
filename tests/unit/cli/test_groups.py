"""Worker groups on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.startup import main
from tests.unit.cli.test_lifecycle import call, world
from tests.unit.core.test_groups import living
from tests.unit.core.values import node, snapshot

__all__ = ["world"]
MIXED = """
[profiles.local.cluster.groups.cpu]
count = 2
cpu = 0.5
"""
SPEC = ClusterSpec(workers=WorkersSpec(count=1), groups={"cpu": WorkersSpec(count=1)}).resolved("local")


@pytest.fixture(autouse=True)
def file(tmp_path: Path) -> None:
    (tmp_path / "raytui.toml").write_text(MIXED)


def test_several_groups_are_scaled_in_one_call(world, capsys):
    assert call(capsys, "start")[0] == 0
    code, document, err = call(capsys, "scale", "cpu=1", "2", "--yes")
    assert (code, document["changed"]) == (0, True)
    assert sorted(world.states()) == ["cpu-1", "head", "worker-1", "worker-2"]
    assert "Scaling ray-cluster: worker-2, cpu-2" in err
    assert call(capsys, "restart", "cpu", "--yes")[0] == 0


@pytest.mark.parametrize(
    ("words", "fields"),
    [
        (("cpu=x", "gpu=-1"), ["groups.cpu", "groups.gpu"]),
        (("cpu=1", "cpu=2"), ["groups.cpu"]),
        (("=2",), ["groups"]),
        (("1", "worker=2"), ["workers"]),
    ],
)
def test_numbers_that_make_no_sense_are_refused_all_at_once(world, capsys, words, fields):
    code, document, _ = call(capsys, "scale", *words)
    assert code == 2
    assert [problem["field"] for problem in document["error"]["problems"]] == fields


def test_an_unknown_group_is_refused_with_those_there_are(world, capsys):
    call(capsys, "start")
    code, document, _ = call(capsys, "scale", "gpu=1")
    assert code == 2
    assert document["error"]["problems"][0]["hint"] == "its groups: worker, cpu"


def test_config_show_has_the_settings_of_each_group(capsys):
    assert main(["config", "show", "--origin", "-o", "json"]) == 0
    shown = {item["field"]: item for item in json.loads(capsys.readouterr().out)["items"]}
    assert (shown["cluster.groups.cpu.cpu"]["value"], shown["cluster.groups.cpu.memory"]["value"]) == (0.5, 2.0)
    assert shown["cluster.groups.cpu.cpu"]["origin"].startswith("profile local")


def test_validate_tells_what_is_wrong_with_a_group(tmp_path, capsys):
    (tmp_path / "raytui.toml").write_text("[profiles.local.cluster.groups.cpu]\ncpu = 0\ngpus = 999\n")
    assert main(["validate", "-o", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["problems"]
    assert {problem["field"] for problem in found} == {"groups.cpu.cpu", "groups.cpu.gpus"}


def test_the_column_group_is_shown_where_there_are_several(show, text, tmp_path):
    apps = living(SPEC)
    nodes = tuple(node(n, name=app.name) for n, app in enumerate(apps))
    show(snapshot(apps, nodes, asked=SPEC))
    for verb in ("apps", "nodes"):
        heads, *rows = text(verb)[1].splitlines()
        assert "GROUP" in heads
        assert any("cpu-1" in row and " cpu " in row for row in rows)
    show(snapshot(apps[:2], nodes[:2]))
    assert "GROUP" not in text("apps")[1]
    assert "GROUP" in text("apps", "--columns", "name,group")[1]


def test_rows_are_filtered_by_their_group(show, text):
    apps = living(SPEC)
    show(snapshot(apps, (), asked=SPEC))
    code, out, _ = text("apps", "--filter", "group=cpu", "-o", "json")
    assert code == 0
    assert [item["name"] for item in json.loads(out)["items"]] == ["ray-cluster-cpu-1"]
    everything = json.loads(text("apps", "-o", "json")[1])["items"]
    assert [item["group"] for item in everything] == [None, "worker", "cpu"]
