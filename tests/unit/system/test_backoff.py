"""Pauses grow to a limit, differ between those who wait, and begin anew when something happened."""

from __future__ import annotations

import pytest

from raytui.system.backoff import Backoff


def test_pauses_grow_to_the_longest_and_begin_anew() -> None:
    backoff = Backoff(0.5, 3.0, growth=2.0, jitter=0.0)
    assert [backoff.next() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]
    backoff.reset()
    assert backoff.next() == 0.5
    assert Backoff(5.0, 2.0, jitter=0.0).next() == 2.0


def test_two_who_wait_do_not_ask_in_step() -> None:
    pauses = [Backoff(1.0, 1.0, jitter=0.3).next() for _ in range(100)]
    assert len(set(pauses)) > 90
    assert all(0.7 <= pause <= 1.3 for pause in pauses)
    assert sum(pauses) / 100 == pytest.approx(1.0, abs=0.1)
