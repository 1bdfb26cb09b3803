"""The line below the header: the screens that a key goes to, on every one of them.

Apart from the lists themselves, which the first frame does not import.
"""

from __future__ import annotations

from collections.abc import Sequence

from raytui.tui.keys import GOES, Key
from raytui.tui.render.text import Line, Span


def places_line(keys: Sequence[Key], current: str) -> Line:
    """The screens that have a key: ` 1 Cluster  2 Jobs  3 Actors`, the one that is shown bright."""
    spans: list[Span] = []
    for key in keys:
        kind = GOES.get(key.id)
        if kind is not None:
            here = kind == current
            spans += [(f" {key.written}", "key"), (f" {key.does.label} ", "strong" if here else "muted")]
    return tuple(spans)
