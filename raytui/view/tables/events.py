"""What happened to the cluster: what raytui did, what it saw change, and Ray's own events."""

from __future__ import annotations

from raytui.core.events import Event
from raytui.core.report import event_document
from raytui.core.units import rfc3339_or_none
from raytui.view.picture import Picture
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import ray_severity, severity_role


def of_ray(picture: Picture) -> tuple[Event, ...]:
    """Ray's own events as events of the cluster, each on the node that it names."""
    cluster = picture.snapshot.cluster
    return tuple(
        Event(
            event.at,
            "ray",
            picture.joined.node_name(event.node_id) if event.node_id else cluster,
            event.label or event.source or "RayEvent",
            event.message,
            ray_severity(event.severity),
        )
        for event in picture.snapshot.events.value or ()
    )


EVENTS: TableKind[Event] = TableKind(
    name="events",
    title="Events",
    needs=frozenset({"events", "nodes"}),
    rows=lambda picture: sorted([*picture.events, *of_ray(picture)], key=lambda event: event.at),
    key=lambda event: f"{event.at}/{event.subject}/{event.reason}/{event.message}",
    columns=(
        Column("time", lambda event, _: rfc3339_or_none(event.at), width=20),
        Column("severity", lambda event, _: event.severity, role=severity_role, width=8),
        Column("author", lambda event, _: event.author, width=8, rank=3),
        Column("subject", lambda event, picture: picture.short(event.subject), width=10, wide=24),
        Column("reason", lambda event, _: event.reason, width=14, wide=22, rank=2),
        Column("message", lambda event, _: event.message, width=24, wide=120, rank=1),
    ),
    document=lambda event, _: event_document(event),
    empty="nothing has changed since the watch began, and Ray reports no event",
)
