"""The project's folder: paths stay inside it, writes are whole, and an upload counts when it was read back."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from raytui.core.errors import ConfigurationError, DeadlineExceeded, NotAllowed, NotFound, OperationFailed
from raytui.platforms.cai.api.answers import Outcome
from raytui.platforms.cai.api.transport import Answer
from raytui.platforms.cai.project.files import DirectFiles, FileEntry, RemoteFiles, checked
from tests.unit.platforms.cai.scripted import FAST, Call, Scripted, bad, client_over, ok


@pytest.mark.parametrize(
    ("path", "plain"), [("a/b.py", "a/b.py"), ("./a//b.py", "a/b.py"), (".raytui/c/x", ".raytui/c/x")]
)
def test_a_path_in_the_project_is_made_plain(path: str, plain: str) -> None:
    assert checked(path) == plain


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "", ".", "a\0b"])
def test_a_path_out_of_the_project_is_refused(path: str) -> None:
    with pytest.raises(ConfigurationError, match="inside the project"):
        checked(path)


async def test_direct_files_are_replaced_whole_with_their_mode(tmp_path: Path) -> None:
    files = DirectFiles(tmp_path)
    await files.write("a/b.py", b"one", 0o755)
    await files.write("a/b.py", b"two", 0o600)
    assert await files.read("a/b.py") == b"two"
    assert (tmp_path / "a/b.py").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in await files.entries("a")] == ["b.py"]


async def test_a_direct_file_that_exists_is_not_made_again(tmp_path: Path) -> None:
    files = DirectFiles(tmp_path)
    assert await files.create("token", b"first") == b"first"
    assert await files.create("token", b"second") == b"first"
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in await files.entries(".")] == ["token"]


async def test_direct_delete_takes_files_and_folders_and_is_content_with_nothing(tmp_path: Path) -> None:
    files = DirectFiles(tmp_path)
    await files.write("c/nodes/a.json", b"{}")
    await files.write("c/token", b"x")
    for path in ("c/token", "c/nodes", "c/nodes", "c/none"):
        await files.delete(path)
    assert await files.entries("c") == ()


async def test_what_is_missing_or_fails_is_named(tmp_path: Path) -> None:
    files = DirectFiles(tmp_path)
    with pytest.raises(NotFound, match=r"x\.json does not exist"):
        await files.read("x.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(OperationFailed, match="could not write"):
        await files.write("file/below", b"")
    assert await files.entries("nowhere") == ()


async def test_one_bad_entry_never_ends_a_listing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "b").symlink_to("nowhere")
    (tmp_path / "c").symlink_to("c")
    (tmp_path / "d").mkdir()
    entries = await DirectFiles(tmp_path).entries(".")
    assert [(entry.name, entry.is_dir, entry.size) for entry in entries if not entry.broken] == [
        ("a", False, 1),
        ("d", True, entries[3].size),
    ]
    assert [entry.broken for entry in entries[1:3]] == [
        "a link to nowhere, which does not exist here",
        "a link to c, which does not exist here",
    ]


async def test_what_is_no_regular_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OperationFailed, match="it is no regular file"):
        await DirectFiles(tmp_path).read("pipe")


async def test_a_project_folder_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def hang(_: Path) -> bytes:
        gate.wait()
        return b""

    monkeypatch.setattr("raytui.platforms.cai.project.files.read_regular", hang)
    with pytest.raises(DeadlineExceeded, match=r"the disk, asked to read .*/x, did not answer within 0.01 s") as caught:
        await DirectFiles(tmp_path, timeout=0.01).read("x")
    gate.set()
    assert "disk that hangs" in caught.value.hint


class Drive(Scripted):
    """The API's files as they behave: nothing is replaced, a second upload becomes `name(1).ext`."""

    def __init__(self, **held: bytes) -> None:
        self.held = {name.replace("__", "/"): data for name, data in held.items()}
        self.uploads = 0
        self.upload_answers: list[Outcome] = []
        self.store = True
        self.onto = "refuse"
        super().__init__(
            DownloadProjectFile=self._read,
            DeleteProjectFile=self._delete,
            ListProjectFiles=self._list,
            UpdateProjectFileMetadata=self._move,
        )

    def _move(self, call: Call) -> Answer:
        source, target = call[1]["path"], call[3]["path"]
        if self.onto == "absent" or source not in self.held:
            return bad(404)
        if self.onto == "refuse" and target in self.held:
            return bad(409)
        self.held[target] = self.held.pop(source)
        return ok()

    def _read(self, call: Call) -> Answer:
        data = self.held.get(call[1]["path"])
        return bad(404) if data is None else Answer(200, {}, data)

    def _delete(self, call: Call) -> Answer:
        return bad(404) if self.held.pop(call[1]["path"], None) is None else ok()

    def _list(self, call: Call) -> Answer:
        folder = "" if call[1]["path"] == "." else call[1]["path"] + "/"
        names = [path.removeprefix(folder) for path in self.held if path.startswith(folder)]
        return (
            ok({"files": [{"path": name, "is_dir": False, "file_size": "3"} for name in names]}) if names else bad(404)
        )

    async def upload(self, path: str, data: bytes) -> Outcome:
        self.uploads += 1
        stem, dot, suffix = path.rpartition(".")
        if self.store:
            self.held[f"{stem}(1){dot}{suffix}" if path in self.held else path] = data
        return self.upload_answers.pop(0) if self.upload_answers else Outcome("ok", 200)


def remote(drive: Drive) -> RemoteFiles:
    client: Any = client_over(drive)
    client.upload = drive.upload
    return RemoteFiles(client)


MOVES = pytest.mark.parametrize("onto", ["refuse", "replace", "absent"])


@MOVES
async def test_an_existing_file_is_replaced_by_one_that_was_proved_beside_it(onto: str) -> None:
    drive = Drive(**{"a__b.py": b"old"})
    drive.onto = onto
    await remote(drive).write("a/b.py", b"new")
    assert drive.held == {"a/b.py": b"new"}


async def test_a_file_that_holds_it_already_is_left_alone() -> None:
    drive = Drive(**{"a__b.py": b"new"})
    await remote(drive).write("a/b.py", b"new")
    assert (drive.uploads, drive.count("DeleteProjectFile"), drive.count("UpdateProjectFileMetadata")) == (0, 0, 0)


class Crash(Exception):
    """raytui is killed."""


@MOVES
async def test_a_crash_at_any_request_leaves_the_old_or_the_new_content_or_the_new_beside(onto: str) -> None:
    total = None
    at = 0
    while total is None or at < total:
        at += 1
        drive = Drive(**{"a__b.py": b"old"})
        drive.onto = onto
        requests = 0

        def count(drive: Drive, at: int = at) -> None:
            nonlocal requests
            requests += 1
            if requests == at:
                raise Crash

        files = crashing(drive, count)
        try:
            await files.write("a/b.py", b"new")
        except Crash:
            assert b"new" in drive.held.values() or drive.held == {"a/b.py": b"old"}
        else:
            total = at
        missing = "a/b.py" not in drive.held
        # Where it is missing, one request lies between its end and its return, and the next run puts it back.
        assert not missing or drive.calls[-1][0] == "DeleteProjectFile"
        assert not (missing and onto == "replace")
        await remote(drive).write("a/b.py", b"new")
        assert drive.held == {"a/b.py": b"new"}


def crashing(drive: Drive, count: Any) -> RemoteFiles:
    """Files over a drive whose every request is counted before it is carried out."""
    plain_call, plain_upload = drive.call, drive.upload

    async def call(*words: Any, **options: Any) -> Answer:
        count(drive)
        return await plain_call(*words, **options)

    async def upload(path: str, data: bytes) -> Outcome:
        count(drive)
        return await plain_upload(path, data)

    client: Any = client_over(drive)
    client._transport = type("Counted", (), {"name": "counted", "call": staticmethod(call)})()
    client.upload = upload
    return RemoteFiles(client)


async def test_entries_that_cannot_be_read_take_none_of_the_others_with_them() -> None:
    rows = [
        None,
        {"path": None},
        {"path": 5},
        {"path": "a", "file_size": "1e999"},
        {"path": "b", "is_dir": None, "file_size": None},
    ]
    files = RemoteFiles(client_over(Scripted(ListProjectFiles=ok({"files": rows}))))
    assert await files.entries("x") == (FileEntry("a", False, 0), FileEntry("b", False, 0))


async def test_left_over_copies_are_removed() -> None:
    drive = Drive(**{"a__b.py": b"old", "a__b(1).py": b"older", "a__b(12).py": b"oldest", "a__bb(1).py": b"another"})
    await remote(drive).write("a/b.py", b"new")
    assert drive.held == {"a/b.py": b"new", "a/bb(1).py": b"another"}


@pytest.mark.parametrize("kind", ["lost", "timeout", "broken", "busy", "html"])
async def test_an_upload_whose_answer_was_lost_is_looked_for(kind: Any) -> None:
    drive = Drive()
    drive.upload_answers = [Outcome(kind)]
    await remote(drive).write("a/b.py", b"new")
    assert drive.held == {"a/b.py": b"new"}
    assert drive.uploads == 1


async def test_an_upload_that_was_not_carried_out_is_sent_again() -> None:
    drive = Drive()
    drive.upload_answers = [Outcome("lost")]
    drive.store = False
    files = remote(drive)
    plain = drive.upload

    async def upload(path: str, data: bytes) -> Outcome:
        drive.store = drive.uploads > 0
        return await plain(path, data)

    files._client.upload = upload  # type: ignore[method-assign]
    await files.write("a/b.py", b"new")
    assert (drive.held, drive.uploads) == ({"a/b.py": b"new"}, 2)


async def test_an_upload_that_never_shows_is_an_error_that_names_the_file() -> None:
    drive = Drive()
    drive.store = False
    with pytest.raises(DeadlineExceeded, match=r"a/b\.py was uploaded"):
        await remote(drive).write("a/b.py", b"new")


async def test_a_refused_upload_is_told_at_once() -> None:
    drive = Drive()
    drive.upload_answers = [Outcome("denied", 403, detail="read only")]
    with pytest.raises(NotAllowed, match=r"may not upload a/b\.py to the project.*read only"):
        await remote(drive).write("a/b.py", b"new")
    assert drive.uploads == 1


async def test_entries_come_as_base_names_with_sizes_as_strings() -> None:
    assert await remote(Drive(a__b=b"xyz")).entries("a") == (FileEntry("b", False, 3),)
    assert await remote(Drive()).entries("a") == ()


async def test_a_remote_file_that_exists_is_not_made_again() -> None:
    drive = Drive(token=b"first")
    assert await remote(drive).create("token", b"second") == b"first"
    assert await remote(drive).create("other", b"new") == b"new"
    assert drive.held == {"token": b"first", "other": b"new"}


async def test_an_upload_with_a_garbled_answer_that_stored_nothing_is_sent_again() -> None:
    drive = Drive()
    drive.upload_answers = [Outcome("garbage", 200, detail="not JSON")]
    drive.store = False
    upload = drive.upload

    async def second_stores(path: str, data: bytes) -> Outcome:
        drive.store = drive.uploads > 0
        return await upload(path, data)

    drive.upload = second_stores  # type: ignore[method-assign]
    await remote(drive).write("a/b.py", b"new")
    assert drive.held == {"a/b.py": b"new"}
    assert drive.uploads == 2


async def test_an_upload_with_a_garbled_answer_that_shows_a_moment_later_is_not_sent_again() -> None:
    drive = Drive()
    drive.upload_answers = [Outcome("garbage", 200, detail="not JSON")]
    reads = 0
    read = drive._read

    def late(call: Call) -> Answer:
        nonlocal reads
        reads += 1
        return bad(404) if reads < 4 else read(call)

    drive.script["DownloadProjectFile"] = late
    client: Any = client_over(drive, msgspec.structs.replace(FAST, doubtful_upload=5.0, files=5.0))
    client.upload = drive.upload
    await RemoteFiles(client).write("a/b.py", b"new")
    assert drive.uploads == 1


@pytest.mark.parametrize("onto", ["refuse", "absent"])
async def test_a_write_that_is_cancelled_between_its_delete_and_what_follows_leaves_the_new_file(onto: str) -> None:
    drive = Drive(**{"a__b.py": b"old"})
    drive.onto = onto
    task: asyncio.Task[None]
    delete = drive._delete

    def cancelled_then(call: Call) -> Answer:
        if call[1]["path"] == "a/b.py":
            task.cancel()
        return delete(call)

    drive.script["DeleteProjectFile"] = cancelled_then
    task = asyncio.create_task(remote(drive).write("a/b.py", b"new"))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert drive.held["a/b.py"] == b"new"
