"""The bar at the bottom: the keys that work where the focus is, and no others."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from raytui.tui.keys import Key
from raytui.tui.render.text import Line, cells
from raytui.tui.theme import role_styles, sheet


def bar_line(keys: Sequence[Key], width: int) -> Line:
    """The keys that fit, the last two of them (commands and help) always.

    They move together before any of them is left out.
    """
    needs = [cells(f" {key.in_bar} {key.does.label}") for key in keys]
    gap = " " if sum(needs) + len(needs) - 1 <= width else ""
    kept = list(range(len(keys)))
    while sum(needs[n] + len(gap) for n in kept) - len(gap) > width and len(kept) > 2:
        kept.pop(-3)
    spans: list[tuple[str, str]] = []
    for n in kept:
        spans += [(f" {keys[n].in_bar}", "key"), (f" {keys[n].does.label}{gap}", "muted")]
    return tuple(spans)


class KeyBar(Widget):
    """One line of keys."""

    DEFAULT_CSS = sheet(__file__)

    def __init__(self) -> None:
        super().__init__(id="key-bar")
        self._keys: tuple[Key, ...] = ()

    @property
    def text(self) -> str:
        """What is shown."""
        return "".join(text for text, _ in bar_line(self._keys, self.size.width))

    def show(self, keys: Sequence[Key]) -> None:
        """Show these keys."""
        if tuple(keys) != self._keys:
            self._keys = tuple(keys)
            self.refresh()

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - one line only
        """The whole widget."""
        styles, base, width = role_styles(self.app.theme_variables), self.rich_style, self.size.width
        parts = [Segment(text, base + styles[role]) for text, role in bar_line(self._keys, width)]
        return Strip(parts).adjust_cell_length(width, base)
