"""The words and marks of every state, once: what one front end prints and the other paints is the same word in the same role.

A role says what a word means to the reader; each front end has its own colours for it. State is never colour alone, so whatever has a
role of its own has a shape or a word too, and every shape has an ASCII form of the same width for terminals that cannot show it.
"""

from __future__ import annotations

from typing import Literal

from raytui.core.conditions import LinkState, Verdict
from raytui.core.errors import Layer
from raytui.core.events import Severity, StepState

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
SEVERITIES: dict[Severity, Marked] = {"error": ("✗", "error"), "warning": ("▲", "warn"), "info": ("·", "muted")}
STEPS: dict[StepState, Marked] = {
    "planned": ("·", "muted"),
    "running": ("…", "accent"),
    "done": ("✓", "ok"),
    "failed": ("✗", "error"),
    "undone": ("↺", "warn"),
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
    "degraded": "warn",
    "warn": "warn",
    "pending": "warn",
    "unknown": "warn",
    "down": "error",
    "failed": "error",
    "fail": "error",
    "dead": "error",
    "unhealthy": "error",
    "deploy_failed": "error",
    "stopped": "muted",
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
    "▁": "_",
    "▂": "_",
    "▃": "-",
    "▄": "-",
    "▅": "=",
    "▆": "=",
    "▇": "#",
    "█": "#",
}
ASCII_TABLE = str.maketrans(_ASCII)
"""For `str.translate`: every shape of the product as one ASCII character."""


def state_role(word: str) -> Role:
    """The role that a state's word has wherever it stands, in whatever case."""
    return _STATES.get(word.lower(), "")


def ray_severity(word: str) -> Severity:
    """Ray's severity of an event as one of ours."""
    return RAY_SEVERITIES.get(word.upper(), "info")
