"""One log line as spans: what has a form is shortened to time, level, place and message.

Everything else stays as it was written.
"""

from __future__ import annotations

import re

from raytui.core.logline import Level
from raytui.core.units import sanitize
from raytui.logs import formats
from raytui.logs.formats import is_alarm, parse
from raytui.tui.render.text import Line

_ROLES: dict[Level | None, str] = {"ERROR": "error", "FATAL": "error", "WARNING": "warn"}
MARK = "── "
"""Begins a line of the console's own between log lines."""
_GREETING = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\s+(?:INFO|SUCC) (?:scripts|usage_lib)\.py:\d+ -- ")
"""What `ray start` prints when all went well: addresses and what a person could run next. Its errors are ERR lines."""
_SHORTENED = frozenset({"ray-cpp", "ray-python"})


def log_line(text: str) -> Line:
    """The spans of one log line; whatever it holds, nothing in it can act on the terminal."""
    text = sanitize(text)
    if text.startswith(MARK):
        return ((text, "muted"),)
    found = parse(text)
    if found is None:
        return ((text, "error" if is_alarm(text) else ""),)
    parsed, form = found
    role = _ROLES.get(parsed.level, "")
    if form not in _SHORTENED:
        return ((text, role if role == "error" else ""),)
    where = f"{parsed.place}  " if parsed.place else ""
    return (
        (f"{parsed.clock} ", "muted"),
        (f"{parsed.word[0]} ", role or "muted"),
        (where, "muted"),
        (parsed.message, role if role == "error" else ""),
    )


def shown_text(text: str) -> str:
    """The text of a line as it is shown; what a search looks at."""
    return "".join(part for part, _ in log_line(text))


def is_error(text: str) -> bool:
    """Whether a log line tells of an error, by its level or, where it has none, by its words."""
    return not text.startswith(MARK) and formats.is_error(text)


def is_greeting(text: str) -> bool:
    """Whether a line is of what `ray start` greets with, which tells nothing of what came after."""
    return _GREETING.match(text) is not None
