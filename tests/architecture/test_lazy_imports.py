"""Start-up time is bought in `__main__` and `startup`; an import inside a function elsewhere must buy something, and says here what."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2] / "raytui"

ALLOWED: dict[str, tuple[int, str]] = {
    "__main__": (1, "imports with the garbage collector at rest"),
    "startup": (4, "the choice between console, commands and a plain status"),
    "bootstrap": (
        18,
        "each platform, and what a status does not need: manager 2.5 ms, logs 2.7 ms, jobs 3 ms, Serve 1 ms, the dashboard where nothing runs 12 ms",
    ),
    "cli": (
        14,
        "the clusters beside the one asked for; --help without bootstrap and asyncio 30 ms; difflib 1, tempfile 2, completion 7; tables that a status as JSON does not need 3",
    ),
    "config": (
        4,
        "tomllib 2 ms where there is a file, difflib 1 ms where a name is wrong, shlex 1 ms where a command is named",
    ),
    "core": (
        13,
        "why something waits, failed or lacks quota where nothing does, 9 ms; re2 3 ms for searches, hashlib 1.5 ms for a start, difflib 1 ms where a name is wrong",
    ),
    "dashboard": (
        5,
        "httpx 84 ms and http.client 7 ms, whichever is not used; json and urllib.request 13 ms for what is rare",
    ),
    "platforms": (
        19,
        "tomllib 2 ms where a cluster was deployed, the pipeline where it is purged; httpx, cmlapi (not measured) and psutil 8 ms; what changes this machine 4.5 ms, its preflight 15 ms, shutil 2 ms",
    ),
    "tui": (
        18,
        "the first frame before tabs, dialogs, commands that nobody has opened, and what a narrow screen never shows (not measured one by one)",
    ),
}
"""Room: how many imports inside functions it may have, and what they buy (milliseconds of CPU, measured in an
installed, compiled package)."""


def lazy(tree: ast.AST) -> Iterator[int]:
    """The lines of imports inside functions."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (node.lineno for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom))


def counted() -> dict[str, int]:
    found: dict[str, int] = {}
    for path in ROOT.rglob("*.py"):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        lines = set(lazy(ast.parse(path.read_text())))
        if lines:
            found[room] = found.get(room, 0) + len(lines)
    return found


def test_imports_hide_in_functions_only_where_they_buy_something():
    found = counted()
    over = {room: number for room, number in found.items() if number > ALLOWED.get(room, (0, ""))[0]}
    assert not over, f"more imports inside functions than ALLOWED says, with a measured reason: {over}"


def test_an_import_in_a_function_in_a_method_or_in_a_block_is_seen():
    text = "import a\ndef f():\n    import b\nclass C:\n    async def g(self):\n        if self:\n            from c import d\n"
    assert sorted(lazy(ast.parse(text))) == [3, 7]


def test_a_status_of_a_cluster_without_trouble_imports_nothing_that_explains_trouble():
    text = "import sys, raytui.startup, raytui.cli.plain_status, raytui.bootstrap, raytui.platforms.local, raytui.dashboard.oneshot; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", text], check=True, capture_output=True, text=True).stdout.split()
    )
    assert "raytui.core.waiting.why" in loaded
    assert not loaded & {
        "raytui.core.waiting.observed",
        "raytui.core.waiting.sentences",
        "raytui.core.findings.quota",
        "raytui.core.session",
        "raytui.cli.table",
    }
    assert not [name for name in loaded if name.startswith("raytui.core.causes")]
