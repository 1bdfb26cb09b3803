"""A pane: a rule with its title above its body.

Panes hold core values as reactives, draw them, and tell the app what was asked for.
"""

from __future__ import annotations

from textual import events, on
from textual.containers import Vertical

from raytui.tui.theme import sheet
from raytui.tui.widgets.rule import PaneRule

BIG = 1_000
"""Rows from which a pane filters and orders them in a thread: no key press waits for it."""


class Pane(Vertical):
    """The ground of every pane."""

    DEFAULT_CSS = sheet(__file__)

    def __init__(self, title: str, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.rule = PaneRule(title)

    @on(events.DescendantFocus)
    def _entered(self) -> None:
        self.rule.activate(True)

    @on(events.DescendantBlur)
    def _left(self) -> None:
        self.rule.activate(False)
