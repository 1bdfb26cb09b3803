"""What a failed, interrupted or late operation leaves, in a world where lists lag, answers get lost and one thing is stuck."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import aclosing, suppress

import pytest

from raytui.core.errors import (
    DeadlineExceeded,
    Failure,
    Interrupted,
    NotAllowed,
    NotFound,
    OperationFailed,
    Unreachable,
)
from raytui.manager import operations, removal, undo, waits
from raytui.manager.cluster import ClusterManager
from raytui.manager.memory import Memory
from tests.fakes.platform import application

from .world import World, carry_out

HEAD, ONE, TWO = "ray-cluster-head", "ray-cluster-worker-1", "ray-cluster-worker-2"
METHODS = ("list", "create", "write_launchers", "observe", "stop", "delete", "drain", "restart")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits of milliseconds; an undo looks for doubtful creates for a fifth of a second."""
    for module, name, value in (
        (waits, "FIRST_POLL_S", 0.001),
        (waits, "SLOWEST_POLL_S", 0.002),
        (undo, "DOUBT_S", 0.2),
        (undo, "FIRST_PAUSE_S", 0.002),
        (undo, "LONGEST_PAUSE_S", 0.01),
        (removal, "ASK_S", 0.05),
    ):
        monkeypatch.setattr(module, name, value)


def unreachable() -> Unreachable:
    return Unreachable(Failure("platform", "NoAnswer", "the platform did not answer"))


async def started(tmp_path, **more) -> tuple[World, ClusterManager]:
    world = World(**more)
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    world.calls.clear()
    return world, manager


# Undo: ids and names, until the lag has passed


async def test_undo_deletes_what_an_answer_named_though_no_list_shows_it(tmp_path):
    world = World()
    world.list_lag = 10**6
    world.refuse_create[TWO] = "quota exceeded"
    with pytest.raises(OperationFailed, match=r"quota exceeded.*what this run made was removed"):
        await carry_out(world.manager(tmp_path), "start")
    assert world.states() == {}


async def test_a_doubtful_create_is_looked_for_until_it_appears_and_then_removed(tmp_path):
    world = World()
    world.late = 8
    world.lost_after[TWO] = DeadlineExceeded(f"it is not known whether {TWO} was created")
    with pytest.raises(DeadlineExceeded, match=r"not known whether.*what this run made was removed"):
        await carry_out(world.manager(tmp_path), "start")
    assert world.states() == {}


@pytest.mark.parametrize("error", [DeadlineExceeded("no answer in time"), unreachable(), ValueError("odd")])
async def test_a_single_doubtful_create_undoes_the_others_and_names_what_may_still_come(tmp_path, error):
    world = World()
    world.lost_before[HEAD] = error
    seen = []
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    with pytest.raises(type(error)) as caught:
        await _consume(manager.execute(plan), seen.append)
    assert world.states() == {}
    reported = str(caught.value) + " ".join(getattr(caught.value, "__notes__", []))
    assert f"{HEAD} may still come into being" in reported
    assert [event.state for event in seen if event.step == "undone"][-1] == "failed"


async def test_an_adopted_application_of_another_run_is_not_undone(tmp_path):
    world = World()
    create = world.create

    async def adopting(request, **more):
        answer = await create(request, **more)
        if request.name == HEAD:
            world.apps[HEAD] = answer = type(answer)(
                **{name: getattr(answer, name) for name in answer.__struct_fields__} | {"run": "other"}
            )
        return answer

    world.create = adopting
    world.refuse_create[ONE] = "no"
    with pytest.raises(OperationFailed):
        await carry_out(world.manager(tmp_path), "start")
    assert set(world.states()) == {"head"}


async def test_an_undo_goes_on_by_id_when_the_platform_lists_nothing_any_more(tmp_path):
    world = World()
    world.refuse_create[TWO] = "quota exceeded"
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    def goes_blind(event):
        if event.step == "worker applications created":
            world.faults["list"] = [unreachable()] * 10**5

    with pytest.raises(OperationFailed, match="what this run made was removed"):
        await _consume(manager.execute(plan), goes_blind)
    assert world.states() == {}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("when", range(8))
async def test_whatever_is_raised_at_whatever_call_nothing_of_this_run_is_left_and_it_is_raised_as_it_was(
    tmp_path, method, when
):
    """The n-th call of a method raises what nobody foresaw."""
    world = World(boot=3)
    odd = ZeroDivisionError("nobody foresaw this")
    counted = 0
    begin = world._begin

    def begun(name, subject=""):
        nonlocal counted
        begin(name, subject)
        if name == method:
            counted += 1
            if counted == when + 1:
                raise odd

    world._begin = begun
    manager = world.manager(tmp_path)
    raised = None
    try:
        await carry_out(manager, "start", timeout=30)
    except ZeroDivisionError as error:
        raised = error
    if raised is not None:
        assert raised is odd
        assert world.states() == {}
    else:
        assert counted <= when
        assert set(world.states()) == {"head", "worker-1", "worker-2"}
    assert not manager.busy


async def test_an_unforeseen_error_of_one_stop_keeps_no_other_and_is_raised_as_it_was(tmp_path):
    world, manager = await started(tmp_path)
    world.faults["stop"] = [ZeroDivisionError("odd")]
    with pytest.raises(ZeroDivisionError):
        await carry_out(manager, "stop")
    assert world.states() == {}


# Ctrl-C


async def test_after_an_interrupt_it_never_says_that_nothing_exists_while_something_may_come(tmp_path):
    world = World()
    world.create_gate = asyncio.Event()
    world.lost_before[HEAD] = unreachable()
    manager = world.manager(tmp_path)
    task = asyncio.create_task(carry_out(manager, "start"))
    await world.creating.wait()
    manager.interrupt()
    world.create_gate.set()
    with pytest.raises(Interrupted) as caught:
        await task
    assert "no application" not in caught.value.message
    assert f"{HEAD} may still come into being" in caught.value.message


async def test_an_interrupt_under_a_lagging_list_takes_back_what_was_made_and_does_not_call_it_existing(tmp_path):
    world = World(boot=10**6)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    world.list_lag = 3
    with pytest.raises(
        Interrupted, match=r"what this run made was removed; no application of ray-cluster is listed now$"
    ):
        await _consume(manager.execute(plan), lambda event: event.step == "head answers" and manager.interrupt())
    assert world.states() == {}


async def test_what_could_not_be_taken_back_after_an_interrupt_is_named_though_no_list_shows_it(tmp_path):
    world = World(boot=10**6)
    world.list_lag = 10**6
    world.refuse_delete.add(HEAD)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    with pytest.raises(Interrupted, match=rf"not removed: {HEAD} .*existing now: head \(made, not listed yet\)"):
        await _consume(manager.execute(plan), lambda event: event.step == "head answers" and manager.interrupt())
    assert set(world.states()) == {"head"}


async def test_an_interrupted_stop_does_not_wait_for_what_is_stuck(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_stop = {ONE}
    plan = await manager.plan("stop")
    task = asyncio.create_task(_consume(manager.execute(plan)))
    await _until(lambda: ("stop", ONE) in world.calls)
    manager.interrupt()
    with pytest.raises(Interrupted, match=r"existing now: head running, worker-1 stopping"):
        await asyncio.wait_for(task, 20)


async def test_a_start_that_waits_for_the_lock_is_interrupted_at_once_and_says_what_exists(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    async with operations.hold(tmp_path, "local", "ray-cluster", "scale", 0.0):
        task = asyncio.create_task(_consume(manager.execute(plan)))
        await _until(lambda: manager.busy)
        manager.interrupt()
        with pytest.raises(Interrupted, match="before its first step; no application of ray-cluster is listed now"):
            await asyncio.wait_for(task, 20)
    assert not manager.busy
    assert world.states() == {}


async def test_a_consumer_that_is_cancelled_while_the_undo_runs_waits_for_it_and_is_cancelled_then(tmp_path):
    world = World(boot=10**6)
    world.delete_gate = asyncio.Event()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    async def consume():
        async with aclosing(manager.execute(plan)) as events:
            async for event in events:
                if event.step == "head answers":
                    break

    task = asyncio.create_task(consume())
    await _until(lambda: any(method == "delete" for method, _ in world.calls))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    assert not task.done()
    world.delete_gate.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.states() == {}
    assert not manager.busy


async def test_what_was_just_made_is_not_called_removed_while_the_list_lags(tmp_path):
    world = World()
    world.list_lag = 12
    await carry_out(world.manager(tmp_path), "start")
    assert world.states() == {"head": "running", "worker-1": "running", "worker-2": "running"}


async def test_what_was_listed_and_is_not_any_more_was_removed(tmp_path):
    world = World(boot=10**6)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    def removed(event):
        if "application starting" in event.message:
            world.apps.pop(HEAD, None)

    with pytest.raises(OperationFailed, match=f"{HEAD} is no longer listed by the platform: somebody removed it"):
        await _consume(manager.execute(plan), removed)


# Stop and scale-down do all they can


async def test_one_stuck_stop_keeps_neither_the_head_nor_itself_since_its_delete_frees_it(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_stop = {ONE}
    seen = await carry_out(manager, "stop", timeout=1.0)
    assert world.states() == {}
    assert ("worker applications stopped", "failed") in seen
    assert ("head application stopped", "done") in seen
    assert ("stop", HEAD) in world.calls


async def test_what_cannot_be_deleted_in_time_is_named_with_exit_code_7_and_all_else_is_gone(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_stop = world.stuck_delete = {ONE}
    with pytest.raises(DeadlineExceeded, match=rf"did not end {ONE} \(stopping\): did not end in time") as caught:
        await carry_out(manager, "stop", timeout=0.5)
    assert world.states() == {"worker-1": "stopping"}
    assert TWO not in caught.value.message
    assert HEAD not in caught.value.message
    world.stuck_stop = world.stuck_delete = set()
    await carry_out(manager, "stop")
    assert world.states() == {}


async def test_everything_that_could_not_be_ended_is_reported_together(tmp_path):
    world, manager = await started(tmp_path)
    world.refuse_delete = {HEAD, TWO}
    with pytest.raises(OperationFailed) as caught:
        await carry_out(manager, "stop")
    assert HEAD in caught.value.message
    assert TWO in caught.value.message
    assert ONE not in caught.value.message
    assert caught.value.exit_code == 1
    assert set(world.states()) == {"head", "worker-2"}


async def test_a_refused_key_keeps_its_exit_code(tmp_path):
    world, manager = await started(tmp_path)
    plan = await manager.plan("stop")
    world.faults["stop"] = [NotAllowed("the key was refused") for _ in range(3)]
    world.faults["delete"] = [NotAllowed("the key was refused") for _ in range(3)]
    with pytest.raises(NotAllowed, match="the key was refused"):
        await _consume(manager.execute(plan, timeout=5))


async def test_a_key_refused_for_several_at_once_keeps_its_exit_code(tmp_path):
    world = World()
    world.lost_before = {
        name: NotAllowed(f"the key was refused to create {name}", hint="a new key") for name in (ONE, TWO)
    }
    with pytest.raises(NotAllowed, match=rf"create {ONE}.*create {TWO}.*what this run made was removed") as caught:
        await carry_out(world.manager(tmp_path), "start")
    assert (str(caught.value), caught.value.hint) == (caught.value.message, "a new key")


async def test_stop_keep_tries_every_one_and_names_what_did_not_stop(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_stop = {ONE}
    with pytest.raises(DeadlineExceeded, match=rf"did not end {ONE} \(stopping\)"):
        await carry_out(manager, "stop", keep=True, timeout=0.3)
    assert world.states() == {"head": "stopped", "worker-1": "stopping", "worker-2": "stopped"}


async def test_a_surplus_worker_that_is_stuck_does_not_keep_the_other_one(tmp_path):
    world, manager = await started(tmp_path)
    world.refuse_delete = {TWO}
    with pytest.raises(OperationFailed, match=rf"scale of ray-cluster did not end {TWO}"):
        await carry_out(manager, "scale", workers=0)
    assert set(world.states()) == {"head", "worker-2"}


async def test_a_surplus_that_stays_does_not_undo_what_scale_made(tmp_path):
    world, manager = await started(tmp_path)
    await carry_out(manager, "scale", workers=3)
    world.apps.pop(ONE)
    world.refuse_delete = {"ray-cluster-worker-3"}
    with pytest.raises(OperationFailed, match=rf"did not end ray-cluster-worker-3.*what this run made is kept: {ONE}"):
        await carry_out(manager, "scale", workers=2)
    assert set(world.states()) == {"head", "worker-1", "worker-2", "worker-3"}


async def test_stop_ends_what_a_lagging_list_shows_only_while_it_waits(tmp_path):
    world, manager = await started(tmp_path)
    world.list_lag = 8
    world._shown_from[world.apps[TWO].id] = world.lists + 6
    await carry_out(manager, "stop")
    assert world.states() == {}


async def test_stop_waits_until_no_list_shows_what_it_deleted(tmp_path):
    world, manager = await started(tmp_path)
    world.list_lag = 6
    plan = await manager.plan("stop")
    events = [event async for event in manager.execute(plan)]
    assert (events[-1].step, events[-1].state, events[-1].message) == ("platform lists none", "done", "none is listed")
    assert any(event.message.startswith("still listed: head") for event in events)
    assert await world.list() == ()


async def test_a_platform_that_stumbles_while_stop_waits_does_not_end_it(tmp_path):
    world, manager = await started(tmp_path)
    plan = await manager.plan("stop")
    async with aclosing(manager.execute(plan)) as events:
        async for event in events:
            if event.step == "applications deleted" and event.state == "done":
                world.faults["list"] = [unreachable(), DeadlineExceeded("no answer")]
    assert world.states() == {}


async def test_a_node_that_was_not_seen_to_leave_is_said(tmp_path):
    world, manager = await started(tmp_path)
    world.drains = False
    plan = await manager.plan("scale", workers=1)
    drained = [event async for event in manager.execute(plan) if event.step == "nodes drained"]
    assert (drained[-1].state, "worker-2" in drained[-1].message) == ("failed", True)
    assert set(world.states()) == {"head", "worker-1"}


# The time of the whole call


async def test_a_list_that_hangs_under_the_lock_ends_with_the_time(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    world.stuck_list = True
    with pytest.raises(DeadlineExceeded, match="ran out before start began"):
        await asyncio.wait_for(_consume(manager.execute(plan, timeout=0.05)), 20)


async def test_the_wait_for_the_lock_counts_and_its_end_is_exit_code_7(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    async with operations.hold(tmp_path, "local", "ray-cluster", "scale", 0.0):
        with pytest.raises(
            DeadlineExceeded, match=r"waited 0.05 s, and raytui scale \(pid \d+\) is changing"
        ) as caught:
            await _consume(manager.execute(plan, timeout=0.05))
    assert (caught.value.exit_code, caught.value.reason) == (7, "Busy")
    assert world.states() == {}


async def test_a_create_that_is_under_way_at_the_end_of_the_time_is_finished_and_named(tmp_path):
    world = World()
    world.create_gate = asyncio.Event()
    world.list_lag = 10**6
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    task = asyncio.create_task(_consume(manager.execute(plan, timeout=1.0)))
    await world.creating.wait()
    over = asyncio.get_running_loop().time() + 1.01
    await _until(lambda: asyncio.get_running_loop().time() > over)
    assert not task.done()
    world.create_gate.set()
    with pytest.raises(
        DeadlineExceeded,
        match=r"ran out before: worker applications created; existing now: head \(made, not listed yet\)",
    ):
        await task
    assert set(world.states()) == {"head"}


async def test_files_that_cannot_be_written_in_time_end_with_the_time(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    async def hangs(cluster, files):
        await asyncio.Event().wait()

    world.write_launchers = hangs
    with pytest.raises(
        DeadlineExceeded, match="while the launchers were being written; no application of ray-cluster is listed now"
    ):
        await asyncio.wait_for(_consume(manager.execute(plan, timeout=0.5)), 20)


async def test_an_observation_that_hangs_ends_with_the_time_and_names_what_was_made(tmp_path):
    world = World()
    world.list_lag = 10**6
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    async def hangs(questions=()):
        await asyncio.Event().wait()

    world.observe = hangs
    with pytest.raises(DeadlineExceeded, match=rf"what exists is not known; made by this run: {HEAD}, {ONE}, {TWO}"):
        await asyncio.wait_for(_consume(manager.execute(plan, timeout=1.0)), 20)
    assert len(world.states()) == 3


async def test_no_wait_returns_when_stops_and_deletes_were_accepted(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_stop = world.stuck_delete = {HEAD, ONE, TWO}
    seen = await asyncio.wait_for(carry_out(manager, "stop", wait=False), 20)
    assert set(world.states().values()) == {"stopping"}
    assert [state for step, state in seen if step == "applications deleted"] == ["running", "done"]
    assert {method for method, _ in world.calls} == {"list", "stop, not waited for", "delete, not waited for"}


async def test_no_wait_still_waits_for_what_must_be_gone_before_it_is_made_again(tmp_path):
    world, manager = await started(tmp_path)
    world.end(ONE)
    await carry_out(manager, "start", wait=False)
    assert ("delete", ONE) in world.calls
    assert world.states()["worker-1"] == "starting"


# What is said of what was done


async def test_a_worker_that_is_made_again_during_the_wait_is_a_step_of_its_own(tmp_path):
    world = World(boot=3)
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    plan = await manager.plan("start")
    assert not plan.changed
    world.boot = 3
    world._set(ONE, "starting")
    world.age[ONE] = 0
    steps = []
    async for event in manager.execute(plan):
        steps.append((event.step, event.state))
        if steps.count(("nodes alive", "running")) == 1:
            world.end(ONE)
    assert ("ended worker-1 removed", "done") in steps
    assert ("worker-1 created again", "done") in steps
    assert world.states() == {"head": "running", "worker-1": "running", "worker-2": "running"}


async def test_where_it_cannot_be_seen_what_ended_the_error_says_what_was_not_made_again(tmp_path):
    world, manager = await started(tmp_path)
    plan = await manager.plan("start")

    def fails(event):
        if event.step == "nodes alive" and event.state == "running" and not world.faults.get("list"):
            world.end(ONE)

    observe = world.observe

    async def then_blind(depth="status"):
        seen = await observe(depth)
        if world.states()["worker-1"] == "failed":
            world.faults["list"] = [unreachable()] * 50
        return seen

    world.observe = then_blind
    with pytest.raises(OperationFailed, match=rf"{ONE} failed.*; it was not made again: the platform did not answer"):
        await _consume(manager.execute(plan), fails)


async def test_scale_counts_as_a_change_when_it_only_makes_or_only_ends(tmp_path):
    world, manager = await started(tmp_path)
    assert (await manager.plan("scale", workers=3)).changed
    assert (await manager.plan("scale", workers=1)).changed
    world.end(TWO)
    assert (await manager.plan("scale", workers=2)).changed
    await carry_out(manager, "start")
    assert not (await manager.plan("scale", workers=2)).changed


# The running operation


async def test_what_runs_is_published_while_the_lock_is_held_and_not_afterwards(tmp_path):
    world, manager = await started(tmp_path)
    plan = await manager.plan("scale", workers=1)
    seen = []
    stop = world.stop

    async def stopping(application):
        seen.append(operations.current(tmp_path, "local", "ray-cluster"))
        await stop(application)

    world.stop = stopping
    await _consume(manager.execute(plan))
    assert [(reported.verb, reported.ends, reported.creates) for reported in seen] == [("scale", (TWO,), ())]
    assert re.fullmatch(r"raytui scale \(pid \d+\)", seen[0].holder)
    assert operations.current(tmp_path, "local", "ray-cluster") is None


async def test_what_an_undo_removes_is_published_as_ending(tmp_path):
    world = World()
    world.refuse_create[TWO] = "no"
    world.delete_gate = asyncio.Event()
    manager = world.manager(tmp_path)
    task = asyncio.create_task(_consume(manager.execute(await manager.plan("start"))))
    await _until(lambda: any(method == "delete" for method, _ in world.calls))
    reported = operations.current(tmp_path, "local", "ray-cluster")
    assert (reported.verb, set(reported.ends)) == ("start", {HEAD, ONE, TWO})
    world.delete_gate.set()
    with pytest.raises(OperationFailed):
        await task


async def test_what_a_killed_holder_published_is_no_operation(tmp_path):
    async with operations.hold(tmp_path, "local", "ray-cluster", "restart", 0.0) as publication:
        publication.tell(operations.Operation("restart", (ONE,)))
        left = (tmp_path / "locks" / "local-ray-cluster.operation.json").read_bytes()
    (tmp_path / "locks" / "local-ray-cluster.operation.json").write_bytes(left)
    assert operations.current(tmp_path, "local", "ray-cluster") is None
    async with operations.exclusive(tmp_path, "local-ray-cluster", "stop", 0.0):
        assert operations.current(tmp_path, "local", "ray-cluster") is None


async def test_a_disk_that_takes_no_publication_stops_no_operation(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    folder = tmp_path / "locks" / "local-ray-cluster.operation.json"
    folder.mkdir(parents=True)
    await carry_out(manager, "start")
    assert len(world.states()) == 3


async def test_a_read_that_hangs_leaves_the_operation_unknown(tmp_path, monkeypatch):
    import threading

    hung = threading.Event()
    monkeypatch.setattr(operations, "READ_S", 0.02)
    watched = operations.Watched(lambda: hung.wait(30) and None)
    assert await watched.now() is None
    assert await watched.now() is None
    assert sum(thread.name == "read the running operation" for thread in threading.enumerate()) == 1
    hung.set()


# Restarts


async def test_what_a_restart_had_to_make_again_is_named_though_no_list_shows_it(tmp_path):
    world, manager = await started(tmp_path)
    world.anew = {HEAD}
    plan = await manager.plan("restart", target="head")
    world.list_lag = 10**6

    def interrupted(event):
        if (event.step, event.state) == ("head application restarted", "done"):
            manager.interrupt()

    with pytest.raises(Interrupted, match=r"existing now: .*head \(made, not listed yet\)"):
        await _consume(manager.execute(plan), interrupted)
    assert set(world.states()) == {"head", "worker-1", "worker-2"}


async def test_of_several_errors_that_nobody_foresaw_each_says_what_it_left(tmp_path):
    world, manager = await started(tmp_path)

    async def odd(application):
        error = UnicodeEncodeError("ascii", "\u201d", 0, 1, "injected")
        error.add_note(f"{application.name} may be deleted by now")
        raise error

    world.restart = odd
    with pytest.raises(UnicodeEncodeError) as raised:
        await _consume(manager.execute(await manager.plan("restart", target="workers")))
    notes = " ".join(raised.value.__notes__)
    assert "worker-1 may be deleted by now" in notes
    assert "worker-2 may be deleted by now" in notes


async def test_a_restart_that_hangs_ends_with_the_time_and_names_what_may_be_stopped(tmp_path):
    world, manager = await started(tmp_path)
    world.stuck_restart = {ONE}
    plan = await manager.plan("restart", target="workers")
    with pytest.raises(DeadlineExceeded, match=rf"ran out while {ONE} was being restarted; it may be stopped"):
        await asyncio.wait_for(_consume(manager.execute(plan, timeout=0.5)), 20)
    assert world.states()["worker-1"] == "stopped"


async def test_a_restart_that_can_not_be_given_up_any_more_is_finished_and_remembered(tmp_path):
    world, manager = await started(tmp_path)
    restart, world.anew, gate, begun = world.restart, {ONE}, asyncio.Event(), asyncio.Event()

    async def had_to_delete(application):
        begun.set()
        while not gate.is_set():
            with suppress(asyncio.CancelledError):
                await gate.wait()
        return await restart(application)

    world.restart = had_to_delete
    world.list_lag = 10**6
    plan = await manager.plan("restart", target="worker-1")
    task = asyncio.create_task(_consume(manager.execute(plan)))
    await asyncio.wait_for(begun.wait(), 20)
    manager.interrupt()
    await asyncio.sleep(0)
    gate.set()
    with pytest.raises(Interrupted, match=r"worker-1 \(made, not listed yet\)"):
        await task
    assert set(world.states()) == {"head", "worker-1", "worker-2"}


async def test_a_worker_is_not_restarted_for_a_head_that_nobody_starts(tmp_path):
    world, manager = await started(tmp_path)
    world._set(HEAD, "stopped")
    with pytest.raises(OperationFailed, match=r"the head of ray-cluster is stopped.*nothing was changed"):
        await manager.plan("restart", target="worker-1")
    del world.apps[HEAD]
    with pytest.raises(OperationFailed, match=r"the head of ray-cluster does not exist.*nothing was changed"):
        await manager.plan("restart", target="workers")
    assert not [call for call in world.calls if call[0] != "list"]


async def test_a_restart_of_what_vanished_since_its_plan_was_shown_is_not_done(tmp_path):
    world, manager = await started(tmp_path)
    plan = await manager.plan("restart", target="worker-1")
    del world.apps[ONE]
    with pytest.raises(NotFound, match="has no worker-1"):
        await _consume(manager.execute(plan))


# The end of the time


async def test_what_applications_need_is_made_within_the_time_and_before_anything_is_asked_for(tmp_path):
    world = World()
    world.stuck_prepare = True
    manager = world.manager(tmp_path)
    with pytest.raises(
        DeadlineExceeded, match=r"ran out while what the applications need was being prepared; no application"
    ):
        await asyncio.wait_for(carry_out(manager, "start", timeout=0.5), 20)
    assert world.states() == {}


async def test_what_applications_need_and_cannot_be_made_is_no_doubtful_create(tmp_path):
    world = World()
    world.faults["prepare"] = [unreachable()]
    with pytest.raises(Unreachable) as caught:
        await carry_out(world.manager(tmp_path), "start")
    assert "come into being" not in str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert ("create", HEAD) not in world.calls


# What this machine remembers


async def test_a_stop_ends_what_another_run_of_this_machine_made_and_no_list_shows(tmp_path):
    world = World()
    world.appears_within = 60.0
    world.list_lag = 10**6
    await carry_out(world.manager(tmp_path), "start", wait=False)
    assert await world.list() == ()
    plan = await world.manager(tmp_path).plan("stop")
    assert [app.name for app in plan.ends] == [HEAD, ONE, TWO]
    world.list_lag = 0
    await carry_out(world.manager(tmp_path), "stop")
    assert world.states() == {}
    assert not (await world.manager(tmp_path).plan("stop")).changed


async def test_a_stop_waits_for_what_a_killed_run_asked_for_and_deletes_it_when_it_comes(tmp_path):
    world = World()
    world.appears_within = 60.0
    made_up = Memory(tmp_path, world, "ray-cluster")
    (tmp_path / "locks").mkdir()
    made_up.asked(HEAD, "head", 0, "killed-run")
    app = application("head", "starting", run="killed-run")
    world._coming.append((20, app))
    seen = await asyncio.wait_for(carry_out(world.manager(tmp_path), "stop"), 20)
    assert world.states() == {}
    assert ("late applications deleted", "done") in seen


async def test_a_stop_that_has_no_time_to_wait_for_it_names_what_may_come(tmp_path):
    world = World()
    world.appears_within = 60.0
    (tmp_path / "locks").mkdir()
    Memory(tmp_path, world, "ray-cluster").asked(HEAD, "head", 0, "killed-run")
    with pytest.raises(DeadlineExceeded, match=f"{HEAD} may still come into being"):
        await asyncio.wait_for(carry_out(world.manager(tmp_path), "stop", timeout=0.5), 20)
    plan = await world.manager(tmp_path).plan("stop")
    assert any(f"{HEAD} may still come into being" in note for note in plan.notes)


async def test_a_stop_names_what_no_list_shows_and_could_not_be_deleted(tmp_path):
    world = World()
    world.appears_within = 60.0
    world.list_lag = 10**6
    await carry_out(world.manager(tmp_path), "start", wait=False)
    world.list_lag = 0
    world.refuse_delete = {ONE}
    with pytest.raises(OperationFailed, match=rf"did not end {ONE} \(on no list yet\): {ONE} could not be deleted"):
        await carry_out(world.manager(tmp_path), "stop")


async def test_a_create_that_was_refused_or_taken_back_is_not_looked_for(tmp_path):
    world = World()
    world.appears_within = 60.0
    world.refuse_create[TWO] = "quota exceeded"
    with pytest.raises(OperationFailed):
        await carry_out(world.manager(tmp_path), "start")
    plan = await world.manager(tmp_path).plan("stop")
    assert (plan.ends, plan.steps, plan.notes) == ((), (), ())


async def test_a_memory_that_is_damaged_or_cannot_be_written_takes_nothing_away(tmp_path):
    world = World()
    world.appears_within = 60.0
    path = tmp_path / "locks" / "local-ray-cluster.made.json"
    path.mkdir(parents=True)
    await carry_out(world.manager(tmp_path), "start")
    await carry_out(world.manager(tmp_path), "stop")
    path.rmdir()
    for damaged in (
        b"",
        b"{}",
        b'[{"name": 1}]',
        b"\xff\xfe",
        b'[{"name": "x", "role": "king", "index": 0, "run": "", "at": 0}]',
    ):
        path.write_bytes(damaged)
        await carry_out(world.manager(tmp_path), "start")
        await carry_out(world.manager(tmp_path), "stop")
    assert world.states() == {}


async def test_what_is_remembered_is_forgotten_when_a_list_would_show_it(tmp_path, monkeypatch):
    world = World()
    world.appears_within = 60.0
    world.list_lag = 10**6
    await carry_out(world.manager(tmp_path), "start", wait=False)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert not (await world.manager(tmp_path).plan("stop")).changed


async def _consume(events, act=lambda event: None) -> None:
    async with aclosing(events):
        async for event in events:
            act(event)


async def _until(condition) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not condition():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.001)
