"""The whole story of one thing: what became of it and why, who says so, what happened when, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from raytui.core.causes.excerpts import error_line, first_line, has_traceback, plain_lines, without_noise
from raytui.core.causes.things import Thing, cause_of
from raytui.core.causes.values import Cause, Evidence
from raytui.core.events import Event
from raytui.core.observed.joined import owner_of_logs
from raytui.core.observed.life import OVER
from raytui.core.observed.node_metrics import NodeMetrics, metrics_document, strains
from raytui.core.observed.snapshot import Application, Job, Node, Snapshot
from raytui.core.observed.workload import PlacementGroup, RayWorker, ServeDeployment, Task
from raytui.core.remedy import Hint, as_commands
from raytui.core.report import SCHEMA_VERSION, Document
from raytui.core.units import rfc3339_or_none
from raytui.core.waiting import sentences
from raytui.core.waiting.document import waiting_document
from raytui.core.waiting.values import Waiting
from raytui.core.waiting.why import why_waits

LINES = 15
"""Last lines of each log that are quoted."""
MOST_MOMENTS = 40


class Moment(msgspec.Struct, frozen=True):
    """One thing that happened."""

    at: float
    source: str
    said: str


class Quote(msgspec.Struct, frozen=True):
    """The last lines of one log."""

    log: str
    lines: tuple[str, ...]


class Story(msgspec.Struct, frozen=True):
    """What is known of a thing."""

    thing: Thing
    sentence: str
    cause: Cause | None = None
    """None of one that lives."""
    moments: tuple[Moment, ...] = ()
    """Oldest first."""
    quotes: tuple[Quote, ...] = ()
    hint: Hint = ""
    waits: tuple[Waiting, ...] = ()
    """Why it waits, or what of it does."""
    stacks: tuple[Quote, ...] = ()
    """What its processes do at this moment, where that was asked for."""
    metrics: NodeMetrics | None = None
    """What its node measures of itself now, where it lives and could be asked."""
    missing: tuple[str, ...] = ()
    """What could not be asked and might tell more."""


def logs_of(snapshot: Snapshot, evidence: Evidence, thing: Thing) -> tuple[str, ...]:
    """The logs that may tell more of a thing, by the names of `raytui logs`, those that tell most first."""
    cause = cause_of(evidence, thing.row)
    names: list[str] = []
    if isinstance(thing.row, Job) and thing.row.type == "SUBMISSION" and thing.row.driver_node_id:
        names.append(f"job/{thing.row.id}")
    if isinstance(thing.row, ServeDeployment):
        names += _logs_of_deployment(evidence, thing.row)
    listed = () if snapshot.by_ray else snapshot.applications.value or ()
    apps = {app.id: app for app in listed}
    for part in cause.chain if cause is not None and cause.is_death else ():
        node = evidence.joined.node(part.subject)
        app = evidence.joined.application_of(node) if node is not None else apps.get(part.subject)
        if part.subject_kind in {"node", "application"} and app is not None and not snapshot.by_ray:
            extra = ("gcs_server.out",) if app.role == "head" else ()
            names += [app.short, *(f"{app.short}/{log}" for log in ("raylet.err", "raylet.out", *extra))]
    return tuple(dict.fromkeys(names))


def _logs_of_deployment(evidence: Evidence, deployment: ServeDeployment) -> Iterator[str]:
    """What its newest replica wrote, where that may tell more than Serve's own message."""
    newest = max((*deployment.all_replicas, *deployment.ended), key=lambda one: one.started_at, default=None)
    owner = owner_of_logs(evidence.joined, newest.node_id) if newest is not None and newest.node_id else ""
    if newest is not None and owner and not has_traceback(deployment.message):
        if newest.log:
            yield f"{owner}/{newest.log}"
        if newest.worker_id and newest.pid:
            # Of an actor the last eight digits of its id are those of its job.
            yield f"{owner}/worker-{newest.worker_id}-{newest.actor_id[-8:]}-{newest.pid}.err"


def node_to_measure(evidence: Evidence, thing: Thing) -> Node | None:
    """The living node whose own metrics tell more of a thing: the node itself, or the one of an application."""
    row = thing.row
    node = evidence.joined.node_of(row) if isinstance(row, Application) else row
    return node if isinstance(node, Node) and node.state == "ALIVE" and cause_of(evidence, row) is None else None


def with_metrics(story: Story, metrics: NodeMetrics) -> Story:
    """The story with what the node measures of itself; its sentence names what strains the node."""
    sentence = "; ".join((story.sentence, *strains(metrics)))
    return msgspec.structs.replace(story, sentence=sentence, metrics=metrics)


def story_of(
    evidence: Evidence, thing: Thing, journal: Iterable[Event] = (), tails: Mapping[str, tuple[str, ...]] | None = None
) -> Story:
    """What is known of a thing; `journal` is what raytui itself did, `tails` the last lines of its logs by name."""
    with_tails = Evidence(evidence.joined, dict(tails or {}))
    cause = cause_of(with_tails, thing.row)
    moments = sorted(
        {*_moments(with_tails, thing, cause), *_of_journal(thing, journal)}, key=lambda moment: (moment.at, moment.said)
    )
    quotes = tuple(Quote(name, _lines_to_quote(lines)) for name, lines in (tails or {}).items() if lines)
    if isinstance(thing.row, ServeDeployment) and has_traceback(thing.row.message):
        quotes = (Quote("what Serve says of it", _lines_to_quote(tuple(plain_lines(thing.row.message)))), *quotes)
    waits = tuple(_waits(evidence, thing)) if cause is None else ()
    sentence = cause.whole if cause is not None else f"{thing.title} is {thing.state}"
    if waits and thing.kind != "job":
        sentence = sentences.message(waits[0])
    hint = cause.advice if cause is not None else sentences.hint(waits[0]) if waits else ""
    missing = tuple(_missing(evidence.snapshot))
    return Story(thing, sentence, cause, tuple(moments[-MOST_MOMENTS:]), quotes, hint, waits, missing=missing)


def _waits(evidence: Evidence, thing: Thing) -> Iterator[Waiting]:
    """The work that waits and is this thing, or belongs to this job."""
    row = thing.row
    job = {row.id, row.job_id} - {""} if isinstance(row, Job) else set()
    # A constructor waits as the actor that it makes.
    ids = {thing.id, row.actor_id} if isinstance(row, Task) and row.type == "ACTOR_CREATION_TASK" else {thing.id}
    replica = ("Serve replica", thing.id)
    name = row.name if isinstance(row, Task) and row.state == "PENDING_NODE_ASSIGNMENT" else ""
    for one in why_waits(evidence.joined):
        demand = one.demand
        # Of many alike a demand holds the first ids only.
        is_it = not ids.isdisjoint(demand.ids) or (demand.what == "task" and name and demand.name == name)
        is_it = is_it or (demand.what, demand.name) == replica
        if is_it or not job.isdisjoint((*demand.jobs, *demand.ids)):
            yield one


def _lines_to_quote(lines: tuple[str, ...]) -> tuple[str, ...]:
    """The lines of a log's end that tell most: those around its last exception, else the last ones."""
    lines = without_noise(lines)
    text = "\n".join(lines)
    line = error_line(text) if has_traceback(text) else ""
    place = next((n for n in reversed(range(len(lines))) if line and lines[n].startswith(line[:40])), len(lines))
    end = min(len(lines), max(place + LINES // 3, LINES))
    return lines[max(0, end - LINES) : end]


def _moments(evidence: Evidence, thing: Thing, cause: Cause | None) -> Iterator[Moment]:
    """What happened to the thing and to those that took it along."""
    row = thing.row
    yield from _of_life(row)
    ids = {thing.id, *((row.job_id,) if isinstance(row, Job) and row.job_id else ())}
    nodes: set[str] = set()
    for part in cause.chain if cause is not None else ():
        ids.add(part.subject)
        if part.subject_kind == "node":
            nodes.add(part.subject)
        for witness in part.witnesses:
            # What tells of the end itself stands among the witnesses already.
            if witness.at and witness.at != part.at:
                yield Moment(witness.at, witness.source, first_line(witness.said))
    if isinstance(row, Node):
        nodes.add(row.node_id)
    for event in evidence.snapshot.events.value or ():
        words = event.message.split()
        if event.node_id in nodes or any(identity in words or f"{identity}." in words for identity in ids):
            yield Moment(event.at, f"Ray ({event.source.lower()})", first_line(event.message))


def _of_life(row: object) -> Iterator[Moment]:
    lives: list[tuple[float, str, str]] = []
    if isinstance(row, Application):
        lives = [
            (row.created_at, "platform", "created"),
            (row.started_at, "platform", "began to run"),
            (row.ended_at, "platform", "ended"),
        ]
        report = row.launcher
        if report is not None and report.state not in OVER:
            lives.append((report.at, "launcher", f"{report.state}: {report.message}".removesuffix(": ")))
    elif isinstance(row, Node):
        lives = [(row.started_at, "Ray", "the node joined"), (row.ended_at, "Ray", "the node was called dead")]
    elif isinstance(row, Job):
        lives = [(row.started_at, "Ray", "submitted"), (row.ended_at, "Ray", row.status)]
    elif isinstance(row, Task):
        lives = [
            (row.created_at, "Ray", "submitted"),
            (row.started_at, "Ray", "began to run"),
            (row.since, "Ray", row.state),
        ]
    elif isinstance(row, RayWorker):
        lives = [(row.started_at, "Ray", "started"), (row.ended_at, "Ray", "ended")]
    elif isinstance(row, PlacementGroup):
        lives = [(row.created_at, "Ray", "asked for")]
    yield from (Moment(at, source, said) for at, source, said in lives if at)


def _of_journal(thing: Thing, journal: Iterable[Event]) -> Iterator[Moment]:
    names = {thing.id, *thing.names}
    for event in journal:
        if event.subject in names or (isinstance(thing.row, Application) and event.subject == thing.row.cluster):
            yield Moment(event.at, event.author, event.message)


def _missing(snapshot: Snapshot) -> Iterator[str]:
    readings = {
        "nodes": snapshot.nodes,
        "jobs": snapshot.jobs,
        "actors": snapshot.actors,
        "tasks": snapshot.tasks,
        "worker processes": snapshot.ray_workers,
        "events": snapshot.events,
    }
    for name, reading in readings.items():
        if reading.failure is not None:
            yield f"{name} could not be read: {reading.failure.message}"
        elif reading.value is not None and (reading.total or 0) > len(reading.value):
            yield f"only {len(reading.value):,} of {reading.total:,} {name} were read"


def story_document(story: Story) -> Document:
    """A story as JSON; what was not observed is none."""
    cause = story.cause
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": story.thing.kind,
        "id": story.thing.id,
        "title": story.thing.title,
        "state": story.thing.state,
        "sentence": story.sentence,
        "cause": None if cause is None else cause_document(cause),
        "waits": [waiting_document(one) for one in story.waits],
        "moments": [
            {"time": rfc3339_or_none(moment.at), "source": moment.source, "message": moment.said}
            for moment in story.moments
        ],
        "logs": [{"log": quote.log, "lines": list(quote.lines)} for quote in story.quotes],
        "stacks": [{"process": stack.log, "lines": list(stack.lines)} for stack in story.stacks],
        "hint": as_commands(story.hint),
        "metrics": None if story.metrics is None else metrics_document(story.metrics),
        "missing": list(story.missing),
    }


def cause_document(cause: Cause) -> Document:
    """A cause with those behind it."""
    return {
        "subject_kind": cause.subject_kind,
        "subject": cause.subject,
        "kind": cause.kind,
        "sentence": cause.sentence,
        "is_death": cause.is_death,
        "certain": cause.certain,
        "at": rfc3339_or_none(cause.at),
        "witnesses": [
            {"source": witness.source, "said": witness.said, "at": rfc3339_or_none(witness.at)}
            for witness in cause.witnesses
        ],
        "because_of": None if cause.because_of is None else cause_document(cause.because_of),
    }
