"""What the kernel understands beside Python."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.workbench.shell import UsageError, ZMQInteractiveShell, parse

from .conftest import Api, reaches

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = '''
import os
name = "world"
!echo hello {name} $name > said
lines = !printf 'a\\nb'
%env MINE=3
text = """
!echo no
%pip no
"""
if lines:
    !exit 7
    code = _exit_code
value = 7 \\
    % 4
!printf one > joined && \\
    printf two >> joined
%load_ext autoreload
'''


def run(text: str) -> dict[str, Any]:
    """The names of a script after it ran."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shell = ZMQInteractiveShell(names)
    names["get_ipython"] = lambda: shell
    exec(compile(ast.Module(parse(text), []), "script", "exec"), names)
    return names


def test_lines_for_the_shell_are_carried_out_and_those_in_strings_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINE", "0")
    names = run(SCRIPT)
    assert ((tmp_path / "said").read_text(), (tmp_path / "joined").read_text()) == ("hello world world\n", "onetwo")
    assert (names["lines"], names["code"], names["value"]) == (["a", "b"], 7, 3)
    assert names["text"] == "\n!echo no\n%pip no\n"
    assert __import__("os").environ["MINE"] == "3"


def test_what_the_shell_knows_and_the_script_does_not_is_left_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTSIDE", "seen")
    assert run("lines = !echo $OUTSIDE {a,b}")["lines"] == ["seen a b"]


def test_a_magic_that_does_not_exist_fails() -> None:
    with pytest.raises(UsageError, match="%nosuch"):
        run("%nosuch x")


def test_a_cell_of_bash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run("%%bash\nfor n in 1 2; do printf $n >> out; done\n")
    assert (tmp_path / "out").read_text() == "12"


async def test_a_job_uses_commands_pip_and_get_ipython(real: Api) -> None:
    text = "!echo from the shell\n%pip --version\nprint(type(get_ipython()).__name__)\n"
    job = await real.job("job.py", text)
    run_id = await real.run(job)
    status = await reaches(lambda: real.run_status(job, run_id), "ENGINE_SUCCEEDED", "ENGINE_FAILED")
    log = real.log(next(iter(real.bench.jobs.values())).runs[0].engine_id)
    assert status == "ENGINE_SUCCEEDED", log
    order = [log.index(words) for words in ("from the shell", "pip ", "ZMQInteractiveShell")]
    assert order == sorted(order)
