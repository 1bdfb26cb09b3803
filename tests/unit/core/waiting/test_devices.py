"""What follows for one device from what is free of a node's devices in sum."""

from __future__ import annotations

import pytest

from raytui.core.observed.needs import GRAIN
from raytui.core.waiting.devices import capacity, certain, stackable


@pytest.mark.parametrize(
    ("part", "size"),
    [
        (0, 0),
        (1, 625),
        (2000, 2500),
        (2500, 2500),
        (3000, 5000),
        (5000, 5000),
        (5001, GRAIN),
        (GRAIN, GRAIN),
        (20000, 20000),
    ],
)
def test_a_part_is_rounded_up_to_what_fills_a_device_without_gaps(part, size) -> None:
    assert stackable(part) == size


@pytest.mark.parametrize(
    ("total", "part", "fills"),
    [(20000, 6000, 12000), (20000, 5000, 20000), (20000, 3000, 18000), (20000, GRAIN, 20000), (20000, 0, 20000)],
)
def test_parts_fill_each_device_for_itself(total, part, fills) -> None:
    assert capacity(total, part) == fills


@pytest.mark.parametrize(
    ("total", "free", "parts", "in_parts", "sure"),
    [
        (20000, 20000, {3000, 5000}, True, 20000),
        (10000, 7000, {3000, 5000}, True, 7000),
        (20000, 10000, {GRAIN}, False, 10000),
        (20000, 10000, {GRAIN}, True, 0),
        (20000, 10000, {GRAIN, 5000}, False, 0),
        (20000, 15000, {GRAIN}, False, 0),
        (30000, 10000, {GRAIN}, False, 10000),
        (20000, 10000, {5000}, False, 5000),
        (20000, 9999, {5000}, False, 5000),
        (20000, 9998, {5000}, False, 0),
        (40000, 30000, {5000}, True, 15000),
    ],
)
def test_what_is_certain_of_a_sum(total, free, parts, in_parts, sure) -> None:
    assert certain(total, free, parts, in_parts=in_parts) == sure
