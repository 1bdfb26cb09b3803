"""Any list of the registry as a screen: rows, filter, order, details of one row, and the way back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.reactive import reactive
from textual.screen import Screen

from raytui.tui.keys import Key, bar, bindings, verb_keys, written
from raytui.tui.offers import Command
from raytui.tui.panes.details import DetailsPane
from raytui.tui.panes.listing import ListPane, TableState
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.listing import Kind
from raytui.tui.render.verdict import Names
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.prompt import Prompt, Purpose
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import Picture

_WIDTHS = [(0, "-narrow"), (120, "-wide")]


class TableScreen(Screen[TableState]):
    """One list. What it shows is told by the screen of the cluster; its result is how it was left."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    AUTO_FOCUS = "#rows"
    BINDINGS = bindings("list")

    picture: reactive[Picture | None] = reactive(None, repaint=False, always_update=True)
    observed_at: reactive[float] = reactive(0.0, repaint=False)
    now: reactive[float] = reactive(0.0, repaint=False)
    stale: reactive[bool] = reactive(False, repaint=False)
    trouble: reactive[str] = reactive("", repaint=False)

    def __init__(self, kind: Kind, names: Names, keys: tuple[Key, ...], state: TableState | None = None) -> None:
        super().__init__()
        self.kind = kind
        self.keys = keys
        self.list = ListPane(kind, verb_keys(keys, elsewhere=True), state)
        self.details = DetailsPane(kind, written("dismiss", keys))
        self._names = names
        self._places = PlacesBar(keys, kind.name)
        self._key_bar = KeyBar()
        self._prompt: Prompt | None = None

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, rows and details, keys."""
        mine = TableScreen
        yield VerdictBar(self._names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        with Container(id="body"):
            yield self.list.data_bind(mine.picture, mine.trouble, mine.stale)
            yield self.details
        yield self._key_bar

    def commands(self) -> Iterable[Command]:
        """What the palette offers on this screen."""
        for key in self.keys:
            if key.does.palette and "list" in key.where:
                yield Command(key.tooltip, f"key {key.written}", partial(self.run_action, key.does.action))
        for column in self.kind.columns:
            yield Command(f"Order by {column.id}", f"of {self.kind.noun}", partial(self.list.order, column.id))

    def leave(self) -> None:
        """Go back to where one came from; the list is as it was when one comes again."""
        self.dismiss(self.list.state)

    def show_keys(self) -> None:
        """Show the keys that work where the focus is."""
        closes = self._in_details or self.details.display or bool(self.list.state.wish.filter)
        keys = bar("details" if self._in_details else "list", self.keys)
        self._key_bar.show(keys if closes else [key.named("back") if key.id == "dismiss" else key for key in keys])

    @property
    def _in_details(self) -> bool:
        return self.focused is not None and self.details in self.focused.ancestors_with_self

    @on(events.Mount)
    def _mounted(self) -> None:
        self.details.display = False
        self.watch(self, "focused", self.show_keys, init=False)
        self.show_keys()

    def _watch_picture(self, picture: Picture | None) -> None:
        if picture is not None and self.is_mounted and self.details.display and self.list.readable is not None:
            self.details.follow(picture if self.kind.reading(picture).value is not None else self.list.readable)

    @on(RowTable.RowChosen)
    def _row_chosen(self) -> None:
        self._action_details()

    def _action_details(self) -> None:
        picture, key = self.list.readable, self.list.table.cursor
        if picture is not None and key and not self._in_details:
            self.details.display = True
            self.details.open(key, picture)

    def _action_order(self) -> None:
        self.list.order()

    def _action_reverse(self) -> None:
        self.list.reverse()

    def _action_filter(self) -> None:
        if self._prompt is None or not self._prompt.is_attached:
            purpose = Purpose(
                f"Filter {self.kind.noun}", self._filter, self.list.table, text=self.list.state.wish.filter
            )
            self._prompt = Prompt(purpose)
            self.mount(self._prompt)

    def _filter(self, text: str) -> None:
        self.list.filter(text)
        self.show_keys()

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first; then back."""
        if self._prompt is not None and self._prompt.is_attached:
            self._prompt.close()
        elif self.details.display:
            self.details.display = False
            self.list.table.focus()
        elif self.list.state.wish.filter:
            self._filter("")
        else:
            self.leave()
