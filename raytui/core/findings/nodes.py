"""What is wrong with the Ray nodes of a cluster: ended ones, nodes of nobody, old figures, full memory and disks."""

from __future__ import annotations

from collections.abc import Iterator

from raytui.core.condition import Condition
from raytui.core.events import Severity
from raytui.core.observed.joined import Joined
from raytui.core.observed.kept import Moment
from raytui.core.observed.snapshot import Node
from raytui.core.remedy import Remedy
from raytui.core.units import duration

SAMPLE_STALE_S = 60.0
"""Physical figures change every 5 s; older than this they are frozen."""
ENDED_LATELY_S = 900.0
"""How long after its unplanned end a node of a watched cluster is called a fault."""
MOST_ENDED = 5
"""Ended nodes that are named one by one."""
MOST_FROZEN = 10
"""Nodes with figures that no longer change that are named one by one."""
PLANNED_ENDS = frozenset({"EXPECTED_TERMINATION", "AUTOSCALER_DRAIN_PREEMPTED", "AUTOSCALER_DRAIN_IDLE"})
"""Ray's reasons for the end of a node that somebody or the autoscaler ended."""
PRESSURE = 0.95
"""The part of memory or disk in use from which that is worth a warning."""


def of_ended(joined: Joined) -> Iterator[Condition]:
    """Nodes of a watched cluster that ended lately and not by anybody's plan, in Ray's words.

    The others are rows and no fault.

    Nobody here knows how many nodes there should be, and Ray lists a dead node for as long as its head lives. But a
    node that Ray itself calls unexpectedly terminated took work with it whatever its number, and is the first thing an
    operator must know: it is an error, so the verdict is `degraded` until the end is no longer news. An end without
    such a word stays a warning, which no verdict follows from.
    """
    snapshot = joined.snapshot
    lately = [
        node
        for node in snapshot.nodes.value or ()
        if node.state == "DEAD"
        and node.reason not in PLANNED_ENDS
        # An end that lies ahead of this clock is one that has happened: the clocks differ.
        and snapshot.observed_at - node.ended_at < ENDED_LATELY_S
    ]
    for node in sorted(lately, key=lambda node: (node.reason != "UNEXPECTED_TERMINATION", -node.ended_at))[:MOST_ENDED]:
        reason = node.message or node.reason or "no reason is known"
        at = f" at {node.ip}" if node.ip else ""
        message = f"Ray lists node {node.node_id[:8]}{at} as dead: {reason}"
        hint = ("it counts as a fault for 15 minutes; ", Remedy("nodes", "", "lists it for as long as Ray does"))
        # Without a reason it may as well have been the autoscaler.
        severity: Severity = "error" if node.reason == "UNEXPECTED_TERMINATION" else "warning"
        yield Condition(severity, joined.node_name(node.node_id), "NodeDead", message, hint, since=node.ended_at)
    if len(lately) > MOST_ENDED:
        message = f"{len(lately) - MOST_ENDED} more nodes ended in the last 15 minutes"
        yield Condition("warning", snapshot.cluster, "NodesDead", message, Remedy("nodes", "", "lists them"))
    unknown = joined.counts.unknown
    if unknown:
        message = f"Ray gives {unknown} {'node' if unknown == 1 else 'nodes'} a state that is neither ALIVE nor DEAD"
        yield Condition("warning", snapshot.cluster, "NodeStateUnknown", message, Remedy("nodes", "", "lists them"))


def of_nodes(joined: Joined) -> Iterator[Condition]:
    """Living nodes that nobody here manages, whose figures are old, or whose memory or disk is nearly full."""
    snapshot = joined.snapshot
    nodes, names = snapshot.nodes.value or (), joined.names
    if snapshot.by_ray:

        def owners(*_: object) -> list[str]:
            return [owner.name if (owner := joined.namesake(node)) is not None else "" for node in nodes]

        # As one, since they change together: none is looked up while nodes and members are those of before.
        (named,) = joined.derive("owners", owners, (nodes,), (joined.members,))
        findings = joined.derive("nodes", _of_node, nodes, named)
    else:
        findings = joined.derive(
            "nodes",
            lambda node, now: _of_node(node, node.name if node.name in names else "", now),
            nodes,
            context=(names,),
        )
    yield from _gathered(joined, [condition for one in filter(None, findings) for condition in one])


def _gathered(joined: Joined, found: list[Condition]) -> Iterator[Condition]:
    """What is wrong with nodes, one by one.

    Figures that are old almost everywhere have one cause and are one finding.
    """
    frozen = [condition for condition in found if condition.reason == "FiguresFrozen"]
    if len(frozen) <= MOST_FROZEN:
        yield from found
        return
    yield from (condition for condition in found if condition.reason != "FiguresFrozen")
    since = max(condition.since for condition in frozen)
    message = (
        f"CPU and memory figures of {len(frozen)} nodes are at least "
        f"{duration(joined.snapshot.observed_at - since)} old"
    )
    hint = "this machine's clock and the nodes' differ, or their agents have stopped sampling"
    yield Condition("warning", joined.snapshot.cluster, "FiguresFrozen", message, hint, since=since)


def _of_node(node: Node, named: str, now: Moment) -> tuple[Condition, ...]:
    """`named` is the application that the node belongs to; empty for a node of nobody."""
    if node.state != "ALIVE":
        return ()
    subject = named or node.name or node.node_id[:8]
    found = []
    if not named:
        found.append(
            Condition(
                "warning",
                subject,
                "UnmanagedNode",
                f"node {node.node_id[:8]} at {node.ip} belongs to no application of this cluster",
                "somebody joined it by hand; raytui does not manage it",
                since=node.started_at,
            )
        )
    if node.sampled_at and now.has_reached(node.sampled_at + SAMPLE_STALE_S):
        found.append(
            Condition(
                "warning",
                subject,
                "FiguresFrozen",
                f"CPU and memory figures are {duration(now.age(node.sampled_at))} old",
                "the node's agent has stopped sampling, or the clocks differ",
                since=node.sampled_at,
            )
        )
    memory = _pressure(subject, "memory", node.memory_used, node.memory_total, "Ray kills workers to save memory")
    disk = _pressure(subject, "disk", node.disk_used, node.disk_total, "Ray cannot spill objects when the disk is full")
    if memory is not None:
        found.append(memory)
    if disk is not None:
        found.append(disk)
    return tuple(found)


def _pressure(subject: str, what: str, used: int | None, total: int | None, hint: str) -> Condition | None:
    if used is None or not total or used / total <= PRESSURE:
        return None
    return Condition(
        "warning", subject, f"{what.capitalize()}Pressure", f"{what} is {100 * used / total:.0f} % full", hint
    )
