"""The words and marks of every state, once: what one front end prints and the other paints is the same.

A role says what a word means to the reader; each front end has its own colours for it. State is never colour alone, so
whatever has a role of its own has a shape or a word too, and every shape has an ASCII form of the same width for
terminals that cannot show it.
"""

from __future__ import annotations

from typing import Literal

from raytui.core.clusters import ClusterSummary
from raytui.core.conditions import CALM_PHASES, Assessment, LinkState, Verdict, is_calm
from raytui.core.errors import Layer
from raytui.core.events import Severity, StepState
from raytui.core.report import STALE_AFTER_S

Role = Literal["", "muted", "strong", "ok", "warn", "error", "accent", "key"]
"""What a piece of text means; the empty role is plain text."""
Marked = tuple[str, Role]
"""A text and its role."""

VERDICTS: dict[Verdict, Marked] = {
    "ok": ("● OK", "ok"),
    "degraded": ("▲ DEGRADED", "warn"),
    "down": ("✗ DOWN", "error"),
    "unknown": ("? UNKNOWN", "warn"),
}
"""Each verdict in its usual shape; `verdict_word` knows the one exception."""
JOB_OVER = frozenset({"SUCCEEDED", "FAILED", "STOPPED"})
"""Ray's words for a job that has ended."""
SEVERITIES: dict[Severity, Marked] = {"error": ("✗", "error"), "warning": ("▲", "warn"), "info": ("·", "muted")}
STEPS: dict[StepState, Marked] = {
    "planned": (" ", "muted"),
    "running": ("…", "accent"),
    "done": ("✓", "ok"),
    "failed": ("✗", "error"),
    "undone": ("↺", "warn"),
    "skipped": ("-", "muted"),
}
LINKS: dict[LinkState, Role] = {"ok": "muted", "broken": "error", "unchecked": "muted"}
LAYER_NAMES: dict[Layer, str] = {
    "platform": "platform",
    "application": "applications",
    "network": "network",
    "login": "login",
    "dashboard": "dashboard",
    "gcs": "gcs",
}
"""How each link of the chain is written."""
RAY_SEVERITIES: dict[str, Severity] = {"ERROR": "error", "FATAL": "error", "WARNING": "warning"}
"""Ray's own words for the severity of an event; any other is information."""

_STATES: dict[str, Role] = {
    "ok": "ok",
    "running": "ok",
    "alive": "ok",
    "healthy": "ok",
    "succeeded": "ok",
    "starting": "accent",
    "stopping": "accent",
    "restarting": "accent",
    "updating": "accent",
    "deploying": "accent",
    "waiting": "accent",
    "joining": "accent",
    "draining": "accent",
    "degraded": "warn",
    "warn": "warn",
    "pending": "warn",
    "pending_args_avail": "warn",
    "pending_node_assignment": "warn",
    "pending_creation": "warn",
    "rescheduling": "warn",
    "finished": "muted",
    "ended": "muted",
    "removed": "muted",
    "unknown": "warn",
    "unread": "warn",
    "absent": "warn",
    "not ours": "warn",
    "down": "error",
    "failed": "error",
    "fail": "error",
    "dead": "error",
    "unhealthy": "error",
    "deploy_failed": "error",
    "stopped": "muted",
    "none": "muted",
    "skip": "muted",
}

_ASCII = {
    "●": "*",
    "○": "o",
    "▲": "!",
    "✗": "x",
    "✓": "+",
    "↺": "<",
    "▸": ">",
    "▾": "v",
    "─": "-",
    "┄": ".",
    "│": "|",
    "…": "~",
    "·": "-",
    "→": ">",
    "—": "-",
    "▔": "-",
    "▏": "|",
    "▕": "|",
    "░": ".",
    "▒": ":",
    "▓": "%",
    "▁": "_",
    "▂": "_",
    "▃": "-",
    "▄": "-",
    "▅": "=",
    "▆": "=",
    "▇": "#",
    "█": "#",
}
_ASCII_TABLE = str.maketrans(_ASCII)


def is_stale(observed_at: float, now: float) -> bool:
    """Whether data of that moment is too old to rest a verdict on.

    0 stands for no data yet, which is not old.
    """
    return observed_at > 0 and now - observed_at > STALE_AFTER_S


def verdict_word(assessment: Assessment, *, stale: bool = False) -> Marked:
    """The verdict as shape and word.

    An absent cluster is down, but nothing of it is broken, so it is not drawn as a fault.
    """
    if stale:
        return VERDICTS["unknown"]
    if assessment.verdict == "down" and is_calm(assessment):
        return ("○ DOWN", "strong" if assessment.phase == "absent" else "accent")
    return VERDICTS[assessment.verdict]


def summary_word(summary: ClusterSummary) -> Marked:
    """The verdict of one of several clusters as shape and word; a dot for one that nobody probed yet."""
    if summary.verdict is None:
        return ("· not looked at yet", "muted")
    if summary.verdict == "down" and not summary.is_fault:
        return ("○ DOWN", "muted")
    return VERDICTS[summary.verdict]


def broken_link(layer: Layer, assessment: Assessment) -> Marked:
    """The link that did not answer, with its mark; one that is not meant to answer is no fault."""
    name = LAYER_NAMES[layer]
    return (f"○ {name}", "muted") if assessment.phase in CALM_PHASES else (f"✗ {name}", "error")


def state_role(word: str) -> Role:
    """The role that a state's word has wherever it stands, in whatever case."""
    return _STATES.get(word.lower(), "")


def severity_role(word: str) -> Role:
    """The role of a severity's word, ours or Ray's."""
    return SEVERITIES[ray_severity(word)][1]


def ray_severity(word: str) -> Severity:
    """Ray's severity of an event as one of ours."""
    return RAY_SEVERITIES.get(word.upper(), "info")


def to_ascii(text: str) -> str:
    """The text with every shape of the product as one ASCII character; characters that are no shapes stay."""
    return text if text.isascii() else text.translate(_ASCII_TABLE)


def needs_ascii(encoding: str | None) -> bool:
    """Whether text in this encoding cannot carry the shapes; a stream without one is taken for ASCII."""
    return (encoding or "ascii").lower().replace("-", "").replace("_", "") not in {"utf8", "utf16", "utf32"}
