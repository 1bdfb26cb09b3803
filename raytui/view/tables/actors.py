"""Ray's actors."""

from __future__ import annotations

from raytui.core.snapshot import Actor
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import state_role

ACTORS: TableKind[Actor] = TableKind(
    name="actors",
    title="Actors",
    needs=frozenset({"actors", "nodes"}),
    rows=lambda picture: picture.snapshot.actors.value or (),
    key=lambda actor: actor.actor_id,
    columns=(
        Column("actor", lambda actor, _: actor.actor_id, lambda value: str(value)[:16], title="ACTOR ID", width=16),
        Column("class", lambda actor, _: actor.class_name, width=14, wide=32),
        Column("state", lambda actor, _: actor.state, role=state_role, width=10),
        Column("name", lambda actor, _: actor.name or None, width=8, wide=24, rank=3),
        Column("node", lambda actor, picture: picture.joined.node_name(actor.node_id) if actor.node_id else None, width=9, rank=2),
        Column("pid", lambda actor, _: actor.pid or None, width=7, right=True, rank=4),
        Column("job", lambda actor, _: actor.job_id or None, width=8, rank=5),
        Column("why", lambda actor, _: actor.message or None, width=16, wide=60, rank=6),
    ),
    document=lambda actor, _: plain(actor),
    empty="no actor lives on this cluster",
)
