"""One log line as spans: the formats of Ray are shortened to time, level, place and message.

Everything else stays as it was written.
"""

from __future__ import annotations

import re

from raytui.core.units import sanitize
from raytui.tui.render.text import Line

_CPP = re.compile(
    r"\[\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d+ ([DIWEFC]) \d+ \d+\] (?:\((\w+)\) )?(\S+?:\d+): ?(.*)", re.DOTALL
)
"""Ray's C++ processes: `[2026-11-24 08:00:00,123 I 12 12] (raylet) node_manager.cc:512: text`."""
_PYTHON = re.compile(
    r"\[?\d{4}-\d\d-\d\d "
    r"(\d\d:\d\d:\d\d)[,.]\d+\]?\s+(?:\[)?(V*INFO|DEBUG|SUCC|WARN(?:ING)?|ERR(?:OR)?|CRITICAL|PANIC)\]?\s+"
    r"(\S+?:\d+)?\s*(?:-- )?(.*)",
    re.DOTALL,
)
"""Ray's Python processes: `2026-11-24 08:00:00,123 INFO scripts.py:10 -- text`."""
_ALARM = re.compile(
    r"Traceback \(most recent call last\)|^\s*\w*(?:Error|Exception): |\b(?:SIGKILL|SIGSEGV|Segmentation "
    r"fault|out of memory)\b",
    re.IGNORECASE,
)
_LEVELED = re.compile(
    r"\[?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[,.]\d+\]?\s+\[?"
    r"(?:V*INFO|DEBUG|SUCC|WARN|(ERR|CRIT|PANIC)|([EFC] )|[DIW] )"
)
"""The same lines by their beginning alone, which is all that counting needs."""
_GREETING = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+\s+(?:INFO|SUCC) (?:scripts|usage_lib)\.py:\d+ -- ")
"""What `ray start` prints when all went well: addresses and what a person could run next. Its errors are ERR lines."""
_LOOKED_AT = 2_000
"""Characters of a line in which an alarm is looked for."""
_LEVELS = {"E": "error", "F": "error", "C": "error", "P": "error", "W": "warn"}
MARK = "── "
"""Begins a line of the console's own between log lines."""


def log_line(text: str) -> Line:
    """The spans of one log line; whatever it holds, nothing in it can act on the terminal."""
    text = sanitize(text)
    if text.startswith(MARK):
        return ((text, "muted"),)
    found = _CPP.match(text)
    if found:
        at, level, _, place, message = found.groups()
    else:
        found = _PYTHON.match(text)
        if not found:
            return ((text, "error" if _ALARM.search(text) else ""),)
        at, word, place, message = found.groups()
        level = word[0]
    role = _LEVELS.get(level, "")
    where = f"{place}  " if place else ""
    return (
        (f"{at} ", "muted"),
        (f"{level} ", role or "muted"),
        (where, "muted"),
        (message, role if role == "error" else ""),
    )


def shown_text(text: str) -> str:
    """The text of a line as it is shown; what a search looks at."""
    return "".join(part for part, _ in log_line(text))


def is_error(text: str) -> bool:
    """Whether a log line tells of an error, by its level or, where it has none, by its words."""
    found = _LEVELED.match(text)
    if found is not None:
        return found.lastindex is not None
    return not text.startswith(MARK) and _ALARM.search(text, 0, _LOOKED_AT) is not None


def is_greeting(text: str) -> bool:
    """Whether a line is of what `ray start` greets with, which tells nothing of what came after."""
    return _GREETING.match(text) is not None
