"""What the screen of a list asks others to do with its rows: it knows neither the other lists nor the cluster's."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from raytui.core.session import ConsoleSettings
from raytui.tui.keys import Key
from raytui.tui.operation import Notice, Request
from raytui.tui.render.verdict import Names
from raytui.view.related import LogWish, Related


class RowCalls(NamedTuple):
    """What can be asked for, and what is the same for every screen over the cluster's."""

    settings: ConsoleSettings
    names: Names
    keys: tuple[Key, ...]
    drill: Callable[[Related], None]
    """Show what belongs to a row."""
    log: Callable[[LogWish, str], None]
    """Show a log; the second text says of what."""
    request: Callable[[Request], None]
    """Plan a change of the cluster, ask, and carry it out."""
    say: Callable[[Notice | None], None]
    """Tell the operator something until the next word, or take back what was reported."""
    search: Callable[[str], None]
    """Search every log of the cluster."""
