"""The line that tells of a long text: Ray's messages are tracebacks, reports of pages and logs of 20,000 characters."""

from __future__ import annotations

import re

LONGEST = 300
"""Characters of a text that are repeated in a sentence."""
_COLOUR = re.compile(r"(?:\x1b)?\[\d+(?:;\d+)*m")
"""Colours that Ray writes into its messages, with or without the escape that began them."""
_EXCEPTION = re.compile(
    r"^(?:[A-Za-z_][\w.]*\.)?[A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Timeout)\b.*|^[A-Za-z_][\w.]*(?:Error|Exception): .*"
)
"""The line of a traceback that names the exception."""
_FRAME = re.compile(r"^\s*(?:File \"|\^+\s*$|~+[\^~]*\s*$)")


def error_line(text: str) -> str:
    """The line of a text that says what went wrong: the last exception that a traceback names, else the last line.

    Empty when there is none.
    """
    lines = [_COLOUR.sub("", line).rstrip() for line in text.splitlines()]
    named = [line for line in lines if _EXCEPTION.match(line)]
    if named and "Traceback (most recent call last)" in text:
        return shortened(named[-1])
    left = [line for line in lines if line.strip() and not _FRAME.match(line)]
    return shortened(left[-1].strip()) if left else ""


def first_line(text: str) -> str:
    """The first line that is not empty."""
    return next((shortened(_COLOUR.sub("", line).strip()) for line in text.splitlines() if line.strip()), "")


def shortened(text: str) -> str:
    """A text that fits into a sentence."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def last_lines(text: str, count: int) -> tuple[str, ...]:
    """The last lines of a text, empty ones at its end apart."""
    return tuple(_COLOUR.sub("", line).rstrip() for line in text.rstrip().splitlines()[-count:])
