"""What a plan ends: one application that is stuck keeps no other from ending.

It is deleted all the same, since a delete may succeed where a stop did not. Every step does what it can for every
target within its share of the time; what failed is kept, and reported at the end by what is left then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from raytui.core.errors import DeadlineExceeded, RaytuiError
from raytui.core.events import StepEvent
from raytui.core.observed.snapshot import Application
from raytui.core.plan import Plan, Step
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import Hint, Remedy
from raytui.manager import waits
from raytui.manager.memory import Memory
from raytui.manager.side_by_side import LOOK_S, Deadline, NotInTime, combined, list_or_error, listed, until
from raytui.system.backoff import Backoff

DRAIN_S = 40.0
"""Ray's own drain takes up to 30 s (facts: SIGTERM busy 30.9 s)."""
SHARE = 0.4
"""The part of the time left that stopping or draining may take: after it there must be time to delete."""
ASK_S = 2.0
"""How long a delete may take at least, so that it is sent even when the time has run out."""

Progress = Callable[[str], None]


class Outcome(msgspec.Struct, frozen=True):
    """How one step went for its targets; a failed one does not end the plan."""

    state: Literal["done", "failed", "skipped"] = "done"
    message: str = ""


class Removal:
    """The endings of one run of one plan."""

    def __init__(
        self,
        plan: Plan,
        platform: Platform,
        deadline: Deadline,
        *,
        wait: bool,
        memory: Memory,
        report: Callable[[StepEvent], None],
    ) -> None:
        self._plan = plan
        self._platform = platform
        self._deadline = deadline
        self._wait = wait
        self._memory = memory
        self._report = report
        self._doubtful: tuple[str, ...] = ()
        self._apps = {app.id: app for app in plan.ends}
        self._failed: dict[str, BaseException] = {}
        self._odd: list[Exception] = []
        self.ended: set[str] = set()
        """Ids of the applications that the platform was seen to have deleted."""

    def handles(self, step: Step) -> bool:
        """Whether a failure of the step is kept for the end.

        The delete of what is made again must succeed before its create.
        """
        made = {request.name for request in self._plan.creates}
        return step.action in {"drain", "stop"} or (
            step.action in {"delete", "wait-gone"} and not made.intersection(step.targets)
        )

    async def carry_out(self, step: Step, progress: Progress) -> Outcome:
        """One step for all of its targets; what fails is kept for the end."""
        apps = [app for app in self._plan.ends if app.name in step.targets]
        if step.action == "wait-gone":
            return await self._gone(frozenset(step.targets), progress)
        if step.action == "drain":
            return await self._drain(apps)
        if step.action == "stop":
            moment = asyncio.get_running_loop().time() + self._deadline.left * SHARE
            return self._keep(apps, await until([self._stop(app) for app in apps], moment))
        return await self._delete(apps)

    async def outcome(self) -> Exception | None:
        """The one error for everything that is left.

        None when all that was to end has ended, by whichever of its requests.
        """
        if not self._failed:
            return self._odd[0] if self._odd else self._doubt()
        states = await self._left()
        # On no list yet is not gone.
        unlisted = {app.id for app in self._memory.unlisted()} - self.ended
        left = {
            identity: error
            for identity, error in self._failed.items()
            if states is None or identity in states or identity in unlisted
        }
        words = [
            f"{self._apps[identity].name}{_state(states, identity)}: {_sentence(error)}"
            for identity, error in left.items()
        ]
        message = f"{self._plan.verb} of {self._plan.cluster} did not end " + "; ".join(words)
        if self._odd:
            # Nobody foresaw it, so it is reported as it is; its notes say what it left.
            if words:
                self._odd[0].add_note(message)
            return self._odd[0]
        if not left:
            return self._doubt()
        errors = [error for error in left.values() if isinstance(error, RaytuiError)]
        hint: Hint = (
            "the same command tries again; ",
            Remedy("apps", f"--cluster {self._plan.cluster}", "shows what is left"),
        )
        if self._deadline.has_passed or not errors:
            return DeadlineExceeded(message, hint=hint)
        return combined(errors, message, hint)

    def words(self) -> str:
        """What failed so far, to be added to an error that ends the plan early."""
        names = [self._apps[identity].name for identity in self._failed]
        return f"; not ended: {', '.join(names)}" if names else ""

    async def _drain(self, apps: Sequence[Application]) -> Outcome:
        if not self._wait:
            return Outcome("skipped", "not waited for: a launcher drains its node when it is stopped")
        limit = min(DRAIN_S, self._deadline.left * SHARE)
        moment = asyncio.get_running_loop().time() + limit
        answers = await until([self._platform.drain(app, limit) for app in apps], moment + ASK_S)
        self._odd += [
            answer
            for answer in answers
            if isinstance(answer, Exception) and not isinstance(answer, RaytuiError | NotInTime)
        ]
        stay = [app.short for app, answer in zip(apps, answers, strict=True) if answer is not True]
        if not stay:
            return Outcome(message=" ".join(app.short for app in apps))
        return Outcome("failed", f"not known to have left within {limit:.3g} s: {' '.join(stay)}; stopped all the same")

    def _stop(self, app: Application) -> Awaitable[None]:
        return self._platform.stop(app) if self._wait else self._platform.stop(app, wait=False)

    async def _delete(self, apps: Sequence[Application]) -> Outcome:
        calls = [self._platform.delete(app) if self._wait else self._platform.delete(app, wait=False) for app in apps]
        moment = max(self._deadline.at, asyncio.get_running_loop().time() + ASK_S)
        return self._keep(apps, await until(calls, moment), deleted=self._wait)

    def _keep(self, apps: Sequence[Application], answers: Sequence[object], *, deleted: bool = False) -> Outcome:
        """Remember for each target whether its last request failed."""
        words = []
        for app, answer in zip(apps, answers, strict=True):
            if not isinstance(answer, BaseException):
                self._failed.pop(app.id, None)
                if deleted:
                    self.ended.add(app.id)
                continue
            self._failed[app.id] = answer
            words.append(f"{app.short}: {_sentence(answer)}")
            if isinstance(answer, Exception) and not isinstance(answer, RaytuiError | NotInTime):
                self._odd.append(answer)
        return Outcome("failed", "; ".join(words)) if words else Outcome(message=" ".join(app.short for app in apps))

    async def _gone(self, names: frozenset[str], progress: Progress) -> Outcome:
        """Until the platform lists none of them; what could not be deleted is looked at, but not waited for."""
        backoff, said, failure = Backoff(waits.FIRST_POLL_S, waits.SLOWEST_POLL_S), "", ""
        while True:
            waited: Sequence[Application] = ()
            try:
                found = await listed(
                    self._platform, self._plan.cluster, max(LOOK_S, min(self._deadline.left, waits.LIST_S))
                )
            except RaytuiError as error:
                if error.exit_code not in {6, 7}:
                    raise
                failure = str(error)
            else:
                failure = ""
                left = [app for app in found if self._plan.verb == "stop" or app.name in names]
                await self._delete_late([app for app in left if app.id not in self._apps])
                waited = [app for app in left if app.id not in self._failed]
                self._memory.listed(found)
                self._doubtful = self._memory.doubtful(found) if self._plan.verb == "stop" else ()
                if not waited and not self._doubtful:
                    stuck = " ".join(app.short for app in left)
                    return Outcome("failed", f"still listed: {stuck}") if stuck else Outcome(message="none is listed")
            if self._deadline.has_passed:
                return self._not_gone(waited, failure)
            words = failure or _awaited(waited, self._doubtful)
            if words != said:
                progress(words)
                said = words
            await asyncio.sleep(min(backoff.next(), self._deadline.left))

    async def _delete_late(self, late: Sequence[Application]) -> None:
        """A list that lags shows some of the cluster only now; `stop` means them too.

        A step of its own, since it changes something.
        """
        if not late:
            return
        self._apps.update({app.id: app for app in late})
        began, shorts = time.monotonic(), " ".join(app.short for app in late)
        self._report(StepEvent("late applications deleted", "running", 0.0, shorts))
        done = await self._delete(late)
        self._report(
            StepEvent(
                "late applications deleted", done.state, round(time.monotonic() - began, 3), done.message or shorts
            )
        )

    def _doubt(self) -> DeadlineExceeded | None:
        """That the time was over before it was known whether all that was asked for came into being."""
        if not self._doubtful:
            return None
        names = ", ".join(self._doubtful)
        why = "an earlier raytui asked for it and got no answer"
        return DeadlineExceeded(
            f"the {self._deadline.seconds:g} s ran out, and {names} may still come into being: {why}",
            hint="the same command looks again",
        )

    def _not_gone(self, waited: Sequence[Application], failure: str) -> Outcome:
        if not failure and not waited:
            return Outcome("failed", _awaited((), self._doubtful))
        why = failure or f"still listed when the {self._deadline.seconds:g} s had run out"
        for identity in [app.id for app in waited] if not failure else list(self._apps):
            self._failed.setdefault(identity, DeadlineExceeded(why))
        return Outcome("failed", why)

    async def _left(self) -> dict[str, str] | None:
        """State by id of what has not ended; none when the platform cannot be asked."""
        found = await list_or_error(self._platform, self._plan.cluster)
        if isinstance(found, Exception):
            return None
        return {app.id: app.state for app in found if not (self._plan.keep and app.state == "stopped")}


def _awaited(waited: Sequence[Application], doubtful: Sequence[str]) -> str:
    if waited:
        return "still listed: " + " ".join(f"{app.short} ({app.state})" for app in waited)
    return f"none is listed; looking whether {', '.join(doubtful)} came into being"


def _state(states: dict[str, str] | None, identity: str) -> str:
    return f" ({states.get(identity, 'on no list yet')})" if states is not None else ""


def _sentence(error: BaseException) -> str:
    if isinstance(error, NotInTime):
        return "did not end in time"
    return str(error) if isinstance(error, RaytuiError) else f"{type(error).__name__}: {error}".strip(": ")
