"""A node's own metrics: the figures of a real answer, of odd ones, and why there are none."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from raytui.core.errors import RaytuiError
from raytui.core.observed.node_metrics import NodeMetrics, strains
from raytui.dashboard.metrics import MOST_BYTES, parse_metrics, read_metrics
from raytui.dashboard.payloads import parse_node_stats
from tests.fakes.dashboard import FakeDashboard, recorded
from tests.unit.core.values import node

SESSION = "session_2026-11-23_17-20-26_263536_10939"
METRICS = recorded("metrics.txt")
HERE = METRICS.replace(b"10.77.0.4", b"127.0.0.1")


@pytest.fixture
async def server():
    async with FakeDashboard().serving() as running:
        running.bodies["/metrics"] = HERE
        yield running


def at(server, **more):
    return node(1, metrics_port=urlsplit(server.url).port, **more)


async def why(*asked, timeout: float = 2.0) -> tuple[str, str]:
    with pytest.raises(RaytuiError) as caught:
        await read_metrics(*asked, timeout=timeout)
    return caught.value.reason, caught.value.message


def test_the_figures_of_an_idle_head() -> None:
    assert parse_metrics(METRICS, "10.77.0.4:39401") == NodeMetrics(
        "10.77.0.4:39401",
        SESSION,
        "10.77.0.4",
        loop_lag=0.003594383,
        loop="task_io_context",
        health_checks=11,
        health_checks_late=0,
        health_check_mean=10.5 / 11 / 1000,
        memory_used=1283403776,
        memory_total=25276514304,
        shared_memory=9011200,
        objects_in_shared_memory=0,
        objects_on_disk=0,
    )
    assert list(strains(parse_metrics(METRICS, ""))) == []


def test_the_slowest_event_loop_is_told_and_objects_are_summed() -> None:
    body = b"""# TYPE ray_io_context_event_loop_lag_ms gauge
ray_io_context_event_loop_lag_ms{Name="quick",ip="10.0.0.7"} 3.5
ray_io_context_event_loop_lag_ms{Name="slow {one}, \\"odd\\"",Version="2.60.0"} 1.25e3 1795452742
ray_object_store_memory{Location="MMAP_SHM",ObjectState="SEALED"} 7
ray_object_store_memory{Location="MMAP_SHM",ObjectState="UNSEALED"} 5
ray_object_store_memory{Location="SPILLED"} 99
"""
    read = parse_metrics(body, "a")
    assert (read.loop_lag, read.loop) == (1.25, 'slow {one}, "odd"')
    assert (read.objects_in_shared_memory, read.objects_on_disk, read.ip) == (12, None, "10.0.0.7")
    assert read.memory_used is None


def test_health_checks_that_took_more_than_a_second_are_counted() -> None:
    name = b"ray_health_check_rpc_latency_ms"
    lines = [b'_bucket{le="100.0"} 5', b'_bucket{le="1000.0"} 7', b'_bucket{le="+Inf"} 10', b"_count 10", b"_sum 50000"]
    read = parse_metrics(b"\n".join(name + line for line in lines), "a")
    assert (read.health_checks, read.health_checks_late, read.health_check_mean) == (10, 3, 5.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00",
        b"ray_node_mem_used",
        b"ray_node_mem_used{ 5",
        b"ray_node_mem_used NaN",
        b"ray_node_mem_used{} -1",
        b"ray_node_mem_used +Inf",
        b"ray_node_mem_used_host 5",
        b"# ray_node_mem_used 5",
        b"<html>ray_node_mem_used</html>",
    ],
)
def test_a_line_that_says_nothing_is_no_figure(body: bytes) -> None:
    assert parse_metrics(body, "a") == NodeMetrics("a")


def test_the_port_is_told_with_the_figures_of_living_nodes() -> None:
    stats = parse_node_stats(recorded("nodes_summary.json"))
    assert {figures.metrics_port > 0 for figures in stats.values() if figures.state == "ALIVE"} == {True}


async def test_a_node_is_asked_once_and_without_a_token(server) -> None:
    read = await read_metrics(at(server), SESSION)
    assert (read.memory_total, read.address) == (25276514304, server.url.removeprefix("http://"))
    assert server.requests == {"/metrics": 1}
    assert not server.headers[0].keys() & {"authorization", "x-ray-authorization", "cookie"}


@pytest.mark.parametrize(("ip", "port"), [("127.0.0.1", 0), ("127.0.0.1", 65536), ("", 80), ("a@evil.example", 80)])
async def test_without_an_address_nothing_is_asked(ip: str, port: int) -> None:
    reported = ("NoAddress", "Ray reported no address of the metrics of ray-cluster-worker-1")
    assert await why(node(1, ip=ip, metrics_port=port), SESSION) == reported


async def test_what_cannot_be_read_is_said_in_one_sentence(server) -> None:
    place = server.url.removeprefix("http://")
    begin = f"the metrics of ray-cluster-worker-1 at {place} cannot be read: "
    for fault, end in {
        "500": "it answered with status 500",
        "html": "the answer holds none of the figures that are looked for",
        "half": "the connection ended in the middle of the answer",
        "hangup": "the connection ended in the middle of the answer",
        "not_http": "what answers does not speak HTTP",
        "huge": f"the answer is over {MOST_BYTES // 2**20} MB",
    }.items():
        server.fail(fault)
        assert (await why(at(server), SESSION))[1] == begin + end
    server.fail("silent")
    assert (await why(at(server), SESSION, timeout=0.2))[1] == f"{begin}no answer came in time"
    await server.stop()
    assert (await why(at(server), SESSION))[1] == f"{begin}nothing listens there"


async def test_another_life_and_another_node_at_the_address_are_not_believed(server) -> None:
    assert (await why(at(server), "session_of_now"))[0] == "AnotherSession"
    server.bodies["/metrics"] = METRICS
    reason, message = await why(at(server), SESSION)
    assert reason == "AnotherNode"
    assert message.endswith("what answers there is the node at 10.77.0.4")
    server.bodies["/metrics"] = HERE
    assert (await read_metrics(at(server), "")).session == SESSION
