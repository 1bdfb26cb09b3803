"""Calls of a platform made side by side, to their end or until a moment; what each answered or raised is a value.

A create runs to its end whoever is in a hurry: what the platform honoured must be known. A stop or a delete may be
given up, because asking again is safe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Container, Iterable, Sequence
from typing import TypeVar

from raytui.core.errors import Failure, OperationFailed, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import Hint
from raytui.system.shielded import all_done

T = TypeVar("T")
LOOK_S = 10.0
"""How long one look at the platform's list may take where it only serves to say what exists."""


class NotInTime(Exception):
    """The answer of a call that was given up."""


class Deadline:
    """The moment at which a call of raytui must be over."""

    def __init__(self, seconds: float) -> None:
        self.seconds = round(seconds, 1) or seconds
        """How long there was in all, as precisely as a person wants to read it."""
        self.at = asyncio.get_running_loop().time() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, never below 0."""
        return max(0.0, self.at - asyncio.get_running_loop().time())

    @property
    def has_passed(self) -> bool:
        """Whether it is over."""
        return self.left == 0.0


async def to_the_end(calls: Sequence[Awaitable[T]]) -> list[T | BaseException]:
    """Every answer or error; a cancellation takes effect only after that.

    The calls have deadlines of their own.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    cancelled = await all_done(tasks)
    answers = _answers(tasks)
    if cancelled:
        raise asyncio.CancelledError
    return answers


async def until(calls: Sequence[Awaitable[T]], moment: float) -> list[T | BaseException]:
    """Every answer or error; `NotInTime` for what has none at `moment` (loop time) or when we are cancelled.

    What cannot be given up any more is waited for, and answers all the same.
    """
    tasks = [asyncio.ensure_future(call) for call in calls]
    if not tasks:
        return []
    try:
        await asyncio.wait(tasks, timeout=max(0.0, moment - asyncio.get_running_loop().time()))
    finally:
        await _give_up([task for task in tasks if not task.done()])
    return _answers(tasks)


async def listed(platform: Platform, cluster: str, seconds: float = LOOK_S) -> tuple[Application, ...]:
    """What the platform lists of a cluster; raises `Unreachable` when it does not answer within `seconds`."""
    answer = await list_or_error(platform, cluster, seconds)
    if isinstance(answer, Exception):
        raise answer
    return answer


async def list_or_error(
    platform: Platform, cluster: str, seconds: float = LOOK_S
) -> tuple[Application, ...] | Exception:
    """What the platform lists of a cluster, or whatever kept it from that: for those who have to go on without."""
    (answer,) = await until([platform.list(cluster)], asyncio.get_running_loop().time() + seconds)
    if isinstance(answer, NotInTime):
        silent = f"{platform.name} did not list its applications within {seconds:g} s"
        return Unreachable(Failure("platform", "NoAnswer", silent, "run the command again"))
    if isinstance(answer, BaseException) and not isinstance(answer, Exception):
        raise answer
    return answer


async def what_exists(
    platform: Platform,
    cluster: str,
    made: Iterable[Application] = (),
    *,
    gone: Container[str] = (),
    doubtful: Sequence[str] = (),
) -> str:
    """What exists of a cluster, as a part of a sentence.

    A list lags behind: `made` exists though no list shows it, what has an id in `gone` was removed though a list still
    does, and `doubtful` names what may yet come.
    """
    found = await list_or_error(platform, cluster)
    if isinstance(found, Exception):
        return f"what exists now could not be asked: {found}"
    seen = {app.id: f"{app.short} {app.state}" for app in found if app.id not in gone}
    unseen = {
        app.id: f"{app.short} (made, not listed yet)" for app in made if app.id not in seen and app.id not in gone
    }
    existing = ", ".join([*seen.values(), *unseen.values()])
    if doubtful:
        return f"existing now: {existing or 'none that is listed'}; {', '.join(doubtful)} may still come into being"
    return f"existing now: {existing}" if existing else f"no application of {cluster} is listed now"


def combined(errors: Sequence[RaytuiError], message: str, hint: Hint) -> RaytuiError:
    """One error for several: of their own kind when they are of one kind, so that the exit code stays true."""
    first = errors[0]
    if any(type(error) is not type(first) for error in errors):
        return OperationFailed(message, hint=hint, reason=first.reason)
    first.message, first.hint, first.args = message, hint, (message,)
    return first


async def _give_up(tasks: Sequence[asyncio.Future[T]]) -> None:
    for task in tasks:
        task.cancel()
    if await all_done(tasks):
        raise asyncio.CancelledError


def _answers(tasks: Sequence[asyncio.Future[T]]) -> list[T | BaseException]:
    answers: list[T | BaseException] = []
    for task in tasks:
        if task.cancelled():
            answers.append(NotInTime())
        else:
            error = task.exception()
            answers.append(task.result() if error is None else error)
    return answers
