"""What stands behind a condition: the row it is about, what its witnesses said, and the log that tells of it."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.causes.things import Row, cause_of
from raytui.core.causes.values import Cause, Evidence
from raytui.core.condition import Condition
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.observed.workload import ServeDeployment
from raytui.core.remedy import Remedy, parts
from raytui.view import related
from raytui.view.picture import Picture
from raytui.view.related import LogWish

MOST_QUOTED = 2
"""Witnesses that are quoted beside a condition; its whole story has them all."""


def row_of(snapshot: Snapshot, condition: Condition) -> Row | None:
    """The application, node, job or deployment that a condition is about; none where it is about something else.

    Only by whole names, without a search through everything there is.
    """
    joined, subject = join(snapshot), condition.subject
    app = None if snapshot.by_ray else joined.applications.get(subject)
    if app is not None:
        return app
    kind, slash, name = subject.partition("/")
    if kind == "job" and slash:
        return next((job for job in snapshot.jobs.value or () if job.id == name), None)
    deployment = deployment_of(snapshot, condition)
    if deployment is not None or slash:
        return deployment
    if condition.reason == "NodeDead":
        dead = (node for node in snapshot.nodes.value or () if node.state == "DEAD")
        return next((node for node in dead if joined.node_name(node.node_id) == subject), None)
    return None


def deployment_of(snapshot: Snapshot, condition: Condition) -> ServeDeployment | None:
    """The deployment of Serve that a condition is about, or whose replicas wait; none where it is about neither."""
    name = condition.subject.removeprefix("Serve replica ")
    if name == condition.subject and condition.reason != "ServeUnhealthy":
        return None
    return next((one for one in snapshot.serve.value or () if one.id == name), None)


def cause_behind(snapshot: Snapshot, condition: Condition) -> Cause | None:
    """Why the thing that a condition is about ended; none where it did not, and of an end that is planned."""
    row = row_of(snapshot, condition)
    cause = cause_of(Evidence(join(snapshot)), row) if row is not None else None
    return cause if cause is not None and cause.is_death else None


def quotes(snapshot: Snapshot, condition: Condition) -> str:
    """What the witnesses of the cause said, as far as the condition does not say it: `platform: "oom_killed"`."""
    cause = cause_behind(snapshot, condition)
    if cause is None:
        return ""
    seen: dict[str, None] = {}
    for source, said in _said(cause):
        if said and said not in condition.message:
            seen.setdefault(f'{source}: "{said}"')
    return " · ".join(list(seen)[:MOST_QUOTED])


def _said(cause: Cause) -> Iterator[tuple[str, str]]:
    for part in reversed(cause.chain):
        for witness in part.witnesses:
            yield witness.source, witness.said.strip()


def wish_of(picture: Picture, condition: Condition) -> LogWish | None:
    """The log that tells of a condition and the place in it; none where `log_of` names all there is."""
    deployment = deployment_of(picture.snapshot, condition)
    wish = related.log_of(deployment, picture) if deployment is not None else None
    return wish if isinstance(wish, LogWish) else None


def log_of(picture: Picture, condition: Condition) -> str:
    """The log that tells of a condition, by the name of `raytui logs`; empty where none does."""
    snapshot = picture.snapshot
    wish = wish_of(picture, condition)
    if wish is not None:
        return f"{wish.name}/{wish.file}" if wish.pid and wish.file else wish.name
    kind, slash, name = condition.subject.partition("/")
    if kind == "job" and slash:
        job = next((job for job in snapshot.jobs.value or () if job.id == name), None)
        # Nobody keeps what a driver printed that was not submitted.
        return "" if job is not None and job.type == "DRIVER" else f"job/{name}"
    app = None if snapshot.by_ray else join(snapshot).applications.get(condition.subject)
    if app is not None:
        return app.short
    for part in parts(condition.hint):
        if isinstance(part, Remedy) and part.verb == "logs" and part.target and not part.target.startswith("-"):
            return part.target
    return ""


def worst_log(picture: Picture) -> LogWish | None:
    """The log of the worst thing that fails and has one, and the place in it; none where nothing fails."""
    for condition in picture.assessment.conditions:
        if condition.severity != "info" and (found := log_of(picture, condition)):
            wish = wish_of(picture, condition)
            return LogWish(found, at_error=True, find=wish.find if wish is not None else "")
    return None
