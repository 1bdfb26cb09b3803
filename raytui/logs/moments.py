"""Times that a person types: a span before now, or a date and time."""

from __future__ import annotations

import re
from datetime import datetime

from raytui.core.errors import ConfigurationError, Problem

_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.ASCII)


def parse_moment(text: str, now: float, field: str = "since") -> float:
    """Seconds since 1970 of `10m`, `1h30m`, `90` (seconds ago) or of a date and time; raises `ConfigurationError`."""
    words = text.strip()
    span = _SPAN.fullmatch(words)
    if span and any(span.groups()):
        days, hours, minutes, seconds = (int(part or 0) for part in span.groups())
        return now - (((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    try:
        return datetime.fromisoformat(words).timestamp()
    except (ValueError, OverflowError, OSError):
        problem = Problem(
            field,
            f"{text!r} is neither a span nor a time",
            "write 90s, 10m, 2h, 1d or a time such as 2026-11-23T17:00:00Z",
        )
        raise ConfigurationError.from_problems([problem]) from None
