"""The steps of one plan, carried out under the cluster's lock: each reported, in time, and all undone when it fails.

Creates run to their end even when the person interrupts or the time is over: a request that the platform already
honoured must be known before it can be undone; so does a restart that had to delete. All else is given up then, since
asking again is safe. Every way out passes the undo, whoever raised what, but for two: the time of the whole call ran
out, and something that was to end is left; then what exists is named.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from raytui.core.desired.application_request import create_request
from raytui.core.errors import Interrupted, RaytuiError
from raytui.core.events import Event, Severity, StepEvent, StepState
from raytui.core.observed.snapshot import Application, Operation
from raytui.core.plan import Plan, Step
from raytui.core.protocols.platform import CreateRequest, Platform
from raytui.core.remedy import REMOVE, SHOW, Hint, Remedy, plus
from raytui.manager.journal import Journal
from raytui.manager.memory import Memory
from raytui.manager.monitor import Monitor
from raytui.manager.operations import Publication
from raytui.manager.recording import Recording
from raytui.manager.removal import Outcome, Removal
from raytui.manager.side_by_side import Deadline, NotInTime, combined, listed, to_the_end, until, what_exists
from raytui.manager.undo import Made, Undone
from raytui.manager.waits import ApplicationEnded, Progress, WaitRanOut, Waits
from raytui.system.shielded import whole

T = TypeVar("T")


class Work:
    """One run of one plan, from its first step to its last or to the end of its undo."""

    def __init__(
        self,
        plan: Plan,
        platform: Platform,
        monitor: Monitor,
        launchers: Callable[[], Mapping[str, bytes]],
        journal: Journal,
        *,
        publication: Publication,
        memory: Memory,
        deadline: Deadline,
        report: Callable[[StepEvent], None],
    ) -> None:
        self._plan = plan
        self._platform = platform
        self._monitor = monitor
        self._launchers = launchers
        self._journal = journal
        self._publication = publication
        self._deadline = deadline
        self._report = report
        self._run = uuid.uuid4().hex[:12]
        self._memory = memory
        self._made = Made(platform, plan.cluster, self._run, memory)
        self._recording = Recording(platform, plan)
        self._waits = Waits(plan, monitor, deadline)
        self._since = time.time()
        self._scripts: dict[str, str] = {}

    async def carry_out(self, *, wait: bool) -> None:
        """Every step in turn; raises the first error, after the undo.

        Cancelled, it raises `Interrupted` after the undo.
        """
        plan = self._plan
        removal = Removal(plan, self._platform, self._deadline, wait=wait, memory=self._memory, report=self._report)
        self._publish()
        self._note(f"{plan.verb} began: " + (", ".join(step.name for step in plan.steps) or "nothing to do"))
        try:
            await self._record()
            for step in plan.steps:
                left_alone = step.action == "purge" and removal.words()
                if not left_alone and (wait or not step.action.startswith("wait")):
                    await self._step(step, removal)
            left = await removal.outcome()
            self._memory.gone(removal.ended)
        except asyncio.CancelledError:
            undone = await self._undo()
            gone = undone.removed | removal.ended
            self._memory.gone(removal.ended)
            exists = await whole(
                what_exists(self._platform, plan.cluster, self._there(), gone=gone, doubtful=undone.doubtful)
            )
            self._note(f"{plan.verb} was interrupted; {exists}", "warning")
            raise Interrupted(
                f"{plan.verb} was interrupted{undone.words}; {exists}", hint=plus(undone.hint, SHOW)
            ) from None
        except WaitRanOut as error:
            self._add(error, self._not_yet_named(error) + removal.words())
            raise
        except Exception as error:  # whatever it is, what this run made is taken back; then it is raised as it was
            undone = await self._undo()
            self._add(error, undone.words + removal.words(), undone.hint)
            raise
        if left is not None:
            self._add(left, self._kept())
            raise left
        await self._recording.finish()
        self._note(f"{plan.verb} finished")

    async def _record(self) -> None:
        (answer,) = await until([self._recording.begin()], self._deadline.at)
        if isinstance(answer, NotInTime):
            raise WaitRanOut(
                f"the {self._deadline.seconds:g} s ran out while what is asked for was being recorded; "
                "nothing else was begun",
                hint=("run ", Remedy(self._plan.verb), " again, with a longer --timeout where the platform is slow"),
            )
        if isinstance(answer, BaseException):
            raise answer

    async def _step(self, step: Step, removal: Removal) -> None:
        began = time.monotonic()
        is_wait = step.action.startswith("wait")

        def report(state: StepState, message: str = "") -> None:
            self._report(StepEvent(step.name, state, round(time.monotonic() - began, 3), message))

        def progress(text: str) -> None:
            report("running", text)

        short = " ".join(name.removeprefix(f"{self._plan.cluster}-") for name in step.targets)
        report("running", "" if is_wait else short)
        try:
            done = await (removal.carry_out(step, progress) if removal.handles(step) else self._act(step, progress))
        except asyncio.CancelledError:
            report("failed", "interrupted")
            raise
        except Exception as error:
            report(
                "failed",
                error.message if isinstance(error, RaytuiError) else f"{type(error).__name__}: {error}".strip(": "),
            )
            raise
        report(done.state, done.message or ("" if is_wait else short))

    async def _act(self, step: Step, progress: Progress) -> Outcome:
        if step.action in {"wait-head", "wait-nodes"}:
            return Outcome(message=await self._mending(step, progress))
        if self._deadline.has_passed:
            exists = await what_exists(self._platform, self._plan.cluster, self._there())
            raise WaitRanOut(
                f"the {self._deadline.seconds:g} s ran out before: {step.name}; {exists}",
                hint=(Remedy(self._plan.verb, "", "goes on"), REMOVE),
            )
        apps = [app for app in self._plan.ends if app.name in step.targets]
        if step.action == "prepare":
            requests = [self._request(request.name) for request in self._plan.creates]
            await self._in_time(self._platform.prepare(requests), "while the shared memory was being raised")
            return Outcome(message=f"at least {self._plan.spec.shared_memory:g} GB")
        if step.action == "purge":
            work = self._platform.store.purge(self._plan.cluster)
            removed = await self._in_time(work, "while what is left of it was being removed")
            return Outcome(message=", ".join(removed) or "nothing was left")
        if step.action == "launchers":
            await self._write_launchers()
            return Outcome(message=next(iter(self._scripts.values()), "").rpartition("/")[0])
        if step.action == "create":
            requests = [self._request(name) for name in step.targets]
            await self._in_time(self._platform.prepare(requests), "while what the applications need was being prepared")
            await self._together([self._made.create(request, until=self._deadline.at) for request in requests])
        elif step.action == "restart":
            await self._restart(apps)
        elif step.action == "delete":
            await self._remove(apps)
        else:
            raise AssertionError(f"{step.action} of {self._plan.verb} belongs to the removal")
        return Outcome()

    async def _mending(self, step: Step, progress: Progress) -> str:
        """Wait for life.

        An application that was there before and ends meanwhile is made again, once, like any that was missing.
        """
        while True:
            try:
                return await (
                    self._waits.head(progress)
                    if step.action == "wait-head"
                    else self._waits.nodes(step.targets, progress)
                )
            except ApplicationEnded as error:
                made = {request.name for request in self._plan.creates}
                if self._plan.verb not in {"start", "scale"} or error.name in made:
                    raise
                progress(error.message)
                await self._make_again(error)

    async def _make_again(self, ended: ApplicationEnded) -> None:
        """Steps of their own, so that whoever reads the steps sees that something was changed."""
        name = ended.name
        try:
            found = tuple(app for app in await listed(self._platform, self._plan.cluster) if app.name == name)
        except RaytuiError as failure:
            ended.message = f"{ended.message}; it was not made again: {failure.message}"
            ended.args = (ended.message,)
            raise ended from failure
        request = create_request(self._plan.spec, name)
        self._plan = msgspec.structs.replace(
            self._plan,
            creates=(*self._plan.creates, request),
            ends=(*(app for app in self._plan.ends if app.name != name), *found),
        )
        self._publish()
        short = name.removeprefix(f"{self._plan.cluster}-")
        if found:
            await self._by_itself(Step(f"ended {short} removed", "delete", (name,)))
        await self._write_launchers()
        await self._by_itself(Step(f"{short} created again", "create", (name,)))
        self._waits.expect(name)

    async def _by_itself(self, step: Step) -> None:
        plan = msgspec.structs.replace(self._plan, ends=())
        nothing = Removal(plan, self._platform, self._deadline, wait=True, memory=self._memory, report=self._report)
        await self._step(step, nothing)

    async def _write_launchers(self) -> None:
        work = self._platform.store.write_launchers(self._plan.cluster, self._launchers())
        self._scripts = await self._in_time(work, "while the launchers were being written")

    async def _in_time(self, work: Awaitable[T], when: str) -> T:
        """The answer of work that is safe to give up when the time is over."""
        (answer,) = await until([work], self._deadline.at)
        if isinstance(answer, NotInTime):
            exists = await what_exists(self._platform, self._plan.cluster, self._there())
            raise WaitRanOut(
                f"the {self._deadline.seconds:g} s ran out {when}; {exists}",
                hint=(Remedy(self._plan.verb, "", "goes on"), REMOVE),
            )
        if isinstance(answer, BaseException):
            raise answer
        return answer

    async def _restart(self, apps: Sequence[Application]) -> None:
        """Restart side by side.

        One that had to be deleted is made again even when the time is over, so the call may end late.
        """
        answers = await until([self._made.restart(app) for app in apps], self._deadline.at)
        late = [app.name for app, answer in zip(apps, answers, strict=True) if isinstance(answer, NotInTime)]
        if not late:
            _raise_failures(answers)
            return
        failed = [
            _words_of(answer)
            for answer in answers
            if isinstance(answer, BaseException) and not isinstance(answer, NotInTime)
        ]
        sentence = (
            f"the {self._deadline.seconds:g} s ran out while {', '.join(late)} was being restarted; it may be stopped"
        )
        raise WaitRanOut(
            "; ".join([sentence, *failed]),
            hint=("the same command goes on", Remedy("status", "", "shows what runs")),
        )

    async def _remove(self, apps: Sequence[Application]) -> None:
        """Remove what is to be made again; every one must be gone before."""
        answers = await until([self._platform.delete(app) for app in apps], self._deadline.at)
        late = [app for app, answer in zip(apps, answers, strict=True) if isinstance(answer, NotInTime)]
        if late:
            names = ", ".join(app.name for app in late)
            raise WaitRanOut(
                f"the {self._deadline.seconds:g} s ran out while {names} was being removed; it may still exist",
                hint=(Remedy(self._plan.verb, "", "goes on"), REMOVE),
            )
        _raise_failures(answers)

    async def _together(self, calls: Sequence[Awaitable[object]]) -> None:
        """Run calls side by side to their end, then raise what failed as one error."""
        _raise_failures(await to_the_end(calls))

    def _request(self, name: str) -> CreateRequest:
        request = next(request for request in self._plan.creates if request.name == name)
        script = request.script or self._scripts.get(f"ray_{request.marker.role}_launcher.py", "")
        return msgspec.structs.replace(
            request, script=script, marker=msgspec.structs.replace(request.marker, run=self._run)
        )

    async def _undo(self) -> Undone:
        self._publish(self._made.names)
        undone = await whole(self._made.undo(self._report))
        await whole(self._recording.put_back())
        return undone

    def _publish(self, ending: frozenset[str] = frozenset()) -> None:
        plan = self._plan
        ends = dict.fromkeys([*(app.name for app in plan.ends), *sorted(ending)])
        creates = tuple(request.name for request in plan.creates)
        self._publication.tell(Operation(plan.verb, tuple(ends), creates, self._since))

    def _there(self) -> tuple[Application, ...]:
        """What this run and others of this machine made, whatever a list shows."""
        made = self._made.there
        known = {app.id for app in made}
        return (*made, *(app for app in self._memory.unlisted() if app.id not in known))

    def _not_yet_named(self, error: WaitRanOut) -> str:
        """What this run made and the error does not name: of a list because it lags, otherwise whatever it is."""
        if "existing now" in error.message:
            return ""
        made = self._made.there
        if error.listed is None:
            names = [app.name for app in made if not re.search(rf"{re.escape(app.name)}(?![\w-])", error.message)]
            return f"; made by this run: {', '.join(names)}" if names else ""
        names = [app.name for app in made if app.id not in error.listed]
        return f"; made, not listed yet: {', '.join(names)}" if names else ""

    def _kept(self) -> str:
        names = [app.name for app in self._made.applications]
        return f"; what this run made is kept: {', '.join(names)}" if names else ""

    def _add(self, error: Exception, words: str, hint: Hint = "") -> None:
        """Let the error, and the journal, say what became of what this run made, and what to do about what is left."""
        if not isinstance(error, RaytuiError):
            if words:
                error.add_note(words.strip("; "))
            self._note(f"{self._plan.verb} failed: {type(error).__name__}: {error}{words}", "error")
            return
        if words:
            error.message += words
            error.args = (error.message,)
        error.hint = plus(error.hint, "; " if error.hint and hint else "", hint)
        self._note(f"{self._plan.verb} failed: {error.message}", "error")

    def _note(self, message: str, severity: Severity = "info") -> None:
        event = Event(time.time(), "raytui", self._plan.cluster, self._plan.verb.capitalize(), message, severity)
        self._journal.add(self._plan.cluster, event)


def _raise_failures(answers: Sequence[object]) -> None:
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    odd = next((error for error in errors if not isinstance(error, RaytuiError)), None)
    if odd is not None:
        for error in errors:
            if error is not odd:
                odd.add_note(_words_of(error))
        raise odd
    if len(errors) == 1:
        raise errors[0]
    if errors:
        known = [error for error in errors if isinstance(error, RaytuiError)]
        raise combined(known, "; ".join(str(error) for error in errors), known[0].hint)


def _words_of(error: BaseException) -> str:
    """An error with its notes, which say what it left."""
    return "; ".join([str(error), *getattr(error, "__notes__", ())])
