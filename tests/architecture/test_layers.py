"""The structure of the package is a promise: who imports whom, what a headless verb loads, and how large a room may be."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted([*(ROOT / "raytui").rglob("*.py"), *(ROOT / "launchers").rglob("*.py")])


def loaded_by(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    return set(
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
        ).stdout.split()
    )


def test_layers_are_kept():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stdout


def test_the_package_itself_imports_nothing():
    assert not [name for name in loaded_by("import raytui") if name.startswith("raytui.")]


@pytest.mark.parametrize(
    "module", ["raytui.cli.status", "raytui.cli.lists", "raytui.cli.lifecycle", "raytui.bootstrap"]
)
def test_headless_modules_load_no_screen_no_ray_and_no_httpx(module):
    loaded = loaded_by(f"import {module}")
    assert not loaded & {"textual", "rich", "ray", "httpx", "cmlapi", "psutil", "re2"}


def test_a_plain_status_costs_no_command_line_machinery():
    loaded = loaded_by(
        "import raytui.__main__, raytui.startup, raytui.cli.plain_status, raytui.bootstrap, raytui.dashboard.oneshot"
    )
    assert not loaded & {"click", "raytui.manager.cluster", "raytui.logs.engine"}


def test_core_does_no_input_or_output():
    banned = {"asyncio", "socket", "subprocess", "http", "httpx", "os", "pathlib", "threading", "time"}
    for path in (ROOT / "raytui" / "core").glob("*.py"):
        tree = ast.parse(path.read_text())
        names = {
            alias.name.partition(".")[0]
            for node in ast.walk(tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        names |= {(node.module or "").partition(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not names & banned, f"{path.name} imports {names & banned}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_outgrows_its_room(path):
    assert len(path.read_text().splitlines()) <= 400


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_why_it_exists(path):
    text = path.read_text()
    # What a kernel executes says it in a comment: a docstring would be printed as the value of a statement.
    assert ast.get_docstring(ast.parse(text)) or text.startswith("#!/usr/bin/env python3\n# ")


def test_every_style_sheet_stands_beside_a_widget():
    for sheet in (ROOT / "raytui" / "tui").rglob("*.tcss"):
        assert sheet.with_suffix(".py").exists(), f"{sheet.name} has no widget"
