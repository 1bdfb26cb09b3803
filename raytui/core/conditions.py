"""The judgement: from one snapshot to phase, verdict, the first broken link and what needs attention.

Only what was observed counts. A failure that proves something (a refused connection, a failed application) makes the
verdict `down`; one that merely leaves us blind makes it `unknown`, which is never shown as `ok`. What a running plan of
raytui brings about is no fault. The verdict speaks of the cluster's nodes and links: what is wrong with the work that
people run is a condition, and never changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from raytui.core.condition import Condition, as_planned, of_failure, touched
from raytui.core.errors import LAYERS, Failure, Layer
from raytui.core.findings.applications import STARTUP_GRACE_S, of_workers, remedy, why
from raytui.core.findings.capacity import of_waiting
from raytui.core.findings.chain import answered, first_failure
from raytui.core.findings.cluster import of_cluster
from raytui.core.findings.deleting import deleting, of_deleting
from raytui.core.findings.nodes import of_ended
from raytui.core.findings.revivals import unfinished
from raytui.core.findings.starting import present_report, starting
from raytui.core.observed.joined import HIDDEN, Joined, join
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import began
from raytui.core.observed.snapshot import Application, NodeState, Operation, Snapshot
from raytui.core.remedy import CREATE, FOLLOW, Hint, Remedy
from raytui.core.spec import head_name
from raytui.core.waiting.why import why_waits

if TYPE_CHECKING:
    from raytui.core.waiting.values import Waiting

Phase = Literal["absent", "starting", "running", "degraded", "stopping", "failed", "unknown"]
Verdict = Literal["ok", "degraded", "down", "unknown"]
LinkState = Literal["ok", "broken", "unchecked"]
CALM_PHASES: frozenset[Phase] = frozenset({"absent", "starting", "stopping"})
"""Phases in which what does not answer is not meant to."""


class Assessment(msgspec.Struct, frozen=True):
    """What an operator must know of a snapshot."""

    phase: Phase
    verdict: Verdict
    conditions: tuple[Condition, ...] = ()
    """Worst first; of equally bad ones those about the cluster itself."""
    broken: Failure | None = None
    """The first link of the chain that failed; none when none did."""
    unchecked: Failure | None = None
    """Why links were not looked at although nothing broke, such as a dashboard that is not exposed on purpose."""
    answered: tuple[Layer, ...] = ()
    """The links that were seen to work."""
    waiting: tuple[Waiting, ...] = ()
    """Why each demand waits that Ray has not placed, those that are no condition (yet) too."""
    deleting: Mapping[str, float] = {}
    """Since when what Serve deletes has been seen so, by its subject."""

    def links(self) -> tuple[tuple[Layer, LinkState], ...]:
        """The chain for display: each link as it was seen, `unchecked` when nobody looked."""
        at = self.broken.layer if self.broken is not None else None
        return tuple(
            (layer, "broken" if layer == at else "ok" if layer in self.answered else "unchecked") for layer in LAYERS
        )


def is_calm(assessment: Assessment) -> bool:
    """Whether what does not answer is not meant to: nothing runs yet or any more, and nothing of it is a fault."""
    return assessment.phase in CALM_PHASES and not any(condition.is_fault for condition in assessment.conditions)


class _Judgement(NamedTuple):
    phase: Phase
    verdict: Verdict
    broken: Failure | None
    found: list[Condition]
    unchecked: Failure | None = None


def assess(
    snapshot: Snapshot,
    first_seen: Mapping[tuple[str, str], float] | None = None,
    waited: Mapping[str, float] | None = None,
    deleted: Mapping[str, float] | None = None,
) -> Assessment:
    """Judge one snapshot.

    `first_seen` gives, by (subject, reason), since when a watching monitor has seen a condition. `waited` does so for
    work that waits, by `Waiting.key`; none at the first look. `deleted` does so for what Serve deletes.
    """
    joined = join(snapshot)
    waiting, demand = _waiting(joined, waited)
    judged = _judge(joined, demand)
    seen = first_seen or {}
    going = deleting(snapshot, deleted or {})
    since = [
        c if c.since else msgspec.structs.replace(c, since=seen.get((c.subject, c.reason), snapshot.observed_at))
        for c in (*judged.found, *of_deleting(snapshot, going))
    ]
    order = {"error": 0, "warning": 1, "info": 2}
    conditions = tuple(sorted(since, key=lambda c: (order[c.severity], c.is_of_work)))
    return Assessment(
        judged.phase,
        judged.verdict,
        conditions,
        judged.broken,
        judged.unchecked,
        answered(snapshot, judged.broken),
        waiting,
        going,
    )


def _waiting(joined: Joined, waited: Mapping[str, float] | None) -> tuple[tuple[Waiting, ...], list[Condition]]:
    """What waits, dated, and what is wrong with it."""
    found = why_waits(joined)
    if not found:
        return (), []
    from raytui.core.waiting.findings import dated, of_demand

    waiting = dated(found, joined.snapshot, waited)
    return waiting, list(of_demand(waiting, joined.snapshot))


def node_state(snapshot: Snapshot, application: Application) -> tuple[str, NodeState | None]:
    """Id and state of an application's Ray node by the worse witness; see `Joined.state_of`."""
    return join(snapshot).state_of(application)


def _judge(joined: Joined, demand: list[Condition]) -> _Judgement:
    """`demand` is what is wrong with the work that waits; it counts where Ray answers."""
    snapshot = joined.snapshot
    applications = snapshot.applications
    if snapshot.by_ray:
        return _judge_watched(joined, demand)
    if applications.value is None:
        broken = applications.failure or Failure("platform", "NotAsked", "the platform was not asked")
        return _Judgement("unknown", "unknown", broken, [of_failure(snapshot.cluster, broken)])
    if not applications.value:
        message, hint = f"no application of cluster {snapshot.cluster} exists", _way_out_of_absence(snapshot)
        return _Judgement("absent", "down", Failure("application", "ClusterAbsent", message, hint, conclusive=True), [])
    if all(app.state == "stopped" for app in applications.value):
        return _judge_kept(snapshot, len(applications.value))
    head = snapshot.head
    if head is None:
        broken = Failure(
            "application",
            "HeadMissing",
            f"cluster {snapshot.cluster} has workers but no head application",
            (Remedy("start", "", "creates the head"), Remedy("stop", "", "removes the workers")),
            conclusive=True,
        )
        name = head_name(snapshot.cluster)
        return _without_head(joined, name, _Judgement("failed", "down", broken, [of_failure(name, broken)]))
    if head.state != "running":
        return _judge_absent_head(joined, head)
    failure = first_failure(snapshot) or _other_ray(snapshot, head)
    if failure is not None:
        return _judge_unreachable(joined, head, failure)
    return _judge_nodes(joined, head, None, demand)


def _judge_watched(joined: Joined, demand: list[Condition]) -> _Judgement:
    """A cluster that nobody here made: only Ray's own words count, and nobody knows how many nodes there should be."""
    snapshot = joined.snapshot
    failure = first_failure(snapshot)
    if failure is not None:
        known: tuple[Phase, Verdict] = ("failed", "down") if failure.conclusive else ("unknown", "unknown")
        return _Judgement(*known, failure, [of_failure(snapshot.cluster, failure)])
    found = [*of_ended(joined), *of_cluster(joined), *demand]
    if not joined.counts.alive:
        hint = Remedy("nodes", "", "lists those that ended")
        gone = Failure("gcs", "NoNodeAlive", "Ray lists no node as alive", hint, conclusive=True)
        return _Judgement("failed", "down", gone, [of_failure(snapshot.cluster, gone), *found])
    if any(condition.is_fault for condition in found):
        return _Judgement("degraded", "degraded", None, found)
    return _Judgement("running", "ok", None, found)


def _way_out_of_absence(snapshot: Snapshot) -> Hint:
    if not snapshot.foreign:
        return CREATE
    one = len(snapshot.foreign) == 1
    named = (
        f"an application named {snapshot.foreign[0]}" if one else f"applications named {', '.join(snapshot.foreign)}"
    )
    return (
        f"{named} {'exists and is' if one else 'exist and are'} not ours, so a start is refused: choose another "
        "name with --cluster"
    )


def _judge_kept(snapshot: Snapshot, count: int) -> _Judgement:
    message = f"the {count} applications of {snapshot.cluster} are stopped and kept"
    hint = (Remedy("start", "", "runs them again"), Remedy("stop", "", "removes them"))
    broken = Failure("application", "ClusterStopped", message, hint, conclusive=True)
    if snapshot.operation is not None and snapshot.operation.verb in {"start", "restart"}:
        return _Judgement("starting", "down", _at_work(snapshot.operation, broken), [])
    return _Judgement(
        "absent", "down", broken, [Condition("info", snapshot.cluster, "ClusterStopped", message, broken.hint)]
    )


def _judge_absent_head(joined: Joined, head: Application) -> _Judgement:
    snapshot = joined.snapshot
    now = Moment(snapshot.observed_at)
    reason = why(head, now)
    message = f"the head application is {head.state}" + (f": {reason}" if reason else "")
    revival = next((one for one in snapshot.revivals if one.name == head.name), None)
    broken = Failure(
        "application",
        f"Head{head.state.capitalize()}",
        message,
        remedy(snapshot.platform, head, now, revival),
        conclusive=True,
    )
    if head.state == "starting":
        return _Judgement("starting", "down", starting(joined, head, broken), of_waiting(joined))
    if head.state == "stopping":
        hint = Remedy("watch", "--until absent", "follows it")
        return _Judgement("stopping", "down", msgspec.structs.replace(broken, hint=hint), of_waiting(joined))
    found = [Condition("error", head.name, broken.reason, message, broken.hint, since=head.ended_at)]
    if head.state == "unknown":
        return _Judgement(
            "unknown", "unknown", msgspec.structs.replace(broken, conclusive=False), [*found, *of_workers(joined)]
        )
    return _without_head(joined, head.name, _Judgement("failed", "down", broken, found))


def _without_head(joined: Joined, name: str, judged: _Judgement) -> _Judgement:
    """A cluster whose head is not there: a fault, unless a running plan ends or makes it."""
    operation = joined.snapshot.operation
    found = as_planned([*judged.found, *of_workers(joined)], operation)
    if operation is None or name not in touched(operation):
        return judged._replace(found=found)
    return _Judgement(_phase_of(operation), "down", _at_work(operation, judged.broken), found)


def _phase_of(operation: Operation) -> Phase:
    return "stopping" if operation.verb == "stop" else "starting"


def _at_work(operation: Operation, broken: Failure | None) -> Failure | None:
    """A broken link that a running plan brings about, with its author."""
    if broken is None:
        return None
    message = f"raytui {operation.verb} is at work: {broken.message}"
    return msgspec.structs.replace(broken, reason="PlannedEnd", message=message, hint=FOLLOW)


def _other_ray(snapshot: Snapshot, head: Application) -> Failure | None:
    """That what answers is not this head's Ray; none when it is, or when nobody can tell."""
    nodes = snapshot.nodes.value
    report = present_report(snapshot, head)
    reported = report.node_id if report is not None and report.state == "alive" else ""
    if reported and nodes and not any(node.node_id == reported or node.name == head.name for node in nodes):
        return Failure(
            "dashboard",
            "AnotherRay",
            f"another Ray answers at {snapshot.dashboard_url}: it does not know the head's node {reported[:8]}",
            ("free the dashboard port, then ", Remedy("restart", "head")),
            conclusive=True,
        )
    return None


def _is_young(snapshot: Snapshot, head: Application) -> bool:
    return snapshot.observed_at - began(head) < STARTUP_GRACE_S


def _judge_unreachable(joined: Joined, head: Application, failure: Failure) -> _Judgement:
    snapshot = joined.snapshot
    if failure.reason == HIDDEN:
        return _judge_nodes(joined, head, failure, [])
    report = present_report(snapshot, head)
    was_alive = report is not None and report.state == "alive"
    if unfinished(snapshot.revivals, head.name) is not None and _is_young(snapshot, head):
        # What answers in the dashboard's place, or does not, is the head on its way back.
        return _Judgement("starting", "down", starting(joined, head, failure), of_waiting(joined))
    if failure.layer in {"application", "network", "dashboard"} and not was_alive:
        if _is_young(snapshot, head):
            return _Judgement("starting", "down", starting(joined, head, failure), of_waiting(joined))
        if report is not None and report.state in {"starting", "waiting", "joining"}:
            # What answers in the dashboard's place is the launcher's own page.
            message = f"the head runs, but its Ray does not: its launcher is {report.state}" + (
                f": {report.message}" if report.message else ""
            )
            failure = msgspec.structs.replace(
                failure, reason="HeadNotReady", message=message, hint=Remedy("logs", head.short, "shows its output")
            )
    found = as_planned([of_failure(head.name, failure), *of_workers(joined)], snapshot.operation)
    operation = snapshot.operation
    if operation is not None and head.name in operation.ends:
        return _Judgement(_phase_of(operation), "down", _at_work(operation, failure), found)
    if failure.conclusive:
        return _Judgement("failed", "down", failure, found)
    return _Judgement("unknown", "unknown", failure, found)


def _judge_nodes(joined: Joined, head: Application, unchecked: Failure | None, demand: list[Condition]) -> _Judgement:
    """What is said when the head application runs and nothing on the way to it is broken.

    `unchecked` is why Ray was not asked.
    """
    snapshot = joined.snapshot
    found = as_planned([*of_workers(joined), *of_cluster(joined), *demand], snapshot.operation)
    _, state = joined.state_of(head)
    if state != "ALIVE":
        return _judge_dead_head(joined, head, found, unchecked)
    planned = touched(snapshot.operation)
    others = [member.application for member in joined.workers_not_alive]
    late = [app for app in others if app.state in {"starting", "running"}]
    going = [app for app in others if app.state == "stopping"]
    if any(condition.is_fault for condition in found):
        return _Judgement("degraded", "degraded", None, found, unchecked)
    if any(app.name not in planned for app in going):
        return _Judgement("stopping", "degraded", None, found, unchecked)
    unread = [
        app for app in late if app.launcher is not None and app.launcher.state == "unread" and unchecked is not None
    ]
    if any(app.name not in planned and app not in unread for app in late):
        return _Judgement("starting", "degraded", None, found, unchecked)
    if unread:
        return _Judgement("unknown", "unknown", None, found, unchecked)
    if snapshot.operation is not None and (late or going or any(c.reason.startswith("Planned") for c in found)):
        ending = snapshot.operation.verb == "stop" or not (late or snapshot.operation.creates)
        return _Judgement("stopping" if ending else "starting", "ok", None, found, unchecked)
    if snapshot.asked.failure is not None:
        # How many workers ought to be there is not known, so that all are there is not known either.
        return _Judgement("unknown", "unknown", None, found, unchecked)
    return _Judgement("running", "ok", None, found, unchecked)


def _judge_dead_head(
    joined: Joined, head: Application, found: list[Condition], unchecked: Failure | None
) -> _Judgement:
    snapshot = joined.snapshot
    operation = snapshot.operation
    _, state = joined.state_of(head)
    report = present_report(snapshot, head)
    not_listed = Failure("gcs", "HeadNotListed", "the head's node is not listed yet", FOLLOW)
    if unchecked is not None:
        not_listed = starting(joined, head, Failure("application", "HeadNotReady", "the head is starting"))
    if _is_young(snapshot, head) and state != "DEAD" and (head.launcher is None or head.launcher.state != "unread"):
        return _Judgement("starting", "down", not_listed, found, unchecked)
    if unchecked is not None and state != "DEAD":
        unread = head.launcher is not None and head.launcher.state == "unread"
        message = "the head's report was not read" if unread else "the head's launcher has not reported lately"
        if report is not None and report.state not in {"alive", ""}:
            message = f"the head's launcher is {report.state}" + (f": {report.message}" if report.message else "")
        broken = Failure("application", "HeadSilent", message, Remedy("logs", "head", "shows its output"))
        return _Judgement("unknown", "unknown", broken, [*found, of_failure(head.name, broken)], unchecked)
    node = joined.node_of(head)
    reason = node.message if node is not None and node.state == "DEAD" else report.message if report is not None else ""
    gone = Failure(
        "gcs",
        "HeadNodeDead",
        "Ray does not list the head's node as alive" + (f": {reason}" if reason else ""),
        Remedy("restart", "head", "starts a new one"),
        conclusive=True,
    )
    if operation is not None and head.name in operation.ends:
        return _Judgement(_phase_of(operation), "down", _at_work(operation, gone), found, unchecked)
    return _Judgement("failed", "down", gone, [of_failure(head.name, gone), *found], unchecked)
