"""A file is the old or the new one, never a part, and nothing is left beside it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from raytui.system.files import at_home, create_whole, open_regular, private_directory, write_whole


def test_a_written_file_has_its_bytes_and_its_mode_and_no_neighbour(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"one", 0o755)
    write_whole(tmp_path / "a", b"two", 0o640)
    assert (tmp_path / "a").read_bytes() == b"two"
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_leaves_the_old_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("raytui.system.files.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_of_many_who_create_a_file_one_does(tmp_path: Path) -> None:
    made: list[int] = []
    begin = threading.Barrier(8)

    def create(number: int) -> None:
        begin.wait()
        try:
            create_whole(tmp_path / "token", str(number).encode())
        except FileExistsError:
            return
        made.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = made
    assert (tmp_path / "token").read_bytes() == str(winner).encode()
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_directories_are_for_the_user_alone_and_those_that_exist_keep_their_mode(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir(mode=0o755)
    private_directory(tmp_path / "there" / "a" / "b")
    modes = [
        path.stat().st_mode & 0o777
        for path in (tmp_path / "there", tmp_path / "there" / "a", tmp_path / "there" / "a" / "b")
    ]
    assert modes == [0o755, 0o700, 0o700]


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        open_regular(tmp_path / "pipe")


def test_the_home_folder_of_nobody_is_a_name_like_any_other(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert at_home("~/a") == Path("/home/me/a")
    assert at_home("~nobody-of-this-name/a") == Path("~nobody-of-this-name/a")
