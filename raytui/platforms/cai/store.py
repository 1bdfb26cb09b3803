"""The files of the project, as the platform's callers use them: launchers, logs, reports, and the shared folder of a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec

from raytui.core.errors import NotFound, RefusedForSafety
from raytui.core.protocols import LogChunk
from raytui.core.remedy import Remedy
from raytui.core.snapshot import Application
from raytui.core.spec import ClusterSpec
from raytui.platforms.cai.client import ApiClient
from raytui.platforms.cai.files import ProjectFiles
from raytui.platforms.cai.lifecycle import Lifecycle
from raytui.platforms.cai.nodes import SharedFolder, launcher_path, spec_path


class ProjectStore:
    """One project's folder. `files` is the folder itself inside the project, the API's files outside."""

    def __init__(self, client: ApiClient, files: ProjectFiles) -> None:
        self.client = client
        self.files = files
        self.folder = SharedFolder(files)
        self.lifecycle = Lifecycle(client)

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store those that are missing or differ below the cluster's folder; the paths are relative to the project."""
        paths = {name: launcher_path(cluster, name) for name in files}
        await asyncio.gather(*(self.publish(path, files[name]) for name, path in paths.items()))
        return paths

    async def publish(self, path: str, data: bytes, mode: int = 0o755) -> bool:
        """Make a file of the project hold `data`; true when it had to be written."""
        try:
            if await self.files.read(path) == data:
                return False
        except NotFound:
            pass
        await self.files.write(path, data, mode)
        return True

    async def read_file(self, path: str) -> bytes:
        """A file by its path in the project; raises NotFound."""
        return await self.files.read(path)

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Replace a file of the project."""
        await self.files.write(path, data, mode)

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        """Record what was last asked for in the cluster's folder; none removes it.

        Not in an application's description: whether changing that restarts the application is not known.
        """
        if spec is None:
            await self.files.delete(spec_path(cluster))
        else:
            await self.publish(spec_path(cluster), msgspec.json.encode(spec), 0o644)

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        """What was last asked for; none when nothing is recorded, or only what cannot be understood."""
        try:
            return msgspec.json.decode(await self.files.read(spec_path(cluster)), type=ClusterSpec)
        except (NotFound, msgspec.MsgspecError):
            return None

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        """The launcher's output as it stands in the project folder."""
        return await self.folder.tail(application, offset, limit)

    async def forget(self, cluster: str) -> None:
        """Remove the cluster's shared folder; refused while it has applications."""
        if any(record.ours and record.marker and record.marker.cluster == cluster for record in await self.lifecycle.records()):
            raise RefusedForSafety(
                f"the files of {cluster} are in use by its applications", hint=Remedy("stop", f"--cluster {cluster}", "comes first")
            )
        await self.folder.forget(cluster)
