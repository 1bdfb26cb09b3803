"""What the platform does by itself is written down once, whoever watches, and who holds what is part of a look."""

from __future__ import annotations

from pathlib import Path

import pytest

from raytui.core.events import Event
from raytui.core.observed.holdings import Amounts, Holdings, Quota
from raytui.manager.journal import SAME_S, Journal
from raytui.manager.monitor import Monitor
from tests.fakes.platform import FakePlatform, application

FULL = Holdings("me", "here", (Quota("user", "me", Amounts(cpu=4), Amounts(cpu=4)),))
HEAD = "ray-cluster-head"


class Reviving(FakePlatform):
    """A platform that starts what failed again by itself."""

    name = "cai"


def no_dashboard(_: object) -> object:
    raise AssertionError("a head that does not run is not asked")


@pytest.fixture
def platform() -> Reviving:
    made = Reviving([application("head"), application("worker-1", cpu=2.0)])
    made.held = FULL
    return made


def watch(platform: FakePlatform, journal: Journal) -> Monitor:
    return Monitor(
        platform, no_dashboard, cluster="ray-cluster", profile="cai",
        note=lambda event: journal.add_once("ray-cluster", event),
    )  # fmt: skip


async def seen(monitor: Monitor, platform: FakePlatform, *states: str) -> None:
    for state in states:
        platform.set(HEAD, state=state)
        await monitor.observe(())


async def test_a_restart_by_the_platform_is_kept_for_those_who_look_later(platform, tmp_path: Path):
    journal = Journal(tmp_path)
    monitor = watch(platform, journal)
    await seen(monitor, platform, "stopping", "failed", "failed", "starting", "starting")
    await monitor.close()
    kept = journal.read("ray-cluster")
    assert [(event.author, event.subject, event.reason) for event in kept] == [
        ("platform", HEAD, "RestartExpected"),
        ("platform", HEAD, "RestartBegan"),
    ]
    assert "restart 1 of at most 3 that was seen" in kept[1].message


async def test_several_watches_write_one_restart_down_once(platform, tmp_path: Path):
    journal = Journal(tmp_path)
    one, two = watch(platform, journal), watch(platform, Journal(tmp_path))
    for state in ("stopping", "failed", "starting"):
        platform.set(HEAD, state=state)
        await one.observe(())
        await two.observe(())
    await one.close()
    await two.close()
    assert [event.reason for event in journal.read("ray-cluster")] == ["RestartExpected", "RestartBegan"]


def test_the_same_again_later_is_another_entry(tmp_path: Path):
    journal = Journal(tmp_path)
    for at in (1000.0, 1000.0 + SAME_S / 2, 1000.0 + 2 * SAME_S):
        journal.add_once("c", Event(at, "platform", "c-head", "RestartBegan", "again"))
    assert [event.at for event in journal.read("c")] == [1000.0, 1000.0 + 2 * SAME_S]


async def test_a_look_asks_who_holds_what_only_while_somebody_waits(platform, tmp_path: Path):
    platform.set(HEAD, state="stopping")
    monitor = watch(platform, Journal(tmp_path))
    first = await monitor.observe(())
    assert (first.holdings.value, platform.count("holdings")) == (None, 0)
    platform.set("ray-cluster-worker-1", state="starting", created_at=1.0)
    second = await monitor.observe(())
    assert second.holdings.value.quotas == FULL.quotas
    for _ in range(3):
        await monitor.observe(())
    assert platform.count("holdings") == 1
    await monitor.close()


async def test_a_look_at_the_list_asks_the_platform_and_not_ray(platform, tmp_path: Path):
    platform.set(HEAD, state="stopping")
    monitor = watch(platform, Journal(tmp_path))
    reported = await monitor.observe({"holdings"})
    assert reported.holdings.value.user == "me"
    await monitor.close()
