"""The nodes, worker groups and holders of one snapshot, as the arithmetic wants them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from raytui.core.findings.applications import STARTUP_GRACE_S
from raytui.core.observed.holdings import Amounts as QuotaAmounts
from raytui.core.observed.joined import Joined
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import began
from raytui.core.observed.merge import countable
from raytui.core.observed.needs import Part
from raytui.core.observed.snapshot import Amount, Application, Node
from raytui.core.spec import GIGABYTE, GROUP_LABEL, WorkersSpec, place, worker_name
from raytui.core.units import sanitize
from raytui.core.waiting.demands import demands_of
from raytui.core.waiting.outcome import Round
from raytui.core.waiting.values import Amounts, Holder, Place, Waiting, WorkerKind

_KUBERAY_GROUP = "ray.io/node-group"
_OWN_LABELS = frozenset({"ray.io/node-id"})
"""Labels that no other node can have."""
_NO_PLACE = frozenset({"stopping", "stopped", "failed"})


def work_out(joined: Joined, now: Moment) -> list[Waiting]:
    """Why each demand that Ray has not placed waits; for `waiting.why`, which keeps it with the snapshot."""
    snapshot = joined.snapshot
    demands = demands_of(snapshot)
    if not demands or snapshot.nodes.value is None:
        return []
    usage = snapshot.usage.value
    kinds = worker_kinds(joined)
    places = list(_places(joined, made_up=any(_asks_made_up(demand.parts) for demand in demands)))
    places += coming(joined, kinds, now)
    may_grow = usage is not None and usage.may_grow and snapshot.by_ray
    listed = Round(demands, places, kinds, _holders(joined), may_grow=may_grow)
    return [listed.answer(demand) for demand in demands]


def _asks_made_up(parts: Iterable[Part]) -> bool:
    return any(not countable(name) for part in parts for name in part.needs)


def _places(joined: Joined, *, made_up: bool) -> Iterator[Place]:
    """The living nodes that take work: not those that a plan or anybody else ends, nor those that are draining."""
    snapshot = joined.snapshot
    nodes = [node for node in snapshot.nodes.value or () if node.state == "ALIVE"]
    usage = snapshot.usage.value
    per_node = usage.per_node if usage is not None else {}
    addresses = Counter(node.ip for node in nodes) if not all(node.node_id in per_node for node in nodes) else {}
    ends = frozenset(snapshot.operation.ends) if snapshot.operation is not None else frozenset()
    for node in nodes:
        owner = joined.application_of(node)
        if owner is not None and (owner.name in ends or not _takes_work(joined, owner)):
            continue
        amounts = per_node.get(node.node_id)
        if amounts is None and addresses.get(node.ip) == 1:
            amounts = per_node.get(node.ip)
        yield Place(
            sanitize(joined.node_name(node.node_id)),
            {**_totals(amounts), **node.resources} if made_up and amounts else node.resources,
            {name: amount.total - amount.used for name, amount in amounts.items()} if amounts is not None else None,
            _kind(node, owner),
            node.labels,
            node.node_id,
        )


def _totals(amounts: Mapping[str, Amount]) -> dict[str, float]:
    return {name: amount.total for name, amount in amounts.items()}


def _takes_work(joined: Joined, owner: Application) -> bool:
    if owner.state in _NO_PLACE or (owner.launcher is not None and owner.launcher.state == "draining"):
        return False
    return joined.state_of(owner)[1] == "ALIVE"


def _kind(node: Node, owner: Application | None) -> str:
    if node.is_head or (owner is not None and owner.role == "head"):
        return "head"
    own = owner.group if owner is not None else ""
    return own or node.labels.get(GROUP_LABEL) or node.labels.get(_KUBERAY_GROUP) or ""


def worker_kinds(joined: Joined) -> list[WorkerKind]:
    """The groups of which the platform can be asked for more, smallest first; none where raytui changes nothing."""
    snapshot = joined.snapshot
    if snapshot.by_ray:
        return []
    asked = snapshot.asked.value
    sizes: dict[str, WorkersSpec | None] = dict(asked.all_groups) if asked is not None else {}
    for member in joined.workers:
        sizes.setdefault(member.application.group, None)
    made = Counter(_group_of(snapshot.cluster, name, sizes) for name in _created(joined))
    kinds = [_worker_kind(joined, group, size, made[group]) for group, size in sizes.items()]
    return sorted(
        (kind for kind in kinds if kind is not None),
        key=lambda kind: (
            *(kind.shape.get(name, 0.0) for name in ("GPU", "CPU", "memory")),
            place(kind.group, 0),
        ),
    )


def _created(joined: Joined) -> list[str]:
    """Applications that a running plan is about to make."""
    operation = joined.snapshot.operation
    return [name for name in operation.creates if name not in joined.names] if operation is not None else []


def _group_of(cluster: str, name: str, groups: Iterable[str]) -> str:
    index = name.rpartition("-")[2]
    if not index.isdecimal():
        return ""
    return next((group for group in groups if worker_name(cluster, int(index), group) == name), "")


def _worker_kind(joined: Joined, group: str, size: WorkersSpec | None, made: int) -> WorkerKind | None:
    members = [member for member in joined.workers if member.application.group == group]
    apps = [member.application for member in members if member.application.state != "stopping"]
    node = next((m.node for m in members if m.node is not None and m.node.state == "ALIVE" and m.node.resources), None)
    shape = {name: amount for name, amount in (node.resources if node else {}).items() if countable(name)}
    labels = {name: value for name, value in (node.labels if node else {}).items() if name not in _OWN_LABELS}
    is_seen = node is not None
    if size is not None and size.cpu is not None and size.memory is not None:
        sized = {"CPU": size.cpu, "GPU": float(size.gpus), "memory": size.memory * GIGABYTE}
        # The memory that Ray itself counts is the better witness while the size has not changed.
        same = (shape.get("CPU"), shape.get("GPU", 0.0)) == (size.cpu, size.gpus)
        shape, is_seen = ({**sized, **shape}, is_seen) if same or not shape else ({**shape, **sized}, is_seen)
    elif not shape and apps and apps[0].cpu:
        shape = {"CPU": apps[0].cpu, "GPU": float(apps[0].gpus), "memory": apps[0].memory * GIGABYTE}
    if not shape:
        return None
    last = max((app.index for app in apps), default=0)
    most = _most(joined, size, shape)
    return WorkerKind(group, shape, {GROUP_LABEL: group, **labels}, len(apps) + made, last, most, is_seen)


def _most(joined: Joined, size: WorkersSpec | None, shape: Amounts) -> int | None:
    """How many more workers of this size the quotas have room for; none where no quota was reported.

    What of the cluster's own applications began since the quotas were read, or waits for them, counts on top.
    """
    holdings = joined.snapshot.holdings.value
    if holdings is None:
        return None
    memory = size.memory if size is not None and size.memory is not None else shape.get("memory", 0.0) / GIGABYTE
    needs = (shape.get("CPU", 0.0), memory, shape.get("GPU", 0.0))
    later = [
        app
        for app in joined.snapshot.applications.value or ()
        if app.state in {"starting", "running"} and app.name not in holdings.running
    ]
    taken = (sum(app.cpu for app in later), sum(app.memory for app in later), sum(app.gpus for app in later))
    rooms = [
        int(max(0.0, limit - used - more) // need)
        for quota in holdings.quotas
        for limit, used, more, need in zip(_three(quota.limit), _three(quota.used), taken, needs, strict=True)
        if limit is not None and used is not None and need
    ]
    return min(rooms, default=None)


def _three(amounts: QuotaAmounts) -> tuple[float | None, float | None, float | None]:
    return amounts.cpu, amounts.memory, amounts.gpus


def coming(joined: Joined, kinds: Iterable[WorkerKind], now: Moment) -> Iterator[Place]:
    """Workers that are starting and that nobody has reason to give up, as the nodes that they will be."""
    snapshot, shapes = joined.snapshot, {kind.group: kind for kind in kinds}
    ends = frozenset(snapshot.operation.ends) if snapshot.operation is not None else frozenset()
    for member in joined.workers:
        app, kind = member.application, shapes.get(member.application.group)
        began_at = began(app)
        late = app.state == "running" and bool(began_at) and now.has_reached(began_at + STARTUP_GRACE_S)
        if app.state in {"starting", "running"} and member.state is None and not late and kind and app.name not in ends:
            yield _to_be(app.short, kind)
    for name in _created(joined):
        kind = shapes.get(_group_of(snapshot.cluster, name, shapes))
        if kind is not None:
            yield _to_be(name.removeprefix(f"{snapshot.cluster}-"), kind)


def _to_be(name: str, kind: WorkerKind) -> Place:
    return Place(name, kind.shape, kind.shape, kind.group, kind.labels, is_coming=True)


def _holders(joined: Joined) -> Iterator[Holder]:
    """Who holds which resources, as far as tasks, actors and placement groups were asked for.

    What runs inside a placement group holds nothing beyond what the group does.
    """
    snapshot = joined.snapshot
    for group in snapshot.placement_groups.value or ():
        held: dict[str, dict[str, float]] = {}
        for bundle in group.bundles if group.state in {"CREATED", "RESCHEDULING"} else ():
            if bundle.node_id:
                amounts = held.setdefault(bundle.node_id, {})
                for name, amount in bundle.resources.items():
                    amounts[name] = amounts.get(name, 0.0) + amount
        name = sanitize(group.name) or group.placement_group_id[:12]
        for node_id, amounts in held.items():
            yield Holder(
                "placement group", name, node_id, joined.node_name(node_id), amounts, group.job_id, group.created_at
            )
    for task in snapshot.tasks.value or ():
        if task.state == "RUNNING" and task.type in {"NORMAL_TASK", ""} and _is_holding(task.resources, task):
            since = task.started_at or task.since
            yield Holder(
                "task",
                sanitize(task.name),
                task.node_id,
                joined.node_name(task.node_id),
                task.resources,
                task.job_id,
                since,
            )
    for actor in snapshot.actors.value or ():
        if actor.state == "ALIVE" and _is_holding(actor.resources, actor):
            name = sanitize(actor.name or actor.class_name)
            yield Holder("actor", name, actor.node_id, joined.node_name(actor.node_id), actor.resources, actor.job_id)


def _is_holding(resources: Amounts, who: object) -> bool:
    return bool(getattr(who, "node_id", "")) and any(resources.values()) and not getattr(who, "placement_group_id", "")
