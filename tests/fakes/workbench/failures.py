"""Which request fails, and how a failing request looks to its client."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from typing import TYPE_CHECKING

from .faults import EXPIRES, LATE, WAYS
from .wire import Answer, html_answer, reset

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from .faults import Faults

KILL_BEFORE, KILL_AFTER = "kill_before", "kill_after"


class Chooser:
    """Decides for each API request whether it fails; the only place that counts and draws."""

    def __init__(self, faults: Faults, seed: int | None) -> None:
        self._faults = faults
        self._rng = random.Random(seed)

    def next(self, operation: str) -> str | None:
        """The way in which this request fails, None when it does not."""
        faults = self._faults
        kill = self._count_down("kill_pid_before", KILL_BEFORE) or self._count_down("kill_pid_after", KILL_AFTER)
        if kill is not None:
            return kill
        if not faults.fail_operation or faults.fail_operation == operation:
            chosen = self._count_down("fail_request", faults.fail_how)
            if chosen is not None:
                return chosen
        if faults.ambiguous_create and operation in ("CreateApplication", "CreateJobRun"):
            return LATE
        if faults.errors and self._rng.random() < faults.errors:
            return self._rng.choice(WAYS)
        return None

    def slow_delete(self) -> float:
        """How long one delete lingers: the fault's own time, and a second now and then while `errors` is on."""
        faults = self._faults
        return faults.slow_delete + (1.0 if faults.errors and self._rng.random() < faults.errors else 0.0)

    def _count_down(self, counter: str, way: str) -> str | None:
        left = getattr(self._faults, counter)
        if left <= 0:
            return None
        setattr(self._faults, counter, left - 1)
        return way if left == 1 else None


class Delivery:
    """One request's way through a failure: the work, and what the client sees of it."""

    def __init__(
        self,
        faults: Faults,
        writer: asyncio.StreamWriter,
        work: Callable[[], Awaitable[Answer]],
        spawn: Callable[[Coroutine[object, object, object]], object],
    ) -> None:
        self._faults = faults
        self._writer = writer
        self._work = work
        self._spawn = spawn

    async def fail(self, way: str, *, create: bool) -> Answer | None:
        """Carry `way` out. The answer to send, or None when the connection is gone."""
        if way == EXPIRES:
            self._faults.key_invalid = True
            return await self._work()
        if way == LATE:
            self._spawn(self._later())
            return html_answer("504 Gateway Time-out", 504)
        if way == KILL_BEFORE:
            self._kill()
            return None
        if way.endswith("_after") or way in ("truncated", "twice"):
            answer = await self._work()
            if way == "twice" or (create and self._faults.duplicate):
                answer = await self._work()
            if way == "twice":
                return answer
            if way == KILL_AFTER:
                self._kill()
                return None
            if way == "truncated":
                await self._cut_off(answer)
                return None
        return await self._look(way.removesuffix("_before").removesuffix("_after"))

    async def _later(self) -> None:
        await asyncio.sleep(self._faults.late_seconds)
        await self._work()

    async def _look(self, shape: str) -> Answer | None:
        if shape == "500":
            return Answer(
                500,
                b'{"error": "rpc error: code = Unavailable", "code": 14, "message": "rpc error: code = Unavailable", "details": []}',
            )
        if shape == "429":
            wait = self._faults.retry_after
            headers = {"Retry-After": f"{wait:g}"} if wait else {}
            return Answer(
                429,
                b'{"error": "too many requests", "code": 8, "message": "too many requests", "details": []}',
                headers=headers,
            )
        if shape == "502":
            return html_answer("502 Bad Gateway", 502)
        if shape == "login":
            return html_answer("Found", 302, Location="/login?redirect=api")
        if shape == "html":
            return html_answer("The workbench is being updated")
        if shape == "withheld":
            await asyncio.sleep(self._faults.withhold)
            return html_answer("504 Gateway Time-out", 504)
        reset(self._writer)
        return None

    async def _cut_off(self, answer: Answer) -> None:
        data = answer.encode()
        self._writer.write(data[: max(len(data) - len(answer.body) // 2 - 1, 1)])
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        self._writer.close()

    def _kill(self) -> None:
        pid = self._faults.kill_pid
        if pid > 1 and pid != os.getpid():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        reset(self._writer)
