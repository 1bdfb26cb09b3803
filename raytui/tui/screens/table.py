"""Any list of the registry as a screen: rows, filter, order, details of one row, and the way deeper and back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container

from raytui.core.observed.snapshot import Job
from raytui.core.observed.workload import ServeDeployment
from raytui.tui.keys import RELATED, Key, bar, bindings, verb_keys, written
from raytui.tui.messages import ClusterWanted
from raytui.tui.offers import Command
from raytui.tui.operation import Notice
from raytui.tui.panes.details import DetailsPane
from raytui.tui.panes.listing import ListPane, TableState
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.tabs import bar_of
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.listing import Kind
from raytui.tui.render.text import clean
from raytui.tui.row_calls import RowCalls
from raytui.tui.row_changes import RowChanges
from raytui.tui.screens.over import OverCluster
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.prompt import Prompt, Purpose, ask
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import Picture
from raytui.view.related import Related, log_of, related

_WIDTHS = [(0, "-narrow"), (120, "-wide")]
_CHANGES = {
    "row-stop": frozenset({"jobs"}),
    "row-delete": frozenset({"serve"}),
    "submit": frozenset({"jobs"}),
    "row-restart": frozenset({"apps", "nodes", "workers", "actors", "tasks"}),
    "row-scale-up": frozenset({"apps", "nodes"}),
    "row-scale-down": frozenset({"apps", "nodes"}),
}
"""The keys that change something, and the lists in which they do."""


class TableScreen(OverCluster):
    """One list. What it shows comes from the screen of the cluster; its result is how it was left."""

    DEFAULT_CSS = sheet(__file__)
    HORIZONTAL_BREAKPOINTS = _WIDTHS
    AUTO_FOCUS = "#rows"
    BINDINGS = bindings("list")
    place = "list"
    """Where its keys work, by the places of the table of keys."""

    def __init__(
        self, kind: Kind, calls: RowCalls, state: TableState | None = None, *, of: str = "", opens: bool = False
    ) -> None:
        """`of` names what the rows belong to where one came from there; `opens` shows the cursor's details at once."""
        super().__init__(calls)
        self.kind = kind
        self.shows_clusters = kind.of_profiles
        self.of = of
        self.keys = calls.keys
        self.list = ListPane(kind, verb_keys(calls.keys, elsewhere=True), state, of)
        self.details = DetailsPane(kind, written("dismiss", calls.keys))
        self._own_filter = state.wish.filter if of and state is not None else ""
        """What makes the rows those that belong to something: it is not dropped, one leaves instead."""
        self._opens = opens
        self._changes = RowChanges(self, calls)
        self._places = PlacesBar(calls.keys, kind.name)
        self._key_bar = KeyBar()
        self._prompt: Prompt | None = None

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, what was said, rows and details, keys."""
        mine = TableScreen
        yield from bar_of(self.app)
        yield VerdictBar(self.calls.names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        yield self.said
        with Container(id="body"):
            yield self.list.data_bind(mine.picture, mine.trouble, mine.stale)
            yield self.details
        yield self._key_bar

    def commands(self) -> Iterable[Command]:
        """What the palette offers on this screen."""
        for key in self.keys:
            if key.does.palette and "list" in key.where and self._works(key):
                yield Command(key.tooltip, f"key {key.written}", partial(self.run_action, key.does.action))
        for column in self.kind.columns:
            yield Command(f"Order by {column.id}", f"of {self.kind.noun}", partial(self.list.order, column.id))

    def leave(self) -> None:
        """Go back to where one came from; the list is as it was when one comes again."""
        self.dismiss(self.list.state)

    def show_keys(self) -> None:
        """Show the keys that work where the focus is."""
        closes = self._in_details or self.details.display or self._is_filtered or bool(self.list.table.marked)
        keys = bar("details" if self._in_details else "list", self.keys)
        if self._in_details:
            keys = tuple(key.named("deeper") if key.id == "details" else key for key in keys)
        if self.kind.of_profiles:
            keys = tuple(key.named("open") if key.id == "details" else key for key in keys)
        if self.kind.name not in _CHANGES["row-scale-up"]:
            # Of what lives on a node the node itself is restarted, and the key says so.
            keys = tuple(key.named("restart node") if key.id == "row-restart" else key for key in keys)
        shown = [key for key in keys if self._works(key)]
        self._key_bar.show(shown if closes else [key.named("back") if key.id == "dismiss" else key for key in shown])

    @property
    def row(self) -> object | None:
        """The row under the cursor, or the one whose details have the focus; none without rows."""
        picture, key = self.list.readable, self.details.key if self._in_details else self.list.table.cursor
        return self._find(picture, key) if picture is not None and key else None

    def _find(self, picture: Picture, key: str) -> object | None:
        return next((row for row in self.kind.rows(picture) if self.kind.key(row) == key), None)

    @property
    def _is_filtered(self) -> bool:
        return self.list.state.wish.filter != self._own_filter

    @property
    def _in_details(self) -> bool:
        return self.focused is not None and self.details in self.focused.ancestors_with_self

    def _works(self, key: Key) -> bool:
        """Whether a key means anything in this list; what belongs to a row is known by its first row."""
        if key.id in RELATED:
            return RELATED[key.id] in self.kind.leads_to
        if key.id == "details" and self._in_details:
            return bool(self.kind.leads_to)
        if key.id == "row-log":
            return self.kind.has_logs
        if key.id in _CHANGES:
            return self.kind.name in _CHANGES[key.id] and not self._changes.refused(key.id)
        return True

    @on(events.Mount)
    def _mounted(self) -> None:
        self.details.display = False
        self.watch(self, "focused", self.show_keys, init=False)
        self.show_keys()
        self._open_wanted()

    def _open_wanted(self) -> None:
        """Show the details of the row for whose sake one came, as soon as it is there."""
        if self._opens and self.list.readable is not None and self.list.table.cursor:
            self._opens = False
            self.call_after_refresh(self._action_details)

    def _watch_picture(self, picture: Picture | None) -> None:
        if picture is None or not self.is_mounted:
            return
        self.call_after_refresh(self._open_wanted)
        if self.details.display and self.list.readable is not None:
            self.details.follow(picture if self.kind.reading(picture).value is not None else self.list.readable)

    @on(RowTable.RowChosen)
    def _row_chosen(self) -> None:
        self._action_details()

    def _action_details(self) -> None:
        """Deeper: from the row to its details, from there to what belongs to it, or else to its log."""
        key = self.list.table.cursor
        if self.kind.of_profiles and key and not self._in_details:
            self.post_message(ClusterWanted(key))
        elif self._in_details:
            self._go_deeper()
        else:
            self._open_details()

    def _open_details(self) -> None:
        picture, key = self.list.readable, self.list.table.cursor
        if picture is not None and key:
            self.details.display = True
            self.details.open(key, picture)

    def _go_deeper(self) -> None:
        parts = self._parts()
        if parts:
            self.calls.drill(parts[0])
        elif self.kind.has_logs:
            self._action_log()

    def _parts(self) -> tuple[Related, ...]:
        row = self.row
        return related(row, self.list.readable) if row is not None and self.list.readable is not None else ()

    def _action_related(self, kind: str) -> None:
        part = next((part for part in self._parts() if part.kind == kind), None)
        if part is not None:
            self.calls.drill(part)
        elif kind in self.kind.leads_to and self.row is not None:
            self.calls.say(Notice("info", f"Ray does not tell which {kind} belong to this row"))

    def _action_log(self) -> None:
        row, picture = self.row, self.list.readable
        if not self.kind.has_logs or row is None or picture is None:
            return
        wish = log_of(row, picture)
        if isinstance(wish, str):
            self.calls.say(Notice("info", clean(wish)))
        else:
            self.calls.log(wish, f"{self.kind.singular} {clean(self.kind.key(row))[:40]}")

    def _action_raw(self) -> None:
        """The row as JSON in the frame of its details, or its fields again."""
        if not self.details.display:
            self._open_details()
            self.details.show_raw(True)
        else:
            self.details.show_raw(not self.details.is_raw)

    def _action_copy(self) -> None:
        """Copy through the terminal, over SSH and tmux too (OSC 52)."""
        if self._in_details:
            text, what = self.details.text, "the JSON" if self.details.is_raw else "the details"
        else:
            keys = [self.kind.key(row) for row in self.list.chosen()]
            text = "\n".join(clean(key) for key in keys)
            what = clean(keys[0])[:60] if len(keys) == 1 else f"{len(keys):,} ids"
        if text:
            self.app.copy_to_clipboard(text)
            self.app.notify(f"copied {what}", timeout=3, markup=False)

    def _action_mark(self) -> None:
        if not self._in_details:
            self.list.mark()
            self.show_keys()

    def _action_stop_rows(self) -> None:
        if self.kind.name in _CHANGES["row-stop"]:
            self._changes.stop_jobs([row for row in self._meant() if isinstance(row, Job)])

    def _action_delete_rows(self) -> None:
        if self.kind.name in _CHANGES["row-delete"]:
            self._changes.delete_serve([row for row in self._meant() if isinstance(row, ServeDeployment)])

    def _action_submit(self) -> None:
        if self.kind.name in _CHANGES["submit"]:
            self._changes.submit()

    def _action_restart_rows(self) -> None:
        if self.kind.name in _CHANGES["row-restart"] and self.list.readable is not None:
            self._changes.restart(self._meant(), self.list.readable)

    def _action_scale_row(self, by: int) -> None:
        if self.kind.name in _CHANGES["row-scale-up"] and self.list.readable is not None:
            self._changes.scale(self.row, self.list.readable, by)

    def _meant(self) -> list[object]:
        """The rows that a change is about: in the details the one that they are of, else the marked ones."""
        if self._in_details:
            return [self.row] if self.row is not None else []
        return list(self.list.chosen())

    def _action_order(self) -> None:
        self.list.order()

    def _action_reverse(self) -> None:
        self.list.reverse()

    def _action_filter(self) -> None:
        if self._prompt is None or not self._prompt.is_attached:
            purpose = Purpose(
                f"Filter {self.kind.noun}", self._filter, self.list.table, text=self.list.state.wish.filter
            )
            self._prompt = ask(self, purpose)

    def _filter(self, text: str) -> None:
        self.list.filter(text or self._own_filter)
        self.show_keys()

    def _action_dismiss(self) -> None:
        """One thing at a time, the nearest first; then back."""
        if self._prompt is not None and self._prompt.is_attached:
            self._prompt.close()
        elif self.notice is not None:
            self.calls.say(None)
        elif self.details.display:
            self.details.display = False
            self.list.table.focus()
        elif self.list.unmark():
            self.show_keys()
        elif self._is_filtered:
            self._filter("")
        else:
            self.leave()
