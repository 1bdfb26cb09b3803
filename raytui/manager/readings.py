"""The questions that a monitor asks a dashboard: how often each is asked, and the last answer with its own time.

A slow answer (Serve's first takes 3 s) never delays a round: it goes on in the background and is part of the first
snapshot after it arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sized
from typing import Any, TypeAlias

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.observed.kept import reuse
from raytui.core.observed.snapshot import Job, Node, Reading, Rows, Usage
from raytui.core.protocols.dashboard import Dashboard
from raytui.core.questions import Question

ALIVE: frozenset[Question] = frozenset({"version", "gcs", "nodes"})
"""Whether Ray answers and which nodes live: asked whatever else is, because every other answer depends on it."""
STATUS: frozenset[Question] = ALIVE | {"stats", "usage", "jobs"}
"""What one status tells."""
VERDICT: frozenset[Question] = STATUS | {"serve", "events"}
"""What a watch over one cluster tells: its status, what is wrong with Serve, and what Ray reports."""

PERIODS: dict[Question, float] = {
    "version": 5.0,
    "gcs": 0.0,
    "nodes": 0.0,
    "stats": 5.0,
    "usage": 5.0,
    "jobs": 5.0,
    "actors": 10.0,
    "serve": 10.0,
    "events": 10.0,
    "tasks": 10.0,
    "task_counts": 10.0,
    "placement_groups": 10.0,
    "ray_workers": 10.0,
}
"""Seconds between two requests, 0 for every round. Figures and usage change every 5 s on Ray's side."""
MANY_NODES = 100
MANY_NODES_STATS_S = 15.0
"""Period of the figures beyond `MANY_NODES` nodes: they weigh 10 to 17 KB each and cost the head most of a second per
1,000."""

ALL_THAT_RAY_GIVES = 10_000
"""Rows of one list; a larger limit is refused."""
LONG_LISTS: frozenset[Question] = frozenset({"actors", "tasks", "placement_groups", "ray_workers"})
MANY_ROWS = 1_000
MANY_ROWS_S = 30.0
"""Period of a list of `LONG_LISTS` beyond `MANY_ROWS` rows: it costs the head, even if only while it is shown."""

BIG = 500
"""Rows of an answer from which they are worked on in a thread, so that no key press waits for them."""

BEHIND_DEMAND: frozenset[Question] = frozenset({"tasks", "placement_groups", "actors"})
"""What says who waits and who holds the nodes: asked besides as long as Ray's scheduler has work without a place or
a job is pending, and while jobs run where Ray's monitor writes no report of that (`--no-monitor`)."""

Answered: TypeAlias = Reading[Any]
"""The reading of some question. Any: each question has answers of its own type."""
_UNASKED: Answered = Reading()


FETCH: dict[Question, Callable[[Dashboard], Awaitable[object]]] = {
    "version": lambda dashboard: dashboard.version(),
    "gcs": lambda dashboard: dashboard.gcs_alive(),
    "nodes": lambda dashboard: dashboard.nodes(),
    "stats": lambda dashboard: dashboard.node_stats(),
    "usage": lambda dashboard: dashboard.usage(),
    "jobs": lambda dashboard: dashboard.jobs(),
    "actors": lambda dashboard: dashboard.workload.actors(limit=ALL_THAT_RAY_GIVES),
    "serve": lambda dashboard: dashboard.serve(),
    "events": lambda dashboard: dashboard.events(),
    "tasks": lambda dashboard: dashboard.workload.tasks(limit=ALL_THAT_RAY_GIVES),
    "task_counts": lambda dashboard: dashboard.workload.task_counts(),
    "placement_groups": lambda dashboard: dashboard.workload.placement_groups(limit=ALL_THAT_RAY_GIVES),
    "ray_workers": lambda dashboard: dashboard.workload.workers(limit=ALL_THAT_RAY_GIVES),
}


class Readings:
    """What one dashboard last answered to each question."""

    def __init__(self, dashboard: Dashboard, clock: Callable[[], float]) -> None:
        self.dashboard = dashboard
        self._clock = clock
        self._last: dict[Question, Answered] = {}
        self._asked: dict[Question, float] = {}
        self._running: dict[Question, asyncio.Task[None]] = {}

    def last(self, question: Question) -> Answered:
        """The last answer, its time and its failure; empty when it was never asked."""
        return self._last.get(question, _UNASKED)

    async def ask(self, questions: Iterable[Question], *, patience: float | None, fresh: bool) -> None:
        """One round: health first, the rest only when GCS is well, because most of it hangs when it is not.

        `fresh` asks everything, else only what is due. `patience` is how many seconds answers other than those about
        life may take before the round goes on without them; none waits for all, each under its client's deadline.
        """
        wanted = [question for question in questions if fresh or self._is_due(question)]
        session = self._session()
        await self._wait([self._start(question) for question in wanted if question in {"gcs", "version"}])
        failure = self.last("gcs").failure or self._shut_out()
        if failure is not None:
            await self._give_up(questions, failure)
            return
        if session and self._session() != session:
            await self._forget(keep=("version", "gcs"))
            wanted = list(questions)
        rest = {question: self._start(question) for question in wanted if question not in {"gcs", "version"}}
        await self._wait([task for question, task in rest.items() if question == "nodes"])
        await self._wait([task for question, task in rest.items() if question != "nodes"], patience)
        besides = [question for question in self.besides(questions) if fresh or self._is_due(question)]
        await self._wait([self._start(question) for question in besides], patience)

    def besides(self, questions: Iterable[Question]) -> frozenset[Question]:
        """What else the answers to these questions make worth asking."""
        asked = frozenset(questions)
        usage: Usage | None = self.last("usage").value
        if "usage" not in asked or usage is None:
            return frozenset()
        jobs: tuple[Job, ...] = self.last("jobs").value or ()
        # Where the report is missing, the lists alone tell of those that run, too.
        waiting = {"PENDING"} if usage.resources else {"PENDING", "RUNNING"}
        waits = usage.pending or any(job.status in waiting for job in jobs)
        return BEHIND_DEMAND - asked if waits else frozenset()

    async def close(self) -> None:
        """End what is still being asked and let go of the connection."""
        await self._forget(keep=())
        await self.dashboard.close()

    def _is_due(self, question: Question) -> bool:
        asked = self._asked.get(question)
        period = PERIODS[question]
        nodes: tuple[Node, ...] = self.last("nodes").value or ()
        if question == "stats" and len(nodes) > MANY_NODES:
            period = MANY_NODES_STATS_S
        if question in LONG_LISTS and len(self.last(question).value or ()) > MANY_ROWS:
            period = MANY_ROWS_S
        return asked is None or asyncio.get_running_loop().time() - asked >= period

    def _session(self) -> str:
        version = self.last("version").value
        return version.session_name if version is not None else ""

    def _shut_out(self) -> Failure | None:
        """The health check is public; a refused token shows on everything else, the version first."""
        failure = self.last("version").failure
        return failure if failure is not None and failure.layer == "login" else None

    def _start(self, question: Question) -> asyncio.Task[None]:
        """Ask, unless the same question is still open: polls never overlap."""
        running = self._running.get(question)
        if running is not None and running.done() and not running.cancelled():
            running.result()
        if running is None or running.done():
            self._asked[question] = asyncio.get_running_loop().time()
            running = self._running[question] = asyncio.create_task(self._fetch(question), name=f"ask {question}")
        return running

    async def _fetch(self, question: Question) -> None:
        try:
            value = await FETCH[question](self.dashboard)
        except RaytuiError as error:
            self._last[question] = Reading(failure=failure_of(error), at=self._clock())
        else:
            # An unchanged row stays the same object, so that nobody has to look at it again.
            before = self.last(question).value
            known = await asyncio.to_thread(reuse, before, value) if _is_big(value) else reuse(before, value)
            self._last[question] = _reading(known, self._clock())

    async def _wait(self, tasks: list[asyncio.Task[None]], patience: float | None = None) -> None:
        if not tasks:
            return
        done, _ = await asyncio.wait(tasks, timeout=patience)
        for task in done:
            if not task.cancelled():
                task.result()

    async def _give_up(self, questions: Iterable[Question], failure: Failure) -> None:
        """Make everything behind a broken link as unknown as the link.

        Old answers would be shown as if they were true now.
        """
        known: tuple[Question, ...] = ("version", "gcs") if failure.layer in {"gcs", "login"} else ("gcs",)
        await self._forget(keep=known)
        now = self._clock()
        for question in questions:
            if question not in known:
                self._last[question] = Reading(failure=failure, at=now)

    async def _forget(self, keep: tuple[Question, ...]) -> None:
        for question in [question for question in self._running if question not in keep]:
            task = self._running.pop(question)
            task.cancel()
            await asyncio.wait([task])
        for known in (self._last, self._asked):
            for question in [question for question in known if question not in keep]:
                del known[question]


def _is_big(value: object) -> bool:
    return isinstance(value, Sized) and len(value) > BIG


def _reading(value: object, at: float) -> Answered:
    """An answer as a reading, with what could not be read of it and how much there is beyond it."""
    return Reading(
        value=value,
        at=at,
        total=value.total if isinstance(value, Rows) else None,
        unreadable=getattr(value, "unreadable", 0),
        first_unreadable=getattr(value, "first_unreadable", ""),
    )


def failure_of(error: RaytuiError) -> Failure:
    """A dashboard's error as a value that a snapshot can carry."""
    if isinstance(error, Unreachable):
        return error.failure
    return Failure("dashboard", error.reason, error.message, error.hint)
