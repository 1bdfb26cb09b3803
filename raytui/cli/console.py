"""`raytui` alone: the console where a person looks at a terminal, what `raytui status` prints where none does."""

from __future__ import annotations

import os
import sys

from raytui.bootstrap import access_problems, with_project
from raytui.cli.invocation import Invocation
from raytui.cli.paint import is_terminal
from raytui.core.errors import ConfigurationError


def open_console(invocation: Invocation) -> int:
    """Open the console and answer its exit code; raises `ConfigurationError` on a terminal that cannot show it."""
    on_terminal = is_terminal(sys.stdin) and is_terminal(sys.stdout)
    if invocation.console is None or not on_terminal or invocation.form == "json":
        from raytui.cli.plain_status import show_status

        return show_status(invocation, exit_code=False)
    if os.environ.get("TERM", "") in {"", "dumb"}:
        raise ConfigurationError(
            "this terminal cannot show the console (TERM is dumb or missing)",
            hint="raytui status, raytui watch and the other verbs work here",
            reason="Terminal",
        )
    settings = invocation.settings()
    problems = access_problems(settings)
    if problems:
        raise ConfigurationError.from_problems(problems, f"profile {settings.profile_name}")
    return invocation.console(with_project(settings))
