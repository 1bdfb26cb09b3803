"""The applications of one project, as they truly are, and the engines and Ray nodes that run for them.

Times are seconds of the loop. Everything happens by timers, so that it goes on whoever waits for it or was killed meanwhile.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from raytui.core.marker import Marker
from raytui.core.marker import read as read_marker
from tests.world.faults import Faults
from tests.world.loop import EPOCH, Process
from tests.world.project import Folder

CLUSTER = "rayc"
SHARED = f".raytui/{CLUSTER}"
HEARTBEAT = 10.0
STARTING, RUNNING, STOPPING, STOPPED, FAILED = (f"APPLICATION_{word}" for word in ("STARTING", "RUNNING", "STOPPING", "STOPPED", "FAILED"))


def stamp(at: float) -> str:
    """A time of the loop as RFC 3339."""
    return datetime.fromtimestamp(EPOCH + at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class RayNode:
    """One raylet."""

    node_id: str
    name: str
    engine: Engine
    session: Session
    born: float
    dead: float | None = None
    listed_dead: float | None = None
    """When Ray begins to list it as dead."""

    def alive(self, begin: float, end: float) -> bool:
        """Whether it lived at any moment of a span."""
        return self.born <= end and (self.dead is None or self.dead >= begin)


@dataclass(eq=False)
class Session:
    """One run of GCS."""

    name: str
    generation: str
    engine: Engine
    address: str
    token: str
    gcs: float
    dashboard: float
    ended: float | None = None
    nodes: list[RayNode] = field(default_factory=list)


@dataclass(eq=False)
class Engine:
    """One start of an application: its pod."""

    app: App
    id: str
    number: int
    born: float
    skew: float
    ended: float | None = None
    node: RayNode | None = None
    session: Session | None = None
    """The head's own, or the one that a worker joined."""
    leaving: bool = False
    written: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """What its launcher reported, and when it changed."""

    @property
    def living(self) -> bool:
        return self.ended is None


@dataclass(eq=False)
class App:
    """One application."""

    id: str
    body: dict[str, Any]
    made_by: Process | None
    created: float
    marker: Marker | None
    status: str = STARTING
    shown_from: float = 0.0
    starting: float = 0.0
    running: float | None = None
    stopped: float | None = None
    wanted: bool = True
    deleting: bool = False
    gone: float | None = None
    hidden_from: float | None = None
    restarts: int = 0
    engines: list[Engine] = field(default_factory=list)
    ticket: int = 0
    """Raised by every change of mind, so that timers of an older one do nothing."""
    sticky: bool = False
    """Whether the life's trouble of getting stuck is this one's."""
    stuck_since: float | None = None
    touched: list[str] = field(default_factory=list)
    """What anybody asked of it."""

    @property
    def name(self) -> str:
        return str(self.body["name"])

    @property
    def short(self) -> str:
        return self.name.removeprefix(f"{CLUSTER}-")

    @property
    def ours(self) -> bool:
        """Whether it is one of this cluster, marked as such."""
        marker = self.marker
        if marker is None or marker.cluster != CLUSTER:
            return False
        return self.name == (f"{CLUSTER}-head" if marker.role == "head" else f"{CLUSTER}-worker-{marker.index}")

    @property
    def engine(self) -> Engine | None:
        return self.engines[-1] if self.engines else None

    def to_json(self) -> dict[str, Any]:
        body = self.body
        times = {"starting_at": self.starting, "running_at": self.running, "stopped_at": self.stopped}
        return {
            "id": self.id, "name": self.name, "subdomain": body["subdomain"], "script": body["script"], "status": self.status,
            "description": body.get("description", ""), "created_at": stamp(self.created), "cpu": body.get("cpu", 1),
            "memory": body.get("memory", 1), "nvidia_gpu": body.get("nvidia_gpu", 0), "runtime_identifier": body.get("runtime_identifier", ""),
            "environment": msgspec.json.encode(body.get("environment") or {}).decode(),
            **{name: stamp(at) for name, at in times.items() if at is not None},
        }  # fmt: skip


class Refused(Exception):
    """The server says no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Site:
    """The truth."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random, faults: Faults, tell: Callable[[str], None]) -> None:
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
        self._count = 0

    # ------------------------------------------------------------------ questions

    def now(self) -> float:
        return self.loop.time()

    def ours(self) -> list[App]:
        """The cluster's applications that exist, in order."""
        return sorted((app for app in self.apps.values() if app.ours), key=lambda app: (app.marker.index if app.marker else 0, app.created))

    def listed(self) -> list[dict[str, Any]]:
        """What a list shows."""
        now = self.now()
        shown = [app for app in self.apps.values() if app.shown_from <= now]
        shown += [app for app in self.past if app.shown_from <= now and app.hidden_from is not None and app.hidden_from > now]
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

    def release(self) -> None:
        """Free what is stuck."""
        for app in self.apps.values():
            app.sticky = False

    def _touch(self, app: App, what: str, by: Process | None) -> None:
        app.touched.append(what)
        if by is not None and not app.ours:
            self.wrong.append(("foreign", f"{by.name} asked to {what} {app.name} ({app.id}), which is not of this cluster"))

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
        self._after(self.chance.uniform(1.5, 4.0), app, lambda: self._launch(app))

    def _launch(self, app: App) -> None:
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
                    ("launcher", f"{app.name} was started by the platform, and its script {app.body['script']} is not in the project")
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
            told = next(((when, what) for when, what in reversed(engine.written) if when <= at), None)
            if told is None:
                continue
            when, what = told
            last = min(at, engine.ended if engine.ended is not None else at)
            if last > when:
                when += HEARTBEAT * ((last - when) // HEARTBEAT)
            if when < self.folder.removed_since(f"{SHARED}/nodes/{name}.json"):
                return None
            return msgspec.json.encode({**what, "at": stamp(when + engine.skew)})
        return None


def leave(site: Site, engine: Engine, *, drained: bool = False) -> None:
    """The launcher was asked to end: Ray drains and goes, and says so."""
    if engine.leaving or not engine.living:
        return
    engine.leaving = True
    launcher = Launcher(site, engine)
    launcher.report("draining", "ending Ray, for up to 45 s")
    if engine.app.marker is not None and engine.app.marker.role == "head":
        site.folder.remove(f"{SHARED}/rendezvous.json")

    def gone() -> None:
        if engine.living:
            node_ends(site, engine, polite=True)
            launcher.report("ended", "drained on request" if drained else "on request")
            if drained:
                site.finish(engine)

    site.loop.call_later(site.chance.uniform(0.3, 0.9), gone)


def node_ends(site: Site, engine: Engine, *, polite: bool) -> None:
    """The raylet of an engine is no more, and with a head its whole session."""
    now = site.now()
    node, session = engine.node, engine.session
    if node is not None and node.dead is None:
        node.dead = now
        node.listed_dead = now + (0.4 if polite else max(site.faults.corpse, 0.4))
    if session is not None and session.engine is engine and session.ended is None:
        session.ended = now
        for other in session.nodes:
            if other.dead is None:
                other.dead = now
            if other.engine is not engine and other.engine.living and other.engine.node is other:
                Launcher(site, other.engine).lost_head()


class Launcher:
    """What the script of a node does, and what it writes about itself."""

    def __init__(self, site: Site, engine: Engine) -> None:
        self.site = site
        self.engine = engine
        self.app = engine.app
        assert engine.app.marker is not None
        self.role = engine.app.marker.role

    def begin(self) -> None:
        self.report("starting")
        token_path = (self.app.body.get("environment") or {}).get("RAY_AUTH_TOKEN_PATH", "")
        token = self.site.folder.read(token_path) if token_path else b""
        if token is None:
            self._later(1.0, lambda: self.broken(f"the token file {token_path} does not exist"))
            return
        self.token = token.decode().strip()
        if self.role == "head":
            self._later(self.site.chance.uniform(1.0, 3.0), self._gcs)
        else:
            self._later(0.3, self.look_for_head)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.site.loop.call_later(seconds, lambda: act() if self.engine.living and not self.engine.leaving else None)

    def report(self, state: str, message: str = "") -> None:
        engine, node, session = self.engine, self.engine.node, self.engine.session
        if not engine.living:
            return
        engine.written.append((self.site.now(), {
            "application": self.app.name, "cluster": CLUSTER, "role": self.role, "engine_id": engine.id, "pid": 1, "ray_pid": 2, "state": state,
            "node_id": node.node_id if node else "", "generation": session.generation if session else "",
            "address": session.address if session else "", "ip": f"10.0.0.{engine.number % 250}", "ray_version": "2.60.0",
            "python_version": "3.11", "message": message, "hint": "",
        }))  # fmt: skip

    def broken(self, message: str) -> None:
        """The launcher gives up: its script raises."""
        self.report("failed", message)
        node_ends(self.site, self.engine, polite=False)
        self.site.fail(self.engine)

    def _gcs(self) -> None:
        site, engine, now = self.site, self.engine, self.site.now()
        number = len(site.sessions) + 1
        ip = f"10.0.{engine.number // 250}.{engine.number % 250}"
        session = Session(f"session_{number}", f"g{number}", engine, f"{ip}:6379", self.token, now, now + site.chance.uniform(0.2, 1.5))
        site.sessions.append(session)
        engine.session = session
        site.folder.write(f"{SHARED}/rendezvous.json", msgspec.json.encode({
            "cluster": CLUSTER, "generation": session.generation, "address": session.address, "cluster_id": session.name,
            "dashboard_url": f"http://{ip}:8265", "ray_version": "2.60.0", "python_version": "3.11", "written_at": stamp(now),
        }))  # fmt: skip
        self.report("joining", f"GCS answers at {session.address}")
        self._later(site.chance.uniform(0.5, 2.0), lambda: self._alive(session))

    def _alive(self, session: Session) -> None:
        site, engine = self.site, self.engine
        if session.ended is not None:
            self.look_for_head()
            return
        node = RayNode(f"node{len(site.nodes) + 1:04d}" + "0" * 48, self.app.name, engine, session, site.now())
        site.nodes[node.node_id] = node
        session.nodes.append(node)
        engine.node, engine.session = node, session
        self._later(site.chance.uniform(0.05, 0.5), lambda: self.report("alive") if engine.node is node and node.dead is None else None)

    def look_for_head(self) -> None:
        """A worker waits for a head that answers, and joins it."""
        site = self.site
        session = site.living_session()
        told = site.folder.read(f"{SHARED}/rendezvous.json")
        if session is None or told is None or session.generation not in told.decode():
            if not self.engine.written or self.engine.written[-1][1]["state"] != "waiting":
                self.report("waiting", "no head yet")
            self._later(1.0, self.look_for_head)
            return
        if session.token != self.token:
            self.broken("the head refused this node's token")
            return
        self.engine.session = session
        self.report("joining", f"the head is at {session.address}")
        self._later(site.chance.uniform(0.5, 3.0), lambda: self._alive(session))

    def lost_head(self) -> None:
        """The head of this worker's node died; the launcher hears of it, and waits for the next."""
        node, session = self.engine.node, self.engine.session

        def complain() -> None:
            if self.engine.node is node:
                self.report("alive", "the head does not answer: connection refused")
                follow()

        def follow() -> None:
            if self.engine.node is not node:
                return
            following = self.site.living_session()
            moved = following is not None and following is not session
            if moved or (node is not None and node.dead is not None and self.site.now() - node.dead > 61.0):
                self.engine.node = None
                self.token = session.token if session else ""
                self.begin_again()
            else:
                self._later(1.0, follow)

        self._later(self.site.chance.uniform(0.5, 5.0), complain)

    def begin_again(self) -> None:
        self.engine.session = None
        self.report("waiting", "lost the head, waits for it to come back")
        self._later(1.0, self.look_for_head)

    def killed(self, how: str) -> None:
        """The node ends without a word: its raylet alone, or the whole pod."""
        site, engine = self.site, self.engine
        site.tell(f"    [world] {self.app.name}: {how} dies")
        node_ends(site, engine, polite=False)
        if how == "the raylet":
            self._later(site.chance.uniform(0.9, 3.5), lambda: self.broken("the raylet is gone"))
        else:
            engine.ended = site.now()
            site.fail(engine)
