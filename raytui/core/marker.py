"""How an application says whose it is, so that a cluster is found from the platform alone.

The marker travels in the application's description: a person who meets it in the workbench can read it, and any raytui
on any machine can. Whatever else stands in the description stays there.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.spec import WORKER

PREFIX = "raytui/1 "
Role = Literal["head", "worker"]


class Marker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Ownership of one application."""

    cluster: str
    """Name of the cluster that the application belongs to."""
    role: Role
    index: int = 0
    """0 for the head, from 1 for workers."""
    spec: str = ""
    """Digest of the spec that the application was made from."""
    ray_port: int = 0
    """GCS port, on the head."""
    dashboard_port: int = 0
    """Dashboard port, on the head."""
    exposed: bool = False
    """Whether the head application serves the dashboard."""
    run: str = ""
    """Identity of the run of raytui that made the application: a run undoes only what it made itself."""
    group: str = ""
    """Group of a worker; empty on the head, and for the group `worker`, as it was when that was the only one."""

    @property
    def group_name(self) -> str:
        """Group of a worker by its name; empty on the head."""
        return "" if self.role == "head" else self.group or WORKER


def describe(marker: Marker) -> str:
    """The description to give to an application."""
    return f"Ray {marker.role} of {marker.cluster}, managed by raytui. {PREFIX}{msgspec.json.encode(marker).decode()}"


def read(description: str) -> Marker | None:
    """The marker in a description, or none when the application is not ours (or the marker is damaged)."""
    _, found, rest = description.partition(PREFIX)
    if not found:
        return None
    start, end = rest.find("{"), rest.rfind("}")
    if start != 0 or end < 0:
        return None
    try:
        return msgspec.json.decode(rest[: end + 1].encode(), type=Marker)
    except msgspec.MsgspecError:
        return None
