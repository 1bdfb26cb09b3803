"""What needs someone.

Each condition with its subject, its message, since when, and what to do about it, with the console's own keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from raytui.core.condition import Condition
from raytui.core.events import Event, Severity
from raytui.core.remedy import Hint
from raytui.core.snapshot import Snapshot
from raytui.tui.operation import Notice
from raytui.tui.render.text import Line, cells, clean, fit, moment, spread, wrap
from raytui.view.attention import quotes
from raytui.view.picture import Picture
from raytui.view.remedies import as_keys
from raytui.view.words import SEVERITIES, ray_severity

MOST = 40
"""Lines of one message or hint: the pane scrolls, and what it says is whole."""
MOST_CAUSES = 20
"""Conditions whose witnesses are looked for: nobody scrolls through more, and each costs some of a refresh."""


def with_keys(hint: Hint, keys: Mapping[str, str], subject: str = "") -> str:
    """A hint that names the console's keys, and commands where there is no key; `subject` is what it stands beside.

    `keys` gives the key of each verb as it is written: the operator's own (`verb_keys`).
    """
    return as_keys(hint, keys, subject)


def attention_title(picture: Picture | None) -> str:
    """The pane's title says whether there is anything at all."""
    if picture is None:
        return "Needs attention"
    count = len(picture.assessment.conditions)
    return f"Needs attention ({count})" if count else "Nothing needs attention"


class Entry(NamedTuple):
    """One thing that needs somebody."""

    condition: Condition | None
    """None of the console's own last word."""
    lines: tuple[Line, ...]


def attention_lines(
    picture: Picture | None, notice: Notice | None, width: int, keys: Mapping[str, str]
) -> tuple[Line, ...]:
    """The lines of every entry, one after the other."""
    return tuple(line for entry in attention_entries(picture, notice, width, keys) for line in entry.lines)


def attention_entries(
    picture: Picture | None, notice: Notice | None, width: int, keys: Mapping[str, str]
) -> tuple[Entry, ...]:
    """The console's own last word first, then conditions, worst first."""
    entries: list[Entry] = []
    if notice is not None:
        told = Condition(notice.severity, "", "", notice.message, notice.hint)
        entries.append(Entry(None, tuple(_entry(told, "", "", width, keys))))
    if picture is None:
        return tuple(entries)
    cluster, now = picture.snapshot.cluster, picture.snapshot.observed_at
    for n, condition in enumerate(picture.assessment.conditions):
        since = f"since {moment(condition.since, now)}" if condition.since else ""
        why = quotes(picture.snapshot, condition) if n < MOST_CAUSES else ""
        short = msgspec.structs.replace(condition, subject=clean(condition.subject.removeprefix(f"{cluster}-")))
        entries.append(Entry(condition, tuple(_entry(short, since, why, width, keys))))
    return tuple(entries)


def marked(line: Line) -> Line:
    """The first line of the entry under the cursor: a shape in the place of its first blank."""
    (_, _), *rest = line
    return (("▸", "accent"), *rest)


def _entry(condition: Condition, since: str, why: str, width: int, keys: Mapping[str, str]) -> list[Line]:
    mark, hint = SEVERITIES[condition.severity], with_keys(condition.hint, keys, condition.subject)
    lead = f"{condition.subject}  " if condition.subject else ""
    indent = 3 + cells(lead)
    if indent > width // 2:
        indent = 3
    room = width - indent - 1 - (cells(since) + 2 if since else 0)
    first, *rest = wrap(condition.message, room, MOST) or [""]
    when: Line = ((f"{since} ", "muted"),) if since else ()
    lines: list[Line] = [spread(((" ", ""), mark, (" ", ""), (lead, "strong"), (first, "")), when, width)]
    lines += [((" " * indent, ""), (text, "")) for text in rest]
    lines += [((" " * indent, ""), (text, "")) for text in (wrap(why, width - indent - 1, 2) if why else [])]
    lines += [((" " * indent, ""), (text, "muted")) for text in (wrap(hint, width - indent - 1, MOST) if hint else [])]
    return lines


def event_lines(picture: Picture | None, width: int, limit: int = 50) -> tuple[Line, ...]:
    """What changed, newest first: what the console saw, and Ray's own events."""
    if picture is None:
        return ()
    now = picture.snapshot.observed_at
    found: list[tuple[float, Severity, str, str]] = [
        (event.at, event.severity, _subject(event, picture.snapshot), event.message) for event in picture.events
    ]
    for ray in picture.snapshot.events.value or ():
        severity = ray_severity(ray.severity)
        found.append((ray.at, severity, ray.source.lower() or "ray", ray.message))
    found.sort(key=lambda item: -item[0])
    lines = []
    for at, severity, subject, message in found[:limit]:
        mark, role = SEVERITIES[severity]
        lead = (f" {moment(at, now)} ", "muted")
        body = fit(f"{clean(subject)}  {clean(message)}", max(8, width - cells(lead[0]) - 3)).rstrip()
        lines.append((lead, (f"{mark} ", role), (body, "" if severity != "info" else "muted")))
    return tuple(lines)


def _subject(event: Event, snapshot: Snapshot) -> str:
    return event.subject.removeprefix(f"{snapshot.cluster}-")
