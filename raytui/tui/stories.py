"""The story of what a condition names, made from what the screen knows where Ray does not answer in time."""

from __future__ import annotations

import asyncio

from raytui.core.causes.things import find
from raytui.core.session import Session
from raytui.core.stories import Story
from raytui.manager import stories
from raytui.view.picture import Picture

LOOK_S = 15.0
"""How long all answers may take; the story is made from what is known then."""


async def read_story(session: Session, picture: Picture, subject: str) -> Story:
    """The story of the thing that a condition names; raises `NotFound` or `ConfigurationError` where it is none."""
    snapshot = picture.snapshot
    try:
        async with asyncio.timeout(LOOK_S):
            snapshot = await session.monitor.observe(stories.QUESTIONS)
    except TimeoutError:
        # What the screen knows is shown instead.
        pass
    return await stories.read_story(session, snapshot, find(snapshot, subject), picture.events)
