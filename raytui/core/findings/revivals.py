"""The restarts that a platform makes by itself, followed from snapshot to snapshot and reported as events.

Counted is only what was seen: what happened before somebody looked is known to nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from raytui.core.condition import touched
from raytui.core.events import Event
from raytui.core.observed.joined import Joined, join
from raytui.core.observed.kept import Moment
from raytui.core.observed.revival import Revival
from raytui.core.observed.snapshot import Application, Snapshot
from raytui.core.platforms import traits
from raytui.core.units import duration

AFTER_S = 300.0
"""How long after its end the platform starts a failed application again, in recent cloud releases."""
MOST = 3
"""How many times in a row it does."""
_LIVE = frozenset({"starting", "running"})


def follow(known: tuple[Revival, ...], before: Snapshot | None, snapshot: Snapshot) -> tuple[Revival, ...]:
    """What is known of restarts after one more snapshot; `before` is the one before it, none when there was none."""
    listed = snapshot.applications.value
    if listed is None or not traits(snapshot.platform).revives:
        return known
    past = {revival.name: revival for revival in known}
    was = {app.name: app for app in (before.applications.value or () if before is not None else ())}
    planned = touched(snapshot.operation)
    if not past and all(app.state != "failed" for app in listed):
        return ()
    joined = join(snapshot, before)
    found = []
    for app in listed:
        revival = _of(app, past.get(app.name), was.get(app.name), snapshot.observed_at)
        if revival is not None and app.name not in planned:
            found.append(_returned(joined, app, revival))
    made = tuple(found)
    return known if made == known else made


def _of(app: Application, known: Revival | None, was: Application | None, now: float) -> Revival | None:
    """What is known of one application; none when it never failed, or was ended or made again by somebody."""
    if app.state == "failed":
        if known is not None and not known.began_at:
            return known if known.why or not app.message else msgspec.structs.replace(known, why=app.message)
        # Of one that had failed before anybody looked, earlier restarts are not known.
        seen = known.seen if known is not None else 0 if was is not None and was.id == app.id else None
        return Revival(app.name, app.ended_at or now, app.message, seen)
    if known is None or (was is not None and was.id != app.id) or app.state not in {*_LIVE, "unknown"}:
        return None
    if app.state in _LIVE and not known.began_at:
        return msgspec.structs.replace(known, began_at=now, seen=None if known.seen is None else known.seen + 1)
    return known


def _returned(joined: Joined, app: Application, revival: Revival) -> Revival:
    """The same with what is seen of its node, and of the nodes that join a head that came back."""
    now = joined.snapshot.observed_at
    if not revival.began_at or app.state != "running":
        return revival
    if not revival.back_at:
        if not joined.is_alive(app):
            return revival
        revival = msgspec.structs.replace(revival, back_at=now, address=_address(joined, app))
    if app.role != "head":
        return revival
    there = {name for name, _ in revival.rejoined}
    living = (member.application for member in joined.members if member.is_alive)
    new = tuple((worker.name, now) for worker in living if worker.role == "worker" and worker.name not in there)
    return msgspec.structs.replace(revival, rejoined=(*revival.rejoined, *new)) if new else revival


def _address(joined: Joined, app: Application) -> str:
    if app.launcher is not None and app.launcher.address:
        return app.launcher.address
    node = joined.node_of(app)
    return "" if node is None or not node.ip else f"{node.ip}:{app.ray_port}" if app.ray_port else node.ip


def outlook(revival: Revival | None, failed: Application, now: Moment) -> str:
    """When the platform will start a failed application again, and for which time, as far as that was seen."""
    ended = revival.failed_at if revival is not None else failed.ended_at
    if not ended:
        return f"Cloudera AI restarts it by itself 5 minutes after its end, up to {MOST} times"
    minutes = int((ended + AFTER_S - now.at + 59) // 60)
    now.elapsed(ended + AFTER_S, 60.0)
    when = "any moment now" if minutes <= 0 else f"in about {minutes} {'minute' if minutes == 1 else 'minutes'}"
    counted = f"up to {MOST} times"
    if revival is not None and revival.seen is not None:
        counted = f"restart {revival.seen + 1} of at most {MOST} that was seen"
        if revival.seen >= MOST:
            return f"Cloudera AI has restarted it {revival.seen} times and does so no more than {MOST} times in a row"
    return f"Cloudera AI restarts it by itself {when}, {counted}"


def under_way(revival: Revival, now: Moment) -> str:
    """That the platform is starting an application again, as the rest of a sentence that names it."""
    count = f", restart {revival.seen} of at most {MOST} that was seen" if revival.seen is not None else ""
    ago = duration(now.elapsed(revival.failed_at, 10.0) // 10 * 10)
    return f"is being started again by Cloudera AI{count}; it failed {ago} ago" + (
        f": {revival.why}" if revival.why else ""
    )


def unfinished(revivals: Iterable[Revival], name: str) -> Revival | None:
    """The restart of an application that has begun and whose node does not live yet; none without one."""
    return next((one for one in revivals if one.name == name and one.began_at and not one.back_at), None)


def revival_events(before: tuple[Revival, ...], after: tuple[Revival, ...], at: float) -> Iterator[Event]:
    """What happened between two snapshots, as events."""
    past = {revival.name: revival for revival in before}
    for revival in after:
        yield from _events(past.get(revival.name), revival, at)


def _events(was: Revival | None, is_now: Revival, at: float) -> Iterator[Event]:
    name = is_now.name
    if was is not None and was.failed_at != is_now.failed_at:
        was = None
    if was is None:
        why = f": {is_now.why}" if is_now.why else ""
        count = ""
        if is_now.seen is not None:
            count = f" (restart {is_now.seen + 1} of at most {MOST} that was seen)"
        again = f"Cloudera AI starts it again by itself 5 minutes after its end{count}"
        if is_now.seen is not None and is_now.seen >= MOST:
            again = f"Cloudera AI was seen to restart it {is_now.seen} times and does so no more than {MOST} times"
        yield Event(at, "platform", name, "RestartExpected", f"it failed{why}; {again}", "error")
    if is_now.began_at and (was is None or not was.began_at):
        count = f", restart {is_now.seen} of at most {MOST} that was seen" if is_now.seen is not None else ""
        after = duration(is_now.began_at - is_now.failed_at)
        yield Event(at, "platform", name, "RestartBegan", f"Cloudera AI started it again {after} after its end{count}")
    if is_now.back_at and (was is None or not was.back_at):
        where = f" at {is_now.address}" if is_now.address else ""
        after = duration(is_now.back_at - is_now.failed_at)
        yield Event(at, "ray", name, "CameBack", f"it is back{where}, {after} after it failed")
    there = {worker for worker, _ in was.rejoined} if was is not None else set()
    for worker, when in is_now.rejoined:
        if worker not in there:
            after = duration(when - is_now.back_at)
            message = f"its node lives in the restarted head's Ray, {after} after the head was back"
            yield Event(at, "ray", worker, "Rejoined", message)
