"""What the title of a log says of how one looks at it, and the command that prints the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class LookState(NamedTuple):
    """How somebody looks at logs."""

    following: bool = True
    ended: str = ""
    """Why no more will come."""
    placed: bool = False
    """Whether a part is shown that does not reach to the end."""
    filter: str = ""
    filtered: str = ""
    """How many lines the filter shows, and of how much."""
    search: str = ""
    place: int = 0
    """Which of the matches the cursor is at."""
    matches: int = 0
    searching: bool = False
    """Whether it is still searched for more."""


def sentence(state: LookState) -> str:
    """The state in a few words."""
    return " · ".join(_parts(state))


def short_sentence(state: LookState, room: int) -> str:
    """The state in at most so many characters: what a filter shows first, then what was searched for."""
    parts = list(_parts(state))
    while len(parts) > 1 and len(" · ".join(parts)) > room:
        parts.pop()
    if len(parts[0]) > room and state.filter:
        return state.filtered
    return " · ".join(parts)


def _parts(state: LookState) -> Iterator[str]:
    """What matters most first."""
    if state.filter:
        yield f"filter {state.filter!r}: {state.filtered}"
    if state.search:
        more = "+" if state.searching else ""
        none = "searching" if state.searching else "no match"
        number = f"{state.place:,} of {state.matches:,}{more}" if state.matches else none
        yield f"{state.search!r}: {number}"
    if state.ended:
        yield "ended"
    elif state.placed:
        yield "an earlier part, f follows"
    else:
        yield "following" if state.following else "paused, f follows"


def command(names: Sequence[str], state: LookState) -> str:
    """The command that prints what is shown."""
    words = ["raytui", "logs", *(shlex.quote(name) for name in names)]
    if state.filter:
        words += ["-i", "--grep", shlex.quote(state.filter)]
    return " ".join([*words, *(["-f"] if state.following and not state.ended else [])])


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names of logs as short as they can be distinguished: without what all have in common at their end.

    Of a worker's file, whose name is long, the process and the ending stay.
    """
    firsts = [name.partition("/")[0] for name in names]
    lasts = [_WORKER.sub(r"\1", name.rpartition("/")[2]) for name in names]
    chosen = next((each for each in (firsts, lasts) if len(set(each)) == len(names)), names)
    return dict(zip(names, chosen, strict=True))


_WORKER = re.compile(r"^(?:python-core-|java-)?worker-[0-9a-f]{8,}[-_][0-9a-f]+[-_](\d+\.\w+)$")
