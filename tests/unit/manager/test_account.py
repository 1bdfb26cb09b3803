"""Who holds what is asked once a minute at most, and only while an application waits or somebody looks."""

from __future__ import annotations

import asyncio

import pytest

from raytui.core.errors import NotAllowed
from raytui.core.observed.holdings import Amounts, Holdings, Quota
from raytui.manager import account
from raytui.manager.account import Account
from tests.fakes.platform import FakePlatform, application

FULL = Holdings("me", "here", (Quota("user", "me", Amounts(cpu=4), Amounts(cpu=4)),))
NOW = 1_790_000_000.0


class Clock:
    """The loop's time, set by hand, so that a minute passes at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._skipped = 0.0
        loop = asyncio.get_running_loop()
        real = loop.time
        monkeypatch.setattr(loop, "time", lambda: real() + self._skipped)

    def skip(self, seconds: float) -> None:
        self._skipped += seconds


@pytest.fixture
async def clock(monkeypatch):
    return Clock(monkeypatch)


@pytest.fixture
def platform() -> FakePlatform:
    made = FakePlatform()
    made.held = FULL
    return made


@pytest.fixture
async def asking(platform):
    made = Account(platform, lambda: NOW)
    yield made
    await made.close()


def waiting(seconds: float = 30.0):
    return (application("head"), application("worker-1", "starting", began_at=NOW - seconds))


async def test_nobody_waits_and_nobody_looks_so_nothing_is_asked(platform, asking):
    for _ in range(3):
        reported = await asking.read((application("head"), application("worker-1")), looked_at=False, patience=1.0)
        assert (reported.value, reported.failure) == (None, None)
    assert platform.count("holdings") == 0


async def test_one_that_waits_is_asked_about_once_a_minute(platform, asking, clock):
    for _ in range(5):
        reported = await asking.read(waiting(), looked_at=False, patience=1.0)
        assert reported.value.quotas == FULL.quotas
        clock.skip(11.0)
    assert platform.count("holdings") == 1
    clock.skip(6.0)
    await asking.read(waiting(), looked_at=True, patience=1.0)
    assert platform.count("holdings") == 2


async def test_what_has_just_begun_to_start_is_not_asked_about_yet(platform, asking, clock):
    young = (application("worker-1", "starting", began_at=NOW - 1),)
    assert (await asking.read(young, looked_at=False, patience=1.0)).value is None
    # Whatever the platform's clock says, what was seen to be starting for so long is.
    clock.skip(account.ASK_AFTER_S)
    assert (await asking.read(young, looked_at=False, patience=1.0)).value is not None


async def test_somebody_who_looks_is_answered_without_a_cluster(platform, asking):
    reported = await asking.read((), looked_at=True, patience=1.0)
    assert reported.value.user == "me"
    assert reported.at == NOW


async def test_the_answer_remembers_who_ran_and_who_was_starting(asking):
    reported = await asking.read(waiting(), looked_at=False, patience=1.0)
    assert reported.value.running == {"ray-cluster-head"}
    assert reported.value.starting == {"ray-cluster-worker-1"}


async def test_a_platform_without_an_account_answers_an_empty_one(platform, asking):
    platform.held = None
    reported = await asking.read((), looked_at=True, patience=1.0)
    assert reported.value == Holdings()


async def test_a_refusal_is_a_value_and_is_not_repeated_within_the_minute(platform, asking, clock):
    platform.errors["holdings"] = [NotAllowed("the key may not")]
    reported = await asking.read(waiting(), looked_at=False, patience=1.0)
    assert reported.failure.message == "the key may not"
    clock.skip(30.0)
    assert (await asking.read(waiting(), looked_at=False, patience=1.0)).failure is not None
    assert platform.count("holdings") == 1
    clock.skip(31.0)
    assert (await asking.read(waiting(), looked_at=False, patience=1.0)).value is not None


async def test_a_later_answer_that_is_slow_holds_nobody_up(platform, asking, clock):
    await asking.read(waiting(), looked_at=False, patience=1.0)
    clock.skip(61.0)
    platform.delays["holdings"] = 3600.0
    reported = await asking.read(waiting(), looked_at=False, patience=0.01)
    assert reported.value.quotas == FULL.quotas
    clock.skip(61.0)
    await asking.read(waiting(), looked_at=False, patience=0.01)
    assert platform.count("holdings") == 2  # the one that is still open is waited for, not asked again
