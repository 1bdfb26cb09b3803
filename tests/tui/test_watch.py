"""What the watch posts: pictures, each made of the one before, whether that was drawn or not."""

from __future__ import annotations

import asyncio

import pytest

from raytui.tui.messages import SnapshotArrived
from raytui.tui.watch import BIG, watch
from tests.tui import fakes
from tests.tui.conftest import healthy, with_dead_worker


async def posted(*snapshots):
    """The pictures of these rounds, of which none is drawn."""
    session = fakes.FakeSession()
    arrived = asyncio.Queue()

    async def connected(_):
        for snapshot in snapshots:
            session.monitor.put(snapshot)

    rounds = asyncio.create_task(watch(arrived.put_nowait, connected, lambda: session, 2.0))
    try:
        async with asyncio.timeout(20):
            return [(await arrived.get()) for _ in snapshots]
    finally:
        rounds.cancel()
        await asyncio.wait([rounds])


async def test_what_happened_in_a_round_that_was_never_drawn_is_told_by_the_next():
    messages = await posted(healthy(), with_dead_worker(), with_dead_worker())
    assert all(isinstance(message, SnapshotArrived) for message in messages)
    reported = messages[1].picture.events
    assert any("worker-2" in event.subject for event in reported)
    assert messages[2].picture.events == reported


@pytest.mark.parametrize("workers", [2, BIG + 1])
async def test_rows_that_did_not_change_are_the_same_objects_in_the_next_picture(workers):
    first, second = (message.picture for message in await posted(healthy(workers), healthy(workers)))
    assert second.assessment is first.assessment
    assert second.snapshot.nodes.value == first.snapshot.nodes.value
    assert second.certain_at == second.snapshot.observed_at


async def test_a_round_that_cannot_be_judged_is_said_and_the_watch_goes_on(monkeypatch):
    monkeypatch.setattr("raytui.tui.watch.AGAIN_S", 0.0)
    broken = [True]

    def advance(before, snapshot):
        if broken.pop() if broken else False:
            raise KeyError("row")
        return real(before, snapshot)

    from raytui.tui import watch as module

    real = module.advance
    monkeypatch.setattr(module, "advance", advance)
    failed, drawn = await posted(healthy(), healthy())
    assert "KeyError" in failed.message
    assert drawn.picture.snapshot == healthy()
