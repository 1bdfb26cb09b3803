"""An operation without any screen: three callables in, messages out, in the order in which they are true."""

from __future__ import annotations

import asyncio
import contextlib

from raytui.core.errors import Interrupted, RefusedForSafety
from raytui.core.events import StepEvent
from raytui.core.plan import plan_start, plan_stop
from raytui.tui.lifecycle import Lifecycle
from raytui.tui.messages import OperationBegan, OperationEnded, RequestRefused, SnapshotArrived, StepArrived
from raytui.tui.operation import Request
from raytui.view.picture import picture_of
from tests.tui.conftest import application, healthy
from tests.tui.fakes import SPEC

STOP = plan_stop(SPEC, (application(0),))
ASKED = Request("stop")
NOTHING = plan_start(SPEC, tuple(application(n) for n in range(3)))


class Three:
    """The three callables, and what they were asked."""

    def __init__(self, plan=STOP, answers=("carry-out",), fails=None):
        self.made, self.answers, self.fails = plan, list(answers), fails
        self.planned, self.shown, self.ran = [], [], []

    async def plan(self, request):
        self.planned.append(request)
        if isinstance(self.made, Exception):
            raise self.made
        return self.made

    async def confirm(self, plan):
        self.shown.append(plan)
        return self.answers.pop(0)

    async def carry_out(self, plan):
        self.ran.append(plan)
        yield StepEvent("one", "done")
        if self.fails is not None:
            raise self.fails

    def lifecycle(self):
        return Lifecycle(self.plan, self.confirm, self.carry_out)


async def reported(lifecycle, request=ASKED):
    async with contextlib.aclosing(lifecycle.run(request)) as messages:
        return [message async for message in messages]


async def test_a_confirmed_plan_is_carried_out_and_its_steps_are_told_in_order():
    three = Three()
    messages = await reported(three.lifecycle())
    assert [type(message) for message in messages] == [OperationBegan, StepArrived, OperationEnded]
    assert messages[-1].error is None
    assert three.ran == [STOP]


async def test_a_no_changes_nothing_and_says_nothing():
    three = Three(answers=[""])
    assert await reported(three.lifecycle()) == []
    assert three.ran == []


async def test_what_has_nothing_to_do_is_not_asked_about():
    three = Three(NOTHING)
    (message,) = await reported(three.lifecycle(), Request("start"))
    assert isinstance(message, RequestRefused)
    assert message.message == "start has nothing to do: ray-cluster is as it should be"
    assert three.shown == []


async def test_a_refused_plan_and_a_fault_are_told_and_nothing_is_under_way_afterwards():
    for failure, word in (
        (RefusedForSafety("stop was refused"), "stop was refused"),
        (ValueError("odd"), "ValueError: odd"),
    ):
        lifecycle = Three(failure).lifecycle()
        for _ in range(2):
            (message,) = await reported(lifecycle)
            assert word in message.message
            assert message.message.startswith("stop was not begun")


async def test_how_an_operation_failed_is_its_outcome():
    three = Three(fails=Interrupted("stop was interrupted; the head exists"))
    lifecycle = three.lifecycle()
    messages = await reported(lifecycle)
    assert messages[-1].error is lifecycle.outcome
    assert lifecycle.outcome.message == "stop was interrupted; the head exists"


async def test_a_second_request_is_refused_while_the_first_one_waits_for_its_answer():
    three, asked = Three(), asyncio.Event()

    async def confirm(plan):
        asked.set()
        await asyncio.Event().wait()

    three.confirm = confirm
    lifecycle = three.lifecycle()
    first = asyncio.create_task(reported(lifecycle))
    await asyncio.wait_for(asked.wait(), 10)
    (message,) = await reported(lifecycle, Request("start"))
    assert message.message == "stop is still under way; start was not begun"
    first.cancel()
    await asyncio.wait([first])
    assert (await reported(Three().lifecycle()))[-1].error is None


def test_a_newer_snapshot_takes_the_place_of_one_that_waits():
    assert SnapshotArrived(picture_of(healthy())).can_replace(SnapshotArrived(picture_of(healthy())))
    assert not SnapshotArrived(picture_of(healthy())).can_replace(OperationEnded())
