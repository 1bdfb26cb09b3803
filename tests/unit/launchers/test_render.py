"""What lands in a project: the files of `launchers/`, byte for byte, short scripts and plain modules."""

from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from raytui.manager.launchers import JOB_SCRIPT, LAUNCHERS, render, shipped, write
from tests.unit.launchers.world import ROOT, clean_environment

FOLDER = ROOT / "launchers"
SOURCES = sorted(FOLDER.rglob("*.py"))


def test_what_is_rendered_is_the_files_of_the_folder_byte_for_byte():
    assert render() == {str(path.relative_to(FOLDER)): path.read_bytes() for path in SOURCES if path.name != JOB_SCRIPT}
    assert shipped() == {**render(), JOB_SCRIPT: (FOLDER / JOB_SCRIPT).read_bytes()}


def test_each_script_is_short_and_they_differ_in_their_role_only():
    head, worker = (render()[name].decode().splitlines() for name in LAUNCHERS)
    assert len(head) < 80
    assert [worker.index(line) for line in worker if line not in head] == [
        1,
        worker.index(next(x for x in worker if '"worker"' in x)),
    ]
    assert [line.replace('"head"', '"worker"') for line in head[2:]] == worker[2:]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_every_file_is_python_3_8_and_imports_the_standard_library_only(path: Path):
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    for node in ast.walk(tree):
        plain = isinstance(node, ast.Import)
        names = (
            [alias.name for alias in node.names] if plain else [node.module] if isinstance(node, ast.ImportFrom) else []
        )
        assert all(name.split(".")[0] in {*sys.stdlib_module_names, "raytui_node"} for name in names)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_only_the_last_statement_of_a_script_does_something(name: str):
    *body, call = ast.parse(render()[name].decode()).body
    assert ast.unparse(call) == "main()"
    assert [type(node).__name__ for node in body if not isinstance(node, ast.Import | ast.FunctionDef)] == []


def test_writing_gives_whole_files_with_the_scripts_executable_and_can_be_repeated(tmp_path: Path):
    paths = {str(path.relative_to(tmp_path / "new")): path for path in write(tmp_path / "new")}
    assert list(paths) == list(render())
    for name, path in paths.items():
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if name in LAUNCHERS else 0o644)
        assert path.read_bytes() == render()[name]
    before = [path.stat().st_ino for path in paths.values()]
    assert [path.stat().st_ino for path in write(tmp_path / "new")] == before
    script, module = paths[LAUNCHERS[0]], paths["raytui_node/node.py"]
    script.chmod(0o600)
    module.write_text("drifted")
    write(tmp_path / "new")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    assert module.read_bytes() == render()["raytui_node/node.py"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / LAUNCHERS[0]).write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()} == {LAUNCHERS[0]: "old"}


def test_an_installed_package_finds_its_own_copy_of_the_sources(tmp_path: Path):
    package = tmp_path / "raytui"
    shutil.copytree(ROOT / "raytui", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(FOLDER, package / "launchers")
    code = "import sys; from raytui.manager.launchers import render; sys.stdout.buffer.write(render()[sys.argv[1]])"

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", code, LAUNCHERS[1]],
            cwd=tmp_path,
            env=clean_environment(),
            capture_output=True,
            check=False,
        )

    assert run().stdout == render()[LAUNCHERS[1]]
    shutil.rmtree(package / "launchers")
    assert "the launcher sources are missing from this installation" in run().stderr.decode()
