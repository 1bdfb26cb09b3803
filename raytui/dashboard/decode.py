"""Bytes to typed rows, tolerant of what Ray adds and strict about what we rely on.

msgspec ignores unknown fields and fills in missing ones; numbers sent as text are read (Ray sends both). An answer is
read whole, which is fast; only when that fails is it read row by row, so that one odd field costs one row and not the
list. What still does not fit raises `Garbage`, never anything else, whatever the bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar

import msgspec

from raytui.core.units import sanitize

T = TypeVar("T")
_LAST_MOMENT = 253402300799.0
"""The end of the year 9999, the last time that can be written as RFC 3339."""

PIECE = 256 * 1024
"""Bytes of a long answer that are read at once."""
_TRIES = 8
_ENVELOPE = 512
"""Bytes within which the rows of a long answer begin."""
_FIRST_KEY = re.compile(rb'\s*\{\s*"[^"\\]*"\s*:')

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
        import json  # 1 ms that only such an answer costs

        try:
            return msgspec.convert(json.loads(body.decode(errors="replace")), kind, strict=False)
        except (ValueError, RecursionError):
            # What msgspec said names the place.
            raise error from None


def decode_rows(body: bytes, kind: type[T], begin: re.Pattern[bytes], after: bytes) -> list[T]:
    """The rows of a long answer, piece by piece.

    Reading JSON blocks all other threads, so no piece takes longer than 1 ms. `begin` matches up to the bracket that
    opens the rows; behind them only `after` may stand. Raises `Garbage` for another shape.
    """
    opened, behind = begin.search(body, 0, _ENVELOPE), body.rfind(after)
    first = _FIRST_KEY.match(body, opened.end()) if opened is not None else None
    end = body.rfind(b"]", 0, behind if behind >= 0 else len(body))
    if opened is None or first is None or body[end + 1 : behind if behind >= 0 else len(body)].strip(b" \n\r\t,}"):
        raise Garbage("an answer whose rows do not stand where they should")
    between = re.compile(rb"\}\s*(,)\s*" + re.escape(first[0]))
    rows: list[T] = []
    at = opened.end()
    while at < end:
        cut, tried = at + PIECE, 0
        while True:
            found = between.search(body, cut, end) if cut < end else None
            upto = found.start(1) if found is not None else end
            try:
                rows += decode(b"[" + body[at:upto] + b"]", list[kind])  # type: ignore[valid-type]  # a value here
                break
            except Garbage:
                # The first key of a row may stand within a row as well: what is cut there is no list.
                tried += 1
                if found is None or tried > _TRIES:
                    raise
                cut = found.end()
        at = upto + 1
    return rows


def each(items: Iterable[object], kind: type[T], rest: type[T] | None = None) -> Read[T]:
    """Rows read one by one; of one that does not fit `kind` what fits `rest` is kept.

    Raises `Garbage` when none at all can be read.
    """
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
