"""What a notebook kernel understands beside Python: `!command`, `%magic`, and `get_ipython()`.

Lines that begin with `!` or `%` become calls of `get_ipython()`, where a statement can stand and nowhere else: in a
string they stay what they are. Standard library only, as the rest of the kernel.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

LINE = re.compile(
    r"(?P<left>\s*(?:[A-Za-z_][\w.\[\]'\"]*(?:\s*,\s*[A-Za-z_][\w.]*)*\s*=\s*)?)(?P<sign>!!?|%)(?P<rest>\S.*)"
)
MARK = "__line_for_the_shell_{}__"
SILENT = ("load_ext", "reload_ext", "autoreload", "matplotlib", "config", "colors", "xmode", "pylab")
"""Magics that change nothing that a script could see here."""


class UsageError(Exception):
    """A magic was used that does not exist, or in a wrong way."""


class ZMQInteractiveShell:
    """What `get_ipython()` gives: as much of it as scripts of applications and jobs use."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.user_ns = names

    def system(self, command: str) -> None:
        """Run a command of the shell; its exit code is in `_exit_code`, and no failure is raised."""
        sys.stdout.flush()
        self.user_ns["_exit_code"] = subprocess.call(self._expanded(command), shell=True, executable="/bin/bash")

    def getoutput(self, command: str) -> list[str]:
        """The lines that a command prints."""
        sys.stdout.flush()
        done = subprocess.run(self._expanded(command), shell=True, executable="/bin/bash", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        self.user_ns["_exit_code"] = done.returncode
        return done.stdout.splitlines()

    def run_line_magic(self, name: str, line: str) -> Any:
        """Carry out `%name line`. Raises UsageError for one that does not exist."""
        if name in SILENT:
            return None
        magic = getattr(self, f"_magic_{name}", None)
        if magic is None:
            raise UsageError(f"Line magic function `%{name}` not found.")
        return magic(self._expanded(line))

    def run_cell_magic(self, name: str, line: str, cell: str) -> Any:
        """Carry out `%%name line` with what stands below it."""
        if name not in ("bash", "sh"):
            raise UsageError(f"Cell magic `%%{name}` not found.")
        return self.system(cell)

    def magic(self, line: str) -> Any:
        """The same as run_line_magic, in one word."""
        name, _, rest = line.partition(" ")
        return self.run_line_magic(name, rest)

    def _magic_pip(self, line: str) -> None:
        sys.stdout.flush()
        code = subprocess.call(f"'{sys.executable}' -m pip {line}", shell=True, executable="/bin/bash")
        self.user_ns["_exit_code"] = code
        print("Note: you may need to restart the kernel to use updated packages.")

    def _magic_env(self, line: str) -> Any:
        if not line:
            return dict(os.environ)
        name, sign, value = re.match(r"(\w+)\s*([=\s]?)\s*(.*)", line).groups()  # type: ignore[union-attr]
        if not sign:
            return os.environ[name]
        os.environ[name] = value
        print(f"env: {name}={value}")
        return None

    _magic_set_env = _magic_env

    def _magic_cd(self, line: str) -> None:
        os.chdir(Path(line or "~").expanduser())

    def _magic_pwd(self, line: str) -> str:
        return str(Path.cwd())

    def _magic_sx(self, line: str) -> list[str]:
        return self.getoutput(line)

    def _magic_system(self, line: str) -> list[str]:
        return self.getoutput(line)

    def _magic_time(self, line: str) -> Any:
        began = time.perf_counter()
        try:
            return eval(line, self.user_ns)
        except SyntaxError:
            exec(line, self.user_ns)
        finally:
            print(f"Wall time: {time.perf_counter() - began:.3g} s")

    def _expanded(self, text: str) -> str:
        """`{expression}` and `$name` of the script's names put in; what is not known is left to the shell."""

        def value(match: re.Match[str]) -> str:
            expression = match["braces"] or match["name"]
            try:
                return str(eval(expression, self.user_ns))
            except Exception:  # noqa: BLE001 - not an expression of this script: the shell's own braces or variable
                return match[0]

        return re.sub(r"\{(?P<braces>[^{}]+)\}|\$(?P<name>[A-Za-z_]\w*)", value, text)


def parse(text: str) -> list[ast.stmt]:
    """The statements of a script. Raises SyntaxError."""
    try:
        return ast.parse(text).body
    except SyntaxError:
        pass  # no plain Python: there may be lines for the shell in it
    cell = re.match(r"\s*%%(\w+)(.*)\n((?:.*\n?)*)", text)
    if cell is not None:
        text = f"get_ipython().run_cell_magic({cell[1]!r}, {cell[2].strip()!r}, {cell[3]!r})"
    lines, found = _marked(text.split("\n"))
    tree = ast.parse("\n".join(lines))
    return _Calls(found).visit(tree).body  # type: ignore[no-any-return]


def _marked(lines: list[str]) -> tuple[list[str], dict[str, tuple[str, str, str]]]:
    """The lines with a name in place of each that could be for the shell, and what the names stand for."""
    made: list[str] = []
    found: dict[str, tuple[str, str, str]] = {}
    rest = iter(lines)
    for line in rest:
        match = LINE.fullmatch(line)
        if match is None:
            made.append(line)
            continue
        whole, more = line, 0
        command = match["rest"]
        while command.endswith("\\") and (following := next(rest, None)) is not None:
            whole, command, more = f"{whole}\n{following}", command[:-1] + following.strip(), more + 1
        mark = MARK.format(len(found))
        found[mark] = (match["sign"], command, whole.removeprefix(match["left"]))
        made.extend([match["left"] + mark, *[""] * more])
    return made, found


class _Calls(ast.NodeTransformer):
    """Puts calls in place of the names, and the text that was there where a name stands in a string."""

    def __init__(self, found: dict[str, tuple[str, str, str]]) -> None:
        self._found = found

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id in self._found:
            return ast.copy_location(ast.Expr(self._call(node.value, assigned=False)), node)
        return self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return self._call(node, assigned=True) if node.id in self._found else node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if isinstance(node.value, str) and "__line_for_the_shell_" in node.value:
            for mark, (_, _, text) in self._found.items():
                node.value = node.value.replace(mark, text)
        return node

    def _call(self, node: ast.Name, *, assigned: bool) -> ast.expr:
        sign, command, _ = self._found[node.id]
        if sign == "%":
            name, _, line = command.partition(" ")
            text = f"get_ipython().run_line_magic({name!r}, {line.strip()!r})"
        else:
            method = "getoutput" if assigned or sign == "!!" else "system"
            text = f"get_ipython().{method}({command!r})"
        made = ast.parse(text, mode="eval").body
        for part in ast.walk(made):
            ast.copy_location(part, node)
        return made
