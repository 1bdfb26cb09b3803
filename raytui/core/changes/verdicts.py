"""When the verdict of a cluster has changed for good, so that somebody is told: once, and not for a moment's change."""

from __future__ import annotations

import msgspec

from raytui.core.clusters import ClusterSummary
from raytui.core.conditions import Verdict
from raytui.core.remedy import as_commands
from raytui.core.report import SCHEMA_VERSION, Document
from raytui.core.units import rfc3339, rfc3339_or_none

HOLD_S = 5.0
"""How long another verdict must have been seen, without an observation of the old one, before it is reported."""
MOST_CHARACTERS = 4_000
"""Characters of a variable: a system refuses to start a program with one beyond some hundred thousand."""
LONGEST_S = 30.0
"""After that long away from the verdict that was reported last, whatever is so now is reported."""


class VerdictChange(msgspec.Struct, frozen=True):
    """A verdict that changed."""

    summary: ClusterSummary
    previous: Verdict


class VerdictChanges:
    """The verdict of one cluster as it is reported.

    The first one is no change. `unknown` is no first one: a cluster that did not answer since the first
    observation has no verdict that could change.
    """

    def __init__(self) -> None:
        self._current: Verdict | None = None
        self._candidate: Verdict | None = None
        self._since = self._left = 0.0
        self._last: ClusterSummary | None = None

    @property
    def is_changing(self) -> bool:
        """Whether another verdict was seen and is not reported yet: the next observation should come soon."""
        return self._candidate is not None

    def observe(self, summary: ClusterSummary) -> VerdictChange | None:
        """The change that is to be reported now, when this observation makes one certain."""
        verdict, at, self._last = summary.verdict, summary.observed_at, summary
        if verdict is None or (self._current is None and verdict == "unknown"):
            return None
        if self._current is None or verdict == self._current:
            self._current, self._candidate = verdict, None
            return None
        if self._candidate is None:
            self._left = at
        if verdict != self._candidate:
            self._candidate, self._since = verdict, at
        if at - self._since < HOLD_S and at - self._left < LONGEST_S:
            return None
        return self._change_to(summary)

    def conclude(self) -> VerdictChange | None:
        """The change that was seen last and is not reported yet: nobody looks on until it has held."""
        return self._change_to(self._last) if self._last is not None and self.is_changing else None

    def _change_to(self, summary: ClusterSummary) -> VerdictChange | None:
        verdict, previous = summary.verdict, self._current
        if verdict is None or previous is None:
            return None
        self._current, self._candidate = verdict, None
        return VerdictChange(summary, previous)


def change_document(change: VerdictChange) -> Document:
    """A change of a verdict as JSON."""
    summary = change.summary
    return {
        "schema_version": SCHEMA_VERSION,
        "type": "verdict",
        "name": summary.name,
        "cluster": summary.cluster,
        "profile": summary.profile,
        "platform": summary.platform,
        "verdict": summary.verdict,
        "previous_verdict": change.previous,
        "phase": summary.phase,
        "message": summary.why or None,
        "hint": as_commands(summary.hint) or None,
        "since": rfc3339_or_none(summary.since),
        "observed_at": rfc3339(summary.observed_at),
    }


def change_variables(change: VerdictChange) -> dict[str, str]:
    """The same as variables of a command's environment.

    `RAYTUI_CLUSTER` and `RAYTUI_PROFILE` mean to raytui what they mean here: a command that calls `raytui status`
    gets that of this cluster.
    """
    summary = change.summary
    said = {
        "RAYTUI_CLUSTER": summary.cluster,
        "RAYTUI_PROFILE": summary.profile,
        "RAYTUI_VERDICT": summary.verdict or "",
        "RAYTUI_PREVIOUS_VERDICT": change.previous,
        "RAYTUI_PHASE": summary.phase or "",
        "RAYTUI_MESSAGE": summary.why,
        "RAYTUI_HINT": as_commands(summary.hint),
        "RAYTUI_SINCE": rfc3339(summary.since) if summary.since else "",
    }
    # No variable holds a zero byte, or more than a system takes; a message may hold whatever somebody else wrote.
    return {name: value.replace("\0", "")[:MOST_CHARACTERS] for name, value in said.items()}
