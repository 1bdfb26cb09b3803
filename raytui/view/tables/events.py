"""What happened to the cluster: what raytui did, what it saw change, and Ray's own events."""

from __future__ import annotations

from raytui.core.events import Event
from raytui.core.report import event_document
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import seconds
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import Role, ray_severity, severity_role


def of_ray(picture: Picture) -> list[Event]:
    """Ray's own events as events of the cluster, each on the node that it names."""
    cluster, joined = picture.snapshot.cluster, picture.joined
    return [
        Event(
            event.at,
            "ray",
            joined.node_name(event.node_id) if event.node_id else cluster,
            event.label or event.source or "RayEvent",
            event.message,
            ray_severity(event.severity),
        )
        for event in picture.snapshot.events.value or ()
    ]


def _rows(picture: Picture) -> list[Event]:
    return sorted([*picture.events, *of_ray(picture)], key=lambda event: event.at)


def _age(event: Event, picture: Picture) -> float:
    return max(0.0, picture.snapshot.observed_at - event.at)


def _time(event: Event, picture: Picture) -> str:
    return amounts.time_of_day(event.at, picture.snapshot.observed_at)


def _severity(_event: Event, _picture: Picture, text: str) -> Role:
    return severity_role(text)


EVENTS: TableKind[Event] = TableKind(
    name="events",
    title="Events",
    noun="events",
    summary="List what happened.",
    about="What raytui did to the cluster and what Ray reported, oldest first; --limit keeps the newest.",
    examples=("--limit 20", "--filter 'severity=error age<1h'", "--filter author=raytui -o json"),
    needs=frozenset({"events", "nodes"}),
    reading=lambda picture: picture.snapshot.events,
    rows=_rows,
    key=lambda event: f"{event.at}/{event.subject}/{event.reason}/{event.message}",
    columns=(
        Column("time", lambda event, _: event.at, amounts.local_time, on_screen=_time, width=8),
        Column(
            "age", _age, amounts.span, fields=("age_s",), width=6, right=True, is_span=True, on_request=True, rank=4
        ),
        Column("severity", lambda event, _: event.severity, role=_severity, width=8),
        Column("author", lambda event, _: event.author, width=8, rank=3),
        Column("subject", lambda event, picture: picture.short(event.subject), width=10, wide=24),
        Column("reason", lambda event, _: event.reason, width=14, wide=22, rank=2),
        Column("message", lambda event, _: event.message, width=25, wide=120, rank=1),
    ),
    document=lambda event, picture: {**event_document(event), "age_s": seconds(_age(event, picture))},
    newest_last=True,
    with_journal=True,
    empty="nothing has changed since the watch began, and Ray reports no event",
)
