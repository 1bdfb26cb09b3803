"""What of the work that waits is wrong: what can never run at once, what waits after a while, what fits soon never."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from raytui.core.condition import Condition
from raytui.core.observed.snapshot import Snapshot
from raytui.core.waiting import sentences
from raytui.core.waiting.values import Waiting

SOON_S = 10.0
"""How long what fits once something ends may wait before it is said at all: whoever looks asks what waits for what."""
LONG_S = 60.0
"""How long it may wait before that is worth a warning."""
MOST = 5
"""Demands that are named one by one."""
SAME_CLOCK_S = 30.0
"""How far Ray's clock and this machine's may differ for a time of Ray's to be shown as one of this machine's."""
_ORDER = {"never": 0, "quota": 1, "scale": 1, "unknown": 2, "environment": 3, "fits": 4}


def dated(
    found: Iterable[Waiting], snapshot: Snapshot, first_seen: Mapping[str, float] | None = None
) -> tuple[Waiting, ...]:
    """The same with since when each waits, by Ray's clock or by that of whoever watches.

    `first_seen` is by `Waiting.key`; none at the first look: what waits then may have waited for ever, which 0 says.
    """
    usage = snapshot.usage.value
    written = usage.written_at if usage is not None else 0.0
    ahead = snapshot.observed_at - written if written else 0.0
    return tuple(_dated(one, snapshot.observed_at, ahead, first_seen) for one in found)


def _dated(one: Waiting, now: float, ahead: float, first_seen: Mapping[str, float] | None) -> Waiting:
    if 0 < one.since <= now + SAME_CLOCK_S and abs(ahead) < SAME_CLOCK_S:
        return one
    known = one.since + round(ahead) if one.since else 0.0
    if known > now:
        # The node that wrote it has another clock than the one that wrote the report, or the report is old.
        known = 0.0
    return msgspec.structs.replace(one, since=known if first_seen is None else first_seen.get(one.key, now))


def of_demand(found: Iterable[Waiting], snapshot: Snapshot) -> Iterator[Condition]:
    """A condition for each demand that can never be met (error), and for each that waits for long (warning).

    What needs more workers is said at once: no end of anything else lets it run. What waits for an end and not for long
    is information.
    """
    now = snapshot.observed_at
    relevant = sorted(
        (one for one in found if _counts(one, now)), key=lambda one: (_ORDER[one.kind], not _is_long(one, now))
    )
    for one in relevant[:MOST]:
        never = one.kind == "never"
        yield Condition(
            "error" if never else "warning" if _is_long(one, now) else "info",
            sentences.subject(one.demand),
            "InfeasibleDemand" if never else "PendingDemand",
            sentences.beside_subject(one),
            sentences.hint(one),
            one.since,
        )
    if len(relevant) > MOST:
        rest = relevant[MOST:]
        number = sum(one.demand.count for one in rest)
        message = f"{number} more tasks, actors and placement groups of {len(rest)} shapes wait"
        yield Condition("error" if rest[0].kind == "never" else "warning", snapshot.cluster, "PendingDemand", message)


def _counts(one: Waiting, now: float) -> bool:
    return _is_long(one, now) or (one.kind in {"fits", "environment"} and now - one.since >= SOON_S)


def _is_long(one: Waiting, now: float) -> bool:
    """Whether nothing that ends by itself lets it run, or it has waited long for that."""
    return one.kind in {"never", "scale", "quota"} or not one.since or now - one.since >= LONG_S
