"""Readings of one round joined into one picture: identity with figures, use with totals.

Ray tells each half in another place, and each half lags in its own way; what is joined here never claims more than the fresher half.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from raytui.core.snapshot import Amount, Node, Usage

_MADE_UP = re.compile(r"(_group_(\d+_)?|Group\d*)[0-9A-Fa-f]{20,}$")
"""Resources that Ray makes up for placement groups, under their true names and in camel case."""


def countable(resource: str) -> bool:
    """Whether a resource is one that people ask for, not one that Ray makes up for nodes and placement groups."""
    return not resource.startswith("node:") and not _MADE_UP.search(resource)


def merge_nodes(nodes: tuple[Node, ...], stats: Mapping[str, Node]) -> tuple[Node, ...]:
    """Identity and figures joined by node id; a node that is not alive keeps its identity only, with Ray's own word for its death."""
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
    )


def total_by_nodes(usage: Usage, nodes: Iterable[Node]) -> Usage:
    """The same use with the totals of the nodes that are alive now, which Ray's monitor learns of up to 5 s late.

    Until that monitor has written, nobody knows of any use.
    """
    if not usage.resources:
        return usage
    totals: dict[str, float] = {}
    for node in nodes:
        if node.state == "ALIVE":
            for name, amount in node.resources.items():
                if countable(name):
                    totals[name] = totals.get(name, 0.0) + amount
    known = usage.resources
    resources = {name: Amount(total, min(known[name].used, total) if name in known else 0.0) for name, total in totals.items()}
    return msgspec.structs.replace(usage, resources=resources)
