"""The two streams that feed the panes: rounds of the monitor, and the lines of one log. Both run as workers and only post messages."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.worker import Worker

from raytui.core.errors import ConfigurationError, RaytuiError
from raytui.core.snapshot import Application, Snapshot
from raytui.tui.lifecycle import REPORT, unforeseen
from raytui.tui.messages import LogEnded, LogsArrived, SnapshotArrived, WatchFailed
from raytui.tui.render.attention import with_keys

if TYPE_CHECKING:
    from textual.app import App
    from textual.message import Message

    from raytui.tui.session import ConsoleSession

AGAIN_S = 5.0
"""How long after a failure the watch begins again."""
FIRST_LINES = 500
"""Lines of a log that are shown at once."""


async def watch(
    post: Callable[[Message], object],
    connected: Callable[[ConsoleSession], Awaitable[None]],
    open_session: Callable[[], ConsoleSession],
    interval: float,
) -> None:
    """Open the session in a thread, since its imports take time, then post every round; begin again when the watch itself fails."""
    session: ConsoleSession | None = None
    while True:
        try:
            if session is None:
                session = await asyncio.to_thread(open_session)
                await connected(session)
            async with contextlib.aclosing(session.monitor.snapshots(interval)) as rounds:  # type: ignore[type-var]
                async for snapshot in rounds:
                    post(SnapshotArrived(snapshot))
                return
        except ConfigurationError as error:
            post(WatchFailed(error.message, error.hint))
            return
        except RaytuiError as error:
            post(WatchFailed(error.message, error.hint))
        except Exception as error:  # noqa: BLE001 - boundary: the console must outlive whatever fails while it looks
            post(WatchFailed(f"the watch failed: {unforeseen(error)}", REPORT))
        await asyncio.sleep(AGAIN_S)


class LogReader:
    """Follows one log at a time and knows when an ended one has begun anew."""

    def __init__(self, app: App[str]) -> None:
        self._app = app
        self._worker: Worker[None] | None = None
        self._source = ""
        self._run: tuple[object, ...] = ()
        self._over = False

    def open(self, session: ConsoleSession, snapshot: Snapshot, source: str) -> None:
        """Follow this log instead of the one before."""
        if self._worker is not None:
            self._worker.cancel()
        self._source, self._over = source, False
        self._run = _run_of(snapshot, source)
        self._worker = self._app.run_worker(self._follow(session, snapshot, source), group="logs", exit_on_error=False)

    def ended(self, source: str) -> None:
        """The followed log is over."""
        self._over = self._over or source == self._source

    def begins_anew(self, snapshot: Snapshot) -> bool:
        """Whether the application of an ended log has meanwhile been started again."""
        run = _run_of(snapshot, self._source)
        return self._over and bool(run) and run != self._run

    async def _follow(self, session: ConsoleSession, snapshot: Snapshot, source: str) -> None:
        try:
            found = await session.logs.find(snapshot, source)
            async with contextlib.aclosing(session.logs.follow(found, FIRST_LINES)) as batches:  # type: ignore[type-var]
                async for lines in batches:
                    self._app.post_message(LogsArrived(source, lines))
            reason = "the log has ended"
        except RaytuiError as error:
            reason = f"{error.message}" + (f"; {with_keys(error.hint)}" if error.hint else "")
        except Exception as error:  # noqa: BLE001 - boundary: a log that cannot be read must not end the console
            reason = f"the log could not be read: {unforeseen(error)}"
        self._app.post_message(LogEnded(source, reason))


def _run_of(snapshot: Snapshot, source: str) -> tuple[object, ...]:
    """What changes whenever the application that writes a log was started again; empty when it does not run."""
    owner = source.partition("/")[0]
    app: Application | None = next((app for app in snapshot.applications.value or () if app.short == owner), None)
    if app is None or app.state not in {"starting", "running"}:
        return ()
    return (app.id, app.started_at, app.state)
