"""The root of the command line: verbs are found in a table, and each is imported only when it is called."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

import click

from raytui import __version__
from raytui.cli.guard import guard
from raytui.cli.invocation import Invocation
from raytui.cli.output import ReaderLeft, printing_help
from raytui.cli.verb import CONTEXT, global_options, unknown_verb

VERBS: dict[str, tuple[str, str]] = {
    "start": ("lifecycle", "Create what is missing so that the cluster is as specified."),
    "stop": ("lifecycle", "Stop and delete every application of the cluster."),
    "scale": ("lifecycle", "Change the number of workers."),
    "restart": ("lifecycle", "Restart the head, workers, or all."),
    "status": ("status", "Say what is broken, since when, and what to do."),
    "watch": ("status", "Follow the cluster: one line for each change."),
    "job": ("job", "Submit a job to the cluster, or stop one."),
    "explain": ("explain", "Tell why something died, waits or is as it is."),
    "logs": ("logs", "Show or follow a log."),
    "env": ("tools", "Print the shell lines that let Ray's own tools speak to this cluster."),
    "exec": ("tools", "Run one command that speaks to this cluster."),
    "validate": ("specs", "Check the configuration without touching a platform."),
    "render": ("specs", "Print or write the launcher scripts."),
    "doctor": ("doctor", "Check everything that a start needs."),
    "verify": ("pipeline", "Prove that a deployment works, and clean up."),
    "deploy": ("deploying", "Put a project on a workbench and start its cluster."),
    "orphans": ("pipeline", "List applications of ours that no cluster claims."),
    "config": ("specs", "Show, locate or create the configuration."),
    "completion": ("specs", "Print the completion script of a shell."),
}
"""Verb, the module of `raytui.cli` that holds it under its own name, and its line of help. The lists are verbs, too:
`every_verb`."""

HELP = """Console and command line for Ray clusters on Cloudera AI, on this machine, or behind any dashboard address.

Without a verb it opens the console; without a terminal it prints the status.

\b
  raytui start --workers 2      a head and two workers on this machine
  raytui status                 what is broken, since when, what to do
  raytui -p prod watch          follow the cluster of profile prod
  raytui stop                   end it, after asking
  raytui --address http://127.0.0.1:8265 status
                                any Ray cluster behind a dashboard address
"""


def every_verb() -> dict[str, tuple[str, str]]:
    """The verbs with those of the lists, which are made from the tables, in the order of the help."""
    from raytui.view.tables.registry import every_table

    lists = {name: ("serve" if name == "serve" else "lists", kind.summary) for name, kind in every_table().items()}
    before = list(VERBS).index("job")
    rows = list(VERBS.items())
    return dict([*rows[:before], *lists.items(), *rows[before:]])


def _module_of(name: str) -> str:
    """The module that holds a verb; empty when there is no such verb."""
    module = (VERBS.get(name) or every_verb().get(name) or ("", ""))[0]
    return module if module and _is_there(module) else ""


class Root(click.Group):
    """The group of all verbs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click's own, which prints help and the version here."""
        with printing_help():
            return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # from click
        """All verbs that are installed, in the order of the table."""
        return [name for name, (module, _) in every_verb().items() if _is_there(module)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # from click
        """One verb, imported now."""
        module = _module_of(cmd_name)
        if not module:
            return None
        there = importlib.import_module(f"raytui.cli.{module}")
        # A word of Python's own, such as exec, has an underscore behind it.
        found = getattr(there, cmd_name, None) or getattr(there, f"{cmd_name}_")
        assert isinstance(found, click.Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb, or one sentence with the nearest."""
        if not ctx.resilient_parsing and not _module_of(args[0]):
            raise unknown_verb("raytui", args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """The verb. click ends a call whose reader has left with exit code 1 and without a word.

        Leaving is the reader's right.
        """
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ReaderLeft from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  # from click
        """The verbs with their lines of help, without importing them."""
        with formatter.section("Verbs"):
            formatter.write_dl([(name, line) for name, (module, line) in every_verb().items() if _is_there(module)])


def run(arguments: Sequence[str], invocation: Invocation) -> int:
    """Run one call of the command line and answer its exit code."""

    def call() -> int:
        answer = root().main(args=list(arguments), prog_name="raytui", standalone_mode=False, obj=invocation)
        return answer if isinstance(answer, int) else 0

    return guard(invocation, call)


def root() -> click.Group:
    """The whole command line as one click group."""
    group = Root("raytui", help=HELP, invoke_without_command=True, context_settings=CONTEXT, callback=_without_verb)
    group.params = [
        *global_options(),
        click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version),
    ]
    group.params[-1].help = "Print the version."
    return group


def _is_there(module: str) -> bool:
    return importlib.util.find_spec(f"raytui.cli.{module}") is not None


def _version(context: click.Context, _parameter: click.Parameter, value: object) -> None:
    if value and not context.resilient_parsing:
        invocation = context.find_object(Invocation)
        assert invocation is not None
        if invocation.form == "json":
            invocation.output.document({"schema_version": 1, "version": __version__})
        else:
            invocation.output.lines([f"raytui {__version__}"])
        context.exit()


@click.pass_context
def _without_verb(context: click.Context) -> int:
    if context.invoked_subcommand is not None:
        return 0
    from raytui.cli.console import open_console

    invocation = context.find_object(Invocation)
    assert invocation is not None
    return open_console(invocation)
