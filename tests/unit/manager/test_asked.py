"""What was last asked for is recorded with the cluster, completed by a plain start, and put back when a run is undone."""

from __future__ import annotations

from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from raytui.core.errors import ConfigurationError, DeadlineExceeded, Interrupted, RaytuiError
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager import waits
from tests.unit.manager.world import World, carry_out

NAME = "ray-cluster"
ONE = ClusterSpec(workers=WorkersSpec(count=1))
TWO = ClusterSpec(workers=WorkersSpec(count=2))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(waits, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waits, "SLOWEST_POLL_S", 0.002)
    return World()


def like(spec: ClusterSpec, **workers: Any) -> ClusterSpec:
    return msgspec.structs.replace(spec, workers=msgspec.structs.replace(spec.workers, **workers))


async def test_a_plain_start_completes_what_was_last_asked_for(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=TWO, flags={"workers.count"})
    assert world.asked[NAME].workers.count == 2
    world.end("ray-cluster-worker-2")
    plan = await manager.plan("start")
    assert [request.name for request in plan.creates] == ["ray-cluster-worker-2"]
    assert "last asked for with 2 workers" in plan.notes[0]
    assert "the profile says 1 worker" in plan.notes[0]
    await carry_out(manager, "start")
    assert world.states() == {"head": "running", "worker-1": "running", "worker-2": "running"}


async def test_a_scale_is_recorded_and_a_vanished_worker_comes_back_with_its_own_size(
    world: World, tmp_path: Path
) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=like(ONE, cpu=3.0), flags={"workers.cpu"})
    await carry_out(manager, "scale", workers=3)
    assert world.asked[NAME].workers == WorkersSpec(count=3, cpu=3.0, memory=2.0)
    world.apps.pop("ray-cluster-worker-3")
    plan = await manager.plan("start")
    assert [(request.name, request.cpu) for request in plan.creates] == [("ray-cluster-worker-3", 3.0)]
    await carry_out(manager, "scale", workers=2)
    assert world.asked[NAME].workers.count == 2


async def test_a_start_records_what_only_the_applications_still_carry(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=TWO)
    await carry_out(manager, "start")
    # A stop that nobody waited for removes the record, and its applications may still be there.
    world.asked.pop(NAME)
    world.end("ray-cluster-worker-2")
    await carry_out(manager, "start")
    assert world.asked[NAME].workers.count == 2


async def test_a_flag_counts_and_leaves_the_rest_as_recorded(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=like(ONE, cpu=3.0), flags={"workers.cpu"})
    await carry_out(manager, "start", spec=TWO, flags={"workers.count"})
    assert world.apps["ray-cluster-worker-2"].cpu == 3.0
    assert world.asked[NAME].workers.count == 2


async def test_the_record_is_put_back_when_the_run_is_undone(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    world.refuse_create["ray-cluster-worker-1"] = "no quota"
    with pytest.raises(RaytuiError):
        await carry_out(manager, "start")
    assert world.asked == {}
    world.refuse_create.clear()
    await carry_out(manager, "start")
    world.refuse_create["ray-cluster-worker-3"] = "no quota"
    with pytest.raises(RaytuiError):
        await carry_out(manager, "scale", workers=3)
    assert world.asked[NAME].workers.count == 1
    plan = await manager.plan("start")
    assert not plan.changed


async def test_the_record_is_put_back_after_an_interrupt(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    world.boot = 10**6
    plan = await manager.plan("start")

    async def run() -> None:
        async with aclosing(manager.execute(plan)) as events:
            async for event in events:
                if event.step == "head answers":
                    manager.interrupt()

    with pytest.raises(Interrupted):
        await run()
    assert (world.apps, world.asked) == ({}, {})


async def test_a_wait_that_ran_out_leaves_the_record_with_what_exists(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    world.boot = 10**6
    with pytest.raises(DeadlineExceeded):
        await carry_out(manager, "start", spec=TWO, flags={"workers.count"}, timeout=1.0)
    assert len(world.apps) == 3
    assert world.asked[NAME].workers.count == 2


async def test_a_stop_removes_the_record_and_keep_leaves_it(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=TWO, flags={"workers.count"})
    await carry_out(manager, "stop", keep=True)
    assert world.asked[NAME].workers.count == 2
    plan = await manager.plan("start")
    assert len(plan.creates) == 3
    await carry_out(manager, "stop")
    assert (world.apps, world.asked) == ({}, {})


async def test_a_record_without_applications_says_nothing(world: World, tmp_path: Path) -> None:
    world.asked[NAME] = like(TWO, count=7)
    plan = await world.manager(tmp_path, spec=ONE).plan("start")
    assert len(plan.creates) == 2
    await carry_out(world.manager(tmp_path, spec=ONE), "start")
    assert world.asked[NAME].workers.count == 1


async def test_a_cluster_made_before_there_was_a_record_is_known_from_its_applications(
    world: World, tmp_path: Path
) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=like(TWO, cpu=3.0), flags={"workers.count", "workers.cpu"})
    world.asked.clear()
    world.end("ray-cluster-worker-2")
    plan = await manager.plan("start")
    assert [(request.name, request.cpu) for request in plan.creates] == [("ray-cluster-worker-2", 3.0)]


async def test_what_another_run_recorded_meanwhile_counts_under_the_lock(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=like(TWO, count=3), flags={"workers.count"})
    shown = await manager.plan("start")
    await carry_out(world.manager(tmp_path, spec=ONE), "scale", workers=1)
    async for _ in manager.execute(shown):
        pass
    assert set(world.states()) == {"head", "worker-1"}


async def test_what_the_profile_leaves_out_may_be_recorded(world: World, tmp_path: Path) -> None:
    world.name = "cai"
    whole = ClusterSpec(
        head=HeadSpec(runtime_identifier="i", script="h.py"), workers=WorkersSpec(runtime_identifier="i", script="w.py")
    )
    await carry_out(world.manager(tmp_path, spec=whole), "start")
    bare = world.manager(tmp_path, spec=ONE)
    assert not (await bare.plan("start")).changed
    with pytest.raises(ConfigurationError):
        await bare.plan("start", spec=msgspec.structs.replace(ONE, name="other"))


async def test_the_profile_is_compared_with_what_lives_and_recreate_applies_it(world: World, tmp_path: Path) -> None:
    await carry_out(world.manager(tmp_path, spec=ONE), "start")
    profile = msgspec.structs.replace(like(ONE, cpu=8.0), expose_dashboard=True)
    manager = world.manager(tmp_path, spec=profile)
    plan = await manager.plan("start")
    assert not plan.changed
    assert {(d.application, d.field) for d in plan.differences} == {
        ("ray-cluster-head", "expose_dashboard"),
        ("ray-cluster-worker-1", "workers.cpu"),
    }
    before = {app.id for app in world.apps.values()}
    await carry_out(manager, "start", recreate=True)
    assert world.drained == ["ray-cluster-worker-1"]
    assert not before & {app.id for app in world.apps.values()}
    assert world.apps["ray-cluster-worker-1"].cpu == 8.0
    assert world.asked[NAME].workers.cpu == 8.0


async def test_foreign_applications_of_our_names_are_one_problem(world: World, tmp_path: Path) -> None:
    world.foreign = {"ray-cluster-head", "ray-cluster-worker-1"}
    with pytest.raises(ConfigurationError) as caught:
        await world.manager(tmp_path, spec=ONE).plan("start")
    (problem,) = caught.value.problems
    assert problem.message == "applications named ray-cluster-head, ray-cluster-worker-1 exist and are not ours"


async def test_what_was_shown_is_made_when_everything_vanishes_before_the_lock_is_held(
    world: World, tmp_path: Path
) -> None:
    manager = world.manager(tmp_path, spec=ONE)
    await carry_out(manager, "start", spec=TWO, flags={"workers.count"})
    plan = await manager.plan("start")
    world.apps.clear()
    async with aclosing(manager.execute(plan)) as events:
        async for _ in events:
            pass
    assert sorted(world.states()) == ["head", "worker-1", "worker-2"]
