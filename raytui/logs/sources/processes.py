"""The logs of an actor or a task: what each process wrote in which it ran, those of earlier lives and attempts too.

Ray's list of actors knows the present process alone. Its list of tasks has a row for every attempt of every
constructor, method call and task, with the process and the node.
"""

from __future__ import annotations

import contextlib

from raytui.core.errors import NotFound, OperationFailed, RaytuiError
from raytui.core.observed.snapshot import Snapshot
from raytui.core.protocols.dashboard import Dashboard
from raytui.core.remedy import Remedy
from raytui.core.session import LogSource
from raytui.logs.sources.naming import lives, owners
from raytui.logs.sources.shipped import Kept

KINDS = ("actor", "task")
MOST_TASKS = 10_000
"""Rows that Ray gives at most."""
Process = tuple[str, int]
"""The id of its node and its pid there."""


async def of_processes(dashboard: Dashboard, kept: Kept, snapshot: Snapshot, name: str) -> list[LogSource]:
    """The logs of `actor/ID`, `actor/NAME` or `task/ID`, newest process last.

    Raises `NotFound` for an unknown one and when nothing of its processes is left, `OperationFailed` when that is not
    known.
    """
    kind, _, identity = name.partition("/")
    ran = await (_of_actor if kind == "actor" else _of_task)(dashboard, identity)
    if not ran:
        raise NotFound(
            f"{snapshot.cluster} has no {kind} {identity} with a process",
            hint=Remedy(f"{kind}s", "", "names those there are"),
        )
    found = [source for process in ran for source in await _files(dashboard, kept, snapshot, name, process)]
    if not found:
        unread = await kept.missed(snapshot.cluster)
        if unread:
            raise OperationFailed(
                f"the node of {kind} {identity} has ended, and what was kept of it cannot be read: {unread[0].reason}",
                reason="Unreadable",
            )
        raise NotFound(
            f"the node of {kind} {identity} has ended, and nothing of its log was kept",
            hint=Remedy("logs", "--all --list", "names what there is"),
        )
    return found


async def _of_actor(dashboard: Dashboard, identity: str) -> list[Process]:
    actors = await dashboard.workload.actors()
    actor = next((actor for actor in actors if identity in {actor.actor_id, actor.name}), None)
    known = actor.actor_id if actor is not None else identity
    ran: dict[Process, None] = {}
    # Without the list of tasks the present process is still known.
    with contextlib.suppress(RaytuiError):
        tasks = sorted(await dashboard.workload.tasks(MOST_TASKS), key=lambda task: task.started_at)
        ran |= {(task.node_id, task.pid): None for task in tasks if task.actor_id == known}
    if actor is not None:
        ran |= {(actor.node_id, actor.pid): None}
    return [process for process in ran if all(process)]


async def _of_task(dashboard: Dashboard, identity: str) -> list[Process]:
    tasks = [task for task in await dashboard.workload.tasks(MOST_TASKS) if task.task_id == identity]
    ran = dict.fromkeys((task.node_id, task.pid) for task in sorted(tasks, key=lambda task: task.attempt))
    return [process for process in ran if all(process)]


async def _files(dashboard: Dashboard, kept: Kept, snapshot: Snapshot, name: str, process: Process) -> list[LogSource]:
    """What one process wrote: through Ray while its node lives, else as it was kept."""
    node_id, pid = process
    ends = (f"-{pid}.out", f"-{pid}.err", f"_{pid}.log")
    owner = next((each for each in owners(snapshot) if each[2] and each[2].node_id == node_id), None)
    app, node = (owner[1], owner[2]) if owner is not None else (None, None)
    if lives(node):
        return [
            LogSource(f"{name}/{file}", "ray", app, snapshot.cluster, node_id, file)
            for file in sorted(await dashboard.log_files(node_id))
            if file.endswith(ends)
        ]
    return [
        LogSource(f"{name}/{file}", "kept", app, snapshot.cluster, node_id, file, life=life)
        for life in await kept.lives(snapshot.cluster)
        if life.node_id == node_id
        for file in life.logs
        if file.endswith(ends)
    ]
