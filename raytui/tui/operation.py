"""An operation of the operator: what was asked for, its plan, its steps so far and how it ended."""

from __future__ import annotations

from typing import Literal

import msgspec

from raytui.core.errors import RaytuiError
from raytui.core.events import Severity, StepEvent
from raytui.core.plan import Plan, Verb
from raytui.core.remedy import Hint
from raytui.core.spec import ClusterSpec
from raytui.view.picture import Picture

Answer = Literal["", "carry-out", "recreate", "purge"]
"""The operator's answer to a plan: do nothing, carry it out, or plan anew to replace what differs or remove more."""


class Request(msgspec.Struct, frozen=True):
    """What the operator asks for; the fields are those of `Manager.plan`."""

    verb: Verb
    spec: ClusterSpec | None = None
    groups: dict[str, int] | None = None
    target: str = "all"
    keep: bool = False
    flags: frozenset[str] | None = None
    recreate: bool = False
    purge: bool = False


class Notice(msgspec.Struct, frozen=True):
    """The console's own word to the operator, kept until the next one or until it is dismissed."""

    severity: Severity
    message: str
    hint: Hint = ""


class Progress(msgspec.Struct, frozen=True):
    """The last report of one step, and when the step began by the console's clock."""

    event: StepEvent
    began: float


class Operation(msgspec.Struct, frozen=True):
    """One run of one plan."""

    plan: Plan
    began: float
    """Seconds since 1970."""
    steps: tuple[Progress, ...] = ()
    state: Literal["running", "interrupting", "done", "failed"] = "running"
    ended: float = 0.0
    message: str = ""
    hint: Hint = ""

    @property
    def is_running(self) -> bool:
        """Whether it still changes the cluster."""
        return self.state in {"running", "interrupting"}


def begin(plan: Plan, now: float) -> Operation:
    """The operation before its first report; every step is planned."""
    steps = tuple(Progress(StepEvent(step.name, "planned"), 0.0) for step in plan.steps)
    return Operation(plan, now, steps)


def report(operation: Operation, event: StepEvent, now: float) -> Operation:
    """The operation after one report; a step that the plan did not name is added at the end."""
    steps = list(operation.steps)
    place = next((n for n, progress in enumerate(steps) if progress.event.step == event.step), None)
    if place is None:
        steps.append(Progress(event, now - event.seconds))
    else:
        steps[place] = Progress(event, steps[place].began or now - event.seconds)
    return msgspec.structs.replace(operation, steps=tuple(steps))


def end(operation: Operation, error: RaytuiError | None, now: float) -> Operation:
    """The operation when it is over."""
    if error is None:
        return msgspec.structs.replace(operation, state="done", ended=now)
    return msgspec.structs.replace(operation, state="failed", ended=now, message=error.message, hint=error.hint)


def restart_targets(picture: Picture | None) -> list[str]:
    """What can be restarted now, by the names that `restart` takes."""
    applications = (picture.known.applications.value or ()) if picture else ()
    names = [app.short for app in applications]
    groups = list(dict.fromkeys(app.group for app in applications if app.group))
    several = [*(["workers"] if len(names) > 1 else []), *(groups if len(groups) > 1 else [])]
    return ["all", *several, *names[:50]] if names else []
