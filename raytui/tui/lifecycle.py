"""Operations of the operator: a request becomes a plan, a plan a question, and a confirmed plan is carried out.

It knows three callables and no screen: what it has to say are messages, in the order in which they are true.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import msgspec
from textual.message import Message
from textual.worker import Worker

from raytui.core.errors import OperationFailed, RaytuiError
from raytui.core.events import StepEvent
from raytui.core.plan import Plan
from raytui.core.remedy import SHOW, plus
from raytui.tui.faults import REPORT, unforeseen
from raytui.tui.messages import OperationBegan, OperationEnded, RequestRefused, StepArrived
from raytui.tui.operation import Answer, Request
from raytui.tui.render.text import clean

TIMEOUT_S = 600.0
"""How long the waits of an operation may take in all; the same as the command line's default."""


class Lifecycle:
    """At most one operation at a time."""

    def __init__(
        self,
        plan: Callable[[Request], Awaitable[Plan]],
        confirm: Callable[[Plan], Awaitable[Answer]],
        carry_out: Callable[[Plan], AsyncGenerator[StepEvent]],
    ) -> None:
        self._plan = plan
        self._confirm = confirm
        self._carry_out = carry_out
        self._under_way = ""
        self.outcome: RaytuiError | None = None
        """How the last operation failed; none when it did not."""

    async def run(self, request: Request) -> AsyncGenerator[Message]:
        """Plan a verb, ask, and carry it out; refused while another one is under way. Never raises for what failed."""
        if self._under_way:
            yield RequestRefused(
                f"{self._under_way} is still under way; {request.verb} was not begun", "wait for its end"
            )
            return
        self._under_way = request.verb
        try:
            agreed = await self._agreed(request)
            if isinstance(agreed, RequestRefused):
                yield agreed
            elif agreed is not None:
                async with contextlib.aclosing(self._operation(agreed)) as reports:
                    async for message in reports:
                        yield message
        finally:
            self._under_way = ""

    async def _agreed(self, request: Request) -> Plan | RequestRefused | None:
        """The plan that was confirmed, why there is none, or nothing when the operator took the request back."""
        try:
            while True:
                plan = await self._plan(request)
                if not plan.changed and not plan.differences:
                    done = f"{request.verb} has nothing to do: {clean(plan.cluster)} is as it should be"
                    notes = plus(*(part for n, note in enumerate(plan.notes) for part in (("; " if n else ""), note)))
                    return RequestRefused(done, notes, "info")
                answer = await self._confirm(plan)
                if answer not in {"recreate", "purge"}:
                    return plan if answer == "carry-out" else None
                # What would be made again or removed ends first, so that is a plan and a question of its own.
                more = {answer: True}
                request = msgspec.structs.replace(request, **more)
        except RaytuiError as error:
            return RequestRefused(f"{request.verb} was not begun: {error.message}", error.hint, problems=error.problems)
        except Exception as error:  # noqa: BLE001 - boundary: a fault of one request must not end the console
            return RequestRefused(f"{request.verb} was not begun: {unforeseen(error)}", REPORT)

    async def _operation(self, plan: Plan) -> AsyncGenerator[Message]:
        self.outcome = None
        yield OperationBegan(plan)
        try:
            async with contextlib.aclosing(self._carry_out(plan)) as events:
                async for event in events:
                    yield StepArrived(event)
        except RaytuiError as error:
            self.outcome = error
        except asyncio.CancelledError:
            self.outcome = OperationFailed(f"{plan.verb} was interrupted", hint=SHOW)
            raise
        except Exception as error:  # noqa: BLE001 - boundary: a fault of one operation must not end the console
            self.outcome = OperationFailed(f"{plan.verb} broke off: {unforeseen(error)}", hint=REPORT)
        yield OperationEnded(self.outcome)


async def ended(worker: Worker[None]) -> None:
    """Wait until a worker has ended, however it does."""
    with contextlib.suppress(Exception):
        await worker.wait()
