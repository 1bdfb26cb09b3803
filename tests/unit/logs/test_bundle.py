"""An archive of logs: every line but no secret, a manifest that says what is in it, and whole or not there."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytui.logs.redact import KEY_LINES, Redactor
from raytui.startup import main


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "session" / "w1"
    made.mkdir(parents=True)
    (made / "raylet.out").write_text(
        "[2026-11-24 10:00:00,000 I 1 1] (raylet) a.cc:1: token=abcdef123456 begins\n"
        "[2026-11-24 12:00:00,000 E 1 1] (raylet) a.cc:1: ends\n"
    )
    (made / "other").write_bytes(b"plain \xff\n")
    (made / "empty.err").touch()
    return made.parent


def unpacked(archive: Path, into: Path) -> Path:
    if archive.suffix == ".zst":
        subprocess.run(["zstd", "-q", "-d", str(archive), "-o", str(into / "plain.tar")], check=True)
        archive = into / "plain.tar"
    with tarfile.open(archive) as found:
        found.extractall(into, filter="data")
    return into / "b"


@pytest.mark.parametrize("name", ["b.tar.gz", *(["b.tar.zst"] if shutil.which("zstd") else [])])
def test_a_bundle_holds_each_log_and_says_what_is_in_it(folder, tmp_path, capsys, name):
    (tmp_path / "out").mkdir()
    assert main(["logs", "--path", str(folder), "--bundle", name]) == 0
    assert "3 lines of 2 logs were packed into" in capsys.readouterr().err
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    root = unpacked(tmp_path / name, tmp_path / "out")
    manifest = json.loads((root / "manifest.json").read_text())
    assert {row["source"]: (row["file"], row["lines"], row["redacted_lines"]) for row in manifest["logs"]} == {
        "w1/other": ("w1/other.log", 1, 0),
        "w1/raylet.out": ("w1/raylet.out", 2, 1),
    }
    assert manifest["schema_version"] == 1
    text = (root / "w1/raylet.out").read_text()
    assert "abcdef123456" not in text
    assert text.splitlines()[0].endswith("token=*** begins")
    assert (root / "w1/other.log").read_text() == "plain \ufffd\n"


def test_only_the_window_of_time_is_packed(folder, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert (
        main(["logs", "--path", str(folder), "w1/raylet.*", "--since", "2026-11-24T11:00:00", "--bundle", "b.tgz"]) == 0
    )
    root = unpacked(tmp_path / "b.tgz", tmp_path / "out")
    assert len((root / "w1/raylet.out").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--bundle", "b.zip"], 2, "end its name with .tar.zst or .tar.gz"),
        (["--bundle", "b.tgz", "-f"], 2, "leave out -f and -c"),
        (["--bundle", "nowhere/b.tgz"], 1, "nowhere/b.tgz cannot be written"),
    ],
)
def test_what_cannot_be_packed_is_said_and_leaves_nothing(folder, tmp_path, capsys, arguments, code, said):
    assert main(["logs", "--path", str(folder), *arguments]) == code
    assert said in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["session"]


def test_without_zstd_another_form_is_named(folder, capsys, monkeypatch):
    monkeypatch.setattr("raytui.logs.bundle.shutil.which", lambda name: None)
    assert main(["logs", "--path", str(folder), "--bundle", "b.tar.zst"]) == 2
    assert "end the name with .tar.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("password: hunter2222 x", "password: *** x"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("redis://user:secret@10.0.0.1:6379", "redis://***@10.0.0.1:6379"),
        ("key AKIAABCDEFGHIJKLMNOP used", "key *** used"),
        ("pull ghp_abcdefghijklmnopqrstuvwxyz012345 ok", "pull *** ok"),
        ("cookie eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.abc-_1", "cookie ***"),
        ("own-key-1234567 here", "*** here"),
        ("nothing to hide: 42 tokens of 7", "nothing to hide: 42 tokens of 7"),
    ],
)
def test_secrets_are_taken_out(text, shown):
    redactor = Redactor(["own-key-1234567"])
    assert redactor.line(text) == shown
    assert redactor.changed == (text != shown)


def test_a_private_key_over_several_lines_is_one_secret_and_ends():
    redactor = Redactor()
    lines = ["x -----BEGIN RSA PRIVATE KEY-----", "MIIabc", "-----END RSA PRIVATE KEY-----", "after"]
    assert [redactor.line(line) for line in lines] == ["x ***", "***", "***", "after"]
    broken = [redactor.line(line) for line in ["-----BEGIN PRIVATE KEY-----", *["MII"] * (KEY_LINES + 1)]]
    assert broken[-2:] == ["***", "MII"]


@given(st.lists(st.text(max_size=60), max_size=10))
def test_every_line_stays_a_line(lines):
    redactor = Redactor(["abcdef"])
    assert all("abcdef" not in redactor.line(line) for line in lines)
