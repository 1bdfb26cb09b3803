"""All problems at once, each at its field, and nothing else refused."""

from __future__ import annotations

import math

import pytest

from raytui.core.desired.validate import validate
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec


def fields(spec: ClusterSpec, platform: str = "local") -> list[str]:
    return [problem.field for problem in validate(spec, platform)]


def test_the_defaults_are_sound_locally():
    assert validate(ClusterSpec(), "local") == []


@pytest.mark.parametrize("name", ["", "Ray", "ray_cluster", "-ray", "ray-", "a--b", "ray cluster", "a" * 60, "ünicode"])
def test_names_that_make_no_subdomain_are_refused_with_a_suggestion(name):
    (problem,) = validate(ClusterSpec(name=name), "local")
    assert problem.field == "name"
    assert problem.hint


@pytest.mark.parametrize(
    ("port", "bad"),
    [(0, True), (-1, True), (80, True), (70000, True), (16379, True), (6380, False), ("auto", False), (20000, False)],
)
def test_ports(port, bad):
    assert fields(ClusterSpec(ray_port=port)) == (["ray_port"] if bad else [])


def test_the_same_port_twice():
    assert fields(ClusterSpec(ray_port=8265)) == ["dashboard_port"]
    assert fields(ClusterSpec(ray_port="auto", dashboard_port="auto")) == []


def test_every_problem_in_one_run():
    spec = ClusterSpec(
        name="Bad Name",
        ray_port=1,
        head=HeadSpec(cpu=0, memory=-1),
        workers=WorkersSpec(count=-1, cpu=math.nan, memory=math.inf, gpus=1000),
    )
    assert fields(spec) == [
        "name",
        "ray_port",
        "head.cpu",
        "head.memory",
        "workers.count",
        "workers.cpu",
        "workers.memory",
        "workers.gpus",
    ]


def test_an_open_dashboard_is_refused():
    assert fields(ClusterSpec(expose_dashboard=True, auth="disabled")) == ["expose_dashboard"]


def test_cloudera_ai_requires_images_and_scripts_and_shows_how_to_get_them():
    problems = {problem.field: problem for problem in validate(ClusterSpec(), "cai")}
    assert list(problems) == ["head.runtime_identifier", "workers.runtime_identifier", "head.script", "workers.script"]
    assert "docker.repository.cloudera.com/" in as_commands(problems["head.runtime_identifier"].hint)
    assert "raytui render" in as_commands(problems["workers.script"].hint)
