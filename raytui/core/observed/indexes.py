"""A snapshot's two lists by key: applications by name and place, nodes by id and name.

Each is made for one list, and for the next from the one before: what has not changed is taken over.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

from raytui.core.observed.kept import changed_places
from raytui.core.observed.snapshot import Application, Node


class ApplicationIndex:
    """What follows from the list of applications alone: by name, in place, the workers by index."""

    def __init__(self, listed: Sequence[Application]) -> None:
        self.applications = {app.name: app for app in listed}
        self.names = frozenset(self.applications)
        self.places = {app.name: n for n, app in enumerate(listed)}
        heads = [n for n, app in enumerate(listed) if app.role == "head"]
        self.workers = sorted(
            (n for n, app in enumerate(listed) if app.role == "worker"), key=lambda n: listed[n].place
        )
        """Places of the workers by group and index."""
        self.in_place = [*heads, *self.workers]
        indexes: dict[str, set[int]] = {}
        for n in self.workers:
            indexes.setdefault(listed[n].group, set()).add(listed[n].index)
        self.indexes = {group: frozenset(found) for group, found in indexes.items()}

    @staticmethod
    def of(listed: Sequence[Application], before: Sequence[Application], known: ApplicationIndex) -> ApplicationIndex:
        """The same for a later list."""
        if listed is before:
            return known
        if len(listed) != len(before) or len(known.applications) != len(before):
            return ApplicationIndex(listed)
        places = changed_places(before, listed)
        if any(_standing(before[n]) != _standing(listed[n]) for n in places):
            return ApplicationIndex(listed)
        made = copy(known)
        made.applications = known.applications.copy()
        for n in places:
            made.applications[listed[n].name] = listed[n]
        return made


def _standing(app: Application) -> tuple[str, str, str, int]:
    return (app.name, app.role, app.group, app.index)


class NodeIndex:
    """What follows from the list of nodes alone: by id, by name, and what changed since the list before."""

    def __init__(self, listed: Sequence[Node]) -> None:
        self.by_id = {node.node_id: node for node in listed}
        named: dict[str, list[Node]] = {}
        for node in self.by_id.values():
            named.setdefault(node.name, []).append(node)
        self.named = {name: tuple(nodes) for name, nodes in named.items()}
        self.with_gpus = any(node.gpus for node in listed)
        self.changed: list[Node] | None = None
        """Those that are other objects than in the list before; none when they were not compared."""

    @staticmethod
    def of(listed: Sequence[Node], before: Sequence[Node], known: NodeIndex) -> NodeIndex:
        """The same for a later list."""
        if len(listed) != len(before) or len(known.by_id) != len(before):
            return NodeIndex(listed)
        places = changed_places(before, listed)
        if any((before[n].node_id, before[n].name) != (listed[n].node_id, listed[n].name) for n in places):
            return NodeIndex(listed)
        made = copy(known)
        made.changed = [listed[n] for n in places]
        if places:
            made.with_gpus = any(node.gpus for node in made.changed) or (
                known.with_gpus and any(node.gpus for node in listed)
            )
            made.by_id, made.named = known.by_id.copy(), known.named.copy()
        for n in places:
            old, new = before[n], listed[n]
            made.by_id[new.node_id] = new
            made.named[new.name] = tuple(new if node is old else node for node in made.named[new.name])
        return made
