"""Whether all parts of a demand find a place, by Ray's four placement strategies, and with how few new nodes.

Nodes that are alike are one entry with a count, and so are equal parts, so that the cost follows the number of kinds.
One kind of part, STRICT_PACK and STRICT_SPREAD are decided exactly and fast. Packing several kinds together is a search
that can grow without bound: past `MOST_STATES` it answers None, which is "not known".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

from raytui.core.waiting.labels import Labels, is_selected

MOST_STATES = 5_000
"""States of one search for a packing; about 20 ms."""
MOST_CHOICES = 500
"""Combinations of new nodes that are tried for one demand."""

Size = tuple[int, ...]
"""Amounts in Ray's units, in the order of names that the caller keeps."""


class Want(NamedTuple):
    """Equal parts that each need a place on one node."""

    size: Size
    number: int = 1
    selectors: tuple[Labels, ...] = ()


class Room(NamedTuple):
    """Equal nodes."""

    size: Size
    number: int
    labels: Labels


class Fewest(NamedTuple):
    """The smallest number of new nodes that lets a demand be placed."""

    added: tuple[int, ...] | None
    """How many of each kind; none when no number does, or when it is not known."""
    known: bool = True


def holds(room: Room, want: Want) -> bool:
    """Whether one of these nodes has room for one of these parts."""
    return all(have >= need for have, need in zip(room.size, want.size, strict=True)) and is_selected(
        room.labels, want.selectors
    )


def can_place(wants: Sequence[Want], strategy: str, rooms: Sequence[Room]) -> bool | None:
    """Whether all parts find a place at once; none when that takes too long to find out."""
    total = sum(want.number for want in wants)
    if total == 0:
        return True
    if strategy == "STRICT_PACK" or total == 1:
        return any(room.number and _holds_all(room, wants) for room in rooms)
    if strategy == "STRICT_SPREAD":
        return total - matching(wants, rooms) == 0
    return _packed(wants, rooms, total)


def fewest(wants: Sequence[Want], strategy: str, present: Sequence[Room], kinds: Sequence[Room]) -> Fewest:
    """The fewest new nodes with which all parts find a place; `kinds` are new nodes, each with how many there can be.

    Of equal numbers those of one kind come first, in the order in which the kinds are given. What is placed without any
    new node needs none.
    """
    total = sum(want.number for want in wants)
    useful = [
        n
        for n, kind in enumerate(kinds)
        if kind.number
        and (_holds_all(kind, wants) if strategy == "STRICT_PACK" else any(holds(kind, want) for want in wants))
    ]
    if total == 1 and useful and not can_place(wants, strategy, present):
        return Fewest(tuple(int(n == useful[0]) for n in range(len(kinds))))
    most = {n: min(kinds[n].number, 1 if strategy == "STRICT_PACK" else total) for n in useful}
    at_most = can_place(wants, strategy, [*present, *(kinds[n]._replace(number=most[n]) for n in useful)])
    if not at_most:
        return Fewest(None, known=at_most is not None)
    low = total - matching(wants, present) if strategy == "STRICT_SPREAD" else _short(wants, present, kinds, useful)
    tried = 0
    for number in range(low, total + 1):
        doubt = False
        for choice in _choices(useful, number):
            if any(taken > most[n] for n, taken in choice.items()):
                continue
            tried += 1
            new = [kinds[n]._replace(number=taken) for n, taken in choice.items()]
            found = can_place(wants, strategy, [*present, *new])
            if found:
                return Fewest(tuple(choice[n] for n in range(len(kinds))))
            doubt = doubt or found is None
            if tried >= MOST_CHOICES:
                return Fewest(None, known=False)
        if doubt:
            return Fewest(None, known=False)
    return Fewest(None, known=False)


def _short(wants: Sequence[Want], present: Sequence[Room], kinds: Sequence[Room], useful: Sequence[int]) -> int:
    """New nodes without which the amounts alone cannot suffice."""
    low = 0
    for place in range(len(wants[0].size)):
        lacking = sum(want.size[place] * want.number for want in wants) - sum(
            room.size[place] * room.number for room in present
        )
        largest = max((kinds[n].size[place] for n in useful), default=0)
        if lacking > 0 and largest:
            low = max(low, -(-lacking // largest))
    return low


def _choices(kinds: Sequence[int], number: int) -> Iterator[Counter[int]]:
    """Every way to take so many new nodes, those of one kind first."""
    if not number:
        yield Counter()
        return
    for kind in kinds:
        yield Counter({kind: number})
    for choice in combinations_with_replacement(kinds, number):
        if choice[0] != choice[-1]:
            yield Counter(choice)


def _holds_all(room: Room, wants: Sequence[Want]) -> bool:
    """Whether one node has room for all parts together."""
    whole = tuple(
        sum(want.size[place] * want.number for want in wants) <= amount for place, amount in enumerate(room.size)
    )
    return all(whole) and all(is_selected(room.labels, want.selectors) for want in wants if want.number)


def matching(wants: Sequence[Want], rooms: Sequence[Room]) -> int:
    """How many parts find a node each to themselves: exact."""
    fits = [[n for n, room in enumerate(rooms) if room.number and holds(room, want)] for want in wants]
    given: list[Counter[int]] = [Counter() for _ in wants]
    free = [room.number for room in rooms]
    left = [want.number for want in wants]
    for place in sorted(range(len(wants)), key=lambda n: len(fits[n])):
        for n in fits[place]:
            taken = min(left[place], free[n])
            given[place][n] += taken
            free[n] -= taken
            left[place] -= taken
    for place in range(len(wants)):
        while left[place] and _make_room(place, fits, given, free):
            left[place] -= 1
    return sum(want.number for want in wants) - sum(left)


def _make_room(start: int, fits: list[list[int]], given: list[Counter[int]], free: list[int]) -> bool:
    """Give one more node to a kind of part by moving others on; whether that was possible."""
    came: dict[int, tuple[int, int]] = {}
    waiting = [start]
    while waiting:
        part = waiting.pop()
        for n in fits[part]:
            if free[n]:
                free[n] -= 1
                given[part][n] += 1
                while part != start:
                    before, m = came[part]
                    given[part][m] -= 1
                    given[before][m] += 1
                    part = before  # the way back to where it began
                return True
            for other, nodes in enumerate(given):
                if other != start and other not in came and nodes[n]:
                    came[other] = (part, n)
                    waiting.append(other)
    return False


def _packed(wants: Sequence[Want], rooms: Sequence[Room], total: int) -> bool | None:
    """Whether all parts find a place, several on one node if need be."""
    wants = sorted((want for want in wants if want.number), key=lambda want: want.size, reverse=True)
    rooms = [
        room._replace(number=min(room.number, total))
        for room in rooms
        if room.number and any(holds(room, want) for want in wants)
    ]
    if any(not any(holds(room, want) for room in rooms) for want in wants):
        return False
    if len(wants) == 1:
        (want,) = wants
        return (
            sum(room.number * min(_times(room, want), want.number) for room in rooms if holds(room, want))
            >= want.number
        )
    for place in range(len(wants[0].size)):
        if sum(want.size[place] * want.number for want in wants) > sum(
            room.size[place] * room.number for room in rooms
        ):
            return False
    return _Search(wants, rooms).run()


def _times(room: Room, want: Want) -> int:
    """How many of these parts one such node has room for."""
    return min((have // need for have, need in zip(room.size, want.size, strict=True) if need), default=want.number)


class _Search:
    """Parts one after the other onto nodes that are told apart only by what is left of them; the fullest node first."""

    def __init__(self, wants: Sequence[Want], rooms: Sequence[Room]) -> None:
        self._items = [n for n, want in enumerate(wants) for _ in range(want.number)]
        self._wants, self._rooms = wants, rooms
        self._seen: set[tuple[int, frozenset[tuple[int, Size, int]]]] = set()

    def run(self) -> bool | None:
        """Whether a packing was found; none past `MOST_STATES`."""
        start = frozenset((n, room.size, room.number) for n, room in enumerate(self._rooms))
        stack = [(0, start)]
        while stack:
            at, state = stack.pop()
            if at == len(self._items):
                return True
            if (at, state) in self._seen:
                continue
            if len(self._seen) >= MOST_STATES:
                return None
            self._seen.add((at, state))
            want = self._wants[self._items[at]]
            # The last one pushed is looked at first: the node on which the least is left.
            ways = sorted(self._ways(state, want), key=lambda way: way[1], reverse=True)
            stack += [(at + 1, self._put(state, way, want)) for way in ways]
        return False

    def _ways(self, state: frozenset[tuple[int, Size, int]], want: Want) -> Iterator[tuple[int, Size, int]]:
        for n, size, count in state:
            if holds(Room(size, count, self._rooms[n].labels), want):
                yield n, size, count

    @staticmethod
    def _put(
        state: frozenset[tuple[int, Size, int]], way: tuple[int, Size, int], want: Want
    ) -> frozenset[tuple[int, Size, int]]:
        n, size, count = way
        rest = tuple(have - need for have, need in zip(size, want.size, strict=True))
        after = {(n, size): count - 1} | {(m, other): number for m, other, number in state if (m, other) != (n, size)}
        after[n, rest] = after.get((n, rest), 0) + 1
        return frozenset((m, other, number) for (m, other), number in after.items() if number)
