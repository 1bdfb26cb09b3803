"""When a launcher's report was last seen to change, by our own clock: proof of life without trust in another clock.

A launcher renews its report every 10 s. Seen to change, it lives, whatever time it writes; unchanged, it is as old as
our own clock says. A change counts only for the life of the application that is being watched: the last words of the
life before may show up to a minute late through a shared folder.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from raytui.core.observed.life import CLOCK_AHEAD_S, began
from raytui.core.observed.snapshot import Application, LauncherReport

GAP_S = 45.0
"""How far two looks may be apart and still date what changed between them."""
LATE_S = 60.0 + CLOCK_AHEAD_S
"""How late a report of an earlier life may still arrive: NFS caches attributes, and clocks differ."""


class _Seen(NamedTuple):
    life: tuple[str, float]
    report: LauncherReport
    looked_at: float
    changed_at: float


class Witness:
    """What was last seen of each application's report."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def of(self, applications: tuple[Application, ...], now: float) -> tuple[Application, ...]:
        """The applications with `changed_at` in each launcher's report; `now` is when they were listed."""
        seen: dict[str, _Seen] = {}
        dated = tuple(self._date(app, now, seen) for app in applications)
        self._seen = seen
        return dated

    def _date(self, app: Application, now: float, seen: dict[str, _Seen]) -> Application:
        report = app.launcher
        if report is None or report.of_this_run:
            return app
        looked_at = report.read_at or now
        plain = msgspec.structs.replace(report, read_at=0.0, changed_at=0.0)
        life, before = (app.id, began(app)), self._seen.get(app.name)
        changed_at = 0.0
        if before is not None and before.life == life:
            changed_at = before.changed_at
            if plain != before.report:
                is_past_lag = life[1] and now - life[1] > LATE_S
                close = looked_at - before.looked_at <= GAP_S
                changed_at = (
                    looked_at
                    if close and is_past_lag and report.state != "unread" and before.report.state != "unread"
                    else 0.0
                )
        seen[app.name] = _Seen(life, plain, looked_at, changed_at)
        return msgspec.structs.replace(app, launcher=msgspec.structs.replace(plain, changed_at=changed_at))
