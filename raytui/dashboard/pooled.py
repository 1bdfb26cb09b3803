"""A transport for long-lived callers: httpx with keep-alive, and streams that never keep a poll waiting."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import cast

import httpcore
import httpx

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
from raytui.system.causes import causes

STREAM_CONNECT_S = 5.0
"""How long a log stream may take to begin to connect."""


class PooledTransport(Transport):
    """HTTP through httpx."""

    def __init__(self, target: DashboardTarget) -> None:
        self._target = target
        self._base = target.url.rstrip("/")
        verify = tls_context(target.ca_bundle) if self._base.startswith("https:") else False
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=30.0)
        # Ray's server lets go of idle connections after 75 s; ours go first, so that a poll does not meet a closed one.
        self._client = httpx.AsyncClient(verify=verify, trust_env=False, proxy=proxy_for(self._base), limits=limits)

    async def get(self, path: str, timeout: float) -> Response:  # noqa: D102 - see Transport
        try:
            async with asyncio.timeout(timeout):
                try:
                    return await self._get(path, timeout)
                except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                    # A kept connection may be closed by the server just as a request sets out on it; reading twice
                    # harms nothing.
                    if isinstance(error, httpx.RemoteProtocolError) and "without sending" not in str(error):
                        raise
                    return await self._get(path, timeout)
        except TimeoutError:
            raise TransportError("no_answer") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _trouble(error) from None

    async def send(self, method: str, path: str, body: bytes, timeout: float) -> Response:  # noqa: D102 - see Transport
        try:
            async with asyncio.timeout(timeout):
                return await self._get(path, timeout, method, body)
        except TimeoutError:
            raise TransportError("no_answer") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _trouble(error) from None

    async def _get(self, path: str, timeout: float, method: str = "GET", body: bytes | None = None) -> Response:
        limits = httpx.Timeout(timeout, connect=connect_limit(self._base, timeout))
        async with self._asked(path, limits, method, body) as answer:
            if int(answer.headers.get("content-length", "0")) > BODY_CAP:
                raise TransportError("too_large")
            read = bytearray()
            async for chunk in answer.aiter_raw():
                read += chunk
                if len(read) > BODY_CAP:
                    raise TransportError("too_large")
            # Not copied: for 17 MB that would hold up the event loop for longer than all reading does.
            return _response(answer, cast("bytes", read))

    async def stream(self, path: str) -> AsyncIterator[bytes]:  # noqa: D102 - see Transport
        limits = httpx.Timeout(None, connect=STREAM_CONNECT_S)
        try:
            async with self._asked(path, limits) as answer:
                if answer.status_code != 200:
                    raise ErrorAnswer(_response(answer, await _some(answer)))
                async for chunk in answer.aiter_raw():
                    yield chunk
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise _trouble(error) from None

    async def close(self) -> None:  # noqa: D102 - see Transport
        await self._client.aclose()

    def _asked(
        self, path: str, limits: httpx.Timeout, method: str = "GET", content: bytes | None = None
    ) -> AbstractAsyncContextManager[httpx.Response]:
        """A request with the check of whoever a new connection leads to; a kept one was checked when it was made."""
        trace = {} if self._target.listener is None else {"trace": _Peer(self._target.listener)}
        headers = headers_for(self._target, path)
        return self._client.stream(
            method, self._base + path, content=content, timeout=limits, headers=headers, extensions=trace
        )


class _Peer:
    """httpcore tells it of each step of a request; what it raises ends the request before anything is sent."""

    def __init__(self, listener: Callable[[], frozenset[int]]) -> None:
        self._listener = listener
        self._before: frozenset[int] = frozenset()

    async def __call__(self, step: str, info: Mapping[str, object]) -> None:
        if step == "connection.connect_tcp.started":
            self._before = await asyncio.to_thread(self._listener)
        elif step == "connection.connect_tcp.complete":
            unproven = True
            try:
                after = await asyncio.to_thread(self._listener)
                unproven = not after or after != self._before
            finally:
                if unproven:
                    stream = info["return_value"]
                    assert isinstance(stream, httpcore.AsyncNetworkStream)
                    await stream.aclose()
            if unproven:
                raise TransportError("changed")


async def _some(answer: httpx.Response) -> bytes:
    """The beginning of an error's body, as far as it comes in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(STREAM_CONNECT_S):
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) >= ERROR_CAP:
                    break
    except TimeoutError:
        pass
    return bytes(body)


def _response(answer: httpx.Response, body: bytes) -> Response:
    return Response(
        answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, body, str(answer.url)
    )


def _trouble(error: Exception) -> TransportError:
    """Which trouble an exception of httpx is."""
    if isinstance(error, httpx.ConnectTimeout):
        return TransportError("connect_timeout")
    if isinstance(error, httpx.TimeoutException):
        return TransportError("no_answer")
    if isinstance(error, (httpx.ConnectError, httpx.ProxyError)):
        chain = list(causes(error))
        kinds: tuple[tuple[type[Exception], Trouble], ...] = (
            (ssl.SSLError, "tls"),
            (socket.gaierror, "name"),
            (ConnectionRefusedError, "refused"),
        )
        for kind, trouble in kinds:
            found = next((cause for cause in chain if isinstance(cause, kind)), None)
            if found is not None:
                return TransportError(
                    trouble, str(getattr(found, "reason", None) or getattr(found, "strerror", None) or "")
                )
        return TransportError("route", str(error))
    if isinstance(error, httpx.RemoteProtocolError) and not _ended_early(error):
        return TransportError("not_http", str(error))
    if isinstance(error, httpx.TransportError):
        return TransportError("closed")
    return TransportError("not_http", type(error).__name__)


def _ended_early(error: Exception) -> bool:
    return any(
        words in str(error) for words in ("without sending", "closed connection", "ended prematurely", "incomplete")
    )
