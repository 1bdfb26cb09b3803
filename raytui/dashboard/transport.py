"""What the client needs of HTTP, and the few ways in which it can fail, so that two transports can serve one client.

`oneshot` reads through http.client because a single status must not pay 190 ms for importing httpx; `pooled` keeps
connections alive for a console that lives on.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from raytui.system import trust

if TYPE_CHECKING:
    import ssl

    from raytui.core.protocols.dashboard import DashboardTarget

BODY_CAP = 64 * 1024 * 1024
"""Bytes of an answer that are read at most; 1,000 nodes with 32 workers each were measured at 32 MB."""
ERROR_CAP = 65536
"""Bytes that are read of an answer that reports an error on a stream."""
USER_AGENT = "raytui"
"""Never a browser's: Ray answers 405 to those."""

PUBLIC = frozenset(
    [
        "/",
        "/favicon.ico",
        "/api/authentication_mode",
        "/api/authenticate",
        "/api/healthz",
        "/api/gcs_healthz",
        "/api/local_raylet_healthz",
    ]
)
"""What Ray answers without its token (2.60): these paths, and all below /static/."""

Trouble = Literal[
    "refused", "connect_timeout", "name", "route", "tls", "no_answer", "closed", "too_large", "not_http", "changed"
]


class Response(msgspec.Struct, frozen=True):
    """One whole answer."""

    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    url: str


class TransportError(Exception):
    """No answer came; `trouble` says at which point it ended, `detail` adds the system's own words."""

    def __init__(self, trouble: Trouble, detail: str = "") -> None:
        super().__init__(f"{trouble}: {detail}")
        self.trouble: Trouble = trouble
        self.detail = detail


class ErrorAnswer(Exception):
    """A stream was answered with something other than 200."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"status {response.status}")
        self.response = response


class Transport(Protocol):
    """HTTP on one dashboard. Redirects are answers, never followed: they lead to login pages."""

    async def get(self, path: str, timeout: float) -> Response:
        """The answer within `timeout` seconds; raises `TransportError`."""
        ...

    async def send(self, method: str, path: str, body: bytes, timeout: float) -> Response:
        """The answer to a POST or PUT within `timeout` seconds, sent once; raises `TransportError`.

        Without an answer it is not known whether it was received.
        """
        ...

    def stream(self, path: str) -> AsyncIterator[bytes]:
        """The body as it comes, without a limit of time once it has begun.

        Raises `TransportError` and `ErrorAnswer`.
        """
        ...

    async def close(self) -> None:
        """Let go of connections; calls in flight end."""
        ...


def headers_for(target: DashboardTarget, path: str) -> dict[str, str]:
    """The headers of a request: Ray's token is among them only where Ray asks for it."""
    bare = path.partition("?")[0]
    public = bare in PUBLIC or bare.startswith("/static/")
    return {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
        **target.headers,
        **({} if public else target.ray_headers),
    }


def connect_limit(url: str, timeout: float) -> float:
    """Seconds that a connection may take: one, so that a vanished host is named in time.

    Https needs several round trips more.
    """
    return 0.9 * timeout if url.startswith("https:") else min(1.0, 0.9 * timeout)


def problem_of(url: str) -> str:
    """What is wrong with a dashboard's address, empty when it can be asked."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in {"http", "https"}:
        return "it does not begin with http:// or https://"
    if not parts.hostname or any(letter.isspace() for letter in url):
        return "it names no host"
    return "port 0 cannot be asked" if port == 0 else ""


def is_near(url: str) -> bool:
    """Whether the address is this machine or a bare IP address.

    That is a head inside the cluster's network, where no proxy leads.
    """
    host = urlsplit(url).hostname or ""
    return host == "localhost" or ":" in host or host.replace(".", "").isdigit()


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for an address (https_proxy, no_proxy and their kin), as a URL.

    None for near ones.
    """
    if is_near(url) or not any(name.lower() in {"http_proxy", "https_proxy", "all_proxy"} for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(url)
    proxies = getproxies()
    if proxy_bypass(parts.netloc):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return None if not proxy else proxy if "://" in proxy else f"http://{proxy}"


def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """The system's authorities and those of the bundle (see `raytui.system.trust`).

    Raises `TransportError` when that cannot be read.
    """
    try:
        return trust.tls_context(ca_bundle)
    except trust.UnreadableBundle as error:
        raise TransportError("tls", str(error)) from None
