"""What is asked for when a key or the form says only what is to be different: made from what is seen of the cluster."""

from __future__ import annotations

from collections.abc import Collection

from raytui.core.desired.asked import counts, group_of
from raytui.core.remedy import Remedy
from raytui.core.spec import WORKER, ClusterSpec
from raytui.tui.operation import Notice, Request
from raytui.view.picture import Picture


def scaled(picture: Picture | None, target: str, by: int) -> Request | Notice:
    """The group of the application under the cursor, else the group `worker`, larger by so many; or why it cannot."""
    workers = picture.known.workers if picture is not None else ()
    group = next((app.group for app in workers if app.short == target), WORKER)
    there = sum(app.group == group for app in workers)
    if by < 0 and not there:
        which = "worker" if group == WORKER else f"worker of the group {group}"
        return Notice("info", f"there is no {which} to take away", Remedy("stop", "", "stops the cluster"))
    return Request("scale", groups={group: max(0, there + by)})


def configured(spec: ClusterSpec, differs: Collection[str], *, exists: bool) -> Request:
    """What leads to the spec of the form: a scale where nothing but numbers of workers differs."""
    fields = frozenset(differs)
    if fields and fields == counts(fields):
        return Request("scale", groups={group: spec.all_groups[group].count for group in map(group_of, fields)})
    return Request("start", spec=spec, flags=fields if exists else None)
