"""The tree of errors a person can meet: each has a reason, one sentence, a hint and an exit code.

RaytuiError
├─ ConfigurationError   2  usage, settings or spec invalid; lists every problem
├─ OperationFailed      1  it was tried and it failed
├─ NotAllowed           4  the key or token was refused
├─ NotFound             5  the named thing does not exist
├─ Unreachable          6  a link of the chain did not answer
├─ DeadlineExceeded     7  the wait ran out; something may exist
│  └─ OutcomeUnknown       it is not known what a request made
├─ RefusedForSafety     8  add --yes, or the profile is read-only
└─ Interrupted        130  the person stopped it
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec

from raytui.core.remedy import Hint

Layer = Literal["platform", "application", "network", "login", "dashboard", "gcs"]
"""The links between an operator and Ray, in the order in which they are followed."""

LAYERS: tuple[Layer, ...] = ("platform", "application", "network", "login", "dashboard", "gcs")


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong with an input, found before anything was changed."""

    field: str
    """Path of the field in the settings, such as `workers.cpu`."""
    message: str
    """What is wrong, as one sentence."""
    hint: Hint = ""
    """What to do about it."""


class Failure(msgspec.Struct, frozen=True):
    """Why one observation could not be made, as a value that a snapshot can carry."""

    layer: Layer
    """The link that failed."""
    reason: str
    """A stable word for scripts, such as `ConnectionRefused`."""
    message: str
    """What failed, on which thing."""
    hint: Hint = ""
    """What to do next."""
    conclusive: bool = False
    """True when the failure itself proves that the thing is down (a refused connection), else nothing is known."""


class RaytuiError(RuntimeError):
    """Base of every failure that is shown to a person: `str()` is its one sentence."""

    exit_code: ClassVar[int] = 1
    default_reason: ClassVar[str] = "Failed"

    def __init__(self, message: str, *, hint: Hint = "", reason: str = "", problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = reason or self.default_reason
        self.problems = tuple(problems)


class OperationFailed(RaytuiError):
    """It was tried and it failed."""

    default_reason = "OperationFailed"


class ConfigurationError(RaytuiError):
    """Usage, settings or spec are invalid; nothing was changed."""

    exit_code = 2
    default_reason = "Invalid"

    @classmethod
    def from_problems(cls, problems: Sequence[Problem], what: str = "the configuration") -> ConfigurationError:
        """One error that lists every problem of `what`."""
        if len(problems) == 1:
            only = problems[0]
            return cls(f"{only.field}: {only.message}", hint=only.hint, problems=problems)
        listed = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        return cls(
            f"{what} has {len(problems)} problems: {listed}",
            hint="mend all of them and try again",
            problems=problems,
        )


class NotAllowed(RaytuiError):
    """The key or token was refused."""

    exit_code = 4
    default_reason = "NotAllowed"


class NotFound(RaytuiError):
    """The named thing does not exist."""

    exit_code = 5
    default_reason = "NotFound"


class Unreachable(RaytuiError):
    """A link of the chain did not answer; `failure` says which."""

    exit_code = 6
    default_reason = "Unreachable"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, hint=failure.hint, reason=failure.reason)
        self.failure = failure


class DeadlineExceeded(RaytuiError):
    """A wait ran out of time; the message names what was waited for and what may exist."""

    exit_code = 7
    default_reason = "DeadlineExceeded"


class OutcomeUnknown(DeadlineExceeded):
    """A request that makes something was sent, and whether the thing exists is unknown.

    Neither its answer nor a list says what it made.
    """

    default_reason = "OutcomeUnknown"


class RefusedForSafety(RaytuiError):
    """The command would change or end something and was not told to."""

    exit_code = 8
    default_reason = "Refused"


class Interrupted(RaytuiError):
    """The person stopped the command; the message says what exists now."""

    exit_code = 130
    default_reason = "Interrupted"
