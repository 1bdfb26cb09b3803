"""What the platform is asked for to make one application: its size, environment and marker, all from the spec."""

from __future__ import annotations

import msgspec

from raytui.core.marker import Marker
from raytui.core.protocols.platform import CreateRequest
from raytui.core.spec import GIGABYTE, WORKER, ClusterSpec, HeadSpec, WorkersSpec, head_name


def create_request(spec: ClusterSpec, name: str) -> CreateRequest:
    """What the platform is asked for to make the application of this name.

    The spec must be resolved (no size left out).
    """
    is_head = name == head_name(spec.name)
    group, _, number = ("", "", "0") if is_head else name.removeprefix(f"{spec.name}-").rpartition("-")
    size: HeadSpec | WorkersSpec = spec.head if is_head else spec.all_groups[group]
    workers = size if isinstance(size, WorkersSpec) else WorkersSpec()
    assert size.cpu is not None
    assert size.memory is not None
    ray_port = spec.ray_port if isinstance(spec.ray_port, int) else 0
    dashboard_port = spec.dashboard_port if isinstance(spec.dashboard_port, int) else 0
    marker = Marker(
        spec.name,
        "head" if is_head else "worker",
        int(number),
        spec.digest(group or WORKER),
        ray_port,
        dashboard_port,
        is_head and spec.expose_dashboard,
        group="" if group == WORKER else group,
    )
    environment = {
        "RAYTUI_CLUSTER": spec.name,
        "RAYTUI_APPLICATION": name,
        "RAYTUI_RAY_PORT": str(ray_port),
        "RAYTUI_DASHBOARD_PORT": str(dashboard_port),
        # Ray counts whole CPUs of a node, and a node without one takes no task; launchers round the same way.
        "RAYTUI_NUM_CPUS": str(max(1, int(size.cpu))),
        "RAYTUI_NUM_GPUS": str(workers.gpus),
        "RAYTUI_MEMORY_BYTES": str(int(size.memory * GIGABYTE)),
        "RAY_AUTH_MODE": spec.auth,
    }
    if group:
        environment["RAYTUI_GROUP"] = group
    if marker.exposed:
        environment["RAYTUI_EXPOSE_DASHBOARD"] = "1"
    return CreateRequest(
        name=name,
        marker=marker,
        cpu=size.cpu,
        memory=size.memory,
        gpus=workers.gpus,
        environment=environment | spec.logs.environment,
        runtime_identifier=size.runtime_identifier or "",
        script=size.script or (spec.workers.script if group else "") or "",
        spec_json=msgspec.json.encode(spec).decode(),
        shared_memory=spec.shared_memory or 0.0,
        accelerator=workers.accelerator or "",
        resource_group_id=workers.resource_group_id or 0,
        resource_profile_id=workers.resource_profile_id or 0,
    )
