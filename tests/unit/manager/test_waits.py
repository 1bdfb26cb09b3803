"""What a wait asks while a head comes up, and what is said of what exists when its time runs out."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pytest

from raytui.core.errors import DeadlineExceeded
from raytui.core.observed.snapshot import Application, LauncherReport, Reading, Snapshot
from raytui.manager import waits

from .world import NOW, World, carry_out

HEAD, ONE, TWO = "ray-cluster-head", "ray-cluster-worker-1", "ray-cluster-worker-2"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Waits of milliseconds."""
    monkeypatch.setattr(waits, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(waits, "SLOWEST_POLL_S", 0.002)


def with_launcher(snapshot: Snapshot, state: str) -> Snapshot:
    """The snapshot with a head whose launcher says this of itself."""

    def reported(app: Application) -> Application:
        report = LauncherReport(state, of_this_run=True, at=NOW)
        return msgspec.structs.replace(app, launcher=report) if app.role == "head" else app

    apps = tuple(map(reported, snapshot.applications.value or ()))
    return msgspec.structs.replace(snapshot, applications=Reading(apps, at=NOW))


async def test_a_dashboard_is_not_asked_while_the_launcher_says_that_the_head_comes_up(tmp_path):
    world = World()
    looks, asked = world.observe, []
    states = ["starting", "joining", "joining", "alive"]

    async def observe(questions: Collection[str] = ()) -> Snapshot:
        state = states.pop(0) if len(states) > 1 else states[0]
        asked.append((state, bool(questions)))
        found = with_launcher(await looks(questions), state)
        return found if questions else msgspec.structs.replace(found, gcs=Reading(), nodes=Reading())

    world.observe = observe
    await carry_out(world.manager(tmp_path), "start")
    # The first look knows of no launcher; what the launcher says at last is checked against Ray at once.
    assert asked[:5] == [("starting", True), ("joining", False), ("joining", False), ("alive", False), ("alive", True)]


async def test_what_is_listed_is_not_called_unlisted_and_what_is_not_is(tmp_path):
    world = World(boot=10**6)
    looks = world.observe

    async def observe(questions: Collection[str] = ()) -> Snapshot:
        found = await looks(questions)
        apps = tuple(app for app in found.applications.value or () if app.name != ONE)
        more = tuple(application(f"ray-cluster-worker-{n}") for n in range(10, 20))
        return msgspec.structs.replace(found, applications=Reading((*apps, *more), at=NOW))

    world.observe = observe
    with pytest.raises(DeadlineExceeded) as caught:
        await carry_out(world.manager(tmp_path), "start", timeout=0.5)
    listed, _, unlisted = caught.value.message.partition("; made, not listed yet: ")
    assert HEAD in listed
    assert TWO in listed
    # A worker-10 that is listed does not name worker-1.
    assert unlisted == ONE


def application(name: str) -> Application:
    """One that somebody else's run made."""
    return Application(name, name, "ray-cluster", "worker", int(name.rpartition("-")[2]), "starting")
