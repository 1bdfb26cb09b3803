"""What raytui itself did to a cluster and what it saw the platform do by itself, kept across runs for `raytui events`.

It is for people only. Nothing is decided by it, so losing it loses no cluster; a journal that cannot be written never
stops an operation.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from raytui.core.events import Event
from raytui.system.files import private_directory, write_whole

MAX_BYTES = 1_000_000
"""Past this the older half is dropped."""
SAME_S = 120.0
"""How far apart two watches may see the same thing: a platform's own restarts are 5 minutes apart."""


class Journal:
    """Events of the clusters of one state directory, one file of JSON lines for each cluster."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = state_dir / "journal"

    def add(self, cluster: str, event: Event) -> None:
        """Append one event; a full disk or a missing permission loses the line and nothing else."""
        path = self._path(cluster)
        try:
            private_directory(self._folder)
            if path.exists() and path.stat().st_size > MAX_BYTES:
                lines = path.read_bytes().splitlines(keepends=True)
                write_whole(path, b"".join(lines[len(lines) // 2 :]))
            with path.open("ab") as file:
                file.write(msgspec.json.encode(event) + b"\n")
        except OSError:
            return

    def add_once(self, cluster: str, event: Event) -> None:
        """Append what several watches may see, unless one of them wrote it down lately."""
        lately = (known for known in reversed(self.read(cluster)) if abs(event.at - known.at) < SAME_S)
        if all((known.subject, known.reason) != (event.subject, event.reason) for known in lately):
            self.add(cluster, event)

    def read(self, cluster: str) -> list[Event]:
        """The events of a cluster, oldest first; damaged lines are passed over."""
        try:
            lines = self._path(cluster).read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(msgspec.json.decode(line, type=Event))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
        return found

    def _path(self, cluster: str) -> Path:
        return self._folder / f"{cluster}.jsonl"
