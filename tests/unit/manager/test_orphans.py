"""Workers whose head is made again are no orphans: the lock, the second look and the age keep them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec

from raytui.core.desired.application_request import create_request
from raytui.core.observed.snapshot import Application
from raytui.manager import orphans
from raytui.manager.exclusive import exclusive
from raytui.manager.orphans import reap
from tests.unit.manager.world import SPEC, World


async def headless() -> tuple[World, Application]:
    """A world with two workers and no head, and the head that it had."""
    world = World()
    for name in ("ray-cluster-head", "ray-cluster-worker-1", "ray-cluster-worker-2"):
        await world.create(create_request(SPEC.resolved("local"), name))
    return world, world.apps.pop("ray-cluster-head")


async def reaped(world: World, folder: Path, **options: float) -> dict[str, str]:
    return await reap(world, tuple(world.apps.values()), folder, world.delete, **{"pause": 0.0, **options})  # type: ignore[arg-type]


async def test_what_no_head_claims_in_two_looks_is_ended(tmp_path: Path) -> None:
    world, _ = await headless()
    assert await reaped(world, tmp_path) == {}
    assert world.apps == {}


async def test_a_head_that_is_back_at_the_second_look_keeps_its_workers(tmp_path: Path) -> None:
    world, head = await headless()
    looks = 0
    plain = world.list

    async def look(cluster: str | None = None) -> tuple[Application, ...]:
        nonlocal looks
        looks += 1
        if looks == 2:
            world.apps[head.name] = head
        return await plain(cluster)

    world.list = look  # type: ignore[method-assign]
    left = await reaped(world, tmp_path)
    assert sorted(world.apps) == ["ray-cluster-head", "ray-cluster-worker-1", "ray-cluster-worker-2"]
    assert all("has a head again" in why for why in left.values())


async def test_while_another_raytui_changes_the_cluster_nothing_is_ended(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(orphans, "PATIENCE_S", 0.0)
    world, _ = await headless()
    async with exclusive(tmp_path, "local-ray-cluster", "restart", 0.0):
        left = await reaped(world, tmp_path)
    assert len(world.apps) == 2
    assert all("is changing" in why for why in left.values())


async def test_a_head_made_again_under_the_lock_is_waited_for_and_keeps_its_workers(tmp_path: Path) -> None:
    world, head = await headless()
    begun = asyncio.Event()

    async def restart() -> None:
        async with exclusive(tmp_path, "local-ray-cluster", "restart", 0.0):
            begun.set()
            await asyncio.sleep(0)
            world.apps[head.name] = head

    making = asyncio.create_task(restart())
    await begun.wait()
    await reaped(world, tmp_path)
    await making
    assert len(world.apps) == 3


async def test_what_is_young_is_left(tmp_path: Path) -> None:
    world, _ = await headless()
    world.apps = {name: msgspec.structs.replace(app, created_at=time.time()) for name, app in world.apps.items()}
    left = await reaped(world, tmp_path)
    assert len(world.apps) == 2
    assert all("younger than 120 s" in why for why in left.values())
