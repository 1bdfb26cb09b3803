"""Operations of the operator: a request becomes a plan, a plan a question, and a confirmed plan is carried out in a worker.

The worker is not exclusive: an exclusive one would cancel a half-made start. A second request is refused with a sentence instead.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from textual.worker import Worker

from raytui.core.errors import OperationFailed, RaytuiError
from raytui.core.plan import Plan, Verb
from raytui.core.remedy import SHOW, plus
from raytui.tui.messages import OperationBegan, OperationEnded, RequestRefused, StepArrived
from raytui.tui.render.text import clean

if TYPE_CHECKING:
    from raytui.tui.app import RaytuiApp
    from raytui.tui.session import ConsoleSession

TIMEOUT_S = 600.0
"""How long the waits of an operation may take in all; the same as the command line's default."""


class Lifecycle:
    """At most one operation at a time."""

    def __init__(self, app: RaytuiApp) -> None:
        self._app = app
        self._worker: Worker[None] | None = None
        self._busy_with = ""
        self.outcome: RaytuiError | None = None
        """How the last operation failed; none when it did not."""

    @property
    def busy_with(self) -> str:
        """The verb that is being planned, confirmed or carried out; empty when there is none."""
        return self._busy_with

    def request(self, session: ConsoleSession | None, verb: Verb, **details: Any) -> None:
        """Plan a verb, ask, and carry it out; refused while another one is under way."""
        if session is None:
            self._app.post_message(RequestRefused(f"{verb} was not begun: the platform is still being looked for", "try again in a moment"))
        elif self._busy_with:
            self._app.post_message(RequestRefused(f"{self._busy_with} is still under way; {verb} was not begun", "wait for its end"))
        else:
            self._busy_with = verb
            self._worker = self._app.run_worker(self._prepare(session, verb, details), group="lifecycle", exit_on_error=False)

    async def interrupt(self, session: ConsoleSession) -> None:
        """Interrupt what runs and wait until it has finished or undone what it began; its own deadlines bound the wait."""
        if self._worker is not None and not self._worker.is_finished:
            session.manager.interrupt()
            await asyncio.shield(self._ended(self._worker))

    @staticmethod
    async def _ended(worker: Worker[None]) -> None:
        with contextlib.suppress(Exception):
            await worker.wait()

    async def _prepare(self, session: ConsoleSession, verb: Verb, details: dict[str, Any]) -> None:
        try:
            plan = await session.manager.plan(verb, **details)
            if not plan.changed:
                notes = plus(*(part for n, note in enumerate(plan.notes) for part in (("; " if n else ""), note)))
                left = "what differs is kept" if plan.differences else f"{clean(plan.cluster)} is as it should be"
                self._app.post_message(RequestRefused(f"{verb} has nothing to do: {left}", notes, "info"))
            elif await self._app.confirm(plan):
                await self._carry_out(session, plan)
        except RaytuiError as error:
            self._app.post_message(RequestRefused(f"{verb} was not begun: {error.message}", error.hint, problems=error.problems))
        except Exception as error:  # noqa: BLE001 - boundary: an unforeseen fault of one request must not end the console
            self._app.post_message(RequestRefused(f"{verb} was not begun: {unforeseen(error)}", REPORT))
        finally:
            self._busy_with = ""

    async def _carry_out(self, session: ConsoleSession, plan: Plan) -> None:
        self._app.post_message(OperationBegan(plan))
        failure: RaytuiError | None = None
        try:
            async with contextlib.aclosing(session.manager.execute(plan, wait=True, timeout=TIMEOUT_S)) as events:  # type: ignore[type-var]
                async for event in events:
                    self._app.post_message(StepArrived(event))
        except RaytuiError as error:
            failure = error
        except asyncio.CancelledError:
            failure = OperationFailed(f"{plan.verb} was interrupted", hint=SHOW)
            raise
        except Exception as error:  # noqa: BLE001 - boundary: an unforeseen fault of one operation must not end the console
            failure = OperationFailed(f"{plan.verb} broke off: {unforeseen(error)}", hint=REPORT)
        finally:
            self.outcome = failure
            self._app.post_message(OperationEnded(failure))


REPORT = "this is a defect of raytui: please report it"


def unforeseen(error: Exception) -> str:
    """An error that nobody foresaw, as part of a sentence."""
    return f"{type(error).__name__}: {clean(str(error))}"
