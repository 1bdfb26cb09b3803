"""What a workbench offers to whoever has a key, whatever the project: its projects and its runtime images."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from raytui.core.errors import ConfigurationError, NotFound, Problem
from raytui.core.observed.snapshot import Reading
from raytui.core.remedy import Hint, Remedy, plus
from raytui.core.units import sanitize

LIST_PROJECTS = Remedy("projects", "", "lists them")
LIST_RUNTIMES = Remedy("runtimes", "", "lists them")
MOST_NAMED = 8
"""Candidates that a sentence names; the list has all."""
_ID = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")


class Project(msgspec.Struct, frozen=True):
    """One project."""

    id: str
    name: str
    creation_status: str = ""
    """creating, success or failure; empty in older workbenches."""
    shared_memory_limit: int = 0
    """Megabytes; 0 is the default of 64."""
    owner: str = ""
    visibility: str = ""
    created_at: float = 0.0
    """Seconds since 1970; 0 when unknown."""
    may_write: bool | None = None
    """Whether the key may change it; none where the workbench does not tell."""


class Runtime(msgspec.Struct, frozen=True):
    """One runtime image."""

    identifier: str
    kernel: str
    editor: str
    edition: str
    version: str
    enabled: bool

    @property
    def python(self) -> str:
        """`3.11`, empty for other languages."""
        found = re.search(r"python\s*(3\.\d+)", self.kernel, re.IGNORECASE)
        return found.group(1) if found else ""

    @property
    def gpu(self) -> bool:
        """Whether it brings CUDA."""
        return "gpu" in self.edition.lower() or "cuda" in self.identifier.lower()


class Catalog(msgspec.Struct, frozen=True):
    """What was asked of a workbench; what was not asked has no value."""

    projects: Reading[tuple[Project, ...]] = Reading()
    runtimes: Reading[tuple[Runtime, ...]] = Reading()


def is_project_id(text: str) -> bool:
    """Whether this has the form of a project's id; anything else is taken for a name first."""
    return _ID.fullmatch(text) is not None


def chosen(projects: Sequence[Project], wanted: str, origin: str = "") -> Project:
    """The project that a name or an id means; `origin` says what named it.

    Raises `NotFound` when there is none and `ConfigurationError` when there are several, each with candidates.
    """
    found = [project for project in projects if project.id == wanted] or [
        project for project in projects if project.name == wanted
    ]
    if len(found) == 1:
        return found[0]
    named = f"{sanitize(wanted)}" + (f" ({origin})" if origin else "")
    if found:
        candidates = ", ".join(f"{project.id} of {sanitize(project.owner) or 'unknown'}" for project in found)
        message = f"{len(found)} projects are named {named}"
        raise ConfigurationError.from_problems([Problem("project_id", message, f"name one by its id: {candidates}")])
    import difflib  # only a failure needs it

    near = difflib.get_close_matches(wanted, [project.name for project in projects], MOST_NAMED, 0.5)
    likely = [project for project in projects if project.name in near] or list(projects)
    raise NotFound(f"the key sees no project {named}", hint=plus(seen_projects(likely, len(projects))))


def seen_projects(projects: Sequence[Project], total: int | None = None) -> Hint:
    """The first projects by name and id, and the way to the others."""
    if not projects:
        return "the key sees no project"
    named = ", ".join(f"{sanitize(project.name)} ({project.id})" for project in projects[:MOST_NAMED])
    rest = (len(projects) if total is None else total) - min(len(projects), MOST_NAMED)
    return (f"the key sees {named}" + (f" and {rest} more" if rest > 0 else "") + "; ", LIST_PROJECTS)
