"""A snapshot joined once: node of application, application of node, and the counts that both front ends show.

Built in one pass over applications and nodes and kept with its snapshot: nothing scans one list inside a loop over the
other. What has not changed since the snapshot before is taken over from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar

import msgspec

from raytui.core.observed.indexes import ApplicationIndex, NodeIndex
from raytui.core.observed.kept import Kept, Moment
from raytui.core.observed.life import OVER, is_current, is_fresh, is_node_of, is_same_head
from raytui.core.observed.snapshot import Application, LauncherReport, Node, NodeState, Snapshot

R = TypeVar("R")
_KEY = "joined"
HIDDEN = "DashboardNotExposed"
"""The reason with which a platform says that a dashboard cannot be asked from here, on purpose."""
_IS_ALIVE, _STATE = attrgetter("is_alive"), attrgetter("state")
_ASKED = frozenset({"starting", "running", "stopping", "unknown"})
"""States of an application that may have a node; the others are witness enough that it has none."""


class Counts(NamedTuple):
    """How many nodes of the cluster's applications are how, by the worse of all witnesses.

    None where nothing was observed.
    """

    expected: int | None
    """Applications that the platform lists, each to be one node; none where no platform says how many should be."""
    alive: int | None
    """The application runs, its launcher says nothing to the contrary, and Ray (or, unasked, the launcher) says that it
    is alive."""
    dead: int | None
    unknown: int | None
    """Neither: not looked at, or the witnesses are too old or of another life."""
    unread: int
    """Of these, launchers whose report exists and was not read."""


class Member(msgspec.Struct, frozen=True, gc=False):
    """An application with the Ray node of its present life.

    The same object as long as neither changes, nor what they say.
    """

    application: Application
    node: Node | None
    """None when Ray lists none, or only that of an earlier life."""
    node_id: str
    """Of the node, or as its launcher reports it; empty when nobody knows of one."""
    state: NodeState | None
    """By the worse witness, see `Joined.state_of`."""
    is_alive: bool
    """Whether the platform and every witness of the node agree that it lives."""


class Joined:  # noqa: PLR0904  # look-ups of one join, most of them a line: apart they need the same indexes twice
    """One snapshot, looked up by id and by name. `now` of every judgement is the moment of the snapshot."""

    def __init__(self, snapshot: Snapshot, before: Joined | None = None) -> None:
        """`before` is the snapshot that came before: what has not changed since is taken over, with the same result."""
        self.snapshot = snapshot
        # Any: each derived column has results of its own type.
        self._kept: dict[str, Kept[Any]] = dict(before._kept) if before is not None else {}
        self._identity = object()
        self._past = before._identity if before is not None else None
        listed, nodes = snapshot.applications.value or (), snapshot.nodes.value or ()
        self._listing: ApplicationIndex = (
            ApplicationIndex.of(listed, before.snapshot.applications.value or (), before._listing)
            if before is not None
            else ApplicationIndex(listed)
        )
        self._of_nodes: NodeIndex = (
            NodeIndex.of(nodes, before.snapshot.nodes.value or (), before._of_nodes)
            if before is not None
            else NodeIndex(nodes)
        )
        self.applications: Mapping[str, Application] = self._listing.applications
        """By name."""
        self.names: frozenset[str] = self._listing.names
        """Of the applications; the same object while they stay the same."""
        self.nodes: Mapping[str, Node] = self._of_nodes.by_id
        """By node id, those of earlier lives too."""
        self._head_report = self._living_head_report()
        report = self._head_report
        context = (
            snapshot.nodes.value is None,
            self._is_hidden,
            report is not None and (report.generation, report.address),
        )
        self._named: list[tuple[Node, ...]] = [] if snapshot.by_ray else self._named_column(listed, before)
        self.members: Sequence[Member]
        if snapshot.by_ray:
            self.members = self.derive("members", _watched, listed, [self.nodes.get(app.id) for app in listed])
        else:
            self.members = self.derive("members", self._member, listed, self._named, context=context)
        """One for each application, as the platform lists them."""

    def has_nodes_of(self, earlier: Joined) -> bool:
        """Whether the nodes have the ids that they had in an earlier snapshot."""
        if self._past is earlier._identity and self._of_nodes.changed is not None:
            return True
        return self.nodes.keys() == earlier.nodes.keys()

    def nodes_since(self, earlier: Joined) -> Sequence[Node]:
        """The nodes that are not the very objects of an earlier snapshot."""
        if self._past is earlier._identity and self._of_nodes.changed is not None:
            return self._of_nodes.changed
        return [node for node in self.nodes.values() if earlier.nodes.get(node.node_id) is not node]

    def _named_column(self, listed: Sequence[Application], before: Joined | None) -> list[tuple[Node, ...]]:
        """The nodes of each application's name."""
        named, changed = self._of_nodes.named, self._of_nodes.changed
        if before is None or changed is None or before._listing.places is not self._listing.places:
            return [named.get(app.name, ()) for app in listed]
        column = before._named.copy() if changed else before._named
        for node in changed:
            place = self._listing.places.get(node.name)
            if place is not None:
                column[place] = named[node.name]
        return column

    def derive(
        self, name: str, make: Callable[..., R], *columns: Sequence[object], context: object = None
    ) -> Sequence[R]:
        """`make(*row, moment)` for each row of the columns, asked only for rows that changed since the snapshot before.

        See `Kept`.
        """
        kept = self._kept[name] = Kept(
            self._kept.get(name), make, columns, now=self.snapshot.observed_at, context=context
        )
        return kept.results

    @cached_property
    def counts(self) -> Counts:
        """How many nodes are how."""
        return self._count()

    @cached_property
    def workers_not_alive(self) -> Sequence[Member]:
        """The workers that do not count as living nodes, by index."""
        return [member for member in self.workers if not member.is_alive]

    @cached_property
    def workers(self) -> Sequence[Member]:
        """The workers by index."""
        return [self.members[n] for n in self._listing.workers]

    @property
    def indexes(self) -> Mapping[str, frozenset[int]]:
        """The workers' indexes, by group."""
        return self._listing.indexes

    @cached_property
    def in_place(self) -> Sequence[Member]:
        """The head, then the workers by index."""
        return [self.members[n] for n in self._listing.in_place]

    @cached_property
    def strays(self) -> Sequence[Node]:
        """Living nodes that bear no application's name."""
        if self.snapshot.by_ray:
            return ()
        own = [member.node for member in self.members]
        if len(self.names) == len(own) and len(own) - own.count(None) == len(self.nodes):
            return ()
        names = self.names

        def stray(node: Node, _: Moment) -> Node | None:
            return node if node.state == "ALIVE" and node.name not in names else None

        return list(filter(None, self.derive("strays", stray, self.snapshot.nodes.value or (), context=(names,))))

    @cached_property
    def _owner(self) -> Mapping[str, Application]:
        return {member.node.node_id: member.application for member in self.members if member.node is not None}

    def member(self, application: Application) -> Member:
        """The application with its node."""
        place = self._listing.places.get(application.name)
        if place is not None and self.members[place].application.id == application.id:
            return self.members[place]
        return self._member(
            application, self._of_nodes.named.get(application.name, ()), Moment(self.snapshot.observed_at)
        )

    def node_of(self, application: Application) -> Node | None:
        """The Ray node of the application's present life, dead or alive.

        None when Ray lists none or only that of an earlier life.
        """
        return self.member(application).node

    def application_of(self, node: Node) -> Application | None:
        """The application whose present node this is.

        None for a node of an earlier life and for one that nobody here manages.
        """
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
        """A node as a row names it.

        `head` or `worker-N` for the applications' own, else Ray's name of it, else the beginning of its id.
        """
        node = self.nodes.get(node_id)
        if node is None:
            return node_id[:12]
        owner = self._owner.get(node_id)
        return owner.short if owner is not None else node.name or node_id[:12]

    def state_of(self, application: Application) -> tuple[str, NodeState | None]:
        """Id and state of the application's node by the worse witness; `("", None)` when nobody knows of a node.

        Ray's word counts unless the launcher or the platform knows of the end. Where Ray cannot be asked on purpose,
        the launcher's own fresh report counts, a worker's only while its head lives and is the one that the worker
        joined; where Ray was asked and did not answer, no report alone proves that a node lives.
        """
        member = self.member(application)
        return member.node_id, member.state

    def is_alive(self, application: Application) -> bool:
        """Whether the application counts as a living node: the platform and every witness of its node agree."""
        return application.state == "running" and self.state_of(application)[1] == "ALIVE"

    def _member(self, app: Application, named: tuple[Node, ...], now: Moment) -> Member:
        node = self._find(app, named, now)
        node_id, state = self._judge(app, node, now)
        return Member(app, node, node_id, state, state == "ALIVE" and app.state == "running")

    def _find(self, app: Application, named: tuple[Node, ...], now: Moment) -> Node | None:
        own = [node for node in named if is_node_of(app, node, now)]
        if len(own) < 2:
            return own[0] if own else None
        reported = app.launcher.node_id if app.launcher is not None and is_current(app, app.launcher, now) else ""
        return max(
            own,
            key=lambda node: (
                node.node_id == reported and node.state != "DEAD",
                node.state == "ALIVE",
                node.node_id == reported,
                node.started_at,
                node.node_id,
            ),
        )

    def _judge(self, app: Application, node: Node | None, now: Moment) -> tuple[str, NodeState | None]:
        report = app.launcher
        current = is_current(app, report, now)
        if node is not None:
            if node.state != "ALIVE":
                return node.node_id, node.state
            if current and report is not None and report.state in OVER and report.node_id in {"", node.node_id}:
                return node.node_id, "DEAD"
            # Ray calls a node ALIVE for up to 65 s after it vanished: only an application that is to run speaks for it.
            return node.node_id, "ALIVE" if app.state in {"running", "starting"} else "UNKNOWN"
        if report is None or self.snapshot.nodes.value is not None:
            return "", None
        if report.state == "unread":
            return "", "UNKNOWN"
        if not report.node_id:
            return "", None
        if current and report.state in OVER:
            return report.node_id, "DEAD"
        lives = (
            self._is_hidden and current and report.state == "alive" and app.state == "running" and is_fresh(report, now)
        )
        if lives and app.role == "worker":
            lives = self._head_report is not None and is_same_head(self._head_report, report)
        return report.node_id, "ALIVE" if lives else "UNKNOWN"

    @property
    def with_gpus(self) -> bool:
        """Whether any node tells figures of GPUs."""
        return self._of_nodes.with_gpus

    @property
    def _is_hidden(self) -> bool:
        """Whether nobody can ask the dashboard from here, by design.

        One that does not answer proves nothing good instead.
        """
        return self.snapshot.dashboard is not None and self.snapshot.dashboard.reason == HIDDEN

    def _living_head_report(self) -> LauncherReport | None:
        head, now = self.snapshot.head, Moment(self.snapshot.observed_at)
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
            # Whose the nodes are cannot be known; how many Ray lists can.
            if nodes is None:
                return Counts(0, None, None, None, 0)
            return _count_states(0, nodes)
        if snapshot.by_ray and nodes is not None:
            return _count_states(None, nodes)
        unread = (
            sum(app.launcher is not None and app.launcher.state == "unread" for app in listed) if nodes is None else 0
        )
        asked = any(app.state in _ASKED for app in listed)
        heard = any(app.launcher is not None and app.launcher.state not in {"", "unread"} for app in listed)
        if nodes is None and asked and not heard:
            return Counts(len(listed), None, None, None, unread)
        alive = sum(map(_IS_ALIVE, self.members))
        states = list(map(_STATE, self.members))
        dead = states.count("DEAD")
        blind = nodes is None
        unknown = states.count("UNKNOWN")
        if blind:
            unknown += sum(m.state is None and m.application.state in _ASKED for m in self.members)
        # Where none was seen to live and some were not seen at all, none alive would be a claim; so it is with the
        # dead.
        return Counts(
            len(listed),
            alive or (None if unknown else 0),
            dead or (None if unknown and not alive else 0),
            unknown,
            unread,
        )


def _watched(app: Application, node: Node | None, _: Moment) -> Member:
    """An application that is nothing but a node: Ray's word is all there is."""
    state = node.state if node is not None else None
    return Member(app, node, app.id, state, state == "ALIVE" and app.state == "running")


def _count_states(expected: int | None, nodes: tuple[Node, ...]) -> Counts:
    """The nodes by Ray's word alone."""
    states = Counter(map(_STATE, nodes))
    return Counts(expected, states["ALIVE"], states["DEAD"], states["UNKNOWN"], 0)


def owner_of_logs(joined: Joined, node_id: str) -> str:
    """The name under which the logs of a node are found."""
    node = joined.node(node_id)
    owner = joined.application_of(node) if node is not None else None
    owner = owner or (joined.namesake(node) if node is not None else None)
    return owner.short if owner is not None else f"node-{node_id[:8]}"


def join(snapshot: Snapshot, before: Snapshot | None = None) -> Joined:
    """The snapshot joined; the same object for the same snapshot.

    What has not changed since `before` is taken over from its join.
    """
    kept = snapshot.__dict__.get(_KEY)
    if not isinstance(kept, Joined):
        past = before.__dict__.get(_KEY) if before is not None else None
        kept = snapshot.__dict__[_KEY] = Joined(snapshot, past if isinstance(past, Joined) else None)
    return kept
