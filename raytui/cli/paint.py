"""How text is written for its stream: colours only for states and only where they can be seen, shapes it can encode.

Text for people is full of words from elsewhere: log lines, names, what a launcher reported. So colour is marked here
with characters that no terminal knows, and the writer of the stream removes every control sequence before it puts the
real codes in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TextIO

from raytui.core.units import sanitize
from raytui.view.words import Role, needs_ascii, state_role, to_ascii

ColorChoice = Literal["auto", "always", "never"]

_CODES: dict[Role, str] = {"ok": "32", "warn": "33", "error": "31", "muted": "2", "accent": "36", "strong": "1"}
_MARKS: dict[Role, str] = {role: chr(0xFDD0 + n) for n, role in enumerate(_CODES)}
"""Noncharacters of Unicode, which are never interchanged. One that comes from elsewhere nevertheless can do no more
than colour a text."""
_END = "\ufddf"
_NO_ROOM = frozenset({*_MARKS.values(), _END})


class Paint:
    """The dress of one stream."""

    def __init__(self, *, color: bool, ascii_only: bool) -> None:
        self.color = color
        self._ascii_only = ascii_only

    def __call__(self, text: str, role: Role = "") -> str:
        """The text marked for the colour of its role, where colour is shown."""
        return f"{_MARKS[role]}{text}{_END}" if self.color and role in _CODES and text else text

    def state(self, word: str) -> str:
        """A state in the colour that its word has everywhere."""
        return self(word, state_role(word))

    def cut(self, text: str, width: int) -> str:
        """A marked text of at most `width` characters; marks take no room."""
        if len(text) <= width:
            return text
        kept, room = [], width
        for char in text:
            if char in _NO_ROOM:
                kept.append(char)
            elif room > 0:
                kept.append(char)
                room -= 1
        return "".join(kept)

    def finish(self, text: str) -> str:
        """The text as the stream gets it: in its encoding, with the marked colours.

        No other control sequence is left in it.
        """
        if not text.isprintable():
            text = sanitize(text)
            for role, mark in _MARKS.items():
                text = text.replace(mark, f"\x1b[{_CODES[role]}m" if self.color else "")
            text = text.replace(_END, "\x1b[0m" if self.color else "")
        return to_ascii(text) if self._ascii_only else text


def paint_for(stream: TextIO | None, choice: ColorChoice, environ: Mapping[str, str]) -> Paint:
    """How to write to a stream: `--color` decides, then NO_COLOR, FORCE_COLOR, TERM, then whether it is a terminal."""
    if choice != "auto":
        color = choice == "always"
    elif environ.get("NO_COLOR"):
        color = False
    elif environ.get("FORCE_COLOR", "0") not in {"", "0"}:
        color = True
    else:
        color = is_terminal(stream) and environ.get("TERM", "dumb") != "dumb"
    return Paint(color=color, ascii_only=needs_ascii(getattr(stream, "encoding", None)))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at the stream; a closed one is none."""
    return stream is not None and not stream.closed and stream.isatty()
