"""Lives of clusters in a world where everything that may go wrong does; `python -m tests.world --seed N -v` tells the story of one."""

from __future__ import annotations

from tests.world.lives import live

LIVES = 300


def test_no_lie_and_no_leak_in_the_lives_of_many_clusters():
    found = []
    for seed in range(1, LIVES + 1):
        result = live(seed)
        found += [f"seed {seed}: {finding.invariant}: {finding.text}" for finding in result.findings]
    assert not found, "\n".join(found[:40])


def test_the_same_seed_is_the_same_life():
    for seed in (3, 15, 56):
        first, second = live(seed), live(seed)
        assert first.story == second.story
