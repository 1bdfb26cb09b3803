"""Applications, engines, raylets and sessions of the simulated workbench, as they truly are.

Times are seconds of the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from raytui.core.marker import Marker
from tests.world.loop import EPOCH, Process

CLUSTER = "rayc"
SHARED = f".raytui/{CLUSTER}"
HEARTBEAT = 10.0
STARTING, RUNNING, STOPPING, STOPPED, FAILED = (
    f"APPLICATION_{word}" for word in ("STARTING", "RUNNING", "STOPPING", "STOPPED", "FAILED")
)


def stamp(at: float) -> str:
    """A time of the loop as RFC 3339."""
    return datetime.fromtimestamp(EPOCH + at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class RayNode:
    """One raylet."""

    node_id: str
    name: str
    engine: Engine
    session: Session
    born: float
    dead: float | None = None
    listed_dead: float | None = None
    """When Ray begins to list it as dead."""

    def alive(self, begin: float, end: float) -> bool:
        """Whether it lived at any moment of a span."""
        return self.born <= end and (self.dead is None or self.dead >= begin)


@dataclass(eq=False)
class Session:
    """One run of GCS."""

    name: str
    generation: str
    engine: Engine
    address: str
    token: str
    gcs: float
    dashboard: float
    ended: float | None = None
    nodes: list[RayNode] = field(default_factory=list)


@dataclass(eq=False)
class Engine:
    """One start of an application: its pod."""

    app: App
    id: str
    number: int
    born: float
    skew: float
    ended: float | None = None
    node: RayNode | None = None
    session: Session | None = None
    """The head's own, or the one that a worker joined."""
    leaving: bool = False
    written: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """What its launcher reported, and when it changed."""

    @property
    def living(self) -> bool:
        return self.ended is None


@dataclass(eq=False)
class App:
    """One application."""

    id: str
    body: dict[str, Any]
    made_by: Process | None
    created: float
    marker: Marker | None
    status: str = STARTING
    shown_from: float = 0.0
    starting: float = 0.0
    running: float | None = None
    stopped: float | None = None
    wanted: bool = True
    deleting: bool = False
    gone: float | None = None
    hidden_from: float | None = None
    restarts: int = 0
    engines: list[Engine] = field(default_factory=list)
    ticket: int = 0
    """Raised by every change of mind, so that timers of an older one do nothing."""
    sticky: bool = False
    """Whether the life's trouble of getting stuck is this one's."""
    stuck_since: float | None = None
    waits_since: float | None = None
    """Since when it has waited for quota."""
    touched: list[str] = field(default_factory=list)
    """What anybody asked of it."""

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def short(self) -> str:
        return self.name.removeprefix(f"{CLUSTER}-")

    @property
    def cpu(self) -> float:
        return float(self.body.get("cpu", 1))

    @property
    def ours(self) -> bool:
        """Whether it is one of this cluster, marked as such."""
        marker = self.marker
        if marker is None or marker.cluster != CLUSTER:
            return False
        return self.name == f"{CLUSTER}-" + ("head" if marker.role == "head" else f"{marker.group_name}-{marker.index}")

    @property
    def engine(self) -> Engine | None:
        return self.engines[-1] if self.engines else None

    def to_json(self) -> dict[str, Any]:
        body = self.body
        times = {"starting_at": self.starting, "running_at": self.running, "stopped_at": self.stopped}
        return {
            "id": self.id, "name": self.name, "subdomain": body["subdomain"], "script": body["script"], "status": self.status,
            "description": body.get("description", ""), "created_at": stamp(self.created), "cpu": self.cpu,
            "memory": body.get("memory", 1), "nvidia_gpu": body.get("nvidia_gpu", 0), "runtime_identifier": body.get("runtime_identifier", ""),
            "environment": msgspec.json.encode(body.get("environment") or {}).decode(),
            **{name: stamp(at) for name, at in times.items() if at is not None},
        }  # fmt: skip
