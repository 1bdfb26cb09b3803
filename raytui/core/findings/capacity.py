"""What is wrong with applications that are starting and get no capacity, or that take long for another reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from raytui.core.condition import Condition
from raytui.core.observed.joined import Joined
from raytui.core.observed.kept import Moment
from raytui.core.observed.life import began
from raytui.core.observed.snapshot import Application
from raytui.core.platforms import traits
from raytui.core.remedy import Hint, Remedy, plus
from raytui.core.spec import WORKER
from raytui.core.units import duration

if TYPE_CHECKING:
    from raytui.core.findings.quota import Outlook, Shortage

EXPLAIN_AFTER_S = 60.0
"""How long an application of a workbench may be starting before it is reported why, as far as anybody knows."""
LONG_S = 180.0
"""How long it may be starting before that is worth a warning: starts take seconds to minutes."""
HOLDS_REST = Remedy("usage", "", "shows who holds the rest")


def of_waiting(joined: Joined) -> list[Condition]:
    """Applications that wait for capacity, at once, and those that are starting for long without a known reason."""
    snapshot = joined.snapshot
    waiting = [app for app in snapshot.applications.value or () if app.state == "starting"]
    if not waiting:
        return []
    now = Moment(snapshot.observed_at)
    seen = _seen(joined)
    short = [outlook for outlook in seen if outlook.shortages]
    found = list(_short_of_quota(joined, short))
    without_capacity = {outlook.application.name for outlook in short}
    for app in waiting:
        if app.name not in without_capacity:
            found += _long(joined, app, now)
    return found


def why_waiting(joined: Joined, app: Application) -> str:
    """Why one application is still starting, for a sentence about it; empty when nothing is known or it is too soon."""
    found = next((seen for seen in _seen(joined) if seen.application.name == app.name), None)
    if found is not None and found.shortages:
        return f"it waits for capacity: {_arithmetic(found.shortages)}"
    now = Moment(joined.snapshot.observed_at)
    began_at = began(app)
    return _unexplained(joined, app) if began_at and now.has_reached(began_at + EXPLAIN_AFTER_S) else ""


def waiting_names(joined: Joined) -> str:
    """Which applications wait for capacity, and why, in one line; empty when none is known to."""
    short = [outlook for outlook in _seen(joined) if outlook.shortages]
    return "; ".join(
        f"{_names(group)} {'waits' if len(group) == 1 else 'wait'} for capacity: "
        f"{_arithmetic(group[0].shortages, each=len(group) > 1)}"
        for group in _alike(short)
    )


def _seen(joined: Joined) -> list[Outlook]:
    """What the quotas say of those that wait; nothing when nobody asked."""
    snapshot = joined.snapshot
    if snapshot.holdings.value is None:
        return []
    from raytui.core.findings.quota import outlooks

    return outlooks(snapshot.applications.value or (), snapshot.holdings.value)


def _short_of_quota(joined: Joined, short: Sequence[Outlook]) -> Iterator[Condition]:
    """One finding for each kind of application and shortage; of several applications it is the group's."""
    lacking = frozenset(outlook.application.name for outlook in short)
    for group in _alike(short):
        app = group[0].application
        subject, message = app.name, f"it waits for capacity: {_arithmetic(group[0].shortages)}"
        if len(group) > 1:
            subject = f"{joined.snapshot.cluster}-{app.group}"
            arithmetic = _arithmetic(group[0].shortages, each=True)
            message = f"{len(group)} applications wait for capacity, {_names(group)}: {arithmetic}"
        since = min(began(one.application) for one in group)
        yield Condition("warning", subject, "QuotaExceeded", message, _help(joined, group, lacking), since=since)


def _alike(short: Sequence[Outlook]) -> list[list[Outlook]]:
    """Those that lack the same, and ask for the same of it, together."""
    groups: dict[tuple[object, ...], list[Outlook]] = {}
    for outlook in short:
        lacks = tuple((one.unit, one.place, one.asked) for one in outlook.shortages)
        groups.setdefault((outlook.application.group, *lacks), []).append(outlook)
    return list(groups.values())


def _names(group: Sequence[Outlook]) -> str:
    return " ".join(app.short for app in sorted((one.application for one in group), key=lambda app: app.place))


def _arithmetic(shortages: Sequence[Shortage], *, each: bool = False) -> str:
    return "; ".join(shortage.sentence(each=each) for shortage in shortages)


def _help(joined: Joined, group: Sequence[Outlook], lacking: frozenset[str]) -> Hint:
    """What would let them start, or would let the rest be enough; `lacking` are all that wait for capacity."""
    app, shortages = group[0].application, group[0].shortages
    fewer = [f"{one.asked - one.free:g} {one.unit}" for one in shortages if one.free > 0]
    less: Hint = ""
    if len(fewer) == len(shortages) and len(group) == 1:
        less = f"it fits with {' and '.join(fewer)} less; "
    if app.role == "head":
        return plus(less, HOLDS_REST)
    fits = sum(worker.group == app.group and worker.name not in lacking for worker in joined.snapshot.workers)
    target = str(fits) if app.group == WORKER else f"{app.group}={fits}"
    return plus(less, Remedy("scale", target, "asks for no more than fits"), HOLDS_REST)


def _long(joined: Joined, app: Application, now: Moment) -> Iterator[Condition]:
    since = began(app)
    after = EXPLAIN_AFTER_S if traits(joined.snapshot.platform).is_workbench else LONG_S
    # Of one whose node Ray lists as dead, that is what is reported.
    if app.role == "head" or not since or not now.has_reached(since + after) or joined.state_of(app)[1] == "DEAD":
        return
    reason = _unexplained(joined, app)
    message = f"the application has been starting for {duration(now.age(since))}" + (f": {reason}" if reason else "")
    hint = ("it may wait for quota or for a machine; ", Remedy("logs", app.short, "shows what it printed"))
    is_long = now.has_reached(since + LONG_S)
    yield Condition("warning" if is_long else "info", app.name, "StartingLong", message, hint, since=since)


def _unexplained(joined: Joined, app: Application) -> str:
    """What is known of one that lacks nothing that was reported."""
    snapshot = joined.snapshot
    if app.message:
        return app.message
    if app.launcher is not None and app.launcher.message:
        return app.launcher.message
    if not traits(snapshot.platform).is_workbench:
        return ""
    holdings = snapshot.holdings
    if holdings.value is not None:
        from raytui.core.findings.quota import in_use, not_known

        unknown = not_known(holdings.value)
        used = in_use(holdings.value)
        reason = f"quota unknown: {unknown}" if unknown else "no quota is short" + (f" ({used} in use)" if used else "")
    elif holdings.failure is not None:
        reason = f"quota unknown: {holdings.failure.message}"
    else:
        reason = "quota was not asked for yet"
    return f"{reason}; {_image(joined, app)}"


def _image(joined: Joined, app: Application) -> str:
    """How long starts with the same image took, the part of it that may be its download."""
    took = [
        other.started_at - other.began_at
        for other in joined.snapshot.applications.value or ()
        if other.state == "running"
        and other.runtime_identifier == app.runtime_identifier
        and 0 < other.began_at < other.started_at
    ]
    if not took:
        return "its image may be downloading, and no start with it was seen to end"
    return f"its image may be downloading: the slowest start with it here took {duration(max(took))}"
