"""What raytui on this machine asked a platform to make lately, for the time that a list may not show it.

A list lags behind creates, so a `stop` right after a start that ended or was killed would find nothing and leave it
all. What is remembered only adds to what a list shows: a file that is lost, damaged or could not be written takes
nothing away.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Literal

import msgspec

from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import Platform
from raytui.core.spec import place
from raytui.manager.exclusive import lock_path
from raytui.system.files import write_whole


class Entry(msgspec.Struct, frozen=True):
    """One application that was asked for."""

    name: str
    role: Literal["head", "worker"]
    index: int
    run: str
    at: float
    """When it was asked for, in seconds since 1970."""
    id: str = ""
    """What the answer named; empty when there was none that could be kept."""
    group: str = ""
    """Group of a worker; empty for the group `worker` where an earlier raytui wrote this."""


class Memory:
    """The creates of one cluster that no list may show yet. Written only by who holds the cluster's lock."""

    def __init__(self, state_dir: Path, platform: Platform, cluster: str) -> None:
        self._path = lock_path(state_dir, f"{platform.name}-{cluster}").with_name(
            f"{platform.name}-{cluster}.made.json"
        )
        self._cluster = cluster
        self._seconds = platform.appears_within

    def asked(self, name: str, role: Literal["head", "worker"], index: int, run: str, *, group: str = "") -> None:
        """It is about to be asked for."""
        asked = Entry(name, role, index, run, time.time(), group=group)
        self._change(lambda entries: [*(entry for entry in entries if entry.name != name or entry.id), asked])

    def made(self, app: Application) -> None:
        """An answer named it."""
        made = Entry(app.name, app.role, app.index, app.run, time.time(), app.id, app.group)
        self._change(
            lambda entries: [
                *(entry for entry in entries if entry.id != app.id and (entry.id or entry.name != app.name)),
                made,
            ]
        )

    def refused(self, name: str) -> None:
        """It was not made."""
        self._change(lambda entries: [entry for entry in entries if entry.name != name or entry.id])

    def gone(self, ids: Iterable[str]) -> None:
        """These were removed."""
        removed = frozenset(ids)
        self._change(lambda entries: [entry for entry in entries if entry.id not in removed])

    def listed(self, applications: Iterable[Application]) -> None:
        """A list shows these, so it speaks for them from now on."""
        shown = tuple(applications)
        self._change(lambda entries: [entry for entry in entries if not _is_shown(entry, shown)])

    def unlisted(self, applications: Iterable[Application] = ()) -> tuple[Application, ...]:
        """What answers named and none of these is; of what became of it since nothing is known."""
        shown = tuple(applications)
        return tuple(
            Application(
                entry.id,
                entry.name,
                self._cluster,
                entry.role,
                entry.index,
                "unknown",
                run=entry.run,
                group=entry.group,
            )
            for entry in sorted(self._read(), key=lambda entry: place(entry.group, entry.index))
            if entry.id and not _is_shown(entry, shown)
        )

    def doubtful(self, applications: Iterable[Application] = ()) -> tuple[str, ...]:
        """Names of what was asked for without an answer, and none of these is: it may still come into being."""
        shown = tuple(applications)
        return tuple(sorted(entry.name for entry in self._read() if not entry.id and not _is_shown(entry, shown)))

    def _read(self) -> list[Entry]:
        if not self._seconds:
            return []
        try:
            entries = msgspec.json.decode(self._path.read_bytes(), type=list[Entry])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return []
        now = time.time()
        return [entry for entry in entries if -self._seconds < now - entry.at < self._seconds]

    def _change(self, change: Callable[[list[Entry]], list[Entry]]) -> None:
        before = self._read()
        after = change(before)
        if after == before:
            return
        # What cannot be written is only not remembered.
        with suppress(OSError):
            if after:
                write_whole(self._path, msgspec.json.encode(after), durable=False)
            else:
                self._path.unlink(missing_ok=True)


def _is_shown(entry: Entry, applications: tuple[Application, ...]) -> bool:
    if entry.id:
        return any(app.id == entry.id for app in applications)
    return any(app.name == entry.name and app.run == entry.run for app in applications)
