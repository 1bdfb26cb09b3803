"""What belongs to a row of a list: the lists to go to from it, each with its filter, and the log that tells of it."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from raytui.core.joined import Member
from raytui.core.snapshot import Actor, Job, Node
from raytui.core.workload import PlacementGroup, RayWorker, Task, TaskCount
from raytui.view.picture import Picture


class Related(NamedTuple):
    """A part of a list that belongs to one row of another."""

    kind: str
    """Name of the list."""
    filter: str
    """What selects the part, in the language of `--filter`."""
    of: str
    """What it belongs to: `job train-7`."""


class LogWish(NamedTuple):
    """The log that tells of a row."""

    name: str
    """Its name, or that of the node whose files hold it."""
    pid: int = 0
    """The process whose own file is meant; 0 where `name` is the whole name."""
    worker_id: str = ""
    """Ray's id of that process, where it is known."""
    at_error: bool = False
    """Whether its last error is what matters, because what it is of has failed."""
    find: str = ""
    """What is searched for in it."""
    offset: int | None = None
    """The line that is to be shown, by the bytes above it."""


def related(row: object, picture: Picture) -> tuple[Related, ...]:
    """What belongs to a row, what one looks for first standing first; nothing where Ray does not tell what does."""
    if isinstance(row, Job):
        lists = ("actors", "tasks") if row.job_id else ()
        return tuple(Related(kind, _where("job", row.job_id), f"job {row.id}") for kind in lists)
    if isinstance(row, Node | Member):
        node = row if isinstance(row, Node) else row.node
        if node is None:
            return ()
        name = picture.joined.node_name(node.node_id)
        return tuple(Related(kind, _where("node", name), f"node {name}") for kind in ("actors", "tasks", "workers"))
    if isinstance(row, Actor):
        return (Related("tasks", _where("actor", row.actor_id), f"actor {row.actor_id}"),)
    if isinstance(row, PlacementGroup):
        identity = row.placement_group_id
        return (Related("bundles", _where("group", identity), f"placement group {row.name or identity}"),)
    if isinstance(row, TaskCount):
        return (Related("tasks", _where("name", row.name), f"function {row.name}"),) if row.name else ()
    if isinstance(row, RayWorker) and row.pid and row.node_id:
        name = picture.joined.node_name(row.node_id)
        where = f"pid={row.pid} {_where('node', name)}"
        return tuple(Related(kind, where, f"process {row.pid} on {name}") for kind in ("actors", "tasks"))
    return ()


def log_of(row: object, picture: Picture) -> LogWish | str:
    """The log that tells of a row, or the sentence that says why there is none."""
    if isinstance(row, Job):
        if row.type != "SUBMISSION":
            return f"job {row.id} was not submitted, so its output is where its driver was started"
        if not row.driver_node_id:
            return f"job {row.id} has no log: its driver never started"
        return LogWish(f"job/{row.id}", at_error=row.status == "FAILED")
    if isinstance(row, Node):
        return LogWish(_owner(row.node_id, picture), at_error=row.state == "DEAD")
    if isinstance(row, Member):
        died = row.application.state == "failed" or (row.node is not None and row.node.state == "DEAD")
        return LogWish(row.application.short, at_error=died)
    if isinstance(row, Actor) and _is_past(row, picture):
        # What each of its processes wrote, as far as it is kept: Ray's row names the present one alone.
        return LogWish(f"actor/{row.actor_id}", at_error=row.state == "DEAD")
    if isinstance(row, Actor | Task | RayWorker):
        node_id = row.node_id or (row.died_on if isinstance(row, Actor) else "")
        if not row.pid or picture.joined.node(node_id) is None:
            return "it has no log: Ray names no process and node that it ran in"
        died = isinstance(row, Actor | Task) and row.state in {"DEAD", "FAILED"}
        identity = "" if isinstance(row, Actor) else row.worker_id
        return LogWish(_owner(node_id, picture), row.pid, identity, at_error=died)
    return "there is no log of this row"


def _is_past(actor: Actor, picture: Picture) -> bool:
    """Whether an actor ran in processes that its node's own list of files does not show, or may not."""
    node = picture.joined.node(actor.node_id or actor.died_on)
    return actor.restarts > 0 or (bool(actor.pid or actor.died_on) and (node is None or node.state != "ALIVE"))


def log_names(wish: LogWish, names: tuple[str, ...]) -> tuple[str, ...]:
    """Which of a node's logs are those of the process, what it printed before what it complained of."""
    found = [
        name
        for name in names
        if wish.worker_id in name and any(name.endswith(f"-{wish.pid}.{end}") for end in ("out", "err", "log"))
    ]
    return tuple(sorted(found, key=lambda name: (not name.endswith(".out"), name)))


def _owner(node_id: str, picture: Picture) -> str:
    """The name under which the logs of a node are found."""
    node = picture.joined.node(node_id)
    owner = picture.joined.application_of(node) if node is not None else None
    owner = owner or (picture.joined.namesake(node) if node is not None else None)
    return owner.short if owner is not None else f"node-{node_id[:8]}"


def _where(column: str, value: str) -> str:
    return f"{column}={value}" if shlex.quote(value) == value else shlex.quote(f"{column}={value}")
