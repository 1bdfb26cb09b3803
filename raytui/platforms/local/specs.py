"""What this machine says of a spec: which ports are free, and what could keep it from running."""

from __future__ import annotations

from pathlib import Path

from raytui.core.protocols.platform import Check
from raytui.core.spec import ClusterSpec
from raytui.platforms.local.disk import read_within
from raytui.platforms.local.resolve import resolve_ports
from raytui.platforms.local.venv import default_venv

PREFLIGHT_S = 30.0


class LocalSpecs:
    """Specs of clusters below one state directory."""

    def __init__(self, root: Path, venv: Path | None) -> None:
        """`root` is `<state>/local`, resolved; without `venv` the default one counts."""
        self._root = root
        self._venv = venv

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """What could keep this spec from running on this machine, found without changing anything."""
        from raytui.platforms.local.preflight import preflight

        def check() -> tuple[Check, ...]:
            return preflight(
                self._root, spec.resolved("local"), self._venv or default_venv(), chosen=self._venv is not None
            )

        return await read_within("the preflight", check, PREFLIGHT_S)

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with every `auto` port replaced by a free one outside 10002-19999 that no cluster of ours uses."""
        return await read_within("the search for free ports", lambda: resolve_ports(self._root, spec))

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec as it is: nothing is chosen for a local cluster but its ports."""
        return spec

    async def deployed(self, cluster: str) -> ClusterSpec | None:  # noqa: ARG002  # nothing is deployed to this machine
        """None."""
        return None
