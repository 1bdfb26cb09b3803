"""The program: without a verb the console, else the command line. Only what is needed is imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raytui.config.settings import Settings


def main() -> int:
    """Run raytui with the process's arguments and answer its exit code."""
    arguments = sys.argv[1:]
    if "_RAYTUI_COMPLETE" not in os.environ and "status" in arguments:
        from raytui.cli.guard import guard
        from raytui.cli.look import plain_status, show_status

        plain = plain_status(arguments, _console)
        if plain is not None:
            call, exit_code = plain
            return guard(call, lambda: show_status(call, exit_code=exit_code))
    if not arguments and "_RAYTUI_COMPLETE" not in os.environ:
        # The console's first frame need not wait for click.
        from raytui.cli.console import open_console
        from raytui.cli.guard import guard
        from raytui.cli.invocation import Invocation

        invocation = Invocation(_console)
        return guard(invocation, lambda: open_console(invocation))
    from raytui.cli.root import main as command_line

    return command_line(arguments, _console)


def _console(settings: Settings) -> int:
    from raytui.tui.app import run

    return run(settings)


if __name__ == "__main__":
    sys.exit(main())
