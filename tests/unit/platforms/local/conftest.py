"""A local platform whose launchers are fakes: real processes, no Ray."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raytui.core.marker import Marker
from raytui.core.observed.snapshot import Application
from raytui.core.protocols.platform import CreateRequest
from raytui.platforms.local import LocalPlatform, launch, ports, processes

FAKE = Path(__file__).with_name("fake_launcher.py")
CLUSTER = "unit"
RAY_PORT = ports.pick(0, ())
DASHBOARD_PORT = ports.pick(0, (RAY_PORT,))


class World:
    """One state directory, its platform, and what the tests ask of them."""

    def __init__(self, state: Path, venv: Path) -> None:
        self.state = state
        self.venv = venv
        self.platform = LocalPlatform(state, venv=venv, stop_timeout=5.0)
        self.root = (state / "local").resolve()
        self.shared = self.root / CLUSTER

    def request(self, short: str = "head", fake: str = "", cluster: str = CLUSTER, **more: Any) -> CreateRequest:
        index = 0 if short == "head" else int(short.rpartition("-")[2])
        name = f"{cluster}-{short}"
        marker = Marker(
            cluster, "worker" if index else "head", index, "0123456789ab", RAY_PORT, DASHBOARD_PORT, run="run-1"
        )
        environment = {
            "RAYTUI_CLUSTER": cluster,
            "RAYTUI_APPLICATION": name,
            "RAY_AUTH_MODE": "disabled",
            "FAKE": fake,
        } | more
        return CreateRequest(name, marker, 1.0, 2.0, 0, environment, spec_json='{"name":"unit"}')

    async def create(self, short: str = "head", fake: str = "", **more: Any) -> Application:
        await self.launchers(more.get("cluster", CLUSTER))
        return await self.platform.create(self.request(short, fake, **more))

    async def launchers(self, cluster: str = CLUSTER) -> dict[str, str]:
        data = FAKE.read_bytes()
        return await self.platform.store.write_launchers(
            cluster, {"ray_head_launcher.py": data, "ray_worker_launcher.py": data}
        )

    async def app(self, short: str = "head") -> Application | None:
        return next((app for app in await self.platform.list(CLUSTER) if app.short == short), None)

    async def reaches(self, state: str, short: str = "head", message: str | None = None) -> Application:
        async def look() -> Application | None:
            app = await self.app(short)
            return app if app is not None and app.state == state and message in {None, app.message} else None

        return await eventually(look, f"{short} to be {state}: {message}", lambda: self.app(short))

    async def running(self, short: str = "head", fake: str = "", **more: Any) -> Application:
        await self.create(short, fake, **more)
        return await self.reaches("running", short)

    def pid(self, app: Application) -> int:
        return int(app.raw_state.split()[1])

    async def kill_all(self) -> None:
        async def none_left() -> bool:
            left = self.ours() or self.ours()
            for process in left:
                processes.send(process, signal.SIGKILL)
            return not left

        await eventually(none_left, "the last process to end")

    def ours(self) -> list[processes.Process]:
        """Every living process that belongs to an application of this state directory."""
        table = processes.own()
        return list(processes.belonging(table, processes.marked(table, self.root), lambda _: True).values())


async def eventually(
    look: Callable[[], Awaitable[Any]],
    what: str,
    now: Callable[[], Awaitable[Any]] | None = None,
    seconds: float = 20.0,
) -> Any:
    deadline = time.monotonic() + seconds
    while True:
        found = await look()
        if found:
            return found
        if time.monotonic() > deadline:
            seen = await now() if now else found
            pytest.fail(f"waited {seconds:g} s for {what}; now: {seen}")
        await asyncio.sleep(0.02)


@pytest.fixture
def temp_root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A stand-in for /tmp, as short as Ray's socket paths ask for."""
    with tempfile.TemporaryDirectory(prefix="rt", dir="/tmp") as name:
        monkeypatch.setattr(launch, "TEMP_ROOT", Path(name))
        yield Path(name)


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    folder = tmp_path / "venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    ray = folder / "ray"
    ray.write_text("#!/bin/sh\n")
    ray.chmod(0o755)
    (folder.parent / "lib" / "python3.11" / "site-packages" / "ray-2.60.0.dist-info").mkdir(parents=True)
    return folder.parent


@pytest.fixture
async def world(tmp_path: Path, temp_root: Path, venv: Path) -> AsyncIterator[World]:
    one = World(tmp_path / "state", venv)
    yield one
    await one.kill_all()


@pytest.fixture(autouse=True)
def stranger_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person's shell may hold and a launcher must not get."""
    for name in [name for name in os.environ if name.startswith(("RAY_", "RAYTUI_", "CDSW_", "CML_"))]:
        monkeypatch.delenv(name)
