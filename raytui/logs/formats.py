"""The forms in which lines of logs are written, read in one place: time, level, place and message of each.

Seen in Ray 2.9 to 2.60 (shares are counted in a test): the C++ processes, Python's logging, Serve, JSON lines, the
launchers, and glog of old releases. What has none of these forms continues the line above it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from typing import NamedTuple, Protocol

import msgspec

from raytui.core.logline import Level, LogLine

_LETTERS: dict[str, Level] = {
    "V": "DEBUG",
    "D": "DEBUG",
    "T": "DEBUG",
    "I": "INFO",
    "S": "INFO",
    "W": "WARNING",
    "E": "ERROR",
    "C": "FATAL",
    "F": "FATAL",
    "P": "FATAL",
}
"""By the first letter of what is written: SUCC is what `ray start` says of success, PANIC what it dies of."""


class Parsed(NamedTuple):
    """What a line says of itself."""

    date: str
    """`2026-11-24`, or `11-24` where the form has no year."""
    clock: str
    """`08:00:00`."""
    fraction: str
    """Digits of a second after the point."""
    zone: str
    """`Z` or `+02:00`; empty when the line does not say."""
    word: str
    """The level as it is written; empty when the line has none."""
    place: str
    """File and line of the source that wrote it; empty when the line does not say."""
    message: str

    @property
    def level(self) -> Level | None:
        """The level; none when the line says none."""
        return _LETTERS.get(self.word[:1].upper())


class Format(Protocol):
    """One form of lines."""

    name: str

    def parse(self, text: str) -> Parsed | None:
        """What the line says of itself; none when it is not of this form."""
        ...


class PatternFormat:
    """A form that one regular expression describes; its groups are named as the fields of `Parsed`."""

    def __init__(self, name: str, pattern: str, letter: str) -> None:
        self.name = name
        self._letters = frozenset(letter)
        self._pattern = pattern

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        # With the first line that may be of this form: six of them would take 2 ms of the console's first frame.
        return re.compile(self._pattern, re.DOTALL | re.ASCII)

    @cached_property
    def _match(self) -> Callable[[str], re.Match[str] | None]:
        return self._compiled.match

    @cached_property
    def _fields(self) -> list[int]:
        places = [self._compiled.groupindex.get(field, 0) for field in Parsed._fields]
        return [place or self._compiled.groups + 1 for place in places]

    def parse(self, text: str) -> Parsed | None:
        """What the line says of itself."""
        if text[:1] not in self._letters:
            return None
        found = self._match(text)
        if found is None:
            return None
        groups = (None, *found.groups(), None)
        return Parsed(*[groups[place] or "" for place in self._fields])


class JsonFormat:
    """Lines that are JSON objects: Ray's with RAY_BACKEND_LOG_JSON or its JSON encoding of Python logs, and others'."""

    name = "json"

    def parse(self, text: str) -> Parsed | None:
        """What the line says of itself."""
        if text[:1] != "{" or text.rstrip()[-1:] != "}":
            return None
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            return None
        if not isinstance(found, dict):
            return None
        message = _first(found, "message", "msg", "text")
        word = _first(found, "levelname", "level", "severity")
        stamp = _first(found, "asctime", "timestamp", "time", "ts", "@timestamp")
        when = _STAMP.fullmatch(stamp)
        if when is None and not (message and word):
            return None
        place = _first(found, "filename", "file")
        line = _first(found, "lineno", "line")
        date, clock, fraction, zone = when.groups("") if when else ("", "", "", "")
        return Parsed(date, clock, fraction, zone, word, f"{place}:{line}" if place and line else place, message)


def _first(found: dict[object, object], *names: str) -> str:
    for name in names:
        value = found.get(name)
        if isinstance(value, str | int | float) and value != "":
            return str(value)
    return ""


_DAY = r"(?P<date>\d{4}-\d\d-\d\d)"
_TIME = r"(?P<clock>\d\d:\d\d:\d\d)"
_PART = r"(?:[.,](?P<fraction>\d{1,9}))?"
_WORD = r"(?P<word>V*INFO|DEBUG|TRACE|SUCC|NOTICE|WARN(?:ING)?|ERR(?:OR)?|CRITICAL|FATAL|PANIC)"
_ZONE = r"\s?(?P<zone>Z|[+-]\d\d:?\d\d)?"
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_DIGITS = "0123456789"

FORMATS: tuple[Format, ...] = (
    PatternFormat(
        "ray-cpp",
        rf"\[{_DAY} {_TIME},(?P<fraction>\d+) (?P<word>[TDIWEFC]) \d+ \d+\] (?:\(\w+\) )?(?P<place>\S+?:\d+): ?"
        r"(?P<message>.*)",
        "[",
    ),
    PatternFormat(
        "ray-python",
        rf"\[?{_DAY}[ T]{_TIME}{_PART}{_ZONE}\]?\s+\[?{_WORD}\]?\s+(?P<place>\S+?:\d+)?\s*(?:-- )?(?P<message>.*)",
        "[" + _DIGITS,
    ),
    PatternFormat(
        "ray-serve",
        rf"{_WORD} {_DAY} {_TIME}{_PART} (?P<message>.*?(?:(?P<place>\S+\.py:\d+) - .*|.*))$",
        "VIDTSNWECFP",
    ),
    PatternFormat(
        "launcher",
        rf"{_DAY}T{_TIME}{_PART}{_ZONE} (?P<message>raytui: .*)",
        _DIGITS,
    ),
    PatternFormat(
        "glog",
        r"(?P<word>[IWEF])(?P<date>\d{4}) (?P<clock>\d\d:\d\d:\d\d)\.(?P<fraction>\d+)\s+\d+ (?P<place>\S+?:\d+)\] ?"
        r"(?P<message>.*)",
        "IWEF",
    ),
    JsonFormat(),
    PatternFormat("dated", rf"\[?{_DAY}[ T]{_TIME}{_PART}{_ZONE}\]?[\s:]*(?P<message>.*)", "[" + _DIGITS),
)
"""In the order in which they are tried."""

_COMMON = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3})(?: ([TDIWEFC]) \d+ \d+\] (?:\(\w+\) )?\S+?:\d+:"
    r"|\s+(V*INFO|DEBUG|WARNING|ERROR|CRITICAL) )",
    re.ASCII,
).match
"""Time and level of the two forms in which nearly all lines of Ray are written, read without their other parts."""
_PREFIX = re.compile(r"\([\w.:<>-]+(?: pid=\d+)?(?:, ip=[\d.a-f:]+)?(?: \[repeated [^\]]*\])?\) ?", re.ASCII)
"""What a driver prints before a line of another process: `(Counter pid=12, ip=10.0.0.1) `."""
_TRACEBACK = "Traceback (most recent call last)"
_ALARM = re.compile(
    r"Traceback \(most recent call last\)|^\s*[\w.]*(?:Error|Exception): |\b(?:SIGKILL|SIGSEGV|Segmentation "
    r"fault|out of memory)\b",
    re.IGNORECASE,
)
"""What a line without a form says of something that went wrong."""
_ALARM_WORDS = (
    "traceback (most",
    "error: ",
    "exception: ",
    "sigkill",
    "sigsegv",
    "segmentation fault",
    "out of memory",
)
"""One of them stands, in small letters, in whatever `_ALARM` finds in a line of ASCII."""


_SERIOUS = frozenset({"ERROR", "FATAL"})
_HEADS = frozenset("[({VIDTSNWECFP" + _DIGITS)
"""With which a line of any form begins, or what a driver prints before one."""
LOOKED_AT = 2_000
"""Characters of a line in which a sign of an error is looked for."""


def parse(text: str) -> tuple[Parsed, str] | None:
    """What a line says of itself, and the name of its form; none for a line that has none."""
    if text[:1] not in _HEADS:
        return None
    for each in FORMATS:
        found = each.parse(text)
        if found is not None:
            return found, each.name
    if text[:1] == "(":
        prefix = _PREFIX.match(text)
        if prefix is not None:
            return parse(text[prefix.end() :]) if text[prefix.end() : prefix.end() + 1] != "(" else None
    return None


def is_alarm(text: str) -> bool:
    """Whether a line without a form tells of a failure: a traceback, an error's name, a signal."""
    if text.isascii():
        small = text.lower()
        # The pattern tries every letter of a line, and of what processes print most lines have no form.
        for word in _ALARM_WORDS:
            if word in small:
                break
        else:
            return False
    return _ALARM.search(text) is not None


def is_error(text: str) -> bool:
    """Whether a line tells of an error, by its level or, where it has none, by its words; looks at its beginning."""
    common = _COMMON(text, text[:1] == "[")
    if common is not None:
        letter, word = common.group(3, 4)
        return _LETTERS[letter or word[0]] in _SERIOUS
    text = text[:LOOKED_AT]
    found = parse(text)
    level = found[0].level if found is not None else None
    return level in _SERIOUS if level is not None else is_alarm(text)


class Clock:
    """Times of lines as seconds since 1970; a time without a zone is meant in `zone`, none for this machine's.

    Ray writes the same second many times in a row, so the last one is remembered.
    """

    def __init__(self, zone: tzinfo | None = UTC, now: float | None = None) -> None:
        """`now` is when a line was written at the latest, whose form has no year; the present moment without one."""
        self._zone = zone
        self._now = now
        self._last = ("", 0.0)

    def of_stamp(self, stamp: str, milliseconds: str) -> float | None:
        """The time of `2026-11-24 08:00:00` and the milliseconds after it."""
        if stamp != self._last[0]:
            try:
                moment = datetime.fromisoformat(stamp).replace(tzinfo=self._zone).timestamp()
            except (ValueError, OverflowError, OSError):
                return None
            self._last = (stamp, moment)
        return self._last[1] + int(milliseconds) / 1000

    def time(self, parsed: Parsed) -> float | None:
        """When the line was written; none when it does not say, or says what is no time."""
        if not parsed.clock:
            return None
        stamp = f"{parsed.date}T{parsed.clock}{parsed.zone}"
        if stamp != self._last[0]:
            moment = self._moment(parsed)
            if moment is None:
                return None
            self._last = (stamp, moment)
        fraction = parsed.fraction
        return self._last[1] + (int(fraction) / 10 ** len(fraction) if fraction else 0.0)

    def _moment(self, parsed: Parsed) -> float | None:
        date = parsed.date
        if len(date) != 4:
            return self._of_date(date, parsed)
        # In January a line of December is one of last year; clocks of nodes differ by less than a day.
        now = time.time() if self._now is None else self._now
        year = datetime.fromtimestamp(now, UTC).year
        moment = self._of_date(f"{year}-{date[:2]}-{date[2:]}", parsed)
        if moment is None or moment > now + 86_400:
            moment = self._of_date(f"{year - 1}-{date[:2]}-{date[2:]}", parsed)
        return moment

    def _of_date(self, date: str, parsed: Parsed) -> float | None:
        try:
            moment = datetime.fromisoformat(f"{date}T{parsed.clock}{parsed.zone}")
            return (moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)).timestamp()
        except (ValueError, OverflowError, OSError):
            return None


class Reader:
    """Texts of one log in, lines with time and level out; what has no form inherits from the line above."""

    def __init__(self, source: str, zone: tzinfo | None = UTC) -> None:
        self._source = source
        self._clock = Clock(zone)
        self._at: float | None = None
        self._level: Level | None = None

    @property
    def level(self) -> Level | None:
        """What the next line inherits when it says none."""
        return self._level

    def read(self, text: str, offset: int | None = None) -> LogLine:
        """The line, knowing those before it."""
        common = _COMMON(text, text[:1] == "[")
        if common is not None:
            stamp, milliseconds, letter, word = common.groups()
            at = self._clock.of_stamp(stamp, milliseconds)
            if at is not None:
                self._at = at
            self._level = _LETTERS[letter or word[0]]
            return LogLine(self._source, text, self._at, self._level, offset)
        found = parse(text)
        if found is not None:
            at = self._clock.time(found[0])
            if at is not None:
                self._at = at
            self._level = found[0].level
        elif text.startswith(_TRACEBACK):
            self._level = "ERROR"
        elif self._level not in {"ERROR", "FATAL"} and is_alarm(text):
            return LogLine(self._source, text, self._at, "ERROR", offset)
        return LogLine(self._source, text, self._at, self._level, offset)

    def read_all(self, texts: Iterable[str]) -> Iterator[LogLine]:
        """Lines of which nobody knows where they stand."""
        return map(self.read, texts)
