"""What becomes of one demand: the arithmetic over nodes that are grouped once for all demands of a round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from raytui.core.observed.merge import countable
from raytui.core.observed.needs import GRAIN, grains
from raytui.core.spec import GROUP_LABEL
from raytui.core.waiting.alike import Group, closeness, edge, replaced
from raytui.core.waiting.devices import capacity, certain, stackable
from raytui.core.waiting.packing import Budget, Fewest, Room, Size, Want, can_place, fewest, holds, matching
from raytui.core.waiting.values import (
    NO_REPORT,
    STARTING,
    Amounts,
    Demand,
    Holder,
    Kind,
    More,
    Offer,
    Place,
    Waiting,
    WorkerKind,
)
from raytui.core.waiting.words import amount, node, quantity

NO_SHAPE = "Ray does not tell what it asks for"
TOO_MANY = "to find a place for all of its bundles together takes too long to compute"
HAS_ROOM = "by Ray's figures, which are up to 5 s old, there is room for it now"
NO_FREE = "which node has room is not reported by this Ray"
INSIDE_GROUP = "it waits inside a placement group that has no place itself"
IN_PARTS = "in sum enough GPU is free, but whether it is on the same devices Ray does not tell"
SIZES_UNKNOWN = "Ray does not tell what some of its nodes hold"
NO_NODE = "no node takes work now"
MAY_GROW = "no node here can run it, and whether Ray's autoscaler adds one that can is not known"
_SIZED = frozenset({"CPU", "GPU", "memory"})
"""What is known of a worker that nobody has seen."""
MOST_HOLDERS = 3


class Round:
    """The nodes and worker groups of one look, for all of its demands."""

    def __init__(
        self,
        demands: Iterable[Demand],
        places: Iterable[Place],
        kinds: Sequence[WorkerKind],
        holders: Iterable[Holder] = (),
        *,
        may_grow: bool = False,
    ) -> None:
        """`may_grow`: whether an autoscaler may add nodes of kinds that are not here."""
        places = list(places)
        parts = [part for demand in demands for part in demand.parts]
        self._names = sorted({name for part in parts for name, amount in part.needs.items() if amount > 0})
        self._keys = sorted({key for part in parts for selector in part.selectors for key in selector})
        self._groups = self._grouped(places)
        self._budget = Budget()
        self._in_order = tuple(dict.fromkeys(group.kind for group in self._groups))
        self._kinds, self._may_grow = kinds, may_grow
        self._sizes = [self._size(kind.shape) for kind in kinds]
        self._held: dict[str, list[Holder]] = {}
        for holder in holders:
            self._held.setdefault(holder.node_id, []).append(holder)
        self._empty = [Room(group.total, len(group.places), group.labels) for group in self._groups]
        self._free = [
            Room(group.free, len(group.places), group.labels) for group in self._groups if group.free is not None
        ]
        self._is_free_known = len(self._free) == len(self._groups)
        # A node that holds nothing at all still has memory and its own address.
        self._sizes_known = all(place.total for place in places)
        self._has_coming = any(group.places[0].is_coming for group in self._groups)
        # What no single node of these has room for none has: the rest need not be looked at for it.
        self._largest = edge(self._groups, lambda group: group.total)
        self._freest = edge([group for group in self._groups if group.free is not None], lambda group: group.free or ())
        self._one_empty = [Room(group.total, len(group.places), group.labels) for group in self._largest]
        self._one_free = [Room(group.free or (), len(group.places), group.labels) for group in self._freest]

    def _size(self, amounts: Amounts) -> Size:
        return tuple(grains(amounts.get(name, 0.0)) for name in self._names)

    def _grouped(self, places: Iterable[Place]) -> list[Group]:
        groups: dict[object, Group] = {}
        sizes: dict[object, Size] = {}
        names, keys = self._names, self._keys

        def size(amounts: Amounts) -> Size:
            key = tuple([amounts.get(name, 0.0) for name in names])
            if key not in sizes:
                sizes[key] = tuple(map(grains, key))
            return sizes[key]

        for place in places:
            total = size(place.total)
            free = size(place.free) if place.free is not None else None
            labels = {key: place.labels[key] for key in keys if key in place.labels}
            at = (total, free, tuple(labels.items()), place.kind, place.is_coming)
            group = groups.get(at)
            if group is None:
                group = groups[at] = Group(total, free, labels, place.kind, [])
            group.places.append(place)
        return list(groups.values())

    def answer(self, demand: Demand) -> Waiting:
        """Why this one waits; `since` is Ray's own time."""
        if demand.environment is not None and demand.why_unknown == STARTING:
            return self._of_environment(demand)
        if demand.why_unknown == NO_REPORT:
            return self._of_any_strategy(demand)
        if demand.why_unknown or not demand.parts:
            return self._waiting(demand, (), "unknown", demand.why_unknown or NO_SHAPE)
        wants = [Want(self._size(part.needs), part.count, part.selectors) for part in demand.parts]
        inside = [name for part in demand.parts for name in part.needs if not countable(name) and "node:" not in name]
        if not self._groups and not self._kinds:
            return self._waiting(demand, wants, "unknown", NO_NODE)
        if inside and not any(group.total[self._names.index(name)] for name in inside for group in self._groups):
            return self._waiting(demand, wants, "unknown", INSIDE_GROUP)
        runs = can_place(wants, demand.strategy, self._rooms(demand, wants, free=False), self._budget)
        if runs is None:
            return self._waiting(demand, wants, "unknown", TOO_MANY)
        if runs:
            return self._of_fitting(demand, wants)
        return self._of_lacking(demand, wants)

    def _of_environment(self, demand: Demand) -> Waiting:
        setup = demand.environment
        since = demand.since or (setup.since if setup is not None else 0.0)
        step = setup.step if setup is not None else ""
        return Waiting(demand, "environment", step, groups=self._all_groups(), since=since)

    def _of_any_strategy(self, demand: Demand) -> Waiting:
        """What no node can hold when parts may lie anywhere, no strategy lets run; more cannot be said without it."""
        loosest = self.answer(msgspec.structs.replace(demand, strategy="PACK", why_unknown=""))
        if loosest.kind == "never":
            return msgspec.structs.replace(loosest, demand=demand)
        return self._waiting(demand, (), "unknown", demand.why_unknown)

    def _of_fitting(self, demand: Demand, wants: list[Want]) -> Waiting:
        now = can_place(wants, demand.strategy, self._rooms(demand, wants, free=True), self._budget)
        if now:
            coming = [group for group in self._groups if group.places[0].is_coming] if self._has_coming else []
            if coming and not can_place(wants, demand.strategy, self._without_coming(free=True), self._budget):
                return self._waiting(demand, wants, "fits", awaits=coming)
            if demand.environment is not None:
                return self._of_environment(demand)
            return self._waiting(demand, wants, "unknown", HAS_ROOM if self._is_certain(demand, wants) else IN_PARTS)
        more = Fewest(None)
        if self._is_free_known and now is False:
            more = self._more(demand, wants, self._rooms(demand, wants, free=True))
        awaits: list[Group] = []
        if self._has_coming and not can_place(wants, demand.strategy, self._without_coming(free=False), self._budget):
            awaits = [group for group in self._groups if group.places[0].is_coming]
        return self._waiting(
            demand, wants, "fits", "" if self._is_free_known else NO_FREE, scale=self._workers(more), awaits=awaits
        )

    def _is_certain(self, demand: Demand, wants: Sequence[Want]) -> bool:
        """Whether what is free has room however the use of GPUs is spread over their devices."""
        gpu = self._names.index("GPU") if "GPU" in self._names else -1
        parts = {want.size[gpu] for want in wants} if gpu >= 0 else set()
        if not any(parts):
            return True
        rooms = [
            Room(
                replaced(
                    group.free, gpu, certain(group.total[gpu], group.free[gpu], parts, in_parts=self._uses_parts(group))
                ),
                len(group.places),
                group.labels,
            )
            for group in self._groups
            if group.free is not None
        ]
        if len(parts - {0}) > 1 and any(group.total[gpu] > GRAIN for group in self._groups):
            wants = [want._replace(size=replaced(want.size, gpu, stackable(want.size[gpu]))) for want in wants]
        return can_place(wants, demand.strategy, rooms, self._budget) is True

    def _uses_parts(self, group: Group) -> bool:
        """Whether somebody on one of these nodes is known to use a part of a GPU."""
        held = (holder for place in group.places for holder in self._held.get(place.node_id, ()))
        return any(grains(holder.resources.get("GPU", 0.0)) % GRAIN for holder in held)

    def _rooms(self, demand: Demand, wants: list[Want], *, free: bool) -> list[Room]:
        """The nodes that matter to a demand: where it needs one node only, those that are not smaller than another."""
        if demand.strategy == "STRICT_PACK" or sum(want.number for want in wants) == 1:
            return self._one_free if free else self._in_devices(wants, self._one_empty)
        return self._free if free else self._in_devices(wants, self._empty)

    def _in_devices(self, wants: Sequence[Want], rooms: list[Room]) -> list[Room]:
        """Empty nodes with as much GPU as parts of one size can fill of their devices."""
        gpu = self._names.index("GPU") if "GPU" in self._names else -1
        parts = {want.size[gpu] for want in wants} - {0} if gpu >= 0 else set()
        part = parts.pop() if len(parts) == 1 else 0
        if not 0 < part < GRAIN or GRAIN % part == 0:
            return rooms
        return [room._replace(size=replaced(room.size, gpu, capacity(room.size[gpu], part))) for room in rooms]

    def _without_coming(self, *, free: bool) -> list[Room]:
        return [
            Room(size, len(group.places), group.labels)
            for group in self._groups
            if not group.places[0].is_coming and (size := group.free if free else group.total) is not None
        ]

    def _of_lacking(self, demand: Demand, wants: list[Want]) -> Waiting:
        if not self._sizes_known:
            return self._waiting(demand, wants, "unknown", SIZES_UNKNOWN)
        at_last = self._more(demand, wants, self._rooms(demand, wants, free=False))
        if at_last.added is None:
            if not at_last.known:
                return self._waiting(demand, wants, "unknown", TOO_MANY)
            beyond = self._more(demand, wants, self._rooms(demand, wants, free=False), limited=False)
            if beyond.added is not None:
                return self._waiting(demand, wants, "quota", self._left(beyond), later=self._workers(beyond))
            unseen = self._unseen(wants)
            if unseen:
                return self._waiting(demand, wants, "unknown", unseen)
            if self._may_grow:
                return self._waiting(demand, wants, "unknown", MAY_GROW)
            return self._waiting(demand, wants, "never", self._why_never(demand, wants))
        at_once = Fewest(None)
        if self._is_free_known:
            at_once = self._more(demand, wants, self._rooms(demand, wants, free=True))
        beside = at_once.added is None
        workers = self._workers(at_last if beside else at_once)
        later = () if beside or at_once.added == at_last.added else self._workers(at_last)
        return self._waiting(demand, wants, "scale", scale=workers, later=later, is_beside=beside)

    def _left(self, beyond: Fewest) -> str:
        """How many workers of each group that would be needed the platform can still give."""
        needed = [kind for kind, number in zip(self._kinds, beyond.added or (), strict=True) if number]
        return " and ".join(f"{kind.most} of group {kind.group}" for kind in needed if kind.most is not None)

    def _more(self, demand: Demand, wants: list[Want], present: Sequence[Room], *, limited: bool = True) -> Fewest:
        """`limited`: by what the platform can give."""
        most = sum(want.number for want in wants)
        kinds = [
            Room(size, kind.most if limited and kind.most is not None else most, kind.labels)
            for kind, size in zip(self._kinds, self._sizes, strict=True)
        ]
        return fewest(wants, demand.strategy, present, self._in_devices(wants, kinds), self._budget)

    def _workers(self, more: Fewest) -> tuple[More, ...]:
        return tuple(
            More(kind.group, number, kind.wanted(number))
            for kind, number in zip(self._kinds, more.added or (), strict=False)
            if number
        )

    def _unseen(self, wants: list[Want]) -> str:
        """Why what a worker would hold is not known enough to say never; empty when it is."""
        asked = {name for want in wants for name, need in zip(self._names, want.size, strict=True) if need}
        labels = {key for want in wants for selector in want.selectors for key in selector} - {GROUP_LABEL}
        for kind, size in zip(self._kinds, self._sizes, strict=True):
            open_names = sorted(name for name in asked - _SIZED if countable(name))
            if kind.is_seen or not (open_names or labels):
                continue
            known = [n for n, name in enumerate(self._names) if name not in open_names]
            rest = Room(tuple(size[n] for n in known), 1, kind.labels)
            if any(holds(rest, Want(tuple(want.size[n] for n in known))) for want in wants):
                lacking = f"how much {open_names[0]} one would have" if open_names else "which labels one would have"
                return f"no worker of group {kind.group} lives, so {lacking} is not known"
        return ""

    def _why_never(self, demand: Demand, wants: list[Want]) -> str:
        kinds = [Room(size, 1, kind.labels) for kind, size in zip(self._kinds, self._sizes, strict=True)]
        rooms = [*self._one_empty, *kinds]
        whole = demand.strategy == "STRICT_PACK"
        sizes = [tuple(sum(want.size[n] * want.number for want in wants) for n in range(len(self._names)))]
        checked = [Want(size, 1, wants[0].selectors) for size in sizes] if whole else wants
        for want in checked:
            if not any(holds(room, want) for room in rooms):
                return self._lacking(want, rooms)
        total = sum(want.number for want in wants)
        if demand.strategy == "STRICT_SPREAD":
            able = matching(wants, self._empty, self._budget)
            if able is not None:
                return f"it needs {total} different nodes, and at most {able} of its bundles find one"
        return f"its {total} bundles do not fit together on the nodes that are here, even when they are empty"

    def _lacking(self, want: Want, rooms: Sequence[Room]) -> str:
        """Why no node can hold this part: the nearest, and what it lacks."""
        pinned = next(
            (
                name
                for n, name in enumerate(self._names)
                if name.startswith("node:") and want.size[n] and not any(room.size[n] >= want.size[n] for room in rooms)
            ),
            "",
        )
        if pinned:
            return f"it asks for {node(pinned)}, which is not here"
        bare = [room for room in rooms if holds(room._replace(labels={}), want._replace(selectors=()))]
        if bare:
            labels = " or ".join(
                ", ".join(f"{key}={value}" for key, value in selector.items()) for selector in want.selectors
            )
            return f"no node that is large enough has the label {labels}"
        if not rooms:
            return NO_NODE
        best = max(rooms, key=lambda room: closeness(room.size, want.size))
        lacks = [n for n, need in enumerate(want.size) if best.size[n] < need]
        labels = ", ".join(
            f"{amount(self._names[n], best.size[n] / GRAIN)} of {quantity(self._names[n], want.size[n] / GRAIN)}"
            for n in lacks
        )
        return f"the nearest, {self._named(best)}, has {labels}"

    def _named(self, room: Room) -> str:
        for group, empty in zip(self._largest, self._one_empty, strict=True):
            if empty is room:
                return group.places[0].name
        kind = next((kind for kind, size in zip(self._kinds, self._sizes, strict=True) if size == room.size), None)
        return f"a worker of group {kind.group}" if kind is not None else "a node"

    def _all_groups(self) -> tuple[str, ...]:
        return tuple(kind.group for kind in self._kinds)

    def _waiting(
        self,
        demand: Demand,
        wants: Sequence[Want],
        kind: Kind,
        because: str = "",
        *,
        scale: tuple[More, ...] = (),
        later: tuple[More, ...] = (),
        awaits: Sequence[Group] = (),
        is_beside: bool = False,
    ) -> Waiting:
        free: Group | None = None
        best_of: dict[str, Group] = {}
        holders: list[Holder] = []
        is_freed = False
        if wants:
            hardest = max(wants, key=lambda want: want.size)
            free = max(self._freest, key=lambda group: closeness(group.free or (), hardest.size), default=None)
            for group in self._largest:
                known = best_of.get(group.kind)
                if known is None or closeness(group.total, hardest.size) > closeness(known.total, hardest.size):
                    best_of[group.kind] = group
            if kind == "fits" and self._held:
                holders, is_freed = self._holders(wants, hardest)
        return Waiting(
            demand,
            kind,
            because,
            self._offer(free, free.free, free.total) if free is not None and free.free is not None else None,
            tuple(self._offer(best_of[one], best_of[one].total) for one in self._in_order if one in best_of),
            tuple(holders),
            is_freed,
            tuple(place.name for group in awaits for place in group.places),
            self._all_groups(),
            scale,
            later,
            is_beside,
            demand.since,
        )

    def _holders(self, wants: Sequence[Want], hardest: Want) -> tuple[list[Holder], bool]:
        """Who holds the node that is nearest to having room for a part, and whether their end alone makes it."""
        able = [group for group in self._groups if holds(Room(group.total, 1, group.labels), hardest)]
        nearest = max(able, key=lambda group: closeness(group.free or (), hardest.size), default=None)
        if nearest is None:
            return [], False
        lacking = {n for n, need in enumerate(hardest.size) if (nearest.free or hardest.size)[n] < need}
        # Of equal nodes the one of whose holders somebody knows.
        place = next((place for place in nearest.places if place.node_id in self._held), nearest.places[0])
        held = [(self._size(holder.resources), holder) for holder in self._held.get(place.node_id, ())]
        held = [(size, holder) for size, holder in held if any(size[n] for n in lacking)]
        held.sort(key=lambda one: sum(one[0][n] for n in lacking), reverse=True)
        left = list(nearest.free or ())
        for number, (size, _) in enumerate(held[:MOST_HOLDERS], start=1):
            left = [have + freed for have, freed in zip(left, size, strict=False)]
            if left and all(have >= need for have, need in zip(left, hardest.size, strict=True)):
                return [holder for _, holder in held[:number]], sum(want.number for want in wants) == 1
        return [holder for _, holder in held[:MOST_HOLDERS]], False

    def _offer(self, group: Group, size: Size, of: Size = ()) -> Offer:
        return Offer(group.places[0].name, group.kind, self._amounts(size), self._amounts(of))

    def _amounts(self, size: Size) -> Amounts:
        return {name: count / GRAIN for name, count in zip(self._names, size, strict=False) if countable(name)}
