"""The whole story of one thing as lines: why, who says so, what happened when, its last lines, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from raytui.core.observed.node_metrics import measured
from raytui.core.stories import Story
from raytui.core.units import duration
from raytui.core.waiting import sentences
from raytui.tui.render.attention import with_keys
from raytui.tui.render.log_line import log_line
from raytui.tui.render.text import BLANK, Line, cells, clean, crop, moment, wrap
from raytui.view.words import state_role

MOST_LINES = 12
"""Lines of one message."""


def story_lines(story: Story, width: int, now: float, keys: Mapping[str, str]) -> list[Line]:
    """What `raytui explain` prints, in the words of the console."""
    thing, cause = story.thing, story.cause
    when = f"  ended {moment(cause.at, now)}, {duration(now - cause.at)} ago" if cause is not None and cause.at else ""
    role = state_role(thing.state) or "strong"
    head: Line = ((f"{clean(thing.state)}  ", role), (clean(thing.title), "strong"), (when, "muted"))
    lines: list[Line] = [crop(head, width)]
    if cause is None:
        for said in dict.fromkeys((story.sentence, *map(sentences.message, story.waits))):
            lines += _wrapped(said, width)
    else:
        for n, part in enumerate(cause.chain):
            lines += _wrapped(f"{'because ' if n else ''}{part.sentence}", width, 2 * n)
        if not cause.certain and cause.is_death:
            lines += _wrapped("the cause is not certain: no witness names it, or they contradict each other", width)
    if story.hint:
        lines += [BLANK, *_wrapped(with_keys(story.hint, keys, thing.id), width, role="accent")]
    parts = cause.chain if cause is not None else ()
    witnesses = [(witness.source, witness.said, "") for part in parts for witness in part.witnesses]
    lines += _table("Who said what", witnesses, width)
    if story.metrics is not None:
        figures = [(name, said, "") for name, said in measured(story.metrics)]
        lines += _table("What the node measures now", figures, width)
    moments = [(moment(one.at, now), one.said, one.source) for one in story.moments]
    lines += _table("What happened when", moments, width)
    for quote in story.quotes:
        lines += [BLANK, ((f"The last lines of {clean(quote.log)}", "accent"),)]
        lines += [crop((("  ", ""), *log_line(line)), width) for line in quote.lines]
    if story.missing:
        lines += [BLANK, *(line for said in story.missing for line in _wrapped(said, width, role="muted"))]
    return lines


def _table(title: str, rows: list[tuple[str, str, str]], width: int) -> Iterator[Line]:
    """Rows of a source or time, what was said, and by whom."""
    if not rows:
        return
    yield BLANK
    yield ((title, "accent"),)
    first = max(cells(clean(lead)) for lead, _, _ in rows)
    for lead, said, source in rows:
        sentence = f"{source}: {said}" if source else said
        text, *rest = wrap(sentence, width - first - 5, MOST_LINES) or [""]
        yield ((f"  {clean(lead):<{first}}  ", "muted"), (text, ""))
        for more in rest:
            yield ((" " * (first + 4), ""), (more, ""))


def _wrapped(text: str, width: int, indent: int = 0, role: str = "") -> list[Line]:
    return [((" " * indent, ""), (line, role)) for line in wrap(text, width - indent, MOST_LINES)]
