"""What a launcher writes about its node into `nodes/<application>.json` of the shared folder.

One reading of it for every platform.
"""

from __future__ import annotations

import msgspec

from raytui.core.observed.snapshot import Application, LauncherReport
from raytui.core.units import parse_time

KEPT_LOGS = ("raylet.out", "raylet.err", "gcs_server.out", "gcs_server.err")
"""Ray's logs whose last 64 KB a launcher keeps when its node ends."""
_REPORTED = frozenset(LauncherReport.__struct_fields__)


class NodeFile(msgspec.Struct, frozen=True):
    """The file's content; fields that a newer launcher adds are ignored, those that an older one lacks are empty."""

    application: str = ""
    engine_id: str = ""
    """The run of the application that wrote it: another run's report says nothing about this one."""
    pid: int = 0
    """Process of the launcher."""
    ray_pid: int = 0
    """Process of `ray start`."""
    state: str = ""
    message: str = ""
    hint: str = ""
    node_id: str = ""
    generation: str = ""
    address: str = ""
    ip: str = ""
    ray_version: str = ""
    python_version: str = ""
    envoy_sidecar: bool = False
    shm_bytes: int = 0
    object_store_bytes: int = 0
    exit_code: int | None = None
    at: str = ""
    """When it was written, RFC 3339."""

    @property
    def written_at(self) -> float:
        """Seconds since 1970."""
        return parse_time(self.at)

    def report(self) -> LauncherReport:
        """The part of it that a snapshot carries."""
        plain = {name: value for name, value in msgspec.structs.asdict(self).items() if name in _REPORTED}
        return LauncherReport(**{**plain, "at": self.written_at})


def kept_logs(application: Application, engine_id: str) -> dict[str, str]:
    """Where in the shared folder a run of a launcher keeps the ends of Ray's logs, by Ray's name of each.

    Which there are is not said.
    """
    return {name: f"logs/{application.short}-{engine_id}.{name}.tail" for name in KEPT_LOGS}
