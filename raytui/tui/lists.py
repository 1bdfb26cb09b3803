"""The lists above the screen of a cluster: how one opens another, how each was left, and what the top one asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from textual.screen import Screen

from raytui.core.questions import Question
from raytui.core.session import Subscription, Watch
from raytui.tui.panes.listing import TableState
from raytui.tui.render.listing import Kind
from raytui.tui.screens.table import TableScreen
from raytui.view.tables.registry import TABLES

Left = Callable[[TableState | None], None]
"""Told how a list was left."""


class Lists:
    """The lists of one cluster. A monitor is asked what the list on top needs, for as long as it is there."""

    def __init__(
        self, stack: Callable[[], Sequence[Screen[object]]], push: Callable[[Kind, TableState | None, Left], None]
    ) -> None:
        """`stack` answers the screens, the topmost last; `push` shows a list above them."""
        self._stack = stack
        self._push = push
        self._states: dict[str, TableState] = {}
        self._watch: Watch | None = None
        self._asking: Subscription | None = None

    def go(self, name: str) -> None:
        """Show a list, or go back to it where it is below; `cluster` goes back to the cluster's screen."""
        above = [screen for screen in self._stack() if isinstance(screen, TableScreen)]
        if name != "cluster" and all(screen.kind.name != name for screen in above):
            self._push(TABLES[name], self._states.get(name), partial(self._left, name))
            self._ask()
            return
        for screen in reversed(above):
            if screen.kind.name == name:
                return
            screen.leave()

    def ask(self, watch: Watch | None) -> None:
        """From now on ask this watch what the list on top needs; nobody when there is none any more."""
        self._watch = watch
        self._ask()

    def _left(self, name: str, state: TableState | None) -> None:
        """A list is shown as it was when somebody comes again."""
        if state is not None:
            self._states[name] = state
        self._ask()

    def _ask(self) -> None:
        before, self._asking = self._asking, None
        needs = next(
            (screen.kind.needs for screen in reversed(self._stack()) if isinstance(screen, TableScreen)),
            frozenset[Question](),
        )
        if needs and self._watch is not None:
            self._asking = self._watch.subscribe(needs)
        if before is not None:
            before.close()
