"""One log line as spans: what has a form is shortened to time, level, place and message.

Everything else stays as it was written.
"""

from __future__ import annotations

from raytui.core.logline import Level
from raytui.core.units import sanitize
from raytui.logs.formats import is_alarm, parse
from raytui.tui.render.text import Line

_ROLES: dict[Level | None, str] = {"ERROR": "error", "FATAL": "error", "WARNING": "warn"}
MARK = "── "
"""Begins a line of the console's own between log lines."""
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
