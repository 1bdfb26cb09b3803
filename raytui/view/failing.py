"""How many things of each list are not as they should be, for the line that names the lists.

Counted is only what was observed: of a list that nobody asked for nothing is said, not even that all is well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from raytui.core.events import Severity
from raytui.core.findings.jobs import FAILED_LATELY_S
from raytui.core.findings.nodes import PLANNED_ENDS
from raytui.core.observed.snapshot import Actor, Job, Node, Snapshot
from raytui.core.observed.workload import PlacementGroup, ServeDeployment, TaskCount
from raytui.view.picture import Picture
from raytui.view.words import SEVERITIES, Role

NO_FAULT = frozenset({"RAY_KILL", "OUT_OF_SCOPE", "REF_DELETED", "OWNER_DIED"})
"""Ray's words for the death of an actor that its own program wanted, or that tells nothing that its owner does not."""


class Failing(NamedTuple):
    """How many rows of one list need somebody, with the mark of the worst of them."""

    number: int
    mark: str
    role: Role


class FailingCounts:
    """The counts from picture to picture: a list whose answer is the same object is not counted again."""

    def __init__(self) -> None:
        self._counted: dict[str, tuple[object, Failing | None]] = {}

    def of(self, picture: Picture | None) -> Mapping[str, Failing]:
        """By the name of the list; a list without any, and one that was not asked for, is left out."""
        if picture is None:
            return {}
        snapshot = picture.snapshot
        found: dict[str, Failing | None] = {}
        for name, (value, count) in _lists(snapshot).items():
            # A job that failed stops to count with time, so jobs are looked at again at every picture.
            kept = self._counted.get(name)
            if kept is None or kept[0] is not value or name == "jobs":
                kept = self._counted[name] = (value, _failing(count(value, snapshot)) if value is not None else None)
            found[name] = kept[1]
        return {name: failing for name, failing in found.items() if failing is not None}


# Any: each list has rows of its own type, which its own function knows.
_Counting = Callable[[Any, Snapshot], Sequence[Severity]]


def _lists(snapshot: Snapshot) -> dict[str, tuple[object, _Counting]]:
    return {
        "jobs": (snapshot.jobs.value, _jobs),
        "actors": (snapshot.actors.value, _actors),
        "serve": (snapshot.serve.value, _serve),
        "tasks": (snapshot.task_counts.value, _tasks),
        "placement-groups": (snapshot.placement_groups.value, _groups),
        "nodes": (snapshot.nodes.value, _nodes),
    }


def _failing(found: Sequence[Severity]) -> Failing | None:
    severities = Counter(found)
    worst: Severity = "error" if severities["error"] else "warning"
    if not severities[worst]:
        return None
    return Failing(severities["error"] + severities["warning"], *SEVERITIES[worst])


def _jobs(rows: Sequence[Job], snapshot: Snapshot) -> list[Severity]:
    now = snapshot.observed_at
    return ["error" for job in rows if job.status == "FAILED" and now - job.ended_at < FAILED_LATELY_S]


def _actors(rows: Sequence[Actor], _: Snapshot) -> list[Severity]:
    found: list[Severity] = []
    for actor in rows:
        if actor.state == "RESTARTING":
            found.append("warning")
        elif actor.state == "DEAD" and actor.death not in NO_FAULT and "INTENDED_" not in actor.message:
            found.append("error")
    return found


def _serve(rows: Sequence[ServeDeployment], _: Snapshot) -> list[Severity]:
    return ["error" for one in rows if one.fails]


def _tasks(rows: Sequence[TaskCount], _: Snapshot) -> list[Severity]:
    return ["error"] * sum(row.states.get("FAILED", 0) for row in rows)


def _groups(rows: Sequence[PlacementGroup], _: Snapshot) -> list[Severity]:
    return ["warning" for group in rows if group.state in {"PENDING", "RESCHEDULING"}]


def _nodes(rows: Sequence[Node], snapshot: Snapshot) -> list[Severity]:
    # Where applications stand for nodes, those that ended are listed there, and Ray lists earlier lives as well.
    if not snapshot.by_ray:
        return []
    return ["error" for node in rows if node.state == "DEAD" and node.reason not in PLANNED_ENDS]
