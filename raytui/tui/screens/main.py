"""The screen of the panes: where they stand at each width. The app composes them, so that they can bind to its values."""

from __future__ import annotations

from textual.screen import Screen

from raytui.tui.theme import sheet

_WIDTHS = [(0, "-narrow"), (120, "-wide")]
_HEIGHTS = [(0, "-short"), (34, "-tall")]


class MainScreen(Screen[None]):
    """Header, panes and keys."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    VERTICAL_BREAKPOINTS = _HEIGHTS
    AUTO_FOCUS = "#node-table"

    def __init__(self) -> None:
        super().__init__(id="_default")
