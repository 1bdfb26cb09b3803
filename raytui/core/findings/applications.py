"""What is wrong with the applications of a cluster: missing, ended, or running for long without a node."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.condition import Condition
from raytui.core.findings.capacity import of_waiting
from raytui.core.findings.revivals import outlook
from raytui.core.observed.joined import Joined, Member
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import OVER, began, is_current, is_fresh, is_same_head
from raytui.core.observed.revival import Revival
from raytui.core.observed.snapshot import Application, Node
from raytui.core.platforms import traits
from raytui.core.remedy import CREATE, Hint, Remedy, plus
from raytui.core.spec import WORKER, worker_name
from raytui.core.units import duration

STARTUP_GRACE_S = 180.0
"""How long after its start a node may be missing before that is called a fault; a busy machine was seen to need 42
s."""
RESTART_S = 420.0
"""How long after the end of a failed application the platform's own restart is still to be expected: it comes 5 minutes
later."""
_LOOK_YOURSELF = "read the last lines of "
"""How a launcher's hint begins that names nothing but a log: `explain` reads that log itself."""
_BEFORE_LIFE = frozenset({"alive", "joining", "waiting", "starting"})


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


def remedy(platform: str, app: Application, now: Moment, revival: Revival | None = None) -> Hint:
    """What to do about an application that is not as it should be.

    A launcher's own hint counts only where it belongs to this end: what it warned of while it lived is no reason.
    """
    report = app.launcher
    if report is not None and report.state in OVER and report.hint and is_current(app, report, now):
        own: Hint = report.hint
        if report.hint.startswith(_LOOK_YOURSELF):
            own = (Remedy("explain", app.short, "tells the whole story"), Remedy("restart", app.short, "runs it again"))
    else:
        own = (Remedy("logs", app.short, "shows its last lines"), Remedy("restart", app.short, "runs it again"))
    if (
        traits(platform).revives
        and app.state == "failed"
        and not (app.ended_at and now.has_reached(app.ended_at + RESTART_S))
    ):
        return plus(own, f"; {outlook(revival, app, now)}")
    return own


def of_workers(joined: Joined) -> Iterator[Condition]:
    """Workers that are missing, and those that are not as they should be."""
    snapshot = joined.snapshot
    for group in joined.indexes if snapshot.asked.value is None else snapshot.asked.value.all_groups:
        yield from _missing(joined, group)
    head = snapshot.head
    revivals = {revival.name: revival for revival in snapshot.revivals}
    # Of the head depends only what is said of workers that Ray was not asked about.
    context = (
        snapshot.platform,
        snapshot.revivals,
        None if snapshot.nodes.value is not None else (head, head is not None and joined.is_alive(head)),
    )
    others = joined.workers_not_alive
    yield from filter(
        None,
        joined.derive(
            "workers",
            lambda member, now: _of_worker(joined, member, revivals.get(member.application.name), now),
            others,
            context=context,
        ),
    )
    yield from of_waiting(joined)


def _missing(joined: Joined, group: str) -> Iterator[Condition]:
    """Workers of a group that were asked for, or that come before others of it, and have no application."""
    snapshot, indexes = joined.snapshot, joined.indexes.get(group, frozenset())
    asked, last = snapshot.asked.value, max(indexes, default=0)
    wanted = last if asked is None else asked.all_groups[group].count
    if wanted == last == len(indexes):
        return
    wish = "" if asked is None else f"; {wanted} {'worker was' if wanted == 1 else 'workers were'} asked for"
    of = "" if group == WORKER or asked is None else f" in the group {group}"
    for index in sorted(set(range(1, wanted + 1)) - indexes):
        yield Condition(
            "error",
            worker_name(snapshot.cluster, index, group),
            "WorkerMissing",
            f"{group}-{index} has no application{wish}{of}",
            CREATE,
        )


def _of_worker(joined: Joined, member: Member, revival: Revival | None, now: Moment) -> Condition | None:
    app, node, state = member.application, member.node, member.state
    if app.state == "running" and state == "ALIVE":
        return None
    remedial = remedy(joined.snapshot.platform, app, now, revival)
    if app.state in {"failed", "stopped", "unknown"}:
        reason = {"failed": "ApplicationFailed", "stopped": "ApplicationStopped", "unknown": "ApplicationUnknown"}[
            app.state
        ]
        if app.state == "failed" and state == "DEAD":
            reason = "NodeDead"
        because = why(app, now)
        message = f"the application is {app.state}" + (f": {because}" if because else "")
        return Condition("error", app.name, reason, message, remedial, since=app.ended_at)
    if app.state == "stopping":
        return None  # its node is meant to end
    if state == "DEAD":
        advice = plus(remedial, _sidecar(app))
        message = _death(app, node) + _cause(joined, app)
        return Condition("error", app.name, "NodeDead", message, advice, since=node.ended_at if node else 0.0)
    since = began(app)
    late = bool(since) and now.has_reached(since + STARTUP_GRACE_S)
    if app.state == "running" and late and state != "ALIVE":
        return _of_silent(joined, app, now)
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
    reason = f": {report.message}" if report.message else ""
    return Condition(
        "error", app.name, "NodeMissing", f"its launcher is {report.state or 'silent'}{reason}", hint, since=since
    )


def _death(app: Application, node: Node | None) -> str:
    if node is None or node.state != "DEAD":
        reason = app.launcher.message if app.launcher is not None else ""
        return "its launcher says that its node ended" + (f": {reason}" if reason else "")
    reason = node.message or node.reason
    return "Ray lists the node as dead" + (f": {reason}" if reason else "")


def _cause(joined: Joined, app: Application) -> str:
    """What Ray's word and the launcher's together say of the death, where one of them names its cause."""
    from raytui.core.causes.nodes import of_application
    from raytui.core.causes.values import Evidence

    found = of_application(Evidence(joined), app)
    if found is None or not found.certain or not found.is_death:
        return ""
    return f"; it {found.whole.removeprefix(f'node {app.short} ')}"


def _sidecar(app: Application) -> str:
    if app.launcher is not None and app.launcher.envoy_sidecar:
        return (
            "; an Envoy sidecar with strict mTLS in this pod drops Ray's connections: a cluster admin must relax "
            "it for the namespace"
        )
    return ""
