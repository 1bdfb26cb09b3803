"""API v2 through the vendor's own client, `cmlapi`: it builds the requests, its answers are taken raw.

What the client itself would do is undone in one place: it follows redirects (a login page would pass for an answer),
retries by itself, has no deadline, prints warnings to the terminal, and raises an error that loses the answer with
newer urllib3.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from raytui.platforms.cai.api.http import connect_error
from raytui.platforms.cai.api.operations import OPERATIONS
from raytui.platforms.cai.api.transport import MAX_BODY, Answer, Endpoint, TransportError
from raytui.system.threads import in_daemon_thread

_AT_ONCE = 16


class VendorUnusable(Exception):
    """`cmlapi` is missing or is not the client that this transport knows."""


class _Raw:
    """What the vendor's client sees of an answer: enough to decide between returning and raising."""

    def __init__(self, answer: Answer) -> None:
        self.status = answer.status
        self.reason = ""
        self.data = answer.body

    def getheaders(self) -> dict[str, str]:
        return {}

    def getheader(self, _name: str, default: str | None = None) -> str | None:
        return default


class VendorTransport:
    """`cmlapi.CMLServiceApi` in threads, so that a slow answer never blocks the event loop."""

    name = "cmlapi"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._local = threading.local()
        self._client, self._service, self._failure = _connect(endpoint)
        pool = self._client.rest_client.pool_manager
        self._request = pool.request
        pool.request = self._capture
        self._gate = asyncio.Semaphore(_AT_ONCE)

    async def call(
        self, operation: str, ids: Mapping[str, str], *, query: Mapping[str, str | int], body: object, timeout: float
    ) -> Answer:
        """Send one request through the vendor's method of this operation."""
        entry = OPERATIONS[operation]
        arguments = [*([body] if entry.body else []), *(ids[name] for name in entry.ids)]
        connect = min(timeout, self._endpoint.connect_timeout)
        options: dict[str, object] = {**query, "_preload_content": False, "_request_timeout": (connect, timeout)}
        try:
            # The client's own deadline counts from each packet; this one is for the whole answer.
            async with self._gate, asyncio.timeout(timeout + 0.5):
                return await in_daemon_thread(lambda: self._blocking(entry.vendor, arguments, options), "cmlapi")
        except TimeoutError:
            raise TransportError("timeout") from None

    async def close(self) -> None:
        """Let go of idle connections; a request that nobody waits for any more ends by its own deadline."""
        self._client.rest_client.pool_manager.clear()
        with contextlib.suppress(AttributeError):
            self._client.pool.close()

    def _blocking(self, method: str, arguments: list[object], options: dict[str, object]) -> Answer:
        self._client.set_default_header("authorization", self._endpoint.headers()["Authorization"])
        self._local.answer = None
        # The vendor's error is raised for every status but 2xx; the answer it was raised for is at hand already.
        with contextlib.suppress(self._failure):
            getattr(self._service, method)(*arguments, **options)
        answer: Answer | None = self._local.answer
        if answer is None:
            raise TransportError("lost", "the vendor's client gave no answer")
        return answer

    def _capture(self, method: str, url: str, **options: object) -> _Raw:
        import urllib3.exceptions as lost

        options.update(redirect=False, retries=False, preload_content=False)
        try:
            response = self._request(method, url, **options)
            try:
                self._local.answer = answer = _read(response)
            finally:
                response.release_conn() if response.isclosed() else response.close()
        except lost.SSLError as error:
            raise connect_error(error) from None
        except lost.ConnectTimeoutError as error:
            # Older versions of urllib3 make a refused connection a kind of time-out.
            raise (
                connect_error(error)
                if isinstance(error, lost.NewConnectionError)
                else TransportError("timeout", sent=False)
            ) from None
        except lost.NewConnectionError as error:
            raise connect_error(error) from None
        except lost.TimeoutError:
            raise TransportError("timeout") from None
        except (lost.HTTPError, OSError) as error:
            raise TransportError("lost", type(error).__name__) from None
        return _Raw(answer)


# Any, here and below: the vendor's client has no types, and each workbench serves its own version of it.
def _read(response: Any) -> Answer:
    """The whole body; a body that is shorter than announced is a lost answer."""
    body: bytes = response.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        raise TransportError("too-large")
    headers = {name.lower(): value for name, value in response.headers.items()}
    announced = headers.get("content-length", "")
    if announced.isdigit() and "content-encoding" not in headers and len(body) < int(announced):
        raise TransportError("lost", "the answer was cut off")
    return Answer(int(response.status), headers, body)


def _connect(endpoint: Endpoint) -> tuple[Any, Any, type[Exception]]:
    try:
        import cmlapi
        from cmlapi.rest import ApiException

        configuration = cmlapi.Configuration()
        configuration.host = endpoint.base
        configuration.connection_pool_maxsize = _AT_ONCE
        host = urlsplit(endpoint.base)
        if not proxy_bypass(host.hostname or ""):
            configuration.proxy = getproxies().get(host.scheme)
        _silence(configuration)
        client = cmlapi.ApiClient(configuration)
        pool = client.rest_client.pool_manager
        if endpoint.base.startswith("https:"):
            pool.connection_pool_kw.pop("ca_certs", None)
            pool.connection_pool_kw["ssl_context"] = endpoint.ssl_context()
        client.user_agent = "raytui"
        return client, cmlapi.CMLServiceApi(client), ApiException
    except (ImportError, AttributeError, TypeError) as error:
        raise VendorUnusable(f"{type(error).__name__}: {error}") from None


def _silence(configuration: Any) -> None:
    """Take away the handlers that the client puts on its loggers.

    They would write to stderr, and so into the console.
    """
    for logger in configuration.logger.values():
        if isinstance(logger, logging.Logger) and configuration.logger_stream_handler is not None:
            logger.removeHandler(configuration.logger_stream_handler)
            logger.addHandler(logging.NullHandler())
