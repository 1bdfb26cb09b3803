"""How an application is ended: the launcher is asked and given time, then whatever is left is killed, until nothing is.

Ray drains a busy node for up to 30 s after SIGTERM, and its agents outlive a killed parent by a minute. Whoever once
belonged to the application is remembered for the whole ending, because a process that loses its parent or writes over
its environment could not be recognised any more.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

from raytui.core.errors import DeadlineExceeded
from raytui.platforms.local import processes
from raytui.platforms.local.files import Folder
from raytui.platforms.local.processes import Marked, Process

STOP_S = 45.0
"""The launcher waits up to 35 s for Ray before it kills."""
LEFTOVER_S = 2.0
"""How long those that are left may take to end by themselves once launcher and `ray start` are gone."""
KILL_S = 10.0
"""How long killed processes may take to vanish; longer is a kernel that waits for a device."""

Chooser = Callable[[Marked], bool]


class Ending:
    """One ending of one application, carried out by calling `step` until it is true; nothing in it waits."""

    def __init__(self, root: Path, name: str, chosen: Chooser, script: str = "", *, timeout: float = STOP_S) -> None:
        """`chosen` tells whose mark counts.

        `script` is the launcher's path, which tells the launcher from what it started.
        """
        self._root = root
        self._name = name
        self._chosen = chosen
        self._script = script
        self._known: dict[int, Process] = {}
        self._asked: set[int] = set()
        self._kill_at = time.monotonic() + timeout
        self._give_up_at = self._kill_at + KILL_S
        self._alone_since = 0.0

    @property
    def is_asked(self) -> bool:
        """Whether the launcher, or `ray start` where there is none, was asked to end: it ends the rest."""
        return bool(self._asked)

    def step(self) -> bool:
        """Do what is due now; true when nothing of the application is left.

        Raises `DeadlineExceeded` when something cannot be killed.
        """
        # /proc is not read in one moment: a process that forks and ends meanwhile can hide its child from one reading,
        # not from two.
        left = self._left() or self._left()
        if not left:
            return True
        now = time.monotonic()
        if now >= self._give_up_at:
            pids = ", ".join(f"{process.pid} ({process.name})" for process in left)
            raise DeadlineExceeded(
                f"{self._name} could not be ended: process {pids} does not react to SIGKILL",
                hint="the kernel waits for a device or a network disk: look at dmesg, then run the command again",
            )
        if now >= self._kill_at:
            self._kill(left)
        else:
            self._ask(left, now)
        return False

    def _left(self) -> list[Process]:
        table = processes.own()
        self._known |= processes.belonging(table, processes.marked(table, self._root), self._chosen)
        return [process for process in self._known.values() if processes.lives(process.pid, process.start)]

    def _ask(self, left: list[Process], now: float) -> None:
        head = next(
            (process for process in left if self._script and self._script in processes.command(process.pid)), None
        )
        head = head or next((process for process in left if is_ray_start(processes.command(process.pid))), None)
        if head is not None:
            self._alone_since = 0.0
            if head.pid not in self._asked:
                self._asked.add(head.pid)
                processes.send(head, signal.SIGTERM)
            return
        self._alone_since = self._alone_since or now
        if now - self._alone_since >= LEFTOVER_S:
            self._kill(left)

    def _kill(self, left: Iterable[Process]) -> None:
        for process in left:
            processes.send(process, signal.SIGKILL)


def is_ray_start(command: list[str]) -> bool:
    """Whether these are the arguments of `ray start`, with or without an interpreter before it."""
    return any(PurePath(word).name == "ray" and following == "start" for word, following in itertools.pairwise(command))


def of_application(folder: Folder, name: str) -> Chooser:
    """Chooses the processes of one application, whichever run of it started them."""
    return lambda mark: mark.shared == folder.path and mark.application == name


def kill_now(folder: Folder, name: str) -> None:
    """End an application that has only just been made, without asking; blocks for a moment.

    Raises `DeadlineExceeded` like a step.
    """
    ending = Ending(folder.root, name, of_application(folder, name), timeout=0.0)
    while not ending.step():
        time.sleep(0.01)
