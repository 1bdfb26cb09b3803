"""Projects of a workbench."""

from __future__ import annotations

from raytui.core.observed.catalog import Project
from raytui.core.remedy import Remedy
from raytui.view.filters import Value
from raytui.view.picture import Picture
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind, muted

_DEFAULT_SHM_MB = 64


def _shared_memory(project: Project, _: Picture) -> Value:
    return project.shared_memory_limit or _DEFAULT_SHM_MB


def _access(project: Project, _: Picture) -> Value:
    return None if project.may_write is None else "change" if project.may_write else "view"


PROJECTS: TableKind[Project] = TableKind(
    name="projects",
    title="Projects",
    noun="projects",
    summary="List the projects that the key sees.",
    about="The projects of the workbench that the key may see, by name. Needs CML_HOST and a key, and no project; "
    "name one of them with --project NAME, CML_PROJECT_ID or project_id.",
    examples=("--filter access=change", "--sort name --columns name,id"),
    of_workbench="projects",
    reading=lambda picture: picture.catalog.projects,
    rows=lambda picture: picture.catalog.projects.value or (),
    key=lambda project: project.id,
    columns=(
        Column("name", lambda project, _: project.name, width=16, wide=32),
        Column("id", lambda project, _: project.id, width=19),
        Column("owner", lambda project, _: project.owner or None, width=10, wide=16, rank=2),
        Column("access", _access, fields=("may_write",), width=6, rank=1),
        Column("status", lambda project, _: project.creation_status or None, fields=("creation_status",), rank=3),
        Column(
            "shm", _shared_memory, lambda value: f"{value} MB", fields=("shared_memory_limit",), right=True, rank=3,
            role=muted,
        ),
        Column("visibility", lambda project, _: project.visibility or None, width=12, rank=4, on_request=True),
    ),
    document=lambda project, _: {**plain(project, "created_at"), "shared_memory_limit": _shared_memory(project, _)},
    empty=("the key sees no project; ", Remedy("deploy", "--github-repo OWNER/NAME", "makes one")),
)  # fmt: skip
