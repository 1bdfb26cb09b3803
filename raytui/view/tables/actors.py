"""Ray's actors."""

from __future__ import annotations

from raytui.core.causes.excerpts import error_line, first_line
from raytui.core.observed.snapshot import Actor
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind, by_state


def _node(actor: Actor, picture: Picture) -> str | None:
    return picture.joined.node_name(actor.node_id) if actor.node_id else None


def _why(actor: Actor, _: Picture) -> str | None:
    line_of = error_line if actor.death == "CONSTRUCTOR_FAILED" else first_line
    return line_of(actor.message) or actor.death or None


ACTORS: TableKind[Actor] = TableKind(
    name="actors",
    title="Actors",
    noun="actors",
    summary="List Ray's actors.",
    about="Actors with their nodes, up to 10,000 of them: Ray tells no more, but how many there are.",
    examples=("--limit 20", "--filter 'state=dead class~Trainer'", "--sort node --columns actor,class,node"),
    needs=frozenset({"actors", "nodes"}),
    reading=lambda picture: picture.snapshot.actors,
    rows=lambda picture: picture.snapshot.actors.value or (),
    key=lambda actor: actor.actor_id,
    columns=(
        Column(
            "actor",
            lambda actor, _: actor.actor_id,
            amounts.shortened(16),
            fields=("actor_id",),
            title="ACTOR ID",
            width=16,
        ),
        Column("class", lambda actor, _: actor.class_name, fields=("class_name",), width=14, wide=32),
        Column("state", lambda actor, _: actor.state, role=by_state, width=10),
        Column("name", lambda actor, _: actor.name or None, width=8, wide=24, rank=5),
        Column("restarts", lambda actor, _: actor.restarts, width=8, right=True, rank=4),
        Column("node", _node, fields=("node", "node_id"), width=9, rank=2),
        Column("pid", lambda actor, _: actor.pid or None, width=7, right=True, rank=6),
        Column("job", lambda actor, _: actor.job_id or None, fields=("job_id",), width=8, rank=7, on_request=True),
        Column(
            "why",
            _why,
            amounts.shortened(80),
            fields=("death", "message"),
            width=15,
            wide=60,
            rank=3,
        ),
    ),
    document=lambda actor, picture: {**plain(actor), "node": _node(actor, picture)},
    empty="no actor lives on this cluster",
    singular="actor",
    leads_to=("tasks",),
    has_logs=True,
)
