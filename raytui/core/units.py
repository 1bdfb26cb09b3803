"""How sizes, times and text from elsewhere are written for people and scripts, once for both front ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-Z\\])")
"""Terminated sequences only: an unterminated one must not swallow the text behind it."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HALVES = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair: no text, and no encoding can write it."""


def rfc3339(seconds: float) -> str:
    """A time in seconds since 1970 as RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_or_none(seconds: float) -> str | None:
    """The same, or none for the 0 that stands for an unknown time."""
    return rfc3339(seconds) if seconds else None


def parse_time(text: str) -> float:
    """Seconds since 1970 of an RFC 3339 time, 0 when it is none.

    The API leaves times empty or `0001-01-01T00:00:00Z`.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp())


def duration(seconds: float) -> str:
    """A span as an operator reads it: `8 s`, `4m05`, `2h14`, `3d02`."""
    whole = int(max(0.0, seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}"


def sanitize(text: str) -> str:
    """Text from elsewhere made harmless.

    No escape sequences, no control and direction characters, no half characters; tabs become blanks.
    """
    if text.isprintable():
        return text  # nearly all that Ray sends
    text = _HALVES.sub("\ufffd", text)
    return _CONTROLS.sub("", _ESCAPES.sub("", text)).expandtabs(8)
