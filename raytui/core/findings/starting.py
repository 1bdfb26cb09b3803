"""What is said of a head that is starting: its launcher's words, why it waits, or that its platform starts it again."""

from __future__ import annotations

import msgspec

from raytui.core.errors import Failure
from raytui.core.findings.applications import STARTUP_GRACE_S, why
from raytui.core.findings.capacity import why_waiting
from raytui.core.findings.revivals import under_way, unfinished
from raytui.core.observed.joined import Joined
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import began, is_current
from raytui.core.observed.snapshot import Application, LauncherReport, Snapshot
from raytui.core.remedy import FOLLOW


def starting(joined: Joined, head: Application, failure: Failure) -> Failure:
    """That the head is starting, in the words of this start's launcher: what answers meanwhile is nobody's fault."""
    snapshot, now = joined.snapshot, Moment(joined.snapshot.observed_at)
    report = present_report(snapshot, head)
    reason = (why(head, now) or why_waiting(joined, head)) if head.state == "starting" else ""
    if report is not None and report.state not in {"alive", "unread"}:
        reason = report.message or f"its launcher is {report.state}"
    again = bool(head.created_at) and began(head) - head.created_at > STARTUP_GRACE_S
    revival = unfinished(snapshot.revivals, head.name)
    doing = f"is starting{' again' if again else ''}" if revival is None else under_way(revival, now)
    message = f"the head {doing}" + (
        f": {reason}" if reason and revival is None else f"; now: {reason}" if reason else ""
    )
    return msgspec.structs.replace(failure, message=message, hint=FOLLOW)


def present_report(snapshot: Snapshot, app: Application) -> LauncherReport | None:
    """The launcher's report where the present life of the application wrote it."""
    return app.launcher if is_current(app, app.launcher, Moment(snapshot.observed_at)) else None
