"""Files of a project: list, upload, download, move, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.routing import EXISTS, INVALID, NOT_FOUND, Call, Refused, operation
from tests.fakes.workbench.wire import Answer, BadRequest, multipart

from . import common

if TYPE_CHECKING:
    from tests.fakes.workbench.state import Workbench

COLLECTION = "/api/v2/projects/{project_id}/files"
ONE = COLLECTION + "/{path}"


@operation("ListProjectFiles", "GET", ONE)
async def list_project_files(bench: Workbench, call: Call) -> dict[str, Any]:
    """One folder's entries, not paged, as base names; the root is `.`."""
    path = common.inside(common.project_of(bench, call), call.names["path"])
    entries = bench.files.list(path)
    if entries is None:
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file or directory")
    return {"files": [{"path": name, "is_dir": folder, "file_size": str(size)} for name, folder, size in entries]}


@operation("UploadFile", "POST", COLLECTION)
async def upload_file(bench: Workbench, call: Call) -> Answer:
    """Store each part of a multipart body; the name of the field is the path in the project."""
    project = common.project_of(bench, call)
    try:
        parts = multipart(call.request)
    except BadRequest as error:
        raise Refused(INVALID, str(error)) from None
    if not parts:
        raise Refused(INVALID, "no file in the upload")
    for name, content in parts:
        await bench.files.write(common.inside(project, name), content)
    return Answer()


@operation("DownloadProjectFile", "POST", ONE + ":download")
async def download_project_file(bench: Workbench, call: Call) -> Answer:
    """A file's bytes."""
    content = bench.files.read(common.inside(common.project_of(bench, call), call.names["path"]))
    if content is None:
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file")
    return Answer(200, content, "application/octet-stream")


@operation("UpdateProjectFileMetadata", "PATCH", ONE)
async def update_project_file(bench: Workbench, call: Call) -> dict[str, Any]:
    """Move a file: the body's path is where it goes."""
    project = common.project_of(bench, call)
    source = common.inside(project, call.names["path"])
    target = common.inside(project, common.text(call.body, "path"))
    onto = bench.faults.rename_onto
    if not source.exists() or onto == "absent":
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file")
    if target.exists() and onto == "refuse":
        raise Refused(EXISTS, f"{call.body['path']} already exists")
    bench.files.move(source, target)
    return {"path": call.body["path"], "is_dir": target.is_dir(), "file_size": str(target.stat().st_size)}


@operation("DeleteProjectFile", "DELETE", ONE)
async def delete_project_file(bench: Workbench, call: Call) -> dict[str, Any]:
    """Delete a file, or a folder with all that is in it."""
    project = common.project_of(bench, call)
    path = common.inside(project, call.names["path"])
    if path == project.folder:
        raise Refused(INVALID, "the project folder cannot be deleted")
    if not bench.files.delete(path):
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file")
    return {}
