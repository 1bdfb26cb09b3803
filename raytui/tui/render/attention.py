"""What needs someone.

Each condition with its subject, its message, since when, and what to do about it, with the console's own keys.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from raytui.core.condition import Condition
from raytui.core.events import Event, Severity
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import Hint
from raytui.core.spec import WORKER
from raytui.tui.operation import Notice
from raytui.tui.render.text import Line, cells, clean, fit, moment, wrap
from raytui.view.attention import quotes
from raytui.view.picture import Picture
from raytui.view.remedies import as_keys
from raytui.view.words import SEVERITIES, ray_severity

MOST = 40
"""Lines of one message or hint: the pane scrolls, and what it says is whole."""
MOST_QUOTE = 2
"""Lines of what its witnesses said: Ray's own sentences fill a pane."""
_MOST_INDENT = 20
"""Cells of a name behind which its message is written as a column."""
_NODE_ID = re.compile(r"\b[0-9a-f]{56}\b")
_MARKED_DEAD = re.compile(r"The node with node id: (\S+) and address: \S+ and node name: \S+ has been marked dead")
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
        parts = Condition(notice.severity, "", "", notice.message, notice.hint)
        entries.append(Entry(None, tuple(_entry(parts, "", "", width, keys))))
    if picture is None:
        return tuple(entries)
    cluster, now = picture.snapshot.cluster, picture.snapshot.observed_at
    keys = {**keys, **_exact(picture, keys)}
    for n, condition in enumerate(picture.assessment.conditions):
        since = f"since {moment(condition.since, now)}" if condition.since else ""
        why = quotes(picture.snapshot, condition) if n < MOST_CAUSES else ""
        short = msgspec.structs.replace(condition, subject=clean(condition.subject.removeprefix(f"{cluster}-")))
        entries.append(Entry(condition, tuple(_entry(short, since, why, width, keys))))
    return tuple(entries)


def _exact(picture: Picture, keys: Mapping[str, str]) -> Mapping[str, str]:
    """The number of workers to which a key scales wherever the cursor is; none where that depends on its row."""
    # Of the join, which keeps what it counted from picture to picture: the snapshot would sort all its workers anew.
    workers, groups = picture.joined.workers, picture.joined.indexes.keys()
    if not picture.known.applications.value or "scale" not in keys or groups - {WORKER}:
        return {}
    return {f"scale {len(workers) + 1}": keys["scale"]}


def marked(line: Line) -> Line:
    """The first line of the entry under the cursor: a shape in the place of its first blank."""
    (_, _), *rest = line
    return (("▸", "accent"), *rest)


def _entry(condition: Condition, since: str, why: str, width: int, keys: Mapping[str, str]) -> list[Line]:
    """What is wrong on which thing; since when and who says why; what to do about it."""
    mark, hint = SEVERITIES[condition.severity], with_keys(condition.hint, keys, condition.subject)
    lead = f"{condition.subject}  " if condition.subject else ""
    indent = 3 + cells(lead)
    if indent > min(width // 3, _MOST_INDENT):
        # What is written in a narrow column behind a long name takes more lines than there are.
        first, *rest = wrap(f"{lead}{condition.message}", width - 4, MOST) or [""]
        name = first[: len(clean(condition.subject))]
        head: Line = ((" ", ""), mark, (" ", ""), (name, "strong"), (first[len(name) :], ""))
        indent = 3
    else:
        first, *rest = wrap(condition.message, width - indent - 1, MOST) or [""]
        head = ((" ", ""), mark, (" ", ""), (lead, "strong"), (first, ""))
    blank, room = (" " * indent, ""), width - indent - 1
    lines: list[Line] = [head, *((blank, (text, "")) for text in rest)]
    parts = [" · ".join(part for part in (since, why) if part), hint] if why else [since, hint]
    joined = " · ".join(part for part in parts if part)
    # Two short lines read better than one that is broken somewhere.
    if not why and (cells(joined) <= room or cells(hint) > room):
        parts = [joined]
    # Whoever reads what was said in full opens the story; here what to do about it, and the next thing, must be seen.
    limits = (MOST_QUOTE, MOST) if why else (MOST, MOST)
    return lines + [
        (blank, (text, "muted")) for part, most in zip(parts, limits, strict=False) for text in wrap(part, room, most)
    ]


def event_lines(picture: Picture | None, width: int, limit: int = 50, seen_until: float = 0.0) -> tuple[Line, ...]:
    """What changed and by whom, newest first: what the console saw, and Ray's own events.

    A line stands between what happened since `seen_until`, when somebody last looked, and what did before; 0 is never.
    """
    if picture is None:
        return ()
    now = picture.snapshot.observed_at
    found: list[tuple[float, Severity, str, str, str]] = [
        (event.at, event.severity, event.author, _subject(event, picture.snapshot), event.message)
        for event in picture.events
    ]
    found += [
        (ray.at, ray_severity(ray.severity), "ray", ray.source.lower(), _with_names(ray.message, picture))
        for ray in picture.snapshot.events.value or ()
    ]
    found.sort(key=lambda item: -item[0])
    lines: list[Line] = []
    for n, (at, severity, author, subject, message) in enumerate(found[:limit]):
        if seen_until and n and at <= seen_until < found[n - 1][0]:
            lines.append(((f" ── you last looked at {moment(seen_until, now)} ──", "muted"),))
        mark, role = SEVERITIES[severity]
        lead = (f" {moment(at, now)} ", "muted")
        room = max(8, width - cells(lead[0]) - cells(author) - 4)
        body = fit(f"{clean(subject)}  {clean(message)}", room).rstrip()
        plain = "muted" if role == "muted" else ""
        lines.append((lead, (f"{mark} ", role), (f"{author} ", "muted"), (body, plain)))
    return tuple(lines)


def _with_names(message: str, picture: Picture) -> str:
    """A message of Ray with the names of nodes in place of their ids, which leave no room for anything else."""
    short = _MARKED_DEAD.sub(r"\1 was marked dead", message)
    return _NODE_ID.sub(lambda found: picture.joined.node_name(found[0]), short)


def events_since(picture: Picture | None, moment_s: float) -> int:
    """How many things changed since then."""
    if picture is None:
        return 0
    parts = [event.at for event in picture.events] + [event.at for event in picture.snapshot.events.value or ()]
    return sum(at > moment_s for at in parts)


def _subject(event: Event, snapshot: Snapshot) -> str:
    return event.subject.removeprefix(f"{snapshot.cluster}-")
