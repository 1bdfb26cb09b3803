"""The monitor asks what somebody looks at: no more, once for all, and at once for whoever comes."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from raytui.core.questions import OF_PLATFORM
from raytui.dashboard.client import connect
from raytui.manager.monitor import Monitor
from raytui.manager.readings import ALIVE, BEHIND_DEMAND, STATUS, VERDICT
from raytui.manager.subscriptions import Subscriptions
from raytui.view.tables.registry import TABLES
from tests.fakes.dashboard import FakeDashboard, many_nodes, recorded
from tests.fakes.platform import FakePlatform, application

ACTORS, JOBS = "/api/v0/actors", "/api/jobs/"
PATHS = {
    "version": "/api/version",
    "gcs": "/api/gcs_healthz",
    "nodes": "/api/v0/nodes",
    "stats": "/nodes",
    "usage": "/api/cluster_status",
    "jobs": JOBS,
    "actors": ACTORS,
    "serve": "/api/serve/applications/",
    "events": "/events",
    "tasks": "/api/v0/tasks",
    "task_counts": "/api/v0/tasks/summarize",
    "placement_groups": "/api/v0/placement_groups",
    "ray_workers": "/api/v0/workers",
}


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        yield running


@pytest.fixture
async def monitor(server: FakeDashboard):
    platform = FakePlatform([application("head"), application("worker-1")], server.target)
    watching = Monitor(
        platform, lambda target: connect(target, long_lived=True), cluster="ray-cluster", profile="local"
    )
    yield watching
    await watching.close()


async def test_a_question_is_asked_only_while_somebody_looks(server, monitor, monkeypatch) -> None:
    monkeypatch.setattr("raytui.manager.readings.PERIODS", dict.fromkeys(PATHS, 0.0))
    asked = []
    rounds = monitor.snapshots(interval=0.01, questions=ALIVE)
    await anext(rounds)
    with monitor.subscribe(("actors",)), monitor.subscribe(("actors", "jobs")):
        for _ in range(3):
            snapshot = await anext(rounds)
        assert snapshot.actors.value is not None
        assert snapshot.jobs.value is not None
        asked = [server.requests[ACTORS], server.requests[JOBS]]
    for _ in range(3):
        snapshot = await anext(rounds)
    await rounds.aclose()
    assert asked == [3, 3]
    assert [server.requests[ACTORS], server.requests[JOBS]] == asked
    assert snapshot.actors.value is None
    assert snapshot.actors.failure is None


async def test_who_opens_a_list_does_not_wait_for_the_next_round(monitor) -> None:
    rounds = monitor.snapshots(interval=3600.0, questions=ALIVE)
    await anext(rounds)
    following = asyncio.ensure_future(anext(rounds))
    await asyncio.sleep(0)
    subscription = monitor.subscribe(("actors",))
    snapshot = await asyncio.wait_for(following, 20)
    assert snapshot.actors.value
    subscription.close()
    subscription.close()
    await rounds.aclose()


async def test_what_is_asked_already_begins_no_round() -> None:
    asked = Subscriptions()
    asked.add(STATUS)
    asked.begin_round()
    asked.add(("jobs",))
    await asked.wait(0.0)
    assert not asked._added.is_set()
    asked.add(("serve",))
    await asyncio.wait_for(asked.wait(3600.0), 20)


async def test_a_watch_that_ends_asks_no_more(monitor) -> None:
    rounds = monitor.snapshots(interval=0.01, questions=VERDICT)
    await anext(rounds)
    await rounds.aclose()
    assert monitor._subscriptions.wanted == frozenset()


SCREENS = {"status": STATUS, "cluster": VERDICT, **{name: kind.needs for name, kind in TABLES.items()}}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("nodes", [3, 500])
async def test_a_refresh_costs_one_request_for_each_question_of_the_screen_whatever_the_number_of_nodes(
    server, monitor, screen, nodes
) -> None:
    server.bodies["/api/v0/nodes"], server.bodies["/nodes"] = many_nodes(nodes)
    snapshot = await anext(monitor.snapshots(questions=SCREENS[screen]))
    assert len(snapshot.nodes.value) == nodes
    asked = (ALIVE | SCREENS[screen]) - OF_PLATFORM
    # In the recorded answer the scheduler has work without a place.
    besides = BEHIND_DEMAND if "usage" in asked else frozenset()
    assert server.requests == Counter(PATHS[name] for name in asked | besides)


async def test_who_waits_is_asked_only_while_the_scheduler_has_work_without_a_place(server, monitor) -> None:
    server.bodies["/api/cluster_status"] = (
        recorded("cluster_status.json").replace(b'"resourceDemand"', b'"x"').replace(b'"pgDemand"', b'"y"')
    )
    snapshot = await monitor.observe(STATUS)
    assert (snapshot.tasks.at, snapshot.placement_groups.at) == (0.0, 0.0)
    assert server.requests == Counter(PATHS[name] for name in STATUS)
    del server.bodies["/api/cluster_status"]
    snapshot = await monitor.observe(STATUS)
    assert snapshot.tasks.value
    assert snapshot.placement_groups.value


@pytest.mark.parametrize("nodes", [3, 500])
async def test_the_platform_is_listed_once_a_round_whatever_the_number_of_nodes(server, nodes) -> None:
    platform = FakePlatform(
        [application("head"), *(application(f"worker-{n}") for n in range(1, nodes))], server.target
    )
    watching = Monitor(
        platform, lambda target: connect(target, long_lived=True), cluster="ray-cluster", profile="local"
    )
    await anext(watching.snapshots())
    await watching.close()
    assert (platform.count("list"), platform.count("dashboard")) == (1, 1)
