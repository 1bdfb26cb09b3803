"""Ray's nodes in the place of applications: where no platform lists any, each node is one, by Ray's word alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from raytui.core.observed.snapshot import Application, ApplicationState, Node
from raytui.core.spec import GIGABYTE, GROUP_LABEL

MOST_DEAD = 100
"""How many ended nodes are shown, the last ones; Ray keeps up to 1,000 of them while its head lives."""
_GROUP_LABELS = (GROUP_LABEL, "ray.io/node-group")
"""Which group a node belongs to: raytui's own label, and the one that Ray sets where Kubernetes made the node."""
_STATES: dict[str, ApplicationState] = {"ALIVE": "running", "DEAD": "stopped"}


def applications_of(cluster: str, nodes: tuple[Node, ...]) -> tuple[Application, ...]:
    """The head, the other nodes in the order in which they began, then those that ended, the last first.

    A node is called by the name that somebody gave it, else by its id: without one, Ray gives it its IP address, which
    several share.
    """
    head = _head(nodes)
    dead = sorted(
        (node for node in nodes if node.state == "DEAD" and node is not head), key=lambda node: -node.ended_at
    )
    shown = [node for node in nodes if node.state != "DEAD" and node is not head] + dead[:MOST_DEAD]
    named = Counter(node.name for node in shown)
    plain = {node.name for node in shown if named[node.name] == 1 and _is_given(node)}
    workers = (
        _application(cluster, node, index, node.name if node.name in plain else "")
        for index, node in enumerate(shown, 1)
    )
    return (*([_application(cluster, head, 0, "head")] if head is not None else []), *workers)


def _head(nodes: Iterable[Node]) -> Node | None:
    """The head that lives, else the last that did; none where Ray does not say which node is the head."""
    heads = [node for node in nodes if node.is_head]
    return max(heads, key=lambda node: (node.state == "ALIVE", node.started_at), default=None)


def _is_given(node: Node) -> bool:
    """Whether the name is one that a person chose and that no other word of raytui's stands for."""
    return node.name not in {"", node.ip, "head", "job", "workers", "all"} and "/" not in node.name


def _application(cluster: str, node: Node, index: int, label: str) -> Application:
    label = label or f"node-{node.node_id[:8]}"
    return Application(
        id=node.node_id,
        name=label,
        cluster=cluster,
        role="worker" if index else "head",
        index=index,
        state=_STATES.get(node.state, "unknown"),
        raw_state=node.state,
        started_at=node.started_at,
        ended_at=node.ended_at,
        cpu=node.resources.get("CPU", 0.0),
        memory=node.resources.get("memory", 0.0) / GIGABYTE,
        gpus=int(node.resources.get("GPU", 0.0)),
        message=(node.message or node.reason) if node.state == "DEAD" else "",
        label=label,
        group=next((node.labels[name] for name in _GROUP_LABELS if node.labels.get(name)), "") if index else "",
    )
