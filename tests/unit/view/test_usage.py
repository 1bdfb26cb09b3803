"""The list of who holds what: the largest holders first, what nobody reported left empty, also without a cluster."""

from __future__ import annotations

from raytui.core.errors import Failure
from raytui.core.observed.holdings import Held, Holdings
from raytui.view.picture import picture_of
from raytui.view.tables.usage import USAGE
from tests.unit.core.values import NOW, snapshot

HELD = (
    Held("1", "me", "here", "ray-10", cpu=2.0, memory=8.0, gpus=0.0),
    Held("2", "me", "here", "ray-2", cpu=2.0, memory=8.0, gpus=0.0, since=NOW - 90),
    Held("3", "alice", "train", "big", cpu=16.0, memory=64.5),
    Held("4", "bob", "train", "gpu", state="scheduling", cpu=1.0, gpus=2.0, label="A10G"),
)


def shown(reported: object):
    picture = picture_of(snapshot((), (), platform="cai", holdings=reported))
    usual = [USAGE.place(column) for column in USAGE.usual]
    return picture, {line.row.name: [line[place].text for place in usual] for line in USAGE.lines(picture)}


def test_who_holds_most_comes_first_and_the_rest_is_in_the_order_of_numbers():
    _, rows = shown(Holdings(held=HELD))
    assert list(rows) == ["gpu", "big", "ray-2", "ray-10"]


def test_a_row_says_who_where_what_and_since_when():
    _, rows = shown(Holdings(held=HELD))
    assert rows["gpu"] == ["bob", "train", "gpu", "scheduling", "1", "", "2", "A10G", ""]
    assert rows["ray-2"] == ["me", "here", "ray-2", "running", "2", "8", "", "", "1m30"]


def test_what_was_not_told_is_null_for_programs():
    picture, _ = shown(Holdings(held=HELD))
    document = USAGE.document(HELD[2], picture)
    assert (document["gpus"], document["label"], document["group"], document["since"], document["for_s"]) == (None,) * 5
    assert document["memory"] == 64.5


def test_workloads_that_could_not_be_read_are_no_empty_list():
    failure = Failure("platform", "NotAllowed", "the key may not")
    picture, _ = shown(Holdings(failure=failure))
    assert USAGE.reading(picture).value is None
    assert USAGE.reading(picture).failure == failure
    picture, _ = shown(failure)
    assert USAGE.reading(picture).failure == failure


def test_the_columns_fit_a_terminal_of_80():
    assert sum(column.width + 2 for column in USAGE.usual) <= 84
