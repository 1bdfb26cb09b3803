"""Operations from plan to end, judged by what exists afterwards."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from raytui.core.errors import (
    ConfigurationError,
    DeadlineExceeded,
    Interrupted,
    NotFound,
    OperationFailed,
    RefusedForSafety,
)
from raytui.core.protocols.platform import Check
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec
from raytui.manager import verify, waits
from raytui.manager.journal import Journal
from raytui.manager.verify import Verification

from .world import SPEC, World, carry_out


@pytest.fixture(autouse=True)
def quick_polls(monkeypatch):
    monkeypatch.setattr(waits, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waits, "SLOWEST_POLL_S", 0.002)


async def test_start_makes_the_cluster_and_a_second_start_changes_nothing(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    seen = await carry_out(manager, "start")
    assert world.states() == {"head": "running", "worker-1": "running", "worker-2": "running"}
    assert [step for step, state in seen if state == "done"] == [
        "launchers written",
        "head application created",
        "worker applications created",
        "head answers",
        "nodes alive",
    ]
    plan = await manager.plan("start")
    assert not plan.changed


async def test_no_wait_returns_without_an_alive_node(tmp_path):
    world = World(boot=10**6)
    await carry_out(world.manager(tmp_path), "start", wait=False)
    assert set(world.states().values()) == {"starting"}


async def test_a_create_that_is_refused_undoes_what_this_run_made(tmp_path):
    world = World()
    world.refuse_create["ray-cluster-worker-2"] = "quota exceeded"
    with pytest.raises(OperationFailed, match=r"quota exceeded.*what this run made was removed"):
        await carry_out(world.manager(tmp_path), "start")
    assert world.states() == {}


async def test_undo_leaves_what_was_there_before(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start", spec=SPEC.with_workers(1))
    world.refuse_create["ray-cluster-worker-3"] = "no room"
    with pytest.raises(OperationFailed):
        await carry_out(manager, "start", spec=SPEC.with_workers(3))
    assert set(world.states()) == {"head", "worker-1"}


async def test_an_application_that_fails_while_waiting_ends_the_wait_with_its_reason(tmp_path):
    world = World()
    world.fail_after_create.add("ray-cluster-worker-1")
    with pytest.raises(OperationFailed, match="ray start said no"):
        await carry_out(world.manager(tmp_path), "start")
    assert world.states() == {}


async def test_a_worker_that_ends_while_more_are_made_is_made_again(tmp_path):
    world = World(boot=3)
    manager = world.manager(tmp_path)
    await carry_out(manager, "start", spec=SPEC.with_workers(1))
    plan = await manager.plan("scale", workers=2)
    async for event in manager.execute(plan):
        if event.step == "worker applications created" and event.state == "done":
            world.end("ray-cluster-worker-1")
    assert world.states() == {"head": "running", "worker-1": "running", "worker-2": "running"}


async def test_what_could_not_be_undone_is_named(tmp_path):
    world = World()
    world.refuse_create["ray-cluster-worker-1"] = "no"
    world.refuse_delete.add("ray-cluster-head")
    with pytest.raises(OperationFailed, match=r"not removed: ray-cluster-head ") as caught:
        await carry_out(world.manager(tmp_path), "start")
    assert "raytui stop removes what exists" in as_commands(caught.value.hint)
    assert set(world.states()) == {"head"}


async def test_a_deadline_names_what_exists_and_removes_nothing(tmp_path):
    world = World(boot=10**6)
    with pytest.raises(DeadlineExceeded, match=r"ray-cluster-head \(starting\)"):
        await carry_out(world.manager(tmp_path), "start", timeout=1.0)
    assert len(world.states()) == 3


async def test_interrupt_while_waiting_undoes_and_says_what_exists(tmp_path):
    world = World(boot=10**6)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    seen = []

    async def consume():
        async for event in manager.execute(plan):
            seen.append((event.step, event.state))
            if event.step == "head answers":
                manager.interrupt()
                manager.interrupt()

    with pytest.raises(Interrupted, match="no application of ray-cluster is listed now"):
        await consume()
    assert ("undone", "undone") in seen
    assert world.states() == {}
    assert not manager.busy


async def test_interrupt_during_a_create_waits_for_its_answer_before_undoing(tmp_path):
    world = World()
    world.create_gate = asyncio.Event()
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")

    async def consume():
        async for _ in manager.execute(plan):
            pass

    task = asyncio.create_task(consume())
    await world.creating.wait()
    manager.interrupt()
    await asyncio.sleep(0)
    assert not task.done()
    world.create_gate.set()
    with pytest.raises(Interrupted):
        await task
    assert world.states() == {}


async def test_cancelling_the_consumer_has_the_same_effect(tmp_path):
    world = World(boot=10**6)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    waiting = asyncio.Event()

    async def consume():
        async with aclosing(manager.execute(plan)) as events:
            async for event in events:
                if event.step == "head answers":
                    waiting.set()

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.states() == {}


async def test_stop_removes_everything_and_stopping_nothing_changes_nothing(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    seen = await carry_out(manager, "stop")
    assert world.states() == {}
    assert [step for step, state in seen if state == "done"][:2] == [
        "worker applications stopped",
        "head application stopped",
    ]
    assert not (await manager.plan("stop")).changed


async def test_stop_keep_leaves_them_stopped(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    await carry_out(manager, "stop", keep=True)
    assert set(world.states().values()) == {"stopped"}
    await carry_out(manager, "start")
    assert set(world.states().values()) == {"running"}


async def test_one_delete_that_fails_does_not_keep_the_others(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    world.refuse_delete.add("ray-cluster-worker-1")
    with pytest.raises(OperationFailed, match="worker-1 could not be deleted"):
        await carry_out(manager, "stop")
    assert set(world.states()) == {"worker-1"}


async def test_scale_both_ways(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    await carry_out(manager, "scale", workers=3)
    assert set(world.states()) == {"head", "worker-1", "worker-2", "worker-3"}
    await carry_out(manager, "scale", workers=1)
    assert set(world.states()) == {"head", "worker-1"}
    assert sorted(world.drained) == ["ray-cluster-worker-2", "ray-cluster-worker-3"]


async def test_scale_uses_the_size_the_cluster_was_started_with(tmp_path):
    world = World()
    other = ClusterSpec(workers=SPEC.workers.__class__(count=1, cpu=3.0))
    await carry_out(world.manager(tmp_path), "start", spec=other)
    await carry_out(world.manager(tmp_path), "scale", workers=2)
    assert world.apps["ray-cluster-worker-2"].cpu == 3.0


async def test_restart_one_worker_touches_only_it(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    world.age = dict.fromkeys(world.age, 100)
    await carry_out(manager, "restart", target="worker-2")
    assert world.age["ray-cluster-worker-1"] > 100
    assert world.age["ray-cluster-worker-2"] < 100


async def test_nothing_to_scale_or_restart_is_not_found(tmp_path):
    manager = World().manager(tmp_path)
    for verb, more in (("scale", {"workers": 1}), ("restart", {})):
        with pytest.raises(NotFound, match="does not exist"):
            await manager.plan(verb, **more)
    world = World()
    await carry_out(world.manager(tmp_path), "start")
    with pytest.raises(NotFound, match="no worker-9"):
        await world.manager(tmp_path).plan("restart", target="worker-9")


async def test_bad_input_foreign_names_and_failing_checks_are_refused_together_before_anything_changes(tmp_path):
    world = World()
    world.foreign.add("ray-cluster-head")
    world.checks = (
        Check("port", "fail", "6379 is taken by pid 7", "use --ray-port auto", "ray_port"),
        Check("disk", "warn", "low"),
    )
    with pytest.raises(ConfigurationError) as caught:
        await world.manager(tmp_path).plan("start")
    assert [problem.field for problem in caught.value.problems] == ["name", "ray_port"]
    with pytest.raises(ConfigurationError):
        await world.manager(tmp_path).plan("start", spec=ClusterSpec(name="Bad Name"))
    with pytest.raises(ConfigurationError):
        await world.manager(tmp_path).plan("scale", workers=-1)
    assert not world.apps
    assert not world.files


async def test_what_the_rules_and_the_machine_refuse_comes_together(tmp_path):
    world = World()
    world.checks = (
        Check("cpu", "fail", "64 CPUs, the machine has 2", "", "workers.cpu"),
        Check("ray-port", "fail", "taken", "", "ray_port"),
    )
    with pytest.raises(ConfigurationError) as caught:
        await world.manager(tmp_path).plan("start", spec=ClusterSpec(ray_port=80))
    assert [problem.field for problem in caught.value.problems] == ["ray_port", "workers.cpu"]


async def test_read_only_refuses_every_verb(tmp_path):
    with pytest.raises(RefusedForSafety):
        await World().manager(tmp_path, read_only=True).plan("stop")


async def test_auto_ports_are_resolved_once_and_kept(tmp_path):
    world = World()
    auto = ClusterSpec(ray_port="auto", dashboard_port="auto")
    await carry_out(world.manager(tmp_path), "start", spec=auto)
    assert world.apps["ray-cluster-head"].ray_port == 6400
    assert not (await world.manager(tmp_path).plan("start", spec=auto)).changed


async def test_a_plan_that_would_now_end_more_than_was_shown_is_refused(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    await carry_out(manager, "start")
    plan = await manager.plan("scale", workers=1)
    await carry_out(world.manager(tmp_path / "elsewhere"), "scale", workers=3)
    with pytest.raises(RefusedForSafety, match="worker-3"):
        async for _ in manager.execute(plan):
            pass
    assert "worker-2" in world.states()


async def test_a_second_start_waits_for_the_first_and_finds_its_work_done(tmp_path):
    world = World(boot=20)
    first, second = (carry_out(world.manager(tmp_path), "start") for _ in range(2))
    one, two = await asyncio.gather(first, second)
    assert {len(one), len(two)} != {0}
    assert world.ids == 3


async def test_another_change_meanwhile_is_refused_and_names_the_holder(tmp_path):
    world = World(boot=10**6)
    manager = world.manager(tmp_path)
    plan = await manager.plan("start")
    async with aclosing(manager.execute(plan)) as events:
        await anext(events)
        with pytest.raises(OperationFailed, match=r"raytui start \(pid \d+\) is changing"):
            await carry_out(world.manager(tmp_path), "stop")
        with pytest.raises(OperationFailed, match="still running"):
            await carry_out(manager, "stop")


async def test_library_door_lists_every_missing_parameter_as_a_runtime_error(tmp_path):
    world = World()
    world.name = "cai"
    with pytest.raises(RuntimeError) as caught:
        await world.manager(tmp_path).start_cluster(num_workers=1)
    assert [problem.field for problem in caught.value.problems] == [
        "head.runtime_identifier",
        "workers.runtime_identifier",
        "head.script",
        "workers.script",
    ]


async def test_library_door_starts_and_stops(tmp_path):
    world = World()
    manager = world.manager(tmp_path)
    document = await manager.start_cluster(num_workers=1, cpu=1, memory=2)
    assert (document["verdict"], document["nodes"]["alive"]) == ("ok", 2)
    assert (await manager.stop_cluster())["phase"] == "absent"


async def test_the_journal_keeps_the_story_and_survives_damage(tmp_path):
    world = World()
    await carry_out(world.manager(tmp_path), "start")
    file = tmp_path / "journal" / "ray-cluster.jsonl"
    file.write_bytes(b"damaged\n" + file.read_bytes())
    assert [event.message.split(":")[0] for event in Journal(tmp_path).read("ray-cluster")] == [
        "start began",
        "start finished",
    ]


async def test_verify_runs_its_five_checks_and_leaves_nothing(tmp_path):
    world = World()
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=False)
    results = [result async for result in check.run() if result.state != "running"]
    assert [(result.check, result.state) for result in results] == [
        (name, "ok") for name in ("connection", "launchers", "creation", "status", "clean-up")
    ]
    assert world.states() == {}
    assert world.files == {}


async def test_verify_cleans_up_after_a_failed_check_and_skips_what_rests_on_it(tmp_path):
    world = World()
    world.fail_after_create.add("ray-cluster-worker-1")
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=False)
    results = {result.check: result.state async for result in check.run() if result.state != "running"}
    assert results == {"connection": "ok", "launchers": "ok", "creation": "ok", "status": "failed", "clean-up": "ok"}
    assert world.states() == {}


async def test_verify_touches_no_cluster_that_exists(tmp_path):
    world = World()
    await carry_out(world.manager(tmp_path), "start")
    check = Verification(world, world, world.manager(tmp_path), SPEC, timeout=30, keep=False)
    results = {result.check: result.state async for result in check.run() if result.state != "running"}
    assert (results["connection"], results["creation"]) == ("failed", "skipped")
    assert len(world.states()) == 3


async def test_verify_tells_what_was_left_when_its_clean_up_failed(tmp_path):
    world = World(boot=10**6)
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=False)
    results = {}

    async def consume():
        async for result in check.run():
            results[result.check] = result
            if result.check == "status":
                check.interrupt()
                world.refuse_delete.add("ray-cluster-worker-1")

    with pytest.raises(Interrupted) as caught:
        await consume()
    assert results["clean-up"].state == "failed"
    assert "was removed" not in caught.value.message
    assert "ray-cluster-worker-1" in caught.value.message
    assert set(world.states()) == {"worker-1"}


async def test_verify_that_keeps_its_cluster_does_not_say_that_it_was_removed(tmp_path):
    world = World()
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=True)

    async def consume():
        async for result in check.run():
            if (result.check, result.state) == ("status", "ok"):
                check.interrupt()

    with pytest.raises(Interrupted, match=r"verify was interrupted; cluster ray-cluster is kept") as caught:
        await consume()
    assert "raytui stop --cluster ray-cluster removes it" in as_commands(caught.value.hint)
    assert set(world.states()) == {"head", "worker-1"}


async def test_verify_cleans_up_after_what_nobody_foresaw_and_raises_it_then(tmp_path):
    world = World()
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=False)
    seen = []

    async def consume():
        async for result in check.run():
            seen.append((result.check, result.state))
            if result == result.__class__("status", "running"):
                world.faults["observe"] = [ZeroDivisionError("odd")]

    with pytest.raises(ZeroDivisionError):
        await consume()
    assert ("clean-up", "ok") in seen
    assert world.states() == {}


async def test_the_clean_up_of_verify_does_what_it_can_and_has_a_time_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "CLEAN_UP_S", 0.5)
    world = World()
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(2), timeout=30, keep=False)
    results = {}
    async for result in check.run():
        results[result.check] = result
        if result.check == "status":
            world.stuck_stop = world.stuck_delete = {"ray-cluster-worker-1"}
    assert results["clean-up"].state == "failed"
    assert "ray-cluster-worker-1 (stopping)" in results["clean-up"].message
    assert set(world.states()) == {"worker-1"}


async def test_the_clean_up_of_verify_removes_what_no_list_showed_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(verify, "SLOWEST_POLL_S", 0.001)
    world = World()
    world.list_lag = 12
    check = Verification(world, world, world.manager(tmp_path), SPEC.with_workers(1), timeout=30, keep=False)
    seen = []
    async for result in check.run():
        seen.append((result.check, result.state))
        if seen[-1] == ("status", "running"):
            world.faults["list"] = [OperationFailed("the platform stumbles")]
    assert ("status", "failed") in seen
    assert seen[-1] == ("clean-up", "ok")
    assert world.states() == {}
