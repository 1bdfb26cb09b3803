"""API v2 over plain HTTP: the transport that needs nothing but httpx, and the only one that can upload a file.

The vendor's client can send an upload only under the field name `file`, while the field's name is the target path.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raytui.platforms.cai.api.operations import OPERATIONS
from raytui.platforms.cai.api.transport import MAX_BODY, Answer, Endpoint, TransportError, path_of
from raytui.system.causes import causes

if TYPE_CHECKING:
    import httpx


class HttpTransport:
    """One connection pool, made at the first call (importing httpx costs 0.2 s)."""

    name = "http"

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client: httpx.AsyncClient | None = None

    async def call(
        self, operation: str, ids: Mapping[str, str], *, query: Mapping[str, str | int], body: object, timeout: float
    ) -> Answer:
        """Send one request; redirects are answers, not instructions."""
        entry = OPERATIONS[operation]
        # A POST without a body is sent as an empty object, as the vendor's client does.
        content = body if entry.body else {} if entry.method == "POST" else None
        return await self._send(entry.method, path_of(operation, ids), timeout, params=dict(query), json=content)

    async def upload(self, project_id: str, path: str, data: bytes, timeout: float) -> Answer:
        """Store a file of the project: the form field's name is the target path."""
        files = {path: (path.rpartition("/")[2], data, "application/octet-stream")}
        return await self._send("POST", path_of("UploadFile", {"project_id": project_id}), timeout, files=files)

    async def close(self) -> None:
        """Close the pool."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _send(self, method: str, path: str, timeout: float, **content: Any) -> Answer:  # Any: as httpx takes it
        import httpx

        client = self._pool()
        limits = httpx.Timeout(timeout, connect=min(timeout, self._endpoint.connect_timeout))
        try:
            async with asyncio.timeout(timeout):
                async with client.stream(
                    method, path, headers=self._endpoint.headers(), timeout=limits, **content
                ) as response:
                    chunks: list[bytes] = []
                    size = 0
                    async for chunk in response.aiter_bytes():
                        size += len(chunk)
                        if size > MAX_BODY:
                            raise TransportError("too-large")
                        chunks.append(chunk)
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return Answer(response.status_code, headers, b"".join(chunks))
        except (httpx.ConnectTimeout, httpx.PoolTimeout):
            raise TransportError("timeout", sent=False) from None
        except (TimeoutError, httpx.TimeoutException):
            raise TransportError("timeout") from None
        except httpx.ConnectError as error:
            raise connect_error(error) from None
        except httpx.TransportError as error:
            raise TransportError("lost", type(error).__name__) from None
        except httpx.DecodingError:
            raise TransportError("lost", "the answer could not be unpacked") from None

    def _pool(self) -> httpx.AsyncClient:
        if self._client is None:
            import httpx

            self._client = httpx.AsyncClient(
                base_url=self._endpoint.base,
                verify=self._endpoint.ssl_context() if self._endpoint.base.startswith("https:") else False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=16, max_keepalive_connections=16, keepalive_expiry=15.0),
            )
        return self._client


def connect_error(error: BaseException) -> TransportError:
    """Why no connection was made, from the chain of causes around the system's own error."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return TransportError("untrusted", _ssl_reason(cause), sent=False)
        if isinstance(cause, ssl.SSLError):
            return TransportError("untrusted", str(cause.reason or cause), sent=False)
        if isinstance(cause, socket.gaierror):
            return TransportError("no-address", sent=False)
        if isinstance(cause, ConnectionRefusedError):
            return TransportError("refused", sent=False)
    if any(isinstance(cause, OSError) and cause.errno for cause in causes(error)):
        return TransportError("no-route", sent=False)
    return TransportError("refused" if "refused" in str(error) else "no-route", sent=False)


def _ssl_reason(cause: BaseException) -> str:
    return getattr(cause, "verify_message", "") or "its certificate is signed by an unknown authority"
