"""The client, the monitor and the logs against a real head: what was recorded is still what Ray answers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raytui.core.conditions import assess
from raytui.core.errors import NotFound, Unreachable
from raytui.core.observed.snapshot import LauncherReport
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.dashboard.client import DashboardClient, connect
from raytui.logs.engine import Logs
from raytui.manager.monitor import Monitor
from raytui.manager.readings import VERDICT
from tests.fakes.platform import FakePlatform, application

pytestmark = pytest.mark.real
RAY = Path(sys.prefix) / "bin" / "ray"
TOKEN = "t" * 64
NAME = "dash-head"


@pytest.fixture(scope="module")
def head() -> Iterator[tuple[subprocess.Popen[bytes], DashboardTarget]]:
    """A head of our own on ports of its own, ended by its pid."""
    folder = Path(tempfile.mkdtemp(prefix="rtd-", dir="/tmp"))
    token_file = folder / "token"
    token_file.write_text(TOKEN)
    gcs, dashboard, client, agent = free_ports(4)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY")}
    environment |= {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file),
        "PATH": f"{RAY.parent}:{os.environ['PATH']}",
        "AUTOSCALER_METRIC_PORT": str(free_ports(1)[0]),
        "DASHBOARD_METRIC_PORT": str(free_ports(1)[0]),
        # Ray looks every 15 and every 5 s; the first look comes before there is anything to see.
        "NODE_STATS_UPDATE_INTERVAL_SECONDS": "1",
        "REPORTER_UPDATE_INTERVAL_MS": "1000",
    }
    command = [
        str(RAY),
        "start",
        "--head",
        "--port",
        str(gcs),
        "--dashboard-port",
        str(dashboard),
        "--ray-client-server-port",
        str(client),
        "--dashboard-agent-listen-port",
        str(agent),
        "--num-cpus",
        "1",
        "--num-gpus",
        "0",
        "--memory",
        "1000000000",
        "--object-store-memory",
        "80000000",
        "--resources",
        '{"my_res": 3}',
        "--temp-dir",
        str(folder / "r"),
        "--node-name",
        NAME,
        "--block",
    ]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    target = DashboardTarget(
        f"http://127.0.0.1:{dashboard}", {"Authorization": f"Bearer {TOKEN}"}, token_file=str(token_file)
    )
    try:
        asyncio.run(answering(process, target))
        yield process, target
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(40)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        subprocess.run(["rm", "-rf", str(folder)], check=False)


async def answering(process: subprocess.Popen[bytes], target: DashboardTarget) -> None:
    """Until the head's node is alive, sampled and accounted for."""
    client = connect(target, long_lived=True)
    deadline = time.monotonic() + 120
    while not await is_complete(client):
        assert process.poll() is None, "ray start ended"
        assert time.monotonic() < deadline, "the head did not become alive within 120 s"
        await asyncio.sleep(0.3)
    await client.close()


async def is_complete(client: DashboardClient) -> bool:
    try:
        sampled = any(
            node.cpu_percent is not None and node.object_store_total for node in (await client.node_stats()).values()
        )
        return await client.gcs_alive() and sampled and bool((await client.usage()).resources)
    except (Unreachable, NotFound):
        return False


@pytest.fixture
async def client(head):
    made = connect(head[1], long_lived=True)
    yield made
    await made.close()


@pytest.fixture
async def watched(head, client):
    """A platform that lists the head, and the monitor over both."""
    app = application("head", cluster="dash", launcher=LauncherReport(state="alive"))
    platform = FakePlatform([app], head[1])
    monitor = Monitor(platform, lambda target: connect(target, long_lived=True), cluster="dash", profile="local")
    yield platform, monitor
    await monitor.close()


async def test_one_round_is_ok_and_complete(watched) -> None:
    _, monitor = watched
    snapshot = await monitor.observe(VERDICT | {"actors"})
    judged = assess(snapshot)
    assert (judged.phase, judged.verdict, judged.broken) == ("running", "ok", None), judged
    (node,) = snapshot.nodes.value
    assert (node.name, node.state, node.is_head) == (NAME, "ALIVE", True)
    assert node.started_at > 1_700_000_000
    assert node.memory_total > node.memory_used > 0
    assert node.object_store_total == 80_000_000
    assert node.resources["my_res"] == 3.0
    assert snapshot.version.value.ray_version.startswith("2.60")
    assert snapshot.usage.value.resources["my_res"].total == 3.0
    assert snapshot.usage.value.resources["CPU"].total == 1.0
    assert (snapshot.jobs.value, snapshot.serve.value) == ((), ())
    for reading in (snapshot.actors, snapshot.events):
        assert reading.failure is None


async def test_custom_resource_keeps_its_name_in_the_use(client: DashboardClient) -> None:
    usage = await client.usage()
    assert usage.resources["my_res"].total == 3.0
    assert not any(":" in name or "Group" in name for name in usage.resources)


async def test_one_shot_reads_the_same(head, client) -> None:
    single = connect(head[1], long_lived=False)
    assert await single.version() == await client.version()
    assert [node.node_id for node in await single.nodes()] == [node.node_id for node in await client.nodes()]
    await single.close()


@pytest.mark.parametrize(
    ("headers", "reason"), [({}, "TokenMissing"), ({"Authorization": "Bearer wrong"}, "TokenWrong")]
)
async def test_token_missing_or_wrong(head, client, headers, reason) -> None:
    single = connect(DashboardTarget(head[1].url, headers, token_file="/x/token"), long_lived=False)
    assert await single.gcs_alive() is True
    with pytest.raises(Unreachable) as caught:
        await single.nodes()
    assert (caught.value.failure.layer, caught.value.failure.reason) == ("login", reason)
    await single.close()


async def test_logs_are_listed_read_and_followed(watched) -> None:
    platform, monitor = watched
    logs = Logs(platform, lambda target: connect(target, long_lived=True))
    snapshot = await monitor.observe()
    sources = {source.name: source for source in await logs.sources(snapshot)}
    assert {"head", "head/raylet.out", "head/gcs_server.out", "head/dashboard.log"} <= set(sources)
    lines = await logs.read(sources["head/raylet.out"], 20)
    assert 0 < len(lines) <= 20
    follow = logs.follow(sources["head/raylet.out"], 5)
    async with asyncio.timeout(30):
        batch = await anext(follow)
    assert 0 < len(batch) <= 500
    await follow.aclose()
    await logs.close()


async def test_missing_log_is_not_found(client: DashboardClient) -> None:
    (node,) = await client.nodes()
    with pytest.raises(NotFound, match="no such log"):
        await client.log_tail(node.node_id, "nope.log", 5)


def test_a_ray_that_somebody_started_by_hand_is_watched_by_its_address(head, tmp_path) -> None:
    _, target = head
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("RAY", "CML_", "CDSW_"))}
    environment = {
        **clean,
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PATH": f"{RAY.parent}:{clean['PATH']}",
        "RAYTUI_STATE_DIR": str(tmp_path),
    }

    def raytui(*words: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "raytui", "--address", target.url, *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    refused = json.loads(raytui("status", "-o", "json"))
    assert (refused["verdict"], refused["broken_link"]["layer"]) == ("unknown", "login")
    environment["RAY_AUTH_TOKEN_PATH"] = target.token_file
    status = json.loads(raytui("status", "-o", "json"))
    assert (status["verdict"], status["nodes"], status["head"]["node_state"]) == (
        "ok",
        {"alive": 1, "dead": 0},
        "ALIVE",
    )
    assert status["links"]["platform"] == status["links"]["application"] == "unchecked"
    assert [node["name"] for node in json.loads(raytui("nodes", "-o", "json"))["items"]] == [NAME]
    assert raytui("logs", "head", "-n", "5")
    raytui("stop", "--yes", code=8)
    lines = raytui("env")
    assert TOKEN not in lines
    assert "export RAY_AUTH_MODE=token" in lines
    # Ray's own tool finds the cluster by it, and its exit code is passed on.
    listed = raytui("exec", "ray", "list", "nodes", "--format", "json")
    assert [node["node_name"] for node in json.loads(listed[listed.index("[") :])] == [NAME]
    raytui("exec", "--", "ray", "list", "nothing-like-this", code=2)


async def test_hung_gcs_is_named_within_the_health_checks_deadline(head, watched) -> None:
    process, _ = head
    _, monitor = watched
    await monitor.observe(())
    gcs = next(pid for pid in descendants(process.pid) if "gcs_server" in program(pid))
    os.kill(gcs, signal.SIGSTOP)
    try:
        async with asyncio.timeout(10):
            snapshot = await monitor.observe()
    finally:
        os.kill(gcs, signal.SIGCONT)
    assert assess(snapshot).broken.layer == "gcs"
    assert snapshot.version.value is not None
    async with asyncio.timeout(60):
        while (await monitor.observe(())).gcs.value is not True:  # noqa: ASYNC110 - Ray has to recover
            await asyncio.sleep(0.2)


def descendants(pid: int) -> set[int]:
    """Every process below one of ours."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def program(pid: int) -> str:
    """What a process runs."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()


def free_ports(count: int) -> list[int]:
    """Free ports outside Ray's worker range."""
    found: list[int] = []
    candidate = 21000 + os.getpid() % 4000
    while len(found) < count:
        candidate += 7
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)):
                found.append(candidate)
    return found
