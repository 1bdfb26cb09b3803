"""The replicas of Serve's deployments: those that live, and those that ended lately."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from raytui.core.causes.excerpts import first_line
from raytui.core.observed.workload import ServeReplica
from raytui.core.report import Document
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import observed, plain
from raytui.view.tables.kind import Column, TableKind, by_state


class Row(msgspec.Struct, frozen=True):
    """One replica with what its actor's end tells."""

    replica: ServeReplica
    why: str | None = None
    """Ray's sentence about the end of its actor; none of one that lives, and where Ray's list of actors has it not."""


def _rows(picture: Picture) -> Sequence[Row]:
    """Of each deployment those that live, then those that ended, the newest first."""
    deployments = picture.snapshot.serve.value or ()
    ended = {replica.actor_id for deployment in deployments for replica in deployment.ended}
    actors = picture.snapshot.actors.value or () if ended else ()
    why = {actor.actor_id: first_line(actor.message) for actor in actors if actor.actor_id in ended}
    return tuple(
        Row(replica, (why.get(replica.actor_id) or None) if replica.state == "STOPPED" else None)
        for deployment in deployments
        for replica in (*deployment.all_replicas, *reversed(deployment.ended))
    )


def _node(row: Row, picture: Picture) -> str | None:
    return picture.joined.node_name(row.replica.node_id) if row.replica.node_id else None


def _since(row: Row, picture: Picture) -> float | None:
    """Seconds since it was started; none where Ray does not tell."""
    began = row.replica.started_at
    return max(0.0, picture.snapshot.observed_at - began) if began else None


def _document(row: Row, picture: Picture) -> Document:
    return {**observed(plain(row.replica, "started_at"), "pid"), "node": _node(row, picture), "why": row.why}


REPLICAS: TableKind[Row] = TableKind(
    name="replicas",
    title="Serve replicas",
    noun="Serve replicas",
    summary="List the replicas of Serve's deployments.",
    about="Every replica of every deployment of Ray Serve, those that ended lately too, as far as Serve keeps them.",
    examples=("--filter state!=running", "--filter application=shop --sort -since"),
    needs=frozenset({"serve", "actors", "nodes"}),
    reading=lambda picture: picture.snapshot.serve,
    rows=_rows,
    key=lambda row: row.replica.key,
    columns=(
        Column("replica", lambda row, _: row.replica.id, fields=("id",), width=9),
        Column("application", lambda row, _: row.replica.application, width=12, wide=20, rank=2),
        Column("deployment", lambda row, _: row.replica.deployment, width=12, wide=20),
        Column("state", lambda row, _: row.replica.state, role=by_state, width=9),
        Column("since", _since, amounts.span, fields=("started_at",), width=6, right=True, rank=1, is_span=True),
        Column("node", _node, fields=("node", "node_id"), width=9, rank=3),
        Column("pid", lambda row, _: row.replica.pid or None, width=7, right=True, rank=5),
        Column("why", lambda row, _: row.why, amounts.shortened(80), width=16, wide=80, rank=4),
    ),
    document=_document,
    empty="Ray Serve runs no application here, so there is no replica",
    singular="Serve replica",
    has_logs=True,
)
