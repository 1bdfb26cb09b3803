from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from raytui.core.protocols.platform import Check
from raytui.core.remedy import as_commands
from raytui.core.spec import ClusterSpec, HeadSpec, WorkersSpec
from raytui.platforms.local import LocalPlatform, launch, machine, ports, preflight
from raytui.platforms.local.ports import Holder
from tests.unit.platforms.local.conftest import CLUSTER, DASHBOARD_PORT, RAY_PORT, World


def spec(**more: Any) -> ClusterSpec:
    return ClusterSpec(name=CLUSTER, **({"ray_port": "auto", "dashboard_port": "auto"} | more))


async def rows(world: World, **more: Any) -> dict[str, Check]:
    return {check.name: check for check in await world.platform.specs.preflight(spec(**more))}


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def machine_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "cpus", lambda: 4)
    monkeypatch.setattr(machine, "memory", lambda: 16 * 10**9)


async def test_a_machine_that_is_fit_passes_everything(world: World, machine_of: None) -> None:
    found = await rows(world)
    assert {check.status for name, check in found.items() if name not in {"gpu", "shm"}} == {"ok"}
    assert list(found) == [
        "state-dir",
        "venv",
        "ray",
        "auth",
        "cpu",
        "memory",
        "gpu",
        "ray-port",
        "dashboard-port",
        "shm",
        "temp-dir",
    ]
    assert not world.state.exists()


async def test_a_taken_port_names_its_holder_and_the_flag(world: World, listener: int) -> None:
    check = (await rows(world, ray_port=listener))["ray-port"]
    assert check.status == "fail"
    assert check.field == "ray_port"
    assert f"port {listener} is taken by process {os.getpid()} (" in check.message
    assert "python" in check.message
    assert "--ray-port auto" in check.hint


async def test_a_port_whose_holder_ends_while_it_is_looked_at_is_free(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    port, looks = server.getsockname()[1], []
    ended = await asyncio.create_subprocess_exec("true")
    await ended.wait()

    def holder(_: int) -> ports.Holder:
        looks.append(port)
        if len(looks) == 2:
            server.close()
        return ports.Holder(ended.pid, "gcs_server --…")  # as it was a moment ago

    monkeypatch.setattr(preflight, "holder", holder)
    check = (await rows(world, ray_port=port))["ray-port"]
    assert (check.status, check.message) == ("ok", f"{port} is free")


async def test_a_port_of_another_user_is_said_to_be_so(
    world: World, listener: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "holder", lambda _: ports.Holder(0, ""))
    assert (await rows(world, dashboard_port=listener))[
        "dashboard-port"
    ].message == f"port {listener} is taken by another user's process"


async def test_a_port_among_rays_worker_ports_fails(world: World) -> None:
    check = (await rows(world, dashboard_port=18265))["dashboard-port"]
    assert (check.status, check.field) == ("fail", "dashboard_port")
    assert "10002-19999" in check.message


async def test_a_port_of_the_clusters_own_head_is_fine(world: World) -> None:
    await world.running()
    found = await rows(world, ray_port=RAY_PORT, dashboard_port=DASHBOARD_PORT)
    assert (found["ray-port"].status, found["dashboard-port"].status) == ("ok", "ok")


async def test_a_port_given_to_another_cluster_fails_before_it_listens(world: World) -> None:
    await world.create(cluster="other")
    check = (await rows(world, ray_port=RAY_PORT))["ray-port"]
    assert check.status == "fail"
    assert f"port {RAY_PORT} was given to other-head" in check.message


async def test_a_missing_environment_says_how_to_make_one(world: World, tmp_path: Path) -> None:
    platform = LocalPlatform(world.state, venv=tmp_path / "none")
    (check,) = [check for check in await platform.specs.preflight(spec()) if check.status == "fail"]
    assert (check.name, check.field) == ("venv", "venv")
    assert "RAYTUI_VENV" in check.hint


async def test_an_environment_without_ray_says_how_to_get_it(world: World) -> None:
    (world.venv / "bin" / "ray").unlink()
    check = (await rows(world))["ray"]
    assert check.status == "fail"
    assert f"{world.venv}/bin/python" in check.hint
    assert f"'{preflight.ray_requirement()}'" in check.hint
    assert check.field == "venv"


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("chosen", [True, False])
async def test_without_ray_anywhere_both_places_and_the_line_that_installs_it_are_said(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool, chosen: bool
) -> None:
    own, other = tmp_path / "own", tmp_path / "home" / ".venv"
    (own / "bin").mkdir(parents=True)
    if exists:
        (other / "bin").mkdir(parents=True)
    monkeypatch.setattr(preflight.sys, "prefix", str(own))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    platform = LocalPlatform(world.state, venv=other if chosen else None)
    (check,) = [check for check in await platform.specs.preflight(spec()) if check.status == "fail"]
    assert check.message.startswith(
        f"Ray is in neither place: not in {own}, the environment that raytui runs in, and not in {other}"
    )
    assert ("RAYTUI_VENV" in check.message) is chosen
    assert ("does not exist" in check.message) is not exists
    assert "install --upgrade" not in check.hint
    assert "'ray[default]==2." in check.hint
    assert "RAYTUI_VENV" in check.hint


async def test_a_named_environment_without_ray_beside_one_that_has_it_says_so(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = world.venv
    monkeypatch.setattr(preflight.sys, "prefix", str(own))
    platform = LocalPlatform(world.state, venv=tmp_path / "none")
    (check,) = [check for check in await platform.specs.preflight(spec()) if check.status == "fail"]
    assert f"but in {own}, the environment that raytui runs in" in check.message


def test_the_line_that_installs_ray_names_the_version_of_pyproject() -> None:
    pinned = tomllib.loads((Path(__file__).resolve().parents[4] / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]["ray"]
    assert [preflight.ray_requirement()] == pinned


LISTEN = "import socket, sys, time; s = socket.socket(); s.bind(('', 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(60)"


@pytest.fixture
def held() -> Iterator[Callable[..., int]]:
    """`held(shared)`: the port of a listener that carries the mark of the head of this cluster's name in that folder."""
    children: list[subprocess.Popen[str]] = []

    def start(shared: Path, *, below: bool = False) -> int:
        mark = {"RAYTUI_APPLICATION": f"{CLUSTER}-head", "RAYTUI_APPLICATION_ID": "x", "RAYTUI_SHARED_DIR": str(shared)}
        command = [sys.executable, "-c", LISTEN]
        if below:
            # A child that lost the mark is known by who started it.
            unmarked = {name: value for name, value in os.environ.items() if name not in mark}
            child = f"import subprocess; subprocess.run({command!r}, env={unmarked!r})"
            command = [sys.executable, "-c", child]
        process = subprocess.Popen(
            command, env={**os.environ, **mark}, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        children.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield start
    for child in children:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


@pytest.mark.parametrize("below", [False, True])
async def test_a_port_held_by_the_same_cluster_of_another_state_directory_is_not_ours(
    world: World, tmp_path: Path, held: Callable[..., int], below: bool
) -> None:
    other = tmp_path / "other-state"
    port = held(other / "local" / CLUSTER, below=below)
    check = (await rows(world, ray_port=port))["ray-port"]
    assert check.status == "fail"
    assert f"belongs to {CLUSTER}-head of another raytui (state directory {other})" in check.message
    assert "--ray-port auto" in check.hint


async def test_what_is_left_of_our_own_head_is_ours(world: World, held: Callable[..., int]) -> None:
    port = held(world.shared)
    check = (await rows(world, ray_port=port))["ray-port"]
    assert (check.status, "this cluster's own head" in check.message) == ("ok", True)


async def test_another_port_than_that_of_the_living_head_is_looked_at_like_any(world: World, listener: int) -> None:
    await world.running()
    assert (await rows(world, ray_port=listener))["ray-port"].status == "fail"


@pytest.mark.parametrize(
    ("version", "status"),
    [("2.9.3", "fail"), ("2.51.9", "fail"), ("2.53.0", "warn"), ("2.54.0", "ok"), ("3.0.0", "ok")],
)
async def test_token_authentication_needs_a_new_ray(world: World, version: str, status: str) -> None:
    packages = world.venv / "lib" / "python3.11" / "site-packages"
    (packages / "ray-2.60.0.dist-info").rename(packages / f"ray-{version}.dist-info")
    assert (await rows(world))["auth"].status == status
    assert "auth" not in await rows(world, auth="disabled")


async def test_a_node_larger_than_the_machine_fails(world: World, machine_of: None) -> None:
    checks = await world.platform.specs.preflight(
        spec(head=HeadSpec(cpu=5, memory=17), workers=WorkersSpec(cpu=8, memory=32))
    )
    failed = {check.field: check for check in checks if check.status == "fail"}
    assert failed.keys() == {"head.cpu", "head.memory", "workers.cpu", "workers.memory"}
    assert failed["workers.cpu"].message == "each worker asks for 8 CPUs, the machine has 4"
    assert failed["head.cpu"].hint == "give --head-cpu 4 or less"


async def test_nodes_larger_than_the_machine_together_are_only_a_warning(world: World, machine_of: None) -> None:
    found = await rows(world, workers=WorkersSpec(count=4, cpu=2, memory=4))
    assert (found["cpu"].status, found["memory"].status) == ("warn", "warn")
    assert found["cpu"].message == "the nodes ask for 9 CPUs together, the machine has 4: they will share them"


async def test_the_size_of_workers_that_are_not_wanted_does_not_matter(world: World, machine_of: None) -> None:
    assert (await rows(world, workers=WorkersSpec(count=0, cpu=64, memory=512, gpus=8)))["cpu"].status == "ok"


@pytest.mark.parametrize(("have", "status"), [(None, "fail"), (1, "fail"), (2, "warn"), (4, "ok")])
async def test_gpus_are_counted_only_when_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch, have: int | None, status: str
) -> None:
    monkeypatch.setattr(machine, "gpus", lambda: have)
    assert (await rows(world, workers=WorkersSpec(count=2, gpus=2)))["gpu"].status == status
    assert (await rows(world))["gpu"].status == "skip"


def test_gpus_are_what_nvidia_smi_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.gpus() is None
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'GPU 0: L4'\necho 'GPU 1: L4'\n")
    program.chmod(0o755)
    assert machine.gpus() == 2
    program.write_text("#!/bin/sh\nexit 9\n")
    assert machine.gpus() is None


async def test_a_full_disk_fails_and_a_nearly_full_one_warns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(world.state.parent)
    for free, status in ((50 * 10**6, "fail"), (500 * 10**6, "warn"), (5 * 10**9, "ok")):
        values = list(real)
        values[4] = free // real.f_frsize
        monkeypatch.setattr(preflight.os, "statvfs", lambda _, values=values: os.statvfs_result(values))
        assert (await rows(world))["state-dir"].status == status


async def test_a_state_directory_below_a_file_fails(tmp_path: Path, venv: Path, temp_root: Path) -> None:
    (tmp_path / "file").write_text("")
    world = World(tmp_path / "file" / "state", venv)
    check = (await rows(world))["state-dir"]
    assert check.status == "fail"
    assert f"{tmp_path / 'file'} is a file" in check.message


async def test_a_temp_directory_too_long_for_sockets_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "TEMP_ROOT", Path("/tmp") / ("x" * 40))
    check = (await rows(world))["temp-dir"]
    assert check.status == "fail"
    assert "the limit is 107" in check.message


def test_the_real_temp_directory_leaves_room_for_rays_sockets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "TEMP_ROOT", Path("/tmp"))
    monkeypatch.setattr(os, "geteuid", lambda: 2**32 - 2)
    path = launch.temp_dir(world.root, "x" * 40)
    assert len(str(path)) + launch.SESSION_PATH <= launch.SOCKET_LIMIT


async def test_auto_ports_are_free_outside_rays_range_and_nobody_elses(world: World) -> None:
    await world.create(cluster="other")
    for _ in range(20):
        found = await world.platform.specs.resolve_ports(spec())
        assert isinstance(found.ray_port, int)
        assert isinstance(found.dashboard_port, int)
        assert len({found.ray_port, found.dashboard_port, RAY_PORT, DASHBOARD_PORT}) == 4
        assert all(
            port not in range(10002, 20000) and ports.is_free(port) for port in (found.ray_port, found.dashboard_port)
        )


async def test_auto_prefers_the_defaults_and_leaves_them_when_taken(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "is_free", lambda port: port != 8265)
    found = await world.platform.specs.resolve_ports(spec())
    assert found.ray_port == 6379
    assert found.dashboard_port in ports.CANDIDATES


async def test_given_ports_stay_and_a_living_head_keeps_its_own(world: World) -> None:
    given = spec(ray_port=26380, dashboard_port=28266)
    assert await world.platform.specs.resolve_ports(given) == given
    await world.running()
    found = await world.platform.specs.resolve_ports(spec())
    assert (found.ray_port, found.dashboard_port) == (RAY_PORT, DASHBOARD_PORT)


def test_a_port_is_free_until_somebody_listens(listener: int) -> None:
    assert not ports.is_free(listener)
    found = ports.holder(listener)
    assert found is not None
    assert found.pid == os.getpid()


def test_a_port_taken_on_ipv6_only_is_not_free() -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind(("::1", 0))
        server.listen()
        assert not ports.is_free(server.getsockname()[1])


def test_no_port_is_picked_when_all_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "is_free", lambda _: False)
    assert ports.pick(6379, ()) == 0


@pytest.mark.parametrize("port", [-1, 0, 65536, 99999, 10**9, 10**400])
async def test_a_number_that_is_no_port_is_a_failing_row_and_never_bound(world: World, port: int) -> None:
    assert not ports.is_free(port)
    assert (await rows(world, ray_port=port))["ray-port"].status == "fail"


@pytest.mark.parametrize(
    ("script", "folder", "status", "words"),
    [
        (None, False, "fail", "cannot be read: No such file"),
        ("print('my own')", False, "ok", "is there"),
        ("# runs raytui_node", False, "fail", "beside it, which is not there"),
        ("# runs raytui_node", True, "ok", "is there"),
    ],
)
def test_a_script_of_the_user_s_own_needs_the_folder_that_it_runs(
    tmp_path: Path, script: str | None, folder: bool, status: str, words: str
):
    path = tmp_path / "mine" / "head.py"
    (path.parent / "raytui_node").mkdir(parents=True)
    if script is not None:
        path.write_text(script)
    if folder:
        (path.parent / "raytui_node" / "__main__.py").write_text("pass")
    (check,) = preflight.scripts(ClusterSpec("c", head=HeadSpec(script=str(path))))
    assert (check.name, check.status) == ("head script", status)
    assert words in check.message
    reported = (check.field, as_commands(check.hint))
    assert reported == (("", "") if status == "ok" else ("head.script", f"raytui render --to {path.parent} writes it"))


def test_a_port_whose_holder_is_on_its_way_out_is_free_in_a_moment(tmp_path, monkeypatch):
    answers = iter([False, True])
    monkeypatch.setattr(preflight, "is_free", lambda _port: next(answers))
    monkeypatch.setattr(preflight, "holder", lambda _port: Holder(4711, ""))
    (_, check) = preflight.ports(tmp_path, ClusterSpec(ray_port="auto", dashboard_port=23265))
    assert (check.status, check.message) == ("ok", "23265 is free")
