"""A new platform is a folder of its own, a line in `core/platforms` and one in `bootstrap`; and what the machine gives is asked for in one place."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from raytui.core.protocols.platform import Platform, Specs, Store

ROOT = Path(__file__).resolve().parents[2] / "raytui"
NAMES = {"local", "cai", "attached"}
ELSEWHERE = [
    path for room in ("core", "manager", "view", "cli", "tui", "dashboard") for path in (ROOT / room).rglob("*.py")
]
SOURCES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nobody_but_the_platforms_asks_which_platform_it_is(path: Path) -> None:
    compared = [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Constant) and side.value in NAMES and "platform" in ast.unparse(node)
    ]
    assert not compared, "ask raytui.core.platforms.traits, or give the Protocol a method"


@pytest.mark.parametrize("role", [Platform, Store, Specs])
def test_a_role_of_a_platform_is_small_enough_to_be_written_anew(role: type) -> None:
    assert len([name for name in vars(role) if not name.startswith("_")]) <= 15


@pytest.mark.parametrize(
    ("what", "pattern", "place"),
    [
        ("a file is replaced whole", r"\.fsync\(|mkstemp|temporary\.replace\(", "system/files.py"),
        ("a lock of the kernel is taken", r"flock\(", "system/locks.py"),
        ("pauses grow", r"class Backoff|\bpause \* \d|_pause \* ", "system/backoff.py"),
        ("a thread that holds nobody up is begun", r"daemon=True", "system/threads.py"),
        ("certificates are trusted", r"create_default_context|load_verify_locations", "system/trust.py"),
        ("Ray's own token is read", r"get\(\"RAY_AUTH_TOKEN", "system/token.py"),
        ("a create is sent until the list decides", r"whole_create", "platforms/cai/api/exactly_once.py"),
    ],
)
def test_what_exists_once_is_not_written_again(what: str, pattern: str, place: str) -> None:
    found = {str(path.relative_to(ROOT)) for path in SOURCES if re.search(pattern, path.read_text())}
    # The length of a whole create is a setting of the API's client.
    assert found - {"platforms/cai/api/client.py"} == {place}, what
