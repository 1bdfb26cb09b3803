"""`raytui logs` over many logs: patterns, folders, levels and times, counts, files, and what could not be read."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path

import pytest

from raytui.core.errors import Failure, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import LogChunk
from raytui.logs.sources import following
from tests.fakes.platform import FakePlatform
from tests.unit.core.values import application, node, snapshot

APPS = (application(0), application(1))
DEAD = node(1, "DEAD", message="health check failed")


def stamped(second: int, level: str, text: str) -> bytes:
    return f"2026-11-24T10:00:{second:02d}.000Z {level} {text}\n".encode()


@pytest.fixture
def platform() -> FakePlatform:
    made = FakePlatform(APPS)
    made.output["ray-cluster-head"] = stamped(1, "INFO", "one") + stamped(4, "ERROR", "four") + b"  with a detail\n"
    made.output["ray-cluster-worker-1"] = stamped(2, "WARNING", "two") + stamped(3, "INFO", "three")
    made.files["ray-cluster/nodes/ray-cluster-worker-1.json"] = b'{"engine_id": "e1"}'
    made.files["ray-cluster/logs/worker-1-e1.raylet.out.tail"] = (
        b"[2026-11-24 10:00:05,000 E 1 1] (raylet) a.cc:1: last\n"
    )
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "session" / "logs"
    (made / "old").mkdir(parents=True)
    (made / "raylet.out").write_bytes(stamped(1, "INFO", "one") + stamped(3, "ERROR", "Needle"))
    (made / "gcs_server.out").write_bytes(stamped(2, "INFO", "needle") + b"no newline at the end")
    (made / "old" / "raylet.out").write_bytes(b"\xff \x00needle\x1b[2J\r\n")
    (made / "empty.err").touch()
    return made


def words(out: str) -> list[str]:
    return [line.split()[-1] for line in out.splitlines()]


def test_several_logs_are_merged_by_time_each_line_with_its_source(show, text, platform):
    show(snapshot(), platform)
    code, out, _ = text("logs", "head", "worker-1")
    assert code == 0
    assert out.splitlines()[0] == "head: 2026-11-24T10:00:01.000Z INFO one"
    assert words(out) == ["one", "two", "three", "four", "detail"]
    assert [line.partition(": ")[0] for line in out.splitlines()] == ["head", "worker-1", "worker-1", "head", "head"]
    assert words(text("logs", "*")[1]) == words(out)
    assert words(text("logs", "*", "-n", "2")[1]) == ["four", "detail"]


def test_many_as_json_are_one_object_a_line(show, text, platform):
    show(snapshot(), platform)
    rows = [json.loads(line) for line in text("logs", "*", "-o", "json", "-n", "2")[1].splitlines()]
    assert rows[0] == {
        "schema_version": 1,
        "source": "head",
        "line": "2026-11-24T10:00:04.000Z ERROR four",
        "at": "2026-11-24T10:00:04.000Z",
        "level": "ERROR",
        "offset": 34,
    }
    assert (rows[1]["at"], rows[1]["level"]) == (rows[0]["at"], "ERROR")


def test_all_reads_what_a_dead_node_left_and_says_what_is_missing(show, text, platform):
    show(snapshot(nodes=(DEAD,)), platform)
    code, out, err = text("logs", "--all", "--level", "error")
    assert (code, words(out)) == (0, ["four", "detail", "last"])
    assert "head/* was not read: its node has ended and nothing of its files was kept" in err
    _, out, _ = text("logs", "--all", "--level", "error", "-o", "json")
    assert json.loads(out.splitlines()[-1])["missed"]["source"] == "head/*"


def test_a_window_of_time_and_a_level(show, text, platform):
    show(snapshot(), platform)
    window = ["--since", "2026-11-24T10:00:02Z", "--until", "2026-11-24T10:00:03Z"]
    assert words(text("logs", "*", *window)[1]) == ["two", "three"]
    assert words(text("logs", "*", "--level", "WARN")[1]) == ["two", "four", "detail"]


def test_a_search_without_regard_to_case_inverted_and_counted(text, folder):
    path = ["logs", "--path", str(folder)]
    assert words(text(*path, "--grep", "needle")[1]) == ["needle", "needle"]
    assert len(text(*path, "--grep", "NEEDLE", "-i")[1].splitlines()) == 3
    assert words(text(*path, "--grep", "needle", "-v", "raylet.out")[1]) == ["one", "Needle"]
    code, out, _ = text(*path, "--grep", "needle", "-i", "-c")
    assert (code, out.splitlines()) == (0, ["empty.err: 0", "gcs_server.out: 1", "old/raylet.out: 1", "raylet.out: 1"])
    assert text(*path, "--grep", "needle", "--files-with-matches")[1].split() == ["gcs_server.out", "old/raylet.out"]
    document = json.loads(text(*path, "--grep", "needle", "-c", "-o", "json")[1])
    assert {row["source"]: row["count"] for row in document["items"]}["old/raylet.out"] == 1
    assert document["missed"] == []


def test_one_log_is_counted_as_a_number_over_all_its_lines(show, text, platform):
    platform.output["ray-cluster-head"] = b"x\n" * 300
    show(snapshot(), platform)
    assert text("logs", "-c")[1] == "300\n"
    assert text("logs", "-c", "-n", "20")[1] == "20\n"


def test_a_folder_is_read_without_a_cluster_and_names_what_is_no_log(text, folder):
    os.mkfifo(folder / "pipe")
    (folder / "gone").symlink_to(folder / "nothing")
    code, out, err = text("logs", "--path", str(folder), "--list")
    assert (code, out.split()) == (0, ["empty.err", "gcs_server.out", "old/raylet.out", "raylet.out"])
    assert "pipe was not read: it is no regular file" in err
    code, out, _ = text("logs", "--path", str(folder), "raylet.*")
    assert (code, len(out.splitlines())) == (0, 3), "a pattern without a folder means files of that name in any"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--path", "nowhere"], 5, "there is no folder nowhere"),
        (["--path", ".", "no.log"], 5, "there is no file no.log"),
        (["--level", "loud"], 2, "is no level"),
        (["--until", "later"], 2, "is neither a span nor a time"),
        (["-v"], 2, "-v needs --grep"),
        (["--all", "head"], 2, "leave one out"),
        (["-f", "-c"], 2, "leave out -f or -c"),
        (["worker-9*"], 5, "has no log worker-9*"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(show, text, platform, arguments, code, said):
    show(snapshot(), platform)
    exit_code, out, err = text("logs", *arguments)
    assert (exit_code, out) == (code, "")
    assert said in err


def test_every_problem_is_told_at_once(show, call):
    show(snapshot())
    _, document, _ = call("logs", "--grep", "(", "--level", "loud", "--since", "soon", "-n", "x")
    assert [problem["field"] for problem in document["error"]["problems"]] == ["lines", "grep", "since", "level"]


def test_lines_are_saved_to_a_file_or_one_file_a_log(text, folder, tmp_path):
    target = tmp_path / "found.txt"
    code, out, err = text("logs", "--path", str(folder), "--grep", "needle", "-i", "--save", str(target))
    assert (code, out) == (0, "")
    assert "3 lines of 4 logs were written to" in err
    assert words(target.read_text()) == ["needle", "Needle", "needle"]
    code, _, _ = text("logs", "--path", str(folder), "--save", f"{tmp_path}/copy/")
    assert code == 0
    found = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert found == {"gcs_server.out", "raylet.out", "old/raylet.out"}
    assert (tmp_path / "copy/gcs_server.out").read_text().endswith("needle\nno newline at the end\n")
    code, _, err = text("logs", "--path", str(folder), "--save", "/proc/nothing/here")
    assert code == 1
    assert "/proc/nothing/here cannot be written" in err


def test_thousands_of_files_are_searched_with_few_held_open(text, tmp_path, monkeypatch):
    for n in range(1500):
        folder = tmp_path / "many" / str(n % 20)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{n}.log").write_bytes(b"needle %d\n" % n if n % 500 == 0 else b"hay\n")
    code, out, _ = text("logs", "--path", str(tmp_path / "many"), "--grep", "needle")
    assert (code, sorted(words(out))) == (0, ["0", "1000", "500"])


def test_a_letter_of_the_verb_wins_over_the_global_one_and_the_long_names_stay(text, folder):
    assert text("logs", "--path", str(folder), "--verbose", "--grep", "needle", "-v", "gcs_server.out")[0] == 0
    assert text("-v", "logs", "--path", str(folder), "-c")[0] == 0


class Breaking(FakePlatform):
    """A platform that no longer gives the output of the head after its first part."""

    async def tail(self, application: Application, offset: int | None = None, limit: int = 65536) -> LogChunk:
        if offset is not None and application.short == "head":
            raise Unreachable(Failure("platform", "NoRoute", "the folder does not answer"))
        return await super().tail(application, offset, limit)


def test_one_log_that_breaks_off_is_said_while_the_others_go_on_and_is_a_failure_at_the_end(show, text, monkeypatch):
    monkeypatch.setattr(following, "CHECK_S", 0.01)
    monkeypatch.setattr(following, "FASTEST_POLL_S", 0.01)
    made = Breaking(APPS)
    made.output["ray-cluster-head"] = stamped(1, "INFO", "one")
    made.output["ray-cluster-worker-1"] = stamped(2, "INFO", "two")
    made.set("ray-cluster-worker-1", state="stopped")
    show(snapshot(), made)
    code, out, err = text("logs", "*", "-f")
    assert (code, words(out)) == (1, ["one", "two"])
    assert "head: the log of head broke off: the folder does not answer; the others are followed on" in err
    assert "worker-1 has ended (stopped)" in err


def manifest_of(archive: Path) -> dict[str, list[dict[str, object]]]:
    with tarfile.open(archive) as found:
        member = found.extractfile(f"{archive.stem}/manifest.json")
        assert member is not None
        document: dict[str, list[dict[str, object]]] = json.load(member)
        return document


def test_an_archive_without_a_log_that_there_is_is_written_and_is_a_failure(show, text, tmp_path):
    made = Breaking(APPS)
    made.output |= {"ray-cluster-head": stamped(1, "INFO", "one"), "ray-cluster-worker-1": stamped(2, "INFO", "two")}
    show(snapshot(), made)
    code, _, err = text("logs", "head", "worker-1", "--bundle", "b.tgz")
    assert code == 1
    assert "head was not read: the folder does not answer" in err
    assert "1 lines of 1 log were packed into b.tgz" in err
    assert "b.tgz is not complete: head could not be read: the folder does not answer" in err
    manifest = manifest_of(tmp_path / "b.tgz")
    assert [each["source"] for each in manifest["logs"]] == ["worker-1"]
    assert [each["source"] for each in manifest["missed"]] == ["head"]


def test_an_archive_of_all_that_is_left_is_no_failure(show, text, tmp_path):
    made = FakePlatform(APPS)
    made.output["ray-cluster-head"] = stamped(1, "INFO", "one")
    show(snapshot(nodes=(DEAD,)), made)
    code, _, err = text("logs", "--bundle", "b.tgz")
    assert (code, "and 2 could not be read" in err) == (0, True), err
    missed = manifest_of(tmp_path / "b.tgz")["missed"]
    assert {(each["source"], each["is_absent"]) for each in missed} == {("head/*", True), ("worker-1/*", True)}
