"""Ray's placement groups."""

from __future__ import annotations

from collections import Counter

from raytui.core.observed.workload import PlacementGroup
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import observed, plain, seconds
from raytui.view.tables.kind import Column, TableKind, by_state

_WAITS = {
    "INFEASIBLE": "no node can hold one of its bundles",
    "NO_RESOURCES": "its bundles have no room now",
    "QUEUED": "it waits for its turn",
    "SCHEDULING_STARTED": "Ray is placing it",
    "FAILED_TO_COMMIT_RESOURCES": "a node took none of it when Ray came to place it",
}
"""What Ray's words for an unplaced group mean."""


def _age(group: PlacementGroup, picture: Picture) -> float | None:
    return max(0.0, picture.snapshot.observed_at - group.created_at) if group.created_at else None


def _placed(group: PlacementGroup, _: Picture) -> str | None:
    """How many bundles have a node."""
    if not group.bundles:
        return None
    return f"{sum(bool(bundle.node_id) for bundle in group.bundles)} of {len(group.bundles)}"


def _asks(group: PlacementGroup, _: Picture) -> str | None:
    """Its bundles in words, equal ones together: `4 x CPU 1, GPU 1`."""
    shapes = Counter(
        ", ".join(f"{name} {amount:g}" for name, amount in sorted(bundle.resources.items())) for bundle in group.bundles
    )
    return "; ".join(f"{count} x {shape or 'nothing'}" for shape, count in shapes.items()) or None


def _nodes(group: PlacementGroup, picture: Picture) -> str | None:
    names = sorted({picture.joined.node_name(bundle.node_id) for bundle in group.bundles if bundle.node_id})
    return ", ".join(names) or None


def _why(group: PlacementGroup, _: Picture) -> str | None:
    if group.state in {"CREATED", "REMOVED"}:
        return None
    return _WAITS.get(group.scheduling) or group.scheduling or None


PLACEMENT_GROUPS: TableKind[PlacementGroup] = TableKind(
    name="placement-groups",
    title="Placement groups",
    noun="placement groups",
    summary="List Ray's placement groups.",
    about="Placement groups with what their bundles ask for and where they lie, those that were removed too.",
    examples=("--filter state=pending", "--filter 'state!=removed' --sort -since", "--columns group,state,asks,why"),
    needs=frozenset({"placement_groups", "nodes"}),
    reading=lambda picture: picture.snapshot.placement_groups,
    rows=lambda picture: picture.snapshot.placement_groups.value or (),
    key=lambda group: group.placement_group_id,
    columns=(
        Column(
            "group",
            lambda group, _: group.placement_group_id,
            amounts.shortened(16),
            fields=("placement_group_id",),
            title="GROUP ID",
            width=16,
        ),
        Column("name", lambda group, _: group.name or None, width=10, wide=24),
        Column("state", lambda group, _: group.state, role=by_state, width=12),
        Column("since", _age, amounts.span, fields=("age_s",), title="AGE", width=6, right=True, rank=1, is_span=True),
        Column("placed", _placed, width=8, rank=2),
        Column("asks", _asks, width=14, wide=40, rank=3),
        Column("node", _nodes, fields=("nodes",), title="NODES", width=9, wide=24, rank=4),
        Column("job", lambda group, _: group.job_id or None, fields=("job_id",), width=8, rank=6),
        Column("why", _why, width=16, wide=60, rank=5),
    ),
    document=lambda group, picture: {
        **observed(plain(group, "created_at"), "attempts"),
        "age_s": seconds(_age(group, picture)),
        "placed": _placed(group, picture),
        "asks": _asks(group, picture),
        "nodes": _nodes(group, picture),
        "why": _why(group, picture),
    },
    empty="no placement group was asked for on this cluster",
    singular="placement group",
    leads_to=("bundles",),
)
