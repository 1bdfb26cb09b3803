"""What is known of a large log from an earlier look: the same lines as without it, and never of another log."""

from __future__ import annotations

import os
import stat
from datetime import UTC

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from raytui.core.logline import Query
from raytui.logs import index
from raytui.logs.reading.ranges import FileBlob
from raytui.logs.search import one_log
from raytui.logs.timeline import Timeline, parts


@pytest.fixture(autouse=True)
def kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "FROM", 1)
    monkeypatch.setattr(index, "BLOCK", 200)
    monkeypatch.setattr(one_log, "PIECE", 200)
    monkeypatch.setattr("raytui.logs.timeline.LEAST_BLOCK", 200)
    return tmp_path / "cache" / "raytui" / "log-index"


def text(kinds: list[int]) -> bytes:
    rows = []
    for n, kind in enumerate(kinds):
        head = f"[2026-11-24 10:{n // 60 % 60:02d}:{n % 60:02d},000"
        rows.append(
            (
                f"{head} I 1 1] (raylet) a.cc:1: all is well\n",
                f"{head} W 1 1] (raylet) a.cc:1: beware\n",
                f"{head} E 1 1] (raylet) a.cc:1: it broke\n",
                "  a line that continues the one above\n",
                "Traceback (most recent call last):\n",
            )[kind]
        )
    return "".join(rows).encode()


def wanted(path, **query) -> list[tuple[str, float | None, str | None, int | None]]:
    blob = FileBlob(path)
    try:
        found = one_log.read("log", blob, Query(zone=UTC, **query))
        return [(line.text, line.at, line.level, line.offset) for batch in found for line in batch]
    finally:
        blob.close()


def counted(path) -> tuple[tuple[int, int, int], int]:
    blob = FileBlob(path)
    timeline = Timeline()
    try:
        for part in parts("log", blob, UTC):
            timeline.add(part.first, part.of)
    finally:
        blob.close()
    return tuple(timeline.total), timeline.undated


LOG = st.lists(st.sampled_from([0, 0, 0, 0, 0, 0, 1, 2, 3, 3, 4]), max_size=120)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(LOG, LOG, st.sampled_from(["ERROR", "WARNING", "FATAL", "INFO"]), st.booleans(), st.booleans())
def test_with_an_index_the_lines_of_a_level_are_the_same_as_without(
    tmp_path, kept, first, second, level, by_timeline, cut
):
    path = tmp_path / "raylet.out"
    path.unlink(missing_ok=True)
    data = text(first)
    path.write_bytes(data[:-7] if cut else data)
    if by_timeline:
        counted(path)
    else:
        wanted(path, level=level)
    with path.open("ab") as file:
        file.write((data[-7:] if cut else b"") + text(second))
    for _ in range(2):
        found, total = wanted(path, level=level), counted(path)[0]
        for old in kept.glob("*") if kept.exists() else ():
            old.rename(tmp_path / "away")
        assert found == wanted(path, level=level)
        assert total == counted(path)[0]


def test_what_an_index_knows_is_not_read_again(tmp_path, kept, monkeypatch):
    path = tmp_path / "raylet.out"
    path.write_bytes(text([0] * 500 + [2] + [0] * 500))
    found, numbers = wanted(path, level="ERROR"), counted(path)
    assert [line[0][-8:] for line in found] == ["it broke"]
    (held,) = kept.iterdir()
    assert stat.S_IMODE(held.stat().st_mode) == 0o600
    read: list[int] = []
    real = FileBlob.read

    def noted(self, offset, length):
        data = real(self, offset, length)
        read.append(len(data))
        return data

    monkeypatch.setattr(FileBlob, "read", noted)
    assert wanted(path, level="ERROR") == found
    assert sum(read) < path.stat().st_size / 5
    read.clear()
    assert counted(path) == numbers
    assert sum(read) < path.stat().st_size / 5


@pytest.mark.parametrize("change", ["other bytes", "shorter", "another file", "damaged", "elsewhere"])
def test_an_index_of_what_a_log_was_is_not_believed(tmp_path, kept, monkeypatch, change):
    path = tmp_path / "raylet.out"
    path.write_bytes(text([0] * 300))
    assert wanted(path, level="ERROR") == []
    later = text([2] * 10 + [0] * 40) if change == "shorter" else text([2] * 10 + [0] * 290)
    if change == "another file":
        path.rename(tmp_path / "raylet.out.1")
    if change == "damaged":
        for held in kept.iterdir():
            held.write_bytes(held.read_bytes()[:100])
    if change == "elsewhere":
        (tmp_path / "file").write_bytes(b"")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path.write_bytes(later)
    assert len(wanted(path, level="ERROR")) == 10


def write_anew(path, data: bytes) -> None:
    """Empty the same file and write it, until the file system says that it changed."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        with path.open("r+b") as file:
            file.truncate(0)
            file.write(data)


def undated(errors: set[int], number: int) -> bytes:
    well, broken = b'{"levelname": "INFO", "message": "fine"}\n', b'{"levelname": "ERROR", "message": "bad"}\n'
    assert len(well) == len(broken)
    return b"".join(broken if n in errors else well for n in range(number))


@pytest.mark.parametrize("added", [0, 50])
def test_a_log_without_times_that_was_emptied_and_written_anew_is_read_again(tmp_path, kept, monkeypatch, added):
    monkeypatch.setattr(index, "PROOF", 200)
    monkeypatch.setattr(index, "SETTLED_NS", 0)
    path = tmp_path / "job.out"
    path.write_bytes(undated(set(), 300))
    assert wanted(path, level="ERROR") == []
    assert len(list(kept.iterdir())) == 1
    write_anew(path, undated({140, 150}, 300 + added))  # the same first and last block
    assert len(wanted(path, level="ERROR")) == 2
    assert counted(path)[0][2] == 2


def test_a_log_with_times_that_was_written_anew_with_the_same_beginning_and_size_is_read_again(
    tmp_path, kept, monkeypatch
):
    monkeypatch.setattr(index, "PROOF", 400)
    monkeypatch.setattr(index, "SETTLED_NS", 0)
    path = tmp_path / "raylet.out"
    before, after = text([0] * 300), text([0] * 150 + [2] * 10 + [0] * 140)
    assert len(after) < len(before)
    after = after.replace(b"it broke", b"it broke".rjust(8 + len(before) - len(after)), 1)
    path.write_bytes(before)
    assert wanted(path, level="ERROR") == []
    write_anew(path, after)
    assert len(wanted(path, level="ERROR")) == 10


def test_the_oldest_indexes_go_when_there_is_no_room(tmp_path, monkeypatch):
    root = tmp_path / "indexes"
    root.mkdir()
    for n in range(4):
        (root / f"{n}").write_bytes(b"x" * 100)
        os.utime(root / f"{n}", (n + 1_000_000_000, n + 1_000_000_000))
    monkeypatch.setattr(index, "KEPT_S", 1e12)
    monkeypatch.setattr(index, "ROOM", 250)
    index._prune(root)
    assert sorted(path.name for path in root.iterdir()) == ["2", "3"]
