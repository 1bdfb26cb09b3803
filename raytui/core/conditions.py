"""The judgement: from one snapshot to phase, verdict, the first broken link and what needs attention.

Only what was observed counts. A failure that proves something (a refused connection, a failed application) makes the verdict `down`;
one that merely leaves us blind makes it `unknown`, which is never shown as `ok`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from raytui.core.errors import LAYERS, Failure, Layer
from raytui.core.events import Severity
from raytui.core.snapshot import Application, Node, NodeState, Snapshot
from raytui.core.units import duration

Phase = Literal["absent", "starting", "running", "degraded", "stopping", "failed", "unknown"]
Verdict = Literal["ok", "degraded", "down", "unknown"]
LinkState = Literal["ok", "broken", "unchecked"]

STARTUP_GRACE_S = 180.0
"""How long after its start a node may be missing before that is called a fault; a busy machine was seen to need 42 s."""
REPORT_FRESH_S = 90.0
"""How old a launcher's report may be and still prove life: written every 10 s, seen through an NFS cache of up to 60 s."""
CLOCK_SLACK_S = 1.0
"""Reports come every 10 s, so a clock that differs by more only delays the verdict by one of them."""
SAMPLE_STALE_S = 60.0
"""Physical figures change every 5 s; older than this they are frozen."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that is wrong now."""

    severity: Severity
    subject: str
    """The application's or node's name, or the cluster's."""
    reason: str
    """A stable word for scripts."""
    message: str
    hint: str = ""
    since: float = 0.0
    """Seconds since 1970; 0 when unknown."""


class Assessment(msgspec.Struct, frozen=True):
    """What an operator must know of a snapshot."""

    phase: Phase
    verdict: Verdict
    conditions: tuple[Condition, ...] = ()
    """Worst first."""
    broken: Failure | None = None
    """The first link of the chain that failed."""

    def links(self) -> tuple[tuple[Layer, LinkState], ...]:
        """The chain for display: links before the broken one answered, those behind it were not reached."""
        if self.broken is None:
            return tuple((layer, "ok") for layer in LAYERS)
        at = LAYERS.index(self.broken.layer)
        return tuple((layer, "ok" if n < at else "broken" if n == at else "unchecked") for n, layer in enumerate(LAYERS))


def assess(snapshot: Snapshot, first_seen: Mapping[tuple[str, str], float] | None = None) -> Assessment:
    """Judge one snapshot; `first_seen` gives, by (subject, reason), since when a watching monitor has seen a condition."""
    phase, verdict, broken, found = _judge(snapshot)
    seen = first_seen or {}
    dated = [c if c.since else msgspec.structs.replace(c, since=seen.get((c.subject, c.reason), snapshot.observed_at)) for c in found]
    order = {"error": 0, "warning": 1, "info": 2}
    return Assessment(phase, verdict, tuple(sorted(dated, key=lambda c: order[c.severity])), broken)


def node_state(snapshot: Snapshot, application: Application) -> tuple[str, NodeState | None]:
    """Id and state of an application's Ray node: from Ray, else from the launcher's own fresh report when Ray cannot be asked."""
    node = snapshot.node_of(application)
    if node is not None:
        return node.node_id, node.state
    report = application.launcher
    if report is not None and report.node_id and snapshot.nodes.value is None:
        fresh = snapshot.observed_at - report.at < REPORT_FRESH_S
        # A report from before the application last became running speaks of the node that it had then.
        current = report.at >= application.started_at - CLOCK_SLACK_S
        alive = report.state == "alive" and fresh and current and application.state == "running"
        return report.node_id, "ALIVE" if alive else "UNKNOWN"
    return "", None


Judgement = tuple[Phase, Verdict, Failure | None, list[Condition]]


def _judge(snapshot: Snapshot) -> Judgement:
    applications = snapshot.applications
    if applications.value is None:
        broken = applications.failure or Failure("platform", "NotAsked", "the platform was not asked")
        return "unknown", "unknown", broken, [_of_failure(snapshot.cluster, broken)]
    if not applications.value:
        return (
            "absent",
            "down",
            Failure(
                "application",
                "ClusterAbsent",
                f"no application of cluster {snapshot.cluster} exists",
                _way_out_of_absence(snapshot),
                conclusive=True,
            ),
            [],
        )
    if all(app.state == "stopped" for app in applications.value):
        message = f"the {len(applications.value)} applications of {snapshot.cluster} are stopped and kept"
        broken = Failure(
            "application", "ClusterStopped", message, "raytui start runs them again, raytui stop removes them", conclusive=True
        )
        return "absent", "down", broken, [Condition("info", snapshot.cluster, "ClusterStopped", message, broken.hint)]
    head = snapshot.head
    if head is None:
        broken = Failure(
            "application",
            "HeadMissing",
            f"cluster {snapshot.cluster} has workers but no head application",
            "raytui start creates the head, raytui stop removes the workers",
            conclusive=True,
        )
        return "failed", "down", broken, [_of_failure(snapshot.cluster, broken), *_of_workers(snapshot)]
    if head.state != "running":
        return _judge_absent_head(snapshot, head)
    failure = _first_failure(snapshot, head)
    if failure is not None:
        return _judge_unreachable(snapshot, head, failure)
    return _judge_nodes(snapshot, None)


def _way_out_of_absence(snapshot: Snapshot) -> str:
    if not snapshot.foreign:
        return "raytui start creates it"
    one = len(snapshot.foreign) == 1
    named = f"an application named {snapshot.foreign[0]}" if one else f"applications named {', '.join(snapshot.foreign)}"
    return f"{named} {'exists and is' if one else 'exist and are'} not ours, so raytui start is refused: choose another name with --cluster"


def _judge_absent_head(snapshot: Snapshot, head: Application) -> Judgement:
    why = _why(head)
    message = f"the head application is {head.state}" + (f": {why}" if why else "")
    hint = (head.launcher.hint if head.launcher else "") or "raytui logs head shows its output, raytui restart head runs it again"
    broken = Failure("application", f"Head{head.state.capitalize()}", message, hint, conclusive=True)
    if head.state == "starting":
        message = "the head is starting" + (f": {why}" if why else "")
        return "starting", "down", msgspec.structs.replace(broken, message=message, hint="raytui watch follows it"), []
    if head.state == "stopping":
        return "stopping", "down", msgspec.structs.replace(broken, hint="raytui watch --until absent follows it"), []
    found = [Condition("error", head.name, broken.reason, message, hint, since=head.ended_at), *_of_workers(snapshot)]
    if head.state == "unknown":
        return "unknown", "unknown", msgspec.structs.replace(broken, conclusive=False), found
    return "failed", "down", broken, found


def _first_failure(snapshot: Snapshot, head: Application) -> Failure | None:
    """The first link behind the application that failed, in the order of the chain."""
    readings = (snapshot.version, snapshot.gcs, snapshot.nodes)
    failures = [reading.failure for reading in readings if reading.failure is not None]
    if snapshot.dashboard is not None:
        failures.append(snapshot.dashboard)
    if failures:
        return min(failures, key=lambda failure: LAYERS.index(failure.layer))
    nodes = snapshot.nodes.value
    if nodes is None:
        return Failure("dashboard", "NotAsked", "the dashboard was not asked")
    reported = head.launcher.node_id if head.launcher and head.launcher.state == "alive" else ""
    if reported and nodes and not any(node.node_id == reported or node.name == head.name for node in nodes):
        return Failure(
            "dashboard",
            "AnotherRay",
            f"another Ray answers at {snapshot.dashboard_url}: it does not know the head's node {reported[:8]}",
            "free the dashboard port, then raytui restart head",
            conclusive=True,
        )
    return None


def _judge_unreachable(snapshot: Snapshot, head: Application, failure: Failure) -> Judgement:
    if failure.reason == "DashboardNotExposed":
        return _judge_nodes(snapshot, failure)
    young = snapshot.observed_at - (head.started_at or head.created_at) < STARTUP_GRACE_S
    was_alive = head.launcher is not None and head.launcher.state == "alive"
    if young and failure.layer in {"application", "network", "dashboard"} and not was_alive:
        return "starting", "down", failure, []
    found = [_of_failure(head.name, failure), *_of_workers(snapshot)]
    return ("failed", "down", failure, found) if failure.conclusive else ("unknown", "unknown", failure, found)


def _judge_nodes(snapshot: Snapshot, broken: Failure | None) -> Judgement:
    head = snapshot.head
    assert head is not None
    found = [*_of_workers(snapshot), *_of_cluster(snapshot)]
    _, state = node_state(snapshot, head)
    if state != "ALIVE":
        young = snapshot.observed_at - (head.started_at or head.created_at) < STARTUP_GRACE_S
        node = snapshot.node_of(head)
        if young and state != "DEAD":
            return (
                "starting",
                "down",
                broken or Failure("gcs", "HeadNotListed", "the head's node is not listed yet", "raytui watch follows it"),
                found,
            )
        if broken is not None:
            return (
                "unknown",
                "unknown",
                broken,
                [
                    *found,
                    Condition(
                        "error", head.name, "HeadSilent", "the head's launcher has not reported lately", "raytui logs head shows its output"
                    ),
                ],
            )
        gone = Failure(
            "gcs",
            "HeadNodeDead",
            "Ray does not list the head's node as alive" + (f": {node.message}" if node and node.message else ""),
            "raytui restart head starts a new one",
            conclusive=True,
        )
        return "failed", "down", gone, [_of_failure(head.name, gone), *found]
    pending = [
        worker for worker in snapshot.workers if worker.state in {"starting", "running"} and node_state(snapshot, worker)[1] != "ALIVE"
    ]
    if any(condition.severity == "error" for condition in found):
        return "degraded", "degraded", broken, found
    if any(app.state == "stopping" for app in snapshot.workers):
        return "stopping", "degraded", broken, found
    if pending:
        return "starting", "degraded", broken, found
    return "running", "ok", broken, found


def _of_failure(subject: str, failure: Failure) -> Condition:
    return Condition("error", subject, failure.reason, failure.message, failure.hint)


def _of_workers(snapshot: Snapshot) -> Iterator[Condition]:
    workers = snapshot.workers
    missing = sorted(set(range(1, max((app.index for app in workers), default=0) + 1)) - {app.index for app in workers})
    for index in missing:
        yield Condition(
            "error", f"{snapshot.cluster}-worker-{index}", "WorkerMissing", f"worker-{index} has no application", "raytui start creates it"
        )
    for app in workers:
        condition = _of_worker(snapshot, app)
        if condition is not None:
            yield condition


def _of_worker(snapshot: Snapshot, app: Application) -> Condition | None:
    why = _why(app)
    remedy = (
        app.launcher.hint if app.launcher else ""
    ) or f"raytui logs {app.short} shows its last lines, raytui restart {app.short} runs it again"
    node = snapshot.node_of(app)
    if app.state in {"failed", "stopped", "unknown"}:
        reason = {"failed": "ApplicationFailed", "stopped": "ApplicationStopped", "unknown": "ApplicationUnknown"}[app.state]
        if app.state == "failed" and node is not None and node.state == "DEAD":
            reason = "NodeDead"
        return Condition(
            "error", app.name, reason, f"the application is {app.state}" + (f": {why}" if why else ""), remedy, since=app.ended_at
        )
    if node is not None and node.state == "DEAD":
        return Condition("error", app.name, "NodeDead", _death(node), remedy + _sidecar(app), since=node.ended_at)
    started = app.started_at or app.created_at
    late = bool(started) and snapshot.observed_at - started > STARTUP_GRACE_S
    if app.state == "running" and late and node_state(snapshot, app)[1] != "ALIVE" and snapshot.nodes.value is not None:
        return Condition(
            "error",
            app.name,
            "NodeMissing",
            f"the application has run for {duration(snapshot.observed_at - started)} but Ray does not list its node",
            remedy + _sidecar(app),
            since=started,
        )
    if app.state == "starting" and late:
        return Condition(
            "warning",
            app.name,
            "StartingLong",
            f"the application has been starting for {duration(snapshot.observed_at - started)}" + (f": {why}" if why else ""),
            "it may wait for quota or for a machine; raytui logs shows what it printed",
            since=started,
        )
    return None


def _why(app: Application) -> str:
    """Why an application is in its state; a launcher that still claimed to be alive when it ended cannot say why."""
    report = app.launcher
    if app.state == "failed" and report is not None and report.state in {"alive", "joining", "waiting", "starting"}:
        return app.message if app.message and app.message != report.message else "its launcher was killed, or its machine was lost"
    return app.message or (report.message if report is not None else "")


def _death(node: Node) -> str:
    told = node.message or node.reason
    return "Ray lists the node as dead" + (f": {told}" if told else "")


def _sidecar(app: Application) -> str:
    if app.launcher is not None and app.launcher.envoy_sidecar:
        return "; an Envoy sidecar with strict mTLS in this pod drops Ray's connections: a cluster admin must relax it for the namespace"
    return ""


def _of_cluster(snapshot: Snapshot) -> Iterator[Condition]:
    for app in snapshot.applications.value or ():
        if app.state == "running" and app.launcher is not None and app.launcher.state == "alive" and app.launcher.message:
            yield Condition("warning", app.name, "LauncherWarning", app.launcher.message, app.launcher.hint)
    names = {app.name for app in snapshot.applications.value or ()}
    for node in snapshot.nodes.value or ():
        if node.state != "ALIVE":
            continue
        if node.name not in names:
            yield Condition(
                "warning",
                node.name or node.node_id[:8],
                "UnmanagedNode",
                f"node {node.node_id[:8]} at {node.ip} belongs to no application of this cluster",
                "somebody joined it by hand; raytui does not manage it",
                since=node.started_at,
            )
        yield from _of_node(snapshot, node)
    for label, reading in (
        ("nodes", snapshot.nodes),
        ("jobs", snapshot.jobs),
        ("usage", snapshot.usage),
        ("serve", snapshot.serve),
        ("events", snapshot.events),
        ("actors", snapshot.actors),
    ):
        if reading.unreadable:
            yield Condition(
                "warning",
                snapshot.cluster,
                f"{label.capitalize()}PartlyUnreadable",
                f"{reading.unreadable} of Ray's rows about {label} could not be read: {reading.first_unreadable}",
                "what is shown of them is not all there is; report this with Ray's version",
            )
        if reading.failure is not None and label != "nodes":
            yield Condition(
                "warning",
                snapshot.cluster,
                f"{label.capitalize()}Unreadable",
                f"{label} could not be read: {reading.failure.message}",
                reading.failure.hint,
            )
    for demand in (snapshot.usage.value.pending if snapshot.usage.value else ())[:3]:
        yield Condition("warning", snapshot.cluster, "PendingDemand", f"no node can take {demand} now", "raytui scale N adds workers")
    for deployment in snapshot.serve.value or ():
        if deployment.status in {"UNHEALTHY", "DEPLOY_FAILED"}:
            yield Condition(
                "warning",
                f"{deployment.application}/{deployment.name}",
                "ServeUnhealthy",
                f"Serve deployment is {deployment.status}" + (f": {deployment.message.splitlines()[0]}" if deployment.message else ""),
                "raytui serve lists deployments",
            )


def _of_node(snapshot: Snapshot, node: Node) -> Iterator[Condition]:
    subject = node.name or node.node_id[:8]
    if node.sampled_at and snapshot.observed_at - node.sampled_at > SAMPLE_STALE_S:
        yield Condition(
            "warning",
            subject,
            "FiguresFrozen",
            f"CPU and memory figures are {duration(snapshot.observed_at - node.sampled_at)} old",
            "the node's agent has stopped sampling, or the clocks differ",
            since=node.sampled_at,
        )
    for what, used, total in (("memory", node.memory_used, node.memory_total), ("disk", node.disk_used, node.disk_total)):
        if used is not None and total and used / total > 0.95:
            yield Condition(
                "warning",
                subject,
                f"{what.capitalize()}Pressure",
                f"{what} is {100 * used / total:.0f} % full",
                "Ray kills workers to save memory" if what == "memory" else "Ray cannot spill objects when the disk is full",
            )
