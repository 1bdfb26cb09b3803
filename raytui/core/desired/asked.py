"""What was asked for, from three sides: recorded with the cluster, said by flags, said by the profile.

And where what exists differs.

`start` completes what was last asked for, so that a plain `start` after `start --workers 2` mends the second worker. A
profile that says something else is told, never obeyed in silence and never ignored in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import msgspec

from raytui.core.observed.snapshot import Application
from raytui.core.remedy import Hint, Remedy
from raytui.core.spec import LOGS_PER_CLUSTER_MB, LOGS_PER_NODE_MB, WORKER, ClusterSpec, WorkersSpec

Value = str | float | int | bool
COUNT = "workers.count"
FIELDS = (
    "ray_port",
    "dashboard_port",
    "expose_dashboard",
    "auth",
    "shared_memory",
    "logs.keep",
    "logs.per_node_mb",
    "logs.per_cluster_mb",
    "head.cpu",
    "head.memory",
    "head.runtime_identifier",
    "head.script",
    COUNT,
    "workers.cpu",
    "workers.memory",
    "workers.gpus",
    "workers.accelerator",
    "workers.resource_group_id",
    "workers.resource_profile_id",
    "workers.runtime_identifier",
    "workers.script",
)
"""The fields of a spec by their paths, all but its name and its further groups."""
_WORDS: dict[str, Callable[[Value], str]] = {
    "cpu": lambda value: f"{value:g} CPU",
    "memory": lambda value: f"{value:g} GB",
    "gpus": lambda value: f"{value} GPU",
    "accelerator": lambda value: f"the accelerator {value}" if value else "no accelerator of its own",
    "resource_group_id": lambda value: f"the resource group {value}" if value else "no resource group of its own",
    "resource_profile_id": lambda value: f"the resource profile {value}" if value else "no resource profile of its own",
    "count": lambda value: f"{value} worker" + ("" if value == 1 else "s"),
    "runtime_identifier": lambda value: f"the image {value}",
    "script": lambda value: f"the script {value}",
    "expose_dashboard": lambda value: (
        "its dashboard served to the outside" if value else "its dashboard not served to the outside"
    ),
    "auth": lambda value: f"auth {value}",
    "shared_memory": lambda value: f"{value:g} GB of shared memory",
    "keep": lambda value: "Ray's logs kept" if value else "Ray's logs not kept",
    "per_node_mb": lambda value: f"{value} MB of logs for each node",
    "per_cluster_mb": lambda value: f"{value} MB of logs for the cluster",
    "ray_port": lambda value: f"Ray port {value}",
    "dashboard_port": lambda value: f"dashboard port {value}",
}


class Difference(msgspec.Struct, frozen=True):
    """One thing that an application cannot become without being made again."""

    application: str
    """Name of the application."""
    field: str
    """Path of the spec's field, such as `workers.cpu`."""
    present: Value = msgspec.field(name="is")
    """What the application has."""
    asked: Value
    """What a flag, the profile or the record asks for."""


def part_of(group: str) -> str:
    """The part of a spec that describes a group of workers, as the beginning of its fields' paths."""
    return "workers" if group == WORKER else f"groups.{group}"


def group_of(path: str) -> str:
    """The group of workers that a field belongs to; empty for the others."""
    part, _, rest = path.partition(".")
    return rest.partition(".")[0] if part == "groups" else WORKER if part == "workers" else ""


def counts(paths: Iterable[str]) -> frozenset[str]:
    """Those of the fields that say how many workers a group has."""
    return frozenset(path for path in paths if path.endswith(".count"))


def fields_of(*specs: ClusterSpec) -> tuple[str, ...]:
    """The fields of specs by their paths, those of their further groups last."""
    groups = dict.fromkeys(group for spec in specs for group in spec.groups)
    more = (f"{part_of(group)}.{name}" for group in groups for name in WorkersSpec.__struct_fields__)
    return (*FIELDS, *more)


def value_of(spec: ClusterSpec, path: str) -> Value | None:
    """The value of a field; none when it was left out, or belongs to a group that the spec does not have."""
    holder: object = spec
    for part in path.split("."):
        holder = holder.get(part) if isinstance(holder, dict) else getattr(holder, part, None)
    return holder if isinstance(holder, str | float | int) else None


def overlay(base: ClusterSpec, given: ClusterSpec, fields: Collection[str]) -> ClusterSpec:
    """`base` with those fields as `given` has them; the name is always that of `given`.

    A group that only `given` has comes over whole with any of its fields.
    """
    head = {path.removeprefix("head."): value_of(given, path) for path in fields if path.startswith("head.")}
    workers = {path.removeprefix("workers."): value_of(given, path) for path in fields if path.startswith("workers.")}
    logs = {path.removeprefix("logs."): value_of(given, path) for path in fields if path.startswith("logs.")}
    top = {path: value_of(given, path) for path in fields if "." not in path}
    return msgspec.structs.replace(
        base,
        **{**top, "name": given.name},
        logs=msgspec.structs.replace(base.logs, **logs),
        head=msgspec.structs.replace(base.head, **head),
        workers=msgspec.structs.replace(base.workers, **workers),
        groups=_overlaid(base.groups, given, fields),
    )


def _overlaid(base: Mapping[str, WorkersSpec], given: ClusterSpec, fields: Collection[str]) -> dict[str, WorkersSpec]:
    groups = dict(base)
    for group, size in given.groups.items():
        part = f"{part_of(group)}."
        said = {path.removeprefix(part): value_of(given, path) for path in fields if path.startswith(part)}
        if said:
            groups[group] = msgspec.structs.replace(groups[group], **said) if group in groups else size
    return groups


def with_groups_of(base: ClusterSpec, given: ClusterSpec) -> ClusterSpec:
    """`base` with the groups that only `given` has: nothing was ever asked for of them that could count instead."""
    new = {group: size for group, size in given.groups.items() if group not in base.groups}
    return msgspec.structs.replace(base, groups={**base.groups, **new})


def changed_fields(spec: ClusterSpec, base: ClusterSpec) -> frozenset[str]:
    """The fields in which a spec differs from another."""
    return frozenset(path for path in fields_of(spec, base) if value_of(spec, path) != value_of(base, path))


def words(path: str, value: Value) -> str:
    """A field's value as it stands in a sentence."""
    said, group = _WORDS[path.rpartition(".")[2]](value), group_of(path)
    return f"{said} of the group {group}" if path.endswith(".count") and group != WORKER else said


def profile_note(
    effective: ClusterSpec, profile: ClusterSpec, *, flags: Collection[str], given: Collection[str]
) -> str:
    """Where what start completes is not what the profile says; empty when they agree.

    Both specs have their sizes filled in.

    Fields in `flags` are not compared, and of those that are no sizes only the ones in `given`, which somebody set.
    """
    paths = [
        path
        for path in fields_of(effective, profile)
        if path not in flags and (path in given or path.partition(".")[0] in {"head", "workers", "groups"})
    ]
    asked = [path for path in paths if value_of(profile, path) not in {None, "auto"}]
    differing = [path for path in asked if value_of(profile, path) != value_of(effective, path)]
    if not differing:
        return ""

    def said(spec: ClusterSpec) -> str:
        return ", ".join(_said(path, value_of(spec, path)) for path in differing)

    return (
        f"{effective.name} was last asked for with {said(effective)}, and that is what start completes; the "
        f"profile says {said(profile)}"
    )


def dropped_notes(spec: ClusterSpec, profile: ClusterSpec) -> list[Hint]:
    """One sentence for each group that was last asked for and that the profile does not describe any more."""
    gone = [group for group, size in spec.groups.items() if group not in profile.groups and size.count]
    return [
        (
            f"the group {group} is not in the profile and is kept as last asked for ({spec.groups[group].count}); ",
            Remedy("scale", f"{group}=0", "ends it"),
        )
        for group in gone
    ]


def _said(path: str, value: Value | None) -> str:
    role = "head " if path.startswith("head.") else "" if path.endswith(".count") else f"{group_of(path)} ".lstrip()
    return f"{role}{words(path, value)}" if value is not None else f"no {path}"


def differences(asked: ClusterSpec, applications: Iterable[Application]) -> tuple[Difference, ...]:
    """What these applications would have to be made again for.

    What the platform does not tell of an application is no difference.
    """
    return tuple(found for app in applications for found in _of_application(asked, app))


def _of_application(asked: ClusterSpec, app: Application) -> Iterator[Difference]:
    part = "head" if app.role == "head" else part_of(app.group)
    made = spec_of(app)
    script = value_of(made, f"{part}.script") if made is not None else None
    if made is not None and not script and app.role == "worker":
        script = made.workers.script
    has: dict[str, Value | None] = {
        "ray_port": app.ray_port or None,
        "dashboard_port": app.dashboard_port or None,
        "auth": made.auth if made is not None else None,
        f"{part}.cpu": app.cpu or None,
        f"{part}.memory": app.memory or None,
        f"{part}.runtime_identifier": app.runtime_identifier or None,
        f"{part}.script": script or app.script or None,
    }
    if made is not None:
        has["logs.keep"] = made.logs.keep
        has["logs.per_node_mb"] = made.logs.per_node_mb or LOGS_PER_NODE_MB
        has["logs.per_cluster_mb"] = made.logs.per_cluster_mb or LOGS_PER_CLUSTER_MB
    if app.role == "head":
        has["expose_dashboard"] = app.exposed
    elif app.cpu:
        has[f"{part}.gpus"] = app.gpus
    if made is not None and app.role == "worker":
        has[f"{part}.accelerator"] = value_of(made, f"{part}.accelerator") or ""
        for name in ("resource_group_id", "resource_profile_id"):
            has[f"{part}.{name}"] = value_of(made, f"{part}.{name}") or 0
    for path in fields_of(asked):
        present, wanted = has.get(path), value_of(asked, path)
        if present is not None and wanted not in {None, "", "auto"} and present != wanted:
            assert wanted is not None
            yield Difference(app.name, path, present, wanted)


def spec_of(app: Application) -> ClusterSpec | None:
    """The spec that one application was made from, as it carries it; none when it carries none that can be read."""
    if not app.spec_json:
        return None
    try:
        return msgspec.json.decode(app.spec_json, type=ClusterSpec | None)
    except msgspec.MsgspecError:
        return None


def difference_notes(found: Iterable[Difference], *, recreate: bool) -> list[Hint]:
    """One sentence for each application that differs."""
    of: dict[str, list[Difference]] = {}
    for one in found:
        of.setdefault(one.application, []).append(one)
    notes: list[Hint] = []
    for name, those in of.items():
        present = ", ".join(words(one.field, one.present) for one in those)
        asked = ", ".join(words(one.field, one.asked) for one in those)
        if recreate:
            notes.append(f"{name} is made again: it has {present}, asked for is {asked}")
        else:
            notes.append(
                (
                    f"{name} has {present}, asked for is {asked}: it is kept as it is; ",
                    Remedy("start", "--recreate", "makes it again"),
                )
            )
    return notes
