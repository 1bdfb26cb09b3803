"""What is kept in a project of its clusters: the launchers, the output of their nodes, what was last asked for.

And what goes with them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from raytui.core.desired.launchers import FOLDER, SCRIPTS, folder_for, folder_in_use, mode_of, others
from raytui.core.desired.required import SHARED
from raytui.core.errors import NotFound, OperationFailed, RaytuiError, RefusedForSafety
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import LogChunk, not_here
from raytui.core.remedy import Remedy
from raytui.core.spec import ClusterSpec
from raytui.platforms.cai.api.client import Timing
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.applications.records import Record
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.project.folder import SharedFolder, folder_of, launcher_path, spec_path
from raytui.platforms.cai.project.shipped_logs import lives_in

T = TypeVar("T")


class ProjectStore:
    """What is kept of the clusters in one project's folder."""

    def __init__(
        self,
        files: ProjectFiles,
        folder: SharedFolder,
        lifecycle: Lifecycle,
        timing: Timing,
        *,
        beside: Callable[[str], Awaitable[tuple[str, ...]]] | None = None,
    ) -> None:
        """`files` is the folder itself inside the project, the API's files outside.

        `beside` removes what stands beside a cluster's folder, and answers what it removed.
        """
        self.lives = lives_in(files)
        """What the launchers of a cluster shipped."""
        self._beside = beside
        self._files = files
        self._folder = folder
        self._lifecycle = lifecycle
        self._timing = timing
        self._placed: dict[str, str] = {}
        self._emptied: set[str] = set()
        """Clusters whose head was deleted by us, and of which nothing was made since."""
        self._clearing: dict[str, asyncio.Task[None]] = {}

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store those that are missing or differ below the cluster's folder; the paths are relative to the project.

        Other files from which applications of the cluster may run stay as they are: then the set gets a folder of its
        own.
        """
        return (await self.place_launchers(cluster, files))[0]

    async def place_launchers(self, cluster: str, files: Mapping[str, bytes]) -> tuple[dict[str, str], int]:
        """The same, and how many files had to be written."""
        folder = FOLDER
        held = await self._held(cluster, folder, files)
        if others(files, held):
            in_use = {folder_in_use(record.script) for record in await self._applications(cluster)}
            folder = folder_for(files, held, in_use)
            if folder != FOLDER:
                held = await self._held(cluster, folder, files)
            if folder in in_use and (changed := others(files, held)):
                raise OperationFailed(
                    f"{launcher_path(cluster, changed[0], folder)} was changed by hand, and applications of "
                    f"{cluster} run from it",
                    hint=(
                        Remedy("stop", f"--cluster {cluster}", "removes it"),
                        "; ",
                        Remedy("start", "", "then writes it anew"),
                    ),
                    reason="LaunchersChanged",
                )
        paths = {name: launcher_path(cluster, name, folder) for name in files}
        missing = [name for name in files if held[name] != files[name]]
        await every(self._files.write(paths[name], files[name], mode_of(name)) for name in missing)
        for name in SCRIPTS.values():
            self._placed[launcher_path(cluster, name)] = launcher_path(cluster, name, folder)
        return paths, len(missing)

    def placed(self, script: str) -> str:
        """The path that an application is made with.

        It is in the set which `write_launchers` wrote last, if the script is raytui's own.
        """
        return self._placed.get(script, script)

    async def _held(self, cluster: str, folder: str, names: Iterable[str]) -> dict[str, bytes | None]:
        """What a set's folder holds under these names."""

        async def one(name: str) -> bytes | None:
            try:
                return await self._files.read(launcher_path(cluster, name, folder))
            except NotFound:
                return None

        names = list(names)
        return dict(zip(names, await every(map(one, names)), strict=True))

    async def _applications(self, cluster: str) -> list[Record]:
        records = await self._lifecycle.records()
        return [record for record in records if record.ours and record.marker and record.marker.cluster == cluster]

    async def publish(self, path: str, data: bytes, mode: int = 0o755) -> bool:
        """Make a file of the project hold `data`; true when it had to be written."""
        try:
            if await self._files.read(path) == data:
                return False
        except NotFound:
            pass
        await self._files.write(path, data, mode)
        return True

    async def read_file(self, path: str) -> bytes:
        """A file by its path in the project; raises `NotFound`."""
        return await self._files.read(path)

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        """Record what was last asked for in the cluster's folder; none removes it.

        Not in an application's description: whether changing that restarts the application is not known.
        """
        if spec is None:
            await self._files.delete(spec_path(cluster))
        else:
            await self.publish(spec_path(cluster), msgspec.json.encode(spec), 0o644)

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        """What was last asked for; none when nothing is recorded, or only what cannot be understood."""
        for _ in range(2):
            try:
                data = await self._files.read(spec_path(cluster))
            except NotFound:
                return None
            # The file is replaced whole, so what is no JSON was garbled on its way: it is read once more.
            with contextlib.suppress(msgspec.DecodeError):
                return _understood(msgspec.json.decode(data))
        return None

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        """The launcher's output as it stands in the project folder."""
        return await self._folder.tail(application, offset, limit)

    places = not_here

    async def kept_logs(self, application: Application) -> dict[str, str]:
        """What the launcher kept of Ray's logs when its node ended."""
        return await self._folder.kept_logs(application)

    async def forget(self, cluster: str) -> None:
        """Remove the cluster's shared folder; refused while it has applications."""
        await self._refuse_in_use(cluster)
        await self._folder.forget(cluster)

    async def purge(self, cluster: str) -> tuple[str, ...]:
        """Remove the cluster's shared folder, and what stands beside it for this cluster; refused while it runs."""
        held = {entry.name for entry in await self._files.entries(SHARED)}
        # What tells whose a deploy was is read before anything goes.
        await self._refuse_in_use(cluster)
        removed = await self._beside(cluster) if self._beside is not None else ()
        await self._folder.forget(cluster)
        return (*([folder_of(cluster)] if cluster in held else []), *removed)

    def place_of(self, cluster: str) -> str:
        """The cluster's folder in the project, and that of a deploy."""
        return f"{folder_of(cluster)} of the project; of a deploy {SHARED}/deploy and its jobs"

    def begins(self, cluster: str) -> None:
        """An application of the cluster is about to run: its files are in use from now on."""
        self._emptied.discard(cluster)

    async def forget_application(self, application: Application) -> None:
        """Remove what only the last run of a deleted application left.

        With a cluster's last one what only this run of the cluster left.

        What cannot be removed are small files that the next run replaces.
        """
        cluster = application.cluster
        if application.role == "head":
            self._emptied.add(cluster)
        with contextlib.suppress(RaytuiError, TimeoutError):
            async with asyncio.timeout(self._timing.request):
                if await self._is_empty(cluster):
                    await self._clear(cluster)
                else:
                    await self._folder.forget_node(application)

    async def close(self) -> None:
        """End what is still being removed."""
        tasks = list(self._clearing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _refuse_in_use(self, cluster: str) -> None:
        if await self._applications(cluster):
            raise RefusedForSafety(
                f"the files of {cluster} are in use by its applications",
                hint=Remedy("stop", f"--cluster {cluster}", "comes first"),
            )

    async def _is_empty(self, cluster: str) -> bool:
        """Whether a cluster has no application.

        The head that a worker leaves behind may only be too young for a list.
        """
        if await self._applications(cluster):
            return False
        if cluster in self._emptied:
            return True
        await asyncio.sleep(self._timing.lag)
        return not await self._applications(cluster)

    async def _clear(self, cluster: str) -> None:
        """Done once for all who ask while it is done; who asks later may find another world."""
        task = self._clearing.get(cluster)
        if task is None or task.done():
            task = self._clearing[cluster] = asyncio.ensure_future(self._folder.forget_run(cluster))
        await asyncio.shield(task)


def _understood(document: object) -> ClusterSpec | None:
    try:
        return msgspec.convert(document, ClusterSpec)
    except msgspec.ValidationError:
        return None


async def every(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Every answer of calls that run side by side.

    When one fails the others run to their end all the same: a request that nobody waits for would outlive its client.
    """
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in answers if not isinstance(answer, BaseException)]
