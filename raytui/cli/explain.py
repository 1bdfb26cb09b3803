"""`explain`: the whole story of one thing, and where it is asked for the stacks of its processes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import click
import msgspec

from raytui.cli.invocation import Invocation
from raytui.cli.listed import journal_of
from raytui.cli.table import one_line
from raytui.cli.verb import pass_invocation, verb
from raytui.core.causes.things import Thing, find, processes_of
from raytui.core.conditions import assess
from raytui.core.errors import NotFound, RaytuiError, Unreachable
from raytui.core.observed.node_metrics import measured
from raytui.core.observed.snapshot import Snapshot
from raytui.core.presence import require_cluster
from raytui.core.remedy import as_commands
from raytui.core.stories import Quote, Story, story_document
from raytui.core.units import duration
from raytui.core.waiting import sentences
from raytui.manager.stories import QUESTIONS, read_story
from raytui.view.amounts import local_time
from raytui.view.words import state_role

if TYPE_CHECKING:
    from raytui.cli.paint import Paint
    from raytui.core.session import Session

MOST_STACKS = 16
"""Processes of a job whose stacks are read, one after the other."""


@verb(
    "explain",
    short_help="Tell why something died, waits or is as it is.",
    examples="raytui explain worker-2\nraytui explain raysubmit_1234\nraytui explain 3ab780ec --stack",
)
@click.option("--stack", is_flag=True, help="Also print what its processes do at this moment.")
@click.argument("thing", metavar="THING")
@pass_invocation
def explain(invocation: Invocation, /, *, thing: str, stack: bool) -> int:
    """Tell what became of THING: why it died or waits, who says so, and what happened when.

    THING is the name of an application (head, worker-2), or the name, the id or the beginning of the id of a node, job,
    actor, task, placement group, worker process or Serve deployment.

    Every witness is quoted. Where they contradict each other, or none names a cause, that is said.
    """
    settings = invocation.settings()
    session = invocation.session(settings)

    async def look() -> Story:
        async with session:
            snapshot = await session.monitor.observe(QUESTIONS)
            require_cluster(snapshot)
            story = await read_story(session, snapshot, _find(snapshot, thing), journal_of(settings))
            return await _with_stacks(session, snapshot, story) if stack else story

    story = asyncio.run(look())
    output = invocation.output
    if output.json:
        output.document(story_document(story))
    else:
        output.lines(story_lines(story, time.time(), output.paint))
    for note in story.missing:
        invocation.diagnostics.warning(note)
    return 0


def _find(snapshot: Snapshot, thing: str) -> Thing:
    try:
        return find(snapshot, thing)
    except NotFound:
        # What cannot be looked for because Ray does not answer is no missing thing.
        broken = assess(snapshot).broken
        if broken is not None and snapshot.nodes.value is None:
            raise Unreachable(broken) from None
        raise


async def _with_stacks(session: Session, snapshot: Snapshot, story: Story) -> Story:
    """The same with the stacks of its processes; of those that cannot be read it is said why."""
    processes = processes_of(snapshot, story.thing)
    if not processes:
        return msgspec.structs.replace(story, missing=(*story.missing, f"no process runs {story.thing.title} now"))
    stacks: list[Quote] = []
    missing = list(story.missing)
    for process in processes[:MOST_STACKS]:
        try:
            stack = await session.jobs.stack(process.node_id, process.ip, process.pid)
        except RaytuiError as error:
            missing.append(f"{error.message}; {as_commands(error.hint)}".rstrip("; "))
        else:
            stacks.append(Quote(process.title, tuple(stack.splitlines())))
    if len(processes) > MOST_STACKS:
        missing.append(f"{len(processes) - MOST_STACKS} more processes run it")
    return msgspec.structs.replace(story, stacks=tuple(stacks), missing=tuple(dict.fromkeys(missing)))


def story_lines(story: Story, now: float, paint: Paint) -> list[str]:
    """What `raytui explain` prints."""
    thing, cause = story.thing, story.cause
    ended = cause.at if cause is not None else 0.0
    when = f"   ended {local_time(ended)}, {duration(now - ended)} ago" if ended else ""
    identity = "" if thing.id in thing.title else f"   {paint(thing.id, 'muted')}"
    lines = [f"{paint(thing.state, state_role(thing.state))}  {thing.title}{identity}{when}"]
    if cause is None:
        lines += [
            f"  {one_line(said)}" for said in dict.fromkeys((story.sentence, *map(sentences.message, story.waits)))
        ]
    for n, part in enumerate(cause.chain if cause is not None else ()):
        lead = "because " if n else ""
        at = f" at {local_time(part.at)}" if n and part.at else ""
        lines.append(f"  {'  ' * n}{lead}{one_line(part.sentence)}{at}")
    if cause is not None and not cause.certain and cause.is_death:
        lines.append(
            f"  {paint('the cause is not certain: no witness names it, or they contradict each other', 'warn')}"
        )
    if story.hint:
        lines += [f"  {one_line(as_commands(story.hint))}"]
    witnesses = [(part, witness) for part in (cause.chain if cause is not None else ()) for witness in part.witnesses]
    if witnesses:
        lines += ["", "Who said what"]
        width = max(len(witness.source) for _, witness in witnesses)
        lines += [f"  {witness.source.ljust(width)}  {one_line(witness.said)}" for _, witness in witnesses]
    figures = list(measured(story.metrics)) if story.metrics is not None else []
    if figures:
        lines += ["", "What the node measures now"]
        width = max(len(name) for name, _ in figures)
        lines += [f"  {name.ljust(width)}  {one_line(said)}" for name, said in figures]
    if story.moments:
        lines += ["", "What happened when"]
        width = max(len(moment.source) for moment in story.moments)
        lines += [
            f"  {paint(local_time(moment.at), 'muted')}  {moment.source.ljust(width)}  {one_line(moment.said)}"
            for moment in story.moments
        ]
    for now_doing in story.stacks:
        lines += ["", f"The stack of {now_doing.log}", *(f"  {line}" for line in now_doing.lines)]
    for quote in story.quotes:
        lines += ["", f"The last lines of {quote.log}", *(f"  {line}" for line in quote.lines)]
    return lines
