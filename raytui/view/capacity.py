"""How full the cluster is, now and over the last minutes: physical use of all living nodes, added up as they change.

What the scheduler has given away and what is asked for besides stands beside it: a node may be idle and yet be held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from raytui.core.observed.joined import Joined
from raytui.core.observed.snapshot import Node, Usage
from raytui.core.waiting.values import Waiting

KEPT_S = 600.0
"""How long samples are kept: what a curve shows."""
EVERY_S = 4.0
"""Seconds between two samples at least; Ray samples every 5 s."""
MANY_NODES = 500
MANY_NODES_S = 10.0
"""The same beyond `MANY_NODES` nodes, whose figures are read every 15 s."""
CARRIED_S = 45.0
"""How long a sample stands for the time after it: of many nodes figures are read every 15 s only."""


class Totals(msgspec.Struct, frozen=True, gc=False):
    """The figures of all living nodes, added up."""

    cpu: float = 0.0
    """Percent, of all nodes that tell it."""
    nodes: int = 0
    """Nodes that tell their use of CPU."""
    memory_used: int = 0
    memory_total: int = 0
    store_used: int = 0
    store_total: int = 0
    disk_used: int = 0
    disk_total: int = 0
    gpu: float = 0.0
    """Percent, of all GPUs that tell their use."""
    gpus: int = 0
    """GPUs that tell their use."""


class Sample(msgspec.Struct, frozen=True, gc=False):
    """Shares in percent at one moment; none where nothing was reported."""

    at: float
    cpu: float | None = None
    memory: float | None = None
    store: float | None = None
    gpu: float | None = None
    disk: float | None = None


class Capacity(msgspec.Struct, frozen=True):
    """The totals as of the last sample, and the shares of the last minutes, oldest first."""

    totals: Totals = Totals()
    history: tuple[Sample, ...] = ()
    counted: Mapping[str, Node] = {}
    """The nodes that were added up, by id."""
    is_shared: bool = False
    """Whether several of these nodes run on one machine, whose memory and disk each of them tells whole."""


def advance(before: Capacity, joined: Joined, at: float) -> Capacity:
    """The capacity after one more snapshot; only nodes that changed are added up, many only when a sample is due."""
    history, nodes = before.history, joined.nodes
    many = len(nodes) > MANY_NODES
    is_due = not history or at - history[-1].at >= (MANY_NODES_S if many else EVERY_S)
    if before.counted is nodes or (many and not is_due and before.totals.nodes):
        return before
    is_same = before.counted.keys() == nodes.keys()
    is_shared = before.is_shared if is_same else _is_shared(nodes.values())
    if is_shared:
        totals = _sum_of_machines(nodes.values())
    elif is_same:
        changed = [(old, new) for key, new in nodes.items() if (old := before.counted[key]) is not new]
        totals = _moved(before.totals, [old for old, _ in changed], [new for _, new in changed])
    else:
        totals = _sum(nodes.values())
    if is_due and (totals.nodes or before.totals.nodes):
        kept = next((n for n, sample in enumerate(history) if at - sample.at <= KEPT_S), len(history))
        history = (*history[kept:], sample_of(totals, at))
    return Capacity(totals, history, nodes, is_shared)


def sample_of(totals: Totals, at: float) -> Sample:
    """The shares of these totals."""
    return Sample(
        at,
        totals.cpu / totals.nodes if totals.nodes else None,
        _share(totals.memory_used, totals.memory_total),
        _share(totals.store_used, totals.store_total),
        totals.gpu / totals.gpus if totals.gpus else None,
        _share(totals.disk_used, totals.disk_total),
    )


def curve(history: Sequence[Sample], name: str, cells: int, now: float) -> list[float | None]:
    """The shares of the last ten minutes in so many steps, the newest last; none where nobody knows."""
    found: list[float | None] = [None] * cells
    step = KEPT_S / cells
    for n, sample in enumerate(history):
        value: float | None = getattr(sample, name)
        if value is None:
            continue
        until = history[n + 1].at if n + 1 < len(history) else now + step
        first = cells - 1 - int((now - sample.at) // step)
        last = cells - 1 - int((now - min(until, sample.at + CARRIED_S)) // step)
        for place in range(max(0, first), min(cells - 1, last) + 1):
            found[place] = value
    return found


def held(usage: Usage | None, resource: str) -> tuple[float, float] | None:
    """What the scheduler has given away of a resource, and its total; none where it does not tell."""
    amount = usage.resources.get(resource) if usage is not None else None
    return (amount.used, amount.total) if amount is not None and amount.total else None


def asked(waiting: Iterable[Waiting], resource: str) -> float:
    """What waiting work asks for of a resource."""
    return sum(
        part.needs.get(resource, 0.0) * part.count * one.demand.count for one in waiting for part in one.demand.parts
    )


def _share(used: int, total: int) -> float | None:
    return 100.0 * used / total if total else None


def _figures(node: Node) -> tuple[float, int, int, int, int, int, int, int, float, int]:
    if node.state != "ALIVE" or node.cpu_percent is None:
        return (0.0, 0, 0, 0, 0, 0, 0, 0, 0.0, 0)
    known = [gpu.utilization for gpu in node.gpus if gpu.utilization is not None]
    return (
        node.cpu_percent,
        1,
        node.memory_used or 0,
        node.memory_total or 0,
        node.object_store_used or 0,
        node.object_store_total or 0,
        node.disk_used or 0,
        node.disk_total or 0,
        sum(known),
        len(known),
    )


def _sum(nodes: Iterable[Node]) -> Totals:
    columns = list(zip(*map(_figures, nodes), strict=True))
    return Totals(*map(sum, columns)) if columns else Totals()


def _machine(node: Node) -> str:
    """The address of its machine; a loopback address is every machine's own and tells nothing."""
    return "" if node.ip.startswith("127.") else node.ip


def _is_shared(nodes: Iterable[Node]) -> bool:
    machines = [machine for node in nodes if node.state == "ALIVE" and (machine := _machine(node))]
    return len(set(machines)) < len(machines)


def _sum_of_machines(nodes: Iterable[Node]) -> Totals:
    """The same with the memory and the disk of a machine counted once, whichever of its nodes tells them."""
    counted: set[str] = set()
    known: list[Node] = []
    for node in nodes:
        machine = _machine(node)
        if machine in counted:
            known.append(
                msgspec.structs.replace(node, memory_used=None, memory_total=None, disk_used=None, disk_total=None)
            )
            continue
        known.append(node)
        if machine and node.state == "ALIVE" and node.memory_total:
            counted.add(machine)
    return _sum(known)


def _moved(totals: Totals, before: Sequence[Node], after: Sequence[Node]) -> Totals:
    gone, come = _sum(before), _sum(after)
    fields = Totals.__struct_fields__
    made = Totals(*(getattr(totals, name) - getattr(gone, name) + getattr(come, name) for name in fields))
    # What rounding leaves when nothing tells any more is no use.
    return made if made.nodes else _sum(())
