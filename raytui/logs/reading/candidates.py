"""Which lines of a log are worth a closer look for a pattern, found in blocks of bytes instead of line by line.

A search looks at lines as they are shown, without escape sequences and with tabs as blanks. Blocks of bytes hold them
as they were written. So what is looked for here is always more than the pattern: every line in which it could be found
once it is shown, and those with bytes that are not shown as they stand. Whoever asks looks at each of them itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from raytui.core.logline import Level, Missed
from raytui.core.patterns import BytesMatcher, Pattern, bytes_matcher
from raytui.logs.reading.ranges import Block, Raw
from raytui.logs.reading.text import LINE_CAP, clean, shown

_ALTERED = r"\x00-\x08\x0b-\x1f\x7f"
"""Bytes of ASCII that are not shown as they stand."""
_ALTERED_SIGNS = r"\x{80}-\x{9f}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}\x{fffd}"
_SPECIAL = frozenset(r"\.[](){}|+*?^$")
_EVERY = re.compile(r"\\[AzCQEpP]|\(\?[A-Za-z]*[-m]|\x00|\\x|\\0")
"""Parts of a pattern that mean something else in a block than in a line, or that nobody uses."""
_BLANK = "(?:[ \\t]+)"
_PART = re.compile(
    r"(?P<any>\.[*+]\??)"
    r"|(?P<class>\[[A-Za-z0-9_](?:-[A-Za-z0-9_])?(?:[A-Za-z0-9_](?:-[A-Za-z0-9_])?)*\])"
    r"|(?P<escape>\\[dwb.\[\](){}|+*?^$/\\-])"
    r"|(?P<blank> )"
    r"|(?P<plain>[A-Za-z0-9_:,;<>=\"'#@!%&~/|()+*?^$-])",
    re.ASCII,
)
"""What cannot match a blank, or matches as many as there are."""
_IN_EXTENDED = {r"\d": "[0-9]", r"\w": "[A-Za-z0-9_]", r"\/": "/", r"\-": "-"}


def is_hit(pattern: Pattern, raw: Raw) -> bool:
    """Whether a pattern is found in a line, beyond what is shown of it too."""
    return pattern.search(shown(raw.data)) or is_beyond(pattern, raw)


def is_beyond(pattern: Pattern, raw: Raw) -> bool:
    """Whether a line is longer than what is shown of it and a pattern is found in all of it."""
    return len(raw.data) > LINE_CAP and pattern.search(clean(raw.data))


def not_searched_whole(source: str, number: int) -> Missed:
    """What is said of a log with that many lines of which only the beginning was searched."""
    lines = "1 line longer than 1 MB was" if number == 1 else f"{number:,} lines longer than 1 MB were"
    its = "its" if number == 1 else "their"
    return Missed(source, f"{lines} searched in {its} first 64 KB only", is_part=True)


@lru_cache(16)
def candidates_of(pattern: Pattern) -> Candidates:
    """What finds the candidates of a pattern, made once for all logs."""
    return Candidates(pattern)


class Candidates:
    """Finds lines that may match a pattern."""

    def __init__(self, pattern: Pattern) -> None:
        parts = None if pattern.literal else _parts(pattern.text)
        self._every = not pattern.literal and _EVERY.search(pattern.text) is not None
        self._ignore_case = pattern.ignore_case
        self._parts_of_program: list[str] = [] if parts is None or "?)" in pattern.text else _for_a_program(parts)
        """The parts of the same for programs; empty when it cannot be said there."""
        if pattern.literal or not (_SPECIAL & set(pattern.text)):
            expression, tabs = _literal(pattern.text), ""
            self._parts_of_program = _for_a_program(
                [f"\\{each}" if each in _SPECIAL else each for each in pattern.text]
            )
        elif parts is not None:
            expression, tabs = re.sub(" +", lambda _: _BLANK, "".join(parts)), ""
        else:
            expression, tabs = pattern.text, "\\t"
        altered = f"[{tabs}{_ALTERED}{_ALTERED_SIGNS}]"
        self._matcher: BytesMatcher | None = None
        if not self._every:
            self._matcher = bytes_matcher(f"(?:{expression})|{altered}", ignore_case=pattern.ignore_case)
        if self._matcher is None or not pattern.text.isascii() or not pattern.text.isprintable():
            self._parts_of_program = []

    def of(self, block: Block) -> Iterator[Raw]:
        """Lines of a block that may match, in order."""
        data = block.data
        if self._matcher is None or not _is_text(data):
            yield from block.lines()
            return
        position, search = 0, self._matcher.search
        while position < len(data):
            found = search(data, position)
            if found is None:
                return
            at = found.span()[0]
            begin = data.rfind(b"\n", 0, at) + 1
            end = data.find(b"\n", at)
            if end < 0:
                end = len(data)
            if begin < len(data):
                yield Raw(block.offset + begin, data[begin:end])
            position = end + 1

    @property
    def can_be_given(self) -> bool:
        """Whether a program can be asked for the candidates."""
        return bool(self._parts_of_program)

    @property
    def can_be_counted(self) -> bool:
        """Whether a line that is shown as it stands matches exactly if a program says so; a tab is not shown so."""
        return self.can_be_given and " " not in self._parts_of_program

    def for_rg(self) -> tuple[list[bytes], list[bytes]]:
        """Arguments of `rg` that mean the pattern, and those that mean lines that are not shown as they stand."""
        expression = "".join(_FOR_RG.get(part, part) for part in self._parts_of_program)
        return [*([b"--ignore-case"] if self._ignore_case else []), b"-e", expression.encode()], [b"-e", _RG_ALTERED]

    def for_grep(self) -> tuple[list[bytes], list[bytes]]:
        """The same of `grep -E` in the C locale, where a letter is one byte."""
        expression = "".join(_FOR_GREP.get(part, part) for part in self._parts_of_program)
        altered = [*_GREP_ALTERED, *(_FOLDED if self._ignore_case else ())]
        return (
            [*([b"-i"] if self._ignore_case else []), b"-e", expression.encode()],
            [argument for each in altered for argument in (b"-e", each)],
        )


_FOR_RG = {
    " ": r"(?:[ \t]+)",
    "$": r"(?:\r*$)",
    r"\b": r"(?-u:\b)",
    ".*": "(?-u:.)*",
    ".+": r"(?-u:[^\r\n])+",
}
_FOR_GREP = {" ": "([ \t]+)", "$": "(\r*$)", ".+": "[^\r]+"}
"""A carriage return before the end of a line is not shown."""
_RG_ALTERED = (
    rb"\x1b|\r[^\r\n]|\x00|\x07|\x08"
    rb"|(?-u:\xc2[\x80-\x9f])|(?-u:\xe2\x80[\x8e\x8f\xaa-\xae])|(?-u:\xe2\x81[\xa6-\xa9])"
)
"""As bytes: of a class of signs rg looks at every byte one by one, for single bytes it looks at many at once."""
_GREP_ALTERED = (
    b"\x1b",
    b"\r[^\r]",
    b"[\x07\x08]",
    b"[^\x01-\xff]",
    b"\xc2[\x80-\x9f]",
    b"\xe2\x80[\x8e\x8f\xaa-\xae]",
    b"\xe2\x81[\xa6-\xa9]",
)
"""What is left out of a line that is shown, and what is before it: a match may stand across it."""
_FOLDED = (b"\xe2\x84\xaa", b"\xc5\xbf")
"""Letters beyond ASCII that are a small k and a small s to a pattern whatever the case."""


class Signs:
    """Tells blocks in which no line can be of a level or a more serious one by itself."""

    def __init__(self, level: Level) -> None:
        serious = (
            r"err|crit|fatal|panic|traceback|exception|sigkill|sigsegv|segmentation|out of memory"
            r"|[ \t][efcp][ \t]+\d|\b[ef]\d{4} |\"(?:levelname|level|severity)\""
        )
        warning = r"|warn|[ \t]w[ \t]+\d|\bw\d{4} "
        expression = {"ERROR": serious, "FATAL": serious, "WARNING": serious + warning}.get(level)
        self._matcher = None
        if expression is not None:
            self._matcher = bytes_matcher(f"{expression}|[{_ALTERED}{_ALTERED_SIGNS}]", ignore_case=True)

    def may_be_in(self, block: Block) -> bool:
        """Whether the block must be looked at line by line."""
        return self._matcher is None or not _is_text(block.data) or self._matcher.search(block.data) is not None


def _is_text(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _literal(text: str) -> str:
    escaped = "".join(f"\\{letter}" if letter in _SPECIAL else letter for letter in text)
    return re.sub("[ \t]+", lambda _: _BLANK, escaped)


def _parts(text: str) -> list[str] | None:
    """The parts of a pattern of which none can match a blank that a tab became; none when there are others."""
    parts, at = [], 0
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            return None
        parts.append(found.group())
        at = found.end()
    return parts


def _for_a_program(parts: list[str]) -> list[str]:
    """The parts as programs understand them; none where they would mean something else there."""
    written: list[str] = []
    for n, part in enumerate(parts):
        if part in {"*", "+", "?"} and (n == 0 or parts[n - 1] in {"*", "+", "?", "(", "|", "^", "$", r"\b"}):
            return []
        if part.startswith(".") and part.endswith("?"):
            written.append(part[:-1])
        elif part != " " or written[-1:] != [" "]:
            written.append(_IN_EXTENDED.get(part, part))
    return written
