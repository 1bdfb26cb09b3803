"""The virtual environment of a project, read from its folder's names alone: nothing is run and nothing is imported."""

from __future__ import annotations

import re

import msgspec

from raytui.core.errors import NotFound
from raytui.platforms.cai.project.files import ProjectFiles

FOLDER = ".venv"
PROJECT_HOME = "/home/cdsw/"
"""Where a workload sees the project's folder."""


class Venv(msgspec.Struct, frozen=True):
    """What the folder shows."""

    exists: bool | None = None
    """None when the project's folder shows nothing at all."""
    has_ray: bool | None = None
    """Whether there is a `ray` program; None when its folder shows nothing."""
    python: str = ""
    """`3.11`."""
    ray: str = ""
    """Version of Ray."""
    broken: str = ""
    """What is wrong with its interpreter, such as a link to a Python that this image does not have; empty when nothing
    is seen."""

    own_python: bool = False
    """Whether its interpreter lies in the project's folder too, so that any image can run it."""

    @property
    def ray_release(self) -> tuple[int, ...]:
        """The version as numbers, empty when unknown."""
        return tuple(int(part) for part in re.findall(r"\d+", self.ray)[:3])


async def venv_of(files: ProjectFiles, folder: str = FOLDER) -> Venv:
    """Look at `<folder>/bin` and its packages; raises what the files raise."""
    root = await files.entries(".")
    if not any(entry.name == folder for entry in root):
        return Venv(exists=False if root else None)
    listed = await files.entries(f"{folder}/bin")
    programs = {entry.name for entry in listed}
    pythons = [
        entry.name for entry in await files.entries(f"{folder}/lib") if re.fullmatch(r"python3\.\d+", entry.name)
    ]
    packages = (
        [entry.name for entry in await files.entries(f"{folder}/lib/{pythons[0]}/site-packages")] if pythons else []
    )
    own = await _has_own_python(files, folder)
    found = next(
        (match.group(1) for name in packages if (match := re.fullmatch(r"ray-(\d[\w.]*)\.dist-info", name))), ""
    )
    return Venv(
        exists=True,
        has_ray="ray" in programs if programs else None,
        python=pythons[0].removeprefix("python") if pythons else "",
        ray=found,
        own_python=own,
        broken=next(
            (
                f"{folder}/bin/{entry.name} is {entry.broken}"
                for entry in listed
                if entry.name == "python" and entry.broken
            ),
            "",
        ),
    )


async def _has_own_python(files: ProjectFiles, folder: str) -> bool:
    """What `pyvenv.cfg` says of where the interpreter came from: uv keeps the ones that it fetched below the home."""
    try:
        text = (await files.read(f"{folder}/pyvenv.cfg")).decode(errors="replace")
    except NotFound:
        return False
    home = re.search(r"^home\s*=\s*(.*)$", text, re.MULTILINE)
    return home is not None and home.group(1).strip().startswith(PROJECT_HOME)
