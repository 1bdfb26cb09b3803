"""The logs of a cluster under one naming, whoever keeps them.

`head` and `worker-1` are what the launchers printed (from the platform); `head/raylet.out` is one of Ray's log files on
that node (through the dashboard, or as its launcher kept it when the node is gone), `worker-1@LIFE/raylet.out` the
same of an earlier life; `job/ID` is what the driver of a job printed, `actor/ID` and `task/ID` what the processes
of an actor or a task wrote.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

from raytui.core.errors import NotFound, RaytuiError, Unreachable
from raytui.core.logline import Missed
from raytui.core.observed.snapshot import Application, Node, Snapshot
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import CREATE, Remedy
from raytui.core.session import LogSource
from raytui.logs.many import Many
from raytui.logs.reading.text import whole_lines
from raytui.logs.sources.following import Ending, SourceEnded, batches, follow_file, follow_output, follow_stream
from raytui.logs.sources.naming import (
    FIRST_FILE,
    Owner,
    is_pattern,
    launchers,
    lives,
    matches,
    of_jobs,
    owners,
    pick,
    rank,
)
from raytui.logs.sources.origins import Places, last_output
from raytui.logs.sources.processes import KINDS, of_processes
from raytui.logs.sources.shipped import Kept, blob_lines
from raytui.logs.sources.spool import Spool

AT_ONCE = 8
"""Nodes whose log names are asked for at the same time; Ray serves 100 such calls of everybody together."""


class Logs(Many):
    """The logs of the clusters of one platform."""

    def __init__(
        self, platform: Platform, connect: Callable[[DashboardTarget], Dashboard], spool: Path | None = None
    ) -> None:
        """`spool` is where logs of other machines are kept; without one they are forgotten at the end."""
        self._spool = Spool(spool)
        self._platform = platform
        self._connect = connect
        self._reached: tuple[DashboardTarget, Dashboard] | None = None
        self._reaching = asyncio.Lock()
        self._kept_lives = Kept(platform, spool)
        self._places = Places(platform, self._dashboard, self._spool, self._kept_lives)
        super().__init__(self._places.open, self.follow, self._places.search)

    async def sources(self, snapshot: Snapshot, only: str = "") -> tuple[LogSource, ...]:
        """Every log there is, or those of `only` (`head`, `worker-1`, `job`).

        What cannot be asked is left out, never an error.
        """
        made = [source for source in launchers(snapshot) if only in {"", source.name}]
        jobs = of_jobs(snapshot) if only in {"", "job"} else []
        found, _ = await self._files(snapshot, [owner for owner in owners(snapshot) if only in {"", owner[0]}])
        past = await self._past(snapshot) if not only else []
        return (*made, *found, *past, *jobs)

    async def matching(
        self, snapshot: Snapshot, names: Sequence[str], *, everything: bool = False
    ) -> tuple[list[LogSource], list[Missed]]:
        """The logs of names and patterns, or every one, and those whose names could not be asked for.

        Raises `NotFound` for a name of no log and for a pattern that means none.
        """
        if everything:
            found, missed = await self._files(snapshot, owners(snapshot))
            if snapshot.jobs.failure is not None:
                missed.append(Missed("job/*", snapshot.jobs.failure.message))
            past = await self._past(snapshot)
            missed += await self._kept_lives.missed(snapshot.cluster)
            return _unique([*launchers(snapshot), *found, *past, *of_jobs(snapshot)]), missed
        chosen: list[LogSource] = []
        missed = []
        for name in names:
            if not is_pattern(name):
                kind, _, identity = name.partition("/")
                if kind in KINDS and identity:
                    dashboard = await self._dashboard(snapshot.cluster)
                    chosen += await of_processes(dashboard, self._kept_lives, snapshot, name)
                else:
                    chosen.append(await self.find(snapshot, name))
                continue
            of_name, not_asked = await self._of_pattern(snapshot, name)
            missed += not_asked
            if not of_name and not not_asked:
                pick([], name, snapshot)
            chosen += of_name
        return _unique(chosen), missed

    async def _of_pattern(self, snapshot: Snapshot, pattern: str) -> tuple[list[LogSource], list[Missed]]:
        label, slash, _ = pattern.partition("/")
        if not slash and not snapshot.by_ray:
            return [source for source in launchers(snapshot) if matches(pattern, source.name)], []
        if not slash:
            pattern = f"{pattern}/{FIRST_FILE}"
        found, missed = await self._files(snapshot, [owner for owner in owners(snapshot) if matches(label, owner[0])])
        if matches(label, "job") and snapshot.jobs.failure is not None:
            missed.append(Missed("job/*", snapshot.jobs.failure.message))
        known = (*found, *await self._past(snapshot), *of_jobs(snapshot))
        missed += [each for each in await self._kept_lives.missed(snapshot.cluster) if _may_be_of(label, each)]
        return [source for source in known if matches(pattern, source.name)], missed

    async def _past(self, snapshot: Snapshot) -> list[LogSource]:
        """The kept logs that no node's own name stands for."""
        shown = [label for label, _, node in owners(snapshot) if not lives(node)]
        return await self._kept_lives.others(snapshot, shown)

    async def _files(self, snapshot: Snapshot, wanted: Sequence[Owner]) -> tuple[list[LogSource], list[Missed]]:
        """Ray's files of these nodes, and the nodes that could not be asked or left nothing."""
        missed: list[Missed] = []
        limit = asyncio.Semaphore(AT_ONCE)
        dashboard: Dashboard | None = None
        unreached = ""
        if any(lives(node) for _, _, node in wanted):
            try:
                dashboard = await self._dashboard(snapshot.cluster)
            except RaytuiError as error:
                unreached = error.message
        elif snapshot.nodes.failure is not None:
            unreached = snapshot.nodes.failure.message

        async def listed(label: str, app: Application | None, node: Node | None) -> list[LogSource]:
            async with limit:
                try:
                    files = await self._of_node(dashboard, snapshot.cluster, label, app, node)
                except RaytuiError as error:
                    missed.append(Missed(f"{label}/*", error.message))
                    return []
            if not files or (unreached and all(source.kind == "kept" and source.life is None for source in files)):
                nothing = "" if lives(node) else "its node has ended and nothing of its files was kept"
                missed.append(Missed(f"{label}/*", unreached or nothing, is_absent=not unreached))
            return files

        found = await asyncio.gather(*(listed(*owner) for owner in wanted))
        return [source for group in found for source in group], [each for each in missed if each.reason]

    async def find(self, snapshot: Snapshot, name: str) -> LogSource:
        """The log of that name, asking one node at most.

        Raises `NotFound` with the nearest names, or why the node cannot be asked.
        """
        label, slash, _ = name.partition("/")
        owner = next((owner for owner in owners(snapshot) if owner[0] == label), None)
        # Of a node whose application is gone no launcher prints anything: its kept logs are all there is.
        past = await self._past(snapshot) if owner is None and label != "job" else []
        is_past = any(source.name.startswith(f"{label}/") for source in past)
        if not slash and not snapshot.by_ray and not is_past:
            return pick(launchers(snapshot), name, snapshot)
        if not slash:
            name = f"{name}/{FIRST_FILE}"
        if label == "job":
            if snapshot.jobs.failure is not None:
                raise Unreachable(snapshot.jobs.failure)
            return pick(of_jobs(snapshot), name, snapshot)
        if owner is None:
            return pick(past, name, snapshot)
        if snapshot.by_ray and not lives(owner[2]):
            raise NotFound(
                f"{label} has ended, and Ray gives no log of a node that has ended",
                hint=Remedy("logs", "--list", "names what there is"),
            )
        dashboard = await self._dashboard(snapshot.cluster) if lives(owner[2]) else None
        return pick(await self._of_node(dashboard, snapshot.cluster, *owner), name, snapshot)

    async def read(self, source: LogSource, lines: int = 100) -> list[str]:
        """The last lines, -1 for all.

        Raises `NotFound` when the log is gone and `Unreachable` when it cannot be read now.
        """
        if source.kind == "launcher":
            assert source.application is not None
            return whole_lines((await last_output(self._platform.store, source.application, lines))[0], lines)
        if source.life is not None:
            async with self._places.open(source, lines) as blob:
                return await asyncio.to_thread(blob_lines, blob, lines)
        if source.kind == "kept":
            return whole_lines(await self._platform.store.read_file(source.filename), lines)
        dashboard = await self._dashboard(source.cluster)
        try:
            return whole_lines(await dashboard.log_tail(source.node_id, source.filename, lines), lines)
        except NotFound:
            life = await self._kept_lives.of_node_id(source.cluster, source.node_id, source.filename)
            if life is not None:
                return await self.read(life, lines)
            kept = await self._kept(source.application) if source.application is not None else {}
            if source.filename not in kept:
                raise
            return whole_lines(await self._platform.store.read_file(kept[source.filename]), lines)

    async def is_near(self, source: LogSource) -> bool:
        """Whether all of a log can be read without fetching it whole from another machine; not where unknown."""
        try:
            return await self._places.is_near(source)
        except RaytuiError:
            return False

    async def follow(self, source: LogSource, lines: int = 100) -> AsyncGenerator[list[str]]:
        """The last lines and then whatever is added, in batches of at most 500 lines or 100 ms.

        Raises `SourceEnded` when nothing more will come: `over` tells an application, node or job that ended from a log
        that broke off.
        """
        if source.kind == "launcher":
            assert source.application is not None
            data, offset = await last_output(self._platform.store, source.application, lines)
            parts = follow_output(self._platform, source.application, whole_lines(data, lines), offset)
        elif source.kind == "kept":
            parts = _all_there_is(await self.read(source, lines), source.name)
        elif source.kind == "file":
            parts = follow_file(Path(source.filename), source.name, lines)
        else:
            dashboard = await self._dashboard(source.cluster)
            stream = dashboard.log_stream(source.node_id, source.filename, lines)
            parts = follow_stream(stream, source.name, self._ending(dashboard, source))
        async with contextlib.aclosing(batches(parts)) as gathered:
            async for batch in gathered:
                yield batch

    async def close(self) -> None:
        """Let go of the dashboard, and of what was read only for now."""
        reached, self._reached = self._reached, None
        if reached is not None:
            await reached[1].close()
        await self._spool.close()

    async def _of_node(
        self, dashboard: Dashboard | None, cluster: str, label: str, app: Application | None, node: Node | None
    ) -> list[LogSource]:
        if dashboard is not None and node is not None and lives(node):
            names = sorted(await dashboard.log_files(node.node_id), key=rank)
            return [LogSource(f"{label}/{name}", "ray", app, cluster, node.node_id, name) for name in names]
        if app is None:
            return []
        newest = await self._kept_lives.newest(app.cluster, label, app)
        return newest or [
            LogSource(f"{label}/{name}", "kept", app, app.cluster, filename=path)
            for name, path in (await self._kept(app)).items()
        ]

    async def _kept(self, app: Application) -> dict[str, str]:
        """The tails that a launcher kept of its last node, by Ray's name of the log."""
        try:
            return await self._platform.store.kept_logs(app)
        except RaytuiError:
            return {}

    async def _dashboard(self, cluster: str) -> Dashboard:
        """A connection to where the cluster's dashboard answers now; raises `NotFound` without a head."""
        async with self._reaching:
            head = next((app for app in await self._platform.list(cluster) if app.role == "head"), None)
            if head is None:
                raise NotFound(f"cluster {cluster} has no head application", hint=CREATE)
            target = await self._platform.dashboard(head)
            if self._reached is None or self._reached[0] != target:
                await self.close()
                self._reached = (target, await asyncio.to_thread(self._connect, target))
            return self._reached[1]

    def _ending(self, dashboard: Dashboard, source: LogSource) -> Ending:
        """A check whether a source has ended, asked while its stream is silent."""

        async def ended() -> str:
            if source.kind == "job":
                jobs = await dashboard.jobs()
                job = next((job for job in jobs if job.id == source.job_id), None)
                # A job whose row could not be read is missing too.
                if job.status not in {"PENDING", "RUNNING"} if job is not None else not jobs.unreadable:
                    return f"job {source.job_id} has ended" + (f": {job.status}" if job is not None else "")
            nodes = await dashboard.nodes()
            node = next((node for node in nodes if node.node_id == source.node_id), None)
            if node.state != "DEAD" if node is not None else nodes.total > len(nodes):
                return ""
            reason = node.message if node is not None else ""
            return f"the node of {source.name} has ended" + (f": {reason}" if reason else "")

        return ended


async def _all_there_is(lines: list[str], name: str) -> AsyncIterator[list[str]]:
    yield lines
    raise SourceEnded(f"the node of {name} is gone; these are the last lines that were kept", over=True)


def _may_be_of(pattern: str, missed: Missed) -> bool:
    """Whether what could not be looked at may hold logs of such nodes: all kept ones may."""
    label, slash, _ = missed.source.partition("/")
    return not slash or matches(pattern, label) or matches(pattern, label.partition("@")[0])


def _unique(sources: Iterable[LogSource]) -> list[LogSource]:
    return list({source.name: source for source in sources}.values())


__all__ = ["Logs", "SourceEnded"]
