"""The physical figures of a node, wherever a list shows them.

Those that Ray still holds of a dead node are frozen and no use.
"""

from __future__ import annotations

from collections.abc import Callable

from raytui.core.observed.snapshot import Node
from raytui.view import amounts
from raytui.view.picture import Picture
from raytui.view.tables.documents import seconds
from raytui.view.tables.kind import Column, T
from raytui.view.words import Role

FULL = 95.0
"""Percent from which a share is marked."""
TREND = 11
"""Earlier samples at most."""
Living = Callable[[T, Picture], Node | None]
"""The living node whose figures a row shows; none when it has no such node."""


def columns(living: Living[T]) -> tuple[Column[T], ...]:
    """The columns of physical use, for rows of any kind."""

    def use(name: str) -> Callable[[T, Picture], float | None]:
        def value(row: T, picture: Picture) -> float | None:
            found = living(row, picture)
            figure: float | None = None if found is None else getattr(found, name)
            return figure

        return value

    def memory_text(row: T, picture: Picture) -> str:
        found = living(row, picture)
        return "" if found is None else amounts.used_of(found.memory_used, found.memory_total)

    def memory_role(row: T, picture: Picture, _text: str) -> Role:
        found = living(row, picture)
        full = None if found is None else amounts.share(found.memory_used, found.memory_total)
        return "warn" if full is not None and full >= FULL else ""

    def disk_role(row: T, picture: Picture, _text: str) -> Role:
        return "warn" if (disk_percent(living(row, picture)) or 0.0) >= FULL else "muted"

    def gpu_text(row: T, picture: Picture) -> str:
        return gpus_text(living(row, picture))

    def trend(row: T, picture: Picture) -> list[float]:
        found = living(row, picture)
        return [] if found is None else samples(picture, found)

    return (
        Column(
            "cpu",
            use("cpu_percent"),
            amounts.percent,
            trend=trend,
            fields=("cpu_percent",),
            width=9,
            wide=17,
            right=True,
            rank=2,
        ),
        Column(
            "memory",
            use("memory_used"),
            written=memory_text,
            role=memory_role,
            fields=("memory_used", "memory_total"),
            width=13,
            wide=14,
            right=True,
            rank=3,
        ),
        Column(
            "store",
            use("object_store_used"),
            amounts.size,
            fields=("object_store_used",),
            title="OBJ STORE",
            width=9,
            right=True,
            rank=5,
        ),
        Column(
            "gpu",
            lambda row, picture: gpu_percent(living(row, picture)),
            written=gpu_text,
            fields=("gpu_percent",),
            width=11,
            wide=22,
            right=True,
            rank=4,
        ),
        Column(
            "disk",
            lambda row, picture: disk_percent(living(row, picture)),
            amounts.percent,
            role=disk_role,
            fields=("disk_percent",),
            width=6,
            right=True,
            rank=8,
        ),
    )


def document(node: Node | None) -> dict[str, object]:
    """The figures as fields of a document; null where there are none."""
    return {
        "cpu_percent": None if node is None else node.cpu_percent,
        "memory_used": None if node is None else node.memory_used,
        "memory_total": None if node is None else node.memory_total,
        "object_store_used": None if node is None else node.object_store_used,
        **shares(node),
    }


def shares(node: Node | None) -> dict[str, object]:
    """What is computed of the figures."""
    return {"disk_percent": seconds(disk_percent(node)), "gpu_percent": seconds(gpu_percent(node))}


def disk_percent(node: Node | None) -> float | None:
    """How full the node's disk is."""
    return None if node is None else amounts.share(node.disk_used, node.disk_total)


def gpu_percent(node: Node | None) -> float | None:
    """Use of the node's GPUs, the mean of them."""
    known = [gpu.utilization for gpu in node.gpus if gpu.utilization is not None] if node is not None else []
    return sum(known) / len(known) if known else None


def gpus_text(node: Node | None) -> str:
    """Use of each GPU, or how many they are and their mean where they are many."""
    mean = gpu_percent(node)
    if node is None or mean is None:
        return ""
    used = " ".join("?" if gpu.utilization is None else f"{gpu.utilization:.0f}" for gpu in node.gpus)
    return f"{used} %" if len(node.gpus) <= 4 else f"{len(node.gpus)} x {mean:.0f} %"


def samples(picture: Picture, node: Node) -> list[float]:
    """The CPU figures of a node as far as they are remembered, oldest first."""
    return [value for _, value in picture.samples.get(node.node_id, ())][-TREND:]


def has_several_groups(picture: Picture) -> bool:
    """Whether the workers are of more than one group, so that a row's group tells something."""
    return len(picture.joined.indexes) > 1
