"""A snapshot joined once for the lists: node of application and application of node, so that no row looks through all the others."""

from __future__ import annotations

import msgspec

from raytui.core.conditions import node_state
from raytui.core.snapshot import Application, Node, NodeState, Snapshot


class Joined:
    """One snapshot, looked up by id and by name."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._nodes = {node.node_id: node for node in snapshot.nodes.value or ()}
        self._named: dict[str, list[Node]] = {}
        for node in snapshot.nodes.value or ():
            self._named.setdefault(node.name, []).append(node)
        self._owner: dict[str, Application] = {}
        for app in snapshot.applications.value or ():
            found = self._of_one(app).node_of(app)
            if found is not None:
                self._owner[found.node_id] = app

    def application_of(self, node: Node) -> Application | None:
        """The application whose present node this is."""
        return self._owner.get(node.node_id)

    def node_name(self, node_id: str) -> str:
        """A node as a row names it: `head` or `worker-N` for the applications' own, else Ray's name of it, else the id's beginning."""
        owner, node = self._owner.get(node_id), self._nodes.get(node_id)
        return owner.short if owner is not None else (node.name if node is not None else "") or node_id[:12]

    def state_of(self, application: Application) -> tuple[str, NodeState | None]:
        """Id and state of the application's node."""
        return node_state(self._of_one(application), application)

    def _of_one(self, application: Application) -> Snapshot:
        """The snapshot with no other nodes than those of the application's name."""
        nodes = self.snapshot.nodes
        if nodes.value is None:
            return self.snapshot
        named = tuple(self._named.get(application.name, ()))
        return msgspec.structs.replace(self.snapshot, nodes=msgspec.structs.replace(nodes, value=named))


def join(snapshot: Snapshot) -> Joined:
    """The snapshot joined."""
    return Joined(snapshot)
