"""The only writer of stderr: progress, warnings and the sentences of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from raytui.cli.paint import ColorChoice, Paint, is_terminal, paint_for
from raytui.core.errors import Interrupted, RaytuiError
from raytui.core.remedy import as_commands

_OVER = "\r\x1b[2K"


class Diagnostics:
    """stderr: progress, warnings and errors."""

    def __init__(self, *, color: ColorChoice = "auto", verbosity: int = 0) -> None:
        self._stream = sys.stderr
        self.begun = ""
        """What this call has begun to change, as a sentence without an end; empty until such a request was sent."""
        self.shown_by = ""
        """The command that shows what has become of it."""
        self.verbosity = verbosity
        self.is_terminal = is_terminal(self._stream) and os.environ.get("TERM", "dumb") != "dumb"
        if self._stream is not None and hasattr(self._stream, "reconfigure"):
            self._stream.reconfigure(errors="backslashreplace")
        self.paint: Paint = paint_for(self._stream, color, os.environ)

    def lines(self, lines: Iterable[str]) -> None:
        """Lines of text, harmless wherever they came from; shapes are replaced where the encoding lacks them."""
        self._put("".join(f"{self.paint.finish(line)}\n" for line in lines))

    def write(self, text: str, *, over: bool = False) -> None:
        """Text without a newline of its own, made harmless too.

        `over` puts it in the place of the terminal's present line.
        """
        self._put((_OVER if over else "") + self.paint.finish(text))

    def _put(self, text: str) -> None:
        """A stderr that is gone loses it: there is nobody left to tell."""
        if self._stream is None or not text:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return

    def ring(self) -> None:
        """Ring the bell of a terminal."""
        if self.is_terminal:
            self._put("\a")

    def warning(self, text: str) -> None:
        """Something a person should know that is no failure."""
        self.lines([f"{self.paint('note:', 'warn')} {text}"])

    def error(self, error: RaytuiError) -> None:
        """One sentence, what to do, and every problem with its own hint when there are several."""
        if len(error.problems) > 1:
            so_far = self.begun or "nothing was changed"
            self.lines([f"{self.paint('error:', 'error')} {len(error.problems)} problems, {so_far}"])
            width = min(34, max(len(problem.field) for problem in error.problems))
            for problem in error.problems:
                hint = f"; {as_commands(problem.hint)}" if problem.hint else ""
                self.lines([f"  {problem.field.ljust(width)}  {problem.message}{hint}"])
            return
        self.lines(
            [
                f"{self.paint('error:', 'error')} {error.message}",
                *([f"       {as_commands(error.hint)}"] if error.hint else []),
            ]
        )

    def began(self, what: str, *, shown_by: str = "raytui status shows what exists") -> None:
        """From now on an interruption names what was begun, for example `the start of ray-cluster had begun`."""
        self.begun, self.shown_by = what, shown_by

    def interrupted(self) -> Interrupted:
        """The error for a person who pressed Ctrl-C; true whatever was done until then."""
        return Interrupted(
            f"interrupted; {self.begun or 'nothing was being changed'}", hint=self.shown_by if self.begun else ""
        )
