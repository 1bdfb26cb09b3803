"""Runtime images of a workbench."""

from __future__ import annotations

from raytui.core.observed.catalog import Runtime
from raytui.view.tables.documents import plain
from raytui.view.tables.kind import Column, TableKind, muted

RUNTIMES: TableKind[Runtime] = TableKind(
    name="runtimes",
    title="Runtimes",
    noun="runtimes",
    summary="List the runtime images of the workbench.",
    about="The images that applications of this workbench can run, the newest first. Needs CML_HOST and a key, and no "
    "project; --runtime-identifier takes one of them, or auto.",
    examples=("--filter 'python=3.11 cuda=yes'", "--filter state=enabled --columns image"),
    of_workbench="runtimes",
    reading=lambda picture: picture.catalog.runtimes,
    rows=lambda picture: picture.catalog.runtimes.value or (),
    key=lambda runtime: runtime.identifier,
    columns=(
        Column("python", lambda runtime, _: runtime.python or None, width=6),
        Column("cuda", lambda runtime, _: "yes" if runtime.gpu else "no", width=4, rank=1),
        Column("editor", lambda runtime, _: runtime.editor or None, width=12, rank=3, role=muted),
        Column("version", lambda runtime, _: runtime.version or None, width=14, rank=2),
        Column("state", lambda runtime, _: "enabled" if runtime.enabled else "disabled", fields=("enabled",), rank=2),
        Column("image", lambda runtime, _: runtime.identifier, fields=("identifier",), width=32, rank=0),
        Column("edition", lambda runtime, _: runtime.edition or None, width=12, on_request=True),
        Column("kernel", lambda runtime, _: runtime.kernel or None, width=12, on_request=True),
    ),
    document=lambda runtime, _: {**plain(runtime), "python": runtime.python or None, "cuda": runtime.gpu},
    empty="the workbench lists no runtime image; its administrator enables some in the Runtime Catalog",
)
