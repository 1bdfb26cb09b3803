"""The deployment test: a small cluster of its own is made, checked and removed, to show that everything works.

Five checks in a fixed order: connection, launchers, creation, status, clean-up. The first failure skips what would rest
on it; the clean-up always runs, also after an interrupt, and is a check like the others: what it cannot remove it
names.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Literal

import msgspec

from raytui.core.conditions import assess
from raytui.core.errors import Interrupted, NotAllowed, OperationFailed, RaytuiError
from raytui.core.observed.joined import join
from raytui.core.protocols.platform import Platform
from raytui.core.remedy import Hint, Remedy, plus
from raytui.core.session import Manager, Watch
from raytui.core.spec import ClusterSpec, head_name, worker_name
from raytui.manager.launchers import render
from raytui.manager.waits import LAG_S, SLOWEST_POLL_S

CheckName = Literal["connection", "launchers", "creation", "status", "clean-up"]
CLEAN_UP_S = 400.0
"""Deletes take up to 180 s on a workbench, after a stop of up to a minute."""


class Result(msgspec.Struct, frozen=True):
    """The outcome of one check."""

    check: CheckName
    state: Literal["running", "ok", "failed", "skipped"]
    seconds: float = 0.0
    message: str = ""
    hint: Hint = ""
    is_refused: bool = False
    """Whether it failed because the key or token was refused."""


class Verification:
    """One run of the deployment test on a cluster name that nothing else uses."""

    def __init__(
        self, platform: Platform, monitor: Watch, manager: Manager, spec: ClusterSpec, *, timeout: float, keep: bool
    ) -> None:
        self._platform = platform
        self._monitor = monitor
        self._manager = manager
        # One group is enough to show that everything works, however many the profile describes.
        self._spec = msgspec.structs.replace(spec, groups={})
        self._timeout = timeout
        self._keep = keep
        self._interrupted = False
        self._fault: Exception | None = None
        self._unseen: set[str] = set()
        self._made_at = 0.0
        self._current: asyncio.Task[str] | None = None

    def interrupt(self) -> None:
        """End the running check; the clean-up still runs."""
        self._interrupted = True
        if self._manager.busy:
            # It ends by itself, after its undo, and says what exists.
            self._manager.interrupt()
        elif self._current is not None:
            self._current.cancel()

    async def run(self) -> AsyncIterator[Result]:
        """Each check as it begins and as it ends.

        After the clean-up it raises what nobody foresaw, and `Interrupted`, with what became of the cluster, when it
        was interrupted.
        """
        checks: tuple[tuple[CheckName, Callable[[], Awaitable[str]]], ...] = (
            ("connection", self._connection),
            ("launchers", self._launchers),
            ("creation", self._creation),
            ("status", self._status),
        )
        healthy, began_changes = True, False
        for name, check in checks:
            if not healthy or self._interrupted:
                yield Result(name, "skipped")
                continue
            began_changes = began_changes or name == "launchers"
            yield Result(name, "running")
            result = await self._one(name, check)
            healthy = result.state == "ok"
            yield result
        hint: Hint = ""
        if not began_changes:
            left = "nothing was made"
            yield Result("clean-up", "ok", 0.0, left)
        elif self._keep and healthy:
            left = f"cluster {self._spec.name} is kept"
            hint = Remedy("stop", f"--cluster {self._spec.name}", "removes it")
            yield Result("clean-up", "skipped", 0.0, left, hint)
        else:
            yield Result("clean-up", "running")
            cleaned = await self._one("clean-up", self._clean_up, protected=True)
            left = "what it made was removed" if cleaned.state == "ok" else f"its clean-up failed: {cleaned.message}"
            hint = cleaned.hint
            yield cleaned
        if self._fault is not None:
            raise self._fault
        if self._interrupted:
            raise Interrupted(f"verify was interrupted; {left}", hint=plus(hint, "; " if hint else "", "run it again"))

    async def _one(self, name: CheckName, check: Callable[[], Awaitable[str]], *, protected: bool = False) -> Result:
        began = time.monotonic()
        task = asyncio.ensure_future(check())
        self._current = None if protected else task
        if self._interrupted and not protected:
            # Between two checks there was nothing that could be ended.
            task.cancel()
        try:
            message = await task
        except RaytuiError as error:
            seconds, refused = round(time.monotonic() - began, 3), isinstance(error, NotAllowed)
            return Result(name, "failed", seconds, error.message, error.hint, refused)
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
            return Result(name, "failed", round(time.monotonic() - began, 3), "interrupted")
        except Exception as error:  # noqa: BLE001 - what was made is removed first; then it is raised as it was
            self._fault = self._fault or error
            hint = Remedy("stop", f"--cluster {self._spec.name}", "removes what is left")
            return Result(
                name, "failed", round(time.monotonic() - began, 3), f"{type(error).__name__}: {error}".strip(": "), hint
            )
        finally:
            self._current = None
        return Result(name, "ok", round(time.monotonic() - began, 3), message)

    async def _connection(self) -> str:
        found = await self._platform.list(self._spec.name)
        if found:
            raise OperationFailed(
                f"cluster {self._spec.name} exists already",
                hint="choose another name with --cluster; nothing was touched",
            )
        self._spec = await self._platform.specs.complete(self._spec)
        return f"{self._platform.name} answers"

    async def _launchers(self) -> str:
        files = render()
        for name, text in files.items():
            compile(text, name, "exec")
        paths = await self._platform.store.write_launchers(self._spec.name, files)
        for name, path in paths.items():
            if await self._platform.store.read_file(path) != files[name]:
                raise OperationFailed(
                    f"{path} does not hold what was written",
                    hint="another writer, or a file system that lags: run verify again",
                )
        head, workers = self._spec.head, self._spec.workers
        self._spec = msgspec.structs.replace(
            self._spec,
            head=msgspec.structs.replace(head, script=head.script or paths["ray_head_launcher.py"]),
            workers=msgspec.structs.replace(workers, script=workers.script or paths["ray_worker_launcher.py"]),
        )
        return f"{len(paths)} launchers written and read back"

    async def _creation(self) -> str:
        await self._execute("start", wait=False, timeout=self._timeout)
        spec = self._spec
        self._unseen = {head_name(spec.name), *(worker_name(spec.name, n + 1) for n in range(spec.workers.count))}
        self._made_at = asyncio.get_running_loop().time()
        found = await self._platform.list(self._spec.name)
        self._unseen -= {app.name for app in found}
        return f"{len(found)} applications listed"

    async def _status(self) -> str:
        await self._execute("start", wait=True, timeout=self._timeout)
        self._unseen = set()
        snapshot = await self._monitor.observe()
        judged = assess(snapshot)
        if judged.verdict != "ok":
            why = judged.conditions[0].message if judged.conditions else judged.phase
            raise OperationFailed(
                f"the cluster is {judged.verdict}: {why}", hint=judged.conditions[0].hint if judged.conditions else ""
            )
        alive = join(snapshot).counts.alive
        return f"verdict ok, {alive} nodes alive"

    async def _until_listed(self) -> None:
        """Until the list shows all that was made, or its lag has passed: what no list shows, `stop` does not know."""
        while self._unseen and asyncio.get_running_loop().time() - self._made_at < LAG_S:
            await asyncio.sleep(SLOWEST_POLL_S)
            self._unseen -= {app.name for app in await self._platform.list(self._spec.name)}

    async def _clean_up(self) -> str:
        await self._until_listed()
        await self._execute("stop", wait=True, timeout=CLEAN_UP_S)
        await self._platform.forget(self._spec.name)
        left = await self._platform.list(self._spec.name)
        if left:
            raise OperationFailed(
                f"still listed: {', '.join(app.name for app in left)}",
                hint=Remedy("stop", f"--cluster {self._spec.name}", "removes them"),
            )
        return "nothing is left"

    async def _execute(self, verb: Literal["start", "stop"], *, wait: bool, timeout: float) -> None:
        plan = await self._manager.plan(verb, spec=self._spec)
        async with aclosing(self._manager.execute(plan, wait=wait, timeout=timeout)) as events:
            async for _ in events:
                pass
