"""A snapshot as lines of text, by pure functions.

The verdict, the chain, applications with their nodes, and what needs attention.
"""

from __future__ import annotations

from raytui.cli.paint import Paint
from raytui.cli.table import Head, one_line, table
from raytui.core.condition import Condition
from raytui.core.conditions import Assessment
from raytui.core.observed.joined import Counts, join
from raytui.core.observed.snapshot import Snapshot
from raytui.core.remedy import as_commands
from raytui.core.units import duration
from raytui.view.picture import Picture
from raytui.view.tables.applications import APPLICATIONS, STATUS, places
from raytui.view.words import LAYER_NAMES, LINKS, SEVERITIES, broken_link, is_stale, verdict_word


def status_lines(picture: Picture, now: float, paint: Paint) -> list[str]:
    """What `raytui status` prints."""
    snapshot, assessment = picture.snapshot, picture.assessment
    lines = [verdict_line(snapshot, assessment, now, paint), chain_line(assessment, paint)]
    if assessment.broken is not None:
        broken = assessment.broken
        lines.append(f"  {paint(*broken_link(broken.layer, assessment))}  {one_line(broken.message)}")
    if assessment.broken is not None and assessment.broken.hint:
        lines.append(f"  {one_line(as_commands(assessment.broken.hint))}")
    if assessment.unchecked is not None:
        lines.append(f"  {paint(one_line(assessment.unchecked.message), 'muted')}")
    if snapshot.applications.value:
        lines += ["", *application_lines(picture, paint)]
    sentence = assessment.broken.message if assessment.broken is not None else ""
    # What broke the chain stands above already.
    rest = tuple(condition for condition in assessment.conditions if condition.message != sentence)
    if rest:
        lines += ["", *condition_lines(rest, snapshot.cluster, now, paint)]
    return lines


def verdict_line(snapshot: Snapshot, assessment: Assessment, now: float, paint: Paint) -> str:
    """The verdict first, then which cluster, how many nodes, and how old the data is.

    Stale data is no verdict.
    """
    age = max(0.0, now - snapshot.observed_at)
    word, role = verdict_word(assessment, stale=is_stale(snapshot.observed_at, now))
    sentence = f"{snapshot.cluster} · {snapshot.profile} · {assessment.phase}"
    if snapshot.profile != snapshot.platform:
        sentence = f"{snapshot.cluster} · {snapshot.profile} ({snapshot.platform}) · {assessment.phase}"
    parts = [f"{paint(word, role)}  {sentence}"]
    if snapshot.applications.value:
        parts.append(count_text(join(snapshot).counts))
    parts.append(f"data {age:.1f} s old" if age < 10 else f"data {duration(age)} old")
    return "   ".join(parts)


def count_text(counts: Counts) -> str:
    """`2/3 nodes`, and of how many nothing is known; a dash when nothing was observed."""
    unknown = f", {counts.unknown} unknown" if counts.unknown else ""
    if counts.expected is None:
        dead = f", {counts.dead} dead" if counts.dead else ""
        return f"{counts.alive} {'node' if counts.alive == 1 else 'nodes'} alive{unknown}{dead}"
    if counts.alive is None:
        return f"-/{counts.expected} nodes"
    return f"{counts.alive}/{counts.expected} nodes{unknown}"


def chain_line(assessment: Assessment, paint: Paint) -> str:
    """The links from the operator to Ray, up to the one that broke."""
    links = assessment.links()
    shown = " ─ ".join(
        paint(*broken_link(layer, assessment)) if state == "broken" else paint(LAYER_NAMES[layer], LINKS[state])
        for layer, state in links
    )
    at = next((n for n, (_, state) in enumerate(links) if state == "broken"), None)
    if at is None:
        skipped = [LAYER_NAMES[layer] for layer, state in links if state == "unchecked"]
        return f"{shown}   {', '.join(skipped)} not looked at" if skipped else f"{shown}   all answering"
    return f"{shown}   nothing behind it was asked" if at + 1 < len(links) else shown


def application_lines(picture: Picture, paint: Paint) -> list[str]:
    """One row for each application: what the platform says of it and what Ray says of its node."""
    # Where no platform says anything beside Ray, its column would be empty.
    columns = [
        APPLICATIONS.column(name, "columns") for name in STATUS if name != "platform" or not picture.known.by_ray
    ]
    heads = [Head(column.head, column.right) for column in columns]
    rows = [[column.cell(place, picture) for column in columns] for place in places(picture)]
    return [f"  {line}" for line in table(heads, rows, paint)]


def condition_lines(conditions: tuple[Condition, ...], cluster: str, now: float, paint: Paint) -> list[str]:
    """What needs attention, worst first, each with since when and what to do."""
    width = max(len(short_name(condition.subject, cluster)) for condition in conditions)
    lines = [f"Needs attention ({len(conditions)})"]
    for condition in conditions:
        shape, role = SEVERITIES[condition.severity]
        since = f", since {duration(now - condition.since)} ago" if now - condition.since >= 1 else ""
        subject = short_name(condition.subject, cluster).ljust(width)
        lines.append(
            f"  {paint(shape, role)} {subject}  "
            f"{one_line(condition.message)}{since.replace('since ', 'for ').replace(' ago', '')}"
        )
        if condition.hint:
            lines.append(f"    {' ' * width}  {one_line(as_commands(condition.hint))}")
    return lines


def short_name(subject: str, cluster: str) -> str:
    """`worker-1` for `CLUSTER-worker-1`, as every table shows it."""
    return subject.removeprefix(f"{cluster}-")
