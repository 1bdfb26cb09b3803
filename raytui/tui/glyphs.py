"""Shapes for terminals that cannot show them: each as one ASCII character, applied to whatever is painted."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from raytui.view import words


def to_ascii(text: str) -> str:
    """The same text with every glyph as one ASCII character, `?` where there is none.

    Wide characters keep their two cells.
    """
    if text.isascii():
        return text
    from rich.cells import cell_len

    return "".join(char if char.isascii() else "?" * cell_len(char) for char in words.to_ascii(text))


class AsciiGlyphs(LineFilter):
    """Everything painted, in ASCII."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's signature
        """The segments with their text made ASCII."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
