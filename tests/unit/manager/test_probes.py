"""Short looks at several clusters: each bounded, a failure as a row, and what platforms list beside."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from raytui.core.clusters import Entry, Opened
from raytui.core.errors import ConfigurationError, Failure, Unreachable
from raytui.manager import probes
from raytui.manager.probes import Probed, probe_all
from tests.fakes.platform import FakePlatform
from tests.tui.fakes import FakeSession, FakeSettings, as_session
from tests.unit.core.values import application, node, snapshot

SEEN = snapshot((application(0), application(1)), (node(0), node(1)))


class Clusters:
    """Sessions by name, made when they are asked for."""

    def __init__(self, *listed):
        self.platform = FakePlatform(listed)
        self.sessions = {}

    def entry(self, name, *, is_found=False, identity=""):
        settings = FakeSettings(profile_name="dev", cluster=msgspec.structs.replace(FakeSettings().cluster, name=name))

        def session():
            made = self.sessions[name] = FakeSession(settings)
            made.platform = self.platform
            made.monitor.put(msgspec.structs.replace(SEEN, cluster=name))
            return as_session(made)

        opened = Opened(settings, session, identity or name, lambda other: self.entry(other, is_found=True))
        return Entry(name, "dev", lambda: opened, is_found)


async def test_every_cluster_is_a_row_and_every_session_is_closed():
    made = Clusters()
    found = await probe_all([made.entry("a"), made.entry("b")])
    assert [(look.name, look.verdict) for look in found] == [("a", "ok"), ("b", "ok")]
    assert all(session.closed for session in made.sessions.values())


async def test_what_the_platform_lists_beside_is_looked_at_too_once():
    others = [application(0, cluster="other", name="other-head"), application(0, cluster="b", name="b-head")]
    made = Clusters(application(0, cluster="a", name="a-head"), *others)
    found = await probe_all([made.entry("a"), made.entry("b")])
    assert sorted((look.name, look.is_found) for look in found) == [("a", False), ("b", False), ("other", True)]


async def test_two_profiles_of_one_cluster_are_one_row():
    made = Clusters()
    found = await probe_all([made.entry("a", identity="same"), made.entry("b", identity="same")])
    assert [look.name for look in found] == ["a"]


def broken():
    raise ConfigurationError("the key is missing", hint="set CML_API_KEY")


def silent():
    raise Unreachable(Failure("platform", "NoAnswer", "the workbench does not answer", "try again"))


def odd():
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("opens", "why"),
    [(broken, "the key is missing"), (silent, "the workbench does not answer"), (odd, "it could not be asked")],
)
async def test_one_that_cannot_be_asked_is_unknown_and_says_why(opens, why):
    made = Clusters()
    found = await probe_all([Entry("bad", "bad", opens), made.entry("good")])
    assert [(look.name, look.verdict) for look in found] == [("bad", "unknown"), ("good", "ok")]
    assert why in found[0].why


async def test_a_look_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(probes, "PROBE_S", 0.05)
    made = Clusters()
    place = Probed(made.entry("a"))
    session = await asyncio.to_thread(place.session)
    await session.monitor.observe()  # what there is to see was seen
    look = await place.probe()
    assert (look.verdict, look.why) == ("unknown", "it did not answer within 0.05 s")
    assert look.cluster == "a"
