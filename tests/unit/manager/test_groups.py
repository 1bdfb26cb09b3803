"""Worker groups over a cluster's life: what the profile says, what was asked for, and what there is."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from raytui.core.errors import ConfigurationError, NotFound
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, WorkersSpec
from raytui.manager import waits
from raytui.manager.memory import Memory
from tests.unit.manager.world import World, carry_out

NAME = "ray-cluster"
ONE = ClusterSpec(workers=WorkersSpec(count=1))
MIXED = msgspec.structs.replace(ONE, groups={"cpu": WorkersSpec(count=2, cpu=2.0)})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(waits, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waits, "SLOWEST_POLL_S", 0.002)
    return World()


async def test_a_cluster_of_two_groups_lives_from_start_to_stop(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=MIXED)
    await carry_out(manager, "start")
    assert list(world.states()) == ["head", "worker-1", "cpu-1", "cpu-2"]
    assert not (await manager.plan("start")).changed
    await carry_out(manager, "scale", groups={"cpu": 1, "worker": 2})
    assert sorted(world.states()) == ["cpu-1", "head", "worker-1", "worker-2"]
    assert {group: size.count for group, size in world.asked[NAME].all_groups.items()} == {"worker": 2, "cpu": 1}
    assert [app.short for app in (await manager.plan("restart", target="cpu")).ends] == ["cpu-1"]
    await carry_out(manager, "stop")
    assert world.states() == {}


async def test_a_group_that_is_new_in_the_profile_is_made_by_a_plain_start(world: World, tmp_path: Path) -> None:
    await carry_out(world.manager(tmp_path, spec=ONE), "start")
    plan = await world.manager(tmp_path, spec=MIXED).plan("start")
    assert [request.name for request in plan.creates] == [f"{NAME}-cpu-1", f"{NAME}-cpu-2"]
    assert not plan.ends
    assert not plan.differences


async def test_a_group_that_left_the_profile_is_named_kept_and_ended_by_scale(world: World, tmp_path: Path) -> None:
    await carry_out(world.manager(tmp_path, spec=MIXED), "start")
    manager = world.manager(tmp_path, spec=ONE)
    plan = await manager.plan("start")
    assert not plan.changed
    (note,) = plan.notes
    assert "the group cpu is not in the profile and is kept" in as_commands(note)
    assert "raytui scale cpu=0" in as_commands(note)
    await carry_out(manager, "scale", groups={"cpu": 0})
    assert sorted(world.states()) == ["head", "worker-1"]
    assert not (await manager.plan("start")).notes


async def test_a_group_that_died_comes_back_with_its_own_size(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=MIXED)
    await carry_out(manager, "start")
    world.end(f"{NAME}-cpu-2")
    plan = await manager.plan("start")
    assert [(request.name, request.cpu) for request in plan.creates] == [(f"{NAME}-cpu-2", 2.0)]


async def test_groups_that_nobody_knows_are_refused_all_at_once(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=MIXED)
    await carry_out(manager, "start")
    with pytest.raises(ConfigurationError) as caught:
        await manager.plan("scale", groups={"gpu": 1, "tpu": 2, "cpu": 3})
    assert [problem.message for problem in caught.value.problems] == [
        f"{NAME} has no group gpu",
        f"{NAME} has no group tpu",
    ]
    with pytest.raises(ConfigurationError) as caught:
        await manager.plan("scale", groups={"cpu": -1}, workers=1001)
    assert [problem.field for problem in caught.value.problems] == ["workers", "groups.cpu"]
    with pytest.raises(ConfigurationError):
        await manager.plan("scale")
    with pytest.raises(NotFound):
        await manager.plan("restart", target="gpu")


async def test_only_the_group_that_changed_is_made_again(world: World, tmp_path: Path) -> None:
    await carry_out(world.manager(tmp_path, spec=MIXED), "start")
    changed = MIXED.with_group("cpu", WorkersSpec(count=2, cpu=3.0))
    plan = await world.manager(tmp_path, spec=changed).plan("start", recreate=True)
    assert sorted(app.short for app in plan.ends) == ["cpu-1", "cpu-2"]
    assert {request.cpu for request in plan.creates} == {3.0}


async def test_the_library_call_counts_the_group_worker(world: World, tmp_path: Path) -> None:
    manager = world.manager(tmp_path, spec=MIXED)
    await manager.start_cluster(num_workers=2, cpu=1, memory=2)
    assert sorted(world.states()) == ["cpu-1", "cpu-2", "head", "worker-1", "worker-2"]


async def test_what_no_list_shows_yet_is_remembered_with_its_group(world: World, tmp_path: Path) -> None:
    world.appears_within = 600.0
    memory = Memory(tmp_path, world, NAME)
    await carry_out(world.manager(tmp_path, spec=MIXED), "start")
    for app in world.apps.values():
        memory.made(app)
    assert [app.short for app in memory.unlisted()] == ["head", "worker-1", "cpu-1", "cpu-2"]
