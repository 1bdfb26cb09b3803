"""Which images a spec gets where it names none: the newest that fit each other, the GPUs and the project's venv."""

from __future__ import annotations

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.observed.catalog import LIST_RUNTIMES, Runtime
from raytui.core.remedy import plus
from raytui.core.spec import AUTO, ClusterSpec, WorkersSpec
from raytui.platforms.cai.site import runtimes as images


class Choice:
    """One choice of images for all parts of a spec, which must have one Python."""

    def __init__(self, known: tuple[Runtime, ...], python: str = "", why: str = "") -> None:
        """`python` is what all must have, and `why` who says so; without one the newest image decides."""
        self._known = known
        self._python = python
        self._why = why
        self._problems: list[Problem] = []

    def of(self, spec: ClusterSpec) -> ClusterSpec:
        """The spec with an image everywhere; raises `ConfigurationError` with every part for which there is none."""
        groups = {name: self._workers(f"groups.{name}", group) for name, group in spec.groups.items()}
        workers = self._workers("workers", spec.workers)
        head = msgspec.structs.replace(spec.head, runtime_identifier=self._image("head", spec.head.runtime_identifier))
        if self._problems:
            raise ConfigurationError.from_problems(self._problems, f"the spec of {spec.name}")
        return msgspec.structs.replace(spec, head=head, workers=workers, groups=groups)

    def _image(self, part: str, given: str | None, *, gpu: bool = False) -> str | None:
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
        self._problems.append(Problem(f"{part}.runtime_identifier", message, plus(hint, "; ", LIST_RUNTIMES)))
        return None

    def _workers(self, part: str, group: WorkersSpec) -> WorkersSpec:
        """One group of workers with its image."""
        if not group.count and group.runtime_identifier not in {None, "", AUTO}:
            return group
        return msgspec.structs.replace(
            group, runtime_identifier=self._image(part, group.runtime_identifier, gpu=group.gpus > 0)
        )


def images_of(spec: ClusterSpec) -> list[str | None]:
    """What the head and each group run, as it was given."""
    return [spec.head.runtime_identifier, *(group.runtime_identifier for group in spec.all_groups.values())]
