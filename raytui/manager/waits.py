"""The waits of an operation: each has a deadline, says what it waits for, and ends early when that has failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

from raytui.core.conditions import node_state
from raytui.core.errors import DeadlineExceeded, OperationFailed
from raytui.core.findings.capacity import waiting_names, why_waiting
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Application, Snapshot
from raytui.core.plan import Plan
from raytui.core.remedy import CREATE_AGAIN, Hint, Remedy
from raytui.manager.monitor import Monitor
from raytui.manager.readings import ALIVE
from raytui.manager.side_by_side import Deadline
from raytui.system.backoff import Backoff

FIRST_POLL_S = 0.2
SLOWEST_POLL_S = 1.0
LIST_S = 30.0
"""Backstop for the platform's own deadline on its list."""
FEW = 6
"""Applications that are named with their states one by one."""
MISSING_POLLS = 3
"""How often in a row an application that was listed must be missing from the list before it counts as gone."""
LAG_S = 60.0
"""How long an application that was not listed yet may be missing: the longest lag of a list that was seen."""
_COMING_UP = frozenset({"starting", "waiting", "joining"})
DEAD_S = 45.0
"""How long a node may be listed dead before the wait gives up: a worker that rejoins is back sooner."""

Progress = Callable[[str], None]


class ApplicationEnded(OperationFailed):
    """An application that was waited for has failed, was stopped or is gone; `name` says which."""

    default_reason = "ApplicationFailed"

    def __init__(self, name: str, message: str, *, hint: Hint, reason: str = "") -> None:
        super().__init__(message, hint=hint, reason=reason)
        self.name = name


class WaitRanOut(DeadlineExceeded):
    """The time of the whole call ran out.

    Only this is no failure of the platform, so only after this nothing is undone.
    """

    listed: frozenset[str] | None = None
    """Ids of the applications that the list showed when the time ran out; none where nobody has looked at it."""


class Waits:
    """The waits for life of one run, under the deadline of the whole call."""

    def __init__(self, plan: Plan, monitor: Monitor, deadline: Deadline) -> None:
        self._plan = plan
        self._monitor = monitor
        self._deadline = deadline
        self._missing: dict[str, int] = {}
        self._unlisted_since: dict[str, float] = {}
        self._dead_since: dict[str, float] = {}

    def expect(self, name: str) -> None:
        """An application of this name was made again: what was seen of the one before says nothing of it."""
        for seen in (self._missing, self._unlisted_since, self._dead_since):
            seen.pop(name, None)

    async def head(self, progress: Progress) -> str:
        """Until GCS answers on the head and its node is alive; the answer is the dashboard's address."""
        name = self._plan.alive[0] if self._plan.alive else f"{self._plan.cluster}-head"
        said = ""
        async for snapshot in self._observe("the head to answer"):
            head = snapshot.head
            self._fail_if_ended(snapshot, (name,))
            if head is not None and head.state == "running" and node_state(snapshot, head)[1] == "ALIVE":
                return snapshot.dashboard_url
            said = _say(progress, _head_progress(snapshot), said)
        raise AssertionError("unreachable: the wait ends by return or error")

    async def nodes(self, names: Iterable[str], progress: Progress) -> str:
        """Until each named application runs and Ray lists its node as alive; the answer says how many."""
        wanted, said = tuple(names), ""
        async for snapshot in self._observe("all nodes to be alive"):
            self._fail_if_ended(snapshot, wanted)
            apps = {app.name: app for app in snapshot.applications.value or ()}
            alive = [
                name
                for name in wanted
                if name in apps and apps[name].state == "running" and node_state(snapshot, apps[name])[1] == "ALIVE"
            ]
            if len(alive) == len(wanted):
                return f"{len(alive)}/{len(wanted)}"
            late = " ".join(name.removeprefix(f"{self._plan.cluster}-") for name in wanted if name not in alive)
            short = waiting_names(join(snapshot))
            sentence = f"{len(alive)}/{len(wanted)}, waiting for {late}" + (f"; {short}" if short else "")
            said = _say(progress, sentence, said)
        raise AssertionError("unreachable: the wait ends by return or error")

    async def _observe(self, what: str) -> AsyncIterator[Snapshot]:
        backoff = Backoff(FIRST_POLL_S, SLOWEST_POLL_S)
        last: Snapshot | None = None
        silent = asyncio.get_running_loop().time() + LAG_S
        while True:
            # A dashboard that is asked while it loads holds the answer back until its client gives up, seconds after
            # the head's own launcher has said that the node lives.
            comes_up = _comes_up(last) and asyncio.get_running_loop().time() < silent
            try:
                async with asyncio.timeout_at(self._deadline.at) as limit:
                    last = await self._monitor.observe(frozenset() if comes_up else ALIVE)
            except TimeoutError:
                if not limit.expired():
                    raise
            else:
                yield last
            if self._deadline.has_passed:
                raise self._ran_out(what, last)
            if not comes_up or _comes_up(last):
                await asyncio.sleep(min(backoff.next(), self._deadline.left))

    def _ran_out(self, what: str, last: Snapshot | None) -> WaitRanOut:
        apps = last.applications.value if last is not None else None
        listed = "listed: none" if apps is not None else "what exists is not known"
        exists = f"listed: {_by_state(apps)}" if apps else listed
        short = waiting_names(join(last)) if last is not None else ""
        error = WaitRanOut(
            f"the {self._deadline.seconds:g} s ran out while waiting for {what}; "
            f"{short}{'; ' if short else ''}{exists}",
            hint=(Remedy("status", "", "shows what is missing"), Remedy("stop", "", "removes it")),
        )
        error.listed = None if apps is None else frozenset(app.id for app in apps)
        return error

    def _fail_if_ended(self, snapshot: Snapshot, names: Iterable[str]) -> None:
        """Raise `OperationFailed` with the reason when a wanted application has failed, was stopped, or is gone."""
        if snapshot.applications.value is None:
            return
        apps = {app.name: app for app in snapshot.applications.value}
        for name in names:
            app = apps.get(name)
            if app is not None:
                self._missing[name] = 0
                self._fail_if_dead(snapshot, app)
            elif name in self._missing:
                self._missing[name] += 1
                if self._missing[name] >= MISSING_POLLS:
                    message = f"{name} is no longer listed by the platform: somebody removed it"
                    raise OperationFailed(message, hint=CREATE_AGAIN)
            elif snapshot.observed_at - self._unlisted_since.setdefault(name, snapshot.observed_at) >= LAG_S:
                message = f"{name} was asked for {LAG_S:g} s ago and the platform does not list it: somebody removed it"
                raise OperationFailed(message, hint=CREATE_AGAIN)

    def _fail_if_dead(self, snapshot: Snapshot, app: Application) -> None:
        report = app.launcher
        if app.state in {"failed", "stopped"}:
            why = app.message or (report.message if report else "")
            raise ApplicationEnded(
                app.name,
                f"{app.name} {'failed' if app.state == 'failed' else 'was stopped'}" + (f": {why}" if why else ""),
                hint=(report.hint if report else "") or Remedy("logs", app.short, "shows its output"),
            )
        node = join(snapshot).node_of(app)
        if node is None or node.state != "DEAD":
            self._dead_since.pop(app.name, None)
            return
        since = self._dead_since.setdefault(app.name, snapshot.observed_at)
        if snapshot.observed_at - since > DEAD_S:
            raise ApplicationEnded(
                app.name,
                f"{app.name} runs, but Ray lists its node as dead" + (f": {node.message}" if node.message else ""),
                hint=(Remedy("restart", app.short, "starts a new node"), Remedy("logs", app.short, "shows its output")),
                reason="NodeDead",
            )


def _comes_up(snapshot: Snapshot | None) -> bool:
    """Whether the head's launcher says that its node does not live yet."""
    head = snapshot.head if snapshot is not None else None
    return head is not None and head.launcher is not None and head.launcher.state in _COMING_UP


def _by_state(apps: Sequence[Application]) -> str:
    """Applications with their states; of many those of one state together."""
    if len(apps) <= FEW:
        return ", ".join(f"{app.name} ({app.state})" for app in apps)
    states: dict[str, list[str]] = {}
    for app in apps:
        states.setdefault(app.state, []).append(app.name)
    return "; ".join(f"{len(names)} {state}: {' '.join(names)}" for state, names in states.items())


def _say(progress: Progress, text: str, said: str) -> str:
    if text != said:
        progress(text)
    return text


def _head_progress(snapshot: Snapshot) -> str:
    head = snapshot.head
    if snapshot.applications.failure is not None:
        return snapshot.applications.failure.message
    if head is None:
        return "not listed yet"
    if head.state == "starting" and (sentence := why_waiting(join(snapshot), head)):
        return sentence
    if head.state != "running":
        state = head.launcher.state if head.launcher else head.state
        return head.launcher.message if head.launcher and head.launcher.message else f"application {state}"
    if snapshot.gcs.value is None:
        return "GCS up, dashboard loading" if head.launcher and head.launcher.address else "dashboard not answering yet"
    return "dashboard answers, node not listed yet"
