"""Ports that a cluster may have on this machine: what `auto` becomes, and which ports our other clusters count on."""

from __future__ import annotations

from pathlib import Path

import msgspec

from raytui.core.errors import OperationFailed
from raytui.core.spec import DEFAULT_DASHBOARD_PORT, DEFAULT_RAY_PORT, ClusterSpec, Port
from raytui.platforms.local import observe, records
from raytui.platforms.local.files import Folder
from raytui.platforms.local.ports import pick
from raytui.platforms.local.records import Record


def living_head(root: Path, cluster: str) -> Record | None:
    """The record of the cluster's head when it runs."""
    for record in records.load_all(Folder(root, cluster)):
        if record.role == "head" and observe.launcher_lives(record):
            return record
    return None


def ports_of_others(root: Path, cluster: str) -> dict[int, str]:
    """The ports that applications of our other clusters were given, each with its application's name."""
    taken = {}
    for name in observe.clusters(root):
        for record in records.load_all(Folder(root, name)) if name != cluster else ():
            own = (record.ray_port, record.dashboard_port) if record.role == "head" else ()
            taken.update(dict.fromkeys((*own, *record.ports.values()), record.name))
    taken.pop(0, None)
    return taken


def resolve_ports(root: Path, spec: ClusterSpec) -> ClusterSpec:
    """The spec with every `auto` replaced; a cluster whose head runs keeps its ports.

    Raises `OperationFailed` when no port is free.
    """
    if "auto" not in {spec.ray_port, spec.dashboard_port}:
        return spec
    head = living_head(root, spec.name)
    if head is not None:
        return msgspec.structs.replace(spec, ray_port=head.ray_port, dashboard_port=head.dashboard_port)
    taken = set(ports_of_others(root, spec.name))
    taken |= {port for port in (spec.ray_port, spec.dashboard_port) if isinstance(port, int)}
    ray_port = _chosen(spec.ray_port, DEFAULT_RAY_PORT, taken)
    dashboard_port = _chosen(spec.dashboard_port, DEFAULT_DASHBOARD_PORT, taken | {ray_port})
    return msgspec.structs.replace(spec, ray_port=ray_port, dashboard_port=dashboard_port)


def _chosen(port: Port, default: int, taken: set[int]) -> int:
    if port != "auto":
        return port
    found = pick(default, taken)
    if not found:
        raise OperationFailed(
            "no free TCP port was found from 20000 to 32767", hint="give a port by number, for example --ray-port 40123"
        )
    return found
