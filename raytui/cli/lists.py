"""The lists: each table of the product as a verb, made from the same definition as the console's screen of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from raytui.cli.invocation import Invocation, whole_number
from raytui.cli.listed import answer, document, journal_of, nothing, select, tell_missing, text
from raytui.cli.observation import observe_once
from raytui.cli.verb import Verb, pass_invocation, verb
from raytui.core.errors import ConfigurationError, Problem, RaytuiError
from raytui.core.observed.snapshot import Reading, Snapshot
from raytui.core.patterns import compile_pattern
from raytui.core.presence import require_cluster
from raytui.view.picture import Picture, picture_of
from raytui.view.tables.kind import Query, TableKind
from raytui.view.tables.registry import every_table

if TYPE_CHECKING:
    from raytui.config.settings import Settings

T = TypeVar("T")


def list_verb(kind: TableKind[T]) -> Verb:
    """The verb of a list."""

    @pass_invocation
    def show(
        invocation: Invocation, /, *, where: str, sort: str, columns: str, limit: str | None, watch: bool = False
    ) -> int:
        if watch:
            invocation.output.begin_stream()
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
            help="Show rows for which all of this holds: WORD, COLUMN=VALUE, !=, ~ (holds), <, <=, >, >=, "
            "re:PATTERN, !TERM.",
        ),
        click.option("--sort", metavar="[-]COLUMN", default="", help="Sort by a column; with - the largest first."),
        click.option(
            "--columns",
            metavar="A,B",
            default="",
            help=f"Show these columns: {usual}; those in brackets only when named.",
        ),
        click.option("--limit", metavar="N", help=f"Show at most N rows{', the newest' if kind.newest_last else ''}."),
    )
    if not kind.of_workbench and not kind.of_profiles:
        options += (click.option("--watch", is_flag=True, help="Show it again whenever it changes, until Ctrl-C."),)
    for option in reversed(options):
        show = option(show)
    examples = "\n".join(f"raytui {kind.name} {words}".rstrip() for words in ("", *kind.examples))
    return verb(kind.name, about=kind.about, short_help=kind.summary, examples=examples)(show)


def asked(kind: TableKind[T], *, where: str, sort: str, columns: str, limit: str | None) -> tuple[Query[T], int]:
    """What was asked for, before anything is asked of the cluster.

    Raises `ConfigurationError` with all that is wrong with it.
    """
    problems: list[Problem] = []
    most, query = 0, Query(kind)
    try:
        most = whole_number("limit", limit, 0, low=1)
    except ConfigurationError as error:
        problems += error.problems
    try:
        query = kind.query(
            where=where, sort=sort, columns=columns, pattern=lambda text: compile_pattern(text, "filter").search
        )
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        raise ConfigurationError.from_problems(problems, f"raytui {kind.name}")
    return query, most


def look(invocation: Invocation, query: Query[T], most: int) -> int:
    """Look once and print the list."""
    kind, settings = query.kind, invocation.settings()
    if kind.of_workbench:
        from raytui.bootstrap import catalog

        offered = catalog(settings, kind.of_workbench)
        picture = msgspec.structs.replace(_unseen(settings, settings.host.partition("://")[2]), catalog=offered)
        return _show(invocation, query, picture, answer(picture, kind), most)
    if kind.of_profiles:
        from raytui.cli.clusters import probed

        picture = msgspec.structs.replace(_unseen(settings, settings.cluster.name), clusters=probed(settings))
        return _show(invocation, query, picture, answer(picture, kind), most)
    journal = journal_of(settings) if kind.with_journal else ()
    try:
        snapshot = _observe(invocation, settings, kind)
        picture = msgspec.structs.replace(picture_of(snapshot), events=journal)
        reading = answer(picture, kind)
    except RaytuiError as error:
        if not journal:
            raise
        invocation.diagnostics.warning(f"only what raytui did is listed: {error.message}")
        picture, reading = msgspec.structs.replace(_unseen(settings, settings.cluster.name), events=journal), Reading()
    return _show(invocation, query, picture, reading, most)


def _show(
    invocation: Invocation, query: Query[T], picture: Picture, reading: Reading[Sequence[object]], most: int
) -> int:
    """Print what a picture holds of the list."""
    shown = select(query, picture, reading, most)
    output = invocation.output
    if output.json:
        output.document(document(query, picture, reading, shown))
    elif shown.lines:
        output.lines(text(query, shown, output))
    else:
        invocation.diagnostics.lines([nothing(query, picture, shown)])
    tell_missing(invocation, query, reading, shown)
    return 0


def _unseen(settings: Settings, name: str) -> Picture:
    """A picture of nothing that was seen, for rows that come from elsewhere."""
    return picture_of(Snapshot(name, settings.profile_name, settings.platform, time.time(), Reading()))


def _observe(invocation: Invocation, settings: Settings, kind: TableKind[T]) -> Snapshot:
    """One look that asks what a list needs; raises what `require_cluster` raises."""
    snapshot = observe_once(invocation.session(settings), kind.needs)
    require_cluster(snapshot, must_exist=not kind.of_platform)
    return snapshot


def __getattr__(name: str) -> Verb:
    """The verb of each list under its own name, as the root of the command line looks for it."""
    kind = every_table().get(name)
    if kind is not None:
        return list_verb(kind)
    raise AttributeError(name)
