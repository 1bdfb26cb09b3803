"""The line below the header: the screens that a key goes to, each with how many of its rows need somebody.

Apart from the lists themselves, which the first frame does not import.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from raytui.config.keys import BY_ID
from raytui.tui.keys import GOES, Key
from raytui.tui.render.text import Line, Span, crop, line_cells
from raytui.view.failing import Failing

_SHORT = {" Placement": " PGs", " Conditions": " Conds"}
"""Labels that are shortened before a list gives way."""


def places_line(
    keys: Sequence[Key], current: str, width: int = 0, failing: Mapping[str, Failing] | None = None
) -> Line:
    """The screens that have a key: ` 1 Cluster  2 Jobs ✗1  3 Actors`, the one that is shown bright.

    Where the width is too small for all, labels become shorter, then those go that are the last and have nothing to
    say; 0 is any width.
    """
    places = sorted((key for key in keys if key.id in GOES), key=_place_of_key)
    made = [(GOES[key.id], _place(key, current, (failing or {}).get(GOES[key.id]))) for key in places]
    shorter = [(kind, tuple((_SHORT.get(text, text), role) for text, role in line)) for kind, line in made]
    while width and _cells(made) > width:
        idle = [n for n, (kind, _) in enumerate(made) if kind != current and kind not in (failing or {})]
        if not idle or _cells(shorter) <= width:
            made = shorter
            break
        made.pop(idle[-1])
        shorter.pop(idle[-1])
    line = tuple(span for _, spans in made for span in spans)
    return crop(line, width) if width and line_cells(line) > width else line


def _cells(places: Sequence[tuple[str, Line]]) -> int:
    return sum(line_cells(line) for _, line in places)


def _place_of_key(key: Key) -> str:
    """The usual key, the digits in the order in which they lie: a key of one's own keeps the place."""
    return BY_ID[key.id].keys.replace("0", ":")


def _place(key: Key, current: str, failing: Failing | None) -> Line:
    here = GOES[key.id] == current
    spans: list[Span] = [(f" {key.written}", "key"), (f" {key.does.label}", "strong" if here else "muted")]
    if failing is not None:
        spans.append((f" {failing.mark}{short_count(failing.number)}", failing.role))
    return tuple(spans)


def short_count(count: int) -> str:
    """A count in at most four characters: `999`, `12k`, `3M`."""
    if count < 1000:
        return str(count)
    return f"{count // 1000}k" if count < 1_000_000 else f"{count // 1_000_000}M"
