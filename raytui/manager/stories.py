"""The story of one thing, with what is asked for it alone: its logs' last lines, and what its node measures of itself.

Console and `raytui explain` tell the same story, so what is read for it is read here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

import msgspec

from raytui.core.causes.things import Thing
from raytui.core.causes.values import Evidence
from raytui.core.errors import RaytuiError
from raytui.core.events import Event
from raytui.core.observed.joined import join
from raytui.core.observed.node_metrics import NodeMetrics
from raytui.core.observed.snapshot import Node, Snapshot
from raytui.core.questions import Question
from raytui.core.session import Logs, Session
from raytui.core.stories import LINES, Story, logs_of, node_to_measure, story_of, with_metrics

QUESTIONS: frozenset[Question] = frozenset(
    {"stats", "usage", "jobs", "actors", "tasks", "placement_groups", "ray_workers", "serve", "events"}
)
"""What may tell of an end; asked once for a story, not again and again."""
LOG_S = 8.0
"""How long one log may take; what it would tell is missing then."""


async def read_story(session: Session, snapshot: Snapshot, thing: Thing, journal: Iterable[Event]) -> Story:
    """The story of a thing of this snapshot; `journal` is what raytui itself did.

    What cannot be read is missing from it: of a node's metrics it is said why.
    """
    evidence = Evidence(join(snapshot))
    metrics, tails = await asyncio.gather(
        _measure(session, snapshot, node_to_measure(evidence, thing)),
        _tails(session.logs, snapshot, logs_of(snapshot, evidence, thing)),
    )
    story = story_of(evidence, thing, journal, tails)
    if isinstance(metrics, NodeMetrics):
        return with_metrics(story, metrics)
    return msgspec.structs.replace(story, missing=(*story.missing, *metrics))


async def _measure(session: Session, snapshot: Snapshot, node: Node | None) -> NodeMetrics | tuple[str, ...]:
    """What the node measures, or why that is not known; nothing of one that does not live."""
    if node is None:
        return ()
    version = snapshot.version.value
    try:
        return await session.metrics(node, version.session_name if version is not None else "")
    except RaytuiError as error:
        return (error.message,)


async def _tails(logs: Logs, snapshot: Snapshot, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The last lines of the logs of these names; none of one that cannot be read, which is often gone with its node."""

    async def tail(name: str) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(LOG_S):
                return tuple(await logs.read(await logs.find(snapshot, name), 4 * LINES))
        except (RaytuiError, TimeoutError):
            return ()

    return dict(zip(names, await asyncio.gather(*map(tail, names)), strict=True))
