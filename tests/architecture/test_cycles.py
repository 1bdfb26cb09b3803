"""No module of raytui imports itself over others, not even inside a function or for types only: what needs each other is one thing."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "raytui"


def modules(root: Path, package: str) -> dict[str, Path]:
    """Dotted name and file of each module; a package stands for its `__init__`."""
    found = {}
    for path in sorted((root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: frozenset[str]) -> Iterator[str]:
    """The modules that one names in any import statement of it, wherever that stands; a name in a package is the package itself."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{source}.{alias.name}"
                if inner in known or source in known:
                    yield inner if inner in known else source


def cycles(graph: dict[str, frozenset[str]]) -> set[frozenset[str]]:
    """Every largest set of modules that reach each other; by the search of Tarjan, without recursion."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    found = set()
    for start, first in graph.items():
        if start in number:
            continue
        work = [(start, iter(sorted(first)))]
        number[start] = low[start] = len(number)
        open_.append(start)
        while work:
            name, rest = work[-1]
            for other in rest:
                if other not in number:
                    number[other] = low[other] = len(number)
                    open_.append(other)
                    work.append((other, iter(sorted(graph[other]))))
                    break
                if other in open_:
                    low[name] = min(low[name], number[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == number[name]:
                    at = open_.index(name)
                    group, open_[at:] = frozenset(open_[at:]), []
                    if len(group) > 1 or name in graph[name]:
                        found.add(group)
    return found


def test_no_module_imports_itself_over_others():
    files = modules(ROOT, PACKAGE)
    known = frozenset(files)
    graph = {name: frozenset(imports(name, path, known)) for name, path in files.items()}
    assert [sorted(group) for group in cycles(graph)] == []


def test_imports_in_functions_for_types_and_by_a_relative_name_are_seen(tmp_path):
    (tmp_path / "p" / "q").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "a": "def f():\n    from p.b import g",
        "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .q import c",
        "q/__init__": "import p.a, os",
        "q/c": "from .. import a",
        "d": "from p import a, b\nimport json",
    }.items():
        (tmp_path / "p" / f"{name}.py").write_text(text)
    files = modules(tmp_path, "p")
    known = frozenset(files)
    graph = {name: frozenset(imports(name, path, known)) for name, path in files.items()}
    assert graph["p.b"] == {"p.q.c"}
    assert graph["p.q.c"] == {"p.a"}
    assert graph["p.d"] == {"p.a", "p.b"}
    assert cycles(graph) == {frozenset({"p.a", "p.b", "p.q.c"})}
