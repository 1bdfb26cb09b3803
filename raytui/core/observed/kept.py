"""Results worked out of each of many things, kept from snapshot to snapshot: the cost of a round follows what changed.

A thing that is the same object as before has the same result, unless time alone changes it. So whatever depends on time
asks a `Moment`, which remembers from when and until when the answer would have been the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, ValuesView
from itertools import compress
from math import inf
from operator import eq, is_, ne
from typing import Any, Generic, TypeVar

import msgspec

R = TypeVar("R")
T = TypeVar("T")
D = TypeVar("D", bound=dict[Any, Any])  # Any: a dict is of its very types of key and value


class Moment:
    """The time of one judgement, in seconds since 1970, and the span around it in which the judgement holds."""

    __slots__ = ("at", "since", "until")

    def __init__(self, at: float) -> None:
        self.at = at
        self.since = -inf
        """From then on everything asked so far would be answered alike."""
        self.until = inf
        """Before then everything asked so far would be answered alike."""

    def has_reached(self, then: float) -> bool:
        """Whether it is `then` or later."""
        if self.at >= then:
            self.since = max(self.since, then)
            return True
        self.until = min(self.until, then)
        return False

    def elapsed(self, since: float, step: float) -> float:
        """Seconds since then, for whoever tells them in whole steps."""
        whole = (self.at - since) // step
        self.since = max(self.since, since + whole * step)
        self.until = min(self.until, since + (whole + 1) * step)
        return self.at - since

    def age(self, since: float) -> float:
        """Seconds since then, which are others at every other moment."""
        self.since = self.until = self.at
        return self.at - since


def changed_places(old: Sequence[object], new: Sequence[object]) -> list[int]:
    """Where two sequences of one length hold different objects."""
    if old is new:
        return []
    # As bytes, so that what is the same is passed over in C.
    same = bytes(map(is_, old, new))
    places, place = [], same.find(0)
    while place >= 0:
        places.append(place)
        place = same.find(0, place + 1)
    return places


class Kept(Generic[R]):
    """The results for the rows of one or several columns of things, row by row."""

    __slots__ = ("_columns", "_context", "_since", "_sinces", "_until", "_untils", "results")

    def __init__(
        self,
        before: Kept[R] | None,
        make: Callable[..., R],
        columns: tuple[Sequence[object], ...],
        *,
        now: float,
        context: object = None,
    ) -> None:
        """Ask `make(*row, moment)` only for rows that changed or whose time has come.

        A row has changed when it holds another object than in `before`. `context` stands for everything else that
        results depend on: one that is not equal to that of before makes all anew.
        """
        self._columns = columns
        self._context = context
        self.results: list[R]
        """One for each row; the very object of before where nothing changed."""
        # The spans in which results hold, as two lists: the latest beginning and the earliest end are found in C.
        self._sinces: list[float]
        self._untils: list[float]
        self._since: float
        self._until: float
        if before is None or before._context != context:
            self._extend(make, now)
            return
        self._since, self._until = before._since, before._until
        in_time = self._since <= now < self._until
        stale = self._take(before, make, now)
        if not in_time:
            over = [n for n, until in enumerate(self._untils) if until <= now]
            early = [n for n, since in enumerate(self._sinces) if since > now] if now < self._since else []
            stale = sorted({*stale, *over, *early}) if over or early else stale
        if stale:
            self._make_again(stale, make, now, before)
        if not in_time and self._sinces:
            self._since, self._until = max(self._sinces), min(self._untils)

    def _extend(self, make: Callable[..., R], now: float) -> None:
        self.results, self._sinces, self._untils = [], [], []
        for row in zip(*self._columns, strict=True):
            moment = Moment(now)
            self.results.append(make(*row, moment))
            self._sinces.append(moment.since)
            self._untils.append(moment.until)
        self._since, self._until = max(self._sinces, default=-inf), min(self._untils, default=inf)

    def _make_again(self, stale: list[int], make: Callable[..., R], now: float, before: Kept[R]) -> None:
        if self._sinces is before._sinces:
            self._sinces, self._untils = before._sinces.copy(), before._untils.copy()
        columns, sinces, untils, results = self._columns, self._sinces, self._untils, self.results
        since, until = self._since, self._until
        first, second = columns[0], columns[1] if len(columns) == 2 else None
        for n in stale:
            moment = Moment(now)
            if second is not None:
                made = make(first[n], second[n], moment)
            else:
                made = make(first[n], moment) if len(columns) == 1 else make(*[c[n] for c in columns], moment)
            sinces[n], untils[n] = moment.since, moment.until
            since = max(since, moment.since)
            until = min(until, moment.until)
            if made != results[n]:
                if results is before.results:
                    results = before.results.copy()
                results[n] = made
        self.results, self._since, self._until = results, since, until

    def _take(self, before: Kept[R], make: Callable[..., R], now: float) -> list[int]:
        """Take over what is as before, and say which rows are not."""
        count = len(self._columns[0])
        if count == len(before._columns[0]):
            changed: set[int] = set()
            for old, new in zip(before._columns, self._columns, strict=True):
                changed.update(changed_places(old, new))
            if 2 * len(changed) <= count:
                self.results, self._sinces, self._untils = before.results, before._sinces, before._untils
                return sorted(changed)
        # Rows came, went or moved: those that are there still are found by what they hold.
        places = {tuple(map(id, row)): n for n, row in enumerate(zip(*before._columns, strict=True))}
        found = [places.get(tuple(map(id, row)), -1) for row in zip(*self._columns, strict=True)]
        if not before.results:
            self._extend(make, now)
            return []
        # What stands for -1 is made anew.
        self.results = [before.results[n] for n in found]
        self._sinces = [before._sinces[n] for n in found]
        self._untils = [before._untils[n] for n in found]
        return [n for n, place in enumerate(found) if place < 0]


def reuse(before: T | None, after: T) -> T:
    """`after` with the very objects of `before` where they are equal, and `before` itself where all of them are.

    Compared are the rows of a tuple, the values of a mapping (which may be changed for that), or the two as they are.
    """
    if before is None or before is after:
        return after
    if isinstance(after, tuple) and isinstance(before, tuple):
        rows = _rows(before, after)
        about = getattr(after, "__dict__", None)
        if about == getattr(before, "__dict__", None) and len(rows) == len(before) and all(map(is_, rows, before)):
            return before
        made = tuple.__new__(type(after), rows)
        if about:
            made.__dict__.update(about)
        return made
    if isinstance(after, dict) and isinstance(before, dict):
        return _mapping(before, after)
    return before if before == after else after


def _mapping(before: D, after: D) -> D:
    about = getattr(after, "__dict__", None)
    known = before.values() if list(before) == list(after) else [before.get(key) for key in after]
    equal = bytes(map(eq, known, after.values()))
    if len(before) == len(after) and isinstance(known, ValuesView):
        if about == getattr(before, "__dict__", None) and 0 not in equal:
            return before
        if 2 * sum(equal) >= len(equal):
            made = type(after)(before)
            made.update(compress(after.items(), equal.translate(_NOT)))
            if about:
                vars(made).update(about)
            return made
    after.update(zip(compress(after, equal), compress(known, equal), strict=True))
    return after


_NOT = bytes([1, 0]) + bytes(254)


def _rows(before: tuple[T, ...], after: tuple[T, ...]) -> list[T]:
    if len(before) == len(after):
        different = bytes(map(ne, before, after))
        if 2 * sum(different) <= len(different):
            rows = list(before)
            for place in compress(range(len(rows)), different):
                rows[place] = after[place]
            return rows
    # Rows came, went or moved: each is looked for by its first field, which names it.
    if not after or not isinstance(after[0], msgspec.Struct):
        return list(after)
    name = after[0].__struct_fields__[0]
    known = {getattr(row, name): row for row in before}
    return [old if (old := known.get(getattr(row, name))) == row else row for row in after]
