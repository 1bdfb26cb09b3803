"""Whether all parts of a demand find a place, by Ray's four placement strategies, and with how few new nodes.

Nodes that are alike are one entry with a count, and so are equal parts, so that the cost follows the number of kinds.
One kind of part and STRICT_PACK are decided exactly and fast. STRICT_SPREAD and packing several kinds together are
searches, of which the latter can grow without bound: past `MOST_WORK` they answer None, which is "not known".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement
from typing import NamedTuple

from raytui.core.waiting.labels import Labels, is_selected

MOST_WORK = 130_000
"""Looks at a kind of node that all searches of one round may take together, about 0.4 us each: 50 ms. Enough for 20
kinds of part over 1,000 different nodes to be tried once with the nodes empty and once as they are."""
MOST_CHOICES = 500
"""Combinations of new nodes that are tried for one demand."""


class Budget:
    """What of `MOST_WORK` is left."""

    def __init__(self, left: int | None = None) -> None:
        self._left = MOST_WORK if left is None else left

    def spend(self, work: int) -> bool:
        """Take so much; whether there was as much."""
        self._left -= work
        return self._left >= 0


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


def can_place(wants: Sequence[Want], strategy: str, rooms: Sequence[Room], budget: Budget) -> bool | None:
    """Whether all parts find a place at once; none when that takes too long to find out."""
    total = sum(want.number for want in wants)
    if total == 0:
        return True
    if strategy == "STRICT_PACK" or total == 1:
        return any(room.number and _holds_all(room, wants) for room in rooms)
    if strategy == "STRICT_SPREAD":
        most = matching(wants, rooms, budget)
        return None if most is None else total == most
    return _packed(wants, rooms, total, budget)


def fewest(
    wants: Sequence[Want], strategy: str, present: Sequence[Room], kinds: Sequence[Room], budget: Budget
) -> Fewest:
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
    if strategy in {"", "PACK", "SPREAD"} and len(wants) == 1:
        return _fewest_alike(wants[0], present, kinds)
    most = {n: min(kinds[n].number, 1 if strategy == "STRICT_PACK" else total) for n in useful}
    at_most = can_place(wants, strategy, [*present, *(kinds[n]._replace(number=most[n]) for n in useful)], budget)
    if not at_most:
        return Fewest(None, known=at_most is not None)
    if strategy == "STRICT_SPREAD":
        most_placed = matching(wants, present, budget)
        if most_placed is None:
            return Fewest(None, known=False)
        low = total - most_placed
    else:
        low = _short(wants, present, kinds, useful)
    tried = 0
    for number in range(low, total + 1):
        doubt = False
        for choice in _choices(useful, number):
            if any(taken > most[n] for n, taken in choice.items()):
                continue
            tried += 1
            if tried > MOST_CHOICES:
                return Fewest(None, known=False)
            new = [kinds[n]._replace(number=taken) for n, taken in choice.items()]
            found = can_place(wants, strategy, [*present, *new], budget)
            if found:
                return Fewest(tuple(choice[n] for n in range(len(kinds))))
            doubt = doubt or found is None
        if doubt:
            return Fewest(None, known=False)
    return Fewest(None, known=False)


def _fewest_alike(want: Want, present: Sequence[Room], kinds: Sequence[Room]) -> Fewest:
    """The same for equal parts that may share a node: nodes that hold the most of them first."""
    left = want.number - _capacity(want, present)
    added = [0] * len(kinds)
    for n, kind in sorted(enumerate(kinds), key=lambda one: -min(_times(one[1], want), max(left, 0))):
        if left > 0 and kind.number and holds(kind, want):
            added[n] = min(kind.number, -(-left // _times(kind, want)))
            left -= added[n] * _times(kind, want)
    return Fewest(tuple(added) if left <= 0 else None)


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


def matching(wants: Sequence[Want], rooms: Sequence[Room], budget: Budget) -> int | None:
    """How many parts find a node each to themselves: exact; none when that takes too long to find out."""
    if not budget.spend(2 * len(rooms) * len(wants)):
        return None
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
        while left[place] and any(free):
            has_room = _make_room(place, fits, given, free, budget)
            if has_room is None:
                return None
            if not has_room:
                break
            left[place] -= 1
    return sum(want.number for want in wants) - sum(left)


def _make_room(
    start: int, fits: list[list[int]], given: list[Counter[int]], free: list[int], budget: Budget
) -> bool | None:
    """Give one more node to a kind of part by moving others on; whether that was possible, none when not known."""
    came: dict[int, tuple[int, int]] = {}
    waiting = [start]
    while waiting:
        part = waiting.pop()
        if not budget.spend(len(fits[part]) * (1 + len(given) // 4)):
            return None
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


def _packed(wants: Sequence[Want], rooms: Sequence[Room], total: int, budget: Budget) -> bool | None:
    """Whether all parts find a place, several on one node if need be."""
    wants = sorted((want for want in wants if want.number), key=lambda want: want.size, reverse=True)
    if len(wants) == 1:
        return _capacity(wants[0], rooms) >= wants[0].number
    if not budget.spend(3 * len(rooms) * len(wants)):
        return None
    rooms = [
        room._replace(number=min(room.number, total))
        for room in rooms
        if room.number and any(holds(room, want) for want in wants)
    ]
    if any(not any(holds(room, want) for room in rooms) for want in wants):
        return False
    for place in range(len(wants[0].size)):
        asked = sum(want.size[place] * want.number for want in wants)
        if asked > sum(room.size[place] * room.number for room in rooms):
            return False
    return _is_easy(wants, rooms) or _Search(wants, rooms, budget).run()


def _capacity(want: Want, rooms: Sequence[Room]) -> int:
    """How many of these parts the nodes have room for."""
    return sum(room.number * min(_times(room, want), want.number) for room in rooms if holds(room, want))


def _times(room: Room, want: Want) -> int:
    """How many of these parts one such node has room for."""
    return min((have // need for have, need in zip(room.size, want.size, strict=True) if need), default=want.number)


def _is_easy(wants: Sequence[Want], rooms: Sequence[Room]) -> bool:
    """Whether filling node after node, the smallest first, finds a place for all; no proof when it does not."""
    left = sorted((room for room in rooms if room.number), key=lambda room: room.size)
    for want in wants:
        missing, after = want.number, []
        for room in left:
            times = min(_times(room, want), missing) if missing and holds(room, want) else 0
            if not times:
                after.append(room)
                continue
            full = min(room.number, missing // times)
            rest = tuple(have - need * times for have, need in zip(room.size, want.size, strict=True))
            missing -= full * times
            after += [Room(rest, full, room.labels), room._replace(number=room.number - full)]
        if missing:
            return False
        left = sorted((room for room in after if room.number), key=lambda room: room.size)
    return True


_Nodes = frozenset[tuple[int, Size, int]]
"""What is left of nodes of which kind, and how many of them are alike."""


class _Search:
    """Parts one after the other onto nodes that are distinguished only by what is left of them, the fullest first."""

    def __init__(self, wants: Sequence[Want], rooms: Sequence[Room], budget: Budget) -> None:
        self._items = [n for n, want in enumerate(wants) for _ in range(want.number)]
        self._wants, self._rooms, self._budget = wants, rooms, budget

    def run(self) -> bool | None:
        """Whether a packing was found; none when the budget is spent."""
        seen: set[tuple[int, _Nodes]] = set()
        start = frozenset((n, room.size, room.number) for n, room in enumerate(self._rooms))
        ways = [iter(self._ways(0, start))]
        while ways:
            state = next(ways[-1], None)
            if state is None:
                ways.pop()
                continue
            at = len(ways)
            if at == len(self._items):
                return True
            if (at, state) in seen:
                continue
            if not self._budget.spend(2 * len(state)):
                return None
            seen.add((at, state))
            ways.append(self._ways(at, state))
        return False

    def _ways(self, at: int, state: _Nodes) -> Iterator[_Nodes]:
        """What the nodes are like when this part has its place, the node on which the least is left first."""
        want = self._wants[self._items[at]]
        able = [one for one in state if holds(Room(one[1], one[2], self._rooms[one[0]].labels), want)]
        for n, size, number in sorted(able, key=lambda one: one[1]):
            rest = tuple(have - need for have, need in zip(size, want.size, strict=True))
            after = {(m, other): count for m, other, count in state}
            after[n, size] = number - 1
            after[n, rest] = after.get((n, rest), 0) + 1
            yield frozenset((m, other, count) for (m, other), count in after.items() if count)
