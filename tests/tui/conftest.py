"""One time zone, one clock and one way to run the console for every test of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from raytui.core.observed.snapshot import LauncherReport, Snapshot
from raytui.tui.app import RaytuiApp
from raytui.tui.screens.cluster import ClusterScreen
from tests.tui.fakes import SPEC, Clock, FakeSession, as_session
from tests.unit.core import values

DEADLINE_S = 20.0


@pytest.fixture(autouse=True)
def _utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def application(index: int = 0, state: str = "running", **more: Any) -> Any:
    """An application that carries the spec it was made from, running for 2 h 14 min."""
    report = LauncherReport(state="alive", ray_version="2.60.0", at=values.NOW - 5)
    fields = {
        "started_at": values.NOW - 8040,
        "spec_json": msgspec.json.encode(SPEC).decode(),
        "cpu": 1.0,
        "memory": 2.0,
        "launcher": report,
    }
    return values.application(index, state, **{**fields, **more})


def node(index: int = 0, state: str = "ALIVE", **more: Any) -> Any:
    """Its node, with figures when it lives."""
    alive = {
        "ip": f"10.0.0.{index + 5}",
        "cpu_percent": (12.0, 88.0, 40.0)[index % 3],
        "memory_used": (3.1e9, 41e9, 12e9)[index % 3],
        "memory_total": (8e9, 64e9, 64e9)[index % 3],
        "object_store_used": (0.2e9, 9.1e9, 3e9)[index % 3],
        "disk_used": 40e9,
        "disk_total": 100e9,
        "sampled_at": values.NOW - 1,
    }
    fields = (
        {name: int(value) if name.endswith(("used", "total")) else value for name, value in alive.items()}
        if state == "ALIVE"
        else {}
    )
    return values.node(index, state, **{**fields, **more})


def healthy(workers: int = 2, **more: Any) -> Snapshot:
    """Everything runs."""
    indexes = range(workers + 1)
    return values.snapshot(tuple(application(n) for n in indexes), tuple(node(n) for n in indexes), **more)


def with_dead_worker(**more: Any) -> Snapshot:
    """worker-2's node died 14 s ago."""
    dead = node(2, "DEAD", message="health check failed 5 times", ended_at=values.NOW - 14)
    return values.snapshot(tuple(application(n) for n in range(3)), (node(0), node(1), dead), **more)


def absent(**more: Any) -> Snapshot:
    """No application at all."""
    return values.snapshot((), (), **more)


class Console:
    """A running console with its fakes, and waiting with a deadline."""

    def __init__(self, session: FakeSession, clock: Clock, app: RaytuiApp, pilot: Any) -> None:
        self.session, self.clock, self.app, self.pilot = session, clock, app, pilot

    @property
    def cluster(self) -> ClusterScreen:
        """The screen of the cluster."""
        return self.app.cluster

    async def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = asyncio.get_running_loop().time() + DEADLINE_S
        while not condition():
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"waited {DEADLINE_S:g} s for {what}; the screen shows:\n{self.screen()}")
            await self.pilot.pause()

    async def show(self, snapshot: Snapshot) -> None:
        """Hand out a snapshot and wait until it was drawn."""
        self.session.monitor.put(snapshot)
        await self.until(
            lambda: self.cluster.latest is not None and self.cluster.latest.snapshot is snapshot,
            "the snapshot to arrive",
        )
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def screen(self) -> str:
        """What is painted, as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in lines)


async def run_console(
    body: Callable[[Console], Awaitable[None]],
    session: FakeSession | None = None,
    size: tuple[int, int] = (80, 24),
    **more: Any,
) -> RaytuiApp:
    """Run the console headless, do what the test does, and answer the app."""
    session = session or FakeSession()
    clock = Clock(values.NOW + 1)
    app = RaytuiApp(
        session.settings, lambda: as_session(session), clock=clock, ascii_only=more.pop("ascii_only", False)
    )
    async with app.run_test(size=size) as pilot:
        await body(Console(session, clock, app, pilot))
    return app
