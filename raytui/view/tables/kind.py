"""What one list is, once for both front ends: its rows, and what each column holds, reads like and sorts by.

From a `TableKind` come the verb of the command line (text, JSON, `--filter`, `--sort`, `--columns`, `--limit`,
`--watch`) and the console's screen of that kind. A front end adds only how cells are put on its medium.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Literal, NamedTuple, TypeVar, overload

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.core.observed.snapshot import Reading
from raytui.core.questions import Question
from raytui.core.remedy import Hint
from raytui.core.report import Document
from raytui.view.filters import Cell, Matcher, Test, Value, parse
from raytui.view.picture import Picture
from raytui.view.words import Role, state_role

T = TypeVar("T")


def as_written(value: Value) -> str:
    """A value that needs no format of its own; what was not observed is empty."""
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)


def by_state(_row: object, _picture: Picture, text: str) -> Role:
    """For columns that hold the word of a state: its role is the same everywhere."""
    return state_role(text)


def muted(_row: object, _picture: Picture, _text: str) -> Role:
    """For columns that are there to be looked up."""
    return "muted"


class Note(NamedTuple):
    """A sentence in place of the figures that a row does not have."""

    text: str
    role: Role
    since: float = 0.0
    """Since when it is so, in seconds since 1970; 0 when unknown."""


class Column(msgspec.Struct, Generic[T], frozen=True):
    """One column of a list."""

    id: str
    """Stable name: `--columns`, `--sort` and `--filter` use it."""
    value: Callable[[T, Picture], Value]
    """What the row holds there, typed; none when it was not observed."""
    text: Callable[[Value], str] = as_written
    """How a value reads."""
    written: Callable[[T, Picture], str] | None = None
    """How the cell reads where that takes more of the row than the value."""
    on_screen: Callable[[T, Picture], str] | None = None
    """How the cell reads on a screen, where that is shorter; filters look at the whole text there, too."""
    role: Callable[[T, Picture, str], Role] | None = None
    """What the row's text means here; plain when left out."""
    fields: tuple[str, ...] = ()
    """The fields of the row's document that hold what the column shows; the id when left out."""
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
    """Whether the value is a span of time in seconds, which grows by itself."""
    on_request: bool = False
    """Whether it is shown only where somebody names it."""
    usual_if: Callable[[Picture], bool] | None = None
    """When a column that is shown on request is shown to everybody all the same."""
    is_lasting: bool = False
    """Whether the cell says something of the application alone, so that it stays whatever becomes of its node."""
    trend: Callable[[T, Picture], Sequence[float]] | None = None
    """Earlier values, oldest first, for a medium that can draw them."""

    @property
    def head(self) -> str:
        """The title as shown."""
        return self.title or self.id.upper()

    @property
    def document_fields(self) -> tuple[str, ...]:
        """The fields of a row's document that this column selects."""
        return self.fields or (self.id,)

    def cell(self, row: T, picture: Picture) -> Cell:
        """The row's value here, how it reads, and what that means."""
        value = self.value(row, picture)
        text = self.text(value) if self.written is None else self.written(row, picture)
        return Cell(value, text, self.is_span, self.role(row, picture, text) if self.role is not None and text else "")

    def without_role(self, row: T, picture: Picture) -> Cell:
        """The same for a filter, which asks for no role: it reads every row."""
        value = self.value(row, picture)
        return Cell(value, self.text(value) if self.written is None else self.written(row, picture), self.is_span)


class Line(Sequence[Cell], Generic[T]):
    """One row with its cells, each made when it is first looked at and then kept."""

    __slots__ = ("_cells", "_columns", "picture", "row")

    def __init__(self, row: T, columns: tuple[Column[T], ...], picture: Picture) -> None:
        self.row = row
        self._columns = columns
        self.picture = picture
        self._cells: list[Cell | None] = [None] * len(columns)

    def __len__(self) -> int:
        return len(self._columns)

    @overload
    def __getitem__(self, place: int) -> Cell: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Cell]: ...
    def __getitem__(self, place: int | slice) -> Cell | Sequence[Cell]:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        cell = self._cells[place]
        if cell is None:
            cell = self._cells[place] = self._columns[place].cell(self.row, self.picture)
        return cell


class TableKind(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One list."""

    name: str
    """The verb, and what follows `:` in the console."""
    title: str
    noun: str
    """What the rows are, inside a sentence: `nodes`."""
    summary: str
    """What the verb does, in a few words that end with a full stop."""
    about: str
    """What the list holds, for the verb's help."""
    examples: tuple[str, ...] = ()
    """Options of the verb that somebody would use, such as `--sort -cpu`."""
    needs: frozenset[Question] = frozenset()
    """The questions of the dashboard whose answers the rows and cells come from."""
    reading: Callable[[Picture], Reading[Sequence[object]]]
    """The answer that the rows come from: it says why there are none and how many there are beyond them."""
    rows: Callable[[Picture], Sequence[T]]
    key: Callable[[T], str]
    """Identity of a row from one picture to the next."""
    columns: tuple[Column[T], ...]
    document: Callable[[T, Picture], Document]
    """The row as JSON, whole."""
    note: Callable[[T, Picture], Note | None] = lambda _row, _picture: None
    """A sentence that stands in place of figures a row does not have: why, and since when."""
    of_workbench: Literal["", "projects", "runtimes"] = ""
    """What is asked of the workbench, where the rows are of no cluster; such a list needs a key and no project."""
    of_profiles: bool = False
    """Whether the rows are clusters, of every profile: `enter` goes to one, and no cluster alone can be asked."""
    newest_last: bool = False
    """Whether the rows are in the order of time, so that of too many the last ones are kept."""
    with_journal: bool = False
    """Whether what raytui itself wrote down about the cluster is part of it, too."""
    of_platform: bool = False
    """Whether the rows are the platform's, there also while the cluster does not exist."""
    empty: Hint = ""
    """What an empty list teaches."""
    singular: str = ""
    """What one row is, inside a sentence: `node`."""
    leads_to: tuple[str, ...] = ()
    """Names of the lists that hold what belongs to a row; `view.related` says which of their rows."""
    has_logs: bool = False
    """Whether there is a log that tells of a row."""

    def column(self, name: str, field: str) -> Column[T]:
        """The column of this id, whatever the case.

        Raises `ConfigurationError` on the option `field` when there is none.
        """
        found = next((column for column in self.columns if column.id == name.lower()), None)
        if found is None:
            have = ", ".join(column.id for column in self.columns)
            problem = Problem(field, f"{self.name} has no column {name[:40]}", f"it has: {have}")
            raise ConfigurationError.from_problems([problem])
        return found

    def place(self, column: Column[T]) -> int:
        """Where a column stands among all of them, and so its cell in a line."""
        return self.columns.index(column)

    def place_of(self, name: str) -> int:
        """Where the column of this id stands."""
        return next(n for n, column in enumerate(self.columns) if column.id == name)

    @property
    def usual(self) -> tuple[Column[T], ...]:
        """The columns that are shown to somebody who names none."""
        return tuple(column for column in self.columns if not column.on_request)

    def shown(self, picture: Picture | None) -> tuple[Column[T], ...]:
        """The columns that somebody who names none is shown of a picture."""
        return tuple(
            column
            for column in self.columns
            if not column.on_request
            or (picture is not None and column.usual_if is not None and column.usual_if(picture))
        )

    def chosen(self, names: str) -> tuple[Column[T], ...]:
        """The columns that `--columns a,b` names, in that order; the usual ones when it names none."""
        words = [word.strip() for word in names.split(",") if word.strip()]
        return tuple(self.column(word, "columns") for word in dict.fromkeys(words)) if words else self.usual

    def lines(self, picture: Picture) -> list[Line[T]]:
        """All rows with their cells, in the order of the list."""
        return [Line(row, self.columns, picture) for row in self.rows(picture)]

    def query(
        self,
        *,
        where: str = "",
        sort: str = "",
        columns: str = "",
        pattern: Callable[[str], Matcher],
    ) -> Query[T]:
        """What to show of the list: filter `where`, columns by name, and one to sort by (`-column`: largest first).

        `pattern` makes a matcher of a regular expression. Raises `ConfigurationError` with all that is wrong with them.
        """
        made: Query[T] = Query(self)
        problems: list[Problem] = []
        try:
            made.test = parse(where, [column.id for column in self.columns], pattern) if where.strip() else None
        except ConfigurationError as error:
            problems += error.problems
        try:
            made.by = self.place(self.column(sort.removeprefix("-"), "sort")) if sort else None
            made.descending = sort.startswith("-")
        except ConfigurationError as error:
            problems += error.problems
        try:
            made.columns, made.names_columns = self.chosen(columns), bool(columns.strip())
        except ConfigurationError as error:
            problems += error.problems
        if problems:
            raise ConfigurationError.from_problems(problems, self.name)
        return made


class Query(Generic[T]):
    """What to show of a list: made by `TableKind.query`, asked of picture after picture."""

    def __init__(self, kind: TableKind[T]) -> None:
        self.kind = kind
        self.columns = kind.usual
        self.names_columns = False
        """Whether somebody named the columns, so that documents hold those fields only."""
        self.test: Test | None = None
        self.by: int | None = None
        """Place of the column to sort by; none keeps the order of the list."""
        self.descending = False

    def select(self, picture: Picture) -> list[Line[T]]:
        """The rows that the filter lets through, in the order asked for.

        The work grows with their number and no faster (sorting apart).
        """
        lines = self.kind.lines(picture)
        if self.test is not None:
            test = self.test
            lines = [line for line in lines if test(line)]
        return lines if self.by is None else ordered(lines, self.by, descending=self.descending)

    def columns_of(self, picture: Picture | None) -> tuple[Column[T], ...]:
        """The columns to show of a picture."""
        return self.columns if self.names_columns else self.kind.shown(picture)

    def document(self, line: Line[T], picture: Picture) -> Document:
        """A row as JSON: whole, or the fields of the columns that were named."""
        whole = self.kind.document(line.row, picture)
        if not self.names_columns:
            return whole
        return {field: whole[field] for column in self.columns for field in column.document_fields}


def ordered(lines: Sequence[Line[T]], place: int, *, descending: bool = False) -> list[Line[T]]:
    """Lines by one column's values; those without one stand last either way, and equal ones keep their order."""
    held = [(line[place].value, line) for line in lines]
    with_value = sorted(
        ((_order(value), n) for n, (value, _) in enumerate(held) if value is not None), key=_first, reverse=descending
    )
    return [held[n][1] for _, n in with_value] + [line for value, line in held if value is None]


def _first(pair: tuple[tuple[int, float, str], int]) -> tuple[int, float, str]:
    return pair[0]


def _order(value: Value) -> tuple[int, float, str]:
    """Numbers before words, words whatever their case."""
    return (0, float(value), "") if isinstance(value, int | float) else (1, 0.0, str(value).casefold())
