"""Where the local platform keeps a cluster on disk, one writer at a time, and what a failing disk means to a person.

`<state>/local/<cluster>/` is also the folder that the cluster's launchers share (RAYTUI_SHARED_DIR); its layout is the
contract with them.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from raytui.core.desired.launchers import FOLDER, is_own_folder
from raytui.core.errors import ConfigurationError, OperationFailed
from raytui.core.remedy import Remedy
from raytui.system.files import private_directory
from raytui.system.locks import FileLock

KEPT_LOGS = 20
"""Log files kept when a cluster is removed; a person may still want to know why it failed."""
LOCK_TIMEOUT_S = 15.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_HINTS = {
    errno.ENOSPC: "free space on that disk, or point RAYTUI_STATE_DIR to another one",
    errno.EDQUOT: "your disk quota is used up: free space, or point RAYTUI_STATE_DIR to another disk",
    errno.EACCES: "give yourself write permission there, or point RAYTUI_STATE_DIR to a folder of your own",
    errno.EPERM: "give yourself write permission there, or point RAYTUI_STATE_DIR to a folder of your own",
    errno.EROFS: "the file system is read-only: point RAYTUI_STATE_DIR to a writable one",
    errno.ENOTDIR: "a part of that path is a file: remove it, or point RAYTUI_STATE_DIR elsewhere",
    errno.EMFILE: "this process has too many open files: raise the limit with ulimit -n",
}


@contextmanager
def explained(doing: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` into one sentence that names the path.

    `doing` says what was tried, such as `writing the record`.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, Remedy("doctor", "", "checks the state directory"))
        raise OperationFailed(f"{doing} failed: {path}: {reason}", hint=hint, reason="StateDirectory") from error


@contextmanager
def locked(root: Path, timeout: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """Be the only raytui that changes records or hands out ports under `root`.

    The kernel gives the lock back when its holder dies. It is held for milliseconds, never while a process is waited
    for.
    """
    path = root / ".lock"
    with explained("locking the state directory", path):
        private_directory(root)
        lock = FileLock(path)
    with lock:
        with explained("locking the state directory", path):
            held = lock.acquire_blocking(timeout)
        if not held:
            raise OperationFailed(
                f"another raytui has held {path} for {timeout:g} s",
                hint="end it or wait for it, then run the command again",
                reason="Locked",
            )
        yield


def checked(name: str, what: str) -> str:
    """A cluster's or application's name that is safe as a file name; raises `ConfigurationError` for any other."""
    if not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"{name!r} is no {what} name", hint="only letters, digits and single hyphens are allowed"
        )
    return name


class Folder:
    """The files of one cluster."""

    def __init__(self, root: Path, cluster: str) -> None:
        """`root` is `<state>/local`."""
        self.root = root
        self.cluster = checked(cluster, "cluster")
        self.path = root / cluster
        self.applications = self.path / "applications"
        self.launchers = self.path / FOLDER
        self.logs = self.path / "logs"
        self.nodes = self.path / "nodes"
        self.drain = self.path / "drain"
        self.rendezvous = self.path / "rendezvous.json"
        self.token = self.path / "auth_token"
        self.asked = self.path / "spec.json"

    def record(self, name: str) -> Path:
        """Where the record of an application is kept."""
        return self.applications / f"{checked(name, 'application')}.json"

    def report(self, name: str) -> Path:
        """Where the launcher of an application reports."""
        return self.nodes / f"{checked(name, 'application')}.json"

    def prepare(self) -> None:
        """Make the folder and its parts."""
        for path in (self.path, self.applications, self.launchers, self.logs, self.nodes, self.drain):
            with explained("making a directory", path):
                private_directory(path)

    def forget(self, name: str) -> None:
        """Remove what an earlier run of an application left for or from its launcher."""
        for path in (self.report(name), self.drain / name):
            with explained("removing a file", path):
                path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove everything of the cluster but its newest logs."""
        import shutil

        with explained("reading the cluster's folder", self.path):
            sets = [path for path in self.path.iterdir() if is_own_folder(path.name)] if self.path.is_dir() else []
        for path in (self.applications, self.launchers, *sets, self.nodes, self.drain, self.rendezvous, self.token):
            with explained("removing the cluster's files", path):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
        self.prune_logs()

    def remove(self) -> bool:
        """Remove the whole folder, its logs too; false when there was none."""
        import shutil

        if not self.path.exists():
            return False
        with explained("removing the cluster's folder", self.path):
            shutil.rmtree(self.path)
        return True

    def prune_logs(self, keep: frozenset[str] = frozenset()) -> None:
        """Leave the newest log files and those named in `keep`."""
        with suppress(OSError):  # an old log more or less is no reason to fail an operation
            files = sorted(
                (path for path in self.logs.iterdir() if path.name not in keep and path.is_file()),
                key=lambda path: -path.stat().st_mtime,
            )
            for path in files[KEPT_LOGS:]:
                path.unlink()
