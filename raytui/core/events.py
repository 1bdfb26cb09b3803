"""What changed: the events of a running operation and of a watched cluster."""

from __future__ import annotations

from typing import Literal

import msgspec

StepState = Literal["planned", "running", "done", "failed", "undone", "skipped"]
Author = Literal["operator", "platform", "ray", "raytui"]
Severity = Literal["info", "warning", "error"]


class StepEvent(msgspec.Struct, frozen=True):
    """Progress of one step of a plan; the same step is reported again whenever its state or message changes."""

    step: str
    """What the step does, as a short phrase; it identifies the step within its plan."""
    state: StepState
    seconds: float = 0.0
    """How long the step has taken so far."""
    message: str = ""


class Event(msgspec.Struct, frozen=True):
    """One thing that changed in a cluster."""

    at: float
    """Seconds since 1970."""
    author: Author
    subject: str
    """What it happened to: an application's or node's name, or the cluster's."""
    reason: str
    """A stable word for scripts, such as `NodeDied`."""
    message: str
    severity: Severity = "info"
