"""Who holds what on the platform: asked while an application waits or somebody looks, and at most once a minute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.observed.holdings import Holdings
from raytui.core.observed.kept import reuse
from raytui.core.observed.life import began
from raytui.core.observed.snapshot import Application, Reading
from raytui.core.protocols.platform import Platform

PERIOD_S = 60.0
"""Seconds between two askings: what is held changes with workloads that start and end, not from second to second."""
ASK_AFTER_S = 5.0
"""How long an application must have been starting before it is asked why: most need no more than that."""
ANSWER_S = 30.0
"""Backstop for the platform's own deadline."""


class Account:
    """What the platform last answered about who holds what, for one watch."""

    def __init__(self, platform: Platform, clock: Callable[[], float]) -> None:
        self._platform = platform
        self._clock = clock
        self._last: Reading[Holdings] = Reading()
        self._asked: float | None = None
        self._asking: asyncio.Task[None] | None = None
        self._since: dict[str, float] = {}
        """Since when each application has been seen to be starting, by the loop's clock."""

    async def read(
        self,
        applications: tuple[Application, ...] | None,
        *,
        looked_at: bool,
        patience: float,
        first: float = ANSWER_S,
    ) -> Reading[Holdings]:
        """What is held; empty when nobody waits and nobody looks.

        Waits for a new answer for `patience` seconds, for the very first one for `first`. Never raises for a
        platform that does not answer.
        """
        now = asyncio.get_running_loop().time()
        if not looked_at and not self._is_waiting(applications or (), now):
            return Reading()
        if self._asking is None and (self._asked is None or now - self._asked >= PERIOD_S):
            self._asked = now
            self._asking = asyncio.create_task(self._ask(applications or ()), name="ask who holds what")
        if self._asking is not None:
            has_none = self._last.value is None and self._last.failure is None
            done, _ = await asyncio.wait([self._asking], timeout=first if has_none else patience)
            if done:
                task, self._asking = self._asking, None
                task.result()
        return self._last

    async def close(self) -> None:
        """End what is being asked."""
        task, self._asking = self._asking, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def _is_waiting(self, applications: tuple[Application, ...], now: float) -> bool:
        """Whether one has been starting for a while, by the platform's times or by what was seen here."""
        starting = [app for app in applications if app.state == "starting"]
        self._since = {app.name: self._since.get(app.name, now) for app in starting}
        return any(
            now - self._since[app.name] >= ASK_AFTER_S or (began(app) and self._clock() - began(app) >= ASK_AFTER_S)
            for app in starting
        )

    async def _ask(self, applications: tuple[Application, ...]) -> None:
        self._last = await self._answer(applications)

    async def _answer(self, applications: tuple[Application, ...]) -> Reading[Holdings]:
        failure: Failure
        try:
            async with asyncio.timeout(ANSWER_S):
                holdings = await self._platform.holdings()
        except TimeoutError:
            failure = Failure("platform", "NoAnswer", f"who holds what could not be read within {ANSWER_S:g} s")
        except Unreachable as error:
            failure = error.failure
        except RaytuiError as error:
            failure = Failure("platform", error.reason, error.message, error.hint)
        else:
            held = msgspec.structs.replace(
                holdings or Holdings(), running=_in(applications, "running"), starting=_in(applications, "starting")
            )
            return Reading(reuse(self._last.value, held), at=self._clock(), total=held.total)
        return Reading(failure=failure, at=self._clock())


def _in(applications: tuple[Application, ...], state: str) -> frozenset[str]:
    return frozenset(app.name for app in applications if app.state == state)
