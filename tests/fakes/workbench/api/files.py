"""Files of a project: list, upload, download, move, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.workbench.routing import EXISTS, INTERNAL, INVALID, NOT_FOUND, Call, Refused, operation
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
    return {"files": [_info(name, folder, size) for name, folder, size in entries]}


@operation("UploadFile", "PUT", COLLECTION, described=False)
@operation("UploadFile", "POST", COLLECTION)
async def upload_file(bench: Workbench, call: Call) -> Answer:
    """Store each part of a multipart body; the name of the field is the path in the project. A PUT does the same."""
    project = common.project_of(bench, call)
    try:
        parts = multipart(call.request)
    except BadRequest as error:
        raise Refused(INVALID, str(error)) from None
    if not parts:
        raise Refused(INVALID, "no file in the upload")
    if bench.faults.folder_full:
        raise Refused(INTERNAL, f"write /home/cdsw/{parts[0][0]}: no space left on device")
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
    """Move a file: the body's path is where it goes. Other metadata is not kept: without a path nothing changes."""
    project = common.project_of(bench, call)
    source = common.inside(project, call.names["path"])
    if not source.exists():
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file")
    if not call.body.get("path"):
        return _info(call.names["path"], source.is_dir(), source.stat().st_size)
    target = common.inside(project, common.text(call.body, "path"))
    onto = bench.faults.rename_onto
    if onto == "absent":
        raise Refused(NOT_FOUND, f"{call.names['path']}: no such file")
    if target.exists() and onto == "refuse":
        raise Refused(EXISTS, f"{call.body['path']} already exists")
    bench.files.move(source, target)
    return _info(call.body["path"], target.is_dir(), target.stat().st_size)


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


def _info(name: str, folder: bool, size: int) -> dict[str, Any]:
    """The answer's FileInfo: a folder has no size."""
    return {"path": name, "is_dir": folder, **({} if folder else {"file_size": str(size)})}
