"""The only writer of stdout: data, and nothing but data.

A closed pipe is the reader's right, so it ends the command quietly; a full disk is a failure and is said.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from raytui.cli.paint import ColorChoice, Paint, is_terminal, paint_for
from raytui.core.errors import OperationFailed
from raytui.view.words import state_role

_HOME, _CLEAR, _BELOW = "\x1b[H", "\x1b[H\x1b[2J", "\x1b[J"
"""To the first line; the same on an empty screen; away with what is left below."""


class ReaderLeft(Exception):
    """Nobody reads stdout any more."""


class Output:
    """stdout in one of two forms: text for people, JSON for programs."""

    def __init__(self, *, json: bool, color: ColorChoice = "auto") -> None:
        self.json = json
        self._streaming = False
        self._drawn = False
        self._stream = sys.stdout
        if self._stream is not None and hasattr(self._stream, "reconfigure"):
            self._stream.reconfigure(errors="backslashreplace")
        self.paint: Paint = paint_for(self._stream, color, os.environ)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return is_terminal(self._stream)

    @property
    def in_place(self) -> bool:
        """Whether what changes can be drawn over what was: a person looks, at a terminal that knows how."""
        return not self.json and self.is_terminal and os.environ.get("TERM", "dumb") != "dumb"

    def document(self, document: Mapping[str, object]) -> None:
        """One JSON document, indented; behind the lines of a stream it is one more line."""
        if self._streaming:
            self.record(document)
            return
        self._write(msgspec.json.format(_encoded(document), indent=2).decode() + "\n")

    def begin_stream(self) -> None:
        """From now on every JSON document is one line, an error before the first line of the stream too."""
        self._streaming = True

    def record(self, document: Mapping[str, object]) -> None:
        """One line of a JSON stream, at once."""
        self._streaming = True
        self._write(_encoded(document).decode() + "\n")
        self.flush()

    def lines(self, lines: Iterable[str]) -> None:
        """Lines of text, harmless wherever they came from; shapes are replaced where the encoding lacks them."""
        text = "".join(f"{self.paint.finish(line)}\n" for line in lines)
        if text:
            self._write(text)

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, states: Sequence[str] = ()) -> None:
        """A table of words with aligned columns; those named in `states` hold words of states."""
        from raytui.cli.table import Head, Word, table  # which a document does without

        cells = [
            [Word(text, state_role(text) if head in states else "") for head, text in zip(heads, row, strict=True)]
            for row in rows
        ]
        self.lines(table([Head(head) for head in heads], cells, self.paint))

    def draw(self, lines: Iterable[str], width: int) -> None:
        """Lines in place of what the terminal shows, each cut to its width."""
        drawn = "".join(f"{self.paint.finish(self.paint.cut(line, width))}\x1b[K\n" for line in lines)
        self._write(f"{_HOME if self._drawn else _CLEAR}{drawn}{_BELOW}")
        self._drawn = True
        self.flush()

    def check_reader(self) -> None:
        """Raise BrokenPipeError when stdout is a pipe without a reader.

        A command that prints rarely would not notice it otherwise.
        """
        try:
            stdout = self._stream.fileno() if self._stream is not None else -1
        except (OSError, ValueError):
            return  # no real file
        if stdout < 0:
            return
        poll = select.poll()
        poll.register(stdout, 0)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            raise BrokenPipeError

    def verbatim(self, text: str) -> None:
        """Text as it is, byte for byte."""
        self._write(text)

    def flush(self) -> None:
        """Hand over what was written.

        Raises BrokenPipeError when the reader has left, `OperationFailed` when it cannot be written.
        """
        if self._stream is None:
            return
        try:
            self._stream.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _unwritable(error) from error

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        try:
            self._stream.write(text)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            raise _unwritable(error) from error


def abandon() -> None:
    """The reader of stdout has left: let the interpreter's own last flush go nowhere instead of failing."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        # Not a real file: then nothing is flushed at the end either.
        return


def _encoded(document: Mapping[str, object]) -> bytes:
    """The document as JSON; bytes that were no text on the command line are shown as escapes instead of failing."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        return msgspec.json.encode(_without_surrogates(document))


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def printing_help() -> Iterator[None]:
    """Around click's reading of the command line, which prints help itself: a stdout without room is said as such.

    Raises `OperationFailed`.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        # What was not taken stays in the buffer, and the interpreter's last flush would fail on it once more.
        abandon()
        raise _unwritable(error) from error


def _unwritable(error: OSError | ValueError) -> OperationFailed:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return OperationFailed(f"stdout cannot be written: {why}", hint="send it somewhere with room", reason="Output")
