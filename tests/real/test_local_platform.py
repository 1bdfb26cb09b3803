"""The local platform with real Ray: one cluster for the whole module, its life told in order."""

# ruff: noqa: ASYNC220  # nothing else runs in a test's loop

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytui.core.desired.application_request import create_request
from raytui.core.observed.snapshot import Application
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.manager.launchers import render
from raytui.platforms.local import LocalPlatform, launch, processes

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]
NAME = "real-local"
ALIVE_S = 150.0


class Cluster:
    """The platform, asked anew in each test as another raytui would."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.root = (state / "local").resolve()
        self.spec = ClusterSpec()

    @property
    def platform(self) -> LocalPlatform:
        return LocalPlatform(self.state, venv=Path(sys.prefix))

    async def apps(self) -> dict[str, Application]:
        return {app.short: app for app in await self.platform.list(NAME)}

    async def reaches(self, short: str, state: str, seconds: float = ALIVE_S) -> Application:
        deadline, app = time.monotonic() + seconds, None
        while time.monotonic() < deadline:
            app = (await self.apps()).get(short)
            if app is not None and app.state == state:
                return app
            if app is not None and app.state == "failed":
                break
            await asyncio.sleep(0.2)
        pytest.fail(f"waited for {short} to be {state}; now: {app}")

    async def joined(self, *names: str, seconds: float = ALIVE_S) -> None:
        """Wait until Ray lists just these nodes as alive."""
        deadline = time.monotonic() + seconds
        while (alive := set(await self.nodes_alive())) != set(names):
            assert time.monotonic() < deadline, f"{alive} are alive after {seconds} s; now: {await self.apps()}"
            await asyncio.sleep(0.2)

    def ours(self) -> dict[int, processes.Process]:
        table = processes.own()
        return processes.belonging(table, processes.marked(table, self.root), lambda mark: mark.shared.name == NAME)

    async def nodes_alive(self) -> list[str]:
        target = await self.platform.dashboard((await self.apps())["head"])
        request = urllib.request.Request(f"{target.url}/api/v0/nodes?limit=100", headers=target.ray_headers)

        def ask() -> list[str]:
            with urllib.request.urlopen(request, timeout=20) as answer:
                rows = json.load(answer)["data"]["result"]["result"]
            return sorted(row["node_name"] for row in rows if row["state"] == "ALIVE")

        return await asyncio.to_thread(ask)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    one = Cluster(tmp_path_factory.mktemp("local") / "state")
    yield one
    for process in one.ours().values():
        processes.send(process, signal.SIGKILL)
    launch.remove_temp_dir(one.root, NAME)


async def test_a_head_and_a_worker_come_up_and_ray_knows_both(cluster: Cluster) -> None:
    platform = cluster.platform
    small = {"cpu": 1.0, "memory": 1.0}
    asked = ClusterSpec(
        name=NAME, ray_port="auto", dashboard_port="auto", head=HeadSpec(**small), workers=WorkersSpec(**small)
    )
    cluster.spec = await platform.specs.resolve_ports(asked)
    assert [check for check in await platform.specs.preflight(cluster.spec) if check.status == "fail"] == []
    await platform.store.write_launchers(NAME, render())
    for name in (f"{NAME}-head", f"{NAME}-worker-1"):
        await platform.create(create_request(cluster.spec, name))
    head, worker = await cluster.reaches("head", "running"), await cluster.reaches("worker-1", "running")
    assert await cluster.nodes_alive() == [head.name, worker.name]
    assert head.launcher is not None
    assert worker.launcher is not None
    assert head.launcher.ray_version.startswith("2.")
    assert worker.launcher.generation == head.launcher.generation or worker.launcher.address.endswith(
        f":{cluster.spec.ray_port}"
    )
    assert b"alive" in (await platform.store.tail(head)).data


async def test_every_process_of_ray_is_known_to_be_ours(cluster: Cluster) -> None:
    """Ray's dashboard modules write over their environment, its agents leave their process group: none may be overlooked."""
    temp = str(launch.temp_dir(cluster.root, NAME))
    mentioning = {pid for pid in processes.own() if any(temp in word for word in processes.command(pid))}
    assert mentioning
    assert mentioning <= cluster.ours().keys()
    titles = {process.name for process in cluster.ours().values()}
    assert {"raylet", "gcs_server"} <= titles
    assert any(title.startswith("ray-dashboard") for title in titles)


async def test_a_taken_port_names_the_running_cluster(cluster: Cluster) -> None:
    other = ClusterSpec(name="other", ray_port=cluster.spec.ray_port, dashboard_port="auto")
    (check,) = [check for check in await cluster.platform.specs.preflight(other) if check.field == "ray_port"]
    assert check.status == "fail"
    assert "gcs_server" in check.message or f"{NAME}-head" in check.message


async def test_a_killed_raylet_shows_and_restart_mends_it(cluster: Cluster) -> None:
    worker = (await cluster.apps())["worker-1"]
    launcher = int(worker.raw_state.split()[1])
    table = processes.own()
    (node,) = [process for process in table.values() if process.parent == launcher]
    (ray,) = [process for process in table.values() if process.parent == node.pid]
    (raylet,) = [process for process in table.values() if process.parent == ray.pid and process.name == "raylet"]
    os.kill(raylet.pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while (app := (await cluster.apps())["worker-1"]).state != "failed":
        assert app.state in {"running", "unknown", "stopping"}
        assert time.monotonic() < deadline, f"the application is still {app}"
        await asyncio.sleep(0.1)
    assert app.message
    await cluster.platform.restart(app)
    again = await cluster.reaches("worker-1", "running")
    assert again.id == worker.id
    # Ray lists the killed node as alive for another 15 s, beside the new one.
    assert set(await cluster.nodes_alive()) == {f"{NAME}-head", f"{NAME}-worker-1"}


async def test_a_restarted_head_takes_its_workers_along(cluster: Cluster) -> None:
    """Ray itself refuses a head at an address that a living raylet still names, and a raylet never moves to another head."""
    before = await cluster.apps()
    await cluster.platform.restart(before["head"])
    head = await cluster.reaches("head", "running")
    assert head.launcher is not None
    assert before["head"].launcher is not None
    assert head.launcher.generation != before["head"].launcher.generation
    await cluster.joined(f"{NAME}-head", f"{NAME}-worker-1")
    assert (await cluster.apps())["worker-1"].raw_state.split()[:2] == before["worker-1"].raw_state.split()[:2]


async def test_a_drained_worker_leaves(cluster: Cluster) -> None:
    worker = (await cluster.apps())["worker-1"]
    assert await cluster.platform.drain(worker, 40)
    assert (await cluster.apps())["worker-1"].state == "stopped"
    await cluster.platform.delete(worker)
    assert (await cluster.apps()).keys() == {"head"}


async def test_what_a_killed_launcher_leaves_is_ended_and_a_stranger_is_not(cluster: Cluster) -> None:
    head = (await cluster.apps())["head"]
    with subprocess.Popen(["sleep", "600"]) as stranger:
        try:
            os.kill(int(head.raw_state.split()[1]), signal.SIGKILL)
            await cluster.platform.delete(head)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert cluster.ours() == {}
    assert await cluster.platform.list(NAME) == ()
    temp = launch.temp_dir(cluster.root, NAME)
    assert not temp.exists()
    assert [pid for pid in processes.own() if any(str(temp) in word for word in processes.command(pid))] == []
    assert {path.name for path in (cluster.root / NAME).iterdir()} == {"logs"}
