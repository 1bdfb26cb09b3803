"""What is kept of logs is a wish like any other: written, validated, told where it differs, handed to launchers."""

from __future__ import annotations

import msgspec
import pytest
from raytui_node import settings as launcher

from raytui.core.desired.application_request import create_request as request
from raytui.core.desired.asked import differences, overlay
from raytui.core.desired.validate import validate
from raytui.core.spec import LOGS_PER_CLUSTER_MB, LOGS_PER_NODE_MB, ClusterSpec, LogsSpec
from tests.fakes.platform import application

WISH = ClusterSpec(logs=LogsSpec(keep=False, per_node_mb=10, per_cluster_mb=100))


def test_a_spec_that_says_nothing_of_logs_is_written_as_before_there_were_any():
    assert msgspec.json.encode(ClusterSpec(logs=LogsSpec())) == b"{}"
    assert msgspec.json.decode(msgspec.json.encode(WISH), type=ClusterSpec) == WISH
    assert WISH.digest() == ClusterSpec().digest()
    assert hash(WISH) != hash(ClusterSpec())


def test_launchers_read_what_a_spec_says_and_have_the_same_defaults():
    made = request(WISH.resolved("local"), "ray-cluster-head").environment
    read = launcher.read_settings("head", made)
    assert (read.keep_logs, read.logs_per_node, read.logs_per_cluster) == (False, 10**7, 10**8)
    usual = request(ClusterSpec().resolved("local"), "ray-cluster-head").environment
    assert not any("LOGS" in name for name in usual)
    read = launcher.read_settings("head", usual)
    assert (read.keep_logs, read.logs_per_node, read.logs_per_cluster) == (
        True,
        LOGS_PER_NODE_MB * 10**6,
        LOGS_PER_CLUSTER_MB * 10**6,
    )


@pytest.mark.parametrize("field", ["per_node_mb", "per_cluster_mb"])
def test_a_budget_of_nothing_is_refused(field: str):
    problems = validate(ClusterSpec(logs=LogsSpec(**{field: 0})).resolved("local"), "local")
    assert [problem.field for problem in problems] == [f"logs.{field}"]


def test_an_application_made_with_another_budget_is_told():
    made = application("head", spec_json=msgspec.json.encode(ClusterSpec()).decode())
    found = differences(overlay(ClusterSpec(), WISH, ["logs.keep", "logs.per_node_mb"]), [made])
    assert [(each.field, each.present, each.asked) for each in found] == [
        ("logs.keep", True, False),
        ("logs.per_node_mb", 64, 10),
    ]
