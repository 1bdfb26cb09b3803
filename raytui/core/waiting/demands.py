"""What waits: the shapes that Ray's scheduler has not placed, and the tasks, actors and groups behind them.

The scheduler tells every shape with its number and nothing else; tasks, actors and placement groups have a name, a job
and a time, but there may be more of them than the list holds. So the scheduler's numbers count, and the lists name as
many of them as they can.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

import msgspec

from raytui.core.observed.needs import Part, Pending, grains
from raytui.core.observed.snapshot import Actor, Job, Snapshot
from raytui.core.observed.workload import EnvironmentSetup, PlacementGroup, Task
from raytui.core.units import sanitize
from raytui.core.waiting.states import PENDING_ACTOR, PENDING_GROUP, PENDING_TASK
from raytui.core.waiting.values import NO_REPORT, STARTING, Demand

PARTLY_PLACED = "a part of it lies on nodes already, and Ray does not tell what is left of it alone"
WRITTEN_LATE_S = 10.0
"""Ray's monitor writes every 5 s what has no place: a task that waits for longer would be in it."""
MOST_IDS = 3
_IN_GROUP = re.compile(r"^(?P<name>.+)_group_(?:\d+_)?(?P<group>[0-9a-f]{20,})$")
_JOB_ACTOR = "_ray_internal_job_actor_"
"""Ray's name of the actor that runs a submitted job, before the job's id."""

_REPLICA = re.compile(r"^SERVE_REPLICA::(?P<application>[^#]+)#(?P<deployment>[^#]+)#")
"""Ray's name of the actor that is a replica of Serve, each of which has one of its own."""

_What = Literal["task", "actor", "job", "placement group", "Serve replica"]
_Key = tuple[object, ...]


class _Asker(NamedTuple):
    """Tasks, actors or placement groups that wait and differ in nothing but their identity."""

    what: _What
    name: str
    ids: tuple[str, ...]
    job_id: str
    since: float
    parts: tuple[Part, ...]
    has_runtime_env: bool = False
    is_partly_placed: bool = False
    number: int = 1
    strategy: str = ""
    """A group's, where its list tells it."""

    def some(self, number: int) -> _Asker:
        """So many of them."""
        return self._replace(number=number, ids=self.ids[:number])


def demands_of(snapshot: Snapshot) -> list[Demand]:
    """Everything that waits, equal ones as one; what the lists cannot name goes by its shape."""
    usage = snapshot.usage.value
    if usage is None:
        return []
    by_job = {setup.job_id: setup for setup in snapshot.environments.value or ()}
    askers: dict[_Key, deque[_Asker]] = {}
    for key, asker in [*_askers(snapshot), *_groups(snapshot)]:
        askers.setdefault(key, deque()).append(asker)
    _forget_ambiguous(askers, usage.demands)
    found: dict[_Key, Demand] = {}
    why_unknown = len(usage.pending) - len(usage.demands)
    for pending in (*usage.demands, *[Pending()] * max(0, why_unknown)):
        named, left = askers.get(_key(pending), deque()), pending.count
        while named and left:
            asker = named.popleft()
            taken = min(left, asker.number)
            _add(found, _demand(asker.some(taken), pending.strategy, by_job))
            left -= taken
            if taken < asker.number:
                named.appendleft(asker.some(asker.number - taken))
        if left:
            what: Literal["placement group", "task or actor"] = (
                "placement group" if pending.strategy else "task or actor"
            )
            _add(found, Demand(what, pending.parts, pending.strategy, left))
    for asker in (one for rest in askers.values() for one in rest):
        if not usage.resources:
            _add(found, _unreported(asker, by_job))
        elif asker.has_runtime_env and (
            asker.job_id in by_job or (asker.since and usage.written_at - asker.since > WRITTEN_LATE_S)
        ):
            _add(found, msgspec.structs.replace(_demand(asker, "", by_job), why_unknown=STARTING))
    return list(found.values())


def _unreported(asker: _Asker, setups: Mapping[str, EnvironmentSetup]) -> Demand:
    """One that only the lists know: in Ray 2.60 the scheduler's report alone tells a group's strategy."""
    demand = _demand(asker, asker.strategy, setups)
    if sum(part.count for part in demand.parts) == 1 or demand.why_unknown or demand.strategy:
        return demand
    return msgspec.structs.replace(demand, why_unknown=NO_REPORT)


def _forget_ambiguous(askers: dict[_Key, deque[_Asker]], demands: Iterable[Pending]) -> None:
    """Groups with equal bundles and unequal strategies cannot be distinguished: Ray's list has no strategy."""
    strategies: dict[_Key, set[str]] = {}
    for pending in demands:
        if pending.strategy:
            strategies.setdefault(_key(pending), set()).add(pending.strategy)
    for key, known in strategies.items():
        if len(known) > 1:
            askers.pop(key, None)


def _add(found: dict[_Key, Demand], demand: Demand) -> None:
    """Count equal demands together."""
    key = (demand.what, demand.name, demand.strategy, _exact(demand.parts), demand.environment, demand.why_unknown)
    known = found.get(key)
    if known is None:
        found[key] = demand
        return
    found[key] = Demand(
        demand.what,
        demand.parts,
        demand.strategy,
        known.count + demand.count,
        demand.name,
        (*known.ids, *demand.ids)[:MOST_IDS],
        tuple(dict.fromkeys((*known.jobs, *demand.jobs))),
        min(filter(None, (known.since, demand.since)), default=0.0),
        demand.environment,
        demand.why_unknown,
    )


def _demand(asker: _Asker, strategy: str, setups: Mapping[str, EnvironmentSetup]) -> Demand:
    environment = setups.get(asker.job_id) if asker.has_runtime_env else None
    return Demand(
        asker.what,
        asker.parts,
        strategy,
        asker.number,
        asker.name,
        asker.ids,
        (asker.job_id,) if asker.job_id else (),
        asker.since,
        environment,
        PARTLY_PLACED if asker.is_partly_placed else "",
    )


def _askers(snapshot: Snapshot) -> Iterator[tuple[_Key, _Asker]]:
    """Tasks and actors that have no node, the longest waiting first."""
    jobs = {job.id: job for job in snapshot.jobs.value or ()}
    alike: dict[_Key, list[Task]] = {}
    created: dict[str, Task] = {}
    for task in snapshot.tasks.value or ():
        if task.state != PENDING_TASK:
            continue
        if task.type == "ACTOR_CREATION_TASK" and task.actor_id:
            created[task.actor_id] = task
        elif task.type in {"NORMAL_TASK", ""}:
            alike.setdefault(_likeness(task), []).append(task)
    found = [_tasks(tasks) for tasks in alike.values()]
    found += [
        (_task_key(actor), _actor(actor, created.pop(actor.actor_id, None), jobs))
        for actor in snapshot.actors.value or ()
        if actor.state in PENDING_ACTOR and not actor.node_id
    ]
    for task in created.values():
        name = sanitize(task.name.removesuffix(".__init__"))
        asker = _Asker("actor", name, (task.actor_id,), task.job_id, task.since or task.created_at, (_part(task),))
        found.append((_task_key(task), asker._replace(has_runtime_env=task.has_runtime_env)))
    return iter(sorted(found, key=lambda one: one[1].since or float("inf")))


def _likeness(task: Task) -> _Key:
    """What tasks have in common that need not be distinguished; read of thousands, so nothing is computed for it."""
    labels = (*task.label_selector.items(), *(tuple(one.items()) for one in task.fallbacks))
    return (
        task.name,
        task.job_id,
        task.placement_group_id,
        task.has_runtime_env,
        tuple(task.resources.items()),
        labels,
    )


def _tasks(tasks: list[Task]) -> tuple[_Key, _Asker]:
    one = tasks[0]
    since = min(filter(None, (task.since or task.created_at for task in tasks)), default=0.0)
    ids = tuple(task.task_id for task in tasks[:MOST_IDS])
    asker = _Asker("task", sanitize(one.name), ids, one.job_id, since, (_part(one),), one.has_runtime_env)
    return _task_key(one), asker._replace(number=len(tasks))


def _actor(actor: Actor, task: Task | None, jobs: Mapping[str, Job]) -> _Asker:
    what: _What = "actor"
    name, since = actor.name or actor.class_name, (task.since or task.created_at) if task is not None else 0.0
    if actor.name.startswith(_JOB_ACTOR):
        what, name = "job", actor.name.removeprefix(_JOB_ACTOR)
        since = since or (jobs[name].started_at if name in jobs else 0.0)
    elif (replica := _REPLICA.match(actor.name)) is not None:
        what, name = "Serve replica", f"{replica['application']}/{replica['deployment']}"
    return _Asker(what, sanitize(name), (actor.actor_id,), actor.job_id, since, (_part(actor),), actor.has_runtime_env)


def _groups(snapshot: Snapshot) -> Iterator[tuple[_Key, _Asker]]:
    for group in snapshot.placement_groups.value or ():
        if group.state in PENDING_GROUP:
            placed = any(bundle.node_id for bundle in group.bundles)
            parts = _bundles(group)
            name = sanitize(group.name) or group.placement_group_id[:12]
            ids, job = (group.placement_group_id,), group.job_id
            asker = _Asker("placement group", name, ids, job, group.created_at, parts, is_partly_placed=placed)
            yield _group_key(parts), asker._replace(strategy=group.strategy)


def _bundles(group: PlacementGroup) -> tuple[Part, ...]:
    """Its bundles, equal ones as one part."""
    counts: Counter[tuple[tuple[tuple[str, float], ...], tuple[tuple[str, str], ...]]] = Counter(
        (tuple(sorted(bundle.resources.items())), tuple(sorted(bundle.label_selector.items())))
        for bundle in group.bundles
    )
    return tuple(
        Part(dict(needs), count, (dict(labels),) if labels else ()) for (needs, labels), count in counts.items()
    )


def _part(asker: Task | Actor) -> Part:
    selectors = (asker.label_selector, *asker.fallbacks) if asker.label_selector or asker.fallbacks else ()
    return Part(asker.resources, 1, selectors)


def _shape(needs: Mapping[str, float]) -> frozenset[tuple[str, int]]:
    return frozenset((name, count) for name, amount in needs.items() if (count := grains(amount)))


def _task_key(asker: Task | Actor) -> _Key:
    return ("", asker.placement_group_id, _shape(asker.resources))


def _group_key(parts: Iterable[Part]) -> _Key:
    counts: Counter[frozenset[tuple[str, int]]] = Counter()
    for part in parts:
        counts[_shape(part.needs)] += part.count
    return ("placement group", "", frozenset(counts.items()))


def _exact(parts: Iterable[Part]) -> _Key:
    return tuple(
        (_shape(part.needs), part.count, tuple(tuple(sorted(one.items())) for one in part.selectors)) for part in parts
    )


def _key(pending: Pending) -> _Key:
    """By what tasks, actors and groups are known as the ones behind a shape of the scheduler.

    Work inside a placement group asks the scheduler for resources that Ray makes up for that group.
    """
    if pending.strategy:
        return _group_key(pending.parts)
    needs: dict[str, float] = {}
    inside = ""
    for name, amount in (item for part in pending.parts for item in part.needs.items()):
        made_up = _IN_GROUP.match(name)
        if made_up is None:
            needs[name] = amount
        else:
            inside = made_up["group"]
            if made_up["name"] != "bundle":
                needs[made_up["name"]] = amount
    return ("", inside, _shape(needs))
