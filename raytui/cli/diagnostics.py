"""The only writer of stderr, and the one place where errors become sentences and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from raytui.cli.output import ReaderLeft
from raytui.cli.paint import ColorChoice, Paint, is_terminal, paint_for
from raytui.core.errors import ConfigurationError, Interrupted, OperationFailed, RaytuiError, Unreachable
from raytui.core.remedy import as_commands

if TYPE_CHECKING:
    from raytui.cli.invocation import Invocation


_OVER = "\r\x1b[2K"


class Diagnostics:
    """stderr: progress, warnings and errors."""

    def __init__(self, *, color: ColorChoice = "auto", verbosity: int = 0) -> None:
        self._stream = sys.stderr
        self.begun = ""
        """What this call has begun to change, as a sentence without an end, and empty as long as no such request was sent."""
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
        """Text without a newline of its own, made harmless too; `over` puts it in the place of the terminal's present line."""
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
        self.lines([f"{self.paint('error:', 'error')} {error.message}", *([f"       {as_commands(error.hint)}"] if error.hint else [])])

    def began(self, what: str, *, shown_by: str = "raytui status shows what exists") -> None:
        """From now on an interruption is told with what was begun, for example `the start of ray-cluster had begun`."""
        self.begun, self.shown_by = what, shown_by

    def interrupted(self) -> Interrupted:
        """The error for a person who pressed Ctrl-C; true whatever was done until then."""
        return Interrupted(f"interrupted; {self.begun or 'nothing was being changed'}", hint=self.shown_by if self.begun else "")


def guard(invocation: Invocation, work: Callable[[], int]) -> int:
    """Run a call of the command line and answer its exit code: nothing a person does ends in a traceback."""
    try:
        code = work()
        invocation.output.flush()
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        error: RaytuiError = invocation.diagnostics.interrupted()
    except RaytuiError as raised:
        error = raised
    except ReaderLeft:
        return _reader_left()
    # The last boundary of the program: whatever was not foreseen still ends in one sentence, and its details in a file.
    except Exception as raised:  # noqa: BLE001
        error = _of_click(raised, invocation) or _unforeseen(raised, invocation)
    else:
        return code
    return _report(invocation, error)


def _report(invocation: Invocation, error: RaytuiError) -> int:
    try:
        if invocation.form == "json":
            invocation.output.document(error_answer(error))
            invocation.output.flush()
        else:
            invocation.output.flush()
            invocation.diagnostics.error(error)
    except BrokenPipeError:
        _reader_left()
    except RaytuiError as unwritable:
        invocation.diagnostics.error(unwritable)
    return error.exit_code


def error_answer(error: RaytuiError) -> dict[str, Any]:
    """The error object of the contract; of something unreachable also with the link that broke."""
    from raytui.core.report import error_document

    document = error_document(error)
    if isinstance(error, Unreachable):
        failure = error.failure
        document["error"]["broken_link"] = {"layer": failure.layer, "message": failure.message, "hint": as_commands(failure.hint)}
    return document


def _reader_left() -> int:
    from raytui.cli.output import abandon

    abandon()
    return 0


def _of_click(raised: Exception, invocation: Invocation) -> RaytuiError | None:
    """A usage error of click as one of ours; none when it is something else. click need not be loaded for it to be so."""
    click = sys.modules.get("click")
    if click is None or not isinstance(raised, click.ClickException | click.exceptions.Abort):
        return None
    if isinstance(raised, click.exceptions.Abort):
        return invocation.diagnostics.interrupted()
    context = getattr(raised, "ctx", None)
    verb = context.command_path if context is not None else "raytui"
    if isinstance(raised, click.NoSuchOption):
        import difflib

        known = [name for option in context.command.get_params(context) for name in option.opts] if context is not None else []
        near = difflib.get_close_matches(raised.option_name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return ConfigurationError(
            f"{verb} has no option {raised.option_name}", hint=f"{hint}{verb} --help lists them", reason="UnknownOption"
        )
    message = raised.format_message().rstrip(".")
    return ConfigurationError(f"{verb}: {message[:1].lower()}{message[1:]}", hint=f"{verb} --help shows how it is called", reason="Usage")


def _unforeseen(raised: Exception, invocation: Invocation) -> RaytuiError:
    """One sentence for what nobody foresaw; the traceback goes to a file that can be sent to the project."""
    import traceback

    from raytui.core.secret import mask

    details = mask("".join(traceback.format_exception(raised)))
    if invocation.verbosity > 1:
        invocation.diagnostics.lines(details.splitlines())
    told = f"{type(raised).__name__}: {mask(str(raised))}".strip(": ")
    where = _keep(details)
    return OperationFailed(
        f"raytui met something that it does not know: {told[:300]}",
        hint=f"please report it with {where}; raytui status shows what exists" if where else "run it again with -v -v to see the details",
        reason="Unforeseen",
    )


def _keep(details: str) -> str:
    """Where the details were written: beside the journal, else in a temporary file; empty when neither can be written."""
    import tempfile
    import time
    from pathlib import Path

    from raytui import __version__
    from raytui.config import paths

    text = f"raytui {__version__}, Python {sys.version.split()[0]}, {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n{details}"
    try:
        folder = paths.state_dir(os.environ, Path.cwd())[0]
        paths.make_private(folder)
        target = folder / "last-failure.txt"
        target.unlink(missing_ok=True)
        paths.write_private(target, text.encode(errors="replace"))
    except OSError:
        try:
            with tempfile.NamedTemporaryFile("w", prefix="raytui-failure-", suffix=".txt", delete=False, errors="replace") as file:
                file.write(text)
        except OSError:
            return ""
        return file.name
    return str(target)
