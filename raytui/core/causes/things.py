"""Which thing a person means by a name, an id or the beginning of one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from raytui.core.causes.jobs import of_job
from raytui.core.causes.nodes import of_application, of_node
from raytui.core.causes.processes import of_actor, of_task, of_worker
from raytui.core.causes.serve import of_deployment
from raytui.core.causes.values import Cause, Evidence
from raytui.core.errors import ConfigurationError, NotFound
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Actor, Application, Job, Node, Snapshot
from raytui.core.observed.workload import PlacementGroup, RayWorker, ServeDeployment, Task
from raytui.core.remedy import Remedy

Row = Application | Node | Job | Actor | Task | PlacementGroup | RayWorker | ServeDeployment
SHORTEST = 4
"""Characters of an id that name a thing at least."""
_KINDS = ("job", "actor", "task", "node", "placement group", "group", "Serve replica", "deployment")
_LISTED = 5
"""Things of one name that are listed."""


class Thing(msgspec.Struct, frozen=True):
    """One thing that can be explained."""

    kind: str
    """application, node, job, actor, task, placement group, worker process or deployment."""
    id: str
    title: str
    """How a sentence names it: `job train`."""
    state: str
    row: Row
    names: tuple[str, ...] = ()
    """What else it answers to."""


def find(snapshot: Snapshot, wanted: str) -> Thing:
    """The thing of this name, id, or beginning of an id.

    Raises `NotFound` with the nearest names, and `ConfigurationError` with the ids when several bear it.
    """
    things = list(things_of(snapshot))
    bare = _bare(wanted)
    exact: Sequence[Thing] = [thing for thing in things if {wanted, bare} & {thing.id, *thing.names}]
    found: Sequence[Thing] = exact or [thing for thing in things if len(bare) >= SHORTEST and thing.id.startswith(bare)]
    found = _one_of(found)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{thing.kind} {thing.id} ({thing.state})" for thing in found[:_LISTED])
        more = f" and {len(found) - _LISTED} more" if len(found) > _LISTED else ""
        raise ConfigurationError(
            f"{wanted} names {len(found)} things: {listed}{more}", hint="give the id, or more of it", reason="Ambiguous"
        )
    known = {name for thing in things for name in (*thing.names, thing.id)}
    near = difflib.get_close_matches(wanted, sorted(known), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise NotFound(
        f"{snapshot.cluster} has no node, job, actor, task, placement group or application {wanted}",
        hint=(f"{hint}lists of what there is: ", Remedy("nodes"), Remedy("jobs"), Remedy("actors"), Remedy("tasks")),
    )


def cause_of(evidence: Evidence, row: object) -> Cause | None:
    """Why it ended; none of one that lives, and of what does not die."""
    match row:
        case Application():
            return of_application(evidence, row)
        case Node():
            return of_node(evidence, row)
        case Job():
            return of_job(evidence, row)
        case Actor():
            return of_actor(evidence, row)
        case Task():
            return of_task(evidence, row)
        case RayWorker():
            return of_worker(evidence, row)
        case ServeDeployment():
            return of_deployment(evidence, row)
    return None


def things_of(snapshot: Snapshot) -> Iterator[Thing]:
    """Everything that can be explained, applications and their nodes first."""
    joined = join(snapshot)
    for app in () if snapshot.by_ray else snapshot.applications.value or ():
        state = joined.state_of(app)[1]
        names = (app.name, app.short)
        yield Thing("application", app.id, f"application {app.short}", state or app.state, app, names)
    for node in snapshot.nodes.value or ():
        name = joined.node_name(node.node_id)
        # An application's own node is explained with it.
        own = () if joined.application_of(node) is not None and not snapshot.by_ray else (node.name, name)
        yield Thing("node", node.node_id, f"node {name}", node.state, node, own)
    for job in snapshot.jobs.value or ():
        yield Thing("job", job.id, f"job {job.id}", job.status, job, (job.job_id,) if job.job_id else ())
    yield from _of_workload(snapshot)


def _of_workload(snapshot: Snapshot) -> Iterator[Thing]:
    for actor in snapshot.actors.value or ():
        names = tuple(name for name in (actor.name, actor.class_name) if name)
        title = f"actor {actor.name or actor.class_name} ({actor.actor_id[:8]})"
        yield Thing("actor", actor.actor_id, title, actor.state, actor, names)
    latest: dict[str, Task] = {}
    for task in snapshot.tasks.value or ():
        if task.task_id not in latest or latest[task.task_id].attempt < task.attempt:
            latest[task.task_id] = task
    for task in latest.values():
        yield Thing("task", task.task_id, f"task {task.name or task.task_id[:8]}", task.state, task, (task.name,))
    for group in snapshot.placement_groups.value or ():
        title = f"placement group {group.name or group.placement_group_id[:8]}"
        names = (group.name,) if group.name else ()
        yield Thing("placement group", group.placement_group_id, title, group.state, group, names)
    for worker in snapshot.ray_workers.value or ():
        state = "ALIVE" if worker.is_alive else "DEAD"
        yield Thing("worker process", worker.worker_id, f"process {worker.pid or worker.worker_id[:8]}", state, worker)
    for deployment in snapshot.serve.value or ():
        names = tuple(name for name in (deployment.application, deployment.name) if name)
        what = "deployment" if deployment.name else "Serve application"
        yield Thing("deployment", deployment.id, f"{what} {deployment.id}", deployment.status, deployment, names)


def _one_of(found: Sequence[Thing]) -> Sequence[Thing]:
    """The one that is meant where a name stands for several: the deployment of a Serve application that is worst."""
    if len(found) > 1 and all(thing.kind == "deployment" for thing in found):
        applications = {thing.names[0] for thing in found}
        if len(applications) == 1:
            return _worst(found)[:1]
    kinds = {thing.kind for thing in found}
    if len(found) > 1 and kinds <= {"actor", "task"} and len(kinds) == 1:
        # Of a name that many bear, the one that is not as it should be.
        wrong = [thing for thing in found if thing.state in {"FAILED", "DEAD"} or thing.state.startswith("PENDING")]
        # Several that wait for the same differ in nothing that could be known of one of them.
        return wrong[:1] if len(wrong) == 1 or len(set(map(_demand, wrong))) == 1 else found
    return found


def _demand(thing: Thing) -> tuple[object, ...]:
    """What a thing that waits asks for; of anything else its own id, since it is like no other."""
    row = thing.row
    if not isinstance(row, Actor | Task) or not thing.state.startswith("PENDING"):
        return (thing.id,)
    needs = frozenset(row.resources.items())
    return (thing.state, row.job_id, needs, frozenset(row.label_selector.items()), row.placement_group_id)


def _bare(wanted: str) -> str:
    """A name without the kind before it: `job/train`, and `task load` as conditions say it."""
    for kind, separator in ((kind, separator) for kind in _KINDS for separator in "/ "):
        if wanted.startswith(kind + separator):
            return wanted.removeprefix(kind + separator)
    return wanted


def _worst(found: Iterable[Thing]) -> list[Thing]:
    order = ("DEPLOY_FAILED", "UNHEALTHY", "UPDATING", "HEALTHY")
    return sorted(found, key=lambda thing: order.index(thing.state) if thing.state in order else len(order))


class Process(msgspec.Struct, frozen=True):
    """A living process of Ray's that runs a thing."""

    title: str
    node_id: str
    ip: str
    pid: int


def processes_of(snapshot: Snapshot, thing: Thing) -> list[Process]:
    """The living processes that run a thing: of a job those of its actors and running tasks."""
    row, joined = thing.row, join(snapshot)
    rows: list[Actor | Task | RayWorker] = [row] if isinstance(row, Actor | Task | RayWorker) else []
    if isinstance(row, Job) and row.job_id:
        rows += [actor for actor in snapshot.actors.value or () if actor.job_id == row.job_id]
        rows += [task for task in snapshot.tasks.value or () if task.job_id == row.job_id]
    found: dict[tuple[str, int], Process] = {}
    for one in rows:
        is_living = one.is_alive if isinstance(one, RayWorker) else one.state in {"ALIVE", "RUNNING"}
        node = joined.node(one.node_id)
        if is_living and one.pid and node is not None:
            title = f"{_title(one)} (process {one.pid} on {joined.node_name(one.node_id)})"
            found.setdefault((one.node_id, one.pid), Process(title, one.node_id, node.ip, one.pid))
    return list(found.values())


def _title(row: Actor | Task | RayWorker) -> str:
    if isinstance(row, RayWorker):
        return row.type.lower() or "worker"
    return f"task {row.name}" if isinstance(row, Task) else f"actor {row.name or row.class_name}"
