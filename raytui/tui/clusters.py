"""The clusters of the console: which is in front, how the others are, and the short looks at those.

The one in front is watched in full by its own screen. Every other one is looked at by a task of its own, so that none
waits for another. The order is worst first at the moment when all were looked at for the first time, when the list of
clusters is opened and when one is chosen by name; between these no name moves, only its mark changes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from raytui.core.clusters import ClusterSummary, Entry, summary_of, unseen, worst_first
from raytui.core.errors import RaytuiError
from raytui.core.observed.snapshot import Reading, Snapshot
from raytui.core.platforms import PlatformName
from raytui.core.session import ConsoleSettings
from raytui.core.spec import ClusterSpec
from raytui.manager.probes import FEW, PROBE_S, Probed, distinct, listed_beside
from raytui.system.backoff import Backoff
from raytui.system.threads import in_daemon_thread
from raytui.tui.render.tabs import TabMark
from raytui.view.picture import Picture
from raytui.view.words import VERDICTS, summary_word

if TYPE_CHECKING:
    from raytui.manager.alarm import Alarm
    from raytui.tui.screens.cluster import ClusterScreen

FIRST_MODE = "cluster"
"""The mode in which the console begins."""
EVERY_S = 20.0
"""Seconds between two short looks at a cluster."""
SLOWEST_S = 120.0
"""The same for one that has not answered for a while."""
SOON_S = 5.0
"""After a look that reported another verdict, the next one comes that soon."""
LISTED_EVERY_S = 120.0
"""Seconds after which platforms are asked again which other clusters they list."""


class Unread(msgspec.Struct):
    """Settings of a profile that cannot be read: nothing can be changed under them."""

    profile_name: str
    cluster: ClusterSpec
    theme: str
    keys: dict[str, str]
    platform: PlatformName = "attached"
    read_only: bool = True
    read_only_asked: bool = True
    production: bool = False
    refresh: float = 2.0
    bell: bool = False
    notify: str = ""


class Tab:
    """One cluster of the console, with its screen once somebody has looked at it."""

    def __init__(self, place: Probed, mode: str) -> None:
        self.place = place
        self.mode = mode
        self.screen: ClusterScreen | None = None
        self.seen: Snapshot | None = None
        """The last one that its screen has shown."""
        self.is_read = place.opened is not None
        """Whether the screen was made from settings that could be read."""

    @property
    def name(self) -> str:
        """What it is called among the others."""
        return self.place.entry.name

    async def settings(self, otherwise: ConsoleSettings) -> ConsoleSettings:
        """Its settings, or while they cannot be read, ones that change nothing."""
        try:
            async with asyncio.timeout(PROBE_S):
                opened = await in_daemon_thread(self.place.open, "settings")
        except (RaytuiError, TimeoutError):
            self.is_read = False
            spec = ClusterSpec(name=self.name)
            return Unread(self.place.entry.profile, spec, otherwise.theme, otherwise.keys)
        self.is_read = True
        return opened.settings

    async def close(self) -> str:
        """Let go of everything; answers what became of an operation that ran."""
        if self.screen is not None:
            shared = self.screen.session is not None
            said = await self.screen.end()
            if shared:
                self.place.forget()
        else:
            said = ""
        await self.place.close()
        return said


class Clusters:
    """All of them, the one in front among them."""

    def __init__(
        self,
        own: Probed,
        entries: Sequence[Entry],
        clock: Callable[[], float],
        changed: Callable[[], None],
        make_alarm: Callable[[], Alarm],
    ) -> None:
        """`changed` is called when marks, names or their order are other ones.

        The alarm is made with the first look: the first frame needs none.
        """
        self._clock = clock
        self._changed = changed
        self._make_alarm = make_alarm
        self.front = Tab(own, FIRST_MODE)
        self.tabs = [self.front, *(Tab(Probed(entry, clock), f"cluster {n}") for n, entry in enumerate(entries, 1))]
        self._made = len(self.tabs)
        self._few = asyncio.Semaphore(FEW)
        self._ordered = False
        self._run: Callable[[Coroutine[None, None, None]], object] | None = None

    @cached_property
    def _alarm(self) -> Alarm:
        return self._make_alarm()

    @property
    def looks(self) -> Reading[tuple[ClusterSummary, ...]]:
        """The last look at each, in the order of the line."""
        return Reading(tuple(tab.place.last for tab in self.tabs), at=self._clock())

    @property
    def marks(self) -> tuple[TabMark, ...]:
        """How the line shows them."""
        return tuple(self._mark(tab) for tab in self.tabs)

    def _mark(self, tab: Tab) -> TabMark:
        word, role = summary_word(tab.place.last)
        if tab is self.front and tab.screen is not None and tab.screen.stale:
            word, role = VERDICTS["unknown"]
        return TabMark(tab.name, word[:1], role, tab is self.front)

    def new_mode(self) -> str:
        """A name for a mode that no screen has had."""
        self._made += 1
        return f"cluster {self._made}"

    def begin(self, run: Callable[[Coroutine[None, None, None]], object], *, searches: bool) -> None:
        """Begin to look at the others; `searches` asks the platforms for further clusters too."""
        self._run = run
        for tab in self.tabs:
            run(self._keep_looking(tab))
        if searches:
            run(self._search())

    def named(self, name: str) -> Tab | None:
        """The cluster of that name."""
        return next((tab for tab in self.tabs if tab.name == name), None)

    def beside(self, step: int) -> Tab:
        """The next one of the line, or the one before."""
        self._ordered = True
        return self.tabs[(self.tabs.index(self.front) + step) % len(self.tabs)]

    def put_in_order(self) -> None:
        """The worst first; those that no profile names and that are gone are left out."""
        self._ordered = True
        kept = [tab for tab in self.tabs if tab is self.front or tab.screen is not None or not _is_gone(tab)]
        self.tabs = worst_first(kept, lambda tab: tab.place.last)
        self._changed()

    def saw(self, tab: Tab, picture: Picture | None) -> None:
        """The screen of a cluster has a new picture."""
        if picture is not None and picture.snapshot is not tab.seen:
            tab.seen = picture.snapshot
            self._took(tab, summary_of(tab.place.entry, picture.snapshot, picture.assessment, tab.place.last))

    def failed(self, tab: Tab, trouble: str) -> None:
        """The screen of a cluster cannot watch it."""
        if trouble:
            self._took(tab, unseen(tab.place.entry, self._clock(), trouble, before=tab.place.last))

    async def close(self) -> list[str]:
        """Let go of all of them; answers what became of operations that ran."""
        said = [await tab.close() for tab in self.tabs]
        if "_alarm" in self.__dict__:
            await self._alarm.close()
        return said

    def _took(self, tab: Tab, look: ClusterSummary) -> None:
        tab.place.observed(look)
        if tab not in self.tabs:
            return
        opened = tab.place.opened
        if opened is not None:
            self._alarm.observe(look, command=opened.settings.notify, bell=opened.settings.bell)
        self._leave_out_doubles()
        if not self._ordered and len(self.tabs) > 1 and all(one.place.last.verdict is not None for one in self.tabs):
            self.put_in_order()
        self._changed()

    def _leave_out_doubles(self) -> None:
        """Two profiles may mean the same cluster, which is known when both were read."""
        first = sorted(self.tabs, key=lambda tab: tab is not self.front and tab.screen is None)
        kept = distinct([tab.place for tab in first])
        self.tabs = [tab for tab in self.tabs if tab.place in kept]

    async def _keep_looking(self, tab: Tab) -> None:
        slower = Backoff(EVERY_S, SLOWEST_S, growth=1.5, jitter=0.2)
        while tab in self.tabs:
            if tab is not self.front:
                async with self._few:
                    look = await tab.place.probe()
                if tab is not self.front:
                    self._took(tab, look)
                    if tab.screen is not None:
                        # An operation that kept it watched may have ended.
                        tab.screen.rest()
            if self._alarm.is_changing(tab.name):
                pause = SOON_S
            elif tab.place.last.verdict == "unknown":
                pause = slower.next()
            else:
                slower.reset()
                pause = EVERY_S
            await asyncio.sleep(pause)
        if tab.screen is None:
            await tab.place.close()

    async def _search(self) -> None:
        """Ask the platforms which other clusters they list; the new ones come last."""
        await asyncio.sleep(SOON_S)
        while True:
            for tab in tuple(self.tabs):
                if tab.place.entry.is_found or tab.place.last.verdict in {None, "unknown"}:
                    continue
                async with self._few:
                    names = await tab.place.beside()
                known = [one.place for one in self.tabs]
                for place in listed_beside(tab.place, names, known) if names else ():
                    made = Tab(place, self.new_mode())
                    self.tabs.append(made)
                    self._changed()
                    if self._run is not None:
                        self._run(self._keep_looking(made))
            await asyncio.sleep(LISTED_EVERY_S)


def _is_gone(tab: Tab) -> bool:
    return tab.place.entry.is_found and tab.place.last.phase == "absent"
