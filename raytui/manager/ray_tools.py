"""What Ray's own tools need to speak to a cluster.

Addresses, the mode of authentication and the file that holds the token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from raytui.core.conditions import assess
from raytui.core.errors import NotFound, OperationFailed, Unreachable
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.presence import require_cluster
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import CREATE, SHOW, Remedy
from raytui.core.session import ToolEnvironment


async def tool_environment(
    platform: Platform, connect: Callable[[DashboardTarget], Dashboard], snapshot: Snapshot
) -> ToolEnvironment:
    """What was observed of a cluster as an environment.

    Raises `NotAllowed`, `Unreachable`, `NotFound` or `OperationFailed` when it leads nowhere.

    Ray's tools read `RAY_API_SERVER_ADDRESS` for jobs and lists, and `RAY_ADDRESS` for everything else and where the
    first is not set (Ray 2.9.3 knows the second alone).
    """
    require_cluster(snapshot)
    broken = assess(snapshot).broken
    head = snapshot.head
    if broken is not None or snapshot.nodes.value is None:
        raise (
            Unreachable(broken)
            if broken is not None
            else NotFound(f"{snapshot.cluster} has not answered yet", hint=SHOW)
        )
    if head is None and not snapshot.by_ray:
        raise NotFound(f"cluster {snapshot.cluster} has no head application", hint=CREATE)
    target = await platform.dashboard(head or (await platform.list(snapshot.cluster))[0])
    if target.headers:
        raise OperationFailed(
            f"Ray's own tools cannot reach {snapshot.cluster} from here: its dashboard stands behind the "
            "platform's login",
            hint=("inside the project, in a session or an application of it, ", Remedy("env", "", "works")),
            reason="BehindLogin",
        )
    # In a thread: a client that lives on imports httpx.
    dashboard = await asyncio.to_thread(connect, target)
    try:
        mode = await dashboard.authentication()
    finally:
        await dashboard.close()
    variables = {"RAY_ADDRESS": _gcs_address(snapshot) or target.url, "RAY_API_SERVER_ADDRESS": target.url}
    notes = (
        ()
        if _gcs_address(snapshot)
        else ("ray job, ray list and ray logs work so; ray status and drivers need the head's GCS address",)
    )
    if mode is None:
        return ToolEnvironment(variables, (), notes)
    variables["RAY_AUTH_MODE"] = mode
    if mode == "token" and target.token_file:
        return ToolEnvironment({**variables, "RAY_AUTH_TOKEN_PATH": target.token_file}, ("RAY_AUTH_TOKEN",), notes)
    return ToolEnvironment(variables, (), notes)


def _gcs_address(snapshot: Snapshot) -> str:
    """Where the head's GCS answers; empty when nobody here knows."""
    head = snapshot.head
    if head is None:
        return ""
    if head.launcher is not None and head.launcher.address:
        return head.launcher.address
    node = join(snapshot).node_of(head)
    return f"{node.ip}:{head.ray_port}" if node is not None and node.ip and head.ray_port else ""
