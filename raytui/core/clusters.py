"""Several clusters beside each other: how one is opened, what a short probe found of each, and which is worst."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from raytui.core.conditions import Assessment, Phase, Verdict, is_calm
from raytui.core.observed.joined import join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import Hint

if TYPE_CHECKING:
    from raytui.core.session import ConsoleSettings, Session

T = TypeVar("T")
_NOW_S = 0.5
"""A condition that began this short a time before the observation has no date of its own: it was first seen then."""


class Opened(NamedTuple):
    """A cluster whose settings were read."""

    settings: ConsoleSettings
    open_session: Callable[[], Session]
    """Opens a session; may block for seconds, and raises `RaytuiError`."""
    identity: str
    """The same for two profiles that mean the same cluster."""
    named: Callable[[str], Entry]
    """Another cluster of the same place, by its name."""


class Entry(NamedTuple):
    """A cluster that can be looked at."""

    name: str
    """What it is called among the others: its profile's name, or its own where no profile names it."""
    profile: str
    open: Callable[[], Opened]
    """Reads its settings, and files that these name; raises `ConfigurationError`."""
    is_found: bool = False
    """Whether no profile names it: the platform lists it."""


class ClusterSummary(msgspec.Struct, frozen=True):
    """What was observed last of one cluster."""

    name: str
    """What it is called among the others."""
    profile: str
    cluster: str = ""
    """Its own name; empty while its settings cannot be read."""
    platform: str = ""
    verdict: Verdict | None = None
    """None before the first observation."""
    phase: Phase | None = None
    is_fault: bool = True
    """Whether what does not answer is meant to; a cluster that nobody started is down and no fault."""
    alive: int | None = None
    """Nodes that live; none where that was not observed."""
    expected: int | None = None
    """Nodes that should; none where nobody says."""
    since: float = 0.0
    """Since when the verdict is so, in seconds since 1970, as far as that was observed; 0 when it was not."""
    observed_at: float = 0.0
    why: str = ""
    """The worst thing that is wrong, or why nothing is known."""
    hint: Hint = ""
    is_found: bool = False
    """Whether no profile names it: the platform lists it."""


def summary_of(
    entry: Entry, snapshot: Snapshot, assessment: Assessment, before: ClusterSummary | None = None
) -> ClusterSummary:
    """What a snapshot tells of a cluster; `before` is the summary before."""
    # What is wrong with the work that people run is no part of a verdict, and a short look does not ask for it.
    worst = next((one for one in assessment.conditions if one.severity != "info" and not one.is_of_work), None)
    broken = assessment.broken
    why, hint = ("", "") if worst is None else (worst.message, worst.hint)
    if worst is not None and worst.subject != snapshot.cluster:
        why = f"{worst.subject.removeprefix(f'{snapshot.cluster}-')}: {why}"
    if worst is None and broken is not None:
        why, hint = broken.message, broken.hint
    if not why and assessment.verdict != "ok":
        why = "no application of it exists" if assessment.phase == "absent" else f"it is {assessment.phase}"
    at = snapshot.observed_at
    dated = worst.since if worst is not None and 0 < worst.since < at - _NOW_S else 0.0
    counts = join(snapshot).counts
    return ClusterSummary(
        name=entry.name,
        profile=entry.profile,
        cluster=snapshot.cluster,
        platform=snapshot.platform,
        verdict=assessment.verdict,
        phase=assessment.phase,
        is_fault=assessment.verdict != "down" or not is_calm(assessment),
        alive=counts.alive,
        expected=counts.expected if snapshot.applications.value is not None else None,
        since=_since(assessment.verdict, at, before) or dated,
        observed_at=at,
        why=why,
        hint=hint,
        is_found=entry.is_found,
    )


def unseen(entry: Entry, at: float, why: str, hint: Hint = "", before: ClusterSummary | None = None) -> ClusterSummary:
    """A probe that could not be made at all, and why: of that cluster nothing is known."""
    return ClusterSummary(
        name=entry.name,
        profile=entry.profile,
        cluster=before.cluster if before is not None else "",
        platform=before.platform if before is not None else "",
        verdict="unknown",
        since=_since("unknown", at, before),
        observed_at=at,
        why=why,
        hint=hint,
        is_found=entry.is_found,
    )


def _since(verdict: Verdict, at: float, before: ClusterSummary | None) -> float:
    """Since when a verdict is so, of which only somebody knows who looked before."""
    if before is None or before.verdict is None:
        return 0.0
    return before.since if before.verdict == verdict else at


def badness(summary: ClusterSummary) -> int:
    """How much a cluster needs somebody, the most first: 0 for one that is down.

    One of which nothing is known comes before one that is degraded: it may be down. One that is as somebody wanted it,
    not started or just starting, comes last.
    """
    if summary.verdict is None:
        return 3
    if summary.verdict == "down":
        return 0 if summary.is_fault else 5
    return {"unknown": 1, "degraded": 2, "ok": 4}[summary.verdict]


def worst_first(items: Iterable[T], summary: Callable[[T], ClusterSummary]) -> list[T]:
    """The worst first; equally bad ones in the order given."""
    return sorted(items, key=lambda item: badness(summary(item)))
