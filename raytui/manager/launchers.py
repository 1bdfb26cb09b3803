"""Renders the launcher scripts: one self-contained file per role, made from the plain modules in `launchers/`.

A notebook kernel gets only the text of the application's script, so the modules that the launchers share are inlined, in the order
of their dependencies. The result is a function of the sources alone: the same release renders the same bytes everywhere, which is
what lets `doctor` tell when files have drifted.
"""

from __future__ import annotations

import ast
import contextlib
import os
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

SHARED_MODULES = (
    "ray_output",
    "ray_health",
    "ray_settings",
    "ray_process",
    "ray_files",
    "ray_page",
    "ray_report",
    "ray_supervisor",
    "ray_node",
)
"""The modules that every launcher holds; each may import only those before it."""
LAUNCHERS = ("ray_head_launcher.py", "ray_worker_launcher.py")
MODE = 0o755

_PACKAGE = Path(__file__).resolve().parent.parent
_SHARED_IMPORT = re.compile(rf"from ({'|'.join(SHARED_MODULES)}) import ")


def _sources() -> Path:
    """The folder of the launchers' sources: inside the package when installed from a wheel, beside it in a checkout."""
    for folder in (_PACKAGE / "launchers", _PACKAGE.parent / "launchers"):
        if (folder / LAUNCHERS[0]).is_file():
            return folder
    msg = f"the launcher sources are missing from this installation ({_PACKAGE / 'launchers'}): install raytui again"
    raise FileNotFoundError(msg)


def _split(text: str) -> tuple[str, list[str], str]:
    """A module as docstring, the lines of its top-level imports, and everything else in its place."""
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    docstring = ast.get_docstring(tree) or ""
    imports: list[str] = []
    for node in tree.body:
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        remark = ""
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append("".join(lines[first:last]))
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            # A bare string (a docstring of the module or of a constant) is a statement whose value a kernel would print.
            remark = "" if node is tree.body[0] else _comment(node.value.value) + "\n"
        else:
            continue
        lines[first:last] = [remark] + [""] * (last - first - 1)
    return docstring, imports, "".join(lines).strip("\n")


def _comment(text: object) -> str:
    return "\n".join(f"# {line}".rstrip() for line in str(text).splitlines())


def _merged_imports(statements: set[str]) -> str:
    """The imports of all modules as one sorted block, one line for each module imported from."""
    plain = sorted(statement for statement in statements if statement.startswith("import "))
    names: dict[str, set[str]] = {}
    for statement in statements - set(plain):
        node = ast.parse(statement).body[0]
        if isinstance(node, ast.ImportFrom) and node.module:
            names.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return "".join([*plain, *(f"from {module} import {', '.join(sorted(names[module]))}\n" for module in sorted(names))])


def _body(name: str, text: str) -> str:
    """The module's statements under its docstring as a comment: a kernel would print a docstring as the value of a statement."""
    docstring, _, body = _split(text)
    return f"# {name}\n#\n{_comment(docstring)}\n\n{body}\n"


def _render_one(launcher: str, sources: dict[str, str]) -> bytes:
    shebang, _, text = sources[launcher].partition("\n")
    docstring, _, call = _split(text)
    statements = {statement for module in SHARED_MODULES for statement in _split(sources[module])[1] if not _SHARED_IMPORT.match(statement)}
    parts = [f"{shebang}\n{_comment(docstring)}\n\n{_merged_imports(statements)}"]
    parts += [_body(f"{module}.py", sources[module]) for module in SHARED_MODULES]
    return "\n\n".join([*parts, f"{call}\n"]).encode()


def render() -> dict[str, bytes]:
    """The launcher scripts by file name. Raises FileNotFoundError, one sentence, when the installation lacks their sources."""
    folder = _sources()
    sources = {module: (folder / f"{module}.py").read_text(encoding="utf-8") for module in SHARED_MODULES}
    sources |= {launcher: (folder / launcher).read_text(encoding="utf-8") for launcher in LAUNCHERS}
    return {launcher: _render_one(launcher, sources) for launcher in LAUNCHERS}


def write(directory: Path, names: Collection[str] = LAUNCHERS) -> list[Path]:
    """Writes the launchers, or those of `names`, into `directory` (made if missing), mode 0755; returns their paths.

    Each is written whole or not at all, and left alone when it already holds these bytes. Blocking: call it in a thread.
    Raises OSError when the directory cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, data in render().items():
        if name not in names:
            continue
        target = directory / name
        if not _holds(target, data):
            _replace(target, data)
        written.append(target)
    return written


def _holds(target: Path, data: bytes) -> bool:
    try:
        return target.read_bytes() == data and target.stat().st_mode & 0o777 == MODE
    except FileNotFoundError:
        return False


def _replace(target: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), MODE)
        Path(temporary).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
