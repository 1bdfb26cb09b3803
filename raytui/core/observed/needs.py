"""What work asks of nodes before it can run, counted as Ray counts: in ten-thousandths, so that sums are exact."""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec

GRAIN = 10_000
"""Ray keeps every amount of a resource in units of 1/10000 (src/ray/common/scheduling/fixed_point.h)."""


def grains(amount: float) -> int:
    """An amount as Ray counts it; 0 for one below none.

    Raises `ValueError` or `OverflowError` for what is no number.
    """
    return max(0, math.floor(amount * GRAIN + 0.5))


class Part(msgspec.Struct, frozen=True):
    """What has to be on one node: a task's or actor's whole need, or one bundle of a placement group."""

    needs: Mapping[str, float] = {}
    """Amounts by true resource name; memory in bytes."""
    count: int = 1
    """How many such parts there are."""
    selectors: tuple[Mapping[str, str], ...] = ()
    """Label selectors of which one must hold, as Ray writes them (`a100`, `!a100`, `in(a,b)`, `!in(a,b)`); none at
    all: every node will do."""


class Pending(msgspec.Struct, frozen=True):
    """Demand of one shape that Ray's scheduler reports as not placed."""

    parts: tuple[Part, ...] = ()
    """Empty when Ray tells nothing of what is asked for."""
    strategy: str = ""
    """PACK, SPREAD, STRICT_PACK or STRICT_SPREAD of a placement group; empty for tasks and actors."""
    count: int = 1
    """How many ask for the same."""
