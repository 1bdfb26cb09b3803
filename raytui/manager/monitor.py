"""Observing one cluster: what the platform lists and what Ray answers, side by side, each under its own deadline.

A failed call is a value in the snapshot, never an exception, because half a picture is what an operator needs most when
something is broken. The number of requests of a round depends on what is due, never on the number of nodes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

import msgspec

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.events import Event
from raytui.core.findings.revivals import follow, revival_events
from raytui.core.observed.joined import join
from raytui.core.observed.kept import reuse
from raytui.core.observed.snapshot import Application, Node, Operation, Reading, Snapshot, Usage
from raytui.core.platforms import traits
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.protocols.platform import Platform
from raytui.core.questions import OF_PLATFORM, Question
from raytui.core.spec import WORKER
from raytui.core.waiting.why import why_waits
from raytui.manager.account import ANSWER_S, Account
from raytui.manager.application_reads import Beside
from raytui.manager.link import Link, identity_of
from raytui.manager.operations import Watched
from raytui.manager.readings import ALIVE, BEHIND_DEMAND, BIG, STATUS, VERDICT, Answered, Readings, failure_of
from raytui.manager.subscriptions import Subscription, Subscriptions
from raytui.manager.witness import Witness
from raytui.system.backoff import Backoff

LIST_TIMEOUT_S = 30.0
"""Backstop for the platform's own deadline on its list."""
LOCATE_TIMEOUT_S = 10.0
"""How long the platform may take to say where the dashboard is."""
LOCATE_EVERY_S = 30.0
"""How often the dashboard's address is asked for again while nothing seems to have changed."""
PATIENCE_S = 0.5
"""How long a polled round waits for answers that do not tell life from death; later ones are part of a later round."""
SLOWEST_POLL_S = 15.0
_ASKED_STATES = {"starting", "running", "unknown"}
"""Behind the dashboard port of a head that has ended, somebody else may answer by now."""


ByNode = Callable[[str, tuple[Node, ...]], tuple[Application, ...]]
"""Makes the applications of a cluster out of Ray's own list of its nodes."""


class Monitor:
    """The watch over one cluster."""

    def __init__(
        self,
        platform: Platform,
        connect: Callable[[DashboardTarget], Dashboard],
        *,
        cluster: str,
        profile: str,
        clock: Callable[[], float] = time.time,
        workers: int | Mapping[str, int] = 0,
        by_node: ByNode | None = None,
        operation: Callable[[], Operation | None] | None = None,
        note: Callable[[Event], None] | None = None,
    ) -> None:
        """`workers` is how many the settings ask for, by group where there are several.

        `operation` reads what raytui itself carries out on the cluster now; `note` writes down what the platform did by
        itself. Both may block for as long as a disk does.
        """
        self._platform = platform
        self._connect = connect
        self._cluster = cluster
        self._profile = profile
        self._clock = clock
        self._witness = Witness()
        self._by_node = by_node
        self._beside = Beside(platform, cluster, {WORKER: workers} if isinstance(workers, int) else workers, clock)
        self._account = Account(platform, clock)
        self._note = note
        self._operation = Watched(operation)
        self._subscriptions = Subscriptions()
        self._lock = asyncio.Lock()
        self._link: Link | None = None
        self._troubled = False
        self._listed: tuple[Application, ...] | None = None
        self._of: tuple[Node, ...] | None = None  # the nodes that `_listed` was made of, where it is made of nodes
        self._before: Snapshot | None = None

    async def observe(self, questions: Iterable[Question] = STATUS) -> Snapshot:
        """One snapshot in which these questions, and those about life, were asked now.

        Never raises for a failed call.
        """
        return await self._round(ALIVE.union(questions), patience=None, fresh=True)

    def subscribe(self, questions: Iterable[Question]) -> Subscription:
        """Have these asked too, in every round of `snapshots` until the subscription is closed.

        The next round begins at once.
        """
        return self._subscriptions.add(questions)

    async def snapshots(
        self, interval: float = 2.0, questions: Iterable[Question] = VERDICT
    ) -> AsyncGenerator[Snapshot]:
        """A snapshot about every `interval` seconds.

        Less often (at most 15 s) and with jitter while something does not answer. Asked is what these questions, those
        about life and those of every subscriber need, each at its own period.
        """
        with self.subscribe(questions):
            slower = Backoff(2 * interval, max(interval, SLOWEST_POLL_S), growth=2.0, jitter=0.2)
            while True:
                begun = asyncio.get_running_loop().time()
                snapshot = await self._round(
                    ALIVE | self._subscriptions.begin_round(), patience=PATIENCE_S, fresh=False
                )
                yield snapshot
                if is_failing(snapshot):
                    pause = slower.next()
                else:
                    slower.reset()
                    pause = interval
                await self._subscriptions.wait(max(0.0, begun + pause - asyncio.get_running_loop().time()))

    async def close(self) -> None:
        """End what is being asked and let go of the dashboard; the platform belongs to whoever made it."""
        await self._account.close()
        await self._unlink()

    async def _round(self, asked_for: frozenset[Question], *, patience: float | None, fresh: bool) -> Snapshot:
        async with self._lock:
            questions = asked_for - OF_PLATFORM
            if self._link is not None:
                self._link.ask(questions, patience, fresh)
            failure: Failure | None = None
            try:
                before = await self._operation.now()
                applications = await self._list()
                beside = asyncio.gather(
                    self._beside.read(applications.value),
                    self._account.read(applications.value, looked_at="holdings" in asked_for, patience=PATIENCE_S),
                )
                if applications.value is not None:
                    failure, more = await asyncio.gather(self._locate(_head(applications.value)), beside)
                else:
                    more = await beside
                (asked, foreign), holdings = more
                if self._link is not None:
                    await self._link.ask(questions, patience, fresh)
                    environments = await self._link.set_up(questions, self._clock(), patience)
                else:
                    environments = ()
                if self._is_short(questions):
                    # How many more workers the platform can give is part of why work waits.
                    holdings = await self._account.read(
                        applications.value, looked_at=True, patience=PATIENCE_S, first=patience or ANSWER_S
                    )
            finally:
                if self._link is not None:
                    await self._link.end_round()
            # One that began or ended meanwhile explains what this round saw, too.
            operation = await self._operation.now() or before
            beside_them = {"asked": asked, "foreign": foreign, "operation": operation, "holdings": holdings}
            if environments:
                beside_them["environments"] = Reading(environments, at=self._clock())
            past = self._before
            snapshot = await self._work_out(lambda: self._joined(applications, questions, failure, beside_them))
            self._troubled = is_failing(snapshot)
            await self._write_down(past, snapshot)
            return snapshot

    def _is_short(self, questions: frozenset[Question]) -> bool:
        """Whether Ray has work without a place on a platform that holds applications to quotas."""
        if self._link is None or "usage" not in questions:
            return False
        usage: Usage | None = self._link.readings.last("usage").value
        return usage is not None and bool(usage.pending) and traits(self._platform.name).is_workbench

    async def _write_down(self, before: Snapshot | None, snapshot: Snapshot) -> None:
        """Keep what the platform was seen to do by itself, of which nobody else keeps an account."""
        if self._note is None or before is None or before.revivals is snapshot.revivals:
            return
        for event in revival_events(before.revivals, snapshot.revivals, snapshot.observed_at):
            await asyncio.to_thread(self._note, event)

    async def _work_out(self, work: Callable[[], Snapshot]) -> Snapshot:
        """The result of work over every row, done in a thread when these are many: no key press waits for it."""
        last = self._link.readings.last if self._link is not None else None
        rows = max(len(last(one).value or ()) for one in ("nodes", *BEHIND_DEMAND)) if last is not None else 0
        return await asyncio.to_thread(work) if max(rows, len(self._listed or ())) > BIG else work()

    async def _list(self) -> Reading[tuple[Application, ...]]:
        try:
            async with asyncio.timeout(LIST_TIMEOUT_S):
                listed = await self._platform.list(self._cluster)
        except TimeoutError:
            failure = Failure(
                "platform",
                "NoAnswer",
                f"the platform did not list applications within {LIST_TIMEOUT_S:g} s",
                "try again",
            )
        except Unreachable as error:
            failure = error.failure
        except RaytuiError as error:
            failure = Failure("platform", error.reason, error.message, error.hint)
        else:
            now = self._clock()
            if self._by_node is not None:
                return Reading(listed, at=now)
            self._listed = reuse(self._listed, self._witness.of(listed, now))
            return Reading(self._listed, at=now)
        return Reading(failure=failure, at=self._clock())

    async def _locate(self, head: Application | None) -> Failure | None:
        """Make the link lead to where this head's dashboard answers now; the failure says why there is none."""
        if head is None or head.state not in _ASKED_STATES:
            await self._unlink()
            return (
                None
                if head is None
                else Failure(
                    "application", f"Head{head.state.capitalize()}", f"{head.name} is {head.state}", conclusive=True
                )
            )
        identity, now = identity_of(head), asyncio.get_running_loop().time()
        link = self._link
        if (
            link is not None
            and link.identity == identity
            and not self._troubled
            and now - link.located < LOCATE_EVERY_S
        ):
            return None
        try:
            async with asyncio.timeout(LOCATE_TIMEOUT_S):
                target = await self._platform.dashboard(head)
            if link is None or link.target != target:
                await self._unlink()
                # In a thread: a client that lives on imports httpx, which takes 190 ms.
                dashboard = await asyncio.to_thread(self._connect, target)
                self._link = Link(target, identity, Readings(dashboard, self._clock), now)
            else:
                link.identity, link.located = identity, now
        except TimeoutError:
            await self._unlink()
            return Failure(
                "platform",
                "NoAnswer",
                f"the platform did not say within {LOCATE_TIMEOUT_S:g} s where {head.name} answers",
            )
        except RaytuiError as error:
            await self._unlink()
            return failure_of(error)
        return None

    async def _unlink(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _joined(
        self,
        applications: Reading[tuple[Application, ...]],
        questions: frozenset[Question],
        failure: Failure | None,
        more: dict[str, object],
    ) -> Snapshot:
        """The snapshot of a round, joined with all that has not changed since the one before."""
        picture = self._picture(applications, questions, failure)
        if self._by_node is not None:
            more["applications"] = self._of_nodes(picture, self._by_node)
        known = self._before.revivals if self._before is not None else ()
        snapshot = msgspec.structs.replace(picture, **more, revivals=known)
        revivals = follow(known, self._before, snapshot)
        if revivals is not known:
            snapshot = msgspec.structs.replace(snapshot, revivals=revivals)
        # Worked out here, where it is done in a thread: whoever judges the snapshot finds it.
        why_waits(join(snapshot, self._before))
        self._before = snapshot
        return snapshot

    def _picture(
        self, applications: Reading[tuple[Application, ...]], questions: frozenset[Question], failure: Failure | None
    ) -> Snapshot:
        link = self._link
        plain = Snapshot(
            cluster=self._cluster,
            profile=self._profile,
            platform=self._platform.name,
            observed_at=self._clock(),
            applications=applications,
            dashboard=failure,
        )
        if link is None:
            return plain
        asked = questions | link.readings.besides(questions)
        last: dict[str, Answered] = {question: link.readings.last(question) for question in asked}
        stats: Reading[dict[str, Node]] = last.pop("stats", Reading())
        figures = Reading(None if stats.value is None else True, stats.failure, stats.at)
        nodes = last["nodes"].value
        if nodes is not None:
            whole = not last["nodes"].unreadable and (last["nodes"].total or 0) <= len(nodes)
            last["nodes"] = msgspec.structs.replace(
                last["nodes"],
                value=link.merging.merge(nodes, stats.value or {}),
                unreadable=last["nodes"].unreadable + stats.unreadable,
                first_unreadable=last["nodes"].first_unreadable or stats.first_unreadable,
            )
            usage = last.get("usage")
            # Of nodes that are not all known no total can be made.
            if usage is not None and usage.value is not None and whole:
                last["usage"] = msgspec.structs.replace(usage, value=link.merging.total(usage.value, nodes))
        return msgspec.structs.replace(
            plain, dashboard_url=link.target.url, token_file=link.target.token_file, figures=figures, **last
        )

    def _of_nodes(self, picture: Snapshot, by_node: ByNode) -> Reading[tuple[Application, ...]]:
        nodes = picture.nodes
        if nodes.value is not None:
            if nodes.value is not self._of:
                self._of, self._listed = nodes.value, reuse(self._listed, by_node(self._cluster, nodes.value))
            return Reading(self._listed, at=nodes.at)
        failure = nodes.failure or picture.dashboard or Failure("dashboard", "NotAsked", "the dashboard was not asked")
        return Reading(failure=failure, at=picture.observed_at)


def _head(applications: tuple[Application, ...]) -> Application | None:
    return next((app for app in applications if app.role == "head"), None)


def is_failing(snapshot: Snapshot) -> bool:
    """Whether something did not answer that ought to: then polling slows down.

    A head that is just starting is not expected to answer.
    """
    if snapshot.applications.failure is not None:
        return True
    if snapshot.head is None or snapshot.head.state != "running":
        return False
    return any(reading.failure is not None for reading in (snapshot.gcs, snapshot.nodes))
