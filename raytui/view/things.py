"""Jobs, nodes, actors and others by id or name, as somebody types it: where the palette of the console finds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeVar

from raytui.view.picture import Picture

T = TypeVar("T")
LONG = 2_000
"""Rows of a list up to which a costly test looks at each of them."""


class Thing(NamedTuple):
    """One thing that can be gone to."""

    kind: str
    """Name of the list that it is a row of."""
    key: str
    """Key of the row."""
    name: str
    """As it is shown: what it is, its name, its id."""
    state: str


_Part = tuple[Iterator[Thing], int]


def things(picture: Picture, typed: str, alike: Callable[[str], bool], most: int = 20) -> list[Thing]:
    """What is called as it was typed, at most `most`; where that is little, what is called `alike`, too."""
    words = typed.casefold().split()
    found: dict[tuple[str, str], Thing] = {}
    for test, longest in ((lambda name: all(word in name.casefold() for word in words), 0), (alike, LONG)):
        for rows, count in _lists(picture):
            if longest and count > longest:
                continue
            for thing in rows:
                if len(found) >= most:
                    return list(found.values())
                if (thing.kind, thing.key) not in found and test(thing.name):
                    found[thing.kind, thing.key] = thing
    return list(found.values())


def _lists(picture: Picture) -> Iterator[_Part]:
    """Every list that has names, with its length; the longest last."""
    snapshot, joined = picture.snapshot, picture.joined

    def of(kind: str, noun: str, rows: Sequence[T], describe: Callable[[T], tuple[str, str, str]]) -> _Part:
        return (Thing(kind, key, f"{noun} {name}", state) for key, name, state in map(describe, rows)), len(rows)

    yield of("jobs", "job", snapshot.jobs.value or (), lambda job: (job.id, job.id, job.status))
    yield of(
        "nodes",
        "node",
        snapshot.nodes.value or (),
        lambda node: (node.node_id, f"{joined.node_name(node.node_id)} {node.node_id}", node.state),
    )
    yield of(
        "serve",
        "Serve deployment",
        snapshot.serve.value or (),
        lambda one: (one.id, one.id, one.status),
    )
    yield of(
        "placement-groups",
        "placement group",
        snapshot.placement_groups.value or (),
        lambda group: (group.placement_group_id, f"{group.name} {group.placement_group_id}".strip(), group.state),
    )
    yield of(
        "actors",
        "actor",
        snapshot.actors.value or (),
        lambda actor: (actor.actor_id, f"{actor.name or actor.class_name} {actor.actor_id}", actor.state),
    )
