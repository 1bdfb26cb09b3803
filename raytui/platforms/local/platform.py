"""The local platform: an application is one detached process here, and the process table is the truth about it."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from raytui.core.errors import Failure, RaytuiError, Unreachable
from raytui.core.observed.snapshot import Application
from raytui.core.platforms import PlatformName
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.protocols.platform import CreateRequest
from raytui.core.remedy import Remedy
from raytui.platforms.local import observe, records
from raytui.platforms.local.disk import read_within, to_the_end
from raytui.platforms.local.ending import Ending, kill_now, of_application
from raytui.platforms.local.files import Folder, explained
from raytui.platforms.local.listener import HeadListener
from raytui.platforms.local.specs import LocalSpecs
from raytui.platforms.local.store import LocalStore
from raytui.platforms.local.venv import default_venv
from raytui.system.backoff import Backoff
from raytui.system.files import private_directory, write_whole

FIRST_POLL_S = 0.05
SLOWEST_POLL_S = 0.5


class LocalPlatform:
    """Applications of this user on this machine, under one state directory.

    `state_dir` is raytui's state directory; `venv` is where Ray is installed, by default the environment that raytui
    runs in when it has Ray, else ~/.venv. `clock` gives the time that is written down, in seconds since 1970.
    `stop_timeout` is how many seconds an application may take to end before it is killed; Ray itself needs up to 30 s
    for a busy node.
    """

    name: PlatformName = "local"

    def __init__(
        self,
        state_dir: Path,
        *,
        venv: Path | None = None,
        clock: Callable[[], float] = time.time,
        stop_timeout: float = 45.0,
    ) -> None:
        self._root = root = Path(os.path.realpath(state_dir.expanduser())) / "local"
        self.store = LocalStore(root)
        self.specs = LocalSpecs(root, venv)
        self._venv = venv
        self._clock = clock
        self._stop_timeout = stop_timeout
        self._listener: HeadListener | None = None

    async def list(self, cluster: str | None = None) -> tuple[Application, ...]:
        """The applications of one cluster or of all, head first, workers by index.

        Raises `OperationFailed` when no record can be read.
        """
        return await read_within("the list of local applications", lambda: observe.listed(self._root, cluster))

    async def conflicts(  # a local name is inside our own state directory
        self,
        names: tuple[str, ...],  # noqa: ARG002
        cluster: str = "",  # noqa: ARG002
    ) -> tuple[str, ...]:
        """None: nobody else makes applications here."""
        return ()

    @property
    def appears_within(self) -> float:
        """The records are the list."""
        return 0.0

    async def holdings(self) -> None:
        """None: this machine keeps no account of who may have what."""

    async def prepare(self, requests: Sequence[CreateRequest]) -> None:
        """Nothing: what an application needs is made under the lock that it is made under."""

    async def create(self, request: CreateRequest, *, until: float = math.inf) -> Application:  # noqa: ARG002
        """Start one application. Cancelled, it leaves nothing behind.

        Raises `OperationFailed` when an application of that name runs already, or when it cannot be started: then
        nothing of it exists.
        """
        from raytui.platforms.local import changes

        folder = Folder(self._root, request.marker.cluster)
        listed = {application.name: application for application in await self.list(request.marker.cluster)}
        old = listed.get(request.name)
        if old is not None and old.state in {"failed", "stopped"}:
            # Nothing of the earlier run may live beside the new one.
            await self._end(old)

        def make() -> Application:
            return observe.application(
                folder, changes.make(self._root, request, self._venv or default_venv(), self._clock)
            )

        def undo(application: Application) -> None:
            kill_now(folder, application.name)
            changes.forget(self._root, application)
            changes.clear(self._root, application.cluster)

        try:
            return await to_the_end(make, undo)
        except RaytuiError:
            # What was prepared for a cluster that did not come to be goes with it; the error that is reported stays the
            # first one.
            with suppress(RaytuiError):
                await self.forget(request.marker.cluster)
            raise

    async def stop(self, application: Application, *, wait: bool = True) -> None:
        """End the application and wait until nothing of it is left; its record stays. What is gone already is fine.

        Cancelled, or without `wait`, it has been asked to end and does so by itself, but nothing kills what does not.
        Raises `DeadlineExceeded` when a process cannot even be killed.
        """
        from raytui.platforms.local import changes

        record = await to_the_end(lambda: changes.mark_stopped(self._root, application, self._clock, ended=False))
        if record is None:
            return
        if not wait:
            await self._ask_to_end(application)
            return
        await self._end(application)
        await to_the_end(lambda: changes.mark_stopped(self._root, application, self._clock, ended=True))

    async def restart(self, application: Application) -> Application:
        """Stop the application and run its launcher again with the same settings.

        Raises `NotFound` when it was removed meanwhile.
        """
        from raytui.platforms.local import changes

        await self.stop(application)
        await to_the_end(lambda: changes.start_again(self._root, application, self._clock))
        return application

    async def delete(self, application: Application, *, wait: bool = True) -> None:
        """Stop the application and forget it.

        With the last one of a cluster go its token, its launchers and Ray's temporary files.

        Without `wait` it is asked to end, and a later look forgets it once nothing of it runs.
        """
        from raytui.platforms.local import changes

        if not wait:
            if (
                await to_the_end(
                    lambda: changes.mark_stopped(self._root, application, self._clock, ended=False, deleted=True)
                )
                is not None
            ):
                await self._ask_to_end(application)
            return
        await self.stop(application)
        await to_the_end(lambda: changes.forget(self._root, application))
        await self.forget(application.cluster)

    async def forget(self, cluster: str) -> None:
        """Remove what a cluster without applications left in its folder, all but its newest logs.

        Nothing while it has one.
        """
        from raytui.platforms.local import changes

        lost = await to_the_end(lambda: changes.clear(self._root, cluster))
        if lost:
            await self._carry_out(
                Ending(self._root, cluster, lambda mark: mark.application_id in lost, timeout=self._stop_timeout)
            )
            await to_the_end(lambda: changes.clear(self._root, cluster))

    async def drain(self, application: Application, timeout: float) -> bool:
        """Ask the launcher to let the node finish its tasks and leave.

        True when the application ended within `timeout` seconds.
        """
        folder = Folder(self._root, application.cluster)
        deadline, backoff = time.monotonic() + timeout, Backoff(FIRST_POLL_S, SLOWEST_POLL_S)

        def ask() -> None:
            path = folder.drain / application.name
            with explained("asking the launcher to drain", path):
                private_directory(folder.drain)
                write_whole(path, b"")

        def ended() -> bool:
            record = records.load(folder, application.name)
            return record is None or record.id != application.id or not observe.launcher_lives(record)

        if await read_within(f"the record of {application.name}", ended):
            return True
        await to_the_end(ask)
        while not await read_within(f"the record of {application.name}", ended):
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(min(backoff.next(), max(0.0, deadline - time.monotonic())))
        return True

    async def dashboard(self, head: Application) -> DashboardTarget:
        """The dashboard on the loopback address, for the head's own socket and for no other.

        It gets the cluster's token if there is one. Raises `Unreachable` when the head has no port.
        """
        if not head.dashboard_port:
            raise Unreachable(
                Failure(
                    "dashboard",
                    "NoDashboardPort",
                    f"{head.name} says no dashboard port",
                    Remedy("restart", "head", "starts it with one"),
                )
            )
        folder = Folder(self._root, head.cluster)
        url = f"http://127.0.0.1:{head.dashboard_port}"

        def read() -> tuple[str, HeadListener]:
            record = records.load(folder, head.name)
            pid, start = (record.pid, record.start) if record is not None and record.id == head.id else (0, 0)
            try:
                token = folder.token.read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                token = ""
            return token, HeadListener(head.name, pid, start, head.dashboard_port)

        token, listener = await read_within("the cluster's token", read)
        # The one that is known already remembers the sockets that it found.
        self._listener = self._listener if self._listener == listener else listener
        login = {"Authorization": f"Bearer {token}"} if token else {}
        return DashboardTarget(
            url, token_file=str(folder.token) if token else "", ray_headers=login, listener=self._listener
        )

    async def close(self) -> None:
        """Nothing to let go of: the applications live on."""

    async def _end(self, application: Application) -> None:
        await self._carry_out(self._ending(application))

    async def _ask_to_end(self, application: Application) -> None:
        """Begin an ending that nobody waits for.

        As far as the launcher being asked, or to the end where there is none to ask.
        """
        ending = self._ending(application)
        while not await to_the_end(ending.step) and not ending.is_asked:  # noqa: ASYNC110 - nothing reports their end
            await asyncio.sleep(FIRST_POLL_S)

    def _ending(self, application: Application) -> Ending:
        chosen = of_application(Folder(self._root, application.cluster), application.name)
        return Ending(self._root, application.name, chosen, application.script, timeout=self._stop_timeout)

    @staticmethod
    async def _carry_out(ending: Ending) -> None:
        backoff = Backoff(FIRST_POLL_S, SLOWEST_POLL_S)
        while not await to_the_end(ending.step):  # noqa: ASYNC110 - nothing reports their end
            await asyncio.sleep(backoff.next())
