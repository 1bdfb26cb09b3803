"""The folder that all launchers of a cluster share: who is the head, how each node is, and logs that outlive a node.

On Cloudera AI it lies on NFS: no locks, no notification, attributes up to a minute old. So each file has one writer, is
written beside its place, synced and renamed, and readers open it anew each time.
"""

import contextlib
import json
import os
import time
from io import FileIO
from typing import Dict, Iterable, Optional, Tuple

SCHEMA_VERSION = 1
_LOG_BYTES = 5 * 1024 * 1024
_LOG_FILES = 3
_TAIL_BYTES = 64 * 1024
_KEPT_BYTES = 32 * 1024 * 1024
_KEPT_S = 14 * 24 * 3600.0


def utc_now() -> str:
    """The time as RFC 3339 in UTC, to the millisecond."""
    now = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + ".%03dZ" % int(now % 1 * 1000)


def _replace(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    temporary = os.path.join(folder, ".%s.%d.tmp" % (name, os.getpid()))
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def _read_json(path: str) -> Dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.loads(file.read(1 << 20))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


class SharedFolder:
    """The files of one application in the shared folder.

    Without a folder every write is nothing and every read is empty.

    A failed write never ends a node: `trouble` holds the sentence for it until a write succeeds again.
    """

    def __init__(self, root: str, cluster: str, application: str, engine_id: str) -> None:
        self.root = root
        self.trouble = ""
        self._cluster = cluster
        self._application = application
        prefix = cluster + "-"
        short = application[len(prefix) :] if application.startswith(prefix) else application
        self.node = short or application
        """The name of the application within its cluster."""
        self._stem = "%s-%s" % (self.node, engine_id)
        self._drain_seen = self._drain_identity()

    def _path(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    def _write(self, path: str, data: bytes) -> None:
        try:
            _replace(path, data)
            self.trouble = ""
        except OSError as error:
            self.trouble = "the shared folder cannot be written (%s: %s)" % (path, error.strerror or error)

    def write_node(self, record: Dict[str, object]) -> None:
        """Writes this application's row, `nodes/<application>.json`."""
        if self.root:
            text = json.dumps(dict({"schema_version": SCHEMA_VERSION}, **record), sort_keys=False, indent=1) + "\n"
            self._write(self._path("nodes", self._application + ".json"), text.encode("utf-8"))

    def write_rendezvous(self, record: Dict[str, object]) -> None:
        """Says to all workers where the head is."""
        if self.root:
            text = (
                json.dumps(dict({"schema_version": SCHEMA_VERSION, "cluster": self._cluster}, **record), indent=1)
                + "\n"
            )
            self._write(self._path("rendezvous.json"), text.encode("utf-8"))

    def read_rendezvous(self) -> Dict[str, str]:
        """The head's rendezvous as a map of words, empty when there is none.

        Or it belongs to another cluster or cannot be read.
        """
        if not self.root:
            return {}
        found = _read_json(self._path("rendezvous.json"))
        if found.get("cluster") != self._cluster or not isinstance(found.get("address"), str):
            return {}
        return {key: value for key, value in found.items() if isinstance(value, str)}

    def remove_rendezvous(self, generation: str) -> None:
        """Removes it if it is the one of this generation; a later head's is left alone."""
        if self.read_rendezvous().get("generation") == generation:
            try:
                os.unlink(self._path("rendezvous.json"))
            except OSError as error:
                self.trouble = "the old rendezvous file cannot be removed (%s)" % (error.strerror or error)

    def _drain_identity(self) -> Optional[Tuple[int, int]]:
        if not self.root:
            return None
        try:
            with open(self._path("drain", self._application), "rb") as file:
                stat = os.fstat(file.fileno())
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino

    def drain_asked(self) -> bool:
        """Whether a request to drain appeared since this launcher began.

        One left from an earlier life does not count.
        """
        now = self._drain_identity()
        return now is not None and now != self._drain_seen

    def open_log(self) -> "RotatingLog":
        """The log of this run in the shared folder; those of earlier runs of the same application are pruned."""
        self._prune_logs()
        return RotatingLog(self._path("logs", self._stem + ".log"))

    def _prune_logs(self) -> None:
        """Removes what earlier runs of this application left when it is old, or more than an application may keep.

        Only its own: of those no other node lives. One file more or less is no reason to fail.
        """
        folder = self._path("logs", "")
        found = []
        with contextlib.suppress(OSError):
            for name in os.listdir(folder):
                run = name.partition(".")[0]
                if run != self._stem and run.rpartition("-")[0] == self.node:
                    stat = os.stat(os.path.join(folder, name))
                    found.append((stat.st_mtime, stat.st_size, name))
        kept, oldest = 0, time.time() - _KEPT_S
        for written, size, name in sorted(found, reverse=True):
            kept += size
            if written < oldest or kept > _KEPT_BYTES:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))

    def keep_tails(self, files: Iterable[Tuple[str, str]]) -> None:
        """Copies the last 64 KB of each file (name, path) to `logs/<stem>.<name>.tail`: a pod and its disk vanish."""
        if not self.root:
            return
        for name, path in files:
            try:
                with open(path, "rb") as file:
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(0, size - _TAIL_BYTES))
                    data = file.read(_TAIL_BYTES)
            except OSError:
                continue
            self._write(self._path("logs", "%s.%s.tail" % (self._stem, name)), data)


class RotatingLog:
    """A log of at most three files of 5 MB. A write that fails is dropped: a full disk must not end the node."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: Optional[FileIO] = None
        self._size = 0

    def write(self, data: bytes) -> None:
        """Appends, and rotates first when the file is full."""
        try:
            if self._file is None:
                os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
                self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
                self._size = self._file.tell()
            if self._size + len(data) > _LOG_BYTES and self._size:
                self._rotate()
            self._file.write(data)
            self._size += len(data)
        except OSError:
            return

    def _rotate(self) -> None:
        self._file.close()
        self._file = None
        for number in range(_LOG_FILES - 1, 0, -1):
            older = "%s.%d" % (self._path, number)
            newer = self._path if number == 1 else "%s.%d" % (self._path, number - 1)
            if os.path.exists(newer):
                os.replace(newer, older)
        self._file = open(self._path, "ab", buffering=0)  # noqa: SIM115
        self._size = 0

    def close(self) -> None:
        """Closes the file; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
