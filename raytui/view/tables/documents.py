"""Core values as JSON documents, the same in every list: all their fields under their own names, times in RFC 3339."""

from __future__ import annotations

from typing import cast

import msgspec

from raytui.core.report import Document
from raytui.core.units import rfc3339_or_none


def plain(item: msgspec.Struct, *times: str) -> Document:
    """A core value as a document.

    `times` names fields with seconds since 1970, written as times and null when unknown.
    """
    document = cast("Document", msgspec.to_builtins(item))
    for name in times:
        document[name] = rfc3339_or_none(getattr(item, name))
    return document


def seconds(span: float | None) -> float | None:
    """A span for programs."""
    return None if span is None else round(span, 3)
