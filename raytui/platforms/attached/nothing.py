"""What raytui has none of where it only watches: nothing is kept, nothing is chosen, and nothing can be changed."""

from __future__ import annotations

from typing import NoReturn

from raytui.core.errors import NotFound
from raytui.core.observed.shipped_logs import NodeLife
from raytui.core.observed.snapshot import Application
from raytui.core.permission import require_changeable
from raytui.core.protocols.platform import Check, LogChunk, not_here
from raytui.core.remedy import Remedy
from raytui.core.spec import ClusterSpec


async def refuse(*_what: object, **_more: object) -> NoReturn:
    """Raises the error of a change to a cluster that is only watched."""
    require_changeable("the change", "attached", read_only=True)
    raise AssertionError


class NothingKept:
    """The store of a cluster of which nothing is kept here."""

    async def read_file(self, path: str) -> bytes:
        """Raises `NotFound`: nothing is kept here of nodes that ended."""
        raise NotFound(f"nothing is kept of {path}", hint=Remedy("logs", "--list", "names what Ray still has"))

    async def tail(
        self,
        application: Application,
        offset: int | None = None,  # noqa: ARG002
        limit: int = 65536,  # noqa: ARG002
    ) -> LogChunk:
        """Raises `NotFound`: no launcher of raytui's runs there."""
        raise NotFound(
            f"{application.short} has no output of a launcher", hint=Remedy("logs", "--list", "names Ray's own files")
        )

    places = not_here

    async def kept_logs(self, application: Application) -> dict[str, str]:  # noqa: ARG002  # no launcher keeps any
        """None."""
        return {}

    async def lives(self, cluster: str) -> tuple[NodeLife, ...]:  # noqa: ARG002  # no launcher of ours runs there
        """None."""
        return ()

    async def recorded_spec(self, cluster: str) -> ClusterSpec | None:  # noqa: ARG002  # there is none
        """None."""
        return None

    def place_of(self, cluster: str) -> str:  # noqa: ARG002  # nothing is kept
        """Nowhere."""
        return ""

    write_launchers = record_spec = purge = refuse


class AsGiven:
    """Specs are left as they are: nothing is made from them."""

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:  # noqa: ARG002  # nothing is made from it
        """Nothing: what can be checked is the chain to the dashboard, which every look follows."""
        return ()

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec as it is."""
        return spec

    complete = resolve_ports

    async def deployed(self, cluster: str) -> ClusterSpec | None:  # noqa: ARG002  # nobody deployed it with raytui
        """None."""
        return None
