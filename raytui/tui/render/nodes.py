"""Applications joined with their Ray nodes: both truths side by side in one row, the disagreement bright and the rest plain."""

from __future__ import annotations

from collections.abc import Sequence

from raytui.tui.render.columns import Column, Row
from raytui.tui.render.tables import filtered, note_span, screen_columns, span_of
from raytui.tui.render.text import Span, cells, clean
from raytui.view.picture import Picture
from raytui.view.tables.applications import APPLICATIONS, Place, name, places, strays
from raytui.view.tables.figures import samples
from raytui.view.tables.kind import Line, ordered

NONE: Span = ("", "muted")
SHOWN = ("name", "platform", "ray", "cpu", "memory", "store", "gpu", "disk", "ip", "version", "up")
"""The columns of the pane; why a row has no figures stands in their place."""
_PLACES = tuple(APPLICATIONS.place_of(column) for column in SHOWN)
_INDEX = {column: n for n, column in enumerate(SHOWN)}
COLUMNS = screen_columns([APPLICATIONS.columns[place] for place in _PLACES])
ORDERS = ("name", "worst", "cpu", "memory")
"""How rows can be ordered; by name they never move."""
_WEIGHTS = {"error": 0, "warn": 1, "accent": 2}


def columns_for(rows: Sequence[Row]) -> tuple[Column, ...]:
    """The columns with room for the longest name; without any GPU the GPU column is the first to go."""
    longest = max((cells(row.cells[0][0]) for row in rows), default=8)
    with_gpu = any(row.cells[_INDEX["gpu"]][0] for row in rows)
    first = COLUMNS[0]._replace(width=min(max(8, longest), 24), wide=min(max(12, longest), 40))
    gpu = COLUMNS[_INDEX["gpu"]] if with_gpu else COLUMNS[_INDEX["gpu"]]._replace(rank=99, width=999)
    return tuple(first if c.id == "name" else gpu if c.id == "gpu" else c for c in COLUMNS)


def node_lines(picture: Picture, order: str = "name", text: str = "") -> list[Line[Place]]:
    """Head, workers by index, then nodes that belong to no application, or in the operator's order; those that pass the filter."""
    lines = [Line(place, APPLICATIONS.columns, picture) for place in (*places(picture), *strays(picture))]
    lines = filtered(APPLICATIONS, lines, text)
    if order == "worst":
        return sorted(lines, key=_weight)
    return lines if order == "name" else ordered(lines, APPLICATIONS.place_of(order), descending=True)


def _weight(line: Line[Place]) -> int:
    return min(_WEIGHTS.get(line[place].role, 3) for place in _PLACES[:3])


def node_rows(picture: Picture, *, stale: bool = False, order: str = "name", text: str = "") -> tuple[Row, ...]:
    """The lines as rows. Those that only memory vouches for are muted and say `was`."""
    blind = stale or picture.snapshot.applications.value is None
    return tuple(_remembered(line) if blind and line.row.application else _row(line) for line in node_lines(picture, order, text))


def reuse(before: tuple[Row, ...], after: tuple[Row, ...]) -> tuple[Row, ...]:
    """`after`, with the very row objects of `before` where nothing changed."""
    old = {row.key: row for row in before}
    return tuple(known if (known := old.get(row.key)) == row else row for row in after)


def _row(line: Line[Place]) -> Row:
    place = line.row
    note = APPLICATIONS.note(place, line.picture)
    spans = [span_of(APPLICATIONS, line, at) for at in _PLACES]
    if note is None:
        return Row(place.key, tuple(spans))
    cpu = _INDEX["cpu"]
    if place.node_state == "DEAD" and place.node is not None and not spans[cpu][0]:
        spans[cpu] = _was(line.picture, place)
    return Row(place.key, tuple(spans), note_span(note), _INDEX["memory"] if spans[cpu][0] else cpu)


def _remembered(line: Line[Place]) -> Row:
    place = line.row
    app, node, state = place.application, place.node, place.node_state
    known: dict[str, Span] = {
        "name": (clean(name(place)), "muted"),
        "platform": ("?", "warn"),
        "ray": ("?", "warn"),
        "ip": (clean(node.ip) if node else "", "muted"),
    }
    told = f"was {app.state if app else 'not ours'}" + (f", {state.lower()}" if state else "")
    return Row(place.key, tuple(known.get(column, NONE) for column in SHOWN), (told, "muted"), _INDEX["cpu"])


def _was(picture: Picture, place: Place) -> Span:
    past = samples(picture, place.node) if place.node is not None else []
    return (f"was {past[-1]:3.0f} %", "muted") if past else NONE


def title_of(picture: Picture) -> str:
    """How many applications there are, when that is more than a screen tells."""
    count = len(picture.known.applications.value or ())
    return f"Applications ({count})" if count > 8 else "Applications"
