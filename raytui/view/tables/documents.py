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


def observed(document: Document, *numbers: str) -> Document:
    """The same with null for texts that Ray did not tell, and for `numbers` that are 0 then."""
    return {
        name: None if value == "" or (name in numbers and value == 0) else value for name, value in document.items()
    }
