from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
import raytui_node.files
from raytui_node.files import RotatingLog, SharedFolder


def folder(root: Path, application: str = "c-worker-1") -> SharedFolder:
    return SharedFolder(str(root), "c", application, "e1")


def test_a_rendezvous_is_read_back_and_carries_schema_and_cluster(tmp_path: Path):
    head = folder(tmp_path / "new", "c-head")
    head.write_rendezvous({"generation": "g1", "address": "10.0.0.5:6379"})
    raw = json.loads((tmp_path / "new/rendezvous.json").read_text())
    assert (raw["schema_version"], raw["cluster"]) == (1, "c")
    assert folder(tmp_path / "new").read_rendezvous() == {
        "cluster": "c",
        "generation": "g1",
        "address": "10.0.0.5:6379",
    }
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["rendezvous.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"cluster": "other", "address": "h:1"}', '{"cluster": "c"}', '{"cluster": "c", "address": 7}'],
)
def test_what_is_no_rendezvous_of_this_cluster_is_none(tmp_path: Path, text: str):
    (tmp_path / "rendezvous.json").write_text(text)
    assert folder(tmp_path).read_rendezvous() == {}


def test_only_the_own_generation_is_removed(tmp_path: Path):
    shared = folder(tmp_path)
    shared.write_rendezvous({"generation": "g2", "address": "h:1"})
    shared.remove_rendezvous("g1")
    assert shared.read_rendezvous()
    shared.remove_rendezvous("g2")
    assert not (tmp_path / "rendezvous.json").exists()


def test_a_drain_counts_when_it_appears_not_when_it_was_left_behind(tmp_path: Path):
    (tmp_path / "drain").mkdir()
    request = tmp_path / "drain/c-worker-1"
    assert not folder(tmp_path).drain_asked()
    shared = folder(tmp_path)
    request.write_text("old")
    assert shared.drain_asked()
    later = folder(tmp_path)
    assert not later.drain_asked()
    new = tmp_path / "drain/.new"
    new.write_text("again")
    new.replace(request)
    assert later.drain_asked()


def test_without_a_folder_nothing_is_written_or_read():
    shared = SharedFolder("", "c", "c-head", "e1")
    shared.write_node({"state": "alive"})
    shared.write_rendezvous({"address": "h:1"})
    shared.keep_tails([("x", "/etc/hostname")])
    assert (shared.read_rendezvous(), shared.drain_asked(), shared.trouble) == ({}, False, "")


def test_a_folder_that_cannot_be_written_is_trouble_until_it_can(tmp_path: Path):
    (tmp_path / "nodes").write_text("a file where a folder should be")
    shared = folder(tmp_path)
    shared.write_node({"state": "alive"})
    assert "cannot be written" in shared.trouble
    (tmp_path / "nodes").unlink()
    shared.write_node({"state": "alive"})
    assert shared.trouble == ""
    assert json.loads((tmp_path / "nodes/c-worker-1.json").read_text())["state"] == "alive"


def test_a_failed_write_leaves_the_old_file_and_no_temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shared = folder(tmp_path)
    shared.write_node({"state": "alive"})

    def no_space(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(raytui_node.files.os, "fsync", no_space)
    shared.write_node({"state": "failed"})
    assert "No space left" in shared.trouble
    assert json.loads((tmp_path / "nodes/c-worker-1.json").read_text())["state"] == "alive"
    assert len(list((tmp_path / "nodes").iterdir())) == 1


def test_tails_keep_the_last_64_kb_of_what_exists(tmp_path: Path):
    log = tmp_path / "raylet.3.out"
    log.write_bytes(b"a" * 100_000 + b"the end")
    folder(tmp_path / "s").keep_tails([("raylet.out", str(log)), ("raylet.err", str(tmp_path / "none"))])
    kept = list((tmp_path / "s/logs").iterdir())
    assert [path.name for path in kept] == ["worker-1-e1.raylet.out.tail"]
    assert len(kept[0].read_bytes()) == 64 * 1024
    assert kept[0].read_bytes().endswith(b"the end")


def test_the_log_rotates_through_three_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(raytui_node.files, "_LOG_BYTES", 10)
    log = RotatingLog(str(tmp_path / "logs/x.log"))
    for word in (b"one-----", b"two-----", b"three---", b"four----"):
        log.write(word)
    log.close()
    found = {path.name: path.read_bytes() for path in (tmp_path / "logs").iterdir()}
    assert found == {"x.log": b"four----", "x.log.1": b"three---", "x.log.2": b"two-----"}


def test_a_log_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path):
    (tmp_path / "logs").write_text("a file")
    RotatingLog(str(tmp_path / "logs/x.log")).write(b"lost")


def test_old_logs_of_the_same_application_are_pruned_by_age_and_size_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(raytui_node.files, "_KEPT_BYTES", 25)
    logs = tmp_path / "logs"
    logs.mkdir()
    days = {
        "worker-1-e1.log": 100,
        "worker-1-e0.log": 1,
        "worker-1-e0.raylet.out.tail": 2,
        "worker-1-ed.log": 3,
        "worker-1-ec.log.1": 20,
        "worker-10-e0.log": 100,
        "head-e0.log": 100,
    }
    for name, age in days.items():
        (logs / name).write_text("ten bytes.")
        written = time.time() - age * 86400
        os.utime(logs / name, (written, written))
    folder(tmp_path).open_log()
    left = sorted(path.name for path in logs.iterdir())
    assert left == sorted(
        ["worker-1-e1.log", "worker-1-e0.log", "worker-1-e0.raylet.out.tail", "worker-10-e0.log", "head-e0.log"]
    )
