"""The lists: every table of the console has its verb, and every row is the same core value as there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import click
import msgspec

from raytui.cli.evidence import require_cluster
from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.table import Row
from raytui.cli.verb import pass_invocation, verb
from raytui.core.conditions import assess
from raytui.core.errors import NotFound, RaytuiError, Unreachable
from raytui.core.events import Event, Severity
from raytui.core.joined import Joined, join
from raytui.core.questions import Question
from raytui.core.report import event_document, list_document
from raytui.core.snapshot import Application, Job, Node, RayEvent, Reading, Snapshot
from raytui.core.units import duration, gigabytes, rfc3339_or_none


class Listing(NamedTuple):
    """How one list is shown: its columns, the cells of an item, and the item as a document."""

    what: str
    heads: tuple[str, ...]
    cells: Callable[[Any, Joined], Row]
    document: Callable[[Any, Joined], dict[str, Any]]
    right: tuple[str, ...] = ()
    states: tuple[str, ...] = ("STATE", "STATUS", "PLATFORM", "RAY")


def observe(invocation: Invocation, questions: Iterable[Question]) -> Snapshot:
    """One look that asks what a list needs; raises what `require_cluster` raises."""
    settings = invocation.settings()
    session = invocation.session(settings)

    async def look() -> Snapshot:
        async with session:
            return await session.monitor.observe(questions)

    snapshot = asyncio.run(look())
    require_cluster(snapshot)
    return snapshot


def answer(snapshot: Snapshot, reading: Reading[tuple[Any, ...]]) -> Reading[tuple[Any, ...]]:
    """What Ray answered; raises `Unreachable` with the first broken link when it did not."""
    if reading.value is not None:
        return reading
    broken = assess(snapshot).broken or reading.failure or snapshot.dashboard
    if broken is None:
        raise NotFound(f"{snapshot.cluster} has not answered yet", hint="raytui status says how far it is")
    raise Unreachable(broken)


def show(invocation: Invocation, snapshot: Snapshot, reading: Reading[tuple[Any, ...]], listing: Listing, limit: int = 0) -> int:
    """Print what was read as a table or as the list document; `limit` keeps the first ones, 0 all, and says how many there are."""
    found, output, joined = reading.value or (), invocation.output, join(snapshot)
    shown, total = found[: limit or None], max(reading.total or 0, len(found))
    if output.json:
        output.document(list_document([listing.document(item, joined) for item in shown], total, unreadable_of(reading)))
    elif found:
        rows = [listing.cells(item, joined) for item in shown]
        output.table(listing.heads, rows, right=listing.right, states=listing.states)
    elif not total:
        invocation.diagnostics.lines([f"none in {snapshot.cluster}"])
    tell_missing(invocation, listing.what, reading, shown=len(shown), found=len(found), total=total)
    return 0


def unreadable_of(reading: Reading[Any]) -> int | None:
    """How many rows of an answer could not be read; none where its rows were not counted (a platform's list, no answer)."""
    return reading.unreadable if reading.total is not None else None


def tell_missing(invocation: Invocation, what: str, reading: Reading[Any], *, shown: int, found: int, total: int) -> None:
    """Say on stderr which rows are not shown, and why: for people what was cut, for everybody what could not be read."""
    if shown < total and not invocation.output.json:
        more = f"; --limit {found} shows {'all' if found == total else f'{found:,}'}" if shown < found else ""
        limit = "; Ray tells no more at once" if total > found + reading.unreadable and not more else ""
        invocation.diagnostics.warning(f"{shown:,} of {total:,} shown{more}{limit}")
    if reading.unreadable:
        count = f"{reading.unreadable:,} {'row' if reading.unreadable == 1 else 'rows'}"
        invocation.diagnostics.warning(
            f"{count} of Ray's {what} could not be read and what they say is missing: {reading.first_unreadable}"
        )


limit_option = click.option(
    "--limit", metavar="N", help="Show at most N rows.", callback=lambda _context, _option, text: whole_number("limit", text, 0, low=1)
)


def _plain(item: Any, *times: str) -> dict[str, Any]:
    """A core value as a document, its times in RFC 3339."""
    document: dict[str, Any] = msgspec.to_builtins(item)
    for name in times:
        document[name] = rfc3339_or_none(getattr(item, name))
    return document


@verb("nodes", short_help="List Ray's nodes.", examples="raytui nodes\nraytui nodes -o json | jq '.items[] | select(.state != \"ALIVE\")'")
@limit_option
@pass_invocation
def nodes(invocation: Invocation, /, *, limit: int) -> int:
    """Every node that Ray knows, the dead ones too, with the application that it belongs to."""
    snapshot = observe(invocation, ("nodes", "stats"))
    return show(invocation, snapshot, answer(snapshot, snapshot.nodes), NODES, limit)


def _node_cells(node: Node, joined: Joined) -> Row:
    alive = node.state == "ALIVE"
    cpu = f"{node.cpu_percent:.0f} %" if alive and node.cpu_percent is not None else ""
    memory = f"{gigabytes(node.memory_used)} / {gigabytes(node.memory_total or 0)}" if alive and node.memory_used is not None else ""
    return (
        joined.node_name(node.node_id),
        node.state,
        node.node_id[:12],
        node.ip,
        cpu,
        memory,
        f"{node.resources.get('GPU', 0):g}",
        "" if alive else node.message or node.reason,
    )


NODES = Listing(
    "nodes",
    ("NAME", "STATE", "NODE ID", "IP", "CPU", "MEMORY GB", "GPU", "WHY"),
    _node_cells,
    lambda node, joined: {
        **_plain(node, "started_at", "ended_at", "sampled_at"),
        "application": owner.short if (owner := joined.application_of(node)) is not None else None,
    },
    ("CPU", "MEMORY GB", "GPU"),
)


@verb("apps", short_help="List the cluster's applications.", examples="raytui apps\nraytui apps -o json")
@pass_invocation
def apps(invocation: Invocation, /) -> int:
    """Every application of the cluster, what the platform says of it and what Ray says of its node."""
    snapshot = observe(invocation, ())
    return show(invocation, snapshot, snapshot.applications, APPS)


def _app_cells(app: Application, joined: Joined) -> Row:
    since = app.started_at or app.created_at
    up = duration(joined.snapshot.observed_at - since) if since and app.state in {"running", "starting"} else ""
    return (
        app.short,
        app.state,
        (joined.state_of(app)[1] or "").replace("ALIVE", "alive"),
        app.id,
        f"{app.cpu:g}",
        f"{app.memory:g}",
        str(app.gpus),
        up,
        app.message,
    )


def _app_document(app: Application, joined: Joined) -> dict[str, Any]:
    node_id, state = joined.state_of(app)
    document = _plain(app, "created_at", "started_at", "ended_at")
    document.pop("spec_json")
    return {**document, "node_id": node_id or None, "node_state": state}


APPS = Listing(
    "applications",
    ("NAME", "PLATFORM", "RAY", "ID", "CPU", "MEMORY GB", "GPU", "UP", "WHY"),
    _app_cells,
    _app_document,
    ("CPU", "MEMORY GB", "GPU", "UP"),
)


@verb("jobs", short_help="List Ray's jobs.", examples="raytui jobs\nraytui jobs -o json | jq '.items[] | select(.status == \"FAILED\")'")
@limit_option
@pass_invocation
def jobs(invocation: Invocation, /, *, limit: int) -> int:
    """Every job, the newest first; raytui logs job/ID shows what its driver printed."""
    snapshot = observe(invocation, ("jobs",))
    return show(invocation, snapshot, answer(snapshot, snapshot.jobs), JOBS, limit)


def _job_cells(job: Job, joined: Joined) -> Row:
    end = job.ended_at or (joined.snapshot.observed_at if job.status == "RUNNING" else job.started_at)
    took = duration(end - job.started_at) if job.started_at else ""
    why = job.message.splitlines()[0] if job.message and job.status == "FAILED" else ""
    return (job.id, job.status, took, job.entrypoint[:60], why[:80])


JOBS = Listing(
    "jobs", ("ID", "STATUS", "TOOK", "ENTRYPOINT", "WHY"), _job_cells, lambda job, _: _plain(job, "started_at", "ended_at"), ("TOOK",)
)


@verb("actors", short_help="List Ray's actors.", examples="raytui actors\nraytui actors --limit 20")
@limit_option
@pass_invocation
def actors(invocation: Invocation, /, *, limit: int) -> int:
    """Actors with their nodes, up to 10,000 of them: Ray tells no more, but how many there are."""
    snapshot = observe(invocation, ("actors",))
    return show(invocation, snapshot, answer(snapshot, snapshot.actors), ACTORS, limit)


ACTORS = Listing(
    "actors",
    ("ACTOR ID", "CLASS", "STATE", "NAME", "NODE", "PID"),
    lambda actor, joined: (
        actor.actor_id[:16],
        actor.class_name,
        actor.state,
        actor.name,
        joined.node_name(actor.node_id),
        str(actor.pid or ""),
    ),
    lambda actor, _: _plain(actor),
    ("PID",),
)


@verb("serve", short_help="List Serve's deployments.", examples="raytui serve\nraytui serve -o json")
@pass_invocation
def serve(invocation: Invocation, /) -> int:
    """Deployments of Ray Serve; none when Serve does not run."""
    snapshot = observe(invocation, ("serve",))
    return show(invocation, snapshot, answer(snapshot, snapshot.serve), SERVE)


SERVE = Listing(
    "Serve deployments",
    ("APPLICATION", "DEPLOYMENT", "STATUS", "REPLICAS", "ROUTE", "WHY"),
    lambda found, _: (found.application, found.name, found.status, str(found.replicas), found.route, found.message[:80]),
    lambda found, _: _plain(found),
    ("REPLICAS",),
)


@verb("events", short_help="List what happened.", examples="raytui events\nraytui events --limit 20 -o json")
@limit_option
@pass_invocation
def events(invocation: Invocation, /, *, limit: int) -> int:
    """What raytui did to the cluster and what Ray reported, oldest first; `--limit` keeps the newest."""
    from raytui.cli.eventlines import event_line
    from raytui.manager.journal import Journal

    settings = invocation.settings()
    journal = Journal(settings.state_dir).read(settings.cluster.name)
    ray: Reading[tuple[Any, ...]] = Reading()
    told: list[Event] = []
    try:
        snapshot = observe(invocation, ("events",))
        ray, joined = answer(snapshot, snapshot.events), join(snapshot)
        told = [_of_ray(event, joined) for event in ray.value or ()]
    except RaytuiError as error:
        if not journal:
            raise
        invocation.diagnostics.warning(f"only what raytui did is listed: {error.message}")
    found = sorted([*journal, *told], key=lambda event: event.at)
    newest = found[-limit:] if limit else found
    total = len(found) + max(0, (ray.total or 0) - len(told))
    if invocation.output.json:
        invocation.output.document(list_document([event_document(event) for event in newest], total, unreadable_of(ray)))
    else:
        invocation.output.lines([event_line(event, settings.cluster.name, invocation.output.paint) for event in newest])
        if not total:
            invocation.diagnostics.lines([f"none in {settings.cluster.name}"])
    tell_missing(invocation, "events", ray, shown=len(newest), found=len(found), total=total)
    return 0


def _of_ray(event: RayEvent, joined: Joined) -> Event:
    severities: dict[str, Severity] = {"ERROR": "error", "FATAL": "error", "WARNING": "warning"}
    subject = joined.node_name(event.node_id) if event.node_id else joined.snapshot.cluster
    return Event(event.at, "ray", subject, event.label or event.source or "RayEvent", event.message, severities.get(event.severity, "info"))
