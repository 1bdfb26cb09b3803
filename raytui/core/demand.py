"""What becomes of demand that no node can take now.

One more worker would hold it, no node here ever can, or it waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from raytui.core.joined import Joined
from raytui.core.merge import countable
from raytui.core.remedy import Hint, Remedy
from raytui.core.spec import GIGABYTE

Shape = Mapping[str, float]
"""Amounts by true resource name."""
_BYTES = frozenset({"memory", "object_store_memory"})


class Outlook(NamedTuple):
    """What is to be said of one demand."""

    hopeless: str
    """Why no node here can ever hold it; empty when one can, or when nobody knows."""
    hint: Hint


def shapes(joined: Joined) -> tuple[tuple[Shape, ...], Shape | None]:
    """What the living nodes hold when they are empty, and what one more worker would; none where nobody knows."""
    snapshot = joined.snapshot
    nodes = tuple(node.resources for node in snapshot.nodes.value or () if node.state == "ALIVE" and node.resources)
    if snapshot.by_ray:
        return nodes, None
    living = [joined.node_of(app) for app in snapshot.workers]
    like = next(
        (node.resources for node in living if node is not None and node.state == "ALIVE" and node.resources), None
    )
    shape = {name: amount for name, amount in (like or {}).items() if countable(name)}
    asked = snapshot.asked.value.workers if snapshot.asked.value is not None else None
    if asked is not None and asked.cpu is not None and asked.memory is not None:
        sized = {"CPU": asked.cpu, "GPU": float(asked.gpus), "memory": asked.memory * GIGABYTE}
        # The memory that Ray itself counts is the better witness while the size has not changed.
        shape = (
            {**sized, **shape}
            if (shape.get("CPU"), shape.get("GPU", 0.0)) == (asked.cpu, asked.gpus)
            else {**shape, **sized}
        )
    elif not shape and snapshot.workers:
        app = snapshot.workers[0]
        shape = {"CPU": app.cpu, "GPU": float(app.gpus), "memory": app.memory * GIGABYTE} if app.cpu else {}
    return nodes, shape or None


def outlook(needs: Sequence[Shape], nodes: Sequence[Shape], worker: Shape | None) -> Outlook:
    """What to say of a demand whose parts each need one node; `nodes` and `worker` as `shapes` answers them."""
    waits = Outlook(
        "", ("it waits until a node has room; ", Remedy("jobs"), " and ", Remedy("actors", "", "list what holds them"))
    )
    if not needs:
        return waits
    if worker is not None and all(_holds(worker, part) for part in needs):
        return Outlook("", Remedy("scale", "N", "adds workers"))
    known = [*nodes, *([worker] if worker is not None else [])]
    lacking = next((part for part in needs if known and not any(_holds(shape, part) for shape in known)), None)
    if lacking is None:
        return waits
    largest = max(
        known, key=lambda shape: min(shape.get(name, 0.0) / amount for name, amount in lacking.items() if amount > 0)
    )
    wanted = _told((name, amount) for name, amount in lacking.items() if countable(name))
    held = _told((name, largest.get(name, 0.0)) for name in lacking if countable(name))
    return Outlook(
        f"the largest has {held or 'none of it'}",
        f"no number of workers of this size helps: workers of at least {wanted} would"
        if wanted
        else "it asks for a node that is not here",
    )


def _holds(shape: Shape, part: Shape) -> bool:
    return all(shape.get(name, 0.0) >= amount for name, amount in part.items())


def _told(amounts: Iterable[tuple[str, float]]) -> str:
    return ", ".join(
        f"{name} {amount / GIGABYTE:.1f} GB" if name in _BYTES else f"{name} {amount:g}" for name, amount in amounts
    )
