"""The bundles of placement groups: which of them have a node, and what the others ask for."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from raytui.core.observed.workload import Bundle, PlacementGroup
from raytui.core.report import Document
from raytui.view import amounts
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind, by_state


class Part(msgspec.Struct, frozen=True):
    """One bundle with its group."""

    group: PlacementGroup
    bundle: Bundle


def _rows(picture: Picture) -> Sequence[Part]:
    groups = picture.snapshot.placement_groups.value or ()
    return tuple(Part(group, bundle) for group in groups for bundle in group.bundles)


def _state(part: Part, _: Picture) -> str:
    """Where the bundle stands: Ray tells the state of the group, and of a bundle whether it has a node."""
    return "PLACED" if part.bundle.node_id and part.group.state != "REMOVED" else part.group.state


def _node(part: Part, picture: Picture) -> str | None:
    return picture.joined.node_name(part.bundle.node_id) if part.bundle.node_id else None


def _shown(amounts_asked: dict[str, float]) -> str | None:
    return ", ".join(f"{name} {amount:g}" for name, amount in sorted(amounts_asked.items())) or None


def _asks(part: Part, _: Picture) -> Value:
    return _shown(part.bundle.resources)


def _labels(part: Part, _: Picture) -> Value:
    return ", ".join(f"{name}={value}" for name, value in sorted(part.bundle.label_selector.items())) or None


def _document(part: Part, picture: Picture) -> Document:
    return {
        **plain(part.bundle),
        "node_id": part.bundle.node_id or None,
        "placement_group_id": part.group.placement_group_id,
        "name": part.group.name or None,
        "job_id": part.group.job_id or None,
        "state": _state(part, picture),
        "node": _node(part, picture),
        "asks": _asks(part, picture),
        "labels": _labels(part, picture),
    }


BUNDLES: TableKind[Part] = TableKind(
    name="bundles",
    title="Bundles",
    noun="bundles",
    summary="List the bundles of Ray's placement groups.",
    about="Every bundle of every placement group, with what it asks for and the node it lies on.",
    examples=("--filter state=pending", "--filter name=train", "--columns name,bundle,asks,node"),
    needs=frozenset({"placement_groups", "nodes"}),
    reading=lambda picture: picture.snapshot.placement_groups,
    rows=_rows,
    key=lambda part: f"{part.group.placement_group_id}/{part.bundle.index}",
    columns=(
        Column(
            "group",
            lambda part, _: part.group.placement_group_id,
            amounts.shortened(16),
            fields=("placement_group_id",),
            title="GROUP ID",
            width=16,
        ),
        Column("name", lambda part, _: part.group.name or None, width=10, wide=24, rank=2),
        Column("bundle", lambda part, _: part.bundle.index, fields=("index",), width=6, right=True),
        Column("state", _state, role=by_state, width=12),
        Column("node", _node, fields=("node", "node_id"), width=9, wide=24),
        Column("asks", _asks, width=14, wide=40, rank=1),
        Column("labels", _labels, width=10, wide=30, rank=3),
    ),
    document=_document,
    empty="no placement group was asked for on this cluster, so there is no bundle",
)
