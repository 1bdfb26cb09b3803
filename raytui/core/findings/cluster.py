"""What is wrong with a cluster as a whole: what launchers warn of, what could not be read, Serve."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.condition import Condition
from raytui.core.findings.nodes import of_nodes
from raytui.core.observed.joined import Joined
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import is_current
from raytui.core.observed.snapshot import Application
from raytui.core.remedy import Remedy


def of_cluster(joined: Joined) -> Iterator[Condition]:
    """What launchers warn of, nodes that nobody here manages, what could not be read, Serve."""
    snapshot = joined.snapshot
    yield from filter(None, joined.derive("launchers", _of_launcher, snapshot.applications.value or ()))
    yield from of_nodes(joined)
    yield from _unreadable(joined)
    yield from _of_work(joined)


def _of_work(joined: Joined) -> Iterator[Condition]:
    """What is wrong with what people run, where Ray reported anything that may go wrong."""
    snapshot = joined.snapshot
    failed = any(job.status == "FAILED" for job in snapshot.jobs.value or ())
    if failed or snapshot.events.value or snapshot.serve.value:
        from raytui.core.findings.jobs import of_work

        yield from of_work(joined)


def _unreadable(joined: Joined) -> Iterator[Condition]:
    snapshot = joined.snapshot
    for label, reading in (
        ("nodes", snapshot.nodes),
        ("jobs", snapshot.jobs),
        ("usage", snapshot.usage),
        ("serve", snapshot.serve),
        ("events", snapshot.events),
        ("actors", snapshot.actors),
        ("tasks", snapshot.tasks),
        ("placement groups", snapshot.placement_groups),
        ("workers", snapshot.ray_workers),
    ):
        if reading.unreadable:
            yield Condition(
                "warning",
                snapshot.cluster,
                f"{label.title().replace(' ', '')}PartlyUnreadable",
                f"{reading.unreadable} of Ray's rows about {label} could not be read: {reading.first_unreadable}",
                "what is shown of them is not all there is; report this with Ray's version",
            )
    for reason, what, failure in (
        ("JobsUnreadable", "jobs", snapshot.jobs.failure),
        ("UsageUnreadable", "usage", snapshot.usage.failure),
        ("ServeUnreadable", "serve", snapshot.serve.failure),
        ("EventsUnreadable", "events", snapshot.events.failure),
        ("ActorsUnreadable", "actors", snapshot.actors.failure),
        ("TasksUnreadable", "tasks", snapshot.tasks.failure),
        ("PlacementGroupsUnreadable", "placement groups", snapshot.placement_groups.failure),
        ("RayWorkersUnreadable", "worker processes", snapshot.ray_workers.failure),
        ("FiguresUnreadable", "the nodes' CPU, memory and disk figures", snapshot.figures.failure),
        ("RecordUnreadable", "what was last asked for", snapshot.asked.failure),
    ):
        if failure is not None:
            yield Condition(
                "warning", snapshot.cluster, reason, f"{what} could not be read: {failure.message}", failure.hint
            )
    unread = joined.counts.unread
    if unread:
        yield Condition(
            "warning",
            snapshot.cluster,
            "ReportsUnread",
            f"{unread} of the {joined.counts.expected} launchers' reports were not read, so nothing is known "
            "of these nodes",
            Remedy("watch", "", "reads them one after the other"),
        )


def _of_launcher(app: Application, now: Moment) -> Condition | None:
    report = app.launcher
    if (
        app.state != "running"
        or report is None
        or report.state != "alive"
        or not report.message
        or not is_current(app, report, now)
    ):
        return None
    return Condition("warning", app.name, "LauncherWarning", report.message, report.hint)
