"""A small HTTP server on loopback that answers what Ray's dashboard answered, or fails in every way that was seen or feared.

Faults are set per path (or for all of them) while it runs; every request is counted, so that tests can hold the number
of requests.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

from raytui.core.protocols.dashboard import DashboardTarget

T = TypeVar("T")
DATA = Path(__file__).parents[2] / "data" / "ray"
Fault = Literal[
    "500",
    "html",
    "garbage",
    "wrong_types",
    "half",
    "half_head",
    "silent",
    "hangup",
    "redirect",
    "login_page",
    "401",
    "403",
    "gcs_hung",
    "proxy_502",
    "proxy_503",
    "404",
    "429",
    "not_http",
    "huge",
    "flood",
]

FILES = {
    "/api/version": "version.json",
    "/api/v0/nodes": "v0_nodes.json",
    "/nodes": "nodes_summary.json",
    "/api/cluster_status": "cluster_status.json",
    "/api/jobs/": "jobs.json",
    "/api/v0/actors": "v0_actors.json",
    "/api/v0/tasks": "v0_tasks.json",
    "/api/v0/tasks/summarize": "tasks_summarize.json",
    "/api/v0/placement_groups": "v0_placement_groups.json",
    "/api/v0/workers": "v0_workers.json",
    "/api/serve/applications/": "serve_applications.json",
    "/events": "events.json",
    "/api/v0/logs": "logs_list.json",
    "/api/v0/logs/file": "logs_file.txt",
}
HANGING = frozenset(FILES) - {"/api/version", "/events"}
"""What does not answer while GCS is hung."""
LOGIN = b"<!DOCTYPE html><html><body><form>Sign in <input type=password></form></body></html>"


def recorded(name: str) -> bytes:
    """One recorded answer of Ray 2.60."""
    return (DATA / name).read_bytes()


class FakeDashboard:
    """The server; use `serving()`."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: Counter[str] = Counter()
        self.queries: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self.open = 0
        self.faults: dict[str, Fault] = {}
        self.once = False
        self.slow: dict[str, float] = {}
        self.bodies: dict[str, bytes | Callable[[], bytes]] = {}
        self.statuses: dict[str, tuple[int, bytes]] = {}
        self.sent: list[tuple[str, str, bytes]] = []
        """Method, path and body of every request that brought one."""
        self.token = ""
        self.stream: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def target(self) -> DashboardTarget:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return DashboardTarget(url=self.url, ray_headers=headers)

    def fail(self, fault: Fault, *paths: str, once: bool = False) -> None:
        """Answer like this on these paths, or on all; `once` only to the next request."""
        self.once = once
        for path in paths or ("*",):
            self.faults[path] = fault

    def heal(self) -> None:
        """Answer well again."""
        self.faults.clear()
        self.slow.clear()
        self.once = False

    def drop_idle(self) -> None:
        """Close every open connection, as a server does with idle ones."""
        for task in self._tasks:
            task.cancel()

    @contextlib.asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Self]:
        """Listen on a port of the loopback address, a free one for 0."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Close the port and every connection."""
        if self._server is not None:
            self._server.close()
            for _ in range(3):
                # A connection that is being accepted has its task a moment later.
                await asyncio.sleep(0)
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.sleep(0)
            await self._server.wait_closed()
            self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Known from here on: a task that is cancelled before it began would close nothing."""
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            writer.close()

        task.add_done_callback(over)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while await self._answer(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        begin = await reader.readexactly(1)
        if begin == b"\x16":  # a TLS greeting
            return await _send(writer, 400, b"Bad Request")
        head = (begin + await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        parts = urlsplit(first.split()[1])
        path = parts.path
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
            self.sent.append((first.split()[0], path, body))
        self.requests[path] += 1
        self.queries.append(first.split()[1])
        self.headers.append(headers)
        if path in self.slow:
            await _or_gone(asyncio.sleep(self.slow[path]), reader)
        fault = self.faults.get(path) or self.faults.get("*")
        if fault is not None and self.once:
            self.heal()
        if fault == "gcs_hung" and path in HANGING:
            await _or_gone(asyncio.Event().wait(), reader)
        if fault is not None and not (fault == "gcs_hung" and path != "/api/gcs_healthz"):
            return await self._fail(fault, reader, writer)
        status = self._status(path, parse_qs(parts.query))
        if status is not None:
            return await _send(writer, *status)
        if path == "/api/authentication_mode":
            mode = "token" if self.token else "disabled"
            return await _send(
                writer, 200, f'{{"authentication_mode": "{mode}"}}'.encode(), "application/json; charset=utf-8"
            )
        public = path == "/api/gcs_healthz"
        if self.token and not public and headers.get("authorization") != f"Bearer {self.token}":
            word = (
                "Forbidden: Invalid authentication token"
                if "authorization" in headers
                else "Unauthorized: Missing authentication token"
            )
            return await _send(writer, 403 if "authorization" in headers else 401, word.encode())
        if path == "/api/v0/logs/stream":
            await self._stream(reader, writer)
            return False
        if path == "/api/gcs_healthz":
            return await _send(writer, 200, b"success", "application/text; charset=utf-8")
        body = self._body(path, parse_qs(parts.query))
        if body is None:
            return await _send(writer, 404, b"404: Not Found")
        return await _send(
            writer, 200, body, "text/plain" if path.endswith("/file") else "application/json; charset=utf-8"
        )

    def _status(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes] | None:
        return self.statuses.get(path)

    def _body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        body = self.bodies.get(path)
        if callable(body):
            return body()
        if body is not None:
            return body
        return recorded(FILES[path]) if path in FILES else None

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
        while (chunk := await _or_gone(self.stream.get(), reader)) is not None:
            writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async def _fail(self, fault: Fault, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        simple: dict[str, tuple[int, bytes, str]] = {
            "500": (500, b"500 Internal Server Error\n\nServer got itself in trouble", "text/plain; charset=utf-8"),
            "html": (200, b"<html><body>It works!</body></html>", "text/html"),
            "garbage": (200, b'{"result": tru\xff', "application/json"),
            "wrong_types": (
                200,
                b'{"result": true, "data": {"result": {"result": [{"node_id": ["a"]}]}, "summary": 3, "events": 1}}',
                "application/json",
            ),
            "login_page": (200, LOGIN, "text/html; charset=utf-8"),
            "401": (401, b"Unauthorized: Missing authentication token", "text/plain; charset=utf-8"),
            "403": (403, b"Forbidden: Invalid authentication token", "text/plain; charset=utf-8"),
            "gcs_hung": (503, b"Health check failed: RPC error: Deadline Exceeded", "text/plain; charset=utf-8"),
            "404": (404, b"404: Not Found", "text/plain"),
            "429": (
                429,
                b'{"result": false, "msg": "Max number of in-progress requests=3 reached."}',
                "application/json",
            ),
        }
        if fault in simple:
            return await _send(writer, *simple[fault])
        if fault == "proxy_502":
            return await _send(
                writer, 502, b"<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html", server="nginx"
            )
        if fault == "proxy_503":
            return await _send(writer, 503, b"no healthy upstream", server="envoy")
        if fault == "redirect":
            writer.write(
                b"HTTP/1.1 302 Found\r\nLocation: https://sso.example.com/login?ticket=geheim\r\nContent-Length: 0\r\n\r\n"
            )
            return True
        if fault == "flood":
            # 80 MB of JSON that is whole, chunk by chunk, so that no length warns of it.
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in (b'{"result": true, "msg": "', *[b"x" * 1_000_000] * 80, b'"}'):
                writer.write(b"%x\r\n" % len(part) + part + b"\r\n")
                await writer.drain()
            writer.write(b"0\r\n\r\n")
            return True
        if fault == "silent":
            await _or_gone(asyncio.Event().wait(), reader)
        wire = {
            "half": b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"result": true, "data"',
            "half_head": b"HTTP/1.1 200 OK\r\nContent-Ty",
            "hangup": b"",
            "not_http": b"220 mail.example.com ESMTP ready\r\n\r\n",
            "huge": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n[",
        }[fault]
        writer.write(wire)
        await writer.drain()
        return False


async def _or_gone(waiting: Awaitable[T], reader: asyncio.StreamReader) -> T:
    """Wait, but notice when the client has hung up, as Ray's server does."""
    work = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ConnectionResetError
        return work.result()
    finally:
        for task in (work, gone):
            task.cancel()
        await asyncio.wait({work, gone})


async def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: bytes,
    kind: str = "text/plain; charset=utf-8",
    server: str = "Python/3.11 aiohttp/3.14.5",
) -> bool:
    head = (
        f"HTTP/1.1 {status} Whatever\r\nServer: {server}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode())
    writer.write(body)
    await writer.drain()
    return True


def many_nodes(count: int) -> tuple[bytes, bytes]:
    """`/api/v0/nodes` and `/nodes` of a cluster of `count` nodes."""
    ids = [f"{index:056x}" for index in range(count)]
    rows = [
        {
            "node_id": node,
            "node_ip": "127.0.0.1",
            "is_head_node": index == 0,
            "state": "ALIVE",
            "node_name": f"n{index}",
            "resources_total": {"CPU": 1.0},
            "start_time_ms": 1795452488855 + index,
        }
        for index, node in enumerate(ids)
    ]
    summary = [
        {"now": 1795452792.5, "cpu": 10.0, "mem": [100, 60, 40.0, 40], "raylet": {"nodeId": node, "state": "ALIVE"}}
        for node in ids
    ]
    nodes = {"result": True, "data": {"result": {"total": count, "result": rows}}}
    return msgspec.json.encode(nodes), msgspec.json.encode({"data": {"summary": summary}})


def every_path() -> Iterator[str]:
    """The paths of a full round of a cluster in which work waits."""
    yield from ("/api/gcs_healthz", "/api/version", "/api/v0/nodes", "/nodes", "/api/cluster_status", "/api/jobs/")
    yield from ("/api/v0/actors", "/api/serve/applications/", "/events", "/api/v0/tasks", "/api/v0/placement_groups")
