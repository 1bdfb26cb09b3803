"""The applications of one project, and what becomes of them.

Everything happens by timers, so that it goes on whoever waits for it or was killed meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec

from raytui.core.marker import read as read_marker
from raytui.core.spec import place
from tests.world.faults import Faults
from tests.world.launcher import Launcher, leave
from tests.world.loop import Process
from tests.world.project import Folder
from tests.world.records import (
    FAILED,
    HEARTBEAT,
    RUNNING,
    SHARED,
    STARTING,
    STOPPED,
    STOPPING,
    App,
    Engine,
    RayNode,
    Session,
    stamp,
)


class Refused(Exception):
    """The server says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Site:
    """The truth."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, chance: random.Random, faults: Faults, tell: Callable[[str], None]
    ) -> None:
        self.loop = loop
        self.chance = chance
        self.faults = faults
        self.tell = tell
        self.folder = Folder(loop.time)
        self.apps: dict[str, App] = {}
        """Those that exist."""
        self.past: list[App] = []
        self.nodes: dict[str, RayNode] = {}
        self.sessions: list[Session] = []
        self.reports: dict[str, list[Engine]] = {}
        """By application name, the engines that wrote a report, in order."""
        self.report_lag: dict[str, float] = {}
        self.changes: list[tuple[float, Process | None, str, App]] = []
        """Every change that was honoured."""
        self.creating: dict[int, tuple[Process | None, str]] = {}
        """Creates that were accepted and whose application will appear later."""
        self.wrong: list[tuple[str, str]] = []
        """What was seen to be wrong the moment it happened."""
        self.refused_at = -1e9
        """When an application was last kept waiting for quota."""
        self.room_at = -1e9
        """When an application last found room in the quota."""
        self._count = 0

    # ------------------------------------------------------------------ questions

    def now(self) -> float:
        return self.loop.time()

    def ours(self) -> list[App]:
        """The cluster's applications that exist, in order."""
        return sorted(
            (app for app in self.apps.values() if app.ours),
            key=lambda app: (place(app.marker.group_name, app.marker.index) if app.marker else (0, "", 0), app.created),
        )

    def listed(self) -> list[dict[str, Any]]:
        """What a list shows."""
        now = self.now()
        shown = [app for app in self.apps.values() if app.shown_from <= now]
        shown += [
            app for app in self.past if app.shown_from <= now and app.hidden_from is not None and app.hidden_from > now
        ]
        return [app.to_json() for app in shown]

    def find(self, identity: str) -> App:
        app = self.apps.get(identity)
        if app is None:
            raise Refused(404, f"application {identity} not found")
        return app

    def living_session(self) -> Session | None:
        return next((session for session in reversed(self.sessions) if session.ended is None), None)

    # ------------------------------------------------------------------ applications

    def create(self, body: dict[str, Any], by: Process | None) -> App:
        name = str(body["name"])
        if self.faults.refused and name.endswith("-" + self.faults.refused) and by is not None:
            raise Refused(400, f"quota: no resources are left for {name}")
        if any(app.name == name or app.body["subdomain"] == body["subdomain"] for app in self.apps.values()):
            raise Refused(409, f"an application named {name} already exists in this project")
        if by is not None and self.folder.read(str(body["script"])) is None:
            raise Refused(400, f"script '{body['script']}' not found in project directory")
        self._count += 1
        now = self.now()
        app = App(f"{self._count:04d}-app", dict(body), by, now, read_marker(str(body.get("description") or "")))
        app.shown_from = now + self.chance.uniform(0.0, self.faults.list_lag)
        if self.faults.stuck and name.endswith("-" + self.faults.stuck) and by is not None:
            app.sticky = True
        self.apps[app.id] = app
        self._log(by, "created", app)
        self._begin(app)
        return app

    def stop(self, app: App, by: Process | None) -> None:
        self._touch(app, "stop", by)
        app.wanted = False
        if app.status == FAILED:
            app.ticket += 1
            app.status = STOPPED
            self._log(by, "stopped", app)
        elif app.status in {STARTING, RUNNING}:
            self._log(by, "stopped", app)
            self._end(app, then=lambda: None)

    def restart(self, app: App, by: Process | None) -> None:
        self._touch(app, "restart", by)
        if app.deleting or app.status == STOPPING:
            raise Refused(400, f"application {app.id} is stopping")
        if app.status in {STOPPED, FAILED}:
            if self.faults.restart_refused:
                raise Refused(400, f"application {app.id} is not running")
            app.wanted, app.restarts = True, 0
            self._log(by, "restarted", app)
            self._begin(app)
            return
        app.wanted, app.restarts = True, 0
        self._log(by, "restarted", app)
        self._end(app, then=lambda: self._begin(app))

    def delete(self, app: App, by: Process | None) -> None:
        self._touch(app, "delete", by)
        if app.deleting:
            return
        app.deleting, app.wanted = True, False
        self._log(by, "deleted", app)
        if app.status == STOPPING and self._is_stuck(app, "stopping") and self.faults.delete_frees:
            app.sticky = False
        self._end(app, then=lambda: self._remove_when_due(app))

    def drain(self, name: str) -> None:
        """A worker's launcher finds the request to drain its node."""
        for app in self.apps.values():
            engine = app.engine
            if app.name == name and engine is not None and engine.living and not engine.leaving and engine.written:
                leave(self, engine, drained=True)

    def written(self, path: str) -> None:
        """A file was written: a launcher looks once a second whether it is asked to drain."""
        if path.startswith(f"{SHARED}/drain/"):
            name = path.rpartition("/")[2]
            self.loop.call_later(
                self.chance.uniform(0.2, 1.5), lambda: self.drain(name) if self.folder.read(path) is not None else None
            )

    def release(self) -> None:
        """Free what is stuck."""
        for app in self.apps.values():
            app.sticky = False

    def _touch(self, app: App, what: str, by: Process | None) -> None:
        app.touched.append(what)
        if by is not None and not app.ours:
            self.wrong.append(
                ("foreign", f"{by.name} asked to {what} {app.name} ({app.id}), which is not of this cluster")
            )

    def _log(self, by: Process | None, what: str, app: App) -> None:
        self.changes.append((self.now(), by, what, app))
        self.tell(f"    [world] {app.name} ({app.id}) {what}" + (f" for {by.name}" if by else ""))

    def _is_stuck(self, app: App, phase: str) -> bool:
        if not app.sticky or self.faults.stuck_in != phase:
            return False
        if app.stuck_since is None:
            app.stuck_since = self.now()
            self.tell(f"    [world] {app.name} ({app.id}) is stuck in {phase} for {self.faults.stuck_for:g} s")
        return self.now() - app.stuck_since < self.faults.stuck_for

    def _after(self, seconds: float, app: App, act: Callable[[], None]) -> None:
        ticket = app.ticket

        def due() -> None:
            if app.ticket == ticket:
                act()

        self.loop.call_later(seconds, due)

    def _begin(self, app: App) -> None:
        app.ticket += 1
        app.status, app.starting, app.running, app.stopped = STARTING, self.now(), None, None
        app.waits_since = None
        self._after(self.chance.uniform(1.5, 4.0), app, lambda: self._launch(app))

    def holding(self) -> list[App]:
        """Applications of ours that hold what they asked for."""
        return [
            app
            for app in self.apps.values()
            if app.ours and app.engine is not None and app.status in {RUNNING, STOPPING}
        ]

    def cpu_held(self) -> float:
        """CPU of the applications that hold what they asked for."""
        return sum(app.cpu for app in self.holding())

    def has_room(self, cpu: float) -> bool:
        """Whether so much more CPU fits into the quota, where there is one."""
        return not self.faults.quota or self.cpu_held() + cpu <= self.faults.quota

    def _waits_for_quota(self, app: App) -> bool:
        if not app.ours or self.has_room(app.cpu):
            app.waits_since = None
            self.room_at = self.now()
            return False
        if app.waits_since is None:
            app.waits_since = self.now()
            self.tell(f"    [world] {app.name} ({app.id}) waits for quota")
        self.refused_at = self.now()
        return True

    def _launch(self, app: App) -> None:
        if self._waits_for_quota(app):
            self._after(1.0, app, lambda: self._launch(app))
            return
        if self._is_stuck(app, "starting"):
            self._after(1.0, app, lambda: self._launch(app))
            return
        self._count += 1
        skew = self.faults.skew if self.chance.random() < self.faults.skewed else 0.0
        engine = Engine(app, f"engine-{self._count}", self._count, self.now(), skew)
        app.engines.append(engine)
        app.status, app.running = RUNNING, self.now()
        if not app.ours:
            return
        if self.folder.read(str(app.body["script"])) is None:
            self.tell(f"    [world] {app.name}: its script {app.body['script']} is missing")
            if not app.deleting:
                self.wrong.append(
                    (
                        "launcher",
                        f"{app.name} was started by the platform, and its script {app.body['script']} is not in the project",
                    )
                )
            self.fail(engine)
            return
        self.reports.setdefault(app.name, []).append(engine)
        Launcher(self, engine).begin()

    def fail(self, engine: Engine) -> None:
        """The engine ends badly; the platform may start the application again."""
        app = engine.app
        engine.ended = engine.ended if engine.ended is not None else self.now()
        if app.engine is not engine or app.status != RUNNING:
            return
        app.ticket += 1
        app.status, app.stopped = FAILED, self.now()
        self.tell(f"    [world] {app.name} ({app.id}) failed")
        if self.faults.auto_restart and app.restarts < 3 and app.wanted:
            self._after(self.faults.restart_after, app, lambda: self._again(app))

    def finish(self, engine: Engine) -> None:
        """The script falls off its end."""
        app = engine.app
        engine.ended = self.now()
        if app.engine is engine and app.status == RUNNING:
            app.ticket += 1
            app.status, app.stopped = STOPPED, self.now()

    def _again(self, app: App) -> None:
        app.restarts += 1
        self.tell(f"    [world] the platform restarts {app.name} ({app.id})")
        self._begin(app)

    def _end(self, app: App, then: Callable[[], None]) -> None:
        """SIGTERM, then the end; `then` follows."""
        app.ticket += 1
        engine = app.engine if app.status in {RUNNING, STOPPING} else None
        app.status = STOPPING
        if engine is not None and engine.living:
            leave(self, engine)
        self._after(self.chance.uniform(1.0, 3.0), app, lambda: self._ended(app, then))

    def _ended(self, app: App, then: Callable[[], None]) -> None:
        if self._is_stuck(app, "stopping"):
            self._after(1.0, app, lambda: self._ended(app, then))
            return
        engine = app.engine
        if engine is not None and engine.living:
            engine.ended = self.now()
        app.status, app.stopped = STOPPING if app.deleting else STOPPED, self.now()
        then()

    def _remove_when_due(self, app: App) -> None:
        self._after(self.chance.uniform(0.1, 1.5) + self.faults.slow_delete, app, lambda: self._remove(app))

    def _remove(self, app: App) -> None:
        if self._is_stuck(app, "deleting"):
            self._after(1.0, app, lambda: self._remove(app))
            return
        app.ticket += 1
        app.gone = self.now()
        app.hidden_from = self.now() + self.chance.uniform(0.0, self.faults.list_lag)
        del self.apps[app.id]
        self.past.append(app)
        self.tell(f"    [world] {app.name} ({app.id}) is gone")

    # ------------------------------------------------------------------ reports

    def report(self, name: str) -> bytes | None:
        """A launcher's file as it is seen from outside now."""
        if self.report_lag.get(name) is None:
            self.report_lag[name] = self.chance.uniform(0.0, self.faults.report_delay)
        at = self.now() - min(self.report_lag[name], self.faults.report_delay)
        for engine in reversed(self.reports.get(name, [])):
            reported = next(((when, what) for when, what in reversed(engine.written) if when <= at), None)
            if reported is None:
                continue
            when, what = reported
            last = min(at, engine.ended if engine.ended is not None else at)
            if last > when:
                when += HEARTBEAT * ((last - when) // HEARTBEAT)
            if when < self.folder.removed_since(f"{SHARED}/nodes/{name}.json"):
                return None
            return msgspec.json.encode({**what, "at": stamp(when + engine.skew)})
        return None
