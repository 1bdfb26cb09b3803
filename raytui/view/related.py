"""What belongs to a row of a list: the lists to go to from it, each with its filter, and the log that tells of it."""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from raytui.core.causes.excerpts import has_traceback
from raytui.core.causes.serve import lost_replicas
from raytui.core.causes.values import Evidence
from raytui.core.observed.joined import Member, owner_of_logs
from raytui.core.observed.snapshot import Actor, Job, Node
from raytui.core.observed.workload import PlacementGroup, RayWorker, ServeDeployment, ServeReplica, Task, TaskCount
from raytui.view.picture import Picture
from raytui.view.tables.replicas import Row as ReplicaRow


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
    file: str = ""
    """A further file of the process, by its name below the log folder of its node: all its files are merged then."""


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
    if isinstance(row, ServeDeployment):
        # An application without a deployment has neither.
        parts = shlex.quote(f"application={row.application}"), shlex.quote(f"deployment={row.name}")
        of, actors = f"deployment {row.id}", _where("class", f"ServeReplica:{row.application}:{row.name}")
        return (Related("replicas", " ".join(parts), of), Related("actors", actors, of)) if row.name else ()
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
    if isinstance(row, ServeDeployment):
        return _log_of_deployment(row, picture)
    if isinstance(row, ReplicaRow):
        return _log_of_replica(row.replica, picture)
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


def _log_of_deployment(row: ServeDeployment, picture: Picture) -> LogWish | str:
    """What tells why it fails: the controller why its replicas do not start, a replica what it did before it died."""
    lost = lost_replicas(Evidence(picture.joined), row) if row.ended else []
    newest = max((*row.all_replicas, *row.ended), key=lambda replica: replica.started_at, default=None)
    if lost and lost[0][0] == row.ended[-1] and not has_traceback(row.message):
        return _log_of_replica(lost[0][0], picture)
    if newest is not None and newest.log and row.status == "HEALTHY":
        return _log_of_replica(newest, picture)
    if not row.controller_log:
        return "it has no log: Serve does not tell where its controller writes"
    return LogWish(f"{_owner(row.controller_node, picture)}/{row.controller_log}", at_error=True, find=_pattern_of(row))


def _pattern_of(row: ServeDeployment) -> str:
    """The pattern of the controller's lines that complain of a deployment, as Ray 2.9 and 2.60 write them."""
    app, name = re.escape(row.application), re.escape(row.name)
    subject = (
        f"deployment='{name}', app='{app}'|{app}#{name}#|'{name}' in application '{app}'" if name else f"app '{app}'"
    )
    return f"^(ERROR|WARNING) .*({subject})"


def _log_of_replica(replica: ServeReplica, picture: Picture) -> LogWish | str:
    if not replica.node_id or not (replica.log or replica.pid):
        return "it has no log yet: it has no process"
    owner, has_ended = _owner(replica.node_id, picture), replica.state == "STOPPED"
    return LogWish(owner, replica.pid, replica.worker_id, at_error=has_ended, file=replica.log)


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
    own = [name for name in names if wish.file and name.partition("/")[2] == wish.file]
    return (*own, *sorted(found, key=lambda name: (not name.endswith(".out"), name)))


def _owner(node_id: str, picture: Picture) -> str:
    return owner_of_logs(picture.joined, node_id)


def _where(column: str, value: str) -> str:
    return f"{column}={value}" if shlex.quote(value) == value else shlex.quote(f"{column}={value}")
