"""The lists: each table of the product as a verb, made from the same definition as the console's screen of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from raytui.cli.evidence import require_cluster
from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.table import Head, table
from raytui.cli.verb import Verb, pass_invocation, verb
from raytui.core.errors import ConfigurationError, NotFound, Problem, RaytuiError, Unreachable
from raytui.core.events import Event
from raytui.core.patterns import compile_pattern
from raytui.core.report import list_document
from raytui.core.snapshot import Reading, Snapshot
from raytui.view.picture import Picture, picture_of
from raytui.view.tables.kind import Line, Query, TableKind

if TYPE_CHECKING:
    from raytui.cli.paint import Paint
    from raytui.config.settings import Settings

Kind = TableKind[Any]
"""A list of any kind of rows, which a verb only hands on. Any: so do `Query` and `Line` of it here."""


class Shown(NamedTuple):
    """What of a list is shown, and what is known of the rest."""

    lines: list[Line[Any]]
    matching: int
    """Rows that the filter let through, of those that were read."""
    read: int
    """Rows that were read."""
    total: int | None
    """How many there are in all that the filter lets through; none where it could look at a part of the list only."""
    listed: int
    """How many there are in all, whatever the filter."""


def list_verb(kind: Kind) -> Verb:
    """The verb of a list."""

    @pass_invocation
    def show(invocation: Invocation, /, *, where: str, sort: str, columns: str, limit: str | None, watch: bool) -> int:
        query, most = asked(kind, where=where, sort=sort, columns=columns, limit=limit)
        if watch:
            from raytui.cli.following import follow

            return follow(invocation, query, most)
        return look(invocation, query, most)

    usual = ", ".join(column.id if not column.on_request else f"({column.id})" for column in kind.columns)
    options: tuple[Callable[[Callable[..., int]], Callable[..., int]], ...] = (
        click.option(
            "--filter",
            "where",
            metavar="EXPR",
            default="",
            help="Show rows for which all of this holds: WORD, COLUMN=VALUE, !=, ~ (holds), <, <=, >, >=, re:PATTERN, !TERM.",
        ),
        click.option("--sort", metavar="[-]COLUMN", default="", help="Sort by a column; with - the largest first."),
        click.option("--columns", metavar="A,B", default="", help=f"Show these columns: {usual}; those in brackets only when named."),
        click.option("--limit", metavar="N", help=f"Show at most N rows{', the newest' if kind.newest_last else ''}."),
        click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C."),
    )
    for option in reversed(options):
        show = option(show)
    examples = "\n".join(f"raytui {kind.name} {words}".rstrip() for words in ("", *kind.examples))
    return verb(kind.name, help=kind.about, short_help=kind.summary, examples=examples)(show)


def asked(kind: Kind, *, where: str, sort: str, columns: str, limit: str | None) -> tuple[Query[Any], int]:
    """What was asked for, before anything is asked of the cluster; raises `ConfigurationError` with all that is wrong with it."""
    problems: list[Problem] = []
    most, query = 0, Query(kind)
    try:
        most = whole_number("limit", limit, 0, low=1)
    except ConfigurationError as error:
        problems += error.problems
    try:
        query = kind.query(where=where, sort=sort, columns=columns, pattern=lambda text: compile_pattern(text, "filter").search)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError.from_problems(problems, f"raytui {kind.name}")
    return query, most


def look(invocation: Invocation, query: Query[Any], most: int) -> int:
    """Look once and print the list."""
    kind, settings = query.kind, invocation.settings()
    journal = journal_of(settings) if kind.with_journal else ()
    try:
        snapshot = _observe(invocation, settings, kind)
        picture = msgspec.structs.replace(picture_of(snapshot), events=journal)
        reading = answer(picture, kind)
    except RaytuiError as error:
        if not journal:
            raise
        invocation.diagnostics.warning(f"only what raytui did is listed: {error.message}")
        unseen = Snapshot(settings.cluster.name, settings.profile_name, settings.platform, time.time(), Reading())
        picture, reading = msgspec.structs.replace(picture_of(unseen), events=journal), Reading()
    shown = select(query, picture, reading, most)
    output = invocation.output
    if output.json:
        output.document(document(query, picture, reading, shown))
    elif shown.lines:
        output.lines(text(query, shown, output.paint))
    else:
        invocation.diagnostics.lines([nothing(query, picture, shown)])
    tell_missing(invocation, query, reading, shown)
    return 0


def _observe(invocation: Invocation, settings: Settings, kind: Kind) -> Snapshot:
    """One look that asks what a list needs; raises what `require_cluster` raises."""
    session = invocation.session(settings)

    async def once() -> Snapshot:
        async with session:
            return await session.monitor.observe(kind.needs)

    snapshot = asyncio.run(once())
    require_cluster(snapshot)
    return snapshot


def journal_of(settings: Settings) -> tuple[Event, ...]:
    """What raytui itself did to the cluster."""
    from raytui.manager.journal import Journal

    return tuple(Journal(settings.state_dir).read(settings.cluster.name))


def answer(picture: Picture, kind: Kind) -> Reading[Any]:
    """What was answered of a list; raises `Unreachable` with the first broken link when nothing was."""
    reading = kind.reading(picture)
    if reading.value is not None:
        return reading
    broken = picture.assessment.broken or reading.failure or picture.snapshot.dashboard
    if broken is None:
        raise NotFound(f"{picture.snapshot.cluster} has not answered yet", hint="raytui status says how far it is")
    raise Unreachable(broken)


def select(query: Query[Any], picture: Picture, reading: Reading[Any], most: int) -> Shown:
    """What is shown of a list: `most` keeps the first ones, 0 all."""
    found = query.select(picture)
    read = len(query.kind.rows(picture)) if query.test is not None else len(found)
    beyond = max(0, (reading.total or 0) - len(reading.value or ()))
    lines = found[: most or None]
    if most and query.kind.newest_last and query.by is None:
        lines = found[-most:]
    return Shown(lines, len(found), read, None if beyond and query.test is not None else len(found) + beyond, read + beyond)


def document(query: Query[Any], picture: Picture, reading: Reading[Any], shown: Shown) -> dict[str, Any]:
    """The list as the contract's document."""
    items = [query.document(line, picture) for line in shown.lines]
    # A reading without a total is one whose rows were not counted.
    unreadable = reading.unreadable if reading.total is not None else None
    made = list_document(items, shown.matching if shown.total is None else shown.total, unreadable)
    return made if shown.total is not None else {**made, "total": None, "truncated": True}


def text(query: Query[Any], shown: Shown, paint: Paint) -> list[str]:
    """The list as aligned lines under their heads."""
    places = [query.kind.place(column) for column in query.columns]
    heads = [Head(column.head, column.right) for column in query.columns]
    return table(heads, [[line[place] for place in places] for line in shown.lines], paint)


def nothing(query: Query[Any], picture: Picture, shown: Shown) -> str:
    """That there is nothing to show, and why."""
    if query.test is not None and shown.read:
        return f"none of the {shown.read:,} {query.kind.noun} of {picture.snapshot.cluster} passes the filter"
    return f"none in {picture.snapshot.cluster}"


def tell_missing(invocation: Invocation, query: Query[Any], reading: Reading[Any], shown: Shown) -> None:
    """Say on stderr which rows are not shown, and why: for people what was cut, for everybody what could not be read."""
    tell, noun = invocation.diagnostics.warning, query.kind.noun
    count = len(shown.lines)
    if shown.total is None:
        tell(f"the filter looked at {shown.read:,} of {shown.listed:,} {noun}; Ray tells no more at once")
    if count < (shown.matching if shown.total is None else shown.total) and not invocation.output.json:
        total = shown.matching if shown.total is None else shown.total
        whole = "all" if shown.matching == total else f"{shown.matching:,}"
        more = f"; --limit {shown.matching} shows {whole}" if count < shown.matching else ""
        limit = "; Ray tells no more at once" if total > shown.matching + reading.unreadable and not more else ""
        tell(f"{count:,} of {total:,} shown{more}{limit}")
    if reading.unreadable:
        rows = f"{reading.unreadable:,} {'row' if reading.unreadable == 1 else 'rows'}"
        tell(f"{rows} of Ray's {noun} could not be read and what they say is missing: {reading.first_unreadable}")


def __getattr__(name: str) -> Verb:
    """The verb of each list under its own name, as the root of the command line looks for it."""
    from raytui.view.tables.registry import TABLES

    if name in TABLES:
        return list_verb(TABLES[name])
    raise AttributeError(name)
