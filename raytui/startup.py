"""How a call begins: what its words ask for, and the shortest way there. Here and in `__main__` alone start-up time is bought."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from raytui.cli.diagnostics import guard
from raytui.cli.flags import read
from raytui.cli.invocation import Console, Invocation

if TYPE_CHECKING:
    from raytui.config.settings import Settings


def main(arguments: Sequence[str], console: Console | None = None) -> int:
    """Run raytui with these words and answer its exit code; `console` opens the console."""
    asked, invocation = read(arguments), Invocation(console)
    if not asked.plain or "_RAYTUI_COMPLETE" in os.environ:
        from raytui.cli.root import run

        if asked.json:
            invocation.form = "json"
        return run(arguments, invocation)
    for field, value in asked.given.items():
        setattr(invocation, field, value)
    if asked.verb:
        from raytui.cli.look import show_status

        return guard(invocation, lambda: show_status(invocation, exit_code=asked.exit_code))
    from raytui.cli.console import open_console

    return guard(invocation, lambda: open_console(invocation))


def open_screen(settings: Settings) -> int:
    """The console of these settings; answers its exit code."""
    from raytui.tui.app import run

    return run(settings)
