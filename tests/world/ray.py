"""What answers as Ray's dashboard: the living session's own view, in which a dead node stays alive for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from raytui.core.errors import Failure, NotFound, Unreachable
from raytui.core.observed.snapshot import Amount, Job, Node, RayEvent, RayVersion, Usage
from raytui.core.observed.workload import ServeDeployment
from raytui.core.protocols.dashboard import Dashboard, DashboardTarget, Workload
from tests.world.api import Oddity
from tests.world.loop import EPOCH, Killed, Process
from tests.world.records import RayNode, Session
from tests.world.site import Site


class WorldDashboard(Dashboard):
    """The dashboard behind one address."""

    def __init__(self, site: Site, process: Process, oddity: Oddity, target: DashboardTarget) -> None:
        self._site = site
        self._process = process
        self._oddity = oddity
        self._target = target

    @property
    def workload(self) -> Workload:
        raise AssertionError("nobody in the world asks what runs on Ray")

    async def version(self) -> RayVersion:
        session = await self._session()
        return RayVersion("2.60.0", session.name)

    async def gcs_alive(self) -> bool:
        await self._session(public=True)
        return True

    async def nodes(self) -> tuple[Node, ...]:
        session = await self._session()
        return tuple(self._node(node) for node in session.nodes)

    async def node_stats(self) -> Mapping[str, Node]:
        session = await self._session()
        return {node.node_id: Node(node.node_id, "", "", self._node(node).state) for node in session.nodes}

    async def usage(self) -> Usage:
        session = await self._session()
        alive = sum(self._node(node).state == "ALIVE" for node in session.nodes)
        return Usage({"CPU": Amount(float(alive), 0.0)})

    async def jobs(self) -> tuple[Job, ...]:
        await self._session()
        return ()

    async def serve(self) -> tuple[ServeDeployment, ...]:
        await self._session()
        return ()

    async def events(self) -> tuple[RayEvent, ...]:
        await self._session()
        return ()

    async def log_files(self, node_id: str) -> tuple[str, ...]:
        raise NotFound(f"no logs of {node_id}")

    async def log_tail(self, node_id: str, filename: str, lines: int) -> bytes:
        raise NotFound(f"no {filename} of {node_id}: {lines}")

    async def log_stream(self, node_id: str, filename: str, lines: int, *, follow: bool = True) -> AsyncIterator[bytes]:
        raise NotFound(f"no {filename} of {node_id}: {lines}")
        yield b""

    async def close(self) -> None:
        pass

    def _node(self, node: RayNode) -> Node:
        dead = node.listed_dead is not None and self._site.now() >= node.listed_dead
        return Node(
            node.node_id, node.name, node.session.address.partition(":")[0], "DEAD" if dead else "ALIVE", is_head=node.engine is node.session.engine,
            started_at=EPOCH + node.born, ended_at=EPOCH + node.listed_dead if dead and node.listed_dead else 0.0,
            reason="UNEXPECTED_TERMINATION" if dead else "", resources={"CPU": 1.0},
        )  # fmt: skip

    async def _session(self, *, public: bool = False) -> Session:
        """The session that answers, after a moment; raises `Unreachable` as the real client does."""
        if not self._process.alive:
            raise Killed
        site = self._site
        if self._oddity.due():
            site.tell("    [odd] a question to the dashboard raises")
            raise self._oddity.error()
        if site.faults.dashboard_errors and site.chance.random() < site.faults.dashboard_errors:
            await asyncio.sleep(site.chance.choice((0.1, 2.0 if public else 5.0)))
            raise Unreachable(
                Failure(
                    "dashboard", "NoAnswer", "the dashboard took the request and did not answer", "raytui logs head"
                )
            )
        await asyncio.sleep(site.chance.uniform(0.005, 0.03))
        host = urlsplit(self._target.url).hostname or ""
        inside = host.startswith("10.0.")
        session = site.living_session()
        there = session is not None and site.now() >= session.dashboard
        if (
            session is None
            or not there
            or not (session.address.startswith(host + ":") if inside else self._serves(session, host))
        ):
            if inside:
                raise Unreachable(
                    Failure(
                        "dashboard",
                        "ConnectionRefused",
                        f"nothing listens on {host}",
                        "raytui logs head",
                        conclusive=True,
                    )
                )
            raise Unreachable(
                Failure(
                    "application", "NothingListens", f"nothing answers behind {host} (status 502)", "raytui logs head"
                )
            )
        if not public and self._target.ray_headers.get("X-Ray-Authorization", "") != f"Bearer {session.token}":
            raise Unreachable(
                Failure(
                    "login", "TokenWrong", f"Ray at {host} refused the token", "RAY_AUTH_TOKEN gives the token itself"
                )
            )
        return session

    @staticmethod
    def _serves(session: Session, host: str) -> bool:
        return host.partition(".")[0] == session.engine.app.body["subdomain"] and session.engine.living
