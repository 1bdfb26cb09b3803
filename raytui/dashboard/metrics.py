"""A node's own metrics: Prometheus text at its metrics port, which asks for no token and is sent none.

Only the few series that tell of a node's health are read of some thousand lines. What cannot be read of a line is left
out: names and labels differ from version to version of Ray.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import re
from collections import defaultdict

from raytui.core.errors import Failure, Unreachable
from raytui.core.observed.node_metrics import LATE_S, NodeMetrics
from raytui.core.observed.snapshot import Node
from raytui.core.protocols.dashboard import DashboardTarget
from raytui.core.units import sanitize
from raytui.dashboard.oneshot import OneShotTransport
from raytui.dashboard.transport import TransportError, Trouble

TIMEOUT_S = 2.0
"""How long a node may take to answer; it was measured at 74 ms."""
MOST_BYTES = 16 * 1024 * 1024
"""Bytes of an answer that are read at most; an idle head tells 334 kB, each worker process adds some."""
_LOOP_LAGS = ("ray_io_context_event_loop_lag_ms", "ray_io_context_monitor_latency_ms")
_CHECK = "ray_health_check_rpc_latency_ms"
_OBJECTS = "ray_object_store_memory"
_MEMORY = ("ray_node_mem_used", "ray_node_mem_total", "ray_node_mem_shared_bytes")
_LINE = re.compile(
    rb"^(%s)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t\r]*$"
    % b"|".join(
        name.encode()
        for name in (*_LOOP_LAGS, f"{_CHECK}_bucket", f"{_CHECK}_count", f"{_CHECK}_sum", _OBJECTS, *_MEMORY)
    ),
    re.MULTILINE,
)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r"\\(.)")
_SILENCE: dict[Trouble, str] = {
    "refused": "nothing listens there",
    "connect_timeout": "no connection could be made from here, as where nodes have a network of their own",
    "route": "there is no way from here",
    "name": "the name could not be resolved",
    "no_answer": "no answer came in time",
    "closed": "the connection ended in the middle of the answer",
    "too_large": f"the answer is over {MOST_BYTES // 1024 // 1024} MB",
    "not_http": "what answers does not speak HTTP",
}


async def read_metrics(node: Node, session: str, *, timeout: float = TIMEOUT_S) -> NodeMetrics:
    """What this node measures of itself now.

    Raises `Unreachable` where Ray reported no port of it, where nothing answers in time, and where what answers is of
    another life than `session`, Ray's name of the cluster's (empty where it is unknown), or of another node.
    """
    who = node.name or node.node_id
    if not 0 < node.metrics_port < 65536 or not _is_address(node.ip):
        raise _unreachable("NoAddress", f"Ray reported no address of the metrics of {who}")
    host = f"[{node.ip}]" if ":" in node.ip else node.ip
    address = f"{host}:{node.metrics_port}"
    what = f"the metrics of {who} at {address} cannot be read"
    transport = OneShotTransport(DashboardTarget(f"http://{address}"), MOST_BYTES)
    try:
        answer = await transport.get("/metrics", timeout)
    except TransportError as error:
        raise _unreachable("NoMetrics", f"{what}: {_SILENCE.get(error.trouble, error.trouble)}") from None
    finally:
        await transport.close()
    if answer.status != 200:
        raise _unreachable("NoMetrics", f"{what}: it answered with status {answer.status}")
    # In a thread: meanwhile keys are answered.
    metrics = await asyncio.to_thread(parse_metrics, answer.body, address)
    if session and metrics.session and metrics.session != session:
        raise _unreachable("AnotherSession", f"{what}: what answers there belongs to session {metrics.session}")
    if metrics.ip and metrics.ip != node.ip:
        raise _unreachable("AnotherNode", f"{what}: what answers there is the node at {metrics.ip}")
    if metrics == NodeMetrics(address, metrics.session, metrics.ip):
        raise _unreachable("NoMetrics", f"{what}: the answer holds none of the figures that are looked for")
    return metrics


def parse_metrics(body: bytes, address: str) -> NodeMetrics:
    """The figures of Prometheus text; a figure that no readable line tells is none."""
    lags: list[tuple[float, str]] = []
    objects: dict[str, float] = defaultdict(float)
    checks: dict[str, float] = {}
    plain: dict[str, float] = {}
    session = ip = ""
    for found in _LINE.finditer(body):
        value = _number(found[3].decode(errors="replace"))
        if value is None:
            continue
        name = found[1].decode()
        labels = _labels((found[2] or b"").decode(errors="replace"))
        session = session or sanitize(labels.get("SessionName", ""))
        ip = ip or sanitize(labels.get("ip") or labels.get("NodeAddress", ""))
        if name in _LOOP_LAGS:
            lags.append((value / 1000, sanitize(labels.get("Name", ""))))
        elif name == _OBJECTS:
            objects[labels.get("Location", "")] += value
        elif name == f"{_CHECK}_bucket":
            if _number(labels.get("le", "")) == LATE_S * 1000:
                checks["in time"] = value
        elif name.startswith(_CHECK):
            checks[name.removeprefix(f"{_CHECK}_")] = value
        else:
            plain[name] = value
    lag, loop = max(lags, default=(None, ""))
    count, in_time, total = checks.get("count"), checks.get("in time"), checks.get("sum")
    used, whole, shared = (_whole(plain.get(name)) for name in _MEMORY)
    return NodeMetrics(
        address,
        session,
        ip,
        loop_lag=lag,
        loop=loop,
        health_checks=_whole(count),
        health_checks_late=_whole(count - in_time) if count is not None and in_time is not None else None,
        health_check_mean=total / count / 1000 if total is not None and count else None,
        memory_used=used,
        memory_total=whole,
        shared_memory=shared,
        objects_in_shared_memory=_whole(objects.get("MMAP_SHM")),
        objects_on_disk=_whole(objects.get("MMAP_DISK")),
    )


def _labels(text: str) -> dict[str, str]:
    return {name: _ESCAPED.sub(lambda one: one[1], value) for name, value in _LABEL.findall(text)}


def _is_address(text: str) -> bool:
    """Whether it is an IP address, as Ray tells of every node; nothing else is asked."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _number(text: str) -> float | None:
    """A figure that says something: no negative one, none that is infinite or no number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def _whole(value: float | None) -> int | None:
    return None if value is None else max(0, round(value))


def _unreachable(reason: str, message: str) -> Unreachable:
    return Unreachable(Failure("network", reason, message))
