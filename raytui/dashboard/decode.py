"""Bytes to typed rows, tolerant of what Ray adds and strict about what we rely on.

msgspec ignores unknown fields and fills in missing ones; numbers sent as text are read (Ray sends both). An answer is read whole, which
is fast; only when that fails is it read row by row, so that one odd field costs one row and not the list. What still does not fit raises
`Garbage`, never anything else, whatever the bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from raytui.core.units import sanitize

T = TypeVar("T")
_LAST_MOMENT = 253402300799.0
"""The end of the year 9999, the last time that can be written as RFC 3339."""

_LARGEST = 2.0**63
"""More bytes than anything has."""


class Garbage(ValueError):
    """The bytes are not what Ray answers; `str()` says where they differ."""


class Read(NamedTuple, Generic[T]):
    """The rows of an answer that could be read."""

    rows: list[T]
    unreadable: int = 0
    """How many others there were."""
    first: str = ""
    """What is wrong with the first of those."""


def decode(body: bytes, kind: type[T]) -> T:
    """One JSON answer as `kind`; raises `Garbage`."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Garbage(str(error)) from None


def decode_open(body: bytes, kind: type[T]) -> T:
    """An answer as `kind`, which leaves its rows open (`object`) so that they can be read one by one; raises `Garbage`.

    Reads also what Python writes although JSON knows nothing of it: NaN, Infinity and half of a surrogate pair.
    """
    try:
        return decode(body, kind)
    except Garbage as error:
        try:
            return msgspec.convert(json.loads(body.decode(errors="replace")), kind, strict=False)
        except (ValueError, RecursionError):
            # What msgspec said names the place.
            raise error from None


def each(items: Iterable[object], kind: type[T], rest: type[T] | None = None) -> Read[T]:
    """Rows read one by one; of one that does not fit `kind` what fits `rest` is kept. Raises `Garbage` when none at all can be read."""
    rows: list[T] = []
    unreadable, first = 0, ""
    for item in items:
        try:
            rows.append(msgspec.convert(item, kind, strict=False))
            continue
        except (ValueError, RecursionError) as error:
            unreadable += 1
            first = first or str(error)
        if rest is not None:
            try:
                rows.append(msgspec.convert(item, rest, strict=False))
            except (ValueError, RecursionError):
                continue
    if unreadable and not rows:
        raise Garbage(first)
    return Read(rows, unreadable, first)


def seconds(value: float | None, per_second: float = 1.0) -> float:
    """A time in seconds since 1970 of a count of which `per_second` make a second; 0 when it is missing or absurd."""
    moment = (value or 0.0) / per_second
    return moment if 0.0 <= moment <= _LAST_MOMENT else 0.0


def whole(value: float | None) -> int:
    """A size in bytes; 0 when it is missing or absurd."""
    return int(value) if value and 0 < value < _LARGEST else 0


def finite(value: float | None) -> float | None:
    """A figure; none when there is none or when it is no number (NaN, Infinity)."""
    return value if value is not None and math.isfinite(value) else None


def text(value: str | None) -> str:
    """Text for people: nothing for null, escape sequences removed (Serve colours its messages)."""
    return sanitize(value) if value else ""
