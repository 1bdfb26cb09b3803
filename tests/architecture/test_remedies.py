"""What to do is data below the front ends: no sentence there holds a command, which a console would have to rewrite as a key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from raytui.cli.root import every_verb

ROOT = Path(__file__).resolve().parents[2] / "raytui"
ROOMS = ("core", "manager", "platforms", "dashboard", "config", "system", "view")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
COMMAND = re.compile(rf"\braytui (?:{'|'.join(every_verb())})\b")
ALLOWED = {"view/tables/jobs.py"}
"""Help of the command line itself."""


def docstrings(tree: ast.AST) -> set[int]:
    """Strings that stand alone: of modules, classes, functions and fields."""
    return {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def commands_in(source: str) -> list[str]:
    tree = ast.parse(source)
    described = docstrings(tree)
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in described]
    return [text for text in texts if isinstance(text, str) and COMMAND.search(text)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_below_the_front_ends_holds_a_command(path: Path) -> None:
    if str(path.relative_to(ROOT)) not in ALLOWED:
        assert commands_in(path.read_text()) == []


def test_a_command_in_a_sentence_would_be_found() -> None:
    assert commands_in('"""raytui start"""\nhint = f"raytui logs {name} shows it"') == ["raytui logs "]
