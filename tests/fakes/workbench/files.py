"""A project's folder as the API sees it, with the delays of a network file system when they are asked for.

With the visibility fault an upload reaches the folder so many seconds later, and what the API looked up once, also that
something was not there, stays true for so long: the attribute cache of NFS.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .state import Workbench

Listing = list[tuple[str, bool, int]]
"""Base name, whether it is a folder, size in bytes."""


class ProjectFiles:
    """Reads and writes project folders for the API."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._read: dict[Path, tuple[float, bytes | None]] = {}
        self._listed: dict[Path, tuple[float, Listing | None]] = {}

    def read(self, path: Path) -> bytes | None:
        """A file's content, None when there is no such file."""
        held = self._read.get(path)
        if held is None or self._stale(held[0]):
            held = (self._now(), path.read_bytes() if path.is_file() else None)
            self._read[path] = held
        return held[1]

    def list(self, path: Path) -> Listing | None:
        """A folder's entries, or the file itself; None when neither exists."""
        held = self._listed.get(path)
        if held is None or self._stale(held[0]):
            held = (self._now(), _entries(path))
            self._listed[path] = held
        return held[1]

    async def write(self, path: Path, content: bytes) -> None:
        """Store an upload. What exists is kept: the upload becomes `name(1).ext`."""
        if self._bench.faults.upload_fails:
            return
        if self._bench.faults.visibility:
            self._bench.spawn(self._write_later(path, content))
        else:
            _store(path, content)

    def move(self, source: Path, target: Path) -> None:
        """Move a file or folder; one that is there already is replaced. What the API does itself it sees at once."""
        target.parent.mkdir(parents=True, exist_ok=True)
        source.replace(target)
        for path in (source, target):
            self._forget(path)

    def delete(self, path: Path) -> bool:
        """Delete a file or a folder with all that is in it; a link only itself. False when there is none."""
        self._forget(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()
        else:
            return False
        return True

    def _forget(self, path: Path) -> None:
        self._read.pop(path, None)
        self._listed.pop(path.parent, None)

    async def _write_later(self, path: Path, content: bytes) -> None:
        await asyncio.sleep(self._bench.faults.visibility)
        _store(path, content)

    def _stale(self, since: float) -> bool:
        return self._now() - since >= self._bench.faults.visibility

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def _entries(path: Path) -> Listing | None:
    if path.is_file():
        return [(path.name, False, path.stat().st_size)]
    if not path.is_dir():
        return None
    found = []
    for entry in sorted(path.iterdir()):
        try:
            found.append((entry.name, entry.is_dir(), entry.stat().st_size))
        except FileNotFoundError:
            found.append((entry.name, False, 0))
    return found


def _store(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    stem, dot, ending = path.name.rpartition(".")
    number = 0
    target = path
    while target.exists():
        number += 1
        target = path.with_name(
            f"{stem}({number}){dot}{ending}" if re.search(r".\.", path.name) else f"{path.name}({number})"
        )
    target.write_bytes(content)
