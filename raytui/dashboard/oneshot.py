"""A transport for commands that ask once: http.client, one thread and one connection per request.

It earns its place beside httpx (`pooled`): a whole `raytui status -o json` takes 128 ms of CPU with it and 244 ms with
httpx, 84 of which are the import; the wall time on a busy machine was 296 ms against 540 ms (medians of 11 interleaved
runs, a local cluster of two nodes).

The threads are daemons and every wait is bounded by the event loop: when a call is cancelled or late its socket is shut
down, so that neither a hung dashboard nor a hung name server can keep a command from ending.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from raytui.core.protocols.dashboard import DashboardTarget
from raytui.dashboard.transport import (
    BODY_CAP,
    ERROR_CAP,
    ErrorAnswer,
    Response,
    Transport,
    TransportError,
    Trouble,
    connect_limit,
    headers_for,
    proxy_for,
    tls_context,
)
from raytui.system.threads import in_daemon_thread

WHOLE = "/api/v0/logs/file?"
"""Streams that end by themselves."""
PART = 1024 * 1024
"""Bytes of such a stream that are handed on at once."""
SOON_S = 0.2
"""Seconds after which less is handed on."""
SILENT_S = 60.0
"""Seconds without a byte after which such a stream is given up."""


class OneShotTransport(Transport):
    """HTTP through http.client."""

    def __init__(self, target: DashboardTarget, cap: int = BODY_CAP) -> None:
        """`cap` is how many bytes of an answer are read at most."""
        self._target = target
        self._cap = cap
        self._streams: Transport | None = None

    async def get(self, path: str, timeout: float) -> Response:  # noqa: D102 - see Transport
        return await self._exchange(_Exchange(self._target, path, timeout, cap=self._cap), timeout, f"GET {path[:40]}")

    async def send(self, method: str, path: str, body: bytes, timeout: float) -> Response:  # noqa: D102 - see Transport
        exchange = _Exchange(self._target, path, timeout, method, body)
        return await self._exchange(exchange, timeout, f"{method} {path[:40]}")

    async def _exchange(self, exchange: _Exchange, timeout: float, name: str) -> Response:
        try:
            async with asyncio.timeout(timeout):
                return await in_daemon_thread(exchange.run, name)
        except TimeoutError:
            raise TransportError(exchange.phase) from None
        finally:
            exchange.abort()

    async def stream(self, path: str) -> AsyncIterator[bytes]:  # noqa: D102 - see Transport
        if path.startswith(WHOLE):
            async for part in self._whole(path):
                yield part
            return
        # A followed log lives on, so here the pooled transport is worth its import.
        if self._streams is None:
            from raytui.dashboard.pooled import PooledTransport

            self._streams = PooledTransport(self._target)
        stream = self._streams.stream(path)
        try:
            async for chunk in stream:
                yield chunk
        finally:
            await stream.aclose()  # type: ignore[attr-defined] # an async generator

    async def _whole(self, path: str) -> AsyncIterator[bytes]:
        """An answer of any size in few large parts: each is a thread of its own, much cheaper than small parts."""
        exchange = _Exchange(self._target, path, SILENT_S)
        try:
            refused = await in_daemon_thread(exchange.begin, f"GET {path[:40]}")
            if refused is not None:
                raise ErrorAnswer(refused)
            while part := await in_daemon_thread(exchange.part, f"GET {path[:40]}"):
                yield part
        finally:
            exchange.abort()
            exchange.close()

    async def close(self) -> None:  # noqa: D102 - see Transport
        if self._streams is not None:
            await self._streams.close()


class _Exchange:
    """One request on one connection, run in a thread, ended from outside by `abort`."""

    def __init__(
        self,
        target: DashboardTarget,
        path: str,
        timeout: float,
        method: str = "GET",
        body: bytes | None = None,
        *,
        cap: int = BODY_CAP,
    ) -> None:
        self._cap = cap
        self._method = method
        self._body = body
        self.phase: Trouble = "connect_timeout"
        self._target = target
        self._path = path
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None
        self._answer: http.client.HTTPResponse | None = None
        self._has_come = False
        self._aborted = False

    def run(self) -> Response:
        """The answer; raises `TransportError`, and `Unreachable` when the address is not the head's any more."""
        try:
            return self._talk()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _trouble(error, self.phase) from None
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()

    def begin(self) -> Response | None:
        """Ask; answers with a page that reports an error, none when the body follows. Raises `TransportError`."""
        try:
            self._answer = answer = self._asked()
            if answer.status == 200:
                return None
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Response(answer.status, headers, answer.read(ERROR_CAP), self._target.url.rstrip("/") + self._path)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _trouble(error, self.phase) from None

    def part(self) -> bytes:
        """What comes next of the body, `PART` bytes or what came soon; nothing at its end. Raises `TransportError`."""
        answer = self._answer
        assert answer is not None
        parts, size, until = [], 0, time.monotonic() + SOON_S
        try:
            while size < PART and (read := answer.read1(PART)):
                parts.append(read)
                size += len(read)
                if time.monotonic() > until:
                    break
            if not parts and (answer.length or not (self._has_come or answer.chunked or answer.length == 0)):
                raise TransportError("closed")  # it broke off, perhaps in its header, which then says no length
            self._has_come = True
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _trouble(error, self.phase) from None
        return b"".join(parts)

    def abort(self) -> None:
        """Wake the thread out of whatever read it sits in."""
        self._aborted = True
        sock = self._connection.sock if self._connection is not None else None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _asked(self) -> http.client.HTTPResponse:
        target = self._target
        self._connection = connection = _connection(target, connect_limit(target.url, self._timeout))
        before = target.listener() if target.listener is not None else frozenset()
        connection.connect()
        if target.listener is not None and (not before or target.listener() != before):
            raise TransportError("changed")
        self.phase = "no_answer"
        if self._aborted:
            raise TransportError("no_answer")
        connection.sock.settimeout(self._timeout)
        path = urlsplit(target.url).path.rstrip("/") + self._path
        connection.request(self._method, path, self._body, headers=headers_for(target, self._path))
        return connection.getresponse()

    def _talk(self) -> Response:
        answer = self._asked()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        if answer.length is not None and answer.length > self._cap:
            raise TransportError("too_large", str(answer.length))
        # With a known length only a whole read tells half an answer from all of it; without one the cap must be kept
        # here.
        body = answer.read() if answer.length is not None else answer.read(self._cap + 1)
        if not body and answer.length is None and not answer.chunked:
            raise TransportError("closed")  # the header broke off: http.client takes its end for the end of the answer
        if len(body) > self._cap:
            raise TransportError("too_large")
        return Response(answer.status, headers, body, self._target.url.rstrip("/") + self._path)


class _Plain(http.client.HTTPConnection):
    """Plain HTTP without a proxy.

    As text a host would pass through `encodings.idna`, whose import takes 5 ms; as bytes it does not.
    """

    def connect(self) -> None:
        """Connect to the host as it is written, or by its international name."""
        if self.host.isascii():
            address = (self.host.encode(), self.port)
            self.sock = socket.create_connection(address, self.timeout)  # type: ignore[arg-type]  # takes bytes, too
        else:
            super().connect()


def _connection(target: DashboardTarget, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(target.url)
    host, port = parts.hostname or "", parts.port
    proxy = urlsplit(proxy_for(target.url) or "")
    first_host, first_port = (proxy.hostname, proxy.port) if proxy.hostname else (host, port)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = tls_context(target.ca_bundle)
        connection = http.client.HTTPSConnection(first_host, first_port, timeout=timeout, context=context)
    else:
        connection = (http.client.HTTPConnection if proxy.hostname else _Plain)(first_host, first_port, timeout=timeout)
    if proxy.hostname:
        connection.set_tunnel(host, port)
    return connection


def _trouble(error: Exception, phase: Trouble) -> TransportError:
    """Which trouble an exception of http.client or of the socket is."""
    if isinstance(error, ssl.SSLError):
        return TransportError("tls", error.reason or str(error))
    if isinstance(error, socket.gaierror):
        return TransportError("name", error.strerror or "")
    if isinstance(error, ConnectionRefusedError):
        return TransportError("refused")
    if isinstance(error, TimeoutError):
        return TransportError(phase)
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead, ConnectionError)):
        return TransportError("closed")
    if isinstance(error, OSError):
        return TransportError("route" if phase == "connect_timeout" else "closed", error.strerror or str(error))
    return TransportError("not_http", type(error).__name__)
