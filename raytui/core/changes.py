"""What changed between two snapshots, as events: the story that `watch` prints and the console's event list shows."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.conditions import Assessment
from raytui.core.events import Event, Severity
from raytui.core.snapshot import Application, Snapshot


def changes(before: tuple[Snapshot, Assessment], after: tuple[Snapshot, Assessment]) -> tuple[Event, ...]:
    """The events between two rounds, in the order platform, Ray, judgement; equal rounds give none."""
    (old, old_judged), (new, new_judged) = before, after
    at = new.observed_at
    found = [*_applications(old, new, at), *_nodes(old, new, at), *_jobs(old, new, at)]
    known = {(c.subject, c.reason) for c in old_judged.conditions}
    now = {(c.subject, c.reason) for c in new_judged.conditions}
    found += [
        Event(at, "raytui", c.subject, c.reason, c.message, c.severity) for c in new_judged.conditions if (c.subject, c.reason) not in known
    ]
    found += [
        Event(at, "raytui", c.subject, "Cleared", f"no longer so: {c.message}")
        for c in old_judged.conditions
        if (c.subject, c.reason) not in now
    ]
    if (old_judged.verdict, old_judged.phase) != (new_judged.verdict, new_judged.phase):
        severity: Severity = "info" if new_judged.verdict == "ok" else "error" if new_judged.verdict == "down" else "warning"
        found.append(
            Event(
                at,
                "raytui",
                new.cluster,
                "VerdictChanged",
                f"{old_judged.phase}, {old_judged.verdict} -> {new_judged.phase}, {new_judged.verdict}",
                severity,
            )
        )
    return tuple(found)


def _applications(old: Snapshot, new: Snapshot, at: float) -> Iterator[Event]:
    if old.applications.value is None or new.applications.value is None:
        return
    before = {app.name: app for app in old.applications.value}
    after = {app.name: app for app in new.applications.value}
    for name, app in after.items():
        was = before.get(name)
        if was is None:
            yield Event(at, "platform", name, "ApplicationCreated", f"application {app.id} appeared, {app.state}")
        elif was.id != app.id:
            yield Event(at, "platform", name, "ApplicationReplaced", f"application {was.id} was replaced by {app.id}, {app.state}")
        elif was.state != app.state:
            yield Event(
                at,
                "platform",
                name,
                "ApplicationState",
                f"{was.state} -> {app.state}" + (f": {app.message}" if app.message else ""),
                "error" if app.state == "failed" else "info",
            )
        yield from _launcher(was, app, at)
    for name in before.keys() - after.keys():
        yield Event(at, "platform", name, "ApplicationGone", "the platform no longer lists the application")


def _launcher(was: Application | None, app: Application, at: float) -> Iterator[Event]:
    old = was.launcher if was else None
    if app.launcher and app.launcher.message and (old is None or old.message != app.launcher.message):
        yield Event(at, "platform", app.name, "LauncherReport", app.launcher.message, "error" if app.launcher.state == "failed" else "info")


def _nodes(old: Snapshot, new: Snapshot, at: float) -> Iterator[Event]:
    if new.nodes.value is None:
        return
    before = {node.node_id: node for node in old.nodes.value or ()}
    for node in new.nodes.value:
        was = before.get(node.node_id)
        if was is not None and was.state == node.state:
            continue
        if node.state == "ALIVE":
            yield Event(at, "ray", node.name or node.node_id[:8], "NodeAlive", f"node {node.node_id[:8]} at {node.ip} is alive")
        elif was is not None:
            yield Event(
                at,
                "ray",
                node.name or was.name or node.node_id[:8],
                "NodeDied",
                f"node {node.node_id[:8]} is {node.state}" + (f": {node.message or node.reason}" if node.message or node.reason else ""),
                "error",
            )


def _jobs(old: Snapshot, new: Snapshot, at: float) -> Iterator[Event]:
    if old.jobs.value is None or new.jobs.value is None:
        return
    before = {job.id: job.status for job in old.jobs.value}
    for job in new.jobs.value:
        if before.get(job.id) != job.status:
            yield Event(
                at,
                "ray",
                job.id,
                "JobStatus",
                f"job is {job.status}" + (f": {job.message.splitlines()[0]}" if job.message and job.status == "FAILED" else ""),
                "error" if job.status == "FAILED" else "info",
            )
