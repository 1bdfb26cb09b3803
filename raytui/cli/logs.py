"""`logs`: launcher output and Ray's own files of any node, living or gone, and the drivers of jobs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC
from typing import TYPE_CHECKING

import click

from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.observation import require_cluster
from raytui.cli.verb import pass_invocation, verb
from raytui.core.conditions import assess
from raytui.core.errors import NotFound, Unreachable
from raytui.core.patterns import compile_pattern
from raytui.core.platforms import traits
from raytui.core.report import SCHEMA_VERSION, list_document
from raytui.core.snapshot import Snapshot
from raytui.manager.followed import SourceEnded
from raytui.manager.loglines import LineFilter, parse_since

if TYPE_CHECKING:
    from raytui.core.session import Logs, LogSource

DEFAULT_LINES = 100
PIECE = 65536
"""Characters that are filtered between two moments at which an interrupt is noticed; the costliest pattern takes 0.2 s
for them."""


@verb(
    "logs",
    short_help="Show or follow a log.",
    examples="raytui logs worker-1 -f\nraytui logs head/raylet.out -n 500 --grep ERROR -C 3\nraytui logs "
    "job/raysubmit_1234 --since 10m",
)
@click.argument("source", metavar="[SOURCE]", default="head")
@click.option("--list", "listing", is_flag=True, help="Name every log that can be read.")
@click.option(
    "--follow",
    "-f",
    is_flag=True,
    help="Go on with what is added until the source ends; exit 1 when the log breaks off before.",
)
@click.option("--lines", "-n", metavar="N", help=f"How many of the last lines (default {DEFAULT_LINES}; all: -1).")
@click.option("--grep", metavar="RE", help="Only lines in which this regular expression (RE2's syntax) is found.")
@click.option("--context", "-C", metavar="N", help="With --grep: N lines before and after.")
@click.option("--since", metavar="TIME", help="Only lines from then on: 10m, 2h, or a date and time.")
@pass_invocation
def logs(
    invocation: Invocation,
    /,
    *,
    source: str,
    listing: bool,
    follow: bool,
    lines: str | None,
    grep: str | None,
    context: str | None,
    since: str | None,
) -> int:
    """SOURCE is head (default), worker-N, head/FILE or worker-N/FILE for one of Ray's log files, or job/ID."""
    count = whole_number("lines", lines, DEFAULT_LINES, low=-1)
    pattern = compile_pattern(grep, "grep") if grep else None
    around = whole_number("context", context, 0, high=10_000)
    begin = parse_since(since, time.time()) if since else None
    # A filter looks at everything, else it would find only what is among the last lines.
    wanted = -1 if (grep or since) and lines is None else count
    settings = invocation.settings()
    # Logs say no zone: local nodes write by this machine's clock, workloads of a workbench by UTC.
    kept = LineFilter(
        pattern, context=around, since=begin, zone=None if traits(settings.platform).is_this_machine else UTC
    )
    session = invocation.session(settings, long_lived=follow)

    async def run() -> int:
        async with session:
            snapshot = await session.monitor.observe()
            require_cluster(snapshot)
            if listing:
                return _list(invocation, snapshot, await session.logs.sources(snapshot))
            found = await _find(session.logs, snapshot, source)
            if not follow:
                _print(invocation, source, await _kept(kept, await session.logs.read(found, wanted)), whole=True)
                return 0
            try:
                async with aclosing(session.logs.follow(found, wanted)) as batches:
                    async for batch in batches:
                        _print(invocation, source, await _kept(kept, batch), whole=False)
                        invocation.output.flush()
            except SourceEnded as end:
                # All that the source had to say was shown; only a log that broke off is a failure.
                if not end.over:
                    raise
                invocation.diagnostics.warning(end.message)
        return 0

    return asyncio.run(run())


async def _kept(kept: LineFilter, lines: list[str]) -> list[str]:
    """What a filter keeps of the lines, looked at in pieces, so that an interrupt ends a costly pattern at once."""
    shown: list[str] = []
    begin, size = 0, 0
    for end, line in enumerate(lines, 1):
        size += len(line)
        if size >= PIECE or end == len(lines):
            shown += kept.feed(lines[begin:end])
            begin, size = end, 0
            await asyncio.sleep(0)
    return shown


async def _find(logs: Logs, snapshot: Snapshot, source: str) -> LogSource:
    """The log of that name; what cannot be looked for because Ray does not answer is `Unreachable`, not missing."""
    try:
        return await logs.find(snapshot, source)
    except NotFound:
        owner, slash, _ = source.partition("/")
        known = (
            owner == "job"
            or owner.startswith("node-")
            or any(app.short == owner for app in snapshot.applications.value or ())
        )
        answered = (snapshot.jobs if owner == "job" else snapshot.nodes).value is not None
        judged = assess(snapshot)
        broken = judged.broken or judged.unchecked
        if slash and known and not answered and broken is not None:
            raise Unreachable(broken) from None
        raise


def _list(invocation: Invocation, snapshot: Snapshot, sources: Sequence[LogSource]) -> int:
    judged = assess(snapshot)
    broken = judged.broken or judged.unchecked
    if broken is not None and (snapshot.nodes.value is None or snapshot.jobs.value is None):
        invocation.diagnostics.warning(f"what only Ray can name is not listed: {broken.message}")
    if invocation.output.json:
        rows = [{"name": source.name, "kind": source.kind, "node_id": source.node_id or None} for source in sources]
        invocation.output.document(list_document(rows))
    else:
        invocation.output.lines([source.name for source in sources])
    return 0


def _print(invocation: Invocation, source: str, lines: list[str], *, whole: bool) -> None:
    """Lines as text; as JSON one document, or when following one object a line."""
    if not invocation.output.json:
        invocation.output.lines(lines)
    elif whole:
        invocation.output.document({**list_document([{"line": line} for line in lines]), "source": source})
    else:
        for line in lines:
            invocation.output.record({"schema_version": SCHEMA_VERSION, "source": source, "line": line})
