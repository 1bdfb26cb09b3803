"""Desired and observed compared once: only `plan` decides what start, stop, scale and restart will do.

A plan is data: `--dry-run` prints it, the console shows it for confirmation, the executor carries it out step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from raytui.core.desired.application_request import create_request
from raytui.core.desired.asked import Difference, difference_notes, differences, spec_of, with_groups_of
from raytui.core.errors import Problem
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import Hint, Remedy
from raytui.core.spec import WORKER, ClusterSpec, application_names, head_name

Verb = Literal["start", "stop", "scale", "restart"]
Action = Literal[
    "launchers",
    "prepare",
    "purge",
    "drain",
    "stop",
    "delete",
    "restart",
    "create",
    "wait-head",
    "wait-nodes",
    "wait-gone",
]
LIVE = ("starting", "running", "unknown")
"""States in which an application is left alone by `start`; unknown is not final."""


class Step(msgspec.Struct, frozen=True):
    """One step of a plan; the applications of one step are acted on together."""

    name: str
    """What the step does, as a short phrase in the past tense; unique within the plan."""
    action: Action
    targets: tuple[str, ...] = ()
    """Names of the applications that the step acts on."""


class Plan(msgspec.Struct, frozen=True):
    """What one verb will do to one cluster."""

    verb: Verb
    cluster: str
    spec: ClusterSpec
    """Spec that new applications are made from."""
    steps: tuple[Step, ...]
    changed: bool
    """Whether carrying the plan out changes anything."""
    creates: tuple[CreateRequest, ...] = ()
    ends: tuple[Application, ...] = ()
    """Applications that the plan ends or restarts."""
    alive: tuple[str, ...] = ()
    """Names of the applications whose nodes must be alive at the end."""
    notes: tuple[Hint, ...] = ()
    """What a person should know, such as a worker that runs with another size."""
    problems: tuple[Problem, ...] = ()
    """Why the plan must not be carried out."""
    target: str = "all"
    """What `restart` was asked for."""
    keep: bool = False
    """Whether `stop` was asked to leave the applications stopped."""
    purge: bool = False
    """Whether `stop` was asked to remove what it otherwise leaves."""
    differences: tuple[Difference, ...] = ()
    """What applications that live would have to be made again for."""
    recreate: bool = False
    """Whether `start` was asked to make those again."""
    profile: ClusterSpec | None = None
    """Spec of the settings that `start` was planned with, before what is recorded with the cluster was looked at."""
    flags: frozenset[str] = frozenset()
    """Fields of `profile` that count whatever is recorded, by their paths."""
    record: ClusterSpec | None = None
    """What is to be recorded with the cluster as last asked for; none leaves the record as it is."""
    counts: dict[str, int] = {}
    """How many workers `scale` was asked for, by group."""


def recorded_spec(applications: tuple[Application, ...]) -> ClusterSpec | None:
    """The spec that the cluster was made from, as its own applications carry it, head first."""
    found = (spec_of(app) for app in sorted(applications, key=lambda app: app.place))
    return next((spec for spec in found if spec is not None), None)


def plan_start(
    spec: ClusterSpec,
    applications: tuple[Application, ...],
    *,
    asked: ClusterSpec | None = None,
    recreate: bool = False,
) -> Plan:
    """Create what is missing; make again what failed or was stopped; leave what lives.

    Surplus workers are named, never ended.

    `asked` is what living applications are compared with, by default `spec`. Where they differ the plan says so; with
    `recreate` they are drained, deleted and made again as `asked` says.
    """
    spec, asked = (asked or spec, asked or spec) if recreate else (spec, asked or spec)
    wanted = application_names(spec)
    existing = {app.name: app for app in applications}
    living = tuple(app for app in applications if app.name in wanted and app.state in LIVE)
    found = differences(asked, living)
    doomed = {difference.application for difference in found} if recreate else set()
    again = tuple(app for app in living if app.name in doomed)
    ended = tuple(app for app in applications if app.name in wanted and app.state not in LIVE)
    missing = [name for name in wanted if name not in existing or existing[name].state not in LIVE or name in doomed]
    head = existing.get(wanted[0])
    if head is not None and head.state in LIVE and head.ray_port and head not in again:
        # The living head's ports are a fact; a new worker must meet it where it is.
        spec = msgspec.structs.replace(
            spec, ray_port=head.ray_port, dashboard_port=head.dashboard_port or spec.dashboard_port
        )
    notes: list[Hint] = [
        (
            f"{app.name} ({app.state}) is kept: start never ends workers; ",
            Remedy("scale", scale_target(app.group, spec), "does"),
        )
        for app in applications
        if app.name not in wanted
    ]
    notes += difference_notes(found, recreate=recreate)
    if head in again:
        notes.append(
            "all running jobs end with the head; workers that are not made again join the new head by themselves"
        )
    creates = tuple(create_request(spec, name) for name in missing)
    steps = [*_removal(again, ended)]
    if missing:
        # After the removal: with a cluster's last application its launchers go too.
        steps.append(Step("launchers written", "launchers"))
        if spec.shared_memory:
            steps.append(Step("shared memory raised", "prepare"))
        if missing[0] == wanted[0]:
            steps.append(Step("head application created", "create", (wanted[0],)))
        workers = tuple(name for name in missing if name != wanted[0])
        if workers:
            steps.append(Step("worker applications created", "create", workers))
    steps += [Step("head answers", "wait-head", (wanted[0],)), Step("nodes alive", "wait-nodes", tuple(wanted))]
    return Plan(
        "start",
        spec.name,
        spec,
        tuple(steps),
        bool(missing),
        creates,
        ended + again,
        tuple(wanted),
        tuple(notes),
        differences=found,
        recreate=recreate,
    )


def _removal(again: tuple[Application, ...], ended: tuple[Application, ...]) -> tuple[Step, ...]:
    """What goes before anything is made: workers first, since a worker that outlives its head only waits."""
    workers = tuple(app.name for app in again if app.role == "worker")
    heads = tuple(app.name for app in again if app.role == "head")
    steps = (
        Step("nodes drained", "drain", workers),
        Step("workers to be made again stopped", "stop", workers),
        Step("head to be made again stopped", "stop", heads),
        Step("ended applications removed", "delete", (*workers, *heads, *(app.name for app in ended))),
    )
    return tuple(step for step in steps if step.targets)


def plan_stop(
    spec: ClusterSpec,
    applications: tuple[Application, ...],
    *,
    keep: bool = False,
    purge: bool = False,
    doubtful: tuple[str, ...] = (),
) -> Plan:
    """End every application of the cluster, workers first; `keep` leaves them stopped instead of deleting them.

    `purge` removes at the end what is otherwise left: logs, launchers, the record, what a deploy made.
    `doubtful` names what was asked for a moment ago and may still come into being: it is looked for.
    """
    doomed = tuple(app for app in applications if not keep or app.state != "stopped")
    workers = tuple(app.name for app in doomed if app.role == "worker")
    heads = tuple(app.name for app in doomed if app.role == "head")
    steps = [Step("worker applications stopped", "stop", workers), Step("head application stopped", "stop", heads)]
    if not keep:
        steps.append(Step("applications deleted", "delete", workers + heads))
        steps.append(Step("platform lists none", "wait-gone", tuple(dict.fromkeys((*workers, *heads, *doubtful)))))
    steps = [step for step in steps if step.targets]
    if purge:
        steps.append(Step("files and jobs removed", "purge"))
    why = "an earlier raytui asked for it a moment ago and got no answer"
    notes = (f"{', '.join(doubtful)} may still come into being: {why}",) if doubtful else ()
    return Plan(
        "stop", spec.name, spec, tuple(steps), bool(doomed) or purge, ends=doomed, notes=notes, keep=keep, purge=purge
    )


def scale_target(group: str, spec: ClusterSpec) -> str:
    """What `scale` is given so that a group has as many workers as a spec says; none when that has no such group."""
    size = spec.all_groups.get(group)
    count = size.count if size is not None else 0
    return str(count) if group == WORKER else f"{group}={count}"


def scale_spec(
    spec: ClusterSpec, profile: ClusterSpec, applications: tuple[Application, ...], counts: Mapping[str, int]
) -> tuple[ClusterSpec, list[Problem]]:
    """The spec with these numbers of workers, and the groups among them that nobody knows.

    What a group is made of says `spec`, else the profile, else an application of that group.
    """
    known = with_groups_of(spec, profile)
    for app in applications:
        made = spec_of(app)
        if app.role == "worker" and app.group not in known.all_groups and made is not None:
            known = with_groups_of(known, made)
    there = {app.group for app in applications if app.role == "worker"}
    strange = [group for group, n in counts.items() if group not in known.all_groups and (n or group not in there)]
    groups = dict(spec.groups)
    for group in counts:
        if group in known.groups:
            groups[group] = known.groups[group]
    spec = msgspec.structs.replace(spec, groups=groups)
    for group, count in counts.items():
        if group in spec.all_groups:
            spec = spec.with_workers(count, group)
    have = ", ".join(known.all_groups)
    what = f"{spec.name} has no group"
    return spec, [Problem("groups", f"{what} {group}", f"its groups: {have}") for group in strange]


def plan_scale(spec: ClusterSpec, applications: tuple[Application, ...], counts: int | Mapping[str, int]) -> Plan:
    """Exactly so many workers of each group that is named (a bare number: of the group `worker`).

    Missing ones are made like their siblings, surplus ones are drained and deleted, highest index first. Of the other
    groups what is missing is made, and nothing ended.
    """
    counts = {WORKER: counts} if isinstance(counts, int) else dict(counts)
    for group, count in counts.items():
        if group in spec.all_groups:
            spec = spec.with_workers(count, group)
    surplus = tuple(
        sorted(
            (app for app in applications if app.role == "worker" and app.index > counts.get(app.group, app.index)),
            key=lambda app: (app.place[:2], -app.index),
        )
    )
    kept = tuple(app for app in applications if app not in surplus)
    start = plan_start(spec, kept)
    names = tuple(app.name for app in surplus)
    live = tuple(app.name for app in surplus if app.state in LIVE)
    steps = list(start.steps)
    waits = [step for step in steps if step.action.startswith("wait")]
    rest = [step for step in steps if not step.action.startswith("wait")]
    removal = [
        Step("nodes drained", "drain", live),
        Step("surplus applications stopped", "stop", live),
        Step("surplus applications deleted", "delete", names),
        Step("platform no longer lists them", "wait-gone", names),
    ]
    steps = [*rest, *(step for step in removal if step.targets), *waits]
    return msgspec.structs.replace(
        start,
        verb="scale",
        steps=tuple(steps),
        changed=start.changed or bool(surplus),
        ends=start.ends + surplus,
        counts=counts,
    )


def plan_restart(spec: ClusterSpec, applications: tuple[Application, ...], target: str) -> Plan:
    """Restart `head`, `workers`, `all`, a group, or one `GROUP-N`, or several of them with commas between.

    Workers join a restarted head by themselves. What a scale is still deleting is restarted only where it is named.
    """
    names_of = {app.name: {app.short} if _is_leaving(spec, app) else _names_of(app) for app in applications}
    targets = target.split(",")
    chosen = tuple(app for app in applications if not names_of[app.name].isdisjoint(targets))
    missing = next((one for one in targets if not any(one in names for names in names_of.values())), None)
    if missing is not None:
        have = ", ".join(app.short for app in applications) or "none"
        groups = ", ".join(dict.fromkeys(app.group for app in applications if app.role == "worker"))
        words = "or say head, workers or all" + (f", or a group: {groups}" if groups else "")
        problem = Problem("target", f"{spec.name} has no {missing}", f"it has: {have}; {words}")
        return Plan("restart", spec.name, spec, (), changed=False, problems=(problem,))
    head = next((app for app in applications if app.role == "head"), None)
    if (head is None or head.state not in LIVE) and head not in chosen:
        state = f"is {head.state}" if head else "does not exist"
        remedy = Remedy("restart", "all", "starts the head") if head else Remedy("start", "", "creates it")
        what = f"the head of {spec.name} {state}, and a restarted worker would wait for it in vain"
        problem = Problem("head", f"{what}; nothing was changed", remedy)
        return Plan("restart", spec.name, spec, (), changed=False, problems=(problem,))
    notes: list[Hint] = []
    if any(app.role == "head" for app in chosen) and len(chosen) < len(applications):
        notes.append("running jobs end with the head; the workers join the new head by themselves")
    heads = tuple(app.name for app in chosen if app.role == "head")
    workers = tuple(app.name for app in chosen if app.role == "worker")
    names = tuple(app.name for app in applications if app.state in LIVE or app in chosen)
    steps = [
        Step("launchers written", "launchers"),
        Step("head application restarted", "restart", heads),
        Step("worker applications restarted", "restart", workers),
    ]
    steps = [step for step in steps if step.targets or step.action == "launchers"]
    steps += [Step("head answers", "wait-head", (head_name(spec.name),)), Step("nodes alive", "wait-nodes", names)]
    return Plan(
        "restart",
        spec.name,
        spec,
        tuple(steps),
        changed=True,
        ends=chosen,
        alive=names,
        notes=tuple(notes),
        target=target,
    )


def _names_of(app: Application) -> set[str]:
    return {"all", app.short, *(("workers", app.group) if app.role == "worker" else ())}


def _is_leaving(spec: ClusterSpec, app: Application) -> bool:
    """Whether it is stopping, and the spec has no place for it."""
    size = spec.all_groups.get(app.group)
    return app.role == "worker" and app.state == "stopping" and (size is None or app.index > size.count)


def spec_like(spec: ClusterSpec, applications: tuple[Application, ...]) -> ClusterSpec:
    """The spec for more of the same.

    It is what the cluster's applications were made from, with the number of workers of `spec`.
    """
    recorded = recorded_spec(applications)
    return spec if recorded is None else recorded.with_workers(spec.workers.count)
