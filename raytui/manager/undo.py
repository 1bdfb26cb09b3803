"""What one run asked a platform to make, and how it is taken back: nothing that this run made may be forgotten.

A list lags behind creates, and an answer may be lost after the work was done. So what was made is remembered by the ids
that answers returned *and* found by listing (run and name); an application that no list shows is deleted by its id; and
where it is not known what a request came to, the list is looked at until it would show it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from raytui.core.errors import ConfigurationError, NotAllowed, NotFound, OperationFailed, RaytuiError, RefusedForSafety
from raytui.core.events import StepEvent, StepState
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest, Platform
from raytui.core.remedy import REMOVE, Hint
from raytui.manager.memory import Memory
from raytui.manager.side_by_side import LOOK_S, list_or_error, until
from raytui.system.backoff import Backoff

UNDO_S = 300.0
"""How long an undo may take in all, whatever was left of the operation's own time: a delete takes up to 180 s on a
workbench."""
DOUBT_S = 60.0
"""How long after a create whose answer tells nothing its application may still appear in the list: the longest lag that
was seen."""
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 2.0
TRIES = 2
"""How often the delete of one application is asked for: the platform repeats what it can by itself."""
_REFUSED = (OperationFailed, NotAllowed, NotFound, ConfigurationError, RefusedForSafety)
"""Errors of a create that say that nothing was made; after any other it is not known."""


class Undone(msgspec.Struct, frozen=True):
    """What an undo came to."""

    words: str = ""
    """The end of a sentence, from its semicolon on; empty when this run had made nothing."""
    removed: frozenset[str] = frozenset()
    """Ids of the applications that were removed."""
    doubtful: tuple[str, ...] = ()
    """Names of applications of which it is still not known whether they will appear."""
    hint: Hint = ""
    """What to do about what is left."""


class Made:
    """The creates of one run on one cluster."""

    def __init__(self, platform: Platform, cluster: str, run: str, memory: Memory) -> None:
        self._platform = platform
        self._cluster = cluster
        self._run = run
        self._memory = memory
        self._again: dict[str, Application] = {}
        self._names: set[str] = set()
        self._doubts: dict[str, float] = {}
        self._known: dict[str, Application] = {}
        self._removed: set[str] = set()
        self._failed: dict[str, BaseException] = {}
        self._tries: dict[str, int] = {}

    @property
    def applications(self) -> tuple[Application, ...]:
        """What this run is known to have made and has not taken back, as it was answered then."""
        return tuple(app for app in self._known.values() if app.id not in self._removed)

    @property
    def there(self) -> tuple[Application, ...]:
        """The same, with what a restart had to make again; that was there before, so it is not taken back."""
        return (*self.applications, *self._again.values())

    @property
    def names(self) -> frozenset[str]:
        """Names of everything that was asked for."""
        return frozenset(self._names)

    async def create(self, request: CreateRequest, *, until: float) -> Application:
        """Ask for one application, until that moment (loop time), and remember what became of it."""
        marker = request.marker
        self._names.add(request.name)
        self._doubts[request.name] = _now()
        self._memory.asked(request.name, marker.role, marker.index, marker.run, group=marker.group_name)
        try:
            made = await self._platform.create(request, until=until)
        except _REFUSED:
            del self._doubts[request.name]
            self._memory.refused(request.name)
            raise
        finally:
            if request.name in self._doubts:
                self._doubts[request.name] = _now()
        del self._doubts[request.name]
        self._memory.made(made)
        if made.run in {self._run, ""}:
            # One that somebody else's run made at the same moment is adopted by the platform; it is not ours to remove.
            self._known[made.id] = made
        return made

    async def restart(self, application: Application) -> Application:
        """Restart one application, and remember what was made in its place."""
        self._memory.asked(
            application.name, application.role, application.index, application.run, group=application.group
        )
        try:
            now = await self._platform.restart(application)
        except _REFUSED:
            self._memory.refused(application.name)
            raise
        if now.id == application.id:
            self._memory.refused(application.name)
        else:
            self._again[now.id] = now
            self._memory.made(now)
        return now

    async def undo(self, tell: Callable[[StepEvent], None]) -> Undone:
        """Remove everything that this run made, workers first, and look until nothing of it can appear any more."""
        if not self._names:
            return Undone()
        began, backoff = _now(), Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S)
        end = began + UNDO_S
        said = ""

        def report(state: StepState, text: str) -> None:
            nonlocal said
            if (state, text) != ("running", said):
                tell(StepEvent("undone", state, round(_now() - began, 3), text))
            said = text

        while True:
            due = self._due(await self._listed())
            if due:
                report("running", " ".join(app.short for app in due))
                await self._remove(due, end)
                continue
            if not (waiting := self._waiting()) or _now() >= end:
                break
            report("running", f"looking whether {' '.join(waiting)} came into being")
            await asyncio.sleep(min(backoff.next(), max(0.0, end - _now())))
        return self._outcome(report)

    async def _listed(self) -> Iterable[Application]:
        found = await list_or_error(self._platform, self._cluster, LOOK_S)
        if isinstance(found, Exception):
            # What is known by id is removed all the same.
            return ()
        return [app for app in found if app.run == self._run and app.name in self._names]

    def _due(self, found: Iterable[Application]) -> list[Application]:
        """What is to be removed now: known by id or found, not removed yet, and not failed too often."""
        for app in found:
            self._known[app.id] = app
            self._doubts.pop(app.name, None)
        return [app for app in self.applications if self._tries.get(app.id, 0) < TRIES]

    async def _remove(self, due: list[Application], end: float) -> None:
        for group in ([app for app in due if app.role == "worker"], [app for app in due if app.role == "head"]):
            for app, answer in zip(group, await until([self._platform.delete(app) for app in group], end), strict=True):
                self._tries[app.id] = self._tries.get(app.id, 0) + 1
                if isinstance(answer, BaseException):
                    self._failed[app.id] = answer
                else:
                    self._removed.add(app.id)
                    self._memory.gone([app.id])

    def _waiting(self) -> list[str]:
        """Names of what may still appear."""
        return sorted(name for name, since in self._doubts.items() if _now() - since < DOUBT_S)

    def _outcome(self, report: Callable[[StepState, str], None]) -> Undone:
        left = [f"{app.name} ({_why(self._failed.get(app.id))})" for app in self.applications]
        doubtful = tuple(sorted(self._doubts))
        shorts = " ".join(self._known[identity].short for identity in self._known if identity in self._removed)
        parts = [f"not removed: {', '.join(left)}"] if left else []
        if doubtful:
            parts.append(
                f"{', '.join(doubtful)} may still come into being, since it is not known whether it was created"
            )
        if parts:
            report("failed", "; ".join(parts))
            return Undone(f"; {'; '.join(parts)}", frozenset(self._removed), doubtful, REMOVE)
        if self._removed:
            report("undone", shorts)
            return Undone("; what this run made was removed", frozenset(self._removed))
        return Undone()


def _why(error: BaseException | None) -> str:
    if error is None:
        return f"not asked within {UNDO_S:g} s"
    if isinstance(error, RaytuiError):
        return str(error)
    return f"{type(error).__name__}: {error}".strip(": ")


def _now() -> float:
    return asyncio.get_running_loop().time()
