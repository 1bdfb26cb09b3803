"""Which reports and nodes belong to the present life of an application.

A name outlives what bears it: after a restart Ray lists the node of the earlier life as ALIVE for 16 to 65 s, and the
launcher's report of that life lies in the shared folder until the new one writes. Each has times, but of another
machine's clock, so every comparison states how far the clocks may differ, and a time that cannot be true proves
nothing.
"""

from __future__ import annotations

from raytui.core.observed.kept import Moment
from raytui.core.observed.snapshot import Application, LauncherReport, Node

REPORT_FRESH_S = 90.0
"""How old a launcher's report may be and still prove life: written every 10 s, seen over NFS up to 60 s late."""
CLOCK_AHEAD_S = 10.0
"""How far another machine's clock may be ahead of this one's and be believed; what is dated later proves nothing."""
LIFE_SLACK_S = 1.0
"""How long before its application's start a report or node may be dated: both come seconds after it, so more only
delays the verdict."""
LISTED_AFTER_DEATH_S = 100.0
"""A node that Ray still lists as ALIVE so long after its application started is of this life, whatever the clocks say:
Ray calls a node DEAD at most 65 s after it vanished; the rest is for clocks that differ."""
OVER = frozenset({"ended", "failed"})
"""States in which a launcher says that its node is gone."""


def began(application: Application) -> float:
    """When the application's present life began, in seconds since 1970; 0 when the platform tells nothing."""
    return max(application.began_at, application.started_at) or application.created_at


def is_current(application: Application, report: LauncherReport | None, now: Moment) -> bool:
    """Whether the present life of the application wrote the report."""
    if report is None or not report.state or report.state == "unread":
        return False
    if report.of_this_run or report.changed_at:
        return True
    since = began(application)
    return since - LIFE_SLACK_S <= report.at and _can_be_true(report.at, since, now)


def is_fresh(report: LauncherReport, now: Moment) -> bool:
    """Whether the report is young enough to prove life.

    By our own clock where it was seen to change, else by the writer's.
    """
    if report.changed_at:
        return not now.has_reached(report.changed_at + REPORT_FRESH_S)
    return now.has_reached(report.at - CLOCK_AHEAD_S) and not now.has_reached(report.at + REPORT_FRESH_S)


def is_node_of(application: Application, node: Node, now: Moment) -> bool:
    """Whether a node of the application's name belongs to its present life."""
    report = application.launcher
    if report is not None and report.node_id == node.node_id and is_current(application, report, now):
        return True
    since = began(application)
    if not since:
        return True
    if node.state != "DEAD" and now.has_reached(since + LISTED_AFTER_DEATH_S):
        return True
    return since - LIFE_SLACK_S <= node.started_at and _can_be_true(node.started_at, since, now)


def _can_be_true(at: float, since: float, now: Moment) -> bool:
    """Whether what another machine dated `at` can have happened by now.

    Where the platform dates the application's own start ahead of this clock, it is this clock that is behind, and it
    can refute nobody: a laptop whose clock was set back would otherwise call every healthy cluster down.
    """
    return now.has_reached(at - CLOCK_AHEAD_S) or not now.has_reached(since - CLOCK_AHEAD_S)


def is_same_head(head: LauncherReport, worker: LauncherReport) -> bool:
    """Whether a worker's report speaks of the head run that wrote the head's."""
    if head.generation and worker.generation:
        return head.generation == worker.generation
    return head.generation == worker.generation or bool(head.address and head.address == worker.address)
