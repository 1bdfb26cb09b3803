"""JSON from others, read so that one odd text spoils only itself: msgspec, which is fast, refuses the whole for it."""

from __future__ import annotations

import json

import msgspec

_LONGEST_INTEGER = 300


def decoded(body: bytes) -> object:
    """The value of a JSON text; raises ValueError when it is none.

    Half a surrogate pair and bytes that are no UTF-8 become U+FFFD; an integer of thousands of digits becomes infinite.
    """
    try:
        try:
            return msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _whole(json.loads(body.decode(errors="replace"), parse_int=_number))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)


def _whole(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_whole(entry) for entry in value]
    return {_whole(name): _whole(held) for name, held in value.items()} if isinstance(value, dict) else value
