"""What ends with the nodes that a plan ends, before anything happens: jobs, actors, Serve replicas, bundles, tasks.

Counted from one snapshot and nothing else. What could not be observed is named as not known, never left out: whoever
confirms must be able to tell "nothing runs there" from "nobody could look".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import msgspec

from raytui.core.observed.joined import Joined, Member, join
from raytui.core.observed.snapshot import Actor, Job, Reading, Snapshot
from raytui.core.plan import LIVE, Plan
from raytui.core.platforms import traits
from raytui.core.questions import Question

QUESTIONS: frozenset[Question] = frozenset({"nodes", "stats", "jobs", "actors", "serve", "placement_groups", "tasks"})
"""What must be asked for all of it to be known."""
JOB_OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
REPLICA = "ServeReplica:"
"""How Ray's class of a Serve replica begins; application and deployment follow."""
_OF_RAY = ("JobSupervisor", "ServeController", "ProxyActor", "_StatsActor", REPLICA)
_SUPERVISOR = "_ray_internal_job_actor_"
"""How Ray names the actor that runs a submitted job's driver; the submission id follows."""


class JobEnd(msgspec.Struct, frozen=True):
    """A job that ends, because its driver runs on a node that ends."""

    id: str
    seconds: float | None = None
    """How long it has run; none where Ray does not tell since when."""


class ReplicaEnd(msgspec.Struct, frozen=True):
    """Replicas of one Serve deployment that end."""

    application: str
    deployment: str
    ends: int
    of: int


class Blast(msgspec.Struct, frozen=True):
    """What ends. None, and but for objects a word in `unknown`, where it was not observed."""

    jobs: tuple[JobEnd, ...] | None = ()
    actors: int | None = 0
    """All living ones on these nodes, Ray's own too, and those that go with a job that ends."""
    actors_of_ray: int = 0
    """Of these, those that Ray runs for jobs and for Serve."""
    is_more: bool = False
    """Whether Ray listed a part of its actors only, so that there may be more."""
    detached: tuple[str, ...] = ()
    """Names of detached actors that end: nobody makes them again."""
    named: tuple[str, ...] = ()
    """Names of the others that have one."""
    replicas: tuple[ReplicaEnd, ...] | None = ()
    groups: tuple[str, ...] | None = ()
    """Placement groups that lose bundles, by name or id."""
    tasks: dict[str, int] | None = {}
    """Running tasks by name."""
    object_bytes: int | None = None
    """What the object stores of these nodes hold; none where one of them does not tell, and then nothing is said of it.
    """
    is_all: bool = False
    """Whether the head is among the nodes, so that everything ends."""
    idlest: str = ""
    """The worker of these groups with the least on it, where the plan leaves it and ends others."""
    drain: str = ""
    """What running tasks may expect."""
    unknown: tuple[str, ...] = ()
    """What could not be observed, each with the reason."""


def blast_of(plan: Plan, snapshot: Snapshot) -> Blast:
    """What ends with the nodes of `plan.ends`, as far as this snapshot tells."""
    joined = join(snapshot)
    doomed = [app for app in plan.ends if app.state in {*LIVE, "stopping"}]
    if not doomed:
        return Blast()
    ids = {app.name: joined.member(app).node_id for app in doomed}
    is_all = any(app.role == "head" for app in doomed)
    found = _ending(joined, frozenset(filter(None, ids.values())), is_all=is_all)
    lost = [app.short for app in doomed if not ids[app.name]]
    unknown = found.unknown
    if lost and not is_all:
        unknown = (f"what runs on {name_some(lost)} (no Ray node of it is known)", *unknown)
    idlest = _idlest(plan, joined) if plan.verb == "scale" else ""
    drain, doubt = _drain(plan, snapshot)
    return msgspec.structs.replace(found, idlest=idlest, drain=drain, unknown=(*unknown, *([doubt] if doubt else [])))


def _ending(joined: Joined, ids: frozenset[str], *, is_all: bool) -> Blast:
    """What lives on these nodes, or everywhere."""
    snapshot = joined.snapshot
    unknown: list[str] = []
    silent: dict[str, list[str]] = {}

    def known(reading: Reading[tuple[object, ...]], what: str) -> bool:
        if reading.value is None:
            failure = reading.failure or snapshot.gcs.failure or snapshot.dashboard
            silent.setdefault(failure.message if failure is not None else "no answer yet", []).append(what)
        elif reading.unreadable:
            unknown.append(f"{reading.unreadable:,} {what} that could not be read")
        return reading.value is not None

    def on(node_id: str) -> bool:
        return is_all or node_id in ids

    actors = snapshot.actors.value if known(snapshot.actors, "actors") else None
    jobs = _jobs(snapshot, actors, ids, unknown, is_all=is_all) if known(snapshot.jobs, "jobs") else None
    ended = {job.job_id for job in jobs or () if job.job_id}
    dying = [
        actor
        for actor in actors or ()
        if actor.state != "DEAD" and (on(actor.node_id) or (actor.job_id in ended and not actor.is_detached))
    ]
    own = sum(actor.class_name.startswith(_OF_RAY) for actor in dying)
    named = [actor for actor in dying if actor.name and not actor.class_name.startswith(_OF_RAY)]
    beyond = actors is not None and (snapshot.actors.total or 0) > len(actors) + snapshot.actors.unreadable
    replicas = None
    if known(snapshot.serve, "Serve replicas"):
        rows = [row for row in snapshot.serve.value or () if row.replicas]
        ends = [row.replicas if is_all else sum(map(on, row.nodes)) for row in rows]
        unplaced = [f"{row.application}/{row.name}" for row in rows if len(row.nodes) < row.replicas and not is_all]
        if unplaced:
            unknown.append(f"where replicas of {name_some(unplaced)} run")
        replicas = tuple(
            ReplicaEnd(row.application, row.name, count, row.replicas)
            for row, count in zip(rows, ends, strict=True)
            if count
        )
    groups = None
    if known(snapshot.placement_groups, "placement groups"):
        groups = tuple(
            group.name or group.placement_group_id[:12]
            for group in snapshot.placement_groups.value or ()
            if group.state != "REMOVED" and any(bundle.node_id and on(bundle.node_id) for bundle in group.bundles)
        )
    tasks = None
    if known(snapshot.tasks, "running tasks"):
        tasks = dict(
            Counter(
                task.name
                for task in snapshot.tasks.value or ()
                if task.state == "RUNNING" and task.type != "DRIVER_TASK" and on(task.node_id)
            ).most_common()
        )
        if (snapshot.tasks.total or 0) > len(snapshot.tasks.value or ()):
            unknown.append(f"running tasks beyond the {len(snapshot.tasks.value or ()):,} that Ray listed")
    stores = [node.object_store_used for node in joined.nodes.values() if on(node.node_id) and node.state == "ALIVE"]
    return Blast(
        jobs=None if jobs is None else tuple(JobEnd(job.id, _ran(job, snapshot)) for job in jobs),
        actors=None if actors is None else len(dying),
        actors_of_ray=own,
        is_more=beyond,
        detached=tuple(actor.name for actor in named if actor.is_detached),
        named=tuple(actor.name for actor in named if not actor.is_detached),
        replicas=replicas,
        groups=groups,
        tasks=tasks,
        object_bytes=sum(store for store in stores if store is not None)
        if stores and not any(store is None for store in stores)
        else None,
        is_all=is_all,
        unknown=(*(f"{', '.join(what)} ({why})" for why, what in silent.items()), *unknown),
    )


def _jobs(
    snapshot: Snapshot, actors: tuple[Actor, ...] | None, ids: frozenset[str], unknown: list[str], *, is_all: bool
) -> list[Job]:
    """The jobs that end. Where Ray does not say where a driver runs, the actor that supervises it tells."""
    ran_on = {
        actor.name.removeprefix(_SUPERVISOR): actor.node_id
        for actor in actors or ()
        if actor.name.startswith(_SUPERVISOR) and actor.state != "DEAD"
    }
    running = [job for job in snapshot.jobs.value or () if job.status not in JOB_OVER]
    if is_all:
        return running
    places = [(job, job.driver_node_id or ran_on.get(job.id, "")) for job in running]
    lost = [job.id for job, place in places if not place and job.status == "RUNNING"]
    if lost:
        unknown.append(f"where the driver of job {name_some(lost)} runs")
    return [job for job, place in places if place in ids]


def _ran(job: Job, snapshot: Snapshot) -> float | None:
    return max(0.0, snapshot.observed_at - job.started_at) if job.started_at else None


def _idlest(plan: Plan, joined: Joined) -> str:
    """The worker with the least on it among those whose groups lose some; empty where it ends, or nobody can tell."""
    snapshot = joined.snapshot
    groups = {app.group for app in plan.ends if app.role == "worker"}
    workers = [m for m in joined.workers if m.application.group in groups and m.is_alive and m.node is not None]
    asked = (snapshot.actors, snapshot.jobs, snapshot.serve)
    if len(workers) < 2 or any(reading.value is None for reading in asked):
        return ""

    # Counted in one pass: what is asked of each worker would be a look at every actor for each of thousands.
    actors = Counter(actor.node_id for actor in snapshot.actors.value or () if actor.state != "DEAD")
    drivers = Counter(job.driver_node_id for job in snapshot.jobs.value or () if job.status not in JOB_OVER)

    def weight(member: Member) -> tuple[int, int, float, int]:
        cpu = member.node.cpu_percent if member.node is not None else None
        known = 101.0 if cpu is None else cpu
        return drivers[member.node_id], actors[member.node_id], known, -member.application.index

    least = min(workers, key=weight).application
    return "" if any(app.name == least.name for app in plan.ends) else least.short


def _drain(plan: Plan, snapshot: Snapshot) -> tuple[str, str]:
    """What running tasks may expect, and what of that is not known.

    From 2.59 on a node that is asked to end takes no new work and lets tasks go on for 30 s; 2.48 ends them at once.
    Processes of this machine are given that time (measured: restart and stop of head and workers with tasks of 12 and
    24 s). A workbench sends SIGTERM and after a time of its own SIGKILL: only what a step of the plan drains is sure.
    """
    version = snapshot.version.value
    if version is None:
        return "", ""
    numbers = [int(part) if part.isdigit() else 0 for part in version.ray_version.split(".")[:2]]
    if numbers <= [2, 48]:
        return f"Ray {version.ray_version} ends running tasks at once", ""
    if numbers < [2, 59]:
        return "", f"whether Ray {version.ray_version} lets running tasks finish"
    drained = {name for step in plan.steps if step.action == "drain" for name in step.targets}
    is_cut = traits(snapshot.platform).is_workbench and any(
        app.state in LIVE and app.name not in drained for app in plan.ends
    )
    if is_cut:
        return (
            "no new work; running tasks get up to 30 s, less where the workbench kills sooner",
            "how long the workbench waits before it kills",
        )
    return "drained first: no new work, running tasks get up to 30 s", ""


def name_some(names: Iterable[str], most: int = 3) -> str:
    """The first names, and how many more."""
    found = list(names)
    more = len(found) - most
    return ", ".join(found[:most]) + (f" and {more:,} more" if more > 0 else "")
