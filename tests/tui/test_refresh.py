"""What a refresh costs follows what changed, not how many rows there are: counted in calls and in layouts, never in time."""

from __future__ import annotations

import sys

import msgspec
import pytest
from textual.screen import Screen

from raytui.core.observed.snapshot import Reading
from raytui.tui.render.attention import attention_entries
from raytui.tui.render.nodes import NodeRows
from raytui.tui.widgets.table import RowTable
from raytui.view.picture import advance
from tests.tui.conftest import healthy, node, run_console
from tests.unit.core.values import NOW

CHANGED = 3


def with_new_figures(snapshot, *places, cpu=5.0):
    """The same two seconds later, with other figures of these nodes."""
    nodes = list(snapshot.nodes.value)
    for n in places:
        nodes[n] = node(n, cpu_percent=cpu, sampled_at=NOW + 1)
    return msgspec.structs.replace(snapshot, nodes=Reading(tuple(nodes)), observed_at=snapshot.observed_at + 2)


def calls_of(work):
    """How often any function is called in it, and any generator asked for its next value."""
    count = 0

    def see(_frame, event, _argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def cost_of_a_refresh(workers, text):
    before = advance(None, healthy(workers))
    rows = NodeRows()
    rows.show(before)
    rows.select(text=text)
    attention_entries(before, None, 80, {"scale": "+"})

    def refresh():
        after = advance(before, with_new_figures(before.snapshot, *range(1, CHANGED + 1)))
        attention_entries(after, None, 80, {"scale": "+"})
        rows.show(after)
        rows.select(text=text)

    return calls_of(refresh)


@pytest.mark.parametrize("text", ["", "worker", "cpu>4"])
def test_nothing_is_called_for_each_row_that_did_not_change(text):
    few, many = cost_of_a_refresh(50, text), cost_of_a_refresh(450, text)
    assert many < few + 100, (few, many)


async def test_a_filter_that_lets_more_rows_through_lays_nothing_out_again(monkeypatch):
    laid_out = []
    original = Screen._refresh_layout
    monkeypatch.setattr(
        Screen, "_refresh_layout", lambda *given, **more: laid_out.append(1) or original(*given, **more)
    )

    async def body(console):
        first = healthy(100)
        await console.show(first)
        pane, table = console.app.cluster.body.nodes, console.app.screen.query_one("#node-table", RowTable)
        pane.filter("cpu>30")
        await console.pilot.pause()
        count = len(table.rows)
        laid_out.clear()
        await console.show(with_new_figures(first, 0, 3, 6, cpu=50.0))
        await console.pilot.pause()
        assert len(table.rows) == count + 3
        assert table.max_scroll_y == count + 4 - table.size.height
        assert laid_out == []

    await run_console(body)
