"""`logs`: launcher output and Ray's own files of any node, living or gone, and the drivers of jobs."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import Any

import click

from raytui.cli.evidence import require_cluster
from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.verb import pass_invocation, verb
from raytui.core.report import SCHEMA_VERSION, list_document

DEFAULT_LINES = 100


@verb(
    "logs",
    short_help="Show or follow a log.",
    examples="raytui logs worker-1 -f\nraytui logs head/raylet.out -n 500 --grep ERROR -C 3\nraytui logs job/raysubmit_1234 --since 10m",
)
@click.argument("source", metavar="[SOURCE]", default="head")
@click.option("--list", "listing", is_flag=True, help="Name every log that can be read.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is added; exit 1 when the log ends before you do.")
@click.option("--lines", "-n", metavar="N", help=f"How many of the last lines (default {DEFAULT_LINES}; all: -1).")
@click.option("--grep", metavar="RE", help="Only lines in which this regular expression is found.")
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
    from raytui.manager.loglines import LineFilter, compile_pattern, parse_since

    count = whole_number("lines", lines, DEFAULT_LINES, low=-1)
    kept = LineFilter(
        compile_pattern(grep) if grep else None,
        context=whole_number("context", context, 0, high=10_000),
        since=parse_since(since, time.time()) if since else 0.0,
    )
    # A filter looks at everything, else it would find only what is among the last lines.
    wanted = -1 if (grep or since) and lines is None else count
    settings = invocation.settings()
    session = invocation.session(settings, long_lived=follow)

    async def run() -> int:
        async with session:
            snapshot = await session.monitor.observe("status")
            require_cluster(snapshot)
            if listing:
                return _list(invocation, await session.logs.sources(snapshot))
            found = await session.logs.find(snapshot, source)
            if not follow:
                _print(invocation, source, kept.feed(await session.logs.read(found, wanted)), whole=True)
                return 0
            async with aclosing(session.logs.follow(found, wanted)) as batches:  # type: ignore[type-var]  # it is an async generator
                async for batch in batches:
                    _print(invocation, source, kept.feed(batch), whole=False)
                    invocation.output.flush()
        return 0

    return asyncio.run(run())


def _list(invocation: Invocation, sources: Any) -> int:
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
