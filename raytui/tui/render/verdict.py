"""The header: one verdict with its shape and the age of the evidence, and the chain of links down to the first broken one."""

from __future__ import annotations

from typing import NamedTuple

from raytui.core.conditions import Verdict
from raytui.core.errors import LAYERS
from raytui.core.joined import join
from raytui.core.report import STALE_AFTER_S
from raytui.core.units import duration
from raytui.tui.picture import Picture
from raytui.tui.render.text import Line, Span, clean, crop, moment, spread

SHAPES: dict[Verdict, Span] = {
    "ok": ("● OK", "ok"),
    "degraded": ("▲ DEGRADED", "warn"),
    "down": ("✗ DOWN", "error"),
    "unknown": ("? UNKNOWN", "warn"),
}
CHAIN = {"platform": "platform", "application": "applications"}
"""Names of the links where they differ from the layer's."""


def is_stale(observed_at: float, now: float) -> bool:
    """Whether evidence of that moment is too old to rest a verdict on; 0 stands for no evidence yet, which is not old."""
    return observed_at > 0 and now - observed_at > STALE_AFTER_S


def shape(picture: Picture | None, *, stale: bool = False) -> Span:
    """The verdict as word and shape; an absent cluster is down, but nothing of it is broken, so it is not drawn as a fault."""
    if picture is None or stale:
        return SHAPES["unknown"]
    assessment = picture.assessment
    calm = not any(condition.severity == "error" for condition in assessment.conditions)
    if calm and assessment.verdict == "down" and assessment.phase in {"absent", "starting", "stopping"}:
        return ("○ DOWN", "strong" if assessment.phase == "absent" else "accent")
    return SHAPES[assessment.verdict]


class Names(NamedTuple):
    """Whose header it is."""

    cluster: str
    platform: str
    profile: str


class Times(NamedTuple):
    """When the evidence was taken, and now."""

    observed_at: float
    now: float


def header(picture: Picture | None, times: Times, width: int, names: Names, trouble: str = "") -> tuple[Line, Line]:
    """The two lines of the header. `trouble` stands on the second one while there is no evidence at all."""
    observed_at, now = times
    stale = is_stale(observed_at, now)
    word, role = shape(picture, stale=stale)
    _, platform, profile = names
    where = platform if profile == platform else f"{profile} ({platform})"
    if picture is None:
        first = ((" ", ""), (word, role), ("  ", ""), (names.cluster, "strong"), (f" · {where}", "muted"))
        return crop(first, width), crop(((f" {clean(trouble) or 'looking for the cluster'}", "error" if trouble else "muted"),), width)
    assessment = picture.assessment
    phase = f"was {assessment.phase}" if stale else assessment.phase
    left: Line = ((" ", ""), (word, role), ("  ", ""), (clean(picture.snapshot.cluster), "strong"), (f" · {where} · {phase}", "muted"))
    right = (*_counts(picture, stale=stale), *_age(picture, observed_at, now, stale=stale))
    return spread(left, right, width), chain(picture, width, stale=stale)


def chain(picture: Picture, width: int, *, stale: bool = False) -> Line:
    """The links in order: those that answered, the broken one with its reason, those behind it not asked."""
    if stale:
        return crop(((" the console itself has not seen a new answer; what stands below is old", "warn"),), width)
    broken = picture.assessment.broken
    if broken is None:
        skipped = [CHAIN.get(layer, layer) for layer, state in picture.assessment.links() if state == "unchecked"]
        told = f"{', '.join(skipped)} not looked at " if skipped else "all answering "
        return spread(_links(tuple(layer for layer in LAYERS if CHAIN.get(layer, layer) not in skipped)), ((told, "muted"),), width)
    before = picture.assessment.links()[: LAYERS.index(broken.layer)]
    reached = tuple(layer for layer, state in before if state == "ok")
    role = "muted" if picture.assessment.phase in {"absent", "starting", "stopping"} else "error"
    mark = "○ " if role == "muted" else "✗ "
    name = CHAIN.get(broken.layer, broken.layer)
    lead = _links(reached) if reached else ((" ", ""),)
    joint: Line = ((" ─ ", "rule"),) if reached else ()
    return crop((*lead, *joint, (f"{mark}{name}", role), (f"  {clean(broken.message)}", "" if role == "error" else "muted")), width)


def _links(layers: tuple[str, ...]) -> Line:
    spans: list[Span] = [(" ", "")]
    for n, layer in enumerate(layers):
        if n:
            spans.append((" ─ ", "rule"))
        spans.append((CHAIN.get(layer, layer), "muted"))
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
