"""Times that a person types: a span before now, or a date and time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo

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


_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)


def moment_in_log(text: str, now: float, last: float, zone: tzinfo | None) -> float:
    """Seconds since 1970 of what is typed to go to a time: `17:02` of the log's last day, `-5m` or a date and time.

    `last` is the time of the log's last line; a time of day after it is meant on the day before. Raises
    `ConfigurationError`.
    """
    words = text.strip()
    clock = _CLOCK.fullmatch(words)
    if clock is None:
        return parse_moment(words.removeprefix("-"), now, "time")
    hour, minute, second = (int(part or 0) for part in clock.groups())
    day = datetime.fromtimestamp(last, zone)
    try:
        meant = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
    except ValueError:
        problem = Problem("time", f"{words} is no time of day", "write 17:02, -5m or 2026-11-23T17:00:00Z")
        raise ConfigurationError.from_problems([problem]) from None
    return (meant if meant <= day else meant - timedelta(days=1)).timestamp()
