"""Patterns that a person types, for commands and console alike, matched in time linear in the text.

A matcher that goes back (Python's own) needs longer than a person lives for `(a+)+$` on a line of forty letters. RE2,
the matcher of kubectl's and ripgrep's kind, never goes back: it needs no time-out, and no line stays undecided. It lets
other threads run meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol, cast

from raytui.core.errors import ConfigurationError, Problem

LONGEST = 4096
"""Characters of a pattern; longer ones are refused before anything is made of them."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")


class _Match(Protocol):
    def span(self) -> tuple[int, int]: ...


class _Matcher(Protocol):
    """What is used of a compiled pattern of RE2, which comes without types."""

    def search(self, text: str) -> _Match | None: ...

    def finditer(self, text: str) -> Iterator[_Match]: ...


class BytesMatcher(Protocol):
    """A compiled pattern of RE2 over bytes: it says where in a block something is worth a closer look."""

    def search(self, data: bytes, pos: int = 0) -> _Match | None:
        """The first place from `pos` on; none when there is none."""
        ...


class Pattern:
    """A pattern that was understood; each search takes time in proportion to the text."""

    def __init__(self, matcher: _Matcher, text: str, *, literal: bool = False, ignore_case: bool = False) -> None:
        self._matcher = matcher
        self.text = text
        """As it was typed."""
        self.literal = literal
        """Whether the text is looked for as it stands, because it is no pattern."""
        self.ignore_case = ignore_case

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text."""
        return self._matcher.search(_encodable(text)) is not None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Where it is found: start and end of each match, in characters."""
        for match in self._matcher.finditer(_encodable(text)):
            yield match.span()


def compile_pattern(text: str, field: str, *, ignore_case: bool = False) -> Pattern:
    """The pattern of a flag or a field; raises `ConfigurationError` that says what is wrong with it."""
    wrong = _wrong(text)
    if wrong is None:
        return Pattern(_matcher(text, ignore_case=ignore_case), text, ignore_case=ignore_case)
    shown = text if len(text) <= 80 else f"{text[:80]}…"
    raise ConfigurationError.from_problems([Problem(field, f"{shown!r} {wrong[0]}", wrong[1])])


def lenient_pattern(text: str) -> Pattern:
    """What a person is typing, whatever the case; text that is no pattern (yet) is looked for as it stands."""
    literal = _wrong(text) is not None
    text = text[:LONGEST]
    return Pattern(_matcher(text, ignore_case=True, literal=literal), text, literal=literal, ignore_case=True)


def bytes_matcher(expression: str, *, ignore_case: bool = False) -> BytesMatcher | None:
    """A matcher of an expression of RE2 over many lines of UTF-8 at once, which never matches over the end of a line.

    None when RE2 refuses the expression.
    """
    if _wrong(expression) is not None:
        return None
    return cast(
        "BytesMatcher", _compiled(f"(?m:{_encodable(expression)})".encode(), ignore_case=ignore_case, on_lines=True)
    )


def _wrong(text: str) -> tuple[str, str] | None:
    """What is wrong with a pattern and what to do about it; none when it can be used."""
    import re2

    if len(text) > LONGEST:
        return f"is too long for a pattern: it has {len(text):,} characters of at most {LONGEST:,}", "look for less"
    try:
        _matcher(text)
    except re2.error as error:
        reason = (
            error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        )
    else:
        return None
    try:
        re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        # Python also says where.
        return f"is not a regular expression: {error}", "put a backslash before characters that are meant as such"
    return (
        f"cannot be used as a pattern: {reason}",
        (
            "patterns are those of RE2, as in kubectl and ripgrep: no look-around, no back-references, at most "
            "1,000 repeats"
        ),
    )


def _matcher(text: str, *, ignore_case: bool = False, literal: bool = False) -> _Matcher:
    return cast("_Matcher", _compiled(_encodable(text), ignore_case=ignore_case, literal=literal))


def _compiled(
    expression: str | bytes, *, ignore_case: bool = False, literal: bool = False, on_lines: bool = False
) -> object:
    import re2  # 5 ms that only a search costs

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not ignore_case
    options.literal = literal
    options.never_capture = True
    options.never_nl = on_lines
    return cast("object", re2.compile(expression, options))


def _encodable(text: str) -> str:
    """Text that has an encoding: half of a surrogate pair has none."""
    return text if text.isascii() else _SURROGATES.sub("\ufffd", text)
