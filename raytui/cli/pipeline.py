"""`verify` and `orphans`: what is done with a deployment as a whole, not with one cluster of it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

import click

from raytui.cli.asking import is_agreed
from raytui.cli.invocation import Invocation, seconds
from raytui.cli.progress import on_interrupt
from raytui.cli.sizes import size_flags, size_options
from raytui.cli.verb import pass_invocation, verb
from raytui.core.errors import NotAllowed, OperationFailed, RaytuiError, RefusedForSafety
from raytui.core.findings.orphans import orphans as unclaimed
from raytui.core.observed.snapshot import Application
from raytui.core.permission import require_changeable
from raytui.core.platforms import traits
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import as_commands
from raytui.core.report import SCHEMA_VERSION, Document, advised, list_document
from raytui.manager.orphans import AGE_S, reap
from raytui.manager.verify import Result, Verification


@verb(
    "verify",
    short_help="Prove that a deployment works, and clean up.",
    examples="raytui verify --workers 1 --cpu 4 --memory 16\nCML_HOST=… CML_API_KEY=… CML_PROJECT_ID=… raytui verify "
    "-o json",
)
@size_options
@click.option("--keep", is_flag=True, help="Leave the cluster running when all checks passed.")
@click.option("--timeout", metavar="SECONDS", help="How long the cluster may take to come up (default 600).")
@pass_invocation
def verify(invocation: Invocation, /, *, keep: bool, timeout: str | None, **sizes: object) -> int:
    """Make a small cluster under a name of its own, check it and remove it.

    The checks are connection, launchers, creation, status and clean-up. Exit 1 when one fails, 4 when it is the key
    that was refused.
    """
    limit = seconds("timeout", timeout, 600.0) or 600.0
    if invocation.cluster is None:
        invocation.cluster = f"raytui-verify-{secrets.token_hex(3)}"
    flags = size_flags(sizes)
    settings = invocation.settings(flags)
    require_changeable("verify", settings.platform, read_only=bool(invocation.read_only))
    if traits(settings.platform).is_this_machine:
        # Whatever runs on the default ports is not to be disturbed by a test.
        settings = invocation.settings({"cluster.ray_port": "auto", "cluster.dashboard_port": "auto", **flags})
    session = invocation.session(settings)
    results: dict[str, Result] = {}

    def tell(result: Result) -> None:
        if result.state == "running":
            invocation.diagnostics.lines([f"  … {result.check}"])
            return
        results[result.check] = result
        mark = {"ok": "✓", "failed": "✗", "skipped": "-"}[result.state]
        line = (
            f"{result.message}: {as_commands(result.hint)}"
            if result.state == "skipped" and result.hint
            else result.message
        )
        invocation.diagnostics.lines([f"  {mark} {result.check:<12} {result.seconds:7.1f} s   {line}".rstrip()])

    async def run() -> None:
        async with session:
            check = Verification(
                session.platform, session.monitor, session.manager, settings.cluster, timeout=limit, keep=keep
            )
            with on_interrupt(check.interrupt):
                async for result in check.run():
                    tell(result)

    invocation.diagnostics.lines([f"Verifying {settings.platform} with cluster {settings.cluster.name}"])
    asyncio.run(run())
    failed = [result for result in results.values() if result.state == "failed"]
    is_refused = bool(failed) and failed[0].is_refused
    rows = [advised(result) for result in results.values()]
    if invocation.output.json:
        document = {
            "schema_version": SCHEMA_VERSION,
            "cluster": settings.cluster.name,
            "passed": not failed,
            "checks": rows,
        }
        invocation.output.document(document)
    elif failed:
        kind = NotAllowed if is_refused else OperationFailed
        raise kind(f"{failed[0].check} failed: {failed[0].message}", hint=failed[0].hint, reason="VerifyFailed")
    else:
        invocation.output.lines([f"all checks passed: {', '.join(results)}"])
    if is_refused:
        return NotAllowed.exit_code
    return 1 if failed else 0


@verb(
    "orphans",
    short_help="List applications of ours that no cluster claims.",
    examples="raytui orphans\nraytui orphans --reap --yes",
)
@click.option(
    "--reap",
    is_flag=True,
    help="End them, after asking: those that a second look some seconds later finds without a head too.",
)
@click.option(
    "--older-than", metavar="SECONDS", help="With --reap: leave those that were made more recently (default 120)."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="With --reap: print what would be ended.")
@pass_invocation
def orphans(invocation: Invocation, /, *, reap: bool, older_than: str | None, yes: bool, dry_run: bool) -> int:
    """Applications that carry raytui's marker although their cluster has no head.

    Nothing uses them, and they cost until they end.
    """
    settings = invocation.settings({})
    age = AGE_S if older_than is None else seconds("older-than", older_than, AGE_S) or 0.0
    if reap:
        require_changeable("orphans --reap", settings.platform, read_only=settings.read_only)
    session = invocation.session(settings, check_name=False)
    ended: dict[str, str] = {}

    async def run() -> tuple[Application, ...]:
        async with session:
            found = unclaimed(await session.platform.list())
            if reap and found and not dry_run:
                if not yes:
                    _confirm(invocation, [app.name for app in found])
                left = await _reap(invocation, session.platform, found, ended, state_dir=settings.state_dir, age=age)
                ended.update({app.name: left[app.id] for app in found if app.id in left})
            return tuple(found)

    try:
        found = asyncio.run(run())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    failed = {name: why for name, why in ended.items() if why}
    if invocation.output.json:
        now = time.time()
        invocation.output.document(
            list_document([_orphan(app, now, has_ended=app.name in ended.keys() - failed) for app in found])
        )
    elif found:
        cells = [
            [app.name, app.cluster, app.state, "ended" if app.name in ended.keys() - failed else "-"] for app in found
        ]
        invocation.output.table(["NAME", "CLUSTER", "STATE", "DONE"], cells, states=["STATE"])
    elif traits(settings.platform).is_watched:
        invocation.output.lines(["no orphans: raytui has no applications behind a dashboard address"])
    else:
        invocation.output.lines(["no orphans: every application of ours belongs to a cluster with a head"])
    if failed:
        raise OperationFailed(
            "not ended: " + ", ".join(f"{name} ({why})" for name, why in failed.items()), hint="run it again"
        )
    return 0


def _orphan(app: Application, now: float, *, has_ended: bool) -> Document:
    age = round(max(0.0, now - app.created_at), 1)
    return {
        "name": app.name,
        "id": app.id,
        "cluster": app.cluster,
        "state": app.state,
        "age_s": age,
        "ended": has_ended,
    }


async def _reap(
    invocation: Invocation,
    platform: Platform,
    found: Sequence[Application],
    ended: dict[str, str],
    *,
    state_dir: Path,
    age: float,
) -> dict[str, str]:
    """End them and note in `ended`, by name, why one was not ended, empty when it was.

    Answers by id why others were left alone.
    """
    asked: list[str] = []

    def tell() -> None:
        gone = [name for name, why in ended.items() if not why]
        waiting = [name for name in asked if name not in ended]
        parts = [
            *([f"{', '.join(gone)} ended"] if gone else []),
            *([f"{', '.join(waiting)} asked to end, not seen to be gone"] if waiting else []),
        ]
        invocation.diagnostics.began("; ".join(parts) or "none was ended", shown_by="raytui orphans lists what is left")

    async def end(app: Application) -> None:
        asked.append(app.name)
        tell()
        try:
            await platform.delete(app)
            ended[app.name] = ""
        except RaytuiError as error:
            ended[app.name] = str(error)
        tell()

    task = asyncio.current_task()
    assert task is not None
    with on_interrupt(task.cancel):
        return await reap(platform, found, state_dir, end, age=age)


def _confirm(invocation: Invocation, names: list[str]) -> None:
    if not invocation.diagnostics.is_terminal:
        raise RefusedForSafety(f"orphans --reap would end {', '.join(names)} and cannot ask here", hint="add --yes")
    invocation.diagnostics.lines([f"This ends {', '.join(names)}."])
    if not is_agreed(invocation.diagnostics):
        raise RefusedForSafety("nothing was ended", hint="add --yes to end them without asking")
