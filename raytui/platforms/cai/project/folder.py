"""What the nodes leave in the project folder, read back: reports, the head's rendezvous, logs, the Ray token.

API v2 has no logs, no addresses and no reasons; the launchers write them below `.raytui/<cluster>/`. Inside the project
they are read at each listing; from outside each file is a download, so they are read only when asked for.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable

import msgspec

from raytui.core.desired.launchers import FOLDER, is_own_folder
from raytui.core.desired.required import SHARED
from raytui.core.errors import NotFound, RaytuiError
from raytui.core.observed.nodefile import NodeFile, kept_logs
from raytui.core.observed.snapshot import UNREAD, Application, LauncherReport
from raytui.core.protocols.platform import LogChunk
from raytui.platforms.cai.project.files import FileEntry, ProjectFiles

CLOCK_SLACK = 30.0
"""Seconds by which the clocks of a pod and of the platform may differ."""
_AT_ONCE = 8


class Rendezvous(msgspec.Struct, frozen=True):
    """`rendezvous.json`: where the living head is."""

    cluster: str = ""
    generation: str = ""
    address: str = ""
    dashboard_url: str = ""


class SharedFolder:
    """The folder that the nodes of each cluster share."""

    def __init__(self, files: ProjectFiles) -> None:
        self._files = files
        self._logs: dict[str, tuple[str, int, bytes]] = {}
        self._engines: dict[str, tuple[frozenset[str], str]] = {}

    async def report(self, application: Application) -> LauncherReport | None:
        """What this start of the application's launcher last wrote.

        None when there is nothing, or only an earlier start's.
        """
        node = await self._node(application)
        return None if node is None else node.report()

    async def reports(self, applications: Iterable[Application]) -> dict[str, LauncherReport]:
        """The same for several, by name.

        One that cannot be read is `UNREAD`, and only what does not exist is left out.
        """
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(application: Application) -> tuple[str, LauncherReport | None]:
            async with gate:
                try:
                    return application.name, await self.report(application)
                except RaytuiError:
                    return application.name, UNREAD

        found = await asyncio.gather(*(one(application) for application in applications))
        return {name: report for name, report in found if report is not None}

    async def kept_logs(self, application: Application) -> dict[str, str]:
        """Paths of what this start of the application's launcher kept of Ray's logs, by Ray's name of each."""
        node = await self._node(application)
        if node is None:
            return {}
        folder = folder_of(application.cluster)
        there = {f"logs/{entry.name}" for entry in await self._files.entries(f"{folder}/logs") if entry.size}
        return {
            name: f"{folder}/{path}" for name, path in kept_logs(application, node.engine_id).items() if path in there
        }

    async def rendezvous(self, cluster: str) -> Rendezvous | None:
        """Where the head is, by its own word; none when no head said so."""
        try:
            found = msgspec.json.decode(
                await self._files.read(f"{folder_of(cluster)}/rendezvous.json"), type=Rendezvous
            )
        except (NotFound, msgspec.MsgspecError):
            return None
        return found if found.cluster == cluster else None

    async def token(self, cluster: str) -> str:
        """The cluster's Ray token, empty when there is none. A secret."""
        try:
            return (await self._files.read(token_path(cluster))).decode(errors="replace").strip()
        except NotFound:
            return ""

    async def ensure_token(self, cluster: str, wanted: str = "") -> None:
        """Make the cluster's Ray token unless it has one; `wanted` is a person's own choice."""
        await self._files.create(token_path(cluster), (wanted or secrets.token_hex(32)).encode() + b"\n", 0o600)

    async def tail(self, application: Application, offset: int | None, limit: int) -> LogChunk:
        """The launcher's output of the application's newest start; an empty part when it wrote none yet."""
        folder = f"{folder_of(application.cluster)}/logs"
        stem = f"{application.short}-"
        entries = [
            entry
            for entry in await self._files.entries(folder)
            if entry.name.startswith(stem) and entry.name.endswith(".log")
        ]
        if not entries:
            return LogChunk(b"", 0, 0)
        entry = await self._newest(application, stem, entries)
        path = f"{folder}/{entry.name}"
        held = self._logs.get(application.name)
        if held is None or held[:2] != (path, entry.size):
            held = (path, entry.size, await self._files.read(path))
            self._logs[application.name] = held
        data = held[2]
        # A log that is shorter than what was read already is another start's, or it was rotated.
        begin = max(0, len(data) - limit) if offset is None else offset if offset <= len(data) else 0
        part = data[begin : begin + limit]
        return LogChunk(part, begin, begin + len(part))

    async def ask_to_drain(self, application: Application) -> None:
        """Write the request that the worker's launcher looks for."""
        await self._files.write(drain_path(application), f"{secrets.token_hex(4)}\n".encode())

    async def withdraw_drain(self, application: Application) -> None:
        """Remove the request."""
        await self._files.delete(drain_path(application))

    async def has_left(self, application: Application) -> bool:
        """Whether the launcher says that its node ended."""
        node = await self._node(application)
        return node is not None and node.state in {"ended", "failed"}

    async def forget_node(self, application: Application) -> None:
        """Remove what one application said about itself."""
        self._logs.pop(application.name, None)
        await self._files.delete(node_path(application))

    async def forget_run(self, cluster: str) -> None:
        """Remove everything of a cluster that ended but its logs and the folder `launchers`."""
        folder = folder_of(cluster)
        for part in ("auth_token", "rendezvous.json", "nodes", "drain"):
            await self._files.delete(f"{folder}/{part}")
        for entry in await self._files.entries(folder):
            if is_own_folder(entry.name):
                await self._files.delete(f"{folder}/{entry.name}")

    async def forget(self, cluster: str) -> None:
        """Remove everything of a cluster that ended."""
        await self._files.delete(folder_of(cluster))

    async def _node(self, application: Application) -> NodeFile | None:
        try:
            data = await self._files.read(node_path(application))
        except NotFound:
            return None
        return read_node(data, application)

    async def _newest(self, application: Application, stem: str, entries: list[FileEntry]) -> FileEntry:
        """The log of the start that the launcher reports, else the one written last; the API tells no times."""
        if len(entries) == 1:
            return entries[0]
        names = frozenset(entry.name for entry in entries)
        known, engine = self._engines.get(application.name, (frozenset(), ""))
        if known != names:
            try:
                node = await self._node(application)
            except RaytuiError:
                node = None
            engine = node.engine_id if node is not None else ""
            self._engines[application.name] = (names, engine)
        named = next((entry for entry in entries if entry.name == f"{stem}{engine}.log"), None)
        return named or max(entries, key=lambda entry: (entry.modified_at, entry.name))


def folder_of(cluster: str) -> str:
    """The cluster's shared folder, relative to the project."""
    return f"{SHARED}/{cluster}"


def node_path(application: Application) -> str:
    """The file that an application's launcher writes about itself."""
    return f"{folder_of(application.cluster)}/nodes/{application.name}.json"


def read_node(data: bytes, application: Application) -> NodeFile | None:
    """A node's file, none when it is damaged, another's, or left by an earlier application of the name."""
    try:
        node = msgspec.json.decode(data, type=NodeFile)
    except msgspec.MsgspecError:
        return None
    return (
        node
        if node.application == application.name and node.written_at >= application.created_at - CLOCK_SLACK
        else None
    )


def token_path(cluster: str) -> str:
    """The file with the cluster's Ray token."""
    return f"{folder_of(cluster)}/auth_token"


def spec_path(cluster: str) -> str:
    """The file that records what was last asked for of a cluster."""
    return f"{folder_of(cluster)}/spec.json"


def launcher_path(cluster: str, name: str, folder: str = FOLDER) -> str:
    """Where `write_launchers` puts a file of the launchers.

    In a folder of the cluster's own when `launchers` is in use otherwise.
    """
    return f"{folder_of(cluster)}/{folder}/{name}"


def drain_path(application: Application) -> str:
    """The file that asks a worker's launcher to drain its node."""
    return f"{folder_of(application.cluster)}/drain/{application.name}"
