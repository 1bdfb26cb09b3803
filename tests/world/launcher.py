"""What the scripts of the nodes do, and what they write about themselves; and how a raylet ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from tests.world.records import CLUSTER, SHARED, Engine, RayNode, Session, stamp

if TYPE_CHECKING:
    from tests.world.site import Site


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
        session = Session(
            f"session_{number}",
            f"g{number}",
            engine,
            f"{ip}:6379",
            self.token,
            now,
            now + site.chance.uniform(0.2, 1.5),
        )
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
        self._later(
            site.chance.uniform(0.05, 0.5),
            lambda: self.report("alive") if engine.node is node and node.dead is None else None,
        )

    def look_for_head(self) -> None:
        """A worker waits for a head that answers, and joins it."""
        site = self.site
        session = site.living_session()
        reported = site.folder.read(f"{SHARED}/rendezvous.json")
        if session is None or reported is None or session.generation not in reported.decode():
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
