"""Which log to show: every source of the cluster in one list that narrows while one types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from raytui.tui.render.columns import Column, Row
from raytui.tui.render.text import clean
from raytui.tui.theme import sheet
from raytui.tui.widgets.rule import PaneRule
from raytui.tui.widgets.table import RowTable

_COLUMNS = (Column("name", "LOG", 30, 60), Column("kind", "KEPT BY", 12, rank=1))
_KINDS = {"launcher": "launcher", "ray": "Ray", "kept": "kept tail", "job": "Ray (job)"}


def source_rows(sources: Sequence[tuple[str, str]], typed: str = "") -> tuple[Row, ...]:
    """Sources (name and kind) whose name has every typed word, in their order."""
    words = typed.casefold().split()
    chosen = [(name, kind) for name, kind in sources if all(word in name.casefold() for word in words)]
    return tuple(Row(name, ((clean(name), ""), (_KINDS.get(kind, kind), "muted"))) for name, kind in chosen)


class SourcesScreen(ModalScreen[str]):
    """Answers the name of the chosen log, or the empty string."""

    DEFAULT_CSS = sheet(__file__)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("pageup", "move(-10)", "Page up", show=False, priority=True),
        Binding("pagedown", "move(10)", "Page down", show=False, priority=True),
    ]

    def __init__(self, current: str, sources: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self._current = current
        self._sources = list(sources)
        self._typed = ""
        self.table = RowTable(id="source-table")
        self.table.can_focus = False

    def compose(self) -> ComposeResult:
        """Title, field and list."""
        with Vertical(id="picker"):
            yield PaneRule("Logs of this cluster")
            field = Input(placeholder="type to narrow, enter shows", compact=True)
            field.cursor_blink = False
            yield field
            yield self.table

    def fill(self, sources: Sequence[tuple[str, str]]) -> None:
        """Show more sources when they are known."""
        self._sources = list(sources)
        self._draw()

    def tell(self, text: str) -> None:
        """Say how the list stands."""
        self.query_one(PaneRule).tell(state=text)

    @on(events.Mount)
    def _mounted(self) -> None:
        self.query_one(PaneRule).activate(True)
        self._draw()
        self.table.put_cursor(self._current)

    def _draw(self) -> None:
        self.table.show_rows(source_rows(self._sources, self._typed), _COLUMNS)

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        self._typed = message.value
        self._draw()

    @on(Input.Submitted)
    def _entered_text(self, message: Input.Submitted) -> None:
        message.stop()
        self.dismiss(self.table.cursor)

    @on(RowTable.RowChosen)
    def _row_chosen(self, message: RowTable.RowChosen) -> None:
        message.stop()
        self.dismiss(message.key)

    def _action_move(self, by: int) -> None:
        rows = self.table.rows
        place = next((n for n, row in enumerate(rows) if row.key == self.table.cursor), 0)
        if rows:
            self.table.put_cursor(rows[max(0, min(place + by, len(rows) - 1))].key)

    def _action_leave(self) -> None:
        self.dismiss("")
