"""What happened, reported by workers to the screen or pane that runs them.

Handlers own the widgets; workers only post these.
"""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message

from raytui.core.errors import Problem, RaytuiError
from raytui.core.events import Severity, StepEvent
from raytui.core.plan import Plan
from raytui.core.remedy import Hint
from raytui.view.picture import Picture
from raytui.view.related import LogWish


@dataclass
class SnapshotArrived(Message):
    """The monitor finished a round. Only the newest one matters, for it knows of those before."""

    picture: Picture

    def can_replace(self, message: Message) -> bool:
        """A newer snapshot takes the place of one that waits."""
        return isinstance(message, SnapshotArrived)


@dataclass
class WatchFailed(Message):
    """The watch itself could not go on."""

    message: str
    hint: Hint = ""


@dataclass
class ClusterWanted(Message):
    """Somebody wants another cluster in front, by what it is called among them."""

    name: str


@dataclass
class OperationBegan(Message):
    """A confirmed plan is being carried out."""

    plan: Plan


@dataclass
class StepArrived(Message):
    """A step of the running operation changed."""

    event: StepEvent


@dataclass
class OperationEnded(Message):
    """The running operation is over."""

    error: RaytuiError | None = None


@dataclass
class RequestRefused(Message):
    """A request of the operator was not carried out, and why."""

    message: str
    hint: Hint = ""
    severity: Severity = "warning"
    problems: tuple[Problem, ...] = ()
    """What is wrong with which field, when that was the reason."""


@dataclass
class LogsArrived(Message):
    """A batch of lines of the followed log."""

    source: str
    lines: list[str]


@dataclass
class LogEnded(Message):
    """No more lines will come from the followed log."""

    source: str
    reason: str
    hint: Hint = ""


@dataclass
class LogWished(Message):
    """Somebody wants to see the place of a log that tells of something."""

    wish: LogWish
    of: str
    """What it tells of."""
