"""Ray's token goes to the head's own socket and to nobody else who may listen on its dashboard port, over real sockets."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from raytui.core.errors import RaytuiError, Unreachable
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.dashboard.client import DashboardClient, connect
from raytui.platforms.local import listener, processes

from .conftest import DASHBOARD_PORT, World

NOBODY = 65534
TOKEN = {"RAY_AUTH_MODE": "token", "RAYTUI_DASHBOARD_PORT": str(DASHBOARD_PORT)}
STRANGER = """
import os, socket, sys
if int(sys.argv[2]) != os.getuid():
    os.setuid(int(sys.argv[2]))
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
sys.stdout.write("up")
sys.stdout.flush()
os.close(1)
while True:
    with server.accept()[0] as conn:
        conn.settimeout(5)
        try:
            data = conn.recv(65536)
        except OSError:
            data = b""
        sys.stderr.buffer.write(data)
        sys.stderr.flush()
        if data:
            conn.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 7\\r\\n\\r\\nsuccess")
"""


@contextmanager
def stranger(user: int) -> Iterator[subprocess.Popen[bytes]]:
    """A program of this user that listens on the dashboard's port and writes what it hears to stderr."""
    command = [sys.executable, "-I", "-c", STRANGER, str(DASHBOARD_PORT), str(user)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.read()
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def heard(process: subprocess.Popen[bytes]) -> bytes:
    process.kill()
    return process.communicate()[1]


@pytest.fixture(params=[True, False], ids=["pooled", "oneshot"])
def long_lived(request) -> bool:
    return request.param


async def all_questions(client: DashboardClient) -> list[RaytuiError]:
    failures = []
    for ask in (client.version, client.gcs_alive, client.nodes, client.jobs):
        with pytest.raises(RaytuiError) as caught:
            await ask()
        failures.append(caught.value)
    with pytest.raises(RaytuiError) as caught:
        async for _ in client.log_stream("ab", "raylet.out", 10):
            pass
    await client.close()
    return [*failures, caught.value]


async def test_the_head_s_own_dashboard_gets_the_token_and_only_where_ray_asks_for_it(
    world: World, long_lived: bool
) -> None:
    head = await world.running("head", "serves a dashboard", **TOKEN)
    target = await world.platform.dashboard(head)
    client = connect(target, long_lived=long_lived)
    assert await client.gcs_alive()
    assert (await client.version()).ray_version == "2.60.0"
    assert await client.gcs_alive()
    await client.close()
    bearer = f"Bearer {(world.shared / 'auth_token').read_text().strip()}"
    asked = (world.shared / "asked").read_text().splitlines()
    assert asked == ["/api/gcs_healthz None", f"/api/version {bearer}", "/api/gcs_healthz None"]
    assert await world.platform.dashboard(head) == target, "a console would connect anew at each look"


async def test_another_user_who_listens_on_the_dashboard_s_port_is_named_and_told_nothing(
    world: World, long_lived: bool
) -> None:
    with stranger(NOBODY) as other:
        head = await world.running("head", **TOKEN)
        failures = await all_questions(connect(await world.platform.dashboard(head), long_lived=long_lived))
        assert heard(other) == b""
    words = f"another process (pid {other.pid}, user nobody) listens on the dashboard's port {DASHBOARD_PORT}, not {head.name}"
    for error in failures:
        assert isinstance(error, Unreachable)
        assert (error.failure.layer, error.failure.reason, error.failure.conclusive) == (
            "dashboard",
            "ForeignListener",
            False,
        )
        assert words in str(error)
        assert "--dashboard-port" in error.hint


async def test_a_program_of_our_own_that_is_not_the_head_s_gets_nothing_either(world: World, long_lived: bool) -> None:
    with stranger(os.getuid()) as other:
        head = await world.running("head", **TOKEN)
        failures = await all_questions(connect(await world.platform.dashboard(head), long_lived=long_lived))
        assert heard(other) == b""
    assert all(f"another process (pid {other.pid}, " in str(error) for error in failures)


async def test_a_head_whose_launcher_has_ended_owns_no_listener(world: World, long_lived: bool) -> None:
    head = await world.running("head", **TOKEN)
    os.kill(world.pid(head), signal.SIGKILL)
    await world.reaches("failed", "head")
    with stranger(NOBODY) as other:
        await all_questions(connect(await world.platform.dashboard(head), long_lived=long_lived))
        assert heard(other) == b""


async def test_nobody_on_the_port_is_a_refused_connection_as_before(world: World, long_lived: bool) -> None:
    head = await world.running("head", **TOKEN)
    failures = await all_questions(connect(await world.platform.dashboard(head), long_lived=long_lived))
    assert {error.reason for error in failures} == {"ConnectionRefused"}


@pytest.mark.parametrize(
    "looks", [[{1}, {2}], [set(), {1}], [{1}, set()]], ids=["another socket", "nobody before", "nobody after"]
)
async def test_a_listener_that_changes_while_a_connection_is_made_is_asked_nothing(
    looks: list[set[int]], long_lived: bool
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        seen = iter(looks)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        login = {"Authorization": "Bearer secret"}
        client = connect(
            DashboardTarget(url, ray_headers=login, listener=lambda: frozenset(next(seen))), long_lived=long_lived
        )
        with pytest.raises(Unreachable, match="began to listen on") as caught:
            await client.version()
        conn = server.accept()[0]
        with conn:
            conn.settimeout(20)
            assert conn.recv(1024) == b""
        assert caught.value.reason == "ListenerChanged"
        await client.close()


def test_a_look_at_the_same_listener_again_reads_one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """`raytui status` makes a connection for each question and looks twice for each."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        own = processes.read(os.getpid())
        assert own is not None
        ask = listener.HeadListener("c-head", own.pid, own.start, server.getsockname()[1])
        first = ask()
        monkeypatch.setattr(listener, "_held", lambda *_: pytest.fail("the processes were searched again"))
        assert ask() == first == {os.fstat(server.fileno()).st_ino}
    assert ask() == frozenset()


@pytest.mark.parametrize("address", ["", "::", "::ffff:127.0.0.1"])
def test_a_listener_on_every_address_is_seen(address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.create_server((address, 0), family=family, dualstack_ipv6=":" in address) as server:
        assert listener.listening(server.getsockname()[1]) == {os.fstat(server.fileno()).st_ino: os.getuid()}


def test_a_listener_on_another_loopback_address_is_none_of_this_one() -> None:
    with socket.create_server(("127.0.0.2", 0)) as server:
        assert listener.listening(server.getsockname()[1]) == {}


def table(*rows: tuple[str, str]) -> str:
    """A table of the kernel: the port that each socket is bound to on 127.0.0.1, and its state."""
    return "  sl  local_address ...\n" + "".join(
        f"   {n}: 0100007F:{port} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 {100 + n} 1 0\n"
        for n, (port, state) in enumerate(rows)
    )


def test_the_kernels_table_is_read_only_as_far_as_its_listening_sockets(tmp_path, monkeypatch):
    kernel = tmp_path / "tcp"
    monkeypatch.setattr(listener, "_LOOPBACK", ((str(kernel), (b"0100007F",)),))
    kernel.write_text(
        table(("1F90", "0A"), ("1F91", "0A"), ("1F90", "03"), ("1F90", "0A"), ("1F90", "01")) + "not read"
    )
    assert listener.listening(0x1F90) == {100: 1000, 103: 1000}
    assert listener.listening(0x1F91) == {101: 1000}
    kernel.write_text(table(("1F91", "0A"), ("1F90", "01"), ("1F90", "0A")))
    assert listener.listening(0x1F90) == {102: 1000}
    kernel.write_text(table(("1F90", "01")))
    assert listener.listening(0x1F90) == {}
