"""Deployments of Ray Serve."""

from __future__ import annotations

from raytui.core.snapshot import ServeDeployment
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind
from raytui.view.words import state_role

SERVE: TableKind[ServeDeployment] = TableKind(
    name="serve",
    title="Serve",
    needs=frozenset({"serve"}),
    rows=lambda picture: picture.snapshot.serve.value or (),
    key=lambda deployment: f"{deployment.application}/{deployment.name}",
    columns=(
        Column("application", lambda deployment, _: deployment.application, width=12, wide=24),
        Column("deployment", lambda deployment, _: deployment.name, width=12, wide=28),
        Column("status", lambda deployment, _: deployment.status, role=state_role, width=13),
        Column("replicas", lambda deployment, _: deployment.replicas, width=8, right=True, rank=1),
        Column("route", lambda deployment, _: deployment.route or None, width=8, wide=20, rank=3),
        Column("why", lambda deployment, _: deployment.message or None, width=16, wide=80, rank=2),
    ),
    document=lambda deployment, _: plain(deployment),
    empty="Ray Serve runs no application here",
)
