"""The story of one thing, with what is asked for it alone: the lists that may tell of it, and its logs' last lines."""

from __future__ import annotations

import asyncio

from raytui.core.causes.stories import LINES, Story, logs_of, story_of
from raytui.core.causes.things import find
from raytui.core.causes.values import Evidence
from raytui.core.errors import RaytuiError
from raytui.core.joined import join
from raytui.core.questions import Question
from raytui.core.session import Logs, Session
from raytui.core.snapshot import Snapshot
from raytui.view.picture import Picture

QUESTIONS: frozenset[Question] = frozenset(
    {"stats", "usage", "jobs", "actors", "tasks", "placement_groups", "ray_workers", "serve", "events"}
)
"""What may tell of an end; asked once for a story, not again and again."""
LOOK_S = 15.0
"""How long all these answers may take; the story is told of what is known then."""
LOG_S = 8.0
"""How long one log may take; what it would tell is missing then."""


async def tell(session: Session, picture: Picture, subject: str) -> Story:
    """The story of the thing that a condition names; raises `NotFound` or `ConfigurationError` where it is none."""
    snapshot = picture.snapshot
    try:
        async with asyncio.timeout(LOOK_S):
            snapshot = await session.monitor.observe(QUESTIONS)
    except TimeoutError:
        # What the screen knows is told instead.
        pass
    evidence, thing = Evidence(join(snapshot)), find(snapshot, subject)
    names = logs_of(snapshot, evidence, thing)
    tails = await asyncio.gather(*(_tail(session.logs, snapshot, name) for name in names))
    return story_of(evidence, thing, picture.events, dict(zip(names, tails, strict=True)))


async def _tail(logs: Logs, snapshot: Snapshot, name: str) -> tuple[str, ...]:
    """The last lines of a log; none of one that cannot be read, which is often gone with its node."""
    try:
        async with asyncio.timeout(LOG_S):
            return tuple(await logs.read(await logs.find(snapshot, name), 4 * LINES))
    except (RaytuiError, TimeoutError):
        return ()
