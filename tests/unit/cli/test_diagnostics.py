"""What reaches the terminal through stderr: colours of our own, and nothing that somebody else's text could do to it."""

from __future__ import annotations

import io
import re
import sys

import pytest

from raytui.cli.diagnostics import Diagnostics
from raytui.cli.guard import guard
from raytui.cli.invocation import Invocation
from raytui.cli.output import Output
from raytui.cli.progress import Progress
from raytui.core.errors import ConfigurationError, OperationFailed, Problem, RaytuiError
from raytui.core.events import StepEvent

HOSTILE = "gone\x1b]0;owned\x07 \x1b[2J\x1b[31mred\x1b[0m \x9b2Jc1 \u202egpj.exe a\tb"
HARMLESS = "gone red 2Jc1 gpj.exe"
OURS = re.compile(r"\x1b\[(?:31|32|33|36|1|2|0)m|\r\x1b\[2K")


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture(params=["always", "never"])
def terminal(request, monkeypatch: pytest.MonkeyPatch) -> tuple[Terminal, Diagnostics]:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream, Diagnostics(color=request.param)


def reported(stream: Terminal) -> str:
    """What was written, without the few sequences that are ours; fails when others are left."""
    left = OURS.sub("", stream.getvalue())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ufdd0-\ufdef]", left), left
    return left


@pytest.mark.parametrize(
    "error",
    [
        OperationFailed(HOSTILE, hint=HOSTILE),
        ConfigurationError.from_problems([Problem(HOSTILE, HOSTILE, HOSTILE)]),
        ConfigurationError.from_problems([Problem("a", HOSTILE, HOSTILE), Problem(HOSTILE, "b")]),
    ],
)
def test_an_error_that_quotes_a_log_cannot_move_the_cursor_or_name_the_window(terminal, error: RaytuiError) -> None:
    stream, diagnostics = terminal
    diagnostics.error(error)
    assert HARMLESS in reported(stream)
    assert ("\x1b[31merror:\x1b[0m" in stream.getvalue()) == diagnostics.paint.color
    assert "\x1b[31mred" not in stream.getvalue()


def test_warnings_prompts_and_steps_are_as_harmless(terminal) -> None:
    stream, diagnostics = terminal
    diagnostics.warning(HOSTILE)
    diagnostics.lines([f"stop ends {HOSTILE}:", f"  second {HOSTILE}"])
    progress = Progress(diagnostics)
    progress.tell(StepEvent("workers created", "running", 0.0, HOSTILE))
    progress.tell(StepEvent(HOSTILE, "running", 0.0, HOSTILE))
    progress.tick()
    progress.tell(StepEvent(HOSTILE, "failed", 1.0, HOSTILE))
    assert reported(stream).count("gone red") == 10
    assert "\r\x1b[2K" in stream.getvalue()


def test_a_sequence_that_nobody_ends_swallows_no_line_behind_it(terminal) -> None:
    stream, diagnostics = terminal
    diagnostics.lines(["first \x1b]0;open", "second", "third \x07end"])
    assert [line.rpartition(" ")[2] for line in reported(stream).splitlines()] == ["]0;open", "second", "end"]


def test_stdout_for_people_is_as_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stdout", stream)
    output = Output(json=False, color="always")
    output.lines([f"{output.paint('ok', 'ok')} {HOSTILE}"])
    assert HARMLESS in reported(stream)
    assert stream.getvalue().startswith("\x1b[32mok\x1b[0m ")


def test_a_word_of_the_command_line_is_shown_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise ConfigurationError(f"raytui has no verb {HOSTILE}")

    assert guard(Invocation(), work) == 2
    assert "\x1b" not in capsys.readouterr().err
