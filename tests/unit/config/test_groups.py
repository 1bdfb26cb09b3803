"""Tables of further worker groups in a configuration file."""

from __future__ import annotations

import re

import pytest

from raytui.config.fields import group_fields
from raytui.config.sample import sample
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.platforms.cai.deploy.pipeline import settings_file
from tests.unit.config.test_settings import problems, settings

MIXED = """
[profiles.local.cluster.workers]
count = 1
[profiles.local.cluster.groups.cpu]
count = 4
cpu = 8
memory = 32
[profiles.local.cluster.groups.gpu-large]
"""


def test_a_group_is_a_table_with_the_settings_of_the_workers(tmp_path):
    cluster = settings(tmp_path, MIXED).cluster
    assert list(cluster.all_groups) == ["worker", "cpu", "gpu-large"]
    assert cluster.groups == {"cpu": WorkersSpec(count=4, cpu=8, memory=32), "gpu-large": WorkersSpec()}


def test_each_setting_of_a_group_has_an_origin_and_a_variable(tmp_path):
    found = settings(tmp_path, MIXED, RAYTUI_GROUPS_GPU_LARGE_COUNT="3")
    assert found.cluster.groups["gpu-large"].count == 3
    assert found.origins["cluster.groups.gpu-large.count"] == "RAYTUI_GROUPS_GPU_LARGE_COUNT"
    assert found.origins["cluster.groups.cpu.cpu"].startswith("profile local")
    assert "groups.cpu.count" in found.given
    assert "groups.gpu-large.cpu" not in found.given


def test_one_image_for_all_reaches_the_groups(tmp_path):
    found = settings(tmp_path, MIXED, {"cluster.runtime_identifier": "image"}).cluster
    assert {size.runtime_identifier for size in found.all_groups.values()} == {"image"}


def test_auto_is_passed_on_as_it_is(tmp_path):
    text = '[profiles.local.cluster.groups.cpu]\nruntime_identifier = "auto"\naccelerator = "A10G"\n'
    found = settings(tmp_path, text).cluster.groups["cpu"]
    assert (found.runtime_identifier, found.accelerator) == ("auto", "A10G")


def test_everything_that_is_wrong_in_groups_is_told_at_its_place(tmp_path):
    text = """
[profiles.local.cluster.group.x]
[profiles.local.cluster.groups]
count = 2
[profiles.local.cluster.groups.cpu]
cont = 4
gpus = "many"
[profiles.local.cluster.groups.cpu-1]
[profiles.local.cluster.groups."a.b"]
"""
    found = problems(tmp_path, text)
    assert "did you mean groups" in found["profiles.local.cluster.group"]
    assert "[profiles.local.cluster.groups.NAME]" in found["profiles.local.cluster.groups.count"]
    assert "did you mean count" in found["profiles.local.cluster.groups.cpu.cont"]
    assert "whole number" in found["profiles.local.cluster.groups.cpu.gpus"]
    assert "no name of a group" in found["profiles.local.cluster.groups.cpu-1"].replace("makes no", "no")
    assert "profiles.local.cluster.groups.a.b" in found


def test_two_groups_of_one_name_are_told_in_words_of_the_file(tmp_path):
    (reported,) = problems(tmp_path, MIXED + "[profiles.local.cluster.groups.cpu]\ncount = 1\n").values()
    assert "line 9" in reported
    assert "the table [profiles.local.cluster.groups.cpu] stands in the file a second time" in reported
    assert "another name" in reported


def test_a_key_that_stands_twice_is_told_in_words(tmp_path):
    (reported,) = problems(tmp_path, "[profiles.local.cluster.groups.cpu]\ncount = 1\ncount = 2\n").values()
    assert "this key has a value already" in reported


def test_the_sample_file_has_a_group_that_works_when_it_is_uncommented(tmp_path):
    text = sample()
    assert settings(tmp_path, text).cluster.groups == {}
    lines = text.splitlines()
    start = lines.index("# [profiles.local.cluster.groups.large]")
    body = [re.sub(r"^# (?=\S)", "", line) for line in lines[start:]]
    body = body[: body.index("")]
    (tmp_path / "raytui.toml").unlink()
    found = settings(tmp_path, "\n".join(body)).cluster.groups
    assert list(found) == ["large"]
    assert found["large"].cpu == 4


@pytest.mark.parametrize("field", group_fields("cpu"), ids=lambda field: field.path)
def test_no_setting_of_a_group_is_without_its_worker_s(field):
    assert hasattr(WorkersSpec(), field.path.rpartition(".")[2])
    assert field.path.startswith("cluster.groups.cpu.")
    assert not field.flag


def test_the_settings_that_a_deploy_writes_hold_the_groups(tmp_path):
    spec = ClusterSpec("c", groups={"cpu": WorkersSpec(count=3, cpu=2.0), "gpu": WorkersSpec(count=0)})
    text = settings_file(spec)
    assert settings(tmp_path, text, {"profile": "cai"}, CML_HOST="ml.example.com").cluster == spec
