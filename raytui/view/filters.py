"""The filter language of every table: `/` in the console and `--filter` in a script select the same rows.

A filter is terms separated by blanks, all of which must hold; quotes keep blanks together:

- `word`: some cell of the row holds the word, whatever the case;
- `column=value`, `column!=value`: the column reads so, or not, whatever the case;
- `column~value`: the column holds the value; `column<value` and `<=`, `>`, `>=` compare numbers, sizes (`8GB`) and
  spans (`2h`);
- `re:pattern`: some cell matches the regular expression;
- `!` before a term inverts it.
"""

from __future__ import annotations

import re
import shlex  # what only a filter costs
from collections.abc import Callable, Mapping, Sequence

import msgspec

from raytui.core.errors import ConfigurationError, Problem
from raytui.view.words import Role

Value = str | int | float | None
"""What a column of a row holds; none when it was not observed."""

_COMPARISON = re.compile(r"([A-Za-z][\w-]*)(!=|>=|<=|=|~|<|>)(.*)", re.DOTALL)
_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?)\s*([a-zA-Z%]*)")
_UNITS = {
    "": 1.0, "%": 1.0, "k": 1e3, "kb": 1e3, "m": 1e6, "mb": 1e6, "g": 1e9, "gb": 1e9, "t": 1e12, "tb": 1e12,
}  # fmt: skip
_SPANS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
Matcher = Callable[[str], bool]


class Cell(msgspec.Struct, frozen=True, gc=False):
    """One cell of a row as a filter sees it.

    Nothing that the collector of garbage looks at: a filter keeps all cells of thousands of rows.
    """

    value: Value
    text: str
    """As it reads in the table."""
    is_span: bool = False
    """Whether the value is a span of time in seconds, so that `5m` means minutes."""
    role: Role = ""
    """What the text means."""

    @property
    def words(self) -> tuple[str, ...]:
        """What a search for words looks at: the text, and where that shortens the value, the whole."""
        if isinstance(self.value, str) and self.value != self.text:
            return (self.text, self.value)
        return (self.text,)


Test = Callable[[Sequence[Cell]], bool]


def parse(text: str, columns: Sequence[str], pattern: Callable[[str], Matcher]) -> Test:
    """The filter that `text` says, as a test of a row's cells, which stand in the order of `columns`.

    `pattern` makes a matcher of a regular expression and bounds its time. Raises `ConfigurationError` for an open
    quote, a column that does not exist, an amount that is no number, and whatever `pattern` raises.
    """
    places = {name.lower(): n for n, name in enumerate(columns)}
    try:
        words = shlex.split(text)
    except ValueError:
        raise _refused("a quote is opened and never closed", "close it, or write the word without blanks") from None
    tests = [_term(word, places, pattern) for word in words]
    return lambda cells: all(test(cells) for test in tests)


def _term(word: str, places: Mapping[str, int], pattern: Callable[[str], Matcher]) -> Test:
    if word.startswith("!") and len(word) > 1:
        inner = _term(word[1:], places, pattern)
        return lambda cells: not inner(cells)
    if word.startswith("re:"):
        matches = pattern(word[3:])
        return lambda cells: any(matches(word) for cell in cells for word in cell.words)
    found = _COMPARISON.fullmatch(word)
    if found is None:
        return holds(word)
    name, operator, value = found.groups()
    place = places.get(name.lower())
    if place is None:
        raise _refused(f"there is no column {name}", f"the columns are {', '.join(places)}")
    return _comparison(place, operator, value)


def holds(word: str) -> Test:
    """Whether some cell of a row holds the word, whatever the case."""
    wanted = word.casefold()

    def test(cells: Sequence[Cell]) -> bool:
        # Written out: most rows hold it nowhere, so that all their cells are read.
        for cell in cells:
            text, value = cell.text, cell.value
            if wanted in text.casefold():
                return True
            if value is not text and isinstance(value, str) and wanted in value.casefold():
                return True
        return False

    return test


def _comparison(place: int, operator: str, value: str) -> Test:
    wanted = value.casefold()
    if operator == "~":
        return lambda cells: any(wanted in word.casefold() for word in cells[place].words)
    if operator in {"=", "!="}:
        same = operator == "="
        return lambda cells: _reads(cells[place], wanted) is same
    amount = _AMOUNT.fullmatch(value.strip())
    if amount is None or not (amount[2].lower() in _UNITS or amount[2].lower() in _SPANS):
        raise _refused(f"{value!r} is not an amount that can be compared", "for example cpu>80, memory>=8GB or up<2h")
    number, unit = float(amount[1]), amount[2].lower()
    below, equal = operator.startswith("<"), operator.endswith("=")

    def test(cells: Sequence[Cell]) -> bool:
        held = cells[place].value
        if not isinstance(held, int | float):
            return False
        limit = number * (_SPANS.get(unit, _UNITS.get(unit, 1.0)) if cells[place].is_span else _UNITS.get(unit, 1.0))
        return (held < limit if below else held > limit) or (equal and held == limit)

    return test


def _reads(cell: Cell, wanted: str) -> bool:
    if cell.text.casefold() == wanted or str(cell.value).casefold() == wanted:
        return True
    try:
        return isinstance(cell.value, int | float) and cell.value == float(wanted)
    except ValueError:
        return False


def _refused(message: str, hint: str) -> ConfigurationError:
    return ConfigurationError.from_problems([Problem("filter", message, hint)])
