"""A snapshot joined once: node of application, application of node, by id and by name, and the counts that both front ends show.

Built in one pass over applications and nodes and kept with its snapshot: nothing scans one list inside a loop over the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from raytui.core.life import OVER, is_current, is_fresh, is_node_of, is_same_head
from raytui.core.snapshot import Application, LauncherReport, Node, NodeState, Snapshot

_KEY = "joined"
_ASKED = frozenset({"starting", "running", "stopping", "unknown"})
"""States of an application that may have a node; the others are witness enough that it has none."""


class Counts(NamedTuple):
    """How many nodes of the cluster's applications are how, by the worse of all witnesses; none where nothing was observed."""

    expected: int | None
    """Applications that the platform lists, each of which is to be one node; none where no platform says how many there should be."""
    alive: int | None
    """The application runs, its launcher says nothing to the contrary, and Ray (or, unasked, the launcher) says that it is alive."""
    dead: int | None
    unknown: int | None
    """Neither: not looked at, or the witnesses are too old or of another life."""
    unread: int
    """Of these, launchers whose report exists and was not read."""


class Joined:
    """One snapshot, looked up by id and by name. `now` of every judgement is the moment of the snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.applications: Mapping[str, Application] = {app.name: app for app in snapshot.applications.value or ()}
        """By name."""
        self.nodes: Mapping[str, Node] = {node.node_id: node for node in snapshot.nodes.value or ()}
        """By node id, those of earlier lives too."""
        self._named: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            self._named.setdefault(node.name, []).append(node)
        self._head_report = self._living_head_report()
        self._node_of: dict[tuple[str, str], Node | None] = {}
        self._state_of: dict[tuple[str, str], tuple[str, NodeState | None]] = {}
        self._owner: dict[str, Application] = {}
        for app in snapshot.applications.value or ():
            key = (app.id, app.name)
            found = self._node_of[key] = self._find(app)
            self._state_of[key] = self._judge(app, found)
            if found is not None:
                self._owner[found.node_id] = app
        self.counts = self._count()

    def node_of(self, application: Application) -> Node | None:
        """The Ray node of the application's present life, dead or alive; none when Ray lists none or only that of an earlier life."""
        key = (application.id, application.name)
        return self._node_of[key] if key in self._node_of else self._find(application)

    def application_of(self, node: Node) -> Application | None:
        """The application whose present node this is; none for a node of an earlier life and for one that nobody here manages."""
        return self._owner.get(node.node_id)

    def namesake(self, node: Node) -> Application | None:
        """The application that bears the node's name, whichever of its lives the node belongs to."""
        if self.snapshot.by_ray:
            return self._owner.get(node.node_id)
        return self.applications.get(node.name)

    def node(self, node_id: str) -> Node | None:
        """The node with this id."""
        return self.nodes.get(node_id)

    def node_name(self, node_id: str) -> str:
        """A node as a row names it: `head` or `worker-N` for the applications' own, else Ray's name of it, else the id's beginning."""
        node = self.nodes.get(node_id)
        if node is None:
            return node_id[:12]
        owner = self._owner.get(node_id)
        return owner.short if owner is not None else node.name or node_id[:12]

    def state_of(self, application: Application) -> tuple[str, NodeState | None]:
        """Id and state of the application's node by the worse witness; `("", None)` when nobody knows of a node.

        Ray's word counts unless the launcher or the platform knows of the end; where Ray was not asked, the launcher's own fresh report
        counts, a worker's only while its head lives and is the one that the worker joined.
        """
        key = (application.id, application.name)
        return self._state_of[key] if key in self._state_of else self._judge(application, self._find(application))

    def is_alive(self, application: Application) -> bool:
        """Whether the application counts as a living node: the platform and every witness of its node agree."""
        return application.state == "running" and self.state_of(application)[1] == "ALIVE"

    def _find(self, app: Application) -> Node | None:
        if self.snapshot.by_ray:
            return self.nodes.get(app.id)
        now = self.snapshot.observed_at
        reported = app.launcher.node_id if app.launcher is not None and is_current(app, app.launcher, now) else ""
        own = [node for node in self._named.get(app.name, ()) if is_node_of(app, node, now)]
        return max(
            own,
            key=lambda node: (
                node.node_id == reported and node.state != "DEAD",
                node.state == "ALIVE",
                node.node_id == reported,
                node.started_at,
            ),
            default=None,
        )

    def _judge(self, app: Application, node: Node | None) -> tuple[str, NodeState | None]:
        report, now = app.launcher, self.snapshot.observed_at
        current = is_current(app, report, now)
        if node is not None:
            if node.state != "ALIVE":
                return node.node_id, node.state
            if current and report is not None and report.state in OVER and report.node_id in {"", node.node_id}:
                return node.node_id, "DEAD"
            return node.node_id, "UNKNOWN" if app.state in {"failed", "stopped", "unknown"} else "ALIVE"
        if report is None or self.snapshot.nodes.value is not None:
            return "", None
        if report.state == "unread":
            return "", "UNKNOWN"
        if not report.node_id:
            return "", None
        if current and report.state in OVER:
            return report.node_id, "DEAD"
        lives = current and report.state == "alive" and app.state == "running" and is_fresh(report, now)
        if lives and app.role == "worker":
            lives = self._head_report is not None and is_same_head(self._head_report, report)
        return report.node_id, "ALIVE" if lives else "UNKNOWN"

    def _living_head_report(self) -> LauncherReport | None:
        head, now = self.snapshot.head, self.snapshot.observed_at
        if head is None or head.state != "running":
            return None
        report = head.launcher
        if report is None or report.state != "alive" or not is_current(head, report, now) or not is_fresh(report, now):
            return None
        return report

    def _count(self) -> Counts:
        snapshot = self.snapshot
        listed, nodes = snapshot.applications.value, snapshot.nodes.value
        if listed is None:
            # Whose the nodes are cannot be told; how many Ray lists can.
            if nodes is None:
                return Counts(0, None, None, None, 0)
            return _count_states(0, nodes)
        if snapshot.by_ray and nodes is not None:
            return _count_states(None, nodes)
        unread = sum(app.launcher is not None and app.launcher.state == "unread" for app in listed) if nodes is None else 0
        asked = any(app.state in _ASKED for app in listed)
        heard = any(app.launcher is not None and app.launcher.state not in {"", "unread"} for app in listed)
        if nodes is None and asked and not heard:
            return Counts(len(listed), None, None, None, unread)
        states_of = [(app, self.state_of(app)[1]) for app in listed]
        alive = sum(self.is_alive(app) for app in listed)
        dead = sum(state == "DEAD" for _, state in states_of)
        blind = nodes is None
        unknown = sum(state == "UNKNOWN" or (state is None and blind and app.state in _ASKED) for app, state in states_of)
        if unknown and not alive and not dead:
            # Nobody knows of any of them: none alive would be a claim.
            return Counts(len(listed), None, None, unknown, unread)
        return Counts(len(listed), alive, dead, unknown, unread)


def _count_states(expected: int | None, nodes: tuple[Node, ...]) -> Counts:
    """The nodes by Ray's word alone."""
    states = Counter(node.state for node in nodes)
    return Counts(expected, states["ALIVE"], states["DEAD"], states["UNKNOWN"], 0)


def join(snapshot: Snapshot) -> Joined:
    """The snapshot joined; the same object for the same snapshot."""
    kept = snapshot.__dict__.get(_KEY)
    if not isinstance(kept, Joined):
        kept = snapshot.__dict__[_KEY] = Joined(snapshot)
    return kept
