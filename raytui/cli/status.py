"""`status` and `watch`: what is so now, and what changes."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing

import click

from raytui.cli.alarm import verdict_alarm
from raytui.cli.eventlines import event_line
from raytui.cli.invocation import Invocation, seconds
from raytui.cli.plain_status import show_status
from raytui.cli.verb import pass_invocation, verb
from raytui.cli.view import status_lines
from raytui.core.changes.snapshots import changes
from raytui.core.conditions import Assessment
from raytui.core.errors import DeadlineExceeded
from raytui.core.observed.snapshot import Snapshot
from raytui.core.report import event_document, status_document
from raytui.view.picture import Picture, advance, is_equal


@verb(
    "status",
    short_help="Say what is broken, since when, and what to do.",
    examples="raytui status\nraytui status -o json | jq .verdict\nraytui status --exit-code || page-someone",
)
@click.option("--exit-code", is_flag=True, help="Exit 3 when degraded, 1 when down, 5 when absent, 6 when unknown.")
@pass_invocation
def status(invocation: Invocation, exit_code: bool) -> int:
    """Read the cluster once and print verdict, chain to Ray, applications with their nodes, and what is wrong."""
    return show_status(invocation, exit_code=exit_code)


@verb(
    "watch",
    short_help="Follow the cluster: one line for each change.",
    examples="raytui watch\nraytui watch --until ok --timeout 300\nraytui watch -o json | jq -c 'select(.type == "
    '"event")\'\nraytui watch --notify "~/bin/page-me --urgent"',
)
@click.option(
    "--until", type=click.Choice(["running", "absent", "ok"]), help="End when it is so; ok: and not being changed."
)
@click.option("--timeout", metavar="SECONDS", help="With --until: exit 7 when it is not so by then.")
@pass_invocation
def watch(invocation: Invocation, until: str | None, timeout: str | None) -> int:
    """Print the status once, then one line for each change until Ctrl-C; with -o json one JSON object on each line.

    --notify COMMAND is run, and with --bell the bell rings, once the verdict has been another one for 5 s, and for
    the change that --until ends on at once.
    """
    invocation.output.begin_stream()
    limit = seconds("timeout", timeout, None)
    settings = invocation.settings()
    session = invocation.session(settings, long_lived=True)
    last: list[Assessment] = []

    async def follow(deadline: asyncio.Timeout) -> int:
        printed = PrintedWatch(invocation)
        looks = session.monitor.snapshots(settings.refresh)
        async with session, verdict_alarm(invocation, settings) as alarm, aclosing(looks) as snapshots:
            async for snapshot in snapshots:
                last[:] = [printed.show(snapshot)]
                alarm.observe(snapshot, last[0])
                if until is not None and is_so(until, snapshot, last[0]):
                    deadline.reschedule(None)  # it is so in time, whatever the command takes
                    await alarm.conclude()
                    return 0
        return 0

    async def bounded() -> int:
        try:
            async with asyncio.timeout(limit) as deadline:
                return await follow(deadline)
        except TimeoutError:
            found = f"{last[0].phase}, {last[0].verdict}" if last else "not observed yet"
            raise DeadlineExceeded(
                f"waited {limit:g} s for {settings.cluster.name} to be {until or 'changed'}; it is {found}",
                hint="raytui status shows what is missing",
            ) from None

    return asyncio.run(bounded())


def is_so(until: str, snapshot: Snapshot, assessment: Assessment) -> bool:
    """Whether what `--until` waits for is observed; `running` and `absent` are phases, `ok` is a verdict.

    While raytui itself changes the cluster, `ok` only says that nothing is wrong but for that.
    """
    if until == "ok":
        return assessment.verdict == "ok" and snapshot.operation is None
    return assessment.phase == until


class PrintedWatch:
    """A watch as it is printed: first the whole status, then each change once."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self._before: Picture | None = None

    def show(self, snapshot: Snapshot) -> Assessment:
        """Print what is new in a snapshot and answer its judgement.

        Raises `BrokenPipeError` when the reader has left.
        """
        before, self._before = self._before, advance(self._before, snapshot)
        output, picture, now = self._invocation.output, self._before, time.time()
        output.check_reader()
        if before is None:
            if output.json:
                output.record({"type": "snapshot", **status_document(snapshot, picture.assessment, now)})
            else:
                output.lines([*status_lines(picture, now, output.paint), ""])
        elif not is_equal(before, picture):
            for event in changes((before.snapshot, before.assessment), (snapshot, picture.assessment)):
                if output.json:
                    output.record(event_document(event))
                else:
                    output.lines([event_line(event, snapshot.cluster, output.paint)])
        output.flush()
        return picture.assessment
