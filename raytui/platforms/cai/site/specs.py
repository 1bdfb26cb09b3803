"""What a workbench says of a spec: which images it has for it, and what could keep it from running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.protocols import Check
from raytui.core.spec import DEFAULT_DASHBOARD_PORT, DEFAULT_RAY_PORT, ClusterSpec
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.site import runtimes as images


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
        """The newest fitting runtime images where none are given.

        Of the venv's Python, and with CUDA for workers with GPUs.
        """
        if spec.head.runtime_identifier and (spec.workers.runtime_identifier or not spec.workers.count):
            return spec
        from raytui.platforms.cai.project.venv import venv_of

        listed, venv = await asyncio.gather(self._client.pages("ListRuntimes", "runtimes"), venv_of(self._files))
        known = images.parse(listed)
        chosen = {spec.head.runtime_identifier, spec.workers.runtime_identifier}
        given = next((image.python for image in known if image.identifier in chosen), "")
        worker = images.newest(known, gpu=spec.workers.gpus > 0, python=given or venv.python)
        head = images.newest(known, gpu=False, python=worker.python if worker else venv.python)
        if head is None or worker is None:
            what = "CUDA" if head is not None else "Python"
            raise ConfigurationError.from_problems(
                [
                    Problem(
                        "runtime_identifier",
                        f"the workbench lists no enabled {what} runtime",
                        "name one with --runtime-identifier",
                    )
                ]
            )
        return msgspec.structs.replace(
            spec,
            head=msgspec.structs.replace(spec.head, runtime_identifier=spec.head.runtime_identifier or head.identifier),
            workers=msgspec.structs.replace(
                spec.workers, runtime_identifier=spec.workers.runtime_identifier or worker.identifier
            ),
        )
