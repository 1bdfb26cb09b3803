"""What a text says about an end: Ray's, a launcher's and a platform's sentences as signs that can be compared.

Each pattern was written from texts that were recorded (Ray 2.60) or that raytui itself writes. A text that fits none
is no sign, and never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from raytui.core.causes.excerpts import first_line
from raytui.core.causes.values import CauseKind, Witness

_MEMORY = re.compile(
    r"used more memory than it was given|the node ran out of memory|\boom-kill:|oom_killed|due to the node running "
    r"low on memory|ray\.exceptions\.OutOfMemoryError|out of memory: Killed process",
    re.IGNORECASE,
)
"""GPU memory that a program ran out of is an exception of that program, and no sign of this. Nor is what Ray says of
every process that ended without a word: that the OOM killer is among the possible causes."""
_RULES: tuple[tuple[re.Pattern[str], CauseKind], ...] = (
    (_MEMORY, "out_of_memory"),
    (re.compile(r"No space left on device|the disk is full|OutOfDiskError|OUT_OF_DISK", re.IGNORECASE), "disk_full"),
    (re.compile(r"_agent failed and raylet fate-shares"), "agent_lost"),
    (re.compile(r"the head called this node dead"), "cut_off"),
    (
        re.compile(r"the head is gone|Failed to connect to GCS within|GCS has been unavailable for more than"),
        "head_lost",
    ),
    (re.compile(r"(?:killed|ended) by signal \d+|\(killed by signal|\[exit code=-\d+\]"), "killed"),
    (
        re.compile(
            r"Node received SIGTERM|received SIGTERM|^on request$|^drained on request$|idle termination", re.IGNORECASE
        ),
        "planned",
    ),
)
_VAGUE = re.compile(r"missing too many heartbeats")
_SIGNAL = re.compile(r"signal (\d+)|\[exit code=-(\d+)\]")
_AMOUNTS = re.compile(r"was ([\d.]+ ?[KMGT]?B) used / ([\d.]+ ?[KMGT]?B)")


class Sign(NamedTuple):
    """A witness and the cause that it names; none where it names no cause."""

    witness: Witness
    kind: CauseKind | None


def sign(source: str, said: str, at: float = 0.0, kind: CauseKind | None = None) -> Sign:
    """What a source said, with the cause that its text names, unless `kind` is known already."""
    return Sign(Witness(source, said, at), kind or kind_of(said))


def kind_of(text: str) -> CauseKind | None:
    """The cause that a text names; none when it names none."""
    return next((kind for pattern, kind in _RULES if pattern.search(text)), None)


def is_vague(text: str) -> bool:
    """Whether a text only says that a node was no longer heard of, which every sudden end has in common."""
    return _VAGUE.search(text) is not None


def signal_of(texts: Iterable[str]) -> int | None:
    """The signal that a text names."""
    for text in texts:
        found = _SIGNAL.search(text)
        if found is not None:
            return int(found[1] or found[2])
    return None


def memory_of(text: str) -> str:
    """How much memory was used of how much, in Ray's words: ` (1.39GB used of 23.54GB)`; empty when it does not say."""
    found = _AMOUNTS.search(text)
    return f" ({found[1]} used of {found[2]})" if found is not None else ""


def conclude(signs: Iterable[Sign]) -> tuple[CauseKind, str]:
    """The cause on which the signs agree, or `unknown` and the contradiction in words (empty when none says anything).

    A kill by signal agrees with a kill for memory, which is one; a node that was cut off sees its head as gone.
    """
    named: dict[CauseKind, Sign] = {}
    for one in signs:
        if one.kind is not None:
            named.setdefault(one.kind, one)
    kinds = set(named)
    for special, general in (("out_of_memory", "killed"), ("cut_off", "head_lost"), ("agent_lost", "killed")):
        if special in kinds:
            kinds.discard(general)
    if len(kinds) == 1:
        return kinds.pop(), ""
    if not kinds:
        return "unknown", ""
    sure = [
        f"{one.witness.source} says: {first_line(one.witness.said)}" for kind, one in named.items() if kind in kinds
    ]
    return "unknown", "; ".join(sure)
