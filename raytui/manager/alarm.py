"""Whoever does not look at the screen is told that a verdict changed: by a command of one's own, by the bell.

Both are off unless somebody asks for them: a bell rings for everybody who shares the terminal, and a command is the
operator's own.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable

import msgspec

from raytui.core.changes.verdicts import VerdictChange, VerdictChanges, change_document, change_variables
from raytui.core.clusters import ClusterSummary
from raytui.system.commands import run_command


class Alarm:
    """Tells changes of the verdicts of any number of clusters, each once and in their order."""

    def __init__(self, ring: Callable[[], None], tell: Callable[[str], None]) -> None:
        """`ring` rings the bell; `tell` is called with why a command failed, once until one ends well again."""
        self._ring = ring
        self._tell = tell
        self._changes: dict[str, VerdictChanges] = {}
        self._running: set[asyncio.Task[None]] = set()
        # One after the other, so that two changes are announced in their order.
        self._one = asyncio.Lock()
        self._failed = False

    def observe(self, summary: ClusterSummary, *, command: str, bell: bool) -> VerdictChange | None:
        """Take an observation into account; answers the change that it makes certain, and begins to tell of it."""
        change = self._changes.setdefault(summary.name, VerdictChanges()).observe(summary)
        if change is not None:
            self._begin(change, command=command, bell=bell)
        return change

    async def conclude(self, *, command: str, bell: bool) -> None:
        """Tell the changes that were seen last without waiting until they have held, and await every command.

        Each takes as long as a command may take at most.
        """
        for changes in self._changes.values():
            change = changes.conclude()
            if change is not None:
                self._begin(change, command=command, bell=bell)
        if self._running:
            await asyncio.wait(self._running)

    def _begin(self, change: VerdictChange, *, command: str, bell: bool) -> None:
        if bell:
            self._ring()
        if command:
            task = asyncio.create_task(self._run(shlex.split(command), change), name="notify")
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def is_changing(self, name: str) -> bool:
        """Whether another verdict was seen of this cluster and is not certain yet."""
        return name in self._changes and self._changes[name].is_changing

    async def close(self) -> None:
        """End the commands that still run."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _run(self, argv: list[str], change: VerdictChange) -> None:
        async with self._one:
            document = msgspec.json.encode(change_document(change)) + b"\n"
            why = await run_command(argv, change_variables(change), document)
        if why and not self._failed:
            self._tell(f"nobody was told that {change.summary.name} is {change.summary.verdict}: {why}")
        self._failed = bool(why)
