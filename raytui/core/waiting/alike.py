"""Nodes that are alike in all that is asked for as one group with a count, and the most that any of them has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from raytui.core.waiting.packing import Size
from raytui.core.waiting.values import Place


class Group(NamedTuple):
    """Nodes that are equal in all that the demands of a round ask for."""

    total: Size
    free: Size | None
    labels: Mapping[str, str]
    kind: str
    places: list[Place]


def replaced(size: Size, place: int, amount: int) -> Size:
    """The same size with another amount at one place."""
    return (*size[:place], amount, *size[place + 1 :])


def edge(groups: Iterable[Group], size: Callable[[Group], Size]) -> list[Group]:
    """The groups that are not smaller in everything than another of the same kind and labels."""
    edges: dict[object, list[Group]] = {}
    for group in sorted(groups, key=size, reverse=True):
        edge = edges.setdefault((group.kind, tuple(group.labels.items())), [])
        own = size(group)
        if not any(all(have >= less for have, less in zip(size(other), own, strict=True)) for other in edge):
            edge.append(group)
    return [group for edge in edges.values() for group in edge]


def closeness(room: Size, want: Size) -> tuple[float, float]:
    """How near a node comes to what is asked for: by the scarcest resource, then by all of them."""
    shares = [min(1.0, have / need) for have, need in zip(room, want, strict=False) if need]
    return (min(shares, default=0.0), sum(shares))
