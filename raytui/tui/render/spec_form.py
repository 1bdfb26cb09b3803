"""The cluster's spec as fields of text: what is typed becomes a spec or problems by field, and each field knows what runs now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from raytui.core.errors import Problem
from raytui.core.spec import ClusterSpec, HeadSpec, PlatformName, WorkersSpec
from raytui.core.validate import validate


class Field(NamedTuple):
    """One field of the form."""

    path: str
    label: str
    kind: str
    """text, port, amount, count or choice."""
    unit: str = ""
    only: str = ""
    """The platform that has this field; empty for all."""


FIELDS = (
    Field("name", "Name", "text"),
    Field("ray_port", "Ray port", "port"),
    Field("dashboard_port", "Dashboard port", "port"),
    Field("head.cpu", "Head CPU", "amount"),
    Field("head.memory", "Head memory", "amount", "GB"),
    Field("head.runtime_identifier", "Head runtime", "text", only="cai"),
    Field("head.script", "Head script", "text", only="cai"),
    Field("workers.count", "Workers", "count"),
    Field("workers.cpu", "Worker CPU", "amount"),
    Field("workers.memory", "Worker memory", "amount", "GB"),
    Field("workers.gpus", "Worker GPUs", "count"),
    Field("workers.runtime_identifier", "Worker runtime", "text", only="cai"),
    Field("workers.script", "Worker script", "text", only="cai"),
)


def fields_of(platform: PlatformName) -> tuple[Field, ...]:
    """The fields of a platform, in the order of the form; none where raytui makes nothing."""
    if platform == "attached":
        return ()
    return tuple(field for field in FIELDS if field.only in {"", platform})


def texts_of(spec: ClusterSpec, platform: PlatformName) -> dict[str, str]:
    """What the form shows for a spec; what was left out is shown as the platform's own size."""
    resolved = spec.resolved(platform)
    return {field.path: _text(_value(resolved, field.path)) for field in fields_of(platform)}


def spec_of(texts: Mapping[str, str], base: ClusterSpec, platform: PlatformName) -> tuple[ClusterSpec, list[Problem]]:
    """The spec that was typed over `base`, and every problem with it, each at its field."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for field in fields_of(platform):
        if field.path not in texts:
            continue
        try:
            values[field.path] = _parsed(field, texts[field.path].strip())
        except ValueError as error:
            problems.append(Problem(field.path, str(error)))
    spec = _with(base, values)
    unreadable = {problem.field for problem in problems}
    problems += [problem for problem in validate(spec.resolved(platform), platform) if problem.field not in unreadable]
    order = {field.path: n for n, field in enumerate(FIELDS)}
    return spec, sorted(problems, key=lambda problem: order.get(problem.field, 99))


def differences(spec: ClusterSpec, running: ClusterSpec | None, platform: PlatformName) -> dict[str, str]:
    """By field, what runs now where it is not what the form says."""
    if running is None:
        return {}
    wanted, there = texts_of(spec, platform), texts_of(running, platform)
    return {path: there[path] for path in wanted if there[path] != wanted[path] and "auto" not in (wanted[path], there[path])}


def only_count_differs(spec: ClusterSpec, running: ClusterSpec, platform: PlatformName) -> bool:
    """Whether a scale alone leads from what runs to the spec."""
    return set(differences(spec, running, platform)) == {"workers.count"}


def _parsed(field: Field, text: str) -> Any:
    if field.kind == "text":
        if field.path == "name":
            return text
        return text or None
    if field.kind == "port":
        if text == "auto":
            return "auto"
        return _integer(text, "a port number or auto")
    if field.kind == "count":
        return _integer(text, "a whole number")
    if not text:
        return None
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None


def _integer(text: str, what: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise ValueError(f"{text!r} is not {what}" if text else f"{what} is needed")
    return int(text)


def _with(base: ClusterSpec, values: Mapping[str, Any]) -> ClusterSpec:
    top = {path: value for path, value in values.items() if "." not in path}
    head = {path.removeprefix("head."): value for path, value in values.items() if path.startswith("head.")}
    workers = {path.removeprefix("workers."): value for path, value in values.items() if path.startswith("workers.")}
    new_head: HeadSpec = msgspec.structs.replace(base.head, **head)
    new_workers: WorkersSpec = msgspec.structs.replace(base.workers, **workers)
    return msgspec.structs.replace(base, **top, head=new_head, workers=new_workers)


def _value(spec: ClusterSpec, path: str) -> Any:
    value: Any = spec
    for part in path.split("."):
        value = getattr(value, part)
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
