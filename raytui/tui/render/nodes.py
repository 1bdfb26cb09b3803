"""Applications joined with their Ray nodes: one row for both, where they disagree bright and the rest plain."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import compress
from typing import NamedTuple

from raytui.core.observed.joined import Member
from raytui.core.observed.kept import Kept, Moment
from raytui.core.observed.snapshot import Application, Node
from raytui.tui.render.columns import Column, LazyRows, Row
from raytui.tui.render.tables import note_span, screen_columns, span_of, test_of
from raytui.tui.render.text import Span, cells, clean
from raytui.view.filters import Cell
from raytui.view.picture import Picture
from raytui.view.tables.applications import (
    APPLICATIONS,
    Place,
    application_of,
    key,
    name,
    node_of,
    places,
    platform_word,
    ray_word,
    strays,
)
from raytui.view.tables.figures import samples
from raytui.view.tables.kind import Line
from raytui.view.words import state_role

NONE: Span = ("", "muted")
SHOWN = ("name", "platform", "ray", "cpu", "memory", "store", "gpu", "disk", "ip", "version", "up")
"""The columns of the pane; why a row has no figures stands in their place."""
_PLACES = tuple(APPLICATIONS.place_of(column) for column in SHOWN)
_INDEX = {column: n for n, column in enumerate(SHOWN)}
COLUMNS = screen_columns([APPLICATIONS.columns[place] for place in _PLACES])
_LASTING = tuple(column for column in APPLICATIONS.columns if column.is_lasting)
_PASSING = tuple(column for column in APPLICATIONS.columns if not column.is_lasting)
"""The columns that change from picture to picture, of which a filter reads the changed rows again."""
ORDERS = ("name", "worst", "cpu", "memory")
"""How rows can be ordered; by name they never move."""
_WEIGHTS = {"error": 0.0, "warn": 1.0, "accent": 2.0}


NO_ROWS = LazyRows((), lambda row: row.key, lambda row: row)


class _Shown(NamedTuple):
    """What rows are made of; replaced as a whole, since a thread may be at work with the one before."""

    items: Sequence[Place] = ()
    picture: Picture | None = None
    blind: bool = False
    """Whether only memory vouches for the rows."""


class NodeRows:
    """The rows from picture to picture: the head, workers by index, then nodes that belong to no application.

    What is not looked at is not made, and what has to be known of every row is worked out again only for those that
    changed.
    """

    def __init__(self) -> None:
        self._shown = _Shown()
        self._named: tuple[frozenset[str], tuple[str, ...]] = (frozenset(), ())
        self._longest = 8
        self._lasting: Kept[tuple[Cell, ...]] | None = None
        self._read: Kept[tuple[Cell, ...]] | None = None
        self._passes: Kept[bool] | None = None
        self.columns: tuple[Column, ...] = COLUMNS
        """With room for the longest name; without any GPU the GPU column is the first to go."""

    def __len__(self) -> int:
        return len(self._shown.items)

    def show(self, picture: Picture, *, stale: bool = False) -> None:
        """The rows of this picture. Those that only memory vouches for are muted and say `was`."""
        of_nobody = strays(picture)
        items = [*places(picture), *of_nobody]
        self._shown = _Shown(items, picture, stale or picture.snapshot.applications.value is None)
        named = (picture.joined.names, tuple(node.name for node in of_nobody))
        if named != self._named:
            self._named, self._longest = named, max((cells(clean(name(item))) for item in items), default=8)
        self.columns = _columns(self._longest, with_gpu=picture.joined.with_gpus, by_ray=picture.known.by_ray)

    def select(self, order: str = "name", text: str = "") -> LazyRows:
        """The rows that the filter lets through, in the operator's order; equal ones keep theirs.

        Safe in a thread, and in several at once: each works with the picture that was shown when it began.
        """
        shown = self._shown
        picture, items = shown.picture, shown.items
        if picture is None:
            return NO_ROWS
        if text.strip():
            items = self._matching(items, picture, text)
        if order != "name":
            # The state of a row that only memory vouches for is not known, and neither are its figures.
            items = sorted(items, key=lambda item: 0.0 if shown.blind else _weight(item, order, picture))
        return LazyRows(items, key, partial(_made, picture, shown.blind))

    def _matching(self, items: Sequence[Place], picture: Picture, text: str) -> list[Place]:
        """To filter them all cells have to be made, so these are kept, and so is what the filter says of them."""
        seen = (
            picture.known.nodes.value is None,
            picture.snapshot.nodes.value is None,
            picture.snapshot.figures.failure is None,
        )

        def read_lasting(item: Application | Node, _: Moment) -> tuple[Cell, ...]:
            # A lasting column looks at nothing of a place but the application.
            place = item if isinstance(item, Node) else Member(item, None, "", None, is_alive=False)
            return tuple([column.without_role(place, picture) for column in _LASTING])

        def read(item: Place, lasting: tuple[Cell, ...], now: Moment) -> tuple[Cell, ...]:
            app = application_of(item)
            if app is not None:
                now.elapsed(app.started_at, 60.0)  # its running time reads in minutes
            return (*lasting, *[column.without_role(item, picture) for column in _PASSING])

        # What another thread keeps meanwhile is another's: what is kept is never changed, only replaced.
        of_whom = [item if isinstance(item, Node) else item.application for item in items]
        lasting = self._lasting = Kept(self._lasting, read_lasting, (of_whom,), now=0.0)
        now = picture.known.observed_at
        cells_of = self._read = Kept(self._read, read, (items, lasting.results), now=now, context=seen)
        test = test_of((*_LASTING, *_PASSING), text)
        passes = self._passes = Kept(self._passes, lambda row, _: test(row), (cells_of.results,), now=0.0, context=text)
        return list(compress(items, passes.results))


def _columns(longest: int, *, with_gpu: bool, by_ray: bool) -> tuple[Column, ...]:
    first = COLUMNS[0]._replace(width=min(max(8, longest), 24), wide=min(max(12, longest), 40))
    gpu = COLUMNS[_INDEX["gpu"]] if with_gpu else COLUMNS[_INDEX["gpu"]]._replace(rank=99, width=999)
    special = {"name": first, "gpu": gpu}
    if by_ray:
        # Nobody but Ray says anything of its nodes.
        special |= {silent: COLUMNS[_INDEX[silent]]._replace(rank=99, width=999) for silent in ("platform", "version")}
    return tuple(special.get(c.id, c) for c in COLUMNS)


def _weight(item: Place, order: str, picture: Picture) -> float:
    """The place of an item among all, by its typed value: the worst or the largest first, the unknown last."""
    if order == "worst":
        roles = (state_role(platform_word(item, picture)), state_role(ray_word(item, picture)))
        return min(_WEIGHTS.get(role, 3.0) for role in roles)
    value = APPLICATIONS.columns[APPLICATIONS.place_of(order)].value(item, picture)
    return -value if isinstance(value, int | float) else 1.0


def _made(picture: Picture, blind: bool, item: Place) -> Row:
    if blind and application_of(item) is not None:
        return _remembered(item, by_ray=picture.known.by_ray)
    return _row(Line(item, APPLICATIONS.columns, picture))


def _row(line: Line[Place]) -> Row:
    item = line.row
    note = APPLICATIONS.note(item, line.picture)
    spans = [span_of(APPLICATIONS, line, at) for at in _PLACES]
    if note is None:
        return Row(key(item), tuple(spans))
    cpu = _INDEX["cpu"]
    if item.state != "ALIVE" and not spans[cpu][0]:
        spans[cpu] = _was(line.picture, item)
    return Row(key(item), tuple(spans), note_span(note), _INDEX["memory"] if spans[cpu][0] else cpu)


def _remembered(item: Place, *, by_ray: bool) -> Row:
    app, node = application_of(item), node_of(item)
    known: dict[str, Span] = {
        "name": (clean(name(item)), "muted"),
        "platform": NONE if by_ray else ("?", "warn"),
        "ray": ("?", "warn"),
        "ip": (clean(node.ip) if node else "", "muted"),
    }
    said = [item.state.lower()] if item.state else []
    if not by_ray:
        said.insert(0, app.state if app else "not ours")
    sentence = f"was {', '.join(said) or 'listed'}"
    return Row(key(item), tuple(known.get(column, NONE) for column in SHOWN), (sentence, "muted"), _INDEX["cpu"])


def _was(picture: Picture, item: Place) -> Span:
    node = node_of(item)
    past = samples(picture, node) if node is not None else []
    return (f"was {past[-1]:3.0f} %", "muted") if past else NONE


def title_of(picture: Picture) -> str:
    """How many applications there are, when that is more than a screen tells."""
    count = len(picture.known.applications.value or ())
    what = "Nodes" if picture.known.by_ray else "Applications"
    return f"{what} ({count})" if count > 8 else what
