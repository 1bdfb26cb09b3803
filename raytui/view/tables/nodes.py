"""Ray's nodes, those of earlier lives and those that nobody here manages too."""

from __future__ import annotations

from raytui.core.observed.snapshot import Node
from raytui.core.report import Document
from raytui.core.spec import GROUP_LABEL
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables import figures
from raytui.view.tables.documents import plain, seconds
from raytui.view.tables.kind import Column, Note, TableKind, by_state, muted
from raytui.view.words import Role


def _living(node: Node, _: Picture) -> Node | None:
    return node if node.state == "ALIVE" else None


def _up(node: Node, picture: Picture) -> float | None:
    if not node.started_at or node.state != "ALIVE":
        return None
    return max(0.0, picture.snapshot.observed_at - node.started_at)


def _why(node: Node, _: Picture) -> str | None:
    return (node.message or node.reason or None) if node.state != "ALIVE" else None


def _why_role(node: Node, _: Picture, _text: str) -> Role:
    return "error" if node.state == "DEAD" else ""


def _note(node: Node, picture: Picture) -> Note | None:
    reason = _why(node, picture)
    return Note(reason or "it left no message", "error", node.ended_at) if node.state == "DEAD" else None


def _group(node: Node, picture: Picture) -> str | None:
    owner = picture.joined.application_of(node)
    return (owner.group or None) if owner is not None else node.labels.get(GROUP_LABEL)


def _gpu_count(node: Node, _: Picture) -> float:
    return node.resources.get("GPU", 0.0)


def _document(node: Node, picture: Picture) -> Document:
    owner = picture.joined.application_of(node)
    return {
        **plain(node, "started_at", "ended_at", "sampled_at"),
        "application": owner.short if owner else None,
        "group": _group(node, picture),
        **figures.shares(_living(node, picture)),
        "gpu_count": _gpu_count(node, picture),
        "up_s": seconds(_up(node, picture)),
        "why": _why(node, picture),
    }


NODES: TableKind[Node] = TableKind(
    name="nodes",
    title="Nodes",
    noun="nodes",
    summary="List Ray's nodes.",
    about="Every node that Ray knows, the dead ones too, with the application that it belongs to.",
    examples=("--filter 'state!=ALIVE'", "--sort -cpu --limit 10", "--filter 'memory>8GB' --columns name,ip,memory"),
    needs=frozenset({"nodes", "stats"}),
    reading=lambda picture: picture.snapshot.nodes,
    rows=lambda picture: picture.snapshot.nodes.value or (),
    key=lambda node: node.node_id,
    columns=(
        Column("name", lambda node, picture: picture.joined.node_name(node.node_id), width=10, wide=24),
        Column(
            "group", _group, role=muted, width=8, wide=16, rank=4, on_request=True, usual_if=figures.has_several_groups
        ),
        Column("state", lambda node, _: node.state, role=by_state, width=7),
        Column(
            "id",
            lambda node, _: node.node_id,
            amounts.shortened(12),
            fields=("node_id",),
            title="NODE ID",
            width=12,
            rank=4,
        ),
        Column("ip", lambda node, _: node.ip or None, width=15, rank=3),
        *figures.columns(_living),
        Column("gpus", _gpu_count, fields=("gpu_count",), width=4, right=True, rank=5),
        Column("up", _up, amounts.running_time, fields=("up_s",), width=6, right=True, rank=1, is_span=True),
        Column("why", _why, role=_why_role, width=16, wide=80, rank=2),
    ),
    document=_document,
    note=_note,
    empty="Ray lists no node",
    singular="node",
    leads_to=("actors", "tasks", "workers"),
    has_logs=True,
)
