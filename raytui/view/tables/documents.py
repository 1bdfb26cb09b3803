"""Core values as JSON documents, the same in every list: all their fields under their own names, times in RFC 3339."""

from __future__ import annotations

from typing import cast

import msgspec

from raytui.core.units import rfc3339_or_none


def plain(item: msgspec.Struct, *times: str) -> dict[str, object]:
    """A core value as a document; the fields named in `times` hold seconds since 1970 and are written as times, null when unknown."""
    document = cast("dict[str, object]", msgspec.to_builtins(item))
    for name in times:
        document[name] = rfc3339_or_none(getattr(item, name))
    return document
