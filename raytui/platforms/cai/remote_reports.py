"""What the launchers say, read from outside the project at a fixed price: one listing of the folder and at most a few downloads a look.

Where Ray's dashboard is not reachable these reports are all that tells a living node from a dead one. Each is a file of its own, so in a
large cluster every look reads those that were read longest ago, and the others are answered as they were last seen, with their own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from raytui.core.nodefile import NodeFile
from raytui.core.snapshot import Application, LauncherReport
from raytui.platforms.cai.client import ApiClient
from raytui.platforms.cai.nodes import folder_of, node_path, read_node

AT_ONCE = 16
"""Downloads of one look."""
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

    async def present(self, cluster: str) -> frozenset[str]:
        """Names of the applications that have written a report; none when the folder cannot be listed now."""
        outcome = await self._client.once("ListProjectFiles", {"path": f"{folder_of(cluster)}/nodes"})
        listed = outcome.payload.get("files") if outcome.kind == "ok" else None
        names = [str(entry.get("path", "")) for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []
        return frozenset(
            name.rpartition("/")[2].removesuffix(".json") for name in names if name.endswith(".json") and not name.startswith(".")
        )

    async def of(self, applications: Sequence[Application], present: frozenset[str]) -> dict[str, LauncherReport]:
        """Reports by application name, those read longest ago read anew; what cannot be read now is as it was."""
        known = [application for application in applications if application.name in present]
        served = any(application.role == "head" and application.exposed for application in applications)
        due = [application for application in known if self._is_due(application, ALIVE_SERVED_S if served else ALIVE_S)]
        oldest = sorted(due, key=lambda application: (self._read_at.get(application.id, 0.0), application.index))[:AT_ONCE]
        try:
            async with asyncio.timeout(self._client.timing.request):
                await asyncio.gather(*(self._read(application) for application in oldest))
        except TimeoutError:
            # The listing is worth more than fresh reports: what was read is used.
            pass
        found = {application.name: self._nodes.get(application.id) for application in known}
        return {name: node.report() for name, node in found.items() if node is not None}

    def _is_due(self, application: Application, good_for: float) -> bool:
        node = self._nodes.get(application.id)
        if node is None:
            return True
        if application.state not in _WAITING:
            # The end of an application changes its report once more; afterwards it says nothing new.
            return node.state not in _OVER
        return node.state != "alive" or asyncio.get_running_loop().time() - self._read_at[application.id] >= good_for

    async def _read(self, application: Application) -> None:
        outcome = await self._client.once("DownloadProjectFile", {"path": node_path(application)})
        node = read_node(outcome.payload, application) if outcome.kind == "ok" else None
        if node is not None:
            self._nodes[application.id] = node
        self._read_at[application.id] = asyncio.get_running_loop().time()
