"""How a call begins: what its words ask for, and the shortest way there. Here and in `__main__` alone start-up time is bought."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from raytui.cli.flags import read
from raytui.cli.guard import guard
from raytui.cli.invocation import Console, Invocation

if TYPE_CHECKING:
    from raytui.config.settings import Settings


def main(arguments: Sequence[str], console: Console | None = None, leave: Callable[[int], int] = int) -> int:
    """Run raytui with these words and answer its exit code; `console` opens the console, `leave` may end the process after a status."""
    asked, invocation = read(arguments), Invocation(console)
    if not asked.plain or "_RAYTUI_COMPLETE" in os.environ:
        from raytui.cli.root import run

        if asked.json:
            invocation.form = "json"
        collect_again()
        return run(arguments, invocation)
    for field, value in asked.given.items():
        setattr(invocation, field, value)
    if asked.verb:
        from raytui.cli.look import show_status

        return leave(guard(invocation, lambda: show_status(invocation, exit_code=asked.exit_code)))
    from raytui.cli.console import open_console

    return guard(invocation, lambda: open_console(invocation))


def open_screen(settings: Settings) -> int:
    """The console of these settings; answers its exit code."""
    from raytui.tui.app import run

    collect_again()
    return run(settings)


def collect_again() -> None:
    """Let garbage be collected from now on, except what importing made: that lives as long as the process."""
    gc.freeze()
    gc.enable()


def leave(code: int) -> int:
    """End the process without taking it apart: all that was printed has been flushed, and nothing else is kept."""
    os._exit(code)
