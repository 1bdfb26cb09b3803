"""`serve` lists Serve's deployments, and `serve delete` deletes applications, after saying what ends with them."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

import click

from raytui.cli.asking import is_agreed
from raytui.cli.invocation import Invocation
from raytui.cli.lifecycle import dry_run_option, yes_option
from raytui.cli.lists import list_verb
from raytui.cli.paint import is_terminal
from raytui.cli.verb import VerbGroup, pass_invocation
from raytui.core.errors import RefusedForSafety
from raytui.core.permission import require_allowed
from raytui.core.report import SCHEMA_VERSION
from raytui.core.serve import ServeRemoval, removal_lines
from raytui.view.tables.registry import every_table

_LISTING = list_verb(every_table()["serve"])


@click.pass_context
def _list(context: click.Context, /, **asked: Any) -> object:  # as the list's own options give them
    if context.invoked_subcommand is not None:
        return 0
    assert _LISTING.callback is not None
    return context.invoke(_LISTING.callback, **asked)


serve = VerbGroup(
    "serve",
    invoke_without_command=True,
    callback=_list,
    help=_LISTING.help,
    short_help=_LISTING.short_help,
    params=[option for option in _LISTING.params if not (option.name or "").startswith("global_")],
)


@serve.command("delete", short_help="Delete Serve applications and wait until they are gone.")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@yes_option
@dry_run_option
@pass_invocation
def delete(invocation: Invocation, /, *, names: tuple[str, ...], yes: bool, dry_run: bool) -> int:
    """Delete applications that a config deployed; all others stay as they are.

    Ray has no request for one application alone: what stays is applied again as it is. Refused where that could change
    it, and for what serve.run deployed.
    """
    settings = invocation.settings()
    require_allowed("serve delete", read_only=settings.read_only_asked)
    session = invocation.session(settings)
    began = time.monotonic()

    async def run() -> tuple[ServeRemoval, bool]:
        async with session:
            removal = await session.serve.plan(names)
            if dry_run:
                return removal, removal.changes
            if removal.changes and not yes:
                _confirm(invocation, removal, settings.cluster.name if settings.production else "")
            shown = ", ".join(app.name for app in removal.ends)
            invocation.diagnostics.began(
                f"Serve application {shown} is being deleted", shown_by="raytui serve shows it"
            )
            return removal, await session.serve.delete(removal)

    removal, changed = asyncio.run(run())
    took = None if dry_run else time.monotonic() - began
    _answer(invocation, settings.cluster.name, removal, took, changed=changed)
    return 0


def _answer(invocation: Invocation, cluster: str, removal: ServeRemoval, took: float | None, *, changed: bool) -> None:
    """What was done in so many seconds, or without a time what would be."""
    lines, dry_run = removal_lines(removal), took is None
    if invocation.output.json:
        state = "planned" if dry_run else "done"
        steps = [
            {
                "step": f"Serve application {app.name} deleted",
                "state": state,
                "seconds": round(took or 0.0, 3),
                "message": line,
            }
            for app, line in zip(removal.ends, lines, strict=False)
        ]
        invocation.output.document(
            {"schema_version": SCHEMA_VERSION, "changed": changed, "steps": steps, "cluster": cluster}
        )
    elif dry_run:
        invocation.output.lines([f"serve delete on {cluster} would:", *lines])
    else:
        invocation.output.lines([f"Serve application {', '.join(app.name for app in removal.ends)} is gone"])


def _confirm(invocation: Invocation, removal: ServeRemoval, typed: str) -> None:
    """Say what ends and ask; raises `RefusedForSafety` when nobody can be asked or the answer is no."""
    lines = removal_lines(removal)
    if not is_terminal(sys.stdin) or not invocation.diagnostics.is_terminal or invocation.form == "json":
        raise RefusedForSafety(f"serve delete {'; '.join(lines)}; it cannot ask here", hint="add --yes")
    invocation.diagnostics.lines(list(lines))
    if not is_agreed(invocation.diagnostics, typed):
        raise RefusedForSafety("nothing was changed", hint="add --yes to go on without being asked")
