"""Which log to show: every source of the cluster in one list that narrows while one types."""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from raytui.core.errors import RaytuiError
from raytui.core.findings.chain import first_failure
from raytui.core.observed.snapshot import Snapshot
from raytui.core.session import LogSource, Session
from raytui.tui.faults import unforeseen
from raytui.tui.render.columns import Column, Row
from raytui.tui.render.text import clean
from raytui.tui.screens.dialog import WIDTHS
from raytui.tui.theme import sheet
from raytui.tui.typed_ahead import EarlyText
from raytui.tui.widgets.rule import PaneRule
from raytui.tui.widgets.table import RowTable
from raytui.view.words import LAYER_NAMES

_COLUMNS = (Column("name", "LOG", 30, 60), Column("kind", "KEPT BY", 12, 60, rank=1))
MARKED = "* "
_KEEPERS = {
    "launcher": "launcher",
    "ray": "Ray",
    "kept": "its launcher: the last lines of a node that has ended",
    "job": "Ray (job)",
    "file": "this machine",
}


def kept_by(source: LogSource) -> str:
    """Who keeps a log; of a node's earlier life, which one and until when, as `raytui logs --list` says it."""
    if source.life is None:
        return _KEEPERS.get(source.kind, source.kind)
    return f"life {source.life.name}, until {source.life.at or 'an unknown time'}"


def source_rows(sources: Sequence[tuple[str, str]], typed: str = "", marked: Collection[str] = ()) -> tuple[Row, ...]:
    """Sources (name and who keeps it) whose name has every typed word, in their order."""
    words = typed.casefold().split()
    chosen = [(name, kind) for name, kind in sources if all(word in name.casefold() for word in words)]
    return tuple(
        Row(
            name,
            (
                (f"{MARKED if name in marked else ''}{clean(name)}", "accent" if name in marked else ""),
                (clean(kind), "muted"),
            ),
        )
        for name, kind in chosen
    )


class SourcesScreen(ModalScreen[tuple[str, ...]]):
    """Answers the names of the chosen logs, or none."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = WIDTHS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Cancel", show=False),
        Binding("up", "move(-1)", "Up", show=False, priority=True),
        Binding("down", "move(1)", "Down", show=False, priority=True),
        Binding("pageup", "move(-10)", "Page up", show=False, priority=True),
        Binding("pagedown", "move(10)", "Page down", show=False, priority=True),
        Binding("tab", "mark", "Mark", show=False, priority=True),
    ]

    def __init__(self, current: str, sources: Sequence[tuple[str, str]] = (), *, several: bool = False) -> None:
        """`several` lets one mark logs, which are merged."""
        super().__init__()
        self._several = several
        self._marked: list[str] = []
        self._current = current
        self._sources = list(sources)
        self._typed = ""
        self._early = EarlyText(self)
        self._is_whole = self._is_entered = False
        self.table = RowTable(id="source-table")
        self.table.can_focus = False

    def compose(self) -> ComposeResult:
        """Title, field and list."""
        with Vertical(id="picker"):
            yield PaneRule("Logs of this cluster")
            marks = ", tab marks several" if self._several else ""
            field = Input(placeholder=f"type to narrow, enter shows{marks}", compact=True)
            field.cursor_blink = False
            yield field
            yield self.table

    def fill(self, sources: Sequence[tuple[str, str]]) -> None:
        """Show more sources when they are known."""
        self._sources = list(sources)
        self._draw()

    def end(self, sentence: str) -> None:
        """All are known that can be known; what was entered before is chosen now."""
        self._is_whole = True
        self.tell(sentence)
        if self._is_entered:
            self._choose(self.table.cursor)

    def tell(self, text: str) -> None:
        """Say how the list stands."""
        self.query_one(PaneRule).tell(state=text)

    def take(self, text: str) -> None:
        """What was typed before the field had the focus stands in it; a line's end enters it."""
        self._early.take(text)

    @on(events.DescendantFocus)
    def _field_is_there(self) -> None:
        self._early.give()

    @on(events.Mount)
    def _mounted(self) -> None:
        self.query_one(PaneRule).activate(True)
        self._draw()
        self.table.put_cursor(self._current)

    def _draw(self) -> None:
        self.table.show_rows(source_rows(self._sources, self._typed, self._marked), _COLUMNS)

    @on(Input.Changed)
    def _typed_into(self, message: Input.Changed) -> None:
        message.stop()
        self._typed = message.value
        self._draw()
        # What was typed decides, not where the cursor stood among others.
        rows = self.table.rows
        if self._typed and rows:
            self.table.put_cursor(next((row.key for row in rows if row.key == self._typed.strip()), rows[0].key))

    @on(Input.Submitted)
    def _entered_text(self, message: Input.Submitted) -> None:
        message.stop()
        self._choose(self.table.cursor)

    @on(RowTable.RowChosen)
    def _row_chosen(self, message: RowTable.RowChosen) -> None:
        message.stop()
        self._choose(message.key)

    def _choose(self, name: str) -> None:
        chosen = self._marked or ([name] if name else [])
        if chosen:
            self.dismiss(tuple(chosen))
        elif self._is_whole:
            self.tell(f"no log has {self._typed!r} in its name")
        self._is_entered = not chosen and not self._is_whole

    def _action_mark(self) -> None:
        """Mark the log under the cursor, or take its mark away, and go to the next."""
        name = self.table.cursor
        if self._several and name:
            if name in self._marked:
                self._marked.remove(name)
            else:
                self._marked.append(name)
            self.tell(f"{len(self._marked)} marked, enter merges them" if self._marked else "")
            self._draw()
            self._action_move(1)

    def _action_move(self, by: int) -> None:
        rows = self.table.rows
        place = next((n for n, row in enumerate(rows) if row.key == self.table.cursor), 0)
        if rows:
            self.table.put_cursor(rows[max(0, min(place + by, len(rows) - 1))].key)

    def _action_leave(self) -> None:
        self.dismiss(())


async def fill_sources(screen: SourcesScreen, shown: Awaitable[object], session: Session, snapshot: Snapshot) -> None:
    """Show what logs there are as soon as those are known who keep them; what cannot be asked is said.

    Begins when the screen is `shown`.
    """
    await shown
    found: Sequence[LogSource] = ()
    screen.tell("asking Ray for its files")
    try:
        found = await session.logs.sources(snapshot)
        failure = first_failure(snapshot) if not found else None
        # That there are no logs is a claim, which nobody can make who is blind.
        sentence = f"{len(found)} logs" if failure is None else f"none can be listed: ✗ {LAYER_NAMES[failure.layer]}"
    except RaytuiError as error:
        sentence = error.message
    except Exception as error:  # noqa: BLE001 - boundary: what is known without Ray can be chosen all the same
        sentence = unforeseen(error)
    if screen.is_attached:
        if found:
            screen.fill([(source.name, kept_by(source)) for source in found])
        screen.end(sentence)
