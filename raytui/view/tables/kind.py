"""What one list is, once for both front ends: where its rows come from, and what each column holds, reads like and sorts by.

From a `TableKind` come the verb of the command line (text, JSON, `--filter`, `--sort`, `--columns`, `--limit`, `--watch`) and the console's
screen of that kind. A front end adds only how cells are put on its medium.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.questions import Question
from raytui.view.filters import Cell, Matcher, Value, parse
from raytui.view.picture import Picture
from raytui.view.words import Marked, Role

T = TypeVar("T")
Document = Mapping[str, object]
"""A row as JSON, before it is encoded."""


def as_written(value: Value) -> str:
    """A value that needs no format of its own; what was not observed is empty."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column of a list."""

    id: str
    """Stable name: `--columns`, `--sort` and `--filter` use it."""
    value: Callable[[T, Picture], Value]
    """What the row holds there, typed; none when it was not observed."""
    text: Callable[[Value], str] = as_written
    """How a value reads."""
    role: Callable[[str], Role] = lambda _: ""
    title: str = ""
    """Head of the column; the id in capitals when left out."""
    width: int = 8
    """Cells it needs on a screen."""
    wide: int = 0
    """Cells it takes there when there is room; 0: the same."""
    right: bool = False
    """Whether it is aligned to the right, as numbers are."""
    rank: int = 0
    """On a screen without room for all, columns of a higher rank give way first."""
    is_span: bool = False
    """Whether the value is a span of time in seconds."""

    @property
    def head(self) -> str:
        """The title as shown."""
        return self.title or self.id.upper()

    def cell(self, row: T, picture: Picture) -> Cell:
        """The row's value here, and how it reads."""
        value = self.value(row, picture)
        return Cell(value, self.text(value), self.is_span)


@dataclass(frozen=True)
class TableKind(Generic[T]):
    """One list."""

    name: str
    """The verb, and what follows `:` in the console."""
    title: str
    needs: frozenset[Question]
    """The questions of the dashboard whose answers the rows and cells come from."""
    rows: Callable[[Picture], Sequence[T]]
    key: Callable[[T], str]
    """Identity of a row from one picture to the next."""
    columns: tuple[Column[T], ...]
    document: Callable[[T, Picture], Document]
    """The row as JSON, whole."""
    total: Callable[[Picture], int | None] = lambda _: None
    """How many there are in all where the answer was cut; none when the rows are all."""
    note: Callable[[T, Picture], Marked | None] = lambda _row, _picture: None
    """A sentence that stands in place of figures a row does not have: why, and since when."""
    empty: str = ""
    """What an empty list teaches, as one sentence."""

    def column(self, name: str, field: str) -> Column[T]:
        """The column of this id, whatever the case. Raises `ConfigurationError` on the option `field` for one that does not exist."""
        found = next((column for column in self.columns if column.id == name.lower()), None)
        if found is None:
            have = ", ".join(column.id for column in self.columns)
            raise ConfigurationError.from_problems([Problem(field, f"{self.name} has no column {name}", f"it has: {have}")])
        return found

    def chosen(self, names: str) -> tuple[Column[T], ...]:
        """The columns that `--columns a,b` names, in that order; all of them when it names none."""
        words = [word.strip() for word in names.split(",") if word.strip()]
        return tuple(self.column(word, "columns") for word in words) if words else self.columns

    def select(self, picture: Picture, *, filter: str = "", sort: str = "", pattern: Callable[[str], Matcher]) -> list[T]:  # noqa: A002 - the option's name
        """The rows that the filter lets through, in the order asked for: by a column, `-column` for the largest first.

        Rows without a value stand last either way, and equal ones keep their order. Raises `ConfigurationError` for a filter or column
        that is none.
        """
        rows = list(self.rows(picture))
        if filter:
            test = parse(filter, [column.id for column in self.columns], pattern)
            rows = [row for row in rows if test([column.cell(row, picture) for column in self.columns])]
        if sort:
            rows = self.sorted(rows, picture, self.column(sort.removeprefix("-"), "sort"), descending=sort.startswith("-"))
        return rows

    def sorted(self, rows: Sequence[T], picture: Picture, by: Column[T], *, descending: bool = False) -> list[T]:
        """The rows by one column's values."""
        held = [(by.value(row, picture), row) for row in rows]
        with_value = [pair for pair in held if pair[0] is not None]
        without = [row for value, row in held if value is None]
        return [row for _, row in sorted(with_value, key=lambda pair: _order(pair[0]), reverse=descending)] + without


def _order(value: Value) -> tuple[int, float, str]:
    """Numbers before words, words whatever their case."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value).casefold())
