"""What the launchers say, read from outside the project at a bounded price: one listing and some downloads a reading.

Where Ray's dashboard is not reachable these reports are all that tells a living node from a dead one. Each is a file of
its own, so in a large cluster every look reads those never read and a few of those read longest ago; the others are
answered as they were last seen, with their own time, or as unread: of a report that nobody read nothing is claimed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from raytui.core.observed.life import began
from raytui.core.observed.nodefile import NodeFile
from raytui.core.observed.snapshot import UNREAD, Application, LauncherReport
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.project.folder import folder_of, node_path, read_node

AT_ONCE = 16
"""Downloads side by side, and those of one look that read a report again."""
FIRST_MOST = 256
"""Reports never read before that one look reads; at 16 side by side and 0.1 s each they take under two seconds."""
ALIVE_S = 5.0
"""How long the report of a living node is good for; launchers renew it every 10 s."""
ALIVE_SERVED_S = 30.0
"""The same where Ray's dashboard is served to the outside and tells more."""
_WAITING = frozenset({"starting", "running", "stopping", "unknown"})
_OVER = frozenset({"ended", "failed"})


class RemoteReports:
    """The last known reports of one project's clusters."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._nodes: dict[str, NodeFile] = {}
        self._read_at: dict[str, float] = {}
        self._read_in: dict[str, float] = {}
        """When the life began in which the report was last read."""
        self._seen_at: dict[str, float] = {}
        """When the report was last read, in seconds since 1970."""

    async def present(self, cluster: str) -> frozenset[str] | None:
        """Names of the applications that have written a report; none at all when the folder cannot be listed now."""
        outcome = await self._client.once("ListProjectFiles", {"path": f"{folder_of(cluster)}/nodes"})
        if outcome.kind == "absent":
            return frozenset()
        listed = outcome.payload.get("files") if outcome.kind == "ok" else None
        if not isinstance(listed, list):
            return None
        names = [str(entry.get("path", "")) for entry in listed if isinstance(entry, dict)]
        return frozenset(
            name.rpartition("/")[2].removesuffix(".json")
            for name in names
            if name.endswith(".json") and not name.startswith(".")
        )

    async def of(
        self, applications: Sequence[Application], present: frozenset[str] | None
    ) -> dict[str, LauncherReport]:
        """Reports by application name.

        Those that exist and were not read are `UNREAD`, those that cannot be read now are as they were.

        `present` as `present` answered it: without a list of the folder any of them may exist.
        """
        known = [application for application in applications if present is None or application.name in present]
        served = any(application.role == "head" and application.exposed for application in applications)
        due = [application for application in known if self._is_due(application, ALIVE_SERVED_S if served else ALIVE_S)]
        first = [application for application in due if application.id not in self._read_at]
        again = sorted(
            (application for application in due if application.id in self._read_at),
            key=lambda application: (self._read_at[application.id], application.index),
        )
        chosen = first[:FIRST_MOST] or again[:AT_ONCE]
        if first and len(first) < AT_ONCE:
            chosen += again[: AT_ONCE - len(first)]
        await self._read_all(chosen)
        found = {application.name: self._report(application) for application in known}
        return {name: report for name, report in found.items() if report is not None}

    async def _read_all(self, applications: Sequence[Application]) -> None:
        gate = asyncio.Semaphore(AT_ONCE)

        async def read(application: Application) -> None:
            async with gate:
                await self._read(application)

        try:
            async with asyncio.timeout(self._client.timing.request):
                await asyncio.gather(*(read(application) for application in applications))
        except TimeoutError:
            # The listing is worth more than fresh reports: what was read is used.
            pass

    def _report(self, application: Application) -> LauncherReport | None:
        node = self._nodes.get(application.id)
        if node is not None:
            return msgspec.structs.replace(node.report(), read_at=self._seen_at[application.id])
        return None if application.id in self._seen_at else UNREAD

    def _is_due(self, application: Application, good_for: float) -> bool:
        node = self._nodes.get(application.id)
        if node is None or self._read_in.get(application.id) != began(application):
            # What an earlier life wrote is no news of this one.
            return True
        if application.state not in _WAITING:
            # The end of an application changes its report once more; afterwards it says nothing new.
            return node.state not in _OVER
        return node.state != "alive" or asyncio.get_running_loop().time() - self._read_at[application.id] >= good_for

    async def _read(self, application: Application) -> None:
        outcome = await self._client.once("DownloadProjectFile", {"path": node_path(application)})
        self._read_at[application.id] = asyncio.get_running_loop().time()
        if outcome.kind not in {"ok", "absent"}:
            return
        self._read_in[application.id] = began(application)
        self._seen_at[application.id] = time.time()
        node = read_node(outcome.content, application) if outcome.kind == "ok" else None
        if node is not None:
            self._nodes[application.id] = node
