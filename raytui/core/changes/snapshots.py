"""What changed between two snapshots, as events: the story that `watch` prints and the console's event list shows.

Each event has its author: what a running plan of raytui ends, restarts or makes was done by raytui, and is no fault.
"""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.condition import touched
from raytui.core.conditions import Assessment
from raytui.core.events import Author, Event, Severity
from raytui.core.findings.nodes import PLANNED_ENDS
from raytui.core.findings.revivals import revival_events
from raytui.core.observed.joined import Joined, join
from raytui.core.observed.snapshot import Application, Node, Operation, Snapshot


class _Round:
    """Two snapshots in a row, and the plan of raytui that ran in the later or the earlier of them."""

    def __init__(self, old: Snapshot, new: Snapshot) -> None:
        self.old, self.new = join(old), join(new, old)
        self.at = new.observed_at
        self.operation: Operation | None = new.operation or old.operation
        self.touched = touched(old.operation) | touched(new.operation)

    def author(self, name: str, otherwise: Author) -> Author:
        """Who did what happened to the application of this name."""
        return "raytui" if name in self.touched else otherwise

    def by(self, name: str) -> str:
        """The same as words behind a message; empty when it was not raytui."""
        return f", by raytui {self.operation.verb}" if self.operation is not None and name in self.touched else ""


def changes(before: tuple[Snapshot, Assessment], after: tuple[Snapshot, Assessment]) -> tuple[Event, ...]:
    """The events between two rounds, in the order platform, Ray, judgement; equal rounds give none."""
    (old, old_judged), (new, new_judged) = before, after
    at, both = new.observed_at, _Round(old, new)
    found = [
        *_operations(old.operation, new.operation, new.cluster, at),
        *_applications(both),
        *_nodes(both),
        *_jobs(old, new, at),
        *revival_events(old.revivals, new.revivals, at),
    ]
    known = {(c.subject, c.reason) for c in old_judged.conditions}
    now = {(c.subject, c.reason) for c in new_judged.conditions}
    found += [
        Event(at, "raytui", c.subject, c.reason, c.message, c.severity)
        for c in new_judged.conditions
        if (c.subject, c.reason) not in known
    ]
    found += [
        Event(at, "raytui", c.subject, "Cleared", f"no longer so: {c.message}")
        for c in old_judged.conditions
        if (c.subject, c.reason) not in now
    ]
    if (old_judged.verdict, old_judged.phase) != (new_judged.verdict, new_judged.phase):
        severity: Severity = (
            "info" if new_judged.verdict == "ok" else "error" if new_judged.verdict == "down" else "warning"
        )
        if new.operation is not None and not any(c.is_fault for c in new_judged.conditions):
            severity = "info"
        change = f"{old_judged.phase}, {old_judged.verdict} -> {new_judged.phase}, {new_judged.verdict}"
        found.append(Event(at, "raytui", new.cluster, "VerdictChanged", change, severity))
    return tuple(found)


def _operations(old: Operation | None, new: Operation | None, cluster: str, at: float) -> Iterator[Event]:
    """That raytui began or ended a change, whoever asked for it."""
    if old is not None and (new is None or (new.verb, new.since) != (old.verb, old.since)):
        yield Event(at, "operator", cluster, "OperationEnded", f"raytui {old.verb} ended")
    if new is not None and (old is None or (new.verb, new.since) != (old.verb, old.since)):
        names = [name.removeprefix(f"{cluster}-") for name in dict.fromkeys((*new.ends, *new.creates))]
        targets = f" on {', '.join(names)}" if names else ""
        yield Event(
            at,
            "operator",
            cluster,
            "OperationBegan",
            f"raytui {new.verb} began{targets}" + (f" ({new.holder})" if new.holder else ""),
        )


def _applications(both: _Round) -> Iterator[Event]:
    old, new, at = both.old.snapshot, both.new.snapshot, both.at
    if (
        new.by_ray
        or old.applications.value is None
        or new.applications.value is None
        or old.applications.value is new.applications.value
    ):
        return
    before, after = both.old.applications, both.new.applications
    for name, app in after.items():
        was = before.get(name)
        if was is app:
            continue
        author, by = both.author(name, "platform"), both.by(name)
        if was is None:
            yield Event(at, author, name, "ApplicationCreated", f"application {app.id} appeared, {app.state}{by}")
        elif was.id != app.id:
            yield Event(
                at,
                author,
                name,
                "ApplicationReplaced",
                f"application {was.id} was replaced by {app.id}, {app.state}{by}",
            )
        elif was.state != app.state:
            reason = f": {app.message}" if app.message else ""
            if was.state == "failed" and app.state == "starting" and not by:
                reason = ": the platform starts it again by itself"
            planned = both.operation is not None and name in both.operation.ends
            severity: Severity = "error" if app.state == "failed" and not planned else "info"
            yield Event(at, author, name, "ApplicationState", f"{was.state} -> {app.state}{by}{reason}", severity)
        yield from _launcher(was, app, at, planned=bool(by))
    for name in before.keys() - after.keys():
        reason = f"the platform no longer lists the application{both.by(name)}"
        yield Event(at, both.author(name, "platform"), name, "ApplicationGone", reason)


def _launcher(was: Application | None, app: Application, at: float, *, planned: bool) -> Iterator[Event]:
    old = was.launcher if was else None
    if app.launcher and app.launcher.message and (old is None or old.message != app.launcher.message):
        severity: Severity = "error" if app.launcher.state == "failed" and not planned else "info"
        yield Event(at, "platform", app.name, "LauncherReport", app.launcher.message, severity)


def _nodes(both: _Round) -> Iterator[Event]:
    if both.new.snapshot.nodes.value is None or both.new.snapshot.nodes.value is both.old.snapshot.nodes.value:
        return
    for node in both.new.nodes_since(both.old):
        was = both.old.nodes.get(node.node_id)
        if was is not None and was.state == node.state:
            continue
        name, short = node.name or (was.name if was is not None else ""), node.node_id[:8]
        if both.new.snapshot.by_ray:
            name = both.new.node_name(node.node_id)
        if node.state == "ALIVE":
            yield Event(
                both.at, "ray", name or short, "NodeAlive", f"node {short} at {node.ip} is alive{both.by(name)}"
            )
        elif was is not None:
            yield _gone(both, node, name)


def _gone(both: _Round, node: Node, name: str) -> Event:
    short = node.node_id[:8]
    sentence = f"node {short} is {node.state}" + (
        f": {node.message or node.reason}" if node.message or node.reason else ""
    )
    if name in both.touched:
        return Event(both.at, "raytui", name, "NodeEnded", f"{sentence}{both.by(name)}")
    if both.new.snapshot.by_ray and node.reason in PLANNED_ENDS:
        return Event(both.at, "ray", name, "NodeEnded", sentence)
    if _superseded(both.new, node, name):
        return Event(both.at, "ray", name, "NodeEnded", f"{sentence}; it belonged to an earlier run of the application")
    return Event(both.at, "ray", name or short, "NodeDied", sentence, "error")


def _superseded(joined: Joined, node: Node, name: str) -> bool:
    """Whether a dead node is of an earlier life of its application.

    Then the application has another node now, or began anew after this one did.
    """
    app = joined.applications.get(name)
    if app is None:
        return False
    present = joined.node_of(app)
    return present is None or present.node_id != node.node_id


def _jobs(old: Snapshot, new: Snapshot, at: float) -> Iterator[Event]:
    if old.jobs.value is None or new.jobs.value is None or old.jobs.value is new.jobs.value:
        return
    before = {job.id: job.status for job in old.jobs.value}
    for job in new.jobs.value:
        if before.get(job.id) != job.status:
            yield Event(
                at,
                "ray",
                job.id,
                "JobStatus",
                f"job is {job.status}"
                + (f": {job.message.splitlines()[0]}" if job.message and job.status == "FAILED" else ""),
                "error" if job.status == "FAILED" else "info",
            )
