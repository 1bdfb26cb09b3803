"""The logs of a cluster under one naming, whoever keeps them.

`head` and `worker-1` are what the launchers printed (from the platform); `head/raylet.out` is one of Ray's log files on
that node (through the dashboard, or the tail that its launcher kept when the node is gone); `job/ID` is what the driver
of a job printed.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable

from raytui.core.errors import NotFound, RaytuiError, Unreachable
from raytui.core.joined import join
from raytui.core.protocols import Dashboard, DashboardTarget, Platform
from raytui.core.remedy import CREATE, Remedy
from raytui.core.session import LogSource
from raytui.core.snapshot import Application, Job, Node, Snapshot
from raytui.manager.followed import Ending, SourceEnded, batches, follow_output, follow_stream
from raytui.manager.loglines import whole_lines

TAIL_BYTES = 65536
TAIL_CAP = 16 * 1024 * 1024
"""Bytes of a launcher's output that are read at most for its last lines."""
FIRST_FILE = "raylet.out"
"""What a node's name alone stands for where no launcher of ours prints anything."""
AT_ONCE = 8
"""Nodes whose log names are asked for at the same time; Ray serves 100 such calls of everybody together."""
_FIRST = (
    "raylet.out",
    "raylet.err",
    "gcs_server.out",
    "gcs_server.err",
    "dashboard.log",
    "dashboard_agent.log",
    "monitor.log",
)


class Logs:
    """The logs of the clusters of one platform."""

    def __init__(self, platform: Platform, connect: Callable[[DashboardTarget], Dashboard]) -> None:
        self._platform = platform
        self._connect = connect
        self._reached: tuple[DashboardTarget, Dashboard] | None = None
        self._reaching = asyncio.Lock()

    async def sources(self, snapshot: Snapshot, only: str = "") -> tuple[LogSource, ...]:
        """Every log there is, or those of `only` (`head`, `worker-1`, `job`).

        What cannot be asked is left out, never an error.
        """
        launchers = [source for source in _launchers(snapshot) if only in {"", source.name}]
        jobs = [source for job in snapshot.jobs.value or () if only in {"", "job"} for source in _of_job(snapshot, job)]
        limit = asyncio.Semaphore(AT_ONCE)
        wanted = [owner for owner in _owners(snapshot) if only in {"", owner[0]}]
        try:
            dashboard = await self._dashboard(snapshot.cluster) if any(_lives(node) for _, _, node in wanted) else None
        except RaytuiError:
            dashboard = None

        async def listed(label: str, app: Application | None, node: Node | None) -> list[LogSource]:
            async with limit:
                try:
                    return await self._of_node(dashboard, snapshot.cluster, label, app, node)
                except RaytuiError:
                    return []

        found = await asyncio.gather(*(listed(*owner) for owner in wanted))
        return (*launchers, *(source for group in found for source in group), *jobs)

    async def find(self, snapshot: Snapshot, name: str) -> LogSource:
        """The log of that name, asking one node at most.

        Raises `NotFound` with the nearest names, or why the node cannot be asked.
        """
        label, slash, _ = name.partition("/")
        if not slash and not snapshot.by_ray:
            return _pick(_launchers(snapshot), name, snapshot)
        if not slash:
            name = f"{name}/{FIRST_FILE}"
        if label == "job":
            if snapshot.jobs.failure is not None:
                raise Unreachable(snapshot.jobs.failure)
            return _pick(
                [source for job in snapshot.jobs.value or () for source in _of_job(snapshot, job)], name, snapshot
            )
        owner = next((owner for owner in _owners(snapshot) if owner[0] == label), None)
        if owner is None:
            return _pick([], name, snapshot)
        if snapshot.by_ray and not _lives(owner[2]):
            raise NotFound(
                f"{label} has ended, and Ray gives no log of a node that has ended",
                hint=Remedy("logs", "--list", "names what there is"),
            )
        dashboard = await self._dashboard(snapshot.cluster) if _lives(owner[2]) else None
        return _pick(await self._of_node(dashboard, snapshot.cluster, *owner), name, snapshot)

    async def read(self, source: LogSource, lines: int = 100) -> list[str]:
        """The last lines, -1 for all.

        Raises `NotFound` when the log is gone and `Unreachable` when it cannot be read now.
        """
        if source.kind == "launcher":
            assert source.application is not None
            return (await self._output(source.application, lines))[0]
        if source.kind == "kept":
            return whole_lines(await self._platform.store.read_file(source.filename), lines)
        dashboard = await self._dashboard(source.cluster)
        try:
            return whole_lines(await dashboard.log_tail(source.node_id, source.filename, lines), lines)
        except NotFound:
            kept = await self._kept(source.application) if source.application is not None else {}
            if source.filename not in kept:
                raise
            return whole_lines(await self._platform.store.read_file(kept[source.filename]), lines)

    async def follow(self, source: LogSource, lines: int = 100) -> AsyncGenerator[list[str]]:
        """The last lines and then whatever is added, in batches of at most 500 lines or 100 ms.

        Raises `SourceEnded` when nothing more will come: `over` tells an application, node or job that ended from a log
        that broke off.
        """
        if source.kind == "launcher":
            assert source.application is not None
            first, offset = await self._output(source.application, lines)
            parts = follow_output(self._platform, source.application, first, offset)
        elif source.kind == "kept":
            parts = _all_there_is(await self.read(source, lines), source.name)
        else:
            dashboard = await self._dashboard(source.cluster)
            stream = dashboard.log_stream(source.node_id, source.filename, lines)
            parts = follow_stream(stream, source.name, self._ending(dashboard, source))
        async with contextlib.aclosing(batches(parts)) as gathered:
            async for batch in gathered:
                yield batch

    async def close(self) -> None:
        """Let go of the dashboard."""
        reached, self._reached = self._reached, None
        if reached is not None:
            await reached[1].close()

    async def _output(self, app: Application, lines: int) -> tuple[list[str], int]:
        """The last lines that a launcher printed, and the offset to go on from."""
        limit = TAIL_BYTES
        while True:
            chunk = await self._platform.store.tail(app, None, limit)
            complete = chunk.offset == 0 or chunk.end - chunk.offset < limit
            if complete or 0 <= lines < chunk.data.count(b"\n") or limit >= TAIL_CAP:
                break
            limit *= 8
        data = chunk.data
        if chunk.offset > 0:
            data = data[data.find(b"\n") + 1 :]
        return whole_lines(data, lines), chunk.end

    async def _of_node(
        self, dashboard: Dashboard | None, cluster: str, label: str, app: Application | None, node: Node | None
    ) -> list[LogSource]:
        if dashboard is not None and node is not None and _lives(node):
            names = sorted(await dashboard.log_files(node.node_id), key=_rank)
            return [LogSource(f"{label}/{name}", "ray", app, cluster, node.node_id, name) for name in names]
        if app is None:
            return []
        return [
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


def _launchers(snapshot: Snapshot) -> list[LogSource]:
    """What the launchers print; none where Ray's nodes are all there is."""
    applications = () if snapshot.by_ray else snapshot.applications.value or ()
    return [LogSource(app.short, "launcher", app, app.cluster) for app in applications]


def _owners(snapshot: Snapshot) -> list[tuple[str, Application | None, Node | None]]:
    """Whose log files there may be: applications with their nodes, then unmanaged nodes, by name or id."""
    applications = snapshot.applications.value or ()
    owned: list[tuple[str, Application | None, Node | None]] = [
        (app.short, app, join(snapshot).node_of(app)) for app in applications
    ]
    joined = join(snapshot)
    strays = [node for node in snapshot.nodes.value or () if node.state == "ALIVE" and joined.namesake(node) is None]
    return [*owned, *((f"node-{node.node_id[:8]}", None, node) for node in strays)]


def _lives(node: Node | None) -> bool:
    return node is not None and node.state == "ALIVE"


def _of_job(snapshot: Snapshot, job: Job) -> Iterable[LogSource]:
    """Only a submitted job whose driver has started has a driver's log."""
    if job.type == "SUBMISSION" and job.driver_node_id:
        node = job.driver_node_id
        yield LogSource(f"job/{job.id}", "job", None, snapshot.cluster, node, f"job-driver-{job.id}.log", job_id=job.id)


def _rank(name: str) -> tuple[int, bool, str]:
    """What tells most first; the files of single worker processes, hundreds of them, last."""
    place = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    return place, name.startswith(("worker-", "python-core-")), name


def _pick(sources: list[LogSource], name: str, snapshot: Snapshot) -> LogSource:
    found = next((source for source in sources if source.name == name), None)
    if found is not None:
        return found
    near = difflib.get_close_matches(name, [source.name for source in sources], n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise NotFound(
        f"{snapshot.cluster} has no log {name}", hint=(hint, Remedy("logs", "--list", "names what there is"))
    )


async def _all_there_is(lines: list[str], name: str) -> AsyncIterator[list[str]]:
    yield lines
    raise SourceEnded(f"the node of {name} is gone; these are the last lines that were kept", over=True)


__all__ = ["Logs", "SourceEnded"]
