"""What stands around the rows of a list: how many there are, the command that prints them, sentences in their place.

One row's fields.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import set_cell_size

from raytui.core.errors import ConfigurationError, Failure
from raytui.core.patterns import lenient_pattern
from raytui.core.remedy import Hint
from raytui.core.units import duration
from raytui.tui.render.attention import with_keys
from raytui.tui.render.text import Line, cells, clean, moment, wrap
from raytui.view.filters import parse
from raytui.view.picture import Picture
from raytui.view.tables.kind import TableKind

Kind = TableKind[Any]
"""A list whose rows are of whatever type. Any: the registry holds kinds of every type, none is looked into here."""


_MANY_S = 60
"""Seconds from which their number alone says little."""


class Wish(NamedTuple):
    """What the operator wants to see of a list."""

    filter: str = ""
    order: str = ""
    """Id of the column to order by; empty for the list's own order."""
    descending: bool = False


class Counts(NamedTuple):
    """How many rows there are of each sort."""

    shown: int
    read: int
    """Before the filter."""
    listed: int
    """In all, those that Ray did not send included."""
    unreadable: int = 0


def title(kind: Kind, wish: Wish, counts: Counts | None, *, marked: int = 0, of: str = "") -> str:
    """`Actors of job train-7 · 12 of 53,572 · filter dead · by RESTARTS ▾`.

    `of` is what the rows belong to where one came from there, and `marked` how many of them are marked.
    """
    parts = [f"{kind.title} of {clean(of)}" if of else kind.title]
    if counts is not None:
        parts.append(_how_many(wish, counts))
        if counts.unreadable:
            parts.append(f"{counts.unreadable:,} not readable")
    if marked:
        parts.append(f"{marked:,} marked")
    if wish.filter:
        parts.append(f"filter {wish.filter}")
    if wish.order:
        parts.append(f"by {kind.columns[kind.place_of(wish.order)].head} {'▾' if wish.descending else '▴'}")
    elif kind.newest_last:
        parts.append("newest first" if wish.descending else "oldest first")
    elif wish.descending:
        parts.append("reversed")
    return " · ".join(part for part in parts if part)


def _how_many(wish: Wish, counts: Counts) -> str:
    beyond = counts.listed > counts.read
    if wish.filter:
        looked = f"the first {counts.read:,} of {counts.listed:,}" if beyond else f"{counts.read:,}"
        return f"{counts.shown:,} of {looked}"
    return f"{counts.shown:,} of {counts.listed:,} shown" if beyond else f"{counts.shown:,}"


def command(kind: Kind, wish: Wish) -> str:
    """The verb that prints the same."""
    words = ["raytui", kind.name]
    if wish.filter:
        words += ["--filter", shlex.quote(wish.filter)]
    if wish.order:
        words += ["--sort", f"{'-' if wish.descending else ''}{wish.order}"]
    return " ".join(words)


def filter_problem(kind: Kind, text: str) -> str:
    """Why what is typed is no filter, so that it is looked for as it stands; empty when it is one."""
    if not text.strip():
        return ""
    try:
        parse(text, [column.id for column in kind.columns], lambda pattern: lenient_pattern(pattern).search)
    except ConfigurationError as error:
        problem = error.problems[0]
        return f"{problem.message} ({problem.hint}); the words are looked for as they stand"
    return ""


def failure_of(kind: Kind, picture: Picture) -> Failure | None:
    """Why the rows of a list could not be read this time; none when they were, or when nobody was asked yet."""
    reading = kind.reading(picture)
    if reading is picture.known.applications:
        return picture.snapshot.applications.failure
    if reading.value is not None:
        return None
    if kind.of_platform:
        # What is broken between here and Ray is no reason.
        return reading.failure or picture.snapshot.applications.failure
    return (
        reading.failure
        or picture.snapshot.applications.failure
        or picture.assessment.broken
        or picture.snapshot.dashboard
    )


def message_lines(
    kind: Kind,
    picture: Picture | None,
    wish: Wish,
    counts: Counts | None,
    width: int,
    *,
    trouble: str = "",
    read_at: float = 0.0,
    verbs: Mapping[str, str],
) -> tuple[Line, ...]:
    """The sentences above the rows, or in their place: whole, whatever the width.

    `read_at` is when the rows were read.
    """
    said: list[tuple[str, str]] = []
    if picture is None:
        said.append((trouble or "looking for the cluster", "error" if trouble else "muted"))
        return _lines(said, width)
    failure = failure_of(kind, picture)
    if failure is not None:
        when = (
            f"; these are the rows of {moment(read_at, picture.snapshot.observed_at)}"
            if counts is not None and read_at
            else ""
        )
        said.append((f"{kind.noun} cannot be read now: {failure.message}{when}", "error"))
        said.append((_hint(failure.hint, verbs), "muted"))
    elif counts is None:
        said.append((f"asking for {kind.noun}", "muted"))
    if counts is not None:
        problem = filter_problem(kind, wish.filter)
        if problem:
            said.append((problem, "warn"))
        if not counts.read and failure is None:
            said.append((_hint(kind.empty, verbs) or f"there are no {kind.noun}", "muted"))
        elif not counts.shown and counts.read:
            said.append((f"none of the {counts.read:,} {kind.noun} passes the filter", "muted"))
    return _lines(said, width)


def _hint(hint: Hint, verbs: Mapping[str, str]) -> str:
    return with_keys(hint, verbs)


def _lines(said: Sequence[tuple[str, str]], width: int) -> tuple[Line, ...]:
    return tuple((("   ", ""), (line, role)) for text, role in said for line in wrap(text, width - 4, limit=1_000))


def detail_lines(document: Mapping[str, object], width: int, *, muted: bool = False) -> tuple[Line, ...]:
    """A row's document, one field a line, long values on as many as they need; what was not observed says so."""
    fields = list(_flat(document))
    room = min(32, max((len(name) for name, _ in fields), default=0))
    lines: list[Line] = []
    for name, value in fields:
        texts = [
            line
            for part in _value(name, value).splitlines() or [""]
            for line in wrap(part, width - room - 6, limit=1_000) or [""]
        ]
        role = "muted" if muted or value is None or value == "" else ""
        for n, text in enumerate(texts):
            lines.append(((f"   {clean(name) if n == 0 else '':<{room}}  ", "muted"), (text, role)))
    return tuple(lines)


def raw_lines(document: Mapping[str, object], width: int = 0, *, muted: bool = False) -> tuple[Line, ...]:
    """A row's document as `-o json` prints it, a line broken where it does not fit `width`; 0 breaks none."""
    lines: list[Line] = []
    role = "muted" if muted else ""
    for given in json.dumps(document, indent=2, ensure_ascii=False).splitlines():
        line = "".join(sign if sign.isprintable() else json.dumps(sign)[1:-1] for sign in given)
        while width > 20 and cells(line) > width - 4:
            head = set_cell_size(line, width - 4).rstrip() or line[:1]
            lines.append((("   ", ""), (head, role)))
            line = line[len(head) :]
        lines.append((("   ", ""), (line, role)))
    return tuple(lines)


def _flat(document: Mapping[str, object], lead: str = "") -> list[tuple[str, object]]:
    """Fields with those of the tables inside them, dots between levels."""
    found: list[tuple[str, object]] = []
    for name, value in document.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{lead}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            found += [pair for n, item in enumerate(value) for pair in _flat(item, f"{lead}{name}.{n}.")]
        else:
            found.append((f"{lead}{name}", value))
    return found


def _value(name: str, value: object) -> str:
    """A value as people read it; many seconds as a span too."""
    text = _text(value)
    if name.endswith("_s") and isinstance(value, int | float) and value >= _MANY_S:
        return f"{text} ({duration(value)})"
    return text


def _text(value: object) -> str:
    if value is None:
        return "not known"
    if value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, dict):
        return "none"
    return str(value)
