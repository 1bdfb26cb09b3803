"""The project's folder as a console inside the project has it: mounted, and read as late as a network disk shows it."""

from __future__ import annotations

from raytui.core.errors import NotFound
from raytui.platforms.cai.project.files import FileEntry
from tests.world.api import WorldTransport
from tests.world.loop import Killed, Process
from tests.world.records import SHARED
from tests.world.site import Site


class MountedFiles:
    """In the place of the files of the mounted folder."""

    def __init__(self, site: Site, process: Process) -> None:
        self._site = site
        self._process = process

    async def read(self, path: str) -> bytes:
        site = self._living()
        name = path.rpartition("/")[2].removesuffix(".json")
        data = site.report(name) if path.startswith(f"{SHARED}/nodes/") else site.folder.read(path, late=True)
        if data is None:
            raise NotFound(f"{path} does not exist")
        return data

    async def write(self, path: str, data: bytes, mode: int = 0o644) -> None:
        del mode
        site = self._living()
        site.folder.write(path, data)
        site.written(path)

    async def create(self, path: str, data: bytes, mode: int = 0o600) -> bytes:
        held = self._living().folder.read(path)
        if held is not None:
            return held
        await self.write(path, data, mode)
        return data

    async def delete(self, path: str) -> None:
        self._living().folder.remove(path)

    async def entries(self, folder: str) -> tuple[FileEntry, ...]:
        names = WorldTransport.names(self._living(), folder)
        return tuple(FileEntry(name, "." not in name, 1) for name in sorted(names))

    def _living(self) -> Site:
        if not self._process.alive:
            raise Killed
        return self._site
