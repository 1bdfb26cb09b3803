"""What a round takes over from the one before: totals of use stay one object until use or nodes change."""

from __future__ import annotations

from raytui.core.observed.merge import Merging
from raytui.core.observed.snapshot import Amount, Usage
from tests.unit.core.values import node

CPUS = {"CPU": 4.0}


def test_totals_are_the_same_object_until_use_or_nodes_change() -> None:
    merging = Merging()
    used, nodes = Usage({"CPU": Amount(4.0, 1.0)}), (node(0, resources=CPUS),)
    known = merging.total(used, nodes)
    assert merging.total(used, nodes) is known
    more = merging.total(used, (*nodes, node(1, resources=CPUS)))
    assert more.resources["CPU"] == Amount(8.0, 1.0)
    assert merging.total(Usage({"CPU": Amount(4.0, 3.0)}), nodes).resources["CPU"] == Amount(4.0, 3.0)
