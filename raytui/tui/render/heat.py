"""Many nodes as a map: one cell a node, or a few nodes where there are too many, by the worse of state and load."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from raytui.core.findings.nodes import PLANNED_ENDS
from raytui.core.observed.kept import Kept, Moment
from raytui.core.observed.snapshot import Node
from raytui.tui.render.text import Line, Span
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.applications import Place, application_of, key, name, node_of, places, strays

FEW = 40
"""Up to so many nodes the table shows them well enough."""
_CELLS: tuple[Span, ...] = (
    ("○", "muted"),
    ("·", "muted"),
    ("░", ""),
    ("▒", ""),
    ("▓", ""),
    ("█", "strong"),
    ("█", "warn"),
    ("…", "accent"),
    ("?", "warn"),
    ("✗", "error"),
)
"""From calm to bad, so that of several nodes the largest number is the worst; a shape each, the shade besides."""
_ENDED, _IDLE, _STARTING, _UNKNOWN, _DEAD = 0, 1, 7, 8, 9
_STEPS = (25.0, 50.0, 75.0, 90.0, 95.0)
"""Percent of CPU or memory, whichever is more, from which a cell is one step darker."""
LEGEND = "· idle  ░▒▓█ busy  … starting  ? unknown  ✗ dead"
SHORT_LEGEND = "· idle ░▒▓█ busy ✗ dead"


class Map(NamedTuple):
    """What is drawn."""

    lines: tuple[Line, ...]
    per_cell: int
    """Nodes that one cell stands for."""
    cells: int


class HeatCells:
    """The cells from picture to picture; only those of nodes that changed are worked out again."""

    def __init__(self) -> None:
        self._items: Sequence[Place] = ()
        self._kept: Kept[int] | None = None

    def __len__(self) -> int:
        return len(self._items)

    def show(self, picture: Picture) -> None:
        """The nodes of this picture: the head, workers by group and index, then those of nobody."""
        self._items = [*places(picture), *strays(picture)]
        self._kept = Kept(self._kept, _level, (self._items,), now=picture.known.observed_at)

    def draw(self, width: int, height: int) -> Map:
        """The map in at most so many lines."""
        levels = self._kept.results if self._kept is not None else []
        room = max(1, width * height)
        per_cell = max(1, -(-len(levels) // room))
        if per_cell > 1:
            levels = [max(levels[n : n + per_cell]) for n in range(0, len(levels), per_cell)]
        return Map(tuple(_line(levels[n : n + width]) for n in range(0, len(levels), width)), per_cell, len(levels))

    def worst_of(self, cell: int, per_cell: int) -> Place | None:
        """The worst node of one cell."""
        if self._kept is None or not 0 <= cell * per_cell < len(self._items):
            return None
        first = cell * per_cell
        levels = self._kept.results[first : first + per_cell]
        return self._items[first + levels.index(max(levels))]


def place_text(place: Place, per_cell: int) -> str:
    """The node under the cursor in words: `worker-7 · alive · CPU 88 % · memory 41 %`."""
    node, state = node_of(place), place.state
    words = [f"worst of {per_cell}: {name(place)}" if per_cell > 1 else name(place)]
    app = application_of(place)
    words.append(state.lower() if state else app.state if app is not None else "unknown")
    if node is not None and state == "ALIVE" and node.cpu_percent is not None:
        words.append(f"CPU {node.cpu_percent:.0f} %")
        share = amounts.share(node.memory_used, node.memory_total)
        words += [f"memory {share:.0f} %"] if share is not None else []
    return " · ".join(words)


def row_key(place: Place) -> str:
    """The key of the node's row in the table."""
    return key(place)


def _level(place: Place, _: Moment) -> int:
    node, state, app = node_of(place), place.state, application_of(place)
    if state == "ALIVE":
        return _load(node)
    if state == "DEAD" or (app is not None and app.state == "failed"):
        return _ENDED if node is not None and node.reason in PLANNED_ENDS else _DEAD
    if app is not None and app.state in {"starting", "running", "stopping"} and state is None:
        return _STARTING
    return _ENDED if app is not None and app.state == "stopped" else _UNKNOWN


def _load(node: Node | None) -> int:
    if node is None or node.cpu_percent is None:
        return _IDLE
    memory = 100.0 * (node.memory_used or 0) / node.memory_total if node.memory_total else 0.0
    load = max(node.cpu_percent, memory)
    return _IDLE + sum(load >= step for step in _STEPS)


def _line(levels: Sequence[int]) -> Line:
    return tuple((_CELLS[level][0] * len(list(group)), _CELLS[level][1]) for level, group in groupby(levels))
