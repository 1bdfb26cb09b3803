"""Serve's own description of what it runs, with the configs that deployed it, as they would be sent again."""

from __future__ import annotations

import msgspec

from raytui.core.serve import ServeApplication, ServeState
from raytui.dashboard.decode import decode, text


class _Replica(msgspec.Struct):
    state: str | None = None


class _Deployment(msgspec.Struct):
    replicas: list[_Replica] | None = None


class _Application(msgspec.Struct):
    name: str | None = None
    status: str | None = None
    source: str | None = None
    deployed_app_config: dict[str, object] | None = None
    external_scaler_enabled: bool | None = None
    deployments: dict[str, _Deployment] | None = None


class _State(msgspec.Struct):
    applications: dict[str, _Application] | None = None
    target_capacity: float | None = None


def parse_serve_state(body: bytes) -> ServeState:
    """`/api/serve/applications/` in full; raises `Garbage` when any of it cannot be read: nothing may be left out."""
    found = decode(body, _State)
    return ServeState(
        tuple(_application(key, row) for key, row in (found.applications or {}).items()), found.target_capacity
    )


def _application(key: str, row: _Application) -> ServeApplication:
    # The name is Serve's key, as it must be sent again; a control character in it makes it nobody's name.
    return ServeApplication(
        text(row.name or key),
        text(row.status),
        text(row.source),
        row.deployed_app_config,
        bool(row.external_scaler_enabled),
        tuple(
            (text(name), sum(replica.state == "RUNNING" for replica in deployment.replicas or ()))
            for name, deployment in (row.deployments or {}).items()
        ),
    )
