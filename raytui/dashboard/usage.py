"""Logical resources as the scheduler accounts for them: `/api/cluster_status`, written by Ray's monitor every 5 s.

Ray turns the names in `usage` into camel case, users' own too; the lists beside it escape that, so the true names are taken from
there.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from raytui.core.merge import countable
from raytui.core.snapshot import Amount, Usage
from raytui.dashboard.decode import decode, text

_KNOWN = ("CPU", "GPU", "memory", "object_store_memory")


class _Report(msgspec.Struct, rename="camel"):
    usage: dict[str, list[float]] | None = None
    resource_demand: list[tuple[dict[str, float], float]] | None = None
    pg_demand: list[tuple[_Group, float]] | None = None
    node_types: list[tuple[dict[str, float], float]] | None = None


class _Group(msgspec.Struct):
    bundles: list[tuple[dict[str, float], float]] = []
    strategy: str = ""


class _Status(msgspec.Struct, rename="camel"):
    load_metrics_report: _Report | None = None


class _Data(msgspec.Struct, rename="camel"):
    cluster_status: _Status | None = None


class _Answer(msgspec.Struct):
    data: _Data


def parse_usage(body: bytes) -> Usage:
    """`/api/cluster_status`: used, total and pending demand; empty until Ray's monitor has written; raises `Garbage`."""
    status = decode(body, _Answer).data.cluster_status
    report = (status.load_metrics_report if status else None) or _Report()
    true_names = {camel(name): name for kind, _ in report.node_types or () for name in kind} | {camel(name): name for name in _KNOWN}
    resources: dict[str, Amount] = {}
    for mangled, pair in (report.usage or {}).items():
        name = true_names.get(mangled, mangled)
        if len(pair) == 2 and countable(name):
            resources[text(name)] = Amount(total=pair[1], used=pair[0])
    return Usage(resources, tuple(_pending(report)))


def camel(name: str) -> str:
    """A name as Ray mangles it (dashboard/utils.py, to_camel_case)."""
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _pending(report: _Report) -> Iterator[str]:
    for needs, count in report.resource_demand or ():
        yield f"{_count(count, 'task or actor', 'tasks or actors')} needing {_needs(needs)}"
    for group, count in report.pg_demand or ():
        bundles = " + ".join(f"{_needs(needs)}" + (f" ({number:g} times)" if number != 1 else "") for needs, number in group.bundles)
        yield f"{_count(count, 'placement group', 'placement groups')} ({text(group.strategy)}) needing {bundles}"


def _count(count: float, one: str, many: str) -> str:
    return f"{count:g} {one if count == 1 else many}"


def _needs(needs: dict[str, float]) -> str:
    shown = ", ".join(f"{text(name)} {amount:g}" for name, amount in needs.items() if countable(name))
    return shown or "no resource"
