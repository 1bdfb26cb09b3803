"""Ray's nodes, those of earlier lives and those that nobody here manages too."""

from __future__ import annotations

from raytui.core.snapshot import Node
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, Document, TableKind
from raytui.view.words import state_role


def alive_only(node: Node, value: float | None) -> float | None:
    """A figure of a living node; those that Ray still holds of a dead one are frozen and no use."""
    return value if node.state == "ALIVE" else None


def share(used: float | None, total: float | None) -> float | None:
    """Use in percent of its total."""
    return None if used is None or not total else 100.0 * used / total


def _up(node: Node, picture: Picture) -> float | None:
    return picture.snapshot.observed_at - node.started_at if node.started_at and node.state == "ALIVE" else None


def _why(node: Node) -> str | None:
    return (node.message or node.reason or None) if node.state != "ALIVE" else None


def _document(node: Node, picture: Picture) -> Document:
    owner = picture.joined.application_of(node)
    return {**plain(node, "started_at", "ended_at", "sampled_at"), "application": owner.short if owner else None}


NODES: TableKind[Node] = TableKind(
    name="nodes",
    title="Nodes",
    needs=frozenset({"nodes", "stats"}),
    rows=lambda picture: picture.snapshot.nodes.value or (),
    key=lambda node: node.node_id,
    columns=(
        Column("name", lambda node, picture: picture.joined.node_name(node.node_id), width=10, wide=24),
        Column("state", lambda node, _: node.state, role=state_role, width=7),
        Column("id", lambda node, _: node.node_id, lambda value: str(value)[:12], title="NODE ID", width=12, rank=4),
        Column("ip", lambda node, _: node.ip or None, width=15, rank=3),
        Column("cpu", lambda node, _: alive_only(node, node.cpu_percent), amounts.percent, width=6, right=True, rank=1),
        Column("memory", lambda node, _: alive_only(node, node.memory_used), amounts.size, width=9, right=True, rank=1),
        Column("total", lambda node, _: node.memory_total, amounts.size, title="OF", width=9, right=True, rank=6),
        Column(
            "store", lambda node, _: alive_only(node, node.object_store_used), amounts.size, title="OBJ STORE", width=9, right=True, rank=5
        ),
        Column(
            "disk", lambda node, _: alive_only(node, share(node.disk_used, node.disk_total)), amounts.percent, width=6, right=True, rank=7
        ),
        Column("gpu", lambda node, _: node.resources.get("GPU", 0.0), width=4, right=True, rank=5),
        Column("up", _up, amounts.span, width=6, right=True, rank=2, is_span=True),
        Column("why", lambda node, _: _why(node), width=16, wide=80, rank=2),
    ),
    document=_document,
    empty="Ray lists no node",
)
