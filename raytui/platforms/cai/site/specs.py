"""What a workbench says of a spec: which images it has for it, and what could keep it from running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from raytui.core.desired.required import SHARED
from raytui.core.errors import NotFound
from raytui.core.protocols.platform import Check
from raytui.core.spec import AUTO, DEFAULT_DASHBOARD_PORT, DEFAULT_RAY_PORT, ClusterSpec
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.site.catalog import listed
from raytui.platforms.cai.site.choice import Choice, images_of

DEPLOYED = f"{SHARED}/deploy/raytui.toml"
"""The settings that `deploy` writes into the project for its launch job."""


class SiteSpecs:
    """Specs of clusters in one project of one workbench."""

    def __init__(
        self,
        client: ApiClient,
        lifecycle: Lifecycle,
        files: ProjectFiles,
        launchers: Callable[[], Mapping[str, bytes]] | None,
    ) -> None:
        """`launchers` are what this version of raytui would write."""
        self._client = client
        self._lifecycle = lifecycle
        self._files = files
        self._launchers = launchers

    async def preflight(self, spec: ClusterSpec) -> tuple[Check, ...]:
        """The rows of `doctor`."""
        from raytui.platforms.cai.site.preflight import Preflight

        return await Preflight(self._client, self._lifecycle, self._files, self._launchers).run(spec.resolved("cai"))

    async def resolve_ports(self, spec: ClusterSpec) -> ClusterSpec:
        """A pod has its ports to itself: `auto` is Ray's default."""
        return msgspec.structs.replace(
            spec,
            ray_port=DEFAULT_RAY_PORT if spec.ray_port == "auto" else spec.ray_port,
            dashboard_port=DEFAULT_DASHBOARD_PORT if spec.dashboard_port == "auto" else spec.dashboard_port,
        )

    async def complete(self, spec: ClusterSpec) -> ClusterSpec:
        """The newest fitting images where none is given or `auto` is.

        Of the venv's Python, and with CUDA for workers with GPUs. Raises `ConfigurationError` when there are none.
        """
        if all(image not in {None, "", AUTO} for image in images_of(spec)):
            return spec
        from raytui.platforms.cai.project.venv import venv_of

        known, venv = await asyncio.gather(listed(self._client), venv_of(self._files))
        given = next((image.python for image in known if image.python and image.identifier in images_of(spec)), "")
        python = given or ("" if venv.own_python else venv.python)
        return Choice(known, python, "another image" if given else "its .venv").of(spec)

    async def deployed(self, cluster: str) -> ClusterSpec | None:
        """What `deploy` wrote for its launch job, when that was this cluster."""
        import tomllib  # 2 ms that only a start of what does not exist needs

        try:
            text = (await self._files.read(DEPLOYED)).decode()
            spec = msgspec.convert(tomllib.loads(text)["profiles"]["cai"]["cluster"], ClusterSpec)
        except (NotFound, KeyError, TypeError, ValueError):
            # Whatever somebody made of the file: what cannot be understood says nothing.
            return None
        return spec if spec.name == cluster else None
