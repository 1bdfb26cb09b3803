"""What is kept of the clusters for the rest of raytui: launchers, logs, and what was last asked for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from raytui.core.desired.launchers import folder_for, folder_in_use, mode_of, others
from raytui.core.errors import ConfigurationError, NotFound, OperationFailed, RefusedForSafety
from raytui.core.observed.nodefile import kept_logs
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import LogChunk, LogPlaces
from raytui.core.remedy import Remedy
from raytui.core.spec import ClusterSpec
from raytui.platforms.local import records, shipped_logs
from raytui.platforms.local.disk import read_within, to_the_end
from raytui.platforms.local.files import Folder, explained
from raytui.system.files import open_regular, private_directory, read_regular, write_whole


class LocalStore:
    """The folders of all clusters below one state directory."""

    def __init__(self, root: Path) -> None:
        """`root` is `<state>/local`, resolved."""
        self._root = root

    async def write_launchers(self, cluster: str, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the launchers, each file whole or not at all; answers their paths by name.

        What is unchanged is not touched.

        Other files from which applications of the cluster may run stay as they are: then the set gets a folder of its
        own.
        """

        def write() -> dict[str, str]:
            folder = Folder(self._root, cluster)
            folder.prepare()
            place = _place(folder, files)
            paths = {name: place / name for name in files}
            for name, path in paths.items():
                with explained("writing the launcher", path):
                    private_directory(path.parent)
                    if _held(path) != files[name] or path.stat().st_mode & 0o777 != mode_of(name):
                        write_whole(path, files[name], mode_of(name))
            return {name: str(path) for name, path in paths.items()}

        return await to_the_end(write)

    async def purge(self, cluster: str) -> tuple[str, ...]:
        """Remove the cluster's folder with its logs; refused while it has applications."""

        def remove() -> tuple[str, ...]:
            folder = Folder(self._root, cluster)
            if records.load_all(folder):
                raise RefusedForSafety(
                    f"the files of {cluster} are in use by its applications",
                    hint=Remedy("stop", f"--cluster {cluster}", "comes first"),
                )
            return (str(folder.path),) if folder.remove() else ()

        return await to_the_end(remove)

    def place_of(self, cluster: str) -> str:
        """The cluster's folder on this machine."""
        return str(Folder(self._root, cluster).path)

    async def read_file(self, path: str) -> bytes:
        """A file below `<state>/local`, such as `ray-cluster/nodes/x.json`.

        Raises `NotFound`, or `ConfigurationError` for one outside.
        """

        def read() -> bytes:
            place = self._inside(path)
            with explained("reading a file", place):
                try:
                    return read_regular(place)
                except FileNotFoundError:
                    raise NotFound(f"there is no file {place}") from None

        return await read_within(f"the file {path}", read)

    async def record_spec(self, cluster: str, spec: ClusterSpec | None) -> None:
        """Write down what was last asked for in the cluster's folder; none removes it."""
        folder = Folder(self._root, cluster)
        await to_the_end(lambda: records.store_spec(folder, spec))

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:
        """What was last asked for; none when nothing is written down."""
        folder = Folder(self._root, cluster)
        return await read_within(f"what was asked for of {cluster}", lambda: records.load_spec(folder))

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        """The launcher's output: the last `limit` bytes, or up to `limit` bytes from `offset` on.

        Empty while there is none.

        After a restart the output is another, shorter file: then it is read from its beginning.
        """

        def read() -> LogChunk:
            folder = Folder(self._root, application.cluster)
            path = _log(folder, application)
            if path is None:
                return LogChunk(b"", 0, 0)
            with explained("reading the log", path), open_regular(path) as file:
                size = file.seek(0, 2)
                begin = max(0, size - limit) if offset is None else offset if offset <= size else 0
                file.seek(begin)
                data = file.read(limit)
            return LogChunk(data, begin, begin + len(data))

        return await read_within(f"the log of {application.name}", read)

    async def places(self, application: Application) -> LogPlaces:
        """The output of the last run of its launcher, and where Ray keeps the sessions of its node."""

        def find() -> LogPlaces:
            folder = Folder(self._root, application.cluster)
            record = records.load(folder, application.name)
            path = _log(folder, application)
            return LogPlaces(str(path or ""), record.sessions if record is not None else "")

        return await read_within(f"the logs of {application.name}", find)

    async def kept_logs(self, application: Application) -> dict[str, str]:
        """What the last run of its launcher kept of Ray's logs."""

        def find() -> dict[str, str]:
            folder = Folder(self._root, application.cluster)
            record = records.load(folder, application.name)
            report = records.report_of(folder, record) if record is not None else None
            paths = kept_logs(application, report.engine_id) if report is not None else {}
            return {name: f"{folder.cluster}/{path}" for name, path in paths.items() if _size(folder.path / path)}

        return await read_within(f"the logs of {application.name}", find)

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:
        """What the launchers of the cluster shipped."""
        return await read_within(f"the kept logs of {cluster}", lambda: shipped_logs.lives(Folder(self._root, cluster)))

    def _inside(self, path: str) -> Path:
        place = (self._root / path).resolve()
        if not place.is_relative_to(self._root) or place == self._root:
            raise ConfigurationError(
                f"{path!r} is not below {self._root}", hint="give a path such as ray-cluster/rendezvous.json"
            )
        return place


def _place(folder: Folder, files: Mapping[str, bytes]) -> Path:
    """The folder in which these launchers stand or shall stand."""
    in_use = {folder_in_use(record.script) for record in records.load_all(folder)}
    name = folder_for(files, {name: _held(folder.launchers / name) for name in files}, in_use)
    place = folder.path / name
    changed = others(files, {name: _held(place / name) for name in files})
    if changed and name in in_use:
        raise OperationFailed(
            f"{place / changed[0]} was changed by hand, and applications of {folder.cluster} run from it",
            hint=(
                Remedy("stop", f"--cluster {folder.cluster}", "removes it"),
                "; ",
                Remedy("start", "", "then writes it anew"),
            ),
            reason="LaunchersChanged",
        )
    return place


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _held(path: Path) -> bytes | None:
    with explained("reading the launcher", path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def _log(folder: Folder, application: Application) -> Path | None:
    """The log of the application's last run; when its record is gone, the newest that bears its name."""
    record = records.load(folder, application.name)
    if record is not None and record.engine:
        path = folder.logs / record.log
        return path if path.exists() else None
    with explained("reading the logs", folder.logs):
        found = folder.logs.glob(f"{application.short}-*.log") if folder.logs.is_dir() else ()
        return max(found, key=lambda path: path.stat().st_mtime, default=None)
