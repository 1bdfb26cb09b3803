from __future__ import annotations

import ast
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from raytui.manager import launchers
from raytui.manager.launchers import LAUNCHERS, MODE, SHARED_MODULES, render, write
from tests.unit.launchers.world import ROOT, clean_environment

GOLDEN = ROOT / "tests" / "golden" / "launchers"
SOURCES = sorted((ROOT / "launchers").glob("ray_*.py"))


@pytest.mark.parametrize("name", LAUNCHERS)
def test_the_rendered_launcher_is_the_golden_one(name: str):
    assert render()[name].decode() == (GOLDEN / name).read_text(), (
        "after a wanted change run: python -m raytui render --to tests/golden/launchers"
    )


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_rendered_launcher_is_python_3_8_and_imports_the_standard_library_only(name: str):
    tree = ast.parse(render()[name].decode(), feature_version=(3, 8))
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        assert all(word.split(".")[0] in sys.stdlib_module_names for word in names)


@pytest.mark.parametrize("name", LAUNCHERS)
def test_only_the_last_statement_does_something(name: str):
    *body, call = ast.parse(render()[name].decode()).body
    assert isinstance(call, ast.Expr)
    assert ast.unparse(call) == f"run('{'head' if 'head' in name else 'worker'}', globals())"
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef, ast.ClassDef)
    assert [type(node).__name__ for node in body if not isinstance(node, allowed)] == []


def test_no_name_is_defined_by_two_modules():
    names: list[str] = []
    for module in SHARED_MODULES:
        for node in ast.parse((ROOT / "launchers" / f"{module}.py").read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names.append(node.name)
            elif isinstance(node, ast.Assign):
                names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("path", SOURCES, ids=[path.name for path in SOURCES])
def test_the_sources_are_python_3_8(path: Path):
    ast.parse(path.read_text(), feature_version=(3, 8))


def test_every_source_is_rendered():
    assert {path.stem for path in SOURCES} == {*SHARED_MODULES, *(Path(name).stem for name in LAUNCHERS)}


def test_writing_gives_whole_executable_files_and_can_be_repeated(tmp_path: Path):
    paths = write(tmp_path / "new")
    assert [path.name for path in paths] == list(LAUNCHERS)
    before = [path.stat() for path in paths]
    for path, status in zip(paths, before, strict=True):
        assert stat.S_IMODE(status.st_mode) == MODE == 0o755
        assert path.read_bytes() == render()[path.name]
    assert [path.stat().st_ino for path in write(tmp_path / "new")] == [status.st_ino for status in before]
    paths[0].chmod(0o600)
    paths[1].write_text("drifted")
    write(tmp_path / "new")
    assert stat.S_IMODE(paths[0].stat().st_mode) == 0o755
    assert paths[1].read_bytes() == render()[paths[1].name]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / LAUNCHERS[0]).write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {LAUNCHERS[0]: "old"}


def test_an_installed_package_finds_its_own_copy_of_the_sources(tmp_path: Path):
    package = tmp_path / "raytui"
    (package / "manager").mkdir(parents=True)
    for name in ("__init__.py", "manager/__init__.py"):
        (package / name).write_text("")
    shutil.copy(launchers.__file__, package / "manager" / "launchers.py")
    shutil.copytree(ROOT / "launchers", package / "launchers")
    code = "import sys; from raytui.manager.launchers import render; sys.stdout.buffer.write(render()[sys.argv[1]])"

    def run() -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-c", code, LAUNCHERS[1]], cwd=tmp_path, env=clean_environment(), capture_output=True, check=False
        )

    assert run().stdout == render()[LAUNCHERS[1]]
    shutil.rmtree(package / "launchers")
    assert "the launcher sources are missing from this installation" in run().stderr.decode()
