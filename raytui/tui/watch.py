"""The two streams that feed the panes: rounds of the monitor, and the lines of one log.

Both run in workers and only post messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from textual.message import Message

from raytui.core.errors import ConfigurationError, RaytuiError
from raytui.core.observed.snapshot import Application, Snapshot
from raytui.core.questions import Question
from raytui.core.remedy import Hint
from raytui.core.session import Logs, Session
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.messages import LogEnded, LogsArrived, SnapshotArrived, WatchFailed
from raytui.view.picture import Picture, advance

AGAIN_S = 5.0
"""How long after a failure the watch begins again."""
COUNTED: frozenset[Question] = frozenset({"task_counts"})
"""What the line of lists tells besides what the watch asks anyway: 1.4 KB however many tasks there are."""
BIG = 500
"""Rows from which a snapshot is judged in a thread."""
FIRST_LINES = 500
"""Lines of a log that are shown at once."""


async def watch(
    post: Callable[[Message], object],
    connected: Callable[[Session], Awaitable[None]],
    open_session: Callable[[], Session],
    interval: float,
) -> None:
    """Open the session in a thread, since its imports take time, then post every round.

    Begin again when the watch itself fails.
    """
    session: Session | None = None
    # Kept here, not on the screen: one that was never drawn, since a newer one came, is no less part of what happened.
    picture: Picture | None = None
    while True:
        try:
            if session is None:
                session = await asyncio.to_thread(open_session)
                await connected(session)
            counting = session.monitor.subscribe(COUNTED)
            try:
                async with contextlib.aclosing(session.monitor.snapshots(interval)) as rounds:
                    async for snapshot in rounds:
                        picture = await _advanced(picture, snapshot)
                        post(SnapshotArrived(picture))
                    return
            finally:
                counting.close()
        except ConfigurationError as error:
            post(WatchFailed(error.message, error.hint))
            return
        except RaytuiError as error:
            post(WatchFailed(error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - boundary: the console must outlive whatever fails while it looks
            post(WatchFailed(f"the watch failed: {unforeseen(error)}", REPORT))
        await asyncio.sleep(AGAIN_S)


async def _advanced(before: Picture | None, snapshot: Snapshot) -> Picture:
    """The next picture, made in a thread where there are many rows to judge: no key press waits for it."""
    rows = max(len(snapshot.nodes.value or ()), len(snapshot.applications.value or ()))
    return await asyncio.to_thread(advance, before, snapshot) if rows > BIG else advance(before, snapshot)


async def follow(post: Callable[[Message], object], logs: Logs, snapshot: Snapshot, source: str) -> None:
    """Post the last lines of a log and what is added, until no more will come."""
    hint: Hint = ""
    try:
        found = await logs.find(snapshot, source)
        async with contextlib.aclosing(logs.follow(found, FIRST_LINES)) as batches:
            async for lines in batches:
                post(LogsArrived(source, lines))
        reason = "the log has ended"
    except RaytuiError as error:
        reason, hint = error.message, error.hint
    except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be read must not end the console
        reason = f"the log could not be read: {unforeseen(error)}"
    post(LogEnded(source, reason, hint))


def run_of(snapshot: Snapshot, source: str) -> tuple[object, ...]:
    """What changes whenever the application that writes a log was started again; empty when it does not run."""
    owner = source.partition("/")[0]
    app: Application | None = next((app for app in snapshot.applications.value or () if app.short == owner), None)
    if app is None or app.state not in {"starting", "running"}:
        return ()
    return (app.id, app.started_at, app.state)
