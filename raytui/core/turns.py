"""When the verdict of a cluster has changed for good, so that somebody is told: once, and not for a moment's change."""

from __future__ import annotations

import msgspec

from raytui.core.clusters import ClusterLook
from raytui.core.conditions import Verdict
from raytui.core.remedy import as_commands
from raytui.core.report import SCHEMA_VERSION, Document
from raytui.core.units import rfc3339, rfc3339_or_none

HOLD_S = 5.0
"""How long another verdict must have been seen, without a look that told otherwise, before it is told."""
LONGEST_S = 30.0
"""After that long away from the verdict that was told last, whatever is so now is told."""


class Turn(msgspec.Struct, frozen=True):
    """A verdict that changed."""

    look: ClusterLook
    previous: Verdict


class Turns:
    """The verdict of one cluster as it is told.

    Nothing is told of the first one. `unknown` is no first one: a cluster that did not answer since somebody looks has
    no verdict that could change.
    """

    def __init__(self) -> None:
        self._told: Verdict | None = None
        self._candidate: Verdict | None = None
        self._since = self._left = 0.0

    @property
    def is_turning(self) -> bool:
        """Whether another verdict was seen and is not told yet: the next look should come soon."""
        return self._candidate is not None

    def see(self, look: ClusterLook) -> Turn | None:
        """The change that is to be told now, when this look makes one certain."""
        verdict, at = look.verdict, look.observed_at
        if verdict is None or (self._told is None and verdict == "unknown"):
            return None
        if self._told is None or verdict == self._told:
            self._told, self._candidate = verdict, None
            return None
        if self._candidate is None:
            self._left = at
        if verdict != self._candidate:
            self._candidate, self._since = verdict, at
        if at - self._since < HOLD_S and at - self._left < LONGEST_S:
            return None
        turn = Turn(look, self._told)
        self._told, self._candidate = verdict, None
        return turn


def turn_document(turn: Turn) -> Document:
    """A change of a verdict as JSON."""
    look = turn.look
    return {
        "schema_version": SCHEMA_VERSION,
        "type": "verdict",
        "name": look.name,
        "cluster": look.cluster,
        "profile": look.profile,
        "platform": look.platform,
        "verdict": look.verdict,
        "previous_verdict": turn.previous,
        "phase": look.phase,
        "message": look.why or None,
        "hint": as_commands(look.hint) or None,
        "since": rfc3339_or_none(look.since),
        "observed_at": rfc3339(look.observed_at),
    }


def turn_variables(turn: Turn) -> dict[str, str]:
    """The same as variables of a command's environment.

    `RAYTUI_CLUSTER` and `RAYTUI_PROFILE` mean to raytui what they mean here: a command that calls `raytui status` is
    told of this cluster.
    """
    look = turn.look
    said = {
        "RAYTUI_CLUSTER": look.cluster,
        "RAYTUI_PROFILE": look.profile,
        "RAYTUI_VERDICT": look.verdict or "",
        "RAYTUI_PREVIOUS_VERDICT": turn.previous,
        "RAYTUI_PHASE": look.phase or "",
        "RAYTUI_MESSAGE": look.why,
        "RAYTUI_HINT": as_commands(look.hint),
        "RAYTUI_SINCE": rfc3339(look.since) if look.since else "",
    }
    # No variable holds a zero byte; a message may hold whatever somebody else wrote.
    return {name: value.replace("\0", "") for name, value in said.items()}
