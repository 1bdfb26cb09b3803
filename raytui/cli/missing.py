"""Logs that could not be read, said on stderr as they turn up: what is printed of the others is not all there is."""

from __future__ import annotations

from raytui.cli.invocation import Invocation
from raytui.core.logline import Missed
from raytui.core.observed.snapshot import Snapshot
from raytui.core.session import Logs


class Missing:
    """Those of one call."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self.found: list[Missed] = []

    def add(self, missed: Missed) -> None:
        """One more."""
        self.found.append(missed)
        how = "searched whole" if missed.is_part else "read"
        self._invocation.diagnostics.warning(f"{missed.source} was not {how}: {missed.reason}")


async def tell_unread(invocation: Invocation, logs: Logs, snapshot: Snapshot) -> None:
    """Say what of the kept logs could not be looked at: that there are none is not known then."""
    missing = Missing(invocation)
    for each in (await logs.matching(snapshot, (), everything=True))[1]:
        if each.is_kept:
            missing.add(each)
