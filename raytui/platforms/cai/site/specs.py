"""What a workbench says of a spec: which images it has for it, and what could keep it from running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from raytui.core.catalog import LIST_RUNTIMES, Runtime
from raytui.core.errors import ConfigurationError, NotFound, Problem
from raytui.core.protocols import Check
from raytui.core.remedy import plus
from raytui.core.required import SHARED
from raytui.core.spec import AUTO, DEFAULT_DASHBOARD_PORT, DEFAULT_RAY_PORT, ClusterSpec, WorkersSpec
from raytui.platforms.cai.api.client import ApiClient
from raytui.platforms.cai.applications.lifecycle import Lifecycle
from raytui.platforms.cai.project.files import ProjectFiles
from raytui.platforms.cai.site import runtimes as images
from raytui.platforms.cai.site.catalog import listed

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
        if all(image not in {None, "", AUTO} for image in _images(spec)):
            return spec
        from raytui.platforms.cai.project.venv import venv_of

        known, venv = await asyncio.gather(listed(self._client), venv_of(self._files))
        given = next((image.python for image in known if image.python and image.identifier in _images(spec)), "")
        choice = _Choice(
            known, given or ("" if venv.own_python else venv.python), "another image" if given else "its .venv"
        )
        groups = {name: choice.workers(f"groups.{name}", group) for name, group in spec.groups.items()}
        workers = choice.workers("workers", spec.workers)
        head = msgspec.structs.replace(spec.head, runtime_identifier=choice.image("head", spec.head.runtime_identifier))
        if choice.problems:
            raise ConfigurationError.from_problems(choice.problems, f"the spec of {spec.name}")
        return msgspec.structs.replace(spec, head=head, workers=workers, groups=groups)

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


class _Choice:
    """One choice of images for all parts of a spec, which must have one Python."""

    def __init__(self, known: tuple[Runtime, ...], python: str, why: str) -> None:
        self._known = known
        self._python = python
        self._why = why
        self.problems: list[Problem] = []

    def image(self, part: str, given: str | None, *, gpu: bool = False) -> str | None:
        """The image that is given, or the newest that fits; none, and a problem, when there is none."""
        if given not in {None, "", AUTO}:
            return given
        found = images.fitting(self._known, gpu=gpu, python=self._python)
        if found:
            # The first choice decides the Python of all others.
            self._python, self._why = self._python or found[0].python, self._why if self._python else "another image"
            return found[0].identifier
        what = "CUDA image" if gpu else "image"
        if not images.pythons(self._known):
            message, hint = (
                f"the workbench lists no enabled Python {what}",
                "name one, or ask the administrator for one",
            )
        else:
            message = f"the workbench lists no enabled {what}" + (f" of Python {self._python}" if self._python else "")
            hint = f"{self._why} has Python {self._python}; enabled are images of " + ", ".join(
                images.pythons(self._known)
            )
        self.problems.append(Problem(f"{part}.runtime_identifier", message, plus(hint, "; ", LIST_RUNTIMES)))
        return None

    def workers(self, part: str, group: WorkersSpec) -> WorkersSpec:
        """One group of workers with its image."""
        if not group.count and group.runtime_identifier not in {None, "", AUTO}:
            return group
        return msgspec.structs.replace(
            group, runtime_identifier=self.image(part, group.runtime_identifier, gpu=group.gpus > 0)
        )


def _images(spec: ClusterSpec) -> list[str | None]:
    return [spec.head.runtime_identifier, *(group.runtime_identifier for group in spec.all_groups.values())]
