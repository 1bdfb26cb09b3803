"""The filter language: what a person types selects the rows that a reader of the sentence would expect."""

import re

import pytest

from raytui.core.errors import ConfigurationError
from raytui.view.filters import Cell, parse

COLUMNS = ("name", "state", "cpu", "memory", "up")
ROWS = {
    "head": (
        Cell("head", "head"),
        Cell("running", "running"),
        Cell(12.0, "12 %"),
        Cell(3.1e9, "3.1 GB"),
        Cell(8040.0, "2h14", is_span=True),
    ),
    "worker-1": (
        Cell("worker-1", "worker-1"),
        Cell("running", "running"),
        Cell(88.0, "88 %"),
        Cell(41e9, "41.0 GB"),
        Cell(300.0, "5m00", is_span=True),
    ),
    "worker-2": (
        Cell("worker-2", "worker-2"),
        Cell("FAILED", "FAILED"),
        Cell(None, ""),
        Cell(None, ""),
        Cell(None, "", is_span=True),
    ),
}


def shown(text: str) -> list[str]:
    test = parse(text, COLUMNS, lambda pattern: lambda cell: re.search(pattern, cell) is not None)
    return [name for name, cells in ROWS.items() if test(cells)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["head", "worker-1", "worker-2"]),
        ("WORKER", ["worker-1", "worker-2"]),
        ("worker running", ["worker-1"]),
        ("!worker", ["head"]),
        ("state=failed", ["worker-2"]),
        ("state!=failed", ["head", "worker-1"]),
        ("STATE~run !name=head", ["worker-1"]),
        ("cpu>80", ["worker-1"]),
        ("cpu>=12 cpu<=88%", ["head", "worker-1"]),
        ("cpu=12", ["head"]),
        ("memory<8GB", ["head"]),
        ("up<1h", ["worker-1"]),
        ("up>2h", ["head"]),
        ("!cpu>0", ["worker-2"]),
        ("re:^worker-[2-9]$", ["worker-2"]),
        ("!re:^worker", ["head"]),
        ('"2h14"', ["head"]),
    ],
)
def test_a_filter_selects(text: str, names: list[str]) -> None:
    assert shown(text) == names


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age>3", "there is no column age"),
        ("cpu>many", "is not an amount"),
        ("cpu>", "is not an amount"),
        ('"open', "a quote is opened"),
    ],
)
def test_a_filter_that_says_nothing_is_refused_with_its_reason(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        shown(text)
