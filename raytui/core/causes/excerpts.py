"""The line that tells of a long text: Ray's messages are tracebacks, reports of pages and logs of 20,000 characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

_LAST_LINES = 200
"""Lines at the end of an output in which its last words are looked for."""
LONGEST = 300
"""Characters of a text that are repeated in a sentence."""
_COLOUR = re.compile(r"(?:\x1b)?\[\d+(?:;\d+)*m")
"""Colours that Ray writes into its messages, with or without the escape that began them."""
_FRAME = re.compile(r"^\s*(?:File \"|\^+\s*$|~+[\^~]*\s*$)")
_OF_RAY = re.compile(
    r"^\s*\[\d{4}-\d\d-\d\d [\d:,]+ [A-Z] \d+ \d+\] |^\((?:raylet|autoscaler|scheduler)\b"
    r"|^\s+\[|^\s*\[state-dump\]|^\d{4}-\d\d-\d\d .*\b(?:INFO|WARNING) |^Running entrypoint for job "
)
_POSSIBLE = re.compile(
    r"(?:Some common causes include|There are some potential root causes|This can happen when"
    r"|Possible reasons include).*"
)
_DUMP = re.compile(r"^\s*\[state-dump\]")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:\([\w.]+\))?(?::\s.*|:)?$")
"""How the line begins that names an exception under the frames of its traceback."""


@lru_cache(512)
def error_line(text: str) -> str:
    """The line of a text that says what went wrong: the last exception that a traceback names, else the last line.

    Empty when there is none, and when a traceback is cut off before it.
    """
    lines = plain_lines(text)
    raised, in_frames = "", False
    for line in lines:
        if _FRAME.match(line):
            in_frames = True
        elif in_frames and line and not line[0].isspace():
            in_frames = False
            raised = line if _RAISED.match(line) else raised
    if raised or in_frames:
        return "" if in_frames else shortened(raised)
    left = [line for line in lines if line.strip()]
    return shortened(left[-1].strip()) if left else ""


def plain_lines(text: str) -> list[str]:
    """The lines of a text without the colours that Ray writes into it."""
    return [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]


def exception_block(text: str, line: str) -> str:
    """The text of an exception that begins with `line`, up to what Ray's own processes said after it."""
    start = text.rfind(line[:40]) if line else -1
    kept: list[str] = []
    for n, part in enumerate(text[max(0, start) :].splitlines()):
        if n and is_of_ray(part):
            break
        kept.append(part)
    return "\n".join(kept)


def is_of_ray(line: str) -> bool:
    """Whether Ray's own processes wrote the line into the output of a driver."""
    return _OF_RAY.match(_COLOUR.sub("", line)) is not None


def has_traceback(text: str) -> bool:
    """Whether a text holds frames of a traceback, the first of which may have been cut off."""
    return any(_FRAME.match(line) for line in text.splitlines())


def first_line(text: str) -> str:
    """The first line that is not empty, without the causes that Ray lists as possible of every such end."""
    for line in text.splitlines():
        plain = _POSSIBLE.sub("", _COLOUR.sub("", line)).strip()
        if plain:
            return shortened(plain)
    return ""


def without_noise(lines: Sequence[str]) -> tuple[str, ...]:
    """Lines of a log without the pages in which Ray's processes write down their state."""
    return tuple(line for line in lines if not _DUMP.match(line))


def shortened(text: str) -> str:
    """A text that fits into a sentence."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def last_words(text: str) -> str:
    """The last line that a driver itself printed, the exception of its traceback if there is one."""
    lines = [line for line in text.rstrip().splitlines()[-_LAST_LINES:] if line.strip() and not is_of_ray(line)]
    return error_line("\n".join(line for line in lines if "last available logs (truncated" not in line))
