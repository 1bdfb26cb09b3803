"""How full the cluster is: totals follow what changed, a curve has gaps where nobody reported, and what waits is added up."""

from __future__ import annotations

import msgspec
import pytest

from raytui.core.observed.snapshot import Reading
from raytui.view.capacity import Sample, curve
from raytui.view.picture import advance, picture_of
from tests.tui.conftest import healthy
from tests.unit.core.values import NOW


def later(before, seconds, **figures):
    """The next snapshot, with other figures of its second node."""
    nodes = before.nodes.value
    changed = (nodes[0], msgspec.structs.replace(nodes[1], sampled_at=NOW + seconds, **figures), *nodes[2:])
    return msgspec.structs.replace(before, observed_at=NOW + seconds, nodes=Reading(changed, at=NOW + seconds))


def test_totals_that_follow_changes_are_those_of_all_nodes():
    first = healthy()
    second = later(first, 5, cpu_percent=10.0, memory_used=1_000_000_000)
    moved = advance(picture_of(first), second).capacity
    whole = picture_of(second).capacity
    assert moved.totals.memory_used == whole.totals.memory_used == 16_100_000_000
    assert moved.totals.cpu == pytest.approx(whole.totals.cpu)
    assert [round(sample.cpu) for sample in moved.history] == [47, 21]


def test_nodes_of_one_machine_count_its_memory_and_disk_once():
    apart = picture_of(healthy()).capacity.totals
    nodes = [
        msgspec.structs.replace(one, ip="192.0.2.2", memory_used=4 * 10**9, memory_total=25 * 10**9)
        for one in healthy().nodes.value
    ]
    together = msgspec.structs.replace(healthy(), nodes=Reading(tuple(nodes), at=NOW))
    first = picture_of(together)
    assert (first.capacity.totals.memory_used, first.capacity.totals.memory_total) == (4 * 10**9, 25 * 10**9)
    assert (first.capacity.totals.nodes, first.capacity.totals.store_total) == (apart.nodes, apart.store_total)
    moved = advance(first, later(together, 5, memory_used=5 * 10**9)).capacity
    assert moved.totals.memory_total == 25 * 10**9


def test_a_dead_node_counts_no_more():
    first = healthy()
    died = later(first, 5, state="DEAD")
    assert advance(picture_of(first), died).capacity.totals.nodes == 2


def test_while_nobody_tells_nothing_is_said_and_the_curve_keeps_its_past():
    first = picture_of(healthy())
    blind = advance(first, msgspec.structs.replace(first.snapshot, observed_at=NOW + 5, nodes=Reading()))
    assert blind.capacity.totals.nodes == 0
    assert blind.capacity.history == first.capacity.history


def test_a_curve_has_a_gap_where_nobody_told():
    drawn = curve([Sample(NOW - 590, cpu=80.0), Sample(NOW - 30, cpu=20.0)], "cpu", 10, NOW)
    assert drawn == [80.0, None, None, None, None, None, None, None, None, 20.0]
