"""Why a worker process of Ray, an actor or a task ended."""

from __future__ import annotations

import re
from collections.abc import Iterator

from raytui.core.causes.excerpts import error_line, exception_block, first_line
from raytui.core.causes.nodes import of_node
from raytui.core.causes.signs import kind_of, memory_of
from raytui.core.causes.values import Cause, CauseKind, Evidence, Witness
from raytui.core.observed.snapshot import Actor, Node, RayEvent
from raytui.core.observed.workload import RayWorker, Task
from raytui.core.remedy import Hint, Remedy

_WANTED = frozenset({"RAY_KILL", "OUT_OF_SCOPE", "REF_DELETED"})
"""Ray's reasons for the end of an actor that its program wanted."""
_ACTOR_ID = re.compile(r"(?:actor_id: |The actor )([0-9a-f]{32})\b")
_WANTED_EXIT = re.compile(r"INTENDED_(?:USER|SYSTEM)_EXIT")
_NODE_ID = re.compile(r"\b(?:Node Id|ID|node_id)[:=] ?([0-9a-f]{56})\b")
_EXIT = re.compile(r"Worker exit type: (\w+)")
_FIELD = re.compile(r"^\s+(class_name|name): (\S+)$", re.MULTILINE)
_DEATHS = {
    "due to the node running low on memory": "OUT_OF_MEMORY",
    "its node has died": "NODE_DIED",
    "its worker process has died": "WORKER_DIED",
    "killed by `ray.kill`": "RAY_KILL",
}
"""Ray's sentences about the death of an actor, and the word that its list has for each."""
_NEAR_S = 30.0
"""Seconds that an event may lie from an end and tell of it."""
MEMORY_HINT = "give the node more memory, let fewer tasks run at once (more CPUs each), or make the task smaller"
_TASK_KINDS: dict[str, CauseKind] = {
    "OUT_OF_MEMORY": "out_of_memory",
    "OUT_OF_DISK_ERROR": "disk_full",
    "NODE_DIED": "node_lost",
    "LOCAL_RAYLET_DIED": "node_lost",
    "WORKER_DIED": "process_lost",
    "ACTOR_DIED": "actor_lost",
    "OWNER_DIED": "owner_ended",
    "RUNTIME_ENV_SETUP_FAILED": "environment",
    "TASK_UNSCHEDULABLE_ERROR": "unschedulable",
    "ACTOR_UNSCHEDULABLE_ERROR": "unschedulable",
    "TASK_CANCELLED": "planned",
    "TASK_PLACEMENT_GROUP_REMOVED": "planned",
    "ACTOR_PLACEMENT_GROUP_REMOVED": "planned",
    "TASK_EXECUTION_EXCEPTION": "exception",
}
"""Ray's `error_type` of a task (ErrorType in its common.proto), as far as it tells what happened."""


def of_worker(evidence: Evidence, worker: RayWorker) -> Cause | None:
    """Why a worker process ended; none of one that lives."""
    if worker.is_alive:
        return None
    detail = worker.exit_detail
    witnesses = [Witness("Ray", _with(worker.exit_type, detail), worker.ended_at)]
    kind: CauseKind = "process_lost"
    said = "ended without a word: it was killed or it crashed"
    certain = True
    because = None
    event = memory_event(evidence, worker.node_id, worker.worker_id)
    if worker.exit_type.startswith("INTENDED"):
        kind, said = "planned", "ended as it was meant to"
    elif worker.exit_type == "NODE_OUT_OF_MEMORY" or kind_of(detail) == "out_of_memory" or event is not None:
        kind = "out_of_memory"
        said = f"was killed for memory{memory_of(detail)}"
    elif worker.exit_type == "USER_ERROR":
        kind, said = (
            "exception",
            f"ended with an error of its program: {error_line(detail) or 'Ray does not say which'}",
        )
    else:
        because = _node_with_it(evidence, worker.node_id, worker.ended_at)
        kind, certain = ("node_lost", True) if because is not None else (kind, False)
        said = "ended" if because is not None else said
    if event is not None:
        witnesses.append(Witness("Ray's events", first_line(event.message), event.at))
    where = evidence.joined.node_name(worker.node_id) or "an unknown node"
    name = f"process {worker.pid or worker.worker_id[:8]} on {where}"
    remedy: Hint = MEMORY_HINT if kind == "out_of_memory" else ""
    return Cause(
        "worker", worker.worker_id, kind, f"{name} {said}", tuple(witnesses), because, remedy, certain, worker.ended_at
    )


def of_actor(evidence: Evidence, actor: Actor) -> Cause | None:
    """Why an actor is dead; none of one that is not."""
    if actor.state != "DEAD":
        return None
    worker = _worker_of(evidence, actor)
    witnesses = list(_said_of_actor(actor, worker))
    name = _actor(actor)
    at = worker.ended_at if worker is not None else 0.0
    exit_type = _EXIT.search(actor.message)
    certain = True
    because: Cause | None = None
    kind: CauseKind
    if actor.death in _WANTED or (exit_type is not None and _WANTED_EXIT.match(exit_type[1])):
        kind, said = "planned", "was ended by its program"
    elif actor.death == "OUT_OF_MEMORY" or kind_of(actor.message) == "out_of_memory":
        kind, said = "out_of_memory", f"was killed for memory{memory_of(actor.message)}"
    elif actor.death == "NODE_DIED":
        because = _node_named(evidence, actor.died_on, actor.message)
        kind, said = "node_lost", "died" if because is not None else "died with its node"
    elif actor.death == "CONSTRUCTOR_FAILED":
        kind, said = "exception", f"failed in its constructor: {error_line(actor.message)}"
    elif actor.death == "RUNTIME_ENV_SETUP_FAILED":
        kind, said = "environment", f"could not start: its runtime environment failed: {error_line(actor.message)}"
    elif actor.death == "UNSCHEDULABLE":
        kind, said = "unschedulable", f"could not be placed: {first_line(actor.message)}"
    elif actor.death == "OWNER_DIED":
        kind, said = _with_owner(evidence, actor)
    elif worker is not None and (found := of_worker(evidence, worker)) is not None:
        kind, because, said, certain = found.kind, found, "died", found.certain
        # What is said of its process stands with the process.
        witnesses = witnesses[:1]
    elif actor.death == "WORKER_DIED":
        kind, said, certain = "process_lost", "died: its process ended without a word, killed or crashed", False
    else:
        kind, said, certain = "unknown", "is dead, and Ray does not say why", False
    remedy: Hint = MEMORY_HINT if kind == "out_of_memory" else ""
    if kind in {"process_lost", "unknown"}:
        remedy = Remedy("logs", "--list", "names the logs of its process and of the raylet beside it")
    return Cause("actor", actor.actor_id, kind, f"{name} {said}", tuple(witnesses), because, remedy, certain, at)


def of_task(evidence: Evidence, task: Task) -> Cause | None:
    """Why a task failed; none of one that did not."""
    if task.state != "FAILED":
        return None
    witnesses = [Witness("Ray", task.error_type or "FAILED", task.ended_at)]
    line = error_line(task.message)
    if line:
        witnesses.append(Witness("Ray", line, task.ended_at))
    kind = _TASK_KINDS.get(task.error_type, "unknown")
    name = f"task {task.name or task.task_id[:8]}"
    certain = kind != "unknown"
    because: Cause | None = None
    said = f"failed: {line or task.error_type or 'Ray does not say why'}"
    if kind == "planned":
        said = "was cancelled" if task.error_type == "TASK_CANCELLED" else "ended with its placement group"
    elif kind == "out_of_memory":
        said = f"was killed for memory{memory_of(task.message)}"
    elif kind == "exception":
        because = named_actor(evidence, exception_block(task.message, line), line, task.ended_at)
        kind, said = (because.kind, "failed") if because is not None else (kind, said)
    elif kind == "actor_lost":
        actor = next((a for a in evidence.snapshot.actors.value or () if a.actor_id == task.actor_id), None)
        because = of_actor(evidence, actor) if actor is not None else None
    elif kind in {"node_lost", "process_lost"}:
        because = _node_named(evidence, task.node_id, task.message) if kind == "node_lost" else None
        worker = next((w for w in evidence.snapshot.ray_workers.value or () if w.worker_id == task.worker_id), None)
        because = because or (of_worker(evidence, worker) if worker is not None else None)
        certain = kind == "node_lost" or (because is not None and because.certain)
    if because is not None:
        kind, said, certain = because.kind, "failed", because.certain
    remedy: Hint = MEMORY_HINT if kind == "out_of_memory" else ""
    return Cause("task", task.key, kind, f"{name} {said}", tuple(witnesses), because, remedy, certain, task.ended_at)


def named_actor(evidence: Evidence, block: str, line: str, at: float) -> Cause | None:
    """Why the actor died of whose death an exception tells; none of another exception or an unknown actor.

    An actor that ended with the program that the exception ended is no cause of it: then its node may be.
    """
    if not re.match(r"(?:ray\.exceptions\.)?(?:ActorDiedError|RayActorError|ActorUnavailableError)\b", line):
        return None
    named = _ACTOR_ID.findall(block)
    actor = next((a for a in evidence.snapshot.actors.value or () if named and a.actor_id == named[-1]), None)
    actor = actor or _actor_in(block)
    if actor is None:
        return None
    found = of_actor(evidence, actor)
    if found is not None and found.is_death and found.kind != "owner_ended":
        return found
    node = _node_with_it(evidence, actor.node_id or actor.died_on, at)
    if node is None or not node.is_death:
        return None
    witnesses = found.witnesses if found is not None else ()
    return Cause("actor", actor.actor_id, "node_lost", f"{_actor(actor)} was lost", witnesses, node, at=node.at)


def _actor_in(block: str) -> Actor | None:
    """The dead actor as Ray's exception tells of it, where actors were not asked for; none if it tells too little."""
    named = _ACTOR_ID.search(block)
    death = next((death for words, death in _DEATHS.items() if words in block), "")
    if named is None or not death:
        return None
    fields = dict(_FIELD.findall(block))
    words = block[max(block.find("The actor ", named.end()), named.end()) :].strip()
    return Actor(
        named[1], fields.get("class_name", ""), "DEAD", name=fields.get("name", ""), death=death, message=words
    )


def _actor(actor: Actor) -> str:
    return f"actor {actor.name or actor.class_name} ({actor.actor_id[:8]})"


def memory_event(evidence: Evidence, node_id: str, identity: str) -> RayEvent | None:
    """Ray's event that it killed this process for memory: one that names it."""
    for event in evidence.snapshot.events.value or ():
        if event.label == "Out of Memory" and event.node_id in {"", node_id} and identity and identity in event.message:
            return event
    return None


def _with(word: str, text: str) -> str:
    """Ray's word with the first line of its text."""
    return f"{word}: {first_line(text)}" if text.strip() else word


def _said_of_actor(actor: Actor, worker: RayWorker | None) -> Iterator[Witness]:
    reason = error_line(actor.message) if actor.death == "CONSTRUCTOR_FAILED" else first_line(actor.message)
    yield Witness("Ray", f"{actor.death}: {reason}" if actor.death and reason else reason or actor.death or "DEAD")
    if worker is not None and worker.exit_type:
        yield Witness("Ray", f"its process: {_with(worker.exit_type, worker.exit_detail)}", worker.ended_at)


def _worker_of(evidence: Evidence, actor: Actor) -> RayWorker | None:
    """The ended process in which the actor ran: the one of its number on its node, when there is only one."""
    node = actor.node_id or actor.died_on
    found = [
        worker
        for worker in evidence.snapshot.ray_workers.value or ()
        if actor.pid and worker.pid == actor.pid and not worker.is_alive and (not node or worker.node_id == node)
    ]
    return found[0] if len(found) == 1 else None


def _with_owner(evidence: Evidence, actor: Actor) -> tuple[CauseKind, str]:
    """An actor that ended with the program that made it, which is as it should be when that program was done."""
    job = next((job for job in evidence.snapshot.jobs.value or () if actor.job_id and job.job_id == actor.job_id), None)
    if job is None:
        return "owner_ended", "ended with its owner"
    if job.status in {"SUCCEEDED", "STOPPED"}:
        return "planned", f"ended with its job {job.id} ({job.status})"
    return "owner_ended", f"ended with its owner, of job {job.id} ({job.status})"


def _node_named(evidence: Evidence, node_id: str, text: str) -> Cause | None:
    found = _NODE_ID.search(text)
    node = evidence.joined.node(found[1] if found is not None else node_id)
    return of_node(evidence, node) if node is not None else None


def _node_with_it(evidence: Evidence, node_id: str, at: float) -> Cause | None:
    """The death of a node that took its process along: no earlier, and noticed within a minute and a half."""
    node: Node | None = evidence.joined.node(node_id)
    if (
        node is None
        or node.state != "DEAD"
        or (at and node.ended_at and not -_NEAR_S < node.ended_at - at < 3 * _NEAR_S)
    ):
        return None
    return of_node(evidence, node)
