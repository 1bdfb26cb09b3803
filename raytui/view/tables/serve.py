"""Deployments of Ray Serve."""

from __future__ import annotations

from raytui.core.causes.excerpts import error_line, first_line
from raytui.core.observed.workload import ServeDeployment
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind, by_state


def _why(deployment: ServeDeployment, _: Picture) -> str | None:
    """The exception with which its replicas fail, where Serve's message is a traceback."""
    line = error_line(deployment.message) if deployment.fails else first_line(deployment.message)
    return line or deployment.message or None


SERVE: TableKind[ServeDeployment] = TableKind(
    name="serve",
    title="Serve deployments",
    noun="Serve deployments",
    summary="List Serve's deployments.",
    about="Deployments of Ray Serve; none when Serve does not run.",
    examples=("--filter 'status!=healthy'", "--sort -replicas"),
    needs=frozenset({"serve"}),
    reading=lambda picture: picture.snapshot.serve,
    rows=lambda picture: picture.snapshot.serve.value or (),
    key=lambda deployment: deployment.id,
    columns=(
        Column("application", lambda deployment, _: deployment.application, width=12, wide=24),
        Column("deployment", lambda deployment, _: deployment.name, fields=("name",), width=12, wide=28),
        Column("status", lambda deployment, _: deployment.status, role=by_state, width=13),
        Column("replicas", lambda deployment, _: deployment.replicas, width=8, right=True, rank=1),
        Column("wanted", lambda deployment, _: deployment.wanted, width=6, right=True, rank=4),
        Column("route", lambda deployment, _: deployment.route or None, width=8, wide=20, rank=3),
        Column(
            "why",
            _why,
            amounts.shortened(80),
            fields=("message",),
            width=16,
            wide=80,
            rank=2,
        ),
    ),
    document=lambda deployment, _: plain(deployment),
    empty="Ray Serve runs no application here",
    singular="Serve deployment",
    leads_to=("replicas", "actors"),
    has_logs=True,
)
