"""What is wrong with the parts of a cluster: each finding is a condition with its evidence and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from raytui.core.demand import outlook, shapes
from raytui.core.errors import Failure
from raytui.core.events import Severity
from raytui.core.joined import Joined, Member
from raytui.core.kept import Moment
from raytui.core.life import OVER, began, is_current, is_fresh, is_same_head
from raytui.core.platforms import traits
from raytui.core.remedy import CREATE, FOLLOW, Hint, Remedy, plus
from raytui.core.snapshot import Application, Node, Operation
from raytui.core.spec import worker_name
from raytui.core.units import duration

STARTUP_GRACE_S = 180.0
"""How long after its start a node may be missing before that is called a fault; a busy machine was seen to need 42
s."""
SAMPLE_STALE_S = 60.0
"""Physical figures change every 5 s; older than this they are frozen."""
RESTART_S = 420.0
"""How long after the end of a failed application the platform's own restart is still to be expected: it comes 5 minutes
later."""
RESTARTS = "Cloudera AI restarts it by itself 5 minutes after its end, up to 3 times"
ENDED_LATELY_S = 900.0
"""How long after its unplanned end a node of a watched cluster is called a fault."""
MOST_ENDED = 5
"""Ended nodes that are named one by one."""
MOST_FROZEN = 10
"""Nodes with figures that no longer change that are named one by one."""
PLANNED_ENDS = frozenset({"EXPECTED_TERMINATION", "AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE"})
"""Ray's reasons for the end of a node that somebody or the autoscaler ended."""
PRESSURE = 0.95
"""The part of memory or disk in use from which that is worth a warning."""
_BEFORE_LIFE = frozenset({"alive", "joining", "waiting", "starting"})
_COMING = frozenset({"HeadMissing", "WorkerMissing", "NodeMissing", "LauncherSilent"})
"""What is so while a running plan makes an application."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that is wrong now."""

    severity: Severity
    subject: str
    """The application's or node's name, or the cluster's."""
    reason: str
    """A stable word for scripts."""
    message: str
    hint: Hint = ""
    since: float = 0.0
    """Seconds since 1970; 0 when unknown."""


def of_failure(subject: str, failure: Failure) -> Condition:
    """A broken link as a condition of the thing behind it."""
    return Condition("error", subject, failure.reason, failure.message, failure.hint)


def touched(operation: Operation | None) -> frozenset[str]:
    """Names of the applications that a running plan ends, restarts or makes."""
    return frozenset(operation.ends) | frozenset(operation.creates) if operation is not None else frozenset()


def as_planned(found: list[Condition], operation: Operation | None) -> list[Condition]:
    """The same with what a running plan brings about called so: it has its author and is no fault while the plan runs."""
    if operation is None:
        return found
    return [_planned(condition, operation) for condition in found]


def _planned(condition: Condition, operation: Operation) -> Condition:
    ends = condition.subject in operation.ends
    if condition.severity != "error" or not (
        ends or (condition.subject in operation.creates and condition.reason in _COMING)
    ):
        return condition
    return Condition(
        "info",
        condition.subject,
        "PlannedEnd" if ends else "PlannedStart",
        f"raytui {operation.verb} is at work on it: {condition.message}",
        FOLLOW,
        condition.since,
    )


def why(app: Application, now: Moment) -> str:
    """Why an application is in its state; a launcher that still claimed to be alive when it ended cannot say why."""
    report = app.launcher if is_current(app, app.launcher, now) else None
    if app.state == "failed" and report is not None and report.state in _BEFORE_LIFE:
        return (
            app.message
            if app.message and app.message != report.message
            else "its launcher was killed, or its machine was lost"
        )
    return app.message or (report.message if report is not None else "")


def remedy(platform: str, app: Application, now: Moment) -> Hint:
    """What to do about an application that is not as it should be.

    A launcher's own hint counts only where it belongs to this end: what it warned of while it lived is no reason.
    """
    report = app.launcher
    if report is not None and report.state in OVER and report.hint and is_current(app, report, now):
        own: Hint = report.hint
    else:
        own = (Remedy("logs", app.short, "shows its last lines"), Remedy("restart", app.short, "runs it again"))
    if (
        traits(platform).revives
        and app.state == "failed"
        and not (app.ended_at and now.has_reached(app.ended_at + RESTART_S))
    ):
        return plus(own, f"; {RESTARTS}")
    return own


def of_workers(joined: Joined) -> Iterator[Condition]:
    """Workers that are missing, and those that are not as they should be."""
    snapshot, last = joined.snapshot, joined.last_index
    asked = snapshot.asked.value
    wanted = last if asked is None else asked.workers.count
    missing = () if wanted == last == len(joined.indexes) else set(range(1, wanted + 1)) - joined.indexes
    for index in sorted(missing):
        told = "" if asked is None else f"; {wanted} {'worker was' if wanted == 1 else 'workers were'} asked for"
        yield Condition(
            "error",
            worker_name(snapshot.cluster, index),
            "WorkerMissing",
            f"worker-{index} has no application{told}",
            CREATE,
        )
    head = snapshot.head
    # Of the head depends only what is said of workers that Ray was not asked about.
    context = (
        snapshot.platform,
        None if snapshot.nodes.value is not None else (head, head is not None and joined.is_alive(head)),
    )
    others = joined.workers_not_alive
    yield from filter(
        None, joined.derive("workers", lambda member, now: _of_worker(joined, member, now), others, context=context)
    )


def _of_worker(joined: Joined, member: Member, now: Moment) -> Condition | None:
    app, node, state = member.application, member.node, member.state
    if app.state == "running" and state == "ALIVE":
        return None
    remedial = remedy(joined.snapshot.platform, app, now)
    if app.state in {"failed", "stopped", "unknown"}:
        reason = {"failed": "ApplicationFailed", "stopped": "ApplicationStopped", "unknown": "ApplicationUnknown"}[
            app.state
        ]
        if app.state == "failed" and state == "DEAD":
            reason = "NodeDead"
        told = why(app, now)
        message = f"the application is {app.state}" + (f": {told}" if told else "")
        return Condition("error", app.name, reason, message, remedial, since=app.ended_at)
    if app.state == "stopping":
        return None  # its node is meant to end
    if state == "DEAD":
        advice = plus(remedial, _sidecar(app))
        return Condition("error", app.name, "NodeDead", _death(app, node), advice, since=node.ended_at if node else 0.0)
    since = began(app)
    late = bool(since) and now.has_reached(since + STARTUP_GRACE_S)
    if app.state == "running" and late and state != "ALIVE":
        return _of_silent(joined, app, now)
    if app.state == "starting" and late:
        told = why(app, now)
        return Condition(
            "warning",
            app.name,
            "StartingLong",
            f"the application has been starting for {duration(now.age(since))}" + (f": {told}" if told else ""),
            ("it may wait for quota or for a machine; ", Remedy("logs", app.short, "shows what it printed")),
            since=since,
        )
    return None


def _of_silent(joined: Joined, app: Application, now: Moment) -> Condition | None:
    """A worker that should have a living node by now and has none."""
    snapshot, since = joined.snapshot, began(app)
    report, hint = app.launcher, plus(remedy(snapshot.platform, app, now), _sidecar(app))
    if snapshot.nodes.value is not None:
        message = f"the application has run for {duration(now.age(since))} but Ray does not list its node"
        return Condition("error", app.name, "NodeMissing", message, hint, since=since)
    head = snapshot.head
    if (
        head is None
        or not joined.is_alive(head)
        or not now.has_reached(began(head) + STARTUP_GRACE_S)
        or head.launcher is None
    ):
        return None
    if report is None:
        return Condition(
            "error",
            app.name,
            "NodeMissing",
            "the application runs, but its launcher has written no report",
            hint,
            since=since,
        )
    if report.state == "unread":
        return None
    if not is_current(app, report, now) or not is_fresh(report, now):
        message = "its launcher has not reported lately, so nothing shows that its node lives"
        return Condition("error", app.name, "LauncherSilent", message, hint)
    if report.state == "alive" and not is_same_head(head.launcher, report):
        return Condition("error", app.name, "NodeMissing", "its node still belongs to an earlier run of the head", hint)
    told = f": {report.message}" if report.message else ""
    return Condition(
        "error", app.name, "NodeMissing", f"its launcher is {report.state or 'silent'}{told}", hint, since=since
    )


def of_ended(joined: Joined) -> Iterator[Condition]:
    """Nodes of a watched cluster that ended lately and not by anybody's plan, in Ray's words.

    The others are rows and no fault.

    Nobody here knows how many nodes there should be, and Ray lists a dead node for as long as its head lives.
    """
    snapshot = joined.snapshot
    lately = [
        node
        for node in snapshot.nodes.value or ()
        if node.state == "DEAD"
        and node.reason not in PLANNED_ENDS
        and 0 < snapshot.observed_at - node.ended_at < ENDED_LATELY_S
    ]
    for node in sorted(lately, key=lambda node: (node.reason != "UNEXPECTED_TERMINATION", -node.ended_at))[:MOST_ENDED]:
        told = node.message or node.reason or "no reason is known"
        at = f" at {node.ip}" if node.ip else ""
        message = f"Ray lists node {node.node_id[:8]}{at} as dead: {told}"
        hint = ("it counts as a fault for 15 minutes; ", Remedy("nodes", "", "lists it for as long as Ray does"))
        # Without a reason it may as well have been the autoscaler.
        severity: Severity = "error" if node.reason == "UNEXPECTED_TERMINATION" else "warning"
        yield Condition(severity, joined.node_name(node.node_id), "NodeDead", message, hint, since=node.ended_at)
    if len(lately) > MOST_ENDED:
        message = f"{len(lately) - MOST_ENDED} more nodes ended in the last 15 minutes"
        yield Condition("warning", snapshot.cluster, "NodesDead", message, Remedy("nodes", "", "lists them"))
    unknown = joined.counts.unknown
    if unknown:
        message = f"Ray gives {unknown} {'node' if unknown == 1 else 'nodes'} a state that is neither ALIVE nor DEAD"
        yield Condition("warning", snapshot.cluster, "NodeStateUnknown", message, Remedy("nodes", "", "lists them"))


def _death(app: Application, node: Node | None) -> str:
    if node is None or node.state != "DEAD":
        told = app.launcher.message if app.launcher is not None else ""
        return "its launcher says that its node ended" + (f": {told}" if told else "")
    told = node.message or node.reason
    return "Ray lists the node as dead" + (f": {told}" if told else "")


def _sidecar(app: Application) -> str:
    if app.launcher is not None and app.launcher.envoy_sidecar:
        return (
            "; an Envoy sidecar with strict mTLS in this pod drops Ray's connections: a cluster admin must relax "
            "it for the namespace"
        )
    return ""


def of_cluster(joined: Joined) -> Iterator[Condition]:
    """What launchers warn of, nodes that nobody here manages, what could not be read, demand that waits, Serve."""
    snapshot = joined.snapshot
    nodes, names = snapshot.nodes.value or (), joined.names
    yield from filter(None, joined.derive("launchers", _of_launcher, snapshot.applications.value or ()))
    if snapshot.by_ray:
        named = [owner.name if (owner := joined.namesake(node)) is not None else "" for node in nodes]
        told = joined.derive("nodes", _of_node, nodes, named)
    else:
        told = joined.derive(
            "nodes",
            lambda node, now: _of_node(node, node.name if node.name in names else "", now),
            nodes,
            context=(names,),
        )
    yield from _gathered(joined, [condition for one in filter(None, told) for condition in one])
    yield from _unreadable(joined)
    yield from _pending(joined)
    for deployment in snapshot.serve.value or ():
        if deployment.status in {"UNHEALTHY", "DEPLOY_FAILED"}:
            yield Condition(
                "warning",
                f"{deployment.application}/{deployment.name}",
                "ServeUnhealthy",
                f"Serve deployment is {deployment.status}"
                + (f": {deployment.message.splitlines()[0]}" if deployment.message else ""),
                Remedy("serve", "", "lists deployments"),
            )


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


def _pending(joined: Joined) -> Iterator[Condition]:
    usage = joined.snapshot.usage.value
    if usage is None or not usage.pending:
        return
    nodes, worker = shapes(joined)
    for n, demand in enumerate(usage.pending[:3]):
        seen = outlook(usage.needs[n] if n < len(usage.needs) else (), nodes, worker)
        message = (
            f"no node here can ever take {demand}: {seen.hopeless}"
            if seen.hopeless
            else f"no node can take {demand} now"
        )
        yield Condition("warning", joined.snapshot.cluster, "PendingDemand", message, seen.hint)


def _gathered(joined: Joined, found: list[Condition]) -> Iterator[Condition]:
    """What is wrong with nodes, one by one.

    Figures that are old almost everywhere have one cause and are one finding.
    """
    frozen = [condition for condition in found if condition.reason == "FiguresFrozen"]
    if len(frozen) <= MOST_FROZEN:
        yield from found
        return
    yield from (condition for condition in found if condition.reason != "FiguresFrozen")
    since = max(condition.since for condition in frozen)
    message = (
        f"CPU and memory figures of {len(frozen)} nodes are at least "
        f"{duration(joined.snapshot.observed_at - since)} old"
    )
    hint = "this machine's clock and the nodes' differ, or their agents have stopped sampling"
    yield Condition("warning", joined.snapshot.cluster, "FiguresFrozen", message, hint, since=since)


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


def _of_node(node: Node, named: str, now: Moment) -> tuple[Condition, ...]:
    """`named` is the application that the node belongs to; empty for a node of nobody."""
    if node.state != "ALIVE":
        return ()
    subject = named or node.name or node.node_id[:8]
    found = []
    if not named:
        found.append(
            Condition(
                "warning",
                subject,
                "UnmanagedNode",
                f"node {node.node_id[:8]} at {node.ip} belongs to no application of this cluster",
                "somebody joined it by hand; raytui does not manage it",
                since=node.started_at,
            )
        )
    if node.sampled_at and now.has_reached(node.sampled_at + SAMPLE_STALE_S):
        found.append(
            Condition(
                "warning",
                subject,
                "FiguresFrozen",
                f"CPU and memory figures are {duration(now.age(node.sampled_at))} old",
                "the node's agent has stopped sampling, or the clocks differ",
                since=node.sampled_at,
            )
        )
    memory = _pressure(subject, "memory", node.memory_used, node.memory_total, "Ray kills workers to save memory")
    disk = _pressure(subject, "disk", node.disk_used, node.disk_total, "Ray cannot spill objects when the disk is full")
    if memory is not None:
        found.append(memory)
    if disk is not None:
        found.append(disk)
    return tuple(found)


def _pressure(subject: str, what: str, used: int | None, total: int | None, hint: str) -> Condition | None:
    if used is None or not total or used / total <= PRESSURE:
        return None
    return Condition(
        "warning", subject, f"{what.capitalize()}Pressure", f"{what} is {100 * used / total:.0f} % full", hint
    )
