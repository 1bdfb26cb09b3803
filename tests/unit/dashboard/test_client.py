"""Every way of not answering ends, over both transports, in the link of the chain that failed; nothing hangs, nothing leaks."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from raytui.core.errors import ConfigurationError, NotFound, RaytuiError, Unreachable
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.dashboard.client import DashboardClient, connect
from raytui.dashboard.transport import connect_limit, headers_for, proxy_for, tls_context
from tests.fakes.dashboard import FakeDashboard, recorded

TOKEN = "geheim-" + "a" * 40


@pytest.fixture(params=[True, False], ids=["pooled", "oneshot"])
def long_lived(request) -> bool:
    return request.param


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        yield running


@pytest.fixture
async def client(server, long_lived):
    made = connect(server.target, long_lived=long_lived, timeout=1.5, health_timeout=1.5)
    yield made
    await made.close()


async def failure_of(call):
    with pytest.raises(RaytuiError) as caught:
        await call
    return caught.value


async def test_every_question_reaches_its_endpoint(server, client: DashboardClient) -> None:
    assert await client.gcs_alive() is True
    assert (await client.version()).ray_version == "2.60.0"
    assert len(await client.nodes()) == 3
    assert len(await client.node_stats()) == 3
    assert (await client.usage()).resources["CPU"].total == 6.0
    assert (await client.jobs())[0].id == "lab-work2"
    assert (await client.workload.actors(limit=20_000)).total == 53
    assert {row.application for row in await client.serve()} >= {"good", "sick"}
    assert await client.events()
    assert "raylet.out" in await client.log_files("abc")
    assert (await client.log_tail("abc", "ray let.out", 20)) == recorded("logs_file.txt")
    assert "/nodes?view=summary&nocache=1" in server.queries
    assert "/api/v0/nodes?limit=10000&detail=1" in server.queries
    assert "/api/v0/actors?limit=10000&detail=1" in server.queries
    assert "/api/v0/logs/file?node_id=abc&filename=ray+let.out&lines=20" in server.queries
    assert not any("Mozilla" in headers["user-agent"] for headers in server.headers)


@pytest.mark.parametrize(
    ("fault", "layer", "reason"),
    [
        ("500", "dashboard", "ServerError"),
        ("html", "dashboard", "Garbage"),
        ("garbage", "dashboard", "Garbage"),
        ("wrong_types", "dashboard", "Garbage"),
        ("half", "dashboard", "ConnectionClosed"),
        ("half_head", "dashboard", "ConnectionClosed"),
        ("hangup", "dashboard", "ConnectionClosed"),
        ("silent", "dashboard", "NoAnswer"),
        ("not_http", "dashboard", "NotHttp"),
        ("huge", "dashboard", "TooLarge"),
        ("redirect", "login", "LoginRedirect"),
        ("login_page", "login", "LoginPage"),
        ("401", "login", "TokenMissing"),
        ("403", "login", "TokenWrong"),
        ("429", "dashboard", "Busy"),
        ("proxy_502", "application", "NothingListens"),
        ("proxy_503", "application", "NothingListens"),
    ],
)
async def test_a_fault_names_its_link(server, client, fault, layer, reason) -> None:
    server.fail(fault)
    for call in (client.nodes, client.node_stats, client.events):
        error = await failure_of(call())
        assert isinstance(error, Unreachable)
        assert (error.failure.layer, error.failure.reason) == (layer, reason), error
        assert error.failure.hint
        assert not error.failure.conclusive


async def test_hung_gcs_is_said_by_the_health_check(server, client) -> None:
    server.fail("gcs_hung")
    error = await failure_of(client.gcs_alive())
    assert (error.failure.layer, error.failure.conclusive) == ("gcs", True)
    assert "Deadline Exceeded" in str(error)
    assert (await client.version()).session_name
    assert (await failure_of(client.nodes())).failure.reason == "NoAnswer"


async def test_proxy_in_place_of_the_health_check_is_not_gcs(server, client) -> None:
    for fault in ("proxy_502", "proxy_503"):
        server.fail(fault)
        assert (await failure_of(client.gcs_alive())).failure.layer == "application"


async def test_something_else_answers_the_health_check(server, client) -> None:
    server.fail("html")
    assert (await failure_of(client.gcs_alive())).failure.layer == "dashboard"


async def test_closed_port_proves_that_nothing_listens(long_lived) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = connect(DashboardTarget(f"http://127.0.0.1:{port}"), long_lived=long_lived)
    error = await failure_of(client.gcs_alive())
    assert (error.failure.layer, error.failure.reason, error.failure.conclusive) == (
        "dashboard",
        "ConnectionRefused",
        True,
    )
    assert f"127.0.0.1:{port}" in str(error)
    await client.close()


async def test_full_backlog_is_a_connect_timeout(long_lived) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(deaf.getsockname())
            fillers.append(filler)
        client = connect(
            DashboardTarget(f"http://127.0.0.1:{deaf.getsockname()[1]}"), long_lived=long_lived, health_timeout=3.0
        )
        error = await failure_of(client.gcs_alive())
        assert (error.failure.layer, error.failure.reason) == ("network", "ConnectTimeout")
        await client.close()
        for filler in fillers:
            filler.close()


async def test_unknown_name_is_the_network(long_lived) -> None:
    client = connect(DashboardTarget("http://no-such-host.invalid:8265"), long_lived=long_lived, health_timeout=10.0)
    error = await failure_of(client.gcs_alive())
    assert error.failure.layer == "network"
    assert error.failure.reason in {"NameUnknown", "ConnectTimeout"}
    await client.close()


async def test_plain_http_behind_https_is_the_network(server, long_lived) -> None:
    client = connect(DashboardTarget(server.url.replace("http:", "https:")), long_lived=long_lived)
    assert (await failure_of(client.gcs_alive())).failure.reason == "TlsFailed"
    await client.close()


async def test_bad_ca_bundle_is_one_sentence(long_lived) -> None:
    target = DashboardTarget("https://127.0.0.1:1", ca_bundle="/nowhere/ca.pem")
    with pytest.raises(Unreachable, match=r"/nowhere/ca\.pem cannot be read") as caught:
        await connect(target, long_lived=long_lived).gcs_alive()
    assert caught.value.failure.reason == "TlsFailed"


async def test_unknown_endpoint_is_not_found(server, client) -> None:
    server.fail("404")
    assert isinstance(await failure_of(client.jobs()), NotFound)


async def test_a_server_that_knows_no_health_check_is_not_ray(server, client) -> None:
    server.fail("404")
    for call in (client.gcs_alive, client.version):
        error = await failure_of(call())
        assert (error.failure.layer, error.failure.reason) == ("dashboard", "NotRay")


async def test_ray_without_serve_has_no_deployments(server, client) -> None:
    server.statuses["/api/serve/applications/"] = (
        501,
        b'Serve dependencies are not installed. Please run `pip install "ray[serve]"`.',
    )
    assert await client.serve() == ()


async def test_missing_log_and_dead_node_are_not_found(server, client) -> None:
    async def raw(body: bytes) -> RaytuiError:
        server.faults.clear()
        server.statuses["/api/v0/logs/file"] = (500, body)
        return await failure_of(client.log_tail("n", "nope.log", 10))

    assert "A file is not found" in str(await raw(recorded("log_missing.txt")))
    error = await raw(recorded("log_dead.txt"))
    assert isinstance(error, NotFound)
    assert "doesn't exist" in str(error)


async def test_token_is_sent_and_never_shown(server, long_lived) -> None:
    server.token = TOKEN
    client = connect(server.target, long_lived=long_lived, timeout=1.5)
    assert (await client.version()).ray_version
    assert TOKEN not in repr(client)
    for fault in ("500", "redirect", "403", "silent", "hangup", "proxy_502"):
        server.fail(fault)
        error = await failure_of(client.version())
        assert TOKEN not in f"{error} {error.failure} {error.__cause__} {error.__context__}"
        assert "geheim" not in str(error)
    await client.close()


async def test_the_token_goes_only_where_ray_asks_for_it(server, long_lived) -> None:
    login = {"Authorization": f"Bearer {TOKEN}"}
    client = connect(DashboardTarget(server.url, {"X-Door": "key"}, ray_headers=login), long_lived=long_lived)
    await client.gcs_alive()
    await client.version()
    await client.close()
    assert [(one.get("authorization"), one["x-door"]) for one in server.headers] == [
        (None, "key"),
        (f"Bearer {TOKEN}", "key"),
    ]
    for path in ("/", "/static/js/main.js", "/api/authentication_mode", "/api/gcs_healthz?x=1"):
        assert "Authorization" not in headers_for(DashboardTarget("http://x", ray_headers=login), path)


async def test_missing_token_names_the_file(server, long_lived) -> None:
    server.token = TOKEN
    client = connect(DashboardTarget(server.url, token_file="/shared/auth_token"), long_lived=long_lived)
    error = await failure_of(client.nodes())
    assert error.failure.reason == "TokenMissing"
    assert "/shared/auth_token" in error.hint
    assert "RAY_AUTH_TOKEN_PATH" in error.hint
    assert await client.gcs_alive() is True
    await client.close()


async def test_slow_answers_arrive_within_the_deadline(server, client) -> None:
    server.slow["/events"] = 0.1
    assert await client.events()
    server.slow["/events"] = 30.0
    assert (await failure_of(client.events())).failure.reason == "NoAnswer"


async def test_cancelled_call_lets_go_of_its_connection(server, long_lived) -> None:
    client = connect(server.target, long_lived=long_lived, timeout=300.0)
    server.fail("silent")
    call = asyncio.create_task(client.jobs())
    await until(lambda: server.requests["/api/jobs/"] == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: server.open == 0)
    await until(lambda: not any(thread.name.startswith("GET ") for thread in threading.enumerate()))
    await client.close()


async def test_pooled_connections_are_used_again(server) -> None:
    client = connect(server.target, long_lived=True)
    for _ in range(5):
        await client.gcs_alive()
        await client.nodes()
    assert server.connections == 1
    await client.close()


async def test_a_kept_connection_that_the_server_dropped_is_opened_again(server) -> None:
    client = connect(server.target, long_lived=True)
    await client.gcs_alive()
    server.drop_idle()
    await until(lambda: server.open == 0)
    assert await client.gcs_alive() is True
    await client.close()


async def test_a_request_that_met_a_closing_connection_is_sent_once_more(server) -> None:
    client = connect(server.target, long_lived=True)
    await client.gcs_alive()
    server.fail("hangup", once=True)
    assert await client.gcs_alive() is True
    server.fail("hangup")
    assert (await failure_of(client.gcs_alive())).failure.reason == "ConnectionClosed"
    assert server.requests["/api/gcs_healthz"] == 5
    await client.close()


async def test_stream_gives_chunks_as_they_come_and_ends_when_closed(server, client) -> None:
    stream = client.log_stream("node", "raylet.out", 10)
    await server.stream.put(b"one\n")
    assert await anext(stream) == b"one\n"
    await server.stream.put(b"two\n")
    assert await anext(stream) == b"two\n"
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: server.open == 0)


async def test_stream_outlives_every_deadline_while_silent(server) -> None:
    client = connect(server.target, long_lived=True, timeout=0.05)
    stream = client.log_stream("node", "raylet.out", 10)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.wait([waiting], timeout=0.3)
    assert not waiting.done()
    await server.stream.put(b"late\n")
    assert await waiting == b"late\n"
    await stream.aclose()
    await client.close()


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "ServerError"), ("401", "TokenMissing"), ("hangup", "ConnectionClosed"), ("redirect", "LoginRedirect")],
)
async def test_stream_that_cannot_begin_says_why(server, client, fault, reason) -> None:
    server.fail(fault)
    with pytest.raises(Unreachable) as caught:
        await anext(client.log_stream("node", "raylet.out", 10))
    assert caught.value.failure.reason == reason


@pytest.mark.parametrize("size", [0, 5, 3_000_000])
async def test_a_whole_log_comes_in_parts_and_ends(server, client, size) -> None:
    server.bodies["/api/v0/logs/file"] = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    parts = [part async for part in client.log_stream("node", "raylet.out", -1, follow=False)]
    assert b"".join(parts) == server.bodies["/api/v0/logs/file"]
    await until(lambda: server.open <= 1)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("500", "ServerError"),
        ("401", "TokenMissing"),
        ("hangup", "ConnectionClosed"),
        ("half", "ConnectionClosed"),
        ("half_head", "ConnectionClosed"),
        ("redirect", "LoginRedirect"),
    ],
)
async def test_a_whole_log_that_breaks_off_is_no_log(server, client, fault, reason) -> None:
    server.fail(fault)
    with pytest.raises(Unreachable) as caught:
        _ = [part async for part in client.log_stream("node", "raylet.out", -1, follow=False)]
    assert caught.value.failure.reason == reason


async def test_who_stops_reading_a_whole_log_closes_its_connection(server, client) -> None:
    server.fail("silent")
    waiting = asyncio.create_task(anext(client.log_stream("node", "raylet.out", -1, follow=False)))
    await until(lambda: server.open == 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: server.open == 0)


def test_one_question_does_not_import_httpx() -> None:
    code = (
        "import sys, asyncio\n"
        "from raytui.core.protocols.dashboard import DashboardTarget\n"
        "from raytui.dashboard.client import connect\n"
        "client = connect(DashboardTarget('http://127.0.0.1:1'), long_lived=False)\n"
        "try:\n    asyncio.run(client.version())\nexcept Exception: pass\n"
        "print(*sorted({'httpx', 'textual', 'ray', 'psutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_second_for_a_connection() -> None:
    assert connect_limit("http://10.0.0.5:8265", 5.0) == 1.0
    assert connect_limit("https://head.example.com", 2.0) == pytest.approx(1.8)
    assert connect_limit("http://10.0.0.5:8265", 0.5) == pytest.approx(0.45)


def test_proxies_come_from_the_environment_and_never_for_near_addresses(monkeypatch) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("https://head.example.com") is None
    monkeypatch.setenv("https_proxy", "proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", ".internal.example.com")
    assert proxy_for("https://head.example.com") == "http://proxy.example.com:3128"
    assert proxy_for("https://head.internal.example.com") is None
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    for near in ("http://10.0.0.5:8265", "https://127.0.0.1:8265", "http://localhost:8265", "http://[::1]:8265"):
        assert proxy_for(near) is None
    assert proxy_for("http://head.example.com") == "http://proxy.example.com:3128"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999", "ftp://x:1", "http://", "http://exa mple:1", "", "127.0.0.1:8265", "http://x:0"]
)
def test_address_that_cannot_be_asked_is_one_sentence(long_lived, url) -> None:
    with pytest.raises(ConfigurationError, match=r"address .* cannot be used"):
        connect(DashboardTarget(url), long_lived=long_lived)


def test_ca_bundle_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/env.pem")
    with pytest.raises(Exception, match=r"/nowhere/env\.pem"):
        tls_context("")


async def until(condition, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on the other side of a socket
            await asyncio.sleep(0.005)


async def test_logs_of_serve_are_listed_where_there_is_a_folder_of_them(server, client: DashboardClient) -> None:
    await client.log_files("abc")
    assert [query for query in server.queries if "glob=" in query] == []
    server.bodies["/api/v0/logs"] = b'{"data": {"result": {"internal": ["serve/", "serve/controller_7.log"]}}}'
    assert set(await client.log_files("abc")) == {"serve/controller_7.log"}
    assert server.queries[-1] == "/api/v0/logs?node_id=abc&glob=serve%2F%2A"
