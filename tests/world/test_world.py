"""Lives of clusters in a world where everything that may go wrong does; `python -m tests.world --seed N -v` tells the story of one."""

from __future__ import annotations

import pytest

from tests.world.lives import live

LIVES, AT_ONCE = 300, 50


@pytest.mark.parametrize("first", range(1, LIVES + 1, AT_ONCE))
def test_no_lie_and_no_leak_in_the_lives_of_many_clusters(first: int):
    found = []
    for seed in range(first, first + AT_ONCE):
        result = live(seed)
        found += [f"seed {seed}: {finding.invariant}: {finding.text}" for finding in result.findings]
    assert not found, "\n".join(found[:40])


def test_the_same_seed_is_the_same_life():
    for seed in (3, 15, 56):
        first, second = live(seed), live(seed)
        assert first.story == second.story
