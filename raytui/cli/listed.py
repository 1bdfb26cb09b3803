"""What is printed of a list, read once or watched: its lines, its document, and which rows are missing."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from raytui.cli.invocation import Invocation
from raytui.cli.table import Head, table
from raytui.core.errors import NotFound, Unreachable
from raytui.core.events import Event
from raytui.core.observed.snapshot import Reading
from raytui.core.remedy import as_commands
from raytui.core.report import Document, list_document
from raytui.manager.journal import Journal
from raytui.view.picture import Picture
from raytui.view.tables.kind import Line, Query, TableKind

if TYPE_CHECKING:
    from raytui.cli.output import Output
    from raytui.config.settings import Settings

T = TypeVar("T")


class Shown(NamedTuple, Generic[T]):
    """What of a list is shown, and what is known of the rest."""

    lines: list[Line[T]]
    matching: int
    """Rows that the filter let through, of those that were read."""
    read: int
    """Rows that were read."""
    total: int | None
    """How many there are in all that the filter lets through; none where it could look at a part of the list only."""
    listed: int
    """How many there are in all, whatever the filter."""


def journal_of(settings: Settings) -> tuple[Event, ...]:
    """What raytui itself did to the cluster."""
    return tuple(Journal(settings.state_dir).read(settings.cluster.name))


def answer(picture: Picture, kind: TableKind[T]) -> Reading[Sequence[object]]:
    """What was answered of a list; raises `Unreachable` with the first broken link when nothing was."""
    reading = kind.reading(picture)
    if reading.value is not None:
        return reading
    broken = picture.assessment.broken or reading.failure or picture.snapshot.dashboard
    if kind.of_platform:
        # What is broken between here and Ray is no reason.
        broken = reading.failure
    if broken is None:
        raise NotFound(f"{picture.snapshot.cluster} has not answered yet", hint="raytui status says how far it is")
    raise Unreachable(broken)


def select(query: Query[T], picture: Picture, reading: Reading[Sequence[object]], most: int) -> Shown[T]:
    """What is shown of a list: `most` keeps the first ones, 0 all."""
    found = query.select(picture)
    read = len(query.kind.rows(picture)) if query.test is not None else len(found)
    beyond = max(0, (reading.total or 0) - len(reading.value or ()))
    lines = found[: most or None]
    if most and query.kind.newest_last and query.by is None:
        lines = found[-most:]
    return Shown(
        lines, len(found), read, None if beyond and query.test is not None else len(found) + beyond, read + beyond
    )


def document(query: Query[T], picture: Picture, reading: Reading[Sequence[object]], shown: Shown[T]) -> Document:
    """The list as the contract's document."""
    items = [query.document(line, picture) for line in shown.lines]
    # A reading without a total is one whose rows were not counted.
    unreadable = reading.unreadable if reading.total is not None else None
    made = list_document(items, shown.matching if shown.total is None else shown.total, unreadable)
    return made if shown.total is not None else {**made, "total": None, "truncated": True}


def text(query: Query[T], shown: Shown[T], output: Output) -> list[str]:
    """The list as aligned lines under their heads.

    A terminal gets no line that is wider than it, as far as texts can be cut.
    """
    columns = query.columns_of(shown.lines[0].picture if shown.lines else None)
    places = [query.kind.place(column) for column in columns]
    heads = [Head(column.head, column.right, column.width if column.wide else 0) for column in columns]
    room = shutil.get_terminal_size().columns if output.is_terminal else None
    return table(heads, [[line[place] for place in places] for line in shown.lines], output.paint, room)


def nothing(query: Query[T], picture: Picture, shown: Shown[T]) -> str:
    """That there is nothing to show, and why."""
    if query.test is not None and shown.read:
        return f"none of the {shown.read:,} {query.kind.noun} of {picture.snapshot.cluster} passes the filter"
    if query.kind.of_platform and query.kind.empty:
        return as_commands(query.kind.empty)
    return f"none in {picture.snapshot.cluster}"


def tell_missing(invocation: Invocation, query: Query[T], reading: Reading[Sequence[object]], shown: Shown[T]) -> None:
    """Say on stderr which rows are not shown, and why.

    Text says what was cut; text and JSON say what could not be read.
    """
    tell, noun = invocation.diagnostics.warning, query.kind.noun
    teller = "the platform" if query.kind.of_platform else "Ray"
    count = len(shown.lines)
    if shown.total is None:
        tell(f"the filter looked at {shown.read:,} of {shown.listed:,} {noun}; {teller} tells no more at once")
    if count < (shown.matching if shown.total is None else shown.total) and not invocation.output.json:
        total = shown.matching if shown.total is None else shown.total
        whole = "all" if shown.matching == total else f"{shown.matching:,}"
        more = f"; --limit {shown.matching} shows {whole}" if count < shown.matching else ""
        limit = f"; {teller} tells no more at once" if total > shown.matching + reading.unreadable and not more else ""
        tell(f"{count:,} of {total:,} shown{more}{limit}")
    if reading.unreadable:
        rows = f"{reading.unreadable:,} {'row' if reading.unreadable == 1 else 'rows'}"
        tell(f"{rows} of Ray's {noun} could not be read and what they say is missing: {reading.first_unreadable}")
