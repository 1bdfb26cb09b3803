"""Readings of one round joined into one picture: identity with figures, use with totals.

Ray tells each half in another place, and each half lags in its own way; what is joined here never claims more than the
fresher half.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from raytui.core.observed.kept import Kept, Moment
from raytui.core.observed.snapshot import Amount, Node, Usage

_MADE_UP = re.compile(r"(_group_(\d+_)?|Group\d*)[0-9A-Fa-f]{20,}$")
"""Resources that Ray makes up for placement groups, under their true names and in camel case."""


@lru_cache(4096)
def _is_made_up(resource: str) -> bool:
    return _MADE_UP.search(resource) is not None


def countable(resource: str) -> bool:
    """Whether a resource is one that people ask for, not one that Ray makes up for nodes and placement groups."""
    return not resource.startswith("node:") and not _is_made_up(resource)


def merge_nodes(nodes: tuple[Node, ...], stats: Mapping[str, Node]) -> tuple[Node, ...]:
    """Identity and figures joined by node id.

    A node that is not alive keeps its identity only, with Ray's own word for its death.
    """
    return tuple(_merge(node, stats.get(node.node_id)) for node in nodes)


def _merge(node: Node, figures: Node | None) -> Node:
    if figures is None:
        return node
    if node.state != "ALIVE":
        return msgspec.structs.replace(node, reason=figures.reason or node.reason)
    if figures.state != "ALIVE":
        return node
    return msgspec.structs.replace(
        node,
        cpu_percent=figures.cpu_percent,
        memory_used=figures.memory_used,
        memory_total=figures.memory_total,
        object_store_used=figures.object_store_used,
        object_store_total=figures.object_store_total,
        disk_used=figures.disk_used,
        disk_total=figures.disk_total,
        gpus=figures.gpus,
        sampled_at=figures.sampled_at,
        metrics_port=figures.metrics_port,
    )


class Merging:
    """Nodes and figures joined in each round, unchanged ones taken over.

    An unchanged node stays the same object, and so do nodes none of which changed.
    """

    def __init__(self) -> None:
        self._merged: Kept[Node] | None = None
        self._identities: tuple[Node, ...] = ()
        self._ids: list[str] = []
        self._nodes: tuple[Node, ...] = ()
        self._counted: tuple[Node, ...] = ()
        self._totals: dict[str, float] = {}
        self._use: tuple[Usage, Usage] | None = None

    def merge(self, nodes: tuple[Node, ...], stats: Mapping[str, Node]) -> tuple[Node, ...]:
        """What `merge_nodes` answers."""
        before = self._merged
        if before is None or nodes is not self._identities:
            self._identities, self._ids = nodes, [node.node_id for node in nodes]
        figures = list(map(stats.get, self._ids))
        self._merged = Kept(before, _merged, (nodes, figures), now=0.0)
        if before is None or self._merged.results is not before.results:
            self._nodes = tuple(self._merged.results)
        return self._nodes

    def total(self, usage: Usage, nodes: tuple[Node, ...]) -> Usage:
        """What `total_by_nodes` answers."""
        if nodes is not self._counted:
            self._counted, self._totals, self._use = nodes, _totals(nodes), None
        # The same object while nothing changed, so that nobody looks at it again.
        if self._use is None or self._use[0] is not usage:
            self._use = usage, _use_of(usage, self._totals)
        return self._use[1]


def _merged(node: Node, figures: Node | None, _: Moment) -> Node:
    return _merge(node, figures)


def total_by_nodes(usage: Usage, nodes: Iterable[Node]) -> Usage:
    """The same use with the totals of the nodes that are alive now, which Ray's monitor learns of up to 5 s late.

    Until that monitor has written, nobody knows of any use.
    """
    return _use_of(usage, _totals(nodes))


def _totals(nodes: Iterable[Node]) -> dict[str, float]:
    totals: dict[str, float] = {}
    for node in nodes:
        if node.state == "ALIVE":
            for name, amount in node.resources.items():
                if countable(name):
                    totals[name] = totals.get(name, 0.0) + amount
    return totals


def _use_of(usage: Usage, totals: dict[str, float]) -> Usage:
    if not usage.resources:
        return usage
    known = usage.resources
    resources = {
        name: Amount(total, min(known[name].used, total) if name in known else 0.0) for name, total in totals.items()
    }
    return msgspec.structs.replace(usage, resources=resources)
