"""Where a node keeps Ray's sessions is the launcher's choice; who reads its logs directly must know it."""

from __future__ import annotations

import pytest
from raytui_node import settings

from raytui.platforms.local.records import Record


@pytest.mark.parametrize(("role", "index", "group"), [("head", 0, ""), ("worker", 2, ""), ("worker", 12, "worker")])
def test_logs_of_a_node_are_looked_for_where_its_launcher_keeps_them(role, index, group) -> None:
    name = "unit-head" if role == "head" else f"unit-worker-{index}"
    record = Record("", "", name, "unit", role, index, group=group, temp_dir="/tmp/x/y")
    assert record.sessions == settings._temp_dir(role, name, group, False, "/tmp/x/y")


def test_of_a_further_group_they_are_asked_for() -> None:
    assert Record("", "", "unit-gpu-1", "unit", "worker", 1, group="gpu", temp_dir="/tmp/x/y").sessions == ""
