"""What a search of every log of every node found: a row for each log, the newest match first, each a way into it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC

from textual import events, on
from textual.app import ComposeResult
from textual.message import Message

from raytui.core.errors import RaytuiError
from raytui.core.logline import Missed
from raytui.core.patterns import lenient_pattern
from raytui.core.platforms import traits
from raytui.core.session import Session
from raytui.logs.search_all import InLog, everywhere
from raytui.tui.faults import unforeseen
from raytui.tui.keys import bar, bindings
from raytui.tui.offers import Command
from raytui.tui.panes.places import PlacesBar
from raytui.tui.panes.verdict import VerdictBar
from raytui.tui.render.columns import Column, Row
from raytui.tui.render.log_line import shown_text
from raytui.tui.render.text import clean, moment
from raytui.tui.row_calls import RowCalls
from raytui.tui.screens.over import OverCluster
from raytui.tui.theme import sheet
from raytui.tui.widgets.key_bar import KeyBar
from raytui.tui.widgets.rule import PaneRule
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import Picture
from raytui.view.related import LogWish

COLUMNS = (
    Column("log", "LOG", 26, 40),
    Column("count", "LINES", 8, right=True),
    Column("newest", "NEWEST", 12, rank=1),
    Column("line", "ITS LINE", 24, 200, rank=2),
)


MISSED = "missed "
"""Begins the key of a row that tells of a log that was not searched."""


def rows_of(found: Iterable[InLog], missed: Iterable[Missed], now: float) -> tuple[Row, ...]:
    """A row for each log with matches, the one with the newest first; then what could not be searched."""
    held = sorted(found, key=lambda each: -(each.newest.at or 0.0) if each.newest is not None else 0.0)
    rows = [_row(each, now) for each in held if each.newest is not None]
    return (*rows, *(_missed(each) for each in missed))


def _row(each: InLog, now: float) -> Row:
    assert each.newest is not None
    at = each.newest.at
    return Row(
        each.source.name,
        (
            (clean(each.source.name), ""),
            ("counting" if each.lines is None else f"{each.lines:,}", "muted" if each.lines is None else "strong"),
            (moment(at, now) if at is not None else "", "muted"),
            (clean(shown_text(each.newest.text[:400])), ""),
        ),
    )


def _missed(each: Missed) -> Row:
    name = clean(each.source)
    cells = (("", ""), ("in part" if each.is_part else "not searched", "warn"), (clean(each.reason), "warn"))
    return Row(f"{MISSED}{name}", ((name, "warn"), *cells))


class HitsScreen(OverCluster):
    """The matches of every log."""

    DEFAULT_CSS = sheet(__file__)
    AUTO_FOCUS = "#hits"
    BINDINGS = bindings("log")

    @dataclass
    class Found(Message):
        """What a log holds."""

        found: InLog

    @dataclass
    class Began(Message):
        """So many logs are searched, and these could not be asked for."""

        logs: int
        missed: list[Missed]

    @dataclass
    class Ended(Message):
        """The search is over, or broke off with a reason."""

        reason: str = ""

    def __init__(self, calls: RowCalls, text: str) -> None:
        super().__init__(calls)
        self.table = RowTable(id="hits")
        self.rule = PaneRule(f"{text!r} in every log")
        self._text = text
        self._found: dict[str, InLog] = {}
        self._missed: list[Missed] = []
        self._logs = 0
        self._over = self._begun = False
        self._places = PlacesBar(calls.keys, "log")
        self._key_bar = KeyBar()

    def compose(self) -> ComposeResult:
        """Header, the way to other screens, the logs with matches, keys."""
        mine = HitsScreen
        yield VerdictBar(self.calls.names).data_bind(mine.picture, mine.observed_at, mine.now, mine.trouble)
        yield self._places.data_bind(mine.picture)
        yield self.said
        yield self.rule
        yield self.table
        yield self._key_bar

    def commands(self) -> Iterable[Command]:
        """What the palette offers on this screen."""
        for key in self.calls.keys:
            if key.id == "in-context":
                yield Command(key.tooltip, f"key {key.written}", self._action_in_context)

    def show_keys(self) -> None:
        """Show the keys that work here."""
        keys = {key.id: key for key in bar("log", self.calls.keys)}
        self._key_bar.show([keys["in-context"], keys["dismiss"].named("back"), keys["palette"], keys["help"]])

    @on(events.Mount)
    def _mounted(self) -> None:
        self.show_keys()
        self.rule.activate(True)
        self._begin()

    def _watch_session(self) -> None:
        if self.session is None:
            self.workers.cancel_node(self)
        self._begin()

    def _watch_picture(self) -> None:
        self._begin()

    def _begin(self) -> None:
        if self.is_mounted and not self._begun and self.session is not None and self.picture is not None:
            self._begun = True
            self._draw()
            self.run_worker(self._search(self.session, self.picture), group="search", exit_on_error=False)

    async def _search(self, session: Session, picture: Picture) -> None:
        zone = None if traits(self.calls.settings.platform).is_this_machine else UTC
        try:
            sources, missed = await session.logs.matching(picture.snapshot, [], everything=True)
            self.post_message(self.Began(len(sources), list(missed)))
            async with aclosing(everywhere(session.logs, sources, lenient_pattern(self._text), zone)) as found:
                async for each in found:
                    self.post_message(self.Found(each))
            self.post_message(self.Ended())
        except RaytuiError as error:
            self.post_message(self.Ended(error.message))
        except Exception as error:  # noqa: BLE001 - boundary: a search that breaks off must not end the console
            self.post_message(self.Ended(unforeseen(error)))

    @on(Began)
    def _search_began(self, message: Began) -> None:
        message.stop()
        self._logs, self._missed = message.logs, message.missed
        self._draw()

    @on(Found)
    def _log_found(self, message: Found) -> None:
        message.stop()
        found = message.found
        if found.missed:
            self._missed.append(Missed(found.source.name, found.missed, is_part=found.is_part))
        else:
            self._found[found.source.name] = found
        self._draw()

    @on(Ended)
    def _search_ended(self, message: Ended) -> None:
        message.stop()
        self._over = True
        if message.reason:
            self._missed.append(Missed("search", message.reason))
        self._draw()

    def _draw(self) -> None:
        rows = rows_of(self._found.values(), self._missed, self.now)
        self.table.show_rows(rows, COLUMNS)
        if self._found and not self._over and self.table.cursor.startswith(MISSED):
            self.table.put_cursor(rows[0].key)
        lines = sum(each.lines or 0 for each in self._found.values())
        more = "" if self._over else "+"
        words = f"{lines:,}{more} lines in {len(self._found)}{more} of {self._logs} logs"
        if self._missed:
            whole = " whole" if any(each.is_part for each in self._missed) else ""
            words += f" · {len(self._missed)} not searched{whole}"
        self.rule.tell(
            state=f"{words} · raytui logs --all -i --grep {shlex.quote(self._text)}",
            short_state=words,
            state_role="warn" if self._missed else "muted",
        )

    @on(RowTable.RowChosen)
    def _row_chosen(self, message: RowTable.RowChosen) -> None:
        message.stop()
        self._action_in_context()

    def _action_in_context(self) -> None:
        """Show the newest match of the log under the cursor in its context."""
        found = self._found.get(self.table.cursor)
        if found is not None and found.newest is not None:
            name = found.source.name
            self.calls.log(LogWish(name, find=self._text, offset=found.newest.offset), clean(name))

    def _action_dismiss(self) -> None:
        self.leave()
