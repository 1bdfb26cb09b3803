"""The cluster's spec as fields of text, each as the table of settings describes it.

What is typed becomes a spec or problems by field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from raytui.config.fields import FIELDS, Field, Value, group_fields
from raytui.config.values import from_text
from raytui.core.desired.asked import counts, part_of, value_of
from raytui.core.desired.required import with_launchers
from raytui.core.desired.validate import validate
from raytui.core.errors import Problem
from raytui.core.platforms import PlatformName
from raytui.core.spec import ClusterSpec

_OF_CLUSTER = tuple(field for field in FIELDS if field.label)


def fields_of(platform: PlatformName, groups: Iterable[str] = ()) -> tuple[Field, ...]:
    """The fields of a platform, in the order of the form: those of further groups of workers last."""
    own = (field for group in groups for field in group_fields(group))
    return tuple(field for field in (*_OF_CLUSTER, *own) if field.is_of(platform))


def texts_of(spec: ClusterSpec, platform: PlatformName) -> dict[str, str]:
    """What the form shows for a spec, by path; what was left out is shown as the platform's own size."""
    resolved = spec.resolved(platform)
    fields = fields_of(platform, spec.groups)
    return {field.spec_field: _text(value_of(resolved, field.spec_field)) for field in fields}


def spec_of(texts: Mapping[str, str], base: ClusterSpec, platform: PlatformName) -> tuple[ClusterSpec, list[Problem]]:
    """The spec that was typed over `base`, and every problem with it, each at its field."""
    values: dict[str, Value | None] = {}
    problems: list[Problem] = []
    for field in fields_of(platform, base.groups):
        path = field.spec_field
        if path not in texts:
            continue
        try:
            values[path] = _parsed(field, texts[path].strip())
        except ValueError as error:
            problems.append(Problem(path, str(error)))
    spec = _with(base, values)
    unreadable = {problem.field for problem in problems}
    # A start puts in the launchers that it writes.
    started = with_launchers(spec.resolved(platform), platform)
    problems += [problem for problem in validate(started, platform) if problem.field not in unreadable]
    order = {field.spec_field: n for n, field in enumerate(fields_of(platform, base.groups))}
    return spec, sorted(problems, key=lambda problem: order.get(problem.field, len(order)))


def differences(spec: ClusterSpec, other: ClusterSpec | None, platform: PlatformName) -> dict[str, str]:
    """By field, what another spec says where it is not what the form says."""
    if other is None:
        return {}
    for group in spec.groups.keys() - other.groups.keys():
        # Of a group that is not there yet only the number differs.
        other = other.with_group(group, msgspec.structs.replace(spec.groups[group], count=0))
    wanted, there = texts_of(spec, platform), texts_of(other, platform)
    return {
        path: there[path]
        for path in wanted
        if there[path] != wanted[path] and "auto" not in (wanted[path], there[path])
    }


def only_count_differs(spec: ClusterSpec, other: ClusterSpec, platform: PlatformName) -> bool:
    """Whether a scale alone leads from another spec to this one."""
    differing = frozenset(differences(spec, other, platform))
    return bool(differing) and differing == counts(differing)


def _parsed(field: Field, text: str) -> Value | None:
    if text or field.spec_field == "name":
        return from_text(field, text)
    if (field.kind in {"number", "text"} and not field.choices) or field.spec_field.endswith(("_id", "_mb")):
        return None
    raise ValueError(f"{field.wanted} is needed")


def _with(base: ClusterSpec, values: Mapping[str, Value | None]) -> ClusterSpec:
    def part(of: str) -> dict[str, Value | None]:
        return {path.removeprefix(of): value for path, value in values.items() if path.startswith(of)}

    top = {path: value for path, value in values.items() if "." not in path}
    head, workers = (
        msgspec.structs.replace(base.head, **part("head.")),
        msgspec.structs.replace(base.workers, **part("workers.")),
    )
    groups = {group: msgspec.structs.replace(size, **part(f"{part_of(group)}.")) for group, size in base.groups.items()}
    logs = msgspec.structs.replace(base.logs, **part("logs."))
    return msgspec.structs.replace(base, **top, head=head, workers=workers, groups=groups, logs=logs)


def _text(value: Value | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)
