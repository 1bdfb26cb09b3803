"""The header: one verdict with its mark and its age, and the chain of links down to the first broken one."""

from __future__ import annotations

from typing import NamedTuple

from raytui.core.errors import LAYERS, Layer
from raytui.core.observed.joined import join
from raytui.core.units import duration
from raytui.tui.render.text import Line, Span, clean, crop, line_cells, moment, spread
from raytui.view.picture import Picture
from raytui.view.words import LAYER_NAMES, VERDICTS, broken_link, is_stale, verdict_word


class Names(NamedTuple):
    """Whose header it is."""

    cluster: str
    platform: str
    profile: str


class Times(NamedTuple):
    """When the data was observed, and now."""

    observed_at: float
    now: float


def header(picture: Picture | None, times: Times, width: int, names: Names, trouble: str = "") -> tuple[Line, Line]:
    """The two lines of the header. `trouble` stands on the second one while there is no data at all."""
    observed_at, now = times
    stale = is_stale(observed_at, now)
    word, role = VERDICTS["unknown"] if picture is None else verdict_word(picture.assessment, stale=stale)
    _, platform, profile = names
    where = platform if profile == platform else f"{profile} ({platform})"
    if picture is None:
        first = ((" ", ""), (word, role), ("  ", ""), (names.cluster, "strong"), (f" · {where}", "muted"))
        return crop(first, width), crop(
            ((f" {clean(trouble) or 'looking for the cluster'}", "error" if trouble else "muted"),), width
        )
    assessment = picture.assessment
    phase = f"was {assessment.phase}" if stale else assessment.phase
    left: Line = (
        (" ", ""),
        (word, role),
        ("  ", ""),
        (clean(picture.snapshot.cluster), "strong"),
        (f" · {where} · {phase}", "muted"),
    )
    right = (*_counts(picture, stale=stale), *_age(picture, observed_at, now, stale=stale))
    if line_cells(left) + line_cells(right) + 2 > width:
        # The verdict has said so.
        left = (*left[:-1], (f" · {where}", "muted"))
    return spread(left, right, width), chain(picture, width, stale=stale)


def title(picture: Picture | None, times: Times, names: Names) -> str:
    """What the terminal's own title says: `● OK ray-cluster`."""
    stale = is_stale(times.observed_at, times.now)
    word = VERDICTS["unknown"][0] if picture is None else verdict_word(picture.assessment, stale=stale)[0]
    return f"{word} {clean(names.cluster)} · raytui"


def chain(picture: Picture, width: int, *, stale: bool = False) -> Line:
    """The links in order: those that answered, the broken one with its reason, those behind it not asked."""
    if stale:
        return crop(((" the console itself has not seen a new answer; what stands below is old", "warn"),), width)
    broken = picture.assessment.broken
    if broken is None:
        skipped = [LAYER_NAMES[layer] for layer, state in picture.assessment.links() if state == "unchecked"]
        sentence = f"{', '.join(skipped)} not looked at " if skipped else "all answering "
        return spread(
            _links(tuple(layer for layer in LAYERS if LAYER_NAMES[layer] not in skipped)), ((sentence, "muted"),), width
        )
    before = picture.assessment.links()[: LAYERS.index(broken.layer)]
    reached = tuple(layer for layer, state in before if state == "ok")
    name, role = broken_link(broken.layer, picture.assessment)
    lead = _links(reached) if reached else ((" ", ""),)
    joint: Line = ((" ─ ", "rule"),) if reached else ()
    return crop(
        (*lead, *joint, (name, role), (f"  {clean(broken.message)}", "" if role == "error" else "muted")), width
    )


def _links(layers: tuple[Layer, ...]) -> Line:
    spans: list[Span] = [(" ", "")]
    for n, layer in enumerate(layers):
        if n:
            spans.append((" ─ ", "rule"))
        spans.append((LAYER_NAMES[layer], "muted"))
    return tuple(spans)


def _counts(picture: Picture, *, stale: bool) -> Line:
    counts = join(picture.snapshot).counts
    unknown = f", {counts.unknown} unknown" if counts.unknown else ""
    if counts.expected is None and not stale:
        dead = f", {counts.dead} dead" if counts.dead else ""
        return ((f"{counts.alive} {'node' if counts.alive == 1 else 'nodes'} alive{unknown}{dead}   ", ""),)
    if not counts.expected or stale:
        return ()
    if counts.alive is None:
        return ((f"-/{counts.expected} nodes   ", "muted"),)
    return ((f"{counts.alive}/{counts.expected} nodes{unknown}   ", "" if counts.alive >= counts.expected else "warn"),)


def _age(picture: Picture, observed_at: float, now: float, *, stale: bool) -> Line:
    if stale:
        return ((f"blind since {moment(observed_at, now)} ", "warn"),)
    if picture.assessment.verdict == "unknown" and picture.certain_at:
        return ((f"blind since {moment(picture.certain_at, now)} ", "warn"),)
    return ((f"data {duration(now - observed_at)} old ", "muted"),)
