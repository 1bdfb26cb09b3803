"""Whoever does not look at the screen is told that a verdict changed: by a command of one's own, by the bell.

Both are off unless somebody asks for them: a bell rings for everybody who shares the terminal, and a command is the
operator's own.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable

import msgspec

from raytui.core.clusters import ClusterLook
from raytui.core.turns import Turn, Turns, turn_document, turn_variables
from raytui.system.commands import run_command


class Alarm:
    """Tells changes of the verdicts of any number of clusters, each once and in their order."""

    def __init__(self, ring: Callable[[], None], tell: Callable[[str], None]) -> None:
        """`ring` rings the bell; `tell` is told why a command failed, once until one ends well again."""
        self._ring = ring
        self._tell = tell
        self._turns: dict[str, Turns] = {}
        self._running: set[asyncio.Task[None]] = set()
        # One after the other, so that whoever is told of two changes is told in their order.
        self._one = asyncio.Lock()
        self._failed = False

    def see(self, look: ClusterLook, *, command: str, bell: bool) -> Turn | None:
        """Take a look into account; answers the change when it makes one certain, and begins to tell of it."""
        turn = self._turns.setdefault(look.name, Turns()).see(look)
        if turn is None:
            return None
        if bell:
            self._ring()
        if command:
            task = asyncio.create_task(self._run(shlex.split(command), turn), name="notify")
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return turn

    def is_turning(self, name: str) -> bool:
        """Whether another verdict was seen of this cluster and is not certain yet."""
        return name in self._turns and self._turns[name].is_turning

    async def close(self) -> None:
        """End the commands that still run."""
        running = tuple(self._running)
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _run(self, argv: list[str], turn: Turn) -> None:
        async with self._one:
            document = msgspec.json.encode(turn_document(turn)) + b"\n"
            why = await run_command(argv, turn_variables(turn), document)
        if why and not self._failed:
            self._tell(f"nobody was told that {turn.look.name} is {turn.look.verdict}: {why}")
        self._failed = bool(why)
