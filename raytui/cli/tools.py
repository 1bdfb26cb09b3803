"""`env` and `exec`: Ray's own tools speak to this cluster, wherever it is."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
from typing import TYPE_CHECKING

import click

from raytui.cli.invocation import Invocation
from raytui.cli.verb import pass_invocation, verb
from raytui.core.errors import ConfigurationError, NotFound, OperationFailed
from raytui.core.report import SCHEMA_VERSION

if TYPE_CHECKING:
    from raytui.core.session import ToolEnvironment


@verb(
    "env",
    short_help="Print the shell lines that let Ray's own tools speak to this cluster.",
    examples='eval "$(raytui env)" && ray list nodes\nraytui env -o json | jq -r .variables.RAY_ADDRESS',
)
@pass_invocation
def env(invocation: Invocation, /) -> int:
    """Print addresses, the mode of authentication and the path of the token's file as lines for sh, bash and zsh.

    Never a token itself.

    Nothing is printed of a cluster that does not answer.
    """
    found = _ask(invocation)
    for note in found.notes:
        invocation.diagnostics.warning(note)
    if invocation.output.json:
        invocation.output.document(
            {"schema_version": SCHEMA_VERSION, "variables": found.variables, "unset": list(found.unset)}
        )
    else:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in found.variables.items()]
        invocation.output.lines([*lines, *(f"unset {name}" for name in found.unset)])
    return 0


@verb(
    "exec",
    short_help="Run one command that speaks to this cluster.",
    examples="raytui exec -- ray list nodes\nraytui --address http://127.0.0.1:8265 exec -- ray job submit -- python "
    "train.py",
)
@click.argument("command", metavar="-- COMMAND...", nargs=-1, type=click.UNPROCESSED)
@pass_invocation
def exec_(invocation: Invocation, /, *, command: tuple[str, ...]) -> int:
    """Run a command with what `raytui env` prints in its environment.

    It takes raytui's place: signals and its exit code are its own.
    """
    if not command:
        raise ConfigurationError(
            "exec: no command is named", hint="for example raytui exec -- ray list nodes", reason="Usage"
        )
    found = _ask(invocation)
    environment = {name: value for name, value in os.environ.items() if name not in found.unset} | found.variables
    invocation.output.flush()
    # Python ignores SIGPIPE, and what is ignored stays so in the command.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - the person names the command
    except FileNotFoundError:
        raise NotFound(
            f"there is no command {command[0]}", hint="give its path, or activate the environment that holds it"
        ) from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise OperationFailed(f"{command[0]} cannot be run: {why}", hint="check that it is a program") from None


# What stands behind the command is the command's own, options too.
exec_.allow_interspersed_args = False


def _ask(invocation: Invocation) -> ToolEnvironment:
    session = invocation.session(invocation.settings())

    async def look() -> ToolEnvironment:
        async with session:
            return await session.tools()

    return asyncio.run(look())
