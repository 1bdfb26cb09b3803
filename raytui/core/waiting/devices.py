"""GPUs in parts: a part lies on one device, and Ray tells what is free of a node's devices in sum only.

So a sum can be large enough although no device is: two halves of two GPUs are no whole one. What follows from the sum
for certain is worked out here; amounts are in Ray's units, of which a device has `GRAIN`.
"""

from __future__ import annotations

from collections.abc import Iterable

from raytui.core.observed.needs import GRAIN


def capacity(total: int, part: int) -> int:
    """What of a node's empty devices parts of one size can fill."""
    return total // GRAIN * (GRAIN // part) * part if 0 < part < GRAIN else total


def certain(total: int, free: int, parts: Iterable[int], *, in_parts: bool) -> int:
    """What is free for parts of these sizes however the use is spread over the node's devices.

    `in_parts`: whether anybody is known to use a part of a device there; otherwise use that is whole in sum is of whole
    devices.
    """
    sizes, devices = {part for part in parts if part}, total // GRAIN
    if free >= total or devices <= 1:
        return free
    if not in_parts and not any(part % GRAIN for part in sizes) and not (total - free) % GRAIN:
        return free
    if len(sizes) != 1:
        return 0
    (part,) = sizes
    if part >= GRAIN:
        return 0
    # At worst what is free on each device falls short of one more part by one unit.
    return max(0, -(-(free - devices * (part - 1)) // part)) * part


def stackable(part: int) -> int:
    """A part rounded up to a half, a quarter and so on of a device: such parts fill devices without gaps."""
    size = GRAIN
    while part and part < GRAIN and size % 2 == 0 and size // 2 >= part:
        size //= 2
    return size if 0 < part < GRAIN else part
