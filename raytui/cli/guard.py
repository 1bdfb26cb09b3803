"""How a call of the command line ends: the one place where errors become sentences and exit codes."""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from raytui import __version__
from raytui.cli.invocation import Invocation
from raytui.cli.output import ReaderLeft, abandon
from raytui.config import paths
from raytui.core.errors import ConfigurationError, OperationFailed, RaytuiError
from raytui.core.report import error_document
from raytui.core.secret import mask
from raytui.system.files import private_directory, write_whole


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
            invocation.output.document(error_document(error))
            invocation.output.flush()
        else:
            invocation.output.flush()
            invocation.diagnostics.error(error)
    except BrokenPipeError:
        _reader_left()
    except RaytuiError as unwritable:
        invocation.diagnostics.error(unwritable)
    return error.exit_code


def _reader_left() -> int:
    abandon()
    return 0


def _of_click(raised: Exception, invocation: Invocation) -> RaytuiError | None:
    """A usage error of click as one of ours; none when it is something else.

    Click need not be loaded for it to be so.
    """
    click = sys.modules.get("click")
    if click is None or not isinstance(raised, click.ClickException | click.exceptions.Abort):
        return None
    if isinstance(raised, click.exceptions.Abort):
        return invocation.diagnostics.interrupted()
    context = getattr(raised, "ctx", None)
    verb = context.command_path if context is not None else "raytui"
    if isinstance(raised, click.NoSuchOption):
        import difflib

        known = (
            [name for option in context.command.get_params(context) for name in option.opts]
            if context is not None
            else []
        )
        near = difflib.get_close_matches(raised.option_name, known, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return ConfigurationError(
            f"{verb} has no option {raised.option_name}", hint=f"{hint}{verb} --help lists them", reason="UnknownOption"
        )
    message = raised.format_message().rstrip(".")
    return ConfigurationError(
        f"{verb}: {message[:1].lower()}{message[1:]}", hint=f"{verb} --help shows how it is called", reason="Usage"
    )


def _unforeseen(raised: Exception, invocation: Invocation) -> RaytuiError:
    """One sentence for what nobody foresaw; the traceback goes to a file that can be sent to the project."""
    details = mask("".join(traceback.format_exception(raised)))
    if invocation.verbosity > 1:
        invocation.diagnostics.lines(details.splitlines())
    sentence = f"{type(raised).__name__}: {mask(str(raised))}".strip(": ")
    where = _keep(details)
    return OperationFailed(
        f"raytui met something that it does not know: {sentence[:300]}",
        hint=f"please report it with {where}; raytui status shows what exists"
        if where
        else "run it again with -v -v to see the details",
        reason="Unforeseen",
    )


def _keep(details: str) -> str:
    """Where the details were written: beside the journal, else in a temporary file.

    Empty when neither can be written.
    """
    import tempfile

    text = (
        f"raytui {__version__}, Python {sys.version.split()[0]}, "
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n{details}"
    )
    try:
        folder = paths.state_dir(os.environ, Path.cwd())[0]
        private_directory(folder)
        target = folder / "last-failure.txt"
        write_whole(target, text.encode(errors="replace"))
    except OSError:
        try:
            with tempfile.NamedTemporaryFile(
                "w", prefix="raytui-failure-", suffix=".txt", delete=False, errors="replace"
            ) as file:
                file.write(text)
        except OSError:
            return ""
        return file.name
    return str(target)
