"""The screens over that of a cluster: how one opens another, how each was left, and what the top one asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from textual.screen import Screen

from raytui.core.questions import Question
from raytui.core.session import ConsoleSettings, Subscription, Watch
from raytui.tui.keys import Key
from raytui.tui.operation import Notice, Request
from raytui.tui.panes.listing import TableState
from raytui.tui.render.listing import Wish
from raytui.tui.render.verdict import Names
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.log import LogScreen
from raytui.tui.screens.over import OverCluster
from raytui.tui.screens.table import TableScreen
from raytui.view.related import LogWish, Related
from raytui.view.tables.registry import TABLES

Left = Callable[[TableState | None], None]
"""Called with how a list was left."""


class Lists:
    """The lists of one cluster. A monitor is asked what the list on top needs, for as long as it is there."""

    def __init__(
        self,
        about: tuple[ConsoleSettings, Names, tuple[Key, ...]],
        stack: Callable[[], Sequence[Screen[object]]],
        push: Callable[[OverCluster, Left], None],
        request: Callable[[Request], None],
        say: Callable[[Notice | None], None],
    ) -> None:
        """`stack` answers the screens, the topmost last; `push` shows one above them and tells it of the cluster."""
        self._stack = stack
        self._push = push
        self._calls = RowCalls(*about, self._drill, self.show_log, request, say, self._search_logs)
        self._states: dict[str, TableState] = {}
        self._watch: Watch | None = None
        self._asking: Subscription | None = None

    def go(self, name: str, row: str = "") -> None:
        """Show a list, or go back to it where it is below; `cluster` goes back to the cluster's screen.

        `row` is the key of a row whose details are shown at once.
        """
        if name == "log":
            if not isinstance(self._stack()[-1], LogScreen):
                self._push(LogScreen(self._calls, None, ""), lambda _: self._ask())
            return
        above = [screen for screen in self._stack() if isinstance(screen, OverCluster)]
        found = next((screen for screen in above if _is_whole(screen, name)), None)
        if name != "cluster" and (found is None or row):
            state = TableState(cursor=row) if row else self._states.get(name)
            self._push(TableScreen(TABLES[name], self._calls, state, opens=bool(row)), partial(self._left, name))
            self._ask()
            return
        for screen in reversed(above):
            if screen is found:
                return
            screen.leave()

    def ask(self, watch: Watch | None) -> None:
        """From now on ask this watch what the list on top needs; nobody when there is none any more."""
        self._watch = watch
        self._ask()

    def _drill(self, part: Related) -> None:
        """Show what belongs to a row: a list of its own, which is gone when it is left."""
        state = TableState(Wish(filter=part.filter))
        self._push(TableScreen(TABLES[part.kind], self._calls, state, of=part.of), lambda _: self._ask())
        self._ask()

    def show_log(self, wish: LogWish, of: str) -> None:
        """Show a log over what is there; `of` says of what it is."""
        self._push(LogScreen(self._calls, wish, of), lambda _: self._ask())

    def _search_logs(self, text: str) -> None:
        from raytui.tui.screens.hits import HitsScreen

        self._push(HitsScreen(self._calls, text), lambda _: self._ask())

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


def _is_whole(screen: OverCluster, name: str) -> bool:
    """Whether it shows the whole of that list, and not what belongs to something."""
    return isinstance(screen, TableScreen) and screen.kind.name == name and not screen.of
