"""One thing that is wrong now, and what it is called while a running plan of raytui brings it about."""

from __future__ import annotations

import msgspec

from raytui.core.errors import Failure
from raytui.core.events import Severity
from raytui.core.observed.snapshot import Operation
from raytui.core.remedy import FOLLOW, Hint

_COMING = frozenset({"HeadMissing", "WorkerMissing", "NodeMissing", "LauncherSilent"})
"""What is so while a running plan makes an application."""
_OF_WORK = frozenset(
    {
        "InfeasibleDemand",
        "PendingDemand",
        "JobFailed",
        "JobsFailed",
        "KilledForMemory",
        "ServeUnhealthy",
        "ServeDeleting",
    }
)
"""What is wrong with what people run, and not with the nodes and links that run it."""


class Condition(msgspec.Struct, frozen=True):
    """One thing that is wrong now."""

    severity: Severity
    subject: str
    """The application's or node's name, or the cluster's."""
    reason: str
    """A stable word for scripts."""
    message: str
    hint: Hint = ""
    since: float = 0.0
    """Seconds since 1970; 0 when unknown."""

    @property
    def is_of_work(self) -> bool:
        """Whether it is about a job, a task, an actor or a deployment, and not about the cluster itself."""
        return self.reason in _OF_WORK

    @property
    def is_fault(self) -> bool:
        """Whether the cluster's nodes or links are not as they should be: only such a condition changes the verdict.

        Work that can never run is an error too, but whoever submitted it has to change it; the cluster is well.
        """
        return self.severity == "error" and not self.is_of_work


def of_failure(subject: str, failure: Failure) -> Condition:
    """A broken link as a condition of the thing behind it."""
    return Condition("error", subject, failure.reason, failure.message, failure.hint)


def touched(operation: Operation | None) -> frozenset[str]:
    """Names of the applications that a running plan ends, restarts or makes."""
    return frozenset(operation.ends) | frozenset(operation.creates) if operation is not None else frozenset()


def as_planned(found: list[Condition], operation: Operation | None) -> list[Condition]:
    """The same with what a running plan brings about called so: it has an author and is no fault meanwhile."""
    if operation is None:
        return found
    return [_planned(condition, operation) for condition in found]


def _planned(condition: Condition, operation: Operation) -> Condition:
    ends = condition.subject in operation.ends
    if condition.severity != "error" or not (
        ends or (condition.subject in operation.creates and condition.reason in _COMING)
    ):
        return condition
    return Condition(
        "info",
        condition.subject,
        "PlannedEnd" if ends else "PlannedStart",
        f"raytui {operation.verb} is at work on it: {condition.message}",
        FOLLOW,
        condition.since,
    )
