"""Probes of clusters that nobody watches: only what the verdict needs, bounded in time, a failure as a value.

A probe costs the platform's list and what Ray tells of life, three requests; each keeps its connections for the next.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from raytui.core.clusters import ClusterSummary, Entry, Opened, summary_of, unseen, worst_first
from raytui.core.conditions import assess
from raytui.core.errors import RaytuiError
from raytui.core.platforms import traits
from raytui.core.session import Session
from raytui.system.threads import in_daemon_thread

PROBE_S = 20.0
"""How long one probe may take."""
FEW = 3
"""Probes at the same time: many clusters that do not answer must not take every thread and connection."""


class Probed:
    """One of several clusters: opened when it is first needed, probed, and let go of.

    Whoever watches it in full shares its session.
    """

    def __init__(self, entry: Entry, clock: Callable[[], float] = time.time, opened: Opened | None = None) -> None:
        self.entry = entry
        self.opened = opened
        self.last = ClusterSummary(entry.name, entry.profile, is_found=entry.is_found)
        """What was observed last, with no verdict before the first probe."""
        self._clock = clock
        self._session: Session | None = None
        self._opening = threading.Lock()

    @property
    def is_open(self) -> bool:
        """Whether there is a session to close."""
        return self._session is not None

    def open(self) -> Opened:
        """Its settings, read once they can be; may block, and raises `ConfigurationError`."""
        with self._opening:
            if self.opened is None:
                self.opened = self.entry.open()
            return self.opened

    def session(self) -> Session:
        """Its one session; may block for seconds, and raises `RaytuiError`."""
        opened = self.open()
        with self._opening:
            if self._session is None:
                self._session = opened.open_session()
            return self._session

    async def probe(self) -> ClusterSummary:
        """Observe it now; what keeps one from it is what the summary says. Cancelling is safe."""
        try:
            async with asyncio.timeout(PROBE_S):
                session = await in_daemon_thread(self.session, "probe")
                snapshot = await session.monitor.observe(())
        except TimeoutError:
            self.last = self._unseen(f"it did not answer within {PROBE_S:g} s")
        except RaytuiError as error:
            self.last = self._unseen(error.message, error)
        except Exception as error:  # noqa: BLE001 - boundary: a cluster beside must never fail the one in front
            self.last = self._unseen(f"it could not be asked: {type(error).__name__}")
        else:
            self.last = summary_of(self.entry, snapshot, assess(snapshot), self.last)
        return self.last

    def observed(self, summary: ClusterSummary) -> None:
        """Take over what whoever watches it in full observed."""
        self.last = summary

    async def beside(self) -> tuple[str, ...]:
        """Names of the other clusters that its platform lists; none where it lists none, or does not answer."""
        if self.opened is None or traits(self.opened.settings.platform).is_watched:
            return ()
        try:
            async with asyncio.timeout(PROBE_S):
                session = await in_daemon_thread(self.session, "probe")
                listed = await session.platform.list()
        except (TimeoutError, RaytuiError):
            return ()
        own = self.opened.settings.cluster.name
        return tuple(sorted({app.cluster for app in listed if app.cluster and app.cluster != own}))

    async def close(self) -> None:
        """Let go of the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.__aexit__(None, None, None)

    def forget(self) -> None:
        """Its session was closed by whoever shared it."""
        self._session = None

    def _unseen(self, why: str, error: RaytuiError | None = None) -> ClusterSummary:
        summary = unseen(self.entry, self._clock(), why, error.hint if error is not None else "", self.last)
        if self.opened is None:
            return summary
        settings = self.opened.settings
        return msgspec.structs.replace(summary, platform=settings.platform, cluster=settings.cluster.name)


def distinct(places: Sequence[Probed]) -> list[Probed]:
    """The places without those that mean the cluster of an earlier one."""
    seen: set[str] = set()
    kept = []
    for place in places:
        identity = place.opened.identity if place.opened is not None else f"unread {place.entry.name}"
        if identity not in seen:
            seen.add(identity)
            kept.append(place)
    return kept


def listed_beside(place: Probed, names: Sequence[str], known: Sequence[Probed]) -> list[Probed]:
    """Places for the clusters of these names, which the platform of `place` lists, without those that are known."""
    assert place.opened is not None
    taken = {one.entry.name for one in known}
    made: list[Probed] = []
    for name in names:
        entry = place.opened.named(name)
        if entry.name in taken:
            entry = entry._replace(name=f"{entry.profile}/{name}")
        found = Probed(entry, opened=entry.open())
        if len(distinct([*known, *made, found])) > len(known) + len(made):
            made.append(found)
    return made


async def probe_all(entries: Sequence[Entry]) -> tuple[ClusterSummary, ...]:
    """One probe of each cluster, and at those that their platforms list beside them, the worst first."""
    few, places = asyncio.Semaphore(FEW), [Probed(entry) for entry in entries]

    async def probe(place: Probed) -> None:
        async with few:
            await place.probe()

    async def beside(place: Probed) -> tuple[str, ...]:
        async with few:
            return await place.beside()

    everything = list(places)
    try:
        await asyncio.gather(*map(probe, places))
        places = distinct(places)
        for place, names in zip(tuple(places), await asyncio.gather(*map(beside, places)), strict=True):
            places += listed_beside(place, names, places) if names else []
        found = [place for place in places if place not in everything]
        everything += found
        await asyncio.gather(*map(probe, found))
    finally:
        for place in everything:
            await place.close()
    return tuple(worst_first([place.last for place in places], lambda summary: summary))
