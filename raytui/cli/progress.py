"""The steps of an operation as they run: on a terminal each step keeps one line, elsewhere each change is one line.

Stderr only.
"""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from raytui.cli.diagnostics import Diagnostics
from raytui.cli.table import one_line
from raytui.core.events import StepEvent
from raytui.view.words import STEPS

_WIDTH = 30
TICK_S = 1.0


class Progress:
    """What a person sees of one operation; `steps` keeps the last state of each step for the document at the end."""

    def __init__(self, diagnostics: Diagnostics) -> None:
        self._diagnostics = diagnostics
        self.steps: dict[str, StepEvent] = {}
        self._open = ""
        self._since = 0.0

    def tell(self, event: StepEvent) -> None:
        """Show a step that changed."""
        self.steps[event.step] = event
        line = self.line(event)
        if not self._diagnostics.is_terminal:
            self._diagnostics.lines([line])
            return
        # The open line is written over; a step that ends closes it.
        self._since = time.monotonic() - event.seconds
        over = self._open == event.step
        start = "" if over else self.closing()
        self._open = event.step if event.state == "running" else ""
        self._diagnostics.write(f"{start}{line}" + ("" if self._open else "\n"), over=over)

    def tick(self) -> None:
        """Show the seconds of the running step on a terminal.

        An operation that prints nothing for a minute looks hung.
        """
        if self._open:
            event = self.steps[self._open]
            line = self.line(StepEvent(event.step, event.state, time.monotonic() - self._since, event.message))
            self._diagnostics.write(line, over=True)

    def line(self, event: StepEvent) -> str:
        """A step with its mark, time and message.

        On a terminal no wider than it, since a line that wraps cannot be written over.
        """
        mark, role = STEPS[event.state]
        text = f"{event.step:<{_WIDTH}} {event.seconds:6.1f} s   {one_line(event.message)}".rstrip()
        if self._diagnostics.is_terminal and event.state == "running":
            text = text[: max(20, shutil.get_terminal_size().columns - 5)]
        return f"  {self._diagnostics.paint(mark, role)} {text}"

    def closing(self) -> str:
        """What ends a line that is still open, so that something else can be written."""
        ended, self._open = ("\n" if self._open else ""), ""
        return ended

    def close(self) -> None:
        """End an open line."""
        self._diagnostics.write(self.closing())


@asynccontextmanager
async def ticking(progress: Progress) -> AsyncIterator[None]:
    """The time of the running step goes on meanwhile."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            progress.tick()

    clock = asyncio.create_task(tick(), name="show the time of a step")
    try:
        yield
    finally:
        clock.cancel()


@contextmanager
def on_interrupt(act: Callable[[], object]) -> Iterator[None]:
    """Call `act` on Ctrl-C, SIGTERM and a lost terminal, however often, instead of dying in the middle of a change.

    A lost terminal that whoever started us ignores (`nohup`) stays ignored. SIGINT is heard even where a shell ignores
    it for its background jobs: a script that sends it to one means it. Afterwards all is as it was before.
    """
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    caught = [number for number, handler in before.items() if number != signal.SIGHUP or handler is not signal.SIG_IGN]
    for number in caught:
        loop.add_signal_handler(number, act)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
            signal.signal(number, before[number] or signal.SIG_DFL)
