"""Bytes to typed rows, tolerant of what Ray adds and strict about what we rely on.

msgspec ignores unknown fields and fills in missing ones; numbers sent as text are read (Ray sends both). What still does not fit
raises `Garbage`, never anything else, whatever the bytes.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from raytui.core.units import sanitize

T = TypeVar("T")
_LAST_MOMENT = 253402300799.0
"""The end of the year 9999, the last time that can be written as RFC 3339."""

_LARGEST = 2.0**63
"""More bytes than anything has."""


class Garbage(ValueError):
    """The bytes are not what Ray answers; `str()` says where they differ."""


def decode(body: bytes, kind: type[T]) -> T:
    """One JSON answer as `kind`; raises `Garbage`."""
    try:
        return msgspec.json.decode(body, type=kind, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Garbage(str(error)) from None


def seconds(value: float | None, per_second: float = 1.0) -> float:
    """A time in seconds since 1970 of a count of which `per_second` make a second; 0 when it is missing or absurd."""
    moment = (value or 0.0) / per_second
    return moment if 0.0 <= moment <= _LAST_MOMENT else 0.0


def whole(value: float | None) -> int:
    """A size in bytes; 0 when it is missing or absurd."""
    return int(value) if value and 0 < value < _LARGEST else 0


def text(value: str | None) -> str:
    """Text for people: nothing for null, escape sequences removed (Serve colours its messages)."""
    return sanitize(value) if value else ""
