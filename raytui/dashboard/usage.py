"""Logical resources as the scheduler accounts for them: `/api/cluster_status`, written by Ray's monitor every 5 s.

Ray turns the names in `usage` into camel case, users' own too; the lists beside it escape that, so the true names are
taken from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from raytui.core.observed.merge import countable
from raytui.core.observed.needs import Part, Pending
from raytui.core.observed.snapshot import Amount, Usage
from raytui.dashboard.decode import Garbage, decode, decode_open, each, seconds, text

R = TypeVar("R")
_KNOWN = ("CPU", "GPU", "memory", "object_store_memory")


class _Report(msgspec.Struct, rename="camel"):
    usage: dict[str, list[float]] | None = None
    resource_demand: list[tuple[dict[str, float], float]] | None = None
    pg_demand: list[tuple[_Group, float]] | None = None
    node_types: list[tuple[dict[str, float], float]] | None = None
    usage_by_node: dict[str, dict[str, list[float]]] | None = None


class _Autoscaler(msgspec.Struct, rename="camel"):
    """What Ray's autoscaler says of itself; its entries differ from version to version."""

    node_type_mapping: dict[str, str] | None = None


class _Group(msgspec.Struct):
    bundles: list[tuple[dict[str, float], float]] = []
    strategy: str = ""


_ENTRIES: dict[str, type[tuple[object, object]]] = {
    "usage": tuple[str, list[float]],
    "resourceDemand": tuple[dict[str, float], float],
    "pgDemand": tuple[_Group, float],
    "nodeTypes": tuple[dict[str, float], float],
    "usageByNode": tuple[str, dict[str, list[float]]],
}
"""The parts of a report and what each of their entries is."""


class _Status(msgspec.Struct, Generic[R], rename="camel"):
    load_metrics_report: R | None = None
    time: object = None
    autoscaler_report: object = None


class _Data(msgspec.Struct, Generic[R], rename="camel"):
    cluster_status: _Status[R] | None = None


class _Answer(msgspec.Struct, Generic[R]):
    data: _Data[R]


def parse_usage(body: bytes) -> Usage:
    """`/api/cluster_status`: used, total and pending demand; empty until Ray's monitor has written.

    Raises `Garbage`.
    """
    unreadable, first = 0, ""
    status: _Status[_Report] | _Status[dict[str, object]] | None
    try:
        status = decode(body, _Answer[_Report]).data.cluster_status
        report = (status.load_metrics_report if status else None) or _Report()
    except Garbage:
        status, report, unreadable, first = _read_in_parts(body)
    true_names = {camel(name): name for kind, _ in report.node_types or () for name in kind} | {
        camel(name): name for name in _KNOWN
    }
    resources: dict[str, Amount] = {}
    for mangled, pair in (report.usage or {}).items():
        name = true_names.get(mangled, mangled)
        if len(pair) == 2 and countable(name):
            resources[text(name)] = Amount(total=pair[1], used=pair[0])
    pending = tuple(_pending(report))
    return Usage(
        resources,
        tuple(sentence for sentence, _ in pending),
        tuple(demand for _, demand in pending),
        _per_node(report, true_names),
        seconds(written) if status and isinstance(written := status.time, int | float) else 0.0,
        _may_grow(status.autoscaler_report if status else None),
        unreadable=unreadable,
        first_unreadable=first,
    )


def _per_node(report: _Report, true_names: dict[str, str]) -> dict[str, dict[str, Amount]]:
    """Used and total of each node. Versions that go by address leave out which of several nodes there is meant."""
    return {
        text(node): {
            text(true_names.get(mangled, mangled)): Amount(total=pair[1], used=pair[0])
            for mangled, pair in amounts.items()
            if len(pair) == 2
        }
        for node, amounts in (report.usage_by_node or {}).items()
    }


def _may_grow(autoscaler: object) -> bool:
    """Whether there are node types to choose from.

    A monitor that only reads makes up one type for each node, `node_` and its id
    (autoscaler/_private/readonly/node_provider.py).
    """
    try:
        types = msgspec.convert(autoscaler, _Autoscaler | None)
    except msgspec.ValidationError:
        return False
    return any(kind != f"node_{node}" for node, kind in ((types and types.node_type_mapping) or {}).items())


def _read_in_parts(body: bytes) -> tuple[_Status[_Report] | _Status[dict[str, object]] | None, _Report, int, str]:
    """What can be read of a report, how many of its entries cannot, and what is wrong with the first of those.

    Raises `Garbage`.
    """
    found = decode_open(body, _Answer[dict[str, object]]).data.cluster_status
    parts = (found.load_metrics_report if found else None) or {}
    kept: dict[str, object] = {}
    unreadable, first = 0, ""
    for name, kind in _ENTRIES.items():
        part = parts.get(name)
        entries = (
            list(part.items())
            if isinstance(part, dict)
            else part
            if isinstance(part, list)
            else []
            if part is None
            else [part]
        )
        good: list[tuple[object, object]] = []
        for entry in entries:
            try:
                good += each([entry], kind).rows
            except Garbage as error:
                unreadable, first = unreadable + 1, first or str(error)
        kept[name] = dict(good) if name in {"usage", "usageByNode"} else good
    if unreadable and not any(kept.values()):
        raise Garbage(first)
    return found, msgspec.convert(kept, _Report), unreadable, first


def camel(name: str) -> str:
    """A name as Ray mangles it (dashboard/utils.py, to_camel_case)."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _pending(report: _Report) -> Iterator[tuple[str, Pending]]:
    """Each demand as text and as a value."""
    for needs, count in report.resource_demand or ():
        sentence = f"{_count(count, 'task or actor', 'tasks or actors')} needing {_needs(needs)}"
        yield sentence, Pending((Part(_named(needs)),), count=int(count))
    for group, count in report.pg_demand or ():
        bundles = " + ".join(
            f"{_needs(needs)}" + (f" ({number:g} times)" if number != 1 else "") for needs, number in group.bundles
        )
        sentence = f"{_count(count, 'placement group', 'placement groups')} ({text(group.strategy)}) needing {bundles}"
        parts = tuple(Part(_named(needs), int(number)) for needs, number in group.bundles)
        yield sentence, Pending(parts, text(group.strategy), int(count))


def _named(needs: dict[str, float]) -> dict[str, float]:
    return {text(name): amount for name, amount in needs.items()}


def _count(count: float, one: str, many: str) -> str:
    return f"{count:g} {one if count == 1 else many}"


def _needs(needs: dict[str, float]) -> str:
    shown = ", ".join(f"{text(name)} {amount:g}" for name, amount in needs.items() if countable(name))
    return shown or "no resource"
